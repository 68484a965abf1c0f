#include "graph/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/protobuf.h"
#include "graph/graph_internal.h"
#include "graph/onnx_internal.h"
#include "graph/ops_internal.h"
#include "graph/recurrent.h"

/* Fields of the messages, as onnx.proto numbers them. */
enum {
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12
};
enum {
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP = 4,
    NODE_ATTRIBUTE = 5
};
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_F = 2,
    ATTRIBUTE_I = 3,
    ATTRIBUTE_S = 4,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_STRINGS = 9,
    ATTRIBUTE_TYPE = 20
};
enum {
    TYPE_FLOAT = 1,
    TYPE_INT = 2,
    TYPE_STRING = 3,
    TYPE_INTS = 7,
    TYPE_STRINGS = 8
};
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2 };
enum { TYPE_TENSOR = 1, TENSOR_TYPE_ELEM = 1, TENSOR_TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAM = 2 };

/* --- names -------------------------------------------------------------- */

/* Values of both graphs are recorded in the same order. */
static bool number_values(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++)
        g->values[i]->born = i;
    for (size_t i = 0; i < g->n_nodes; i++)
        g->nodes[i]->number = i;
    return !g->failed;
}

mt_status mt_onnx_new(struct mt_graph *g, struct mt_graph *two,
                      struct mt_onnx **out, struct mt_err *err)
{
    struct mt_onnx *o = calloc(1, sizeof *o);

    if (!o)
        return mt_fail_memory(err);
    o->g = g;
    o->two = two;
    o->layer = "";
    o->end = &o->constants;
    o->names = mt_arena_calloc(&o->arena, g->n_values + 1, sizeof *o->names);
    if (!o->names || !number_values(g) || !number_values(two)) {
        mt_onnx_free(o);
        return mt_fail_memory(err);
    }
    *out = o;
    return MT_OK;
}

void mt_onnx_free(struct mt_onnx *o)
{
    if (!o)
        return;
    mt_strbuf_free(&o->nodes);
    for (struct mt_onnx_constant *c = o->constants; c; c = c->next)
        mt_strbuf_free(&c->head);
    mt_strbuf_free(&o->inputs);
    mt_strbuf_free(&o->outputs);
    mt_strbuf_free(&o->metadata);
    mt_strbuf_free(&o->node);
    mt_arena_free(&o->arena);
    free(o);
}

/* "LAYER/WHAT.7": tensors' names have no slash. */
static const char *new_name(struct mt_onnx *o, const char *what)
{
    const char *name =
        mt_arena_printf(&o->arena, "%s/%s.%zu", o->layer, what, o->n_names++);

    o->failed |= !name;
    return name ? name : "";
}

void mt_onnx_refuse(struct mt_onnx *o, const struct mt_node *node,
                    const char *why)
{
    if (o->refused)
        return;
    snprintf(o->why, sizeof o->why, "layer \"%s\" (%s): %s", node->layer,
             node->op->name, why);
    o->refused = true;
}

/* --- constants ---------------------------------------------------------- */

/* Appends finished fields. */
static void append(struct mt_strbuf *out, const struct mt_strbuf *fields)
{
    out->failed |= fields->failed;
    if (fields->len)
        mt_strbuf_add(out, fields->text, fields->len);
}

/* The values must stay valid. */
static void add_constant(struct mt_onnx *o, const char *name, int type,
                         const struct mt_shape *shape, const void *values,
                         size_t size)
{
    struct mt_onnx_constant *c = mt_arena_calloc(&o->arena, 1, sizeof *c);
    struct mt_strbuf fields = MT_STRBUF_INIT;

    if (!c) {
        o->failed = true;
        return;
    }
    c->values = values;
    c->n = mt_shape_elements(shape);
    c->size = size;
    for (int i = 0; i < shape->rank; i++)
        mt_pb_int(&fields, TENSOR_DIMS, (int64_t)shape->dim[i]);
    mt_pb_int(&fields, TENSOR_TYPE, type);
    mt_pb_string(&fields, TENSOR_NAME, name);
    mt_pb_begin_bytes(&fields, TENSOR_RAW, c->n * size);
    mt_pb_begin_bytes(&c->head, GRAPH_INITIALIZER, fields.len + c->n * size);
    append(&c->head, &fields);
    mt_strbuf_free(&fields);
    *o->end = c;
    o->end = &c->next;
}

