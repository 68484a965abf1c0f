/* Recording: leaves, nodes, values. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "graph/graph_internal.h"

mt_status mt_graph_new(bool training, struct mt_graph **out,
                       struct mt_err *err)
{
    struct mt_graph *g = calloc(1, sizeof *g);

    if (!g)
        return mt_fail_memory(err);
    g->training = training;
    g->layer = "";
    g->one = 1;
    *out = g;
    return MT_OK;
}

void mt_graph_free(struct mt_graph *g)
{
    if (!g)
        return;
    free(g->nodes);
    free(g->values);
    free(g->leaves);
    mt_arena_free(&g->arena);
    free(g);
}

bool mt_graph_training(const struct mt_graph *g)
{
    return g->training;
}

bool mt_graph_failed(const struct mt_graph *g)
{
    return g->failed;
}

void *mt_graph_alloc(struct mt_graph *g, size_t size)
{
    void *p = mt_arena_alloc(&g->arena, size ? size : 1);

    if (!p)
        g->failed = true;
    return p;
}

/* Appends item to a growing list of pointers. */
static bool append(void ***list, size_t *n, size_t *size, void *item)
{
    if (*n == *size) {
        size_t more = *size ? 2 * *size : 64;
        void **grown = realloc(*list, more * sizeof *grown);

        if (!grown)
            return false;
        *list = grown;
        *size = more;
    }
    (*list)[(*n)++] = item;
    return true;
}

struct mt_value *mt_graph_value(struct mt_graph *g, enum mt_dtype dtype,
                                const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_alloc(g, sizeof *v);
    size_t n, bytes;

    if (!mt_shape_count(shape, &n) ||
        !mt_size_mul(n, mt_dtype_size(dtype), &bytes))
        v = NULL; /* larger than any memory */
    if (!v || !append((void ***)&g->values, &g->n_values, &g->values_size, v)) {
        g->failed = true;
        g->nothing = (struct mt_value){ .dtype = dtype, .shape = *shape };
        return &g->nothing;
    }
    v->dtype = dtype;
    v->shape = *shape;
    v->bytes = bytes;
    return v;
}

struct mt_value *mt_graph_input(struct mt_graph *g, const char *name,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_value(g, dtype, shape);

    v->name = name;
    v->fixed = true;
    return v;
}

/* The entry for a tensor's leaf; NULL: no memory. */
static struct mt_value **place_of_leaf(struct mt_graph *g, size_t number)
{
    if (number >= g->leaves_size) {
        size_t size = 2 * number + 64;
        struct mt_value **grown =
            realloc(g->leaves, size * sizeof(struct mt_value *));

        if (!grown) {
            g->failed = true;
            return NULL;
        }
        for (size_t i = g->leaves_size; i < size; i++)
            grown[i] = NULL;
        g->leaves = grown;
        g->leaves_size = size;
    }
    return &g->leaves[number];
}

/* The leaf of a tensor whose entry is used by a tensor of another store; NULL:
 * none. */
static struct mt_value *search_leaf(const struct mt_graph *g,
                                    const struct mt_tensor *tensor)
{
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->tensor == tensor)
            return g->values[i];
    }
    return NULL;
}

struct mt_value *mt_graph_leaf(struct mt_graph *g, struct mt_tensor *tensor)
{
    struct mt_value **place = place_of_leaf(g, tensor->number);
    struct mt_value *v = place ? *place : NULL;

    if (v && v->tensor != tensor)
        v = search_leaf(g, tensor);
    if (v)
        return v;
    v = mt_graph_input(g, tensor->name, tensor->dtype, &tensor->shape);
    if (place && !*place && !g->failed)
        *place = v;
    v->tensor = tensor;
    v->data = tensor->data;
    v->requires_grad = tensor->requires_grad;
    return v;
}

mt_status mt_value_clone(const struct mt_value *value, struct mt_arena *arena,
                         struct mt_value **out, struct mt_err *err)
{
    if (value->producer || value->view_of) {
        const struct mt_node *by =
            value->producer ? value->producer : value->view_of->producer;

        return mt_fail(err, MT_INVALID,
                       "cannot clone a tensor of shape %s computed by %s%s%s: "
                       "only leaves (parameters, buffers, inputs) can be "
                       "cloned; clone what it is computed from and compute "
                       "it again",
                       mt_shape_text(&value->shape).text,
                       by ? by->op->name : "a view",
                       by && *by->layer ? " in layer " : "",
                       by ? by->layer : "");
    }

    struct mt_value *copy = mt_arena_alloc(arena, sizeof *copy);
    size_t bytes =
        mt_shape_elements(&value->shape) * mt_dtype_size(value->dtype);

    if (!copy)
        return mt_fail_memory(err);
    copy->dtype = value->dtype;
    copy->shape = value->shape;
    copy->bytes = bytes;
    copy->fixed = true;
    copy->requires_grad = value->requires_grad;
    copy->name = mt_arena_strdup(arena, value->name ? value->name : "");
    copy->data = mt_arena_alloc(arena, bytes + 1);
    if (!copy->name || !copy->data)
        return mt_fail_memory(err);
    if (value->data)
        memcpy(copy->data, value->data, bytes);
    *out = copy;
    return MT_OK;
}

void mt_graph_layer(struct mt_graph *g, const char *name)
{
    g->layer = name;
}

struct mt_node *mt_graph_node(struct mt_graph *g, const struct mt_op *op,
                              const void *args, size_t size)
{
    struct mt_node *node = mt_graph_alloc(g, sizeof *node);
    void *copy = size ? mt_graph_alloc(g, size) : NULL;

    if (!node || (size && !copy) ||
        !append((void ***)&g->nodes, &g->n_nodes, &g->nodes_size, node)) {
        g->failed = true;
        g->discarded = (struct mt_node){ .op = op, .layer = "" };
        return &g->discarded;
    }
    if (size)
        memcpy(copy, args, size);
    node->op = op;
    node->layer = g->layer;
    node->args = copy;
    return node;
}

void mt_node_input(struct mt_node *node, struct mt_value *value)
{
    assert(node->n_in < MT_NODE_INPUTS);
    node->in[node->n_in++] = value;
}

struct mt_value *mt_node_output(struct mt_graph *g, struct mt_node *node,
                                enum mt_dtype dtype,
                                const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_value(g, dtype, shape);

    assert(node->n_out < MT_NODE_OUTPUTS);
    node->out[node->n_out++] = v;
    v->producer = node;
    for (size_t i = 0; i < node->n_in && dtype == MT_F32; i++)
        v->requires_grad |= mt_wants_grad(node, i);
    return v;
}

bool mt_wants_grad(const struct mt_node *node, size_t input)
{
    return input < node->n_in && node->in[input] &&
           node->in[input]->requires_grad;
}

void mt_graph_keep(struct mt_graph *g, struct mt_value *value)
{
    (void)g;
    value->keep = true;
}

struct mt_value *mt_value_root(struct mt_value *v)
{
    for (;;) {
        if (v->view_of)
            v = v->view_of;
        else if (v->shares)
            v = v->shares;
        else
            return v;
    }
}

size_t mt_graph_node_count(const struct mt_graph *g)
{
    return g->n_nodes;
}

const struct mt_node *mt_graph_node_at(const struct mt_graph *g, size_t i)
{
    return g->nodes[i];
}

size_t mt_graph_forward_count(const struct mt_graph *g)
{
    return g->n_forward ? g->n_forward : g->n_nodes;
}