/* The values are copied. */
static const char *add_values(struct mt_onnx *o, const char *what, int type,
                              const struct mt_shape *shape, const void *values,
                              size_t size)
{
    const char *name = new_name(o, what);
    size_t n = mt_shape_elements(shape);
    void *copy = mt_onnx_room(o, n);

    if (copy) {
        memcpy(copy, values, n * size);
        add_constant(o, name, type, shape, copy, size);
    }
    return name;
}

const char *mt_onnx_floats(struct mt_onnx *o, const struct mt_shape *shape,
                           const float *values)
{
    return add_values(o, "constant", MT_ONNX_FLOAT, shape, values,
                      sizeof *values);
}

const char *mt_onnx_doubles(struct mt_onnx *o, const struct mt_shape *shape,
                            const double *values)
{
    return add_values(o, "constant", MT_ONNX_DOUBLE, shape, values,
                      sizeof *values);
}

const char *mt_onnx_scalar(struct mt_onnx *o, float value)
{
    return mt_onnx_floats(o, &(struct mt_shape){ .rank = 0 }, &value);
}

const char *mt_onnx_index(struct mt_onnx *o, int64_t value)
{
    return add_values(o, "index", MT_ONNX_INT64,
                      &(struct mt_shape){ .rank = 0 }, &value, sizeof value);
}

void *mt_onnx_room(struct mt_onnx *o, size_t n)
{
    void *room = mt_arena_calloc(&o->arena, n + 1, sizeof(int64_t));

    o->failed |= !room;
    return room;
}

const char *mt_onnx_list(struct mt_onnx *o, const int64_t *values, size_t n)
{
    struct mt_shape shape = mt_shape_of(1, n);

    return add_values(o, "list", MT_ONNX_INT64, &shape, values, sizeof *values);
}

const char *mt_onnx_filled(struct mt_onnx *o, size_t n, float value)
{
    struct mt_shape shape = mt_shape_of(1, n);
    float *values = mt_onnx_room(o, n);

    if (!values)
        return "";
    for (size_t i = 0; i < n; i++)
        values[i] = value;
    return mt_onnx_floats(o, &shape, values);
}

/* --- nodes -------------------------------------------------------------- */

static void close_node(struct mt_onnx *o)
{
    if (o->open)
        mt_pb_message(&o->nodes, GRAPH_NODE, &o->node);
    o->open = false;
}

static void open_node(struct mt_onnx *o, const char *op, const char *name,
                      const char *const *in, size_t n)
{
    close_node(o);
    while (n && !in[n - 1])
        n--;
    for (size_t i = 0; i < n; i++)
        mt_pb_string(&o->node, NODE_INPUT, in[i] ? in[i] : "");
    mt_pb_string(&o->node, NODE_OUTPUT, name);
    mt_pb_string(&o->node, NODE_NAME, name);
    mt_pb_string(&o->node, NODE_OP, op);
    o->open = true;
}

const char *mt_onnx_node(struct mt_onnx *o, const char *op,
                         const char *const *in, size_t n)
{
    const char *name = new_name(o, op);

    open_node(o, op, name, in, n);
    return name;
}

static void end_attribute(struct mt_onnx *o, struct mt_strbuf *attribute,
                          int type)
{
    mt_pb_int(attribute, ATTRIBUTE_TYPE, type);
    mt_pb_message(&o->node, NODE_ATTRIBUTE, attribute);
    mt_strbuf_free(attribute);
}

void mt_onnx_int(struct mt_onnx *o, const char *key, int64_t value)
{
    struct mt_strbuf a = MT_STRBUF_INIT;

    mt_pb_string(&a, ATTRIBUTE_NAME, key);
    mt_pb_int(&a, ATTRIBUTE_I, value);
    end_attribute(o, &a, TYPE_INT);
}

void mt_onnx_ints(struct mt_onnx *o, const char *key, const int64_t *values,
                  size_t n)
{
    struct mt_strbuf a = MT_STRBUF_INIT;

    mt_pb_string(&a, ATTRIBUTE_NAME, key);
    for (size_t i = 0; i < n; i++)
        mt_pb_int(&a, ATTRIBUTE_INTS, values[i]);
    end_attribute(o, &a, TYPE_INTS);
}

void mt_onnx_float(struct mt_onnx *o, const char *key, float value)
{
    struct mt_strbuf a = MT_STRBUF_INIT;

    mt_pb_string(&a, ATTRIBUTE_NAME, key);
    mt_pb_float(&a, ATTRIBUTE_F, value);
    end_attribute(o, &a, TYPE_FLOAT);
}

void mt_onnx_text(struct mt_onnx *o, const char *key, const char *value)
{
    struct mt_strbuf a = MT_STRBUF_INIT;

    mt_pb_string(&a, ATTRIBUTE_NAME, key);
    mt_pb_string(&a, ATTRIBUTE_S, value);
    end_attribute(o, &a, TYPE_STRING);
}

void mt_onnx_texts(struct mt_onnx *o, const char *key, const char *value)
{
    struct mt_strbuf a = MT_STRBUF_INIT;

    mt_pb_string(&a, ATTRIBUTE_NAME, key);
    mt_pb_string(&a, ATTRIBUTE_STRINGS, value);
    end_attribute(o, &a, TYPE_STRINGS);
}

/* --- values ------------------------------------------------------------- */

void mt_onnx_give(struct mt_onnx *o, const struct mt_value *v, const char *name)
{
    o->names[v->born] = name;
}

void mt_onnx_out(struct mt_onnx *o, const struct mt_node *node, size_t output,
                 const char *name)
{
    mt_onnx_give(o, node->out[output], name);
}

static const char *name_of(struct mt_onnx *o, const struct mt_value *v)
{
    if (!o->names[v->born] && v->tensor) {
        add_constant(o, v->tensor->name, MT_ONNX_FLOAT, &v->shape,
                     v->tensor->data, sizeof(float));
        o->names[v->born] = v->tensor->name;
    }
    return o->names[v->born] ? o->names[v->born] : "";
}

const char *mt_onnx_in(struct mt_onnx *o, const struct mt_node *node,
                       size_t input)
{
    return input < node->n_in && node->in[input] ? name_of(o, node->in[input])
                                                 : NULL;
}

void mt_onnx_dims(const struct mt_onnx *o, const struct mt_value *v,
                  int64_t dims[MT_MAX_RANK])
{
    const struct mt_value *other = o->two->values[v->born];

    for (int i = 0; i < v->shape.rank; i++)
        dims[i] = v->shape.dim[i] == other->shape.dim[i]
                      ? (int64_t)v->shape.dim[i]
                      : -1;
}

const char *mt_onnx_reshape(struct mt_onnx *o, const char *name,
                            const int64_t *dims, size_t n)
{
    return MT_ONNX(o, "Reshape", name, mt_onnx_list(o, dims, n));
}

const char *mt_onnx_channels(struct mt_onnx *o, const char *name,
                             size_t channels, int rank)
{
    int64_t dims[MT_MAX_RANK] = { (int64_t)channels, 1, 1, 1, 1, 1, 1, 1 };

    if (!name || rank < 3)
        return name;
    return mt_onnx_reshape(o, name, dims, (size_t)rank - 1);
}

const char *mt_onnx_affine(struct mt_onnx *o, const char *x, const char *w,
                           const char *b)
{
    if (w)
        x = MT_ONNX(o, "Mul", x, w);
    return b ? MT_ONNX(o, "Add", x, b) : x;
}

/* --- the model ---------------------------------------------------------- */

/* type: of the elements; dims: -1 is the batch */
static void add_value(struct mt_strbuf *out, unsigned field, const char *name,
                      int type, const int64_t *dims, int rank)
{
    struct mt_strbuf value = MT_STRBUF_INIT, kind = MT_STRBUF_INIT,
                     tensor = MT_STRBUF_INIT, shape = MT_STRBUF_INIT,
                     dim = MT_STRBUF_INIT;

    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            mt_pb_string(&dim, DIM_PARAM, "batch");
        else
            mt_pb_int(&dim, DIM_VALUE, dims[i]);
        mt_pb_message(&shape, SHAPE_DIM, &dim);
    }
    mt_pb_int(&tensor, TENSOR_TYPE_ELEM, type);
    mt_pb_message(&tensor, TENSOR_TYPE_SHAPE, &shape);
    mt_pb_message(&kind, TYPE_TENSOR, &tensor);
    mt_pb_string(&value, VALUE_NAME, name);
    mt_pb_message(&value, VALUE_TYPE, &kind);
    mt_pb_message(out, field, &value);
    mt_strbuf_free(&dim);
    mt_strbuf_free(&shape);
    mt_strbuf_free(&tensor);
    mt_strbuf_free(&kind);
    mt_strbuf_free(&value);
}

const char *mt_onnx_input(struct mt_onnx *o, const char *name, int type,
                          const struct mt_shape *sample)
{
    int64_t dims[MT_MAX_RANK + 1] = { -1 };

    for (int i = 0; i < sample->rank; i++)
        dims[i + 1] = (int64_t)sample->dim[i];
    add_value(&o->inputs, GRAPH_INPUT, name, type, dims, sample->rank + 1);
    return name;
}

static void need(bool *needed, const struct mt_value *v)
{
    if (v && v->producer)
        needed[v->producer->number] = true;
}

/* An ONNX recurrence includes the product with its inputs: the node of that. */
static const struct mt_node *taken_over(const struct mt_node *node)
{
    return node->op == &mt_op_recurrent ? node->in[0]->producer : NULL;
}

/* Nodes that v needs, by their numbers. */
static bool *find_needed(struct mt_onnx *o, const struct mt_value *v)
{
    bool *needed = mt_arena_calloc(&o->arena, o->g->n_nodes + 1, 1);

    if (!needed)
        return NULL;
    need(needed, v);
    for (size_t i = o->g->n_nodes; i-- > 0;) {
        const struct mt_node *node = o->g->nodes[i];
        const struct mt_node *other = needed[i] ? taken_over(node) : NULL;

        for (size_t k = 0; k < node->n_in && needed[i]; k++)
            if (!other || k > 0)
                need(needed, node->in[k]);
        for (size_t k = 0; other && k < other->n_in; k++)
            need(needed, other->in[k]);
    }
    return needed;
}

void mt_onnx_output(struct mt_onnx *o, const struct mt_value *v,
                    const char *name)
{
    int64_t dims[MT_MAX_RANK];
    bool *needed = find_needed(o, v);

    o->failed |= !needed;
    for (size_t i = 0; i < o->g->n_nodes && needed && !o->refused; i++) {
        const struct mt_node *node = o->g->nodes[i];

        if (!needed[i])
            continue;
        o->layer = node->layer;
        if (node->op->onnx)
            node->op->onnx(o, node);
        else
            mt_onnx_refuse(o, node, "cannot be expressed in ONNX");
    }
    open_node(o, "Identity", name, (const char *[]){ name_of(o, v) }, 1);
    close_node(o);
    mt_onnx_dims(o, v, dims);
    add_value(&o->outputs, GRAPH_OUTPUT, name, MT_ONNX_FLOAT, dims,
              v->shape.rank);
}
