/*
 * The memory plan: each computed value lives from its producer to its last
 * reader; values whose lives do not meet may share memory. Larger values are
 * placed first, each at the lowest place that is free during its life.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/size.h"
#include "graph/graph_internal.h"
#include "graph/place.h"

enum { ALIGN = 64 };

/* More bytes than any machine has; twice as many still fit a size_t. */
#define LIMIT (SIZE_MAX / 4)

static bool is_planned(const struct mt_value *v)
{
    return v->producer && !v->fixed && !v->view_of && !v->shares;
}

/* Also keeps views of kept values, and the values of kept views. */
static void keep_roots(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->keep)
            mt_value_root(g->values[i])->keep = true;
    }
}

static void find_lives(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) { /* if dropped: never */
        g->values[i]->born = 1;
        g->values[i]->dies = 0;
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct mt_node *node = g->nodes[i];

        for (size_t k = 0; k < node->n_out; k++) {
            struct mt_value *v = mt_value_root(node->out[k]);

            v->born = v->dies = i;
        }
        for (size_t k = 0; k < node->n_in; k++) {
            if (node->in[k])
                mt_value_root(node->in[k])->dies = i;
        }
    }
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->keep)
            g->values[i]->dies = g->n_nodes;
    }
}

/* A node that works in place, and whose input dies with it, overwrites it. */
static void share_in_place(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        struct mt_node *node = g->nodes[i];

        if (!node->op->in_place || node->out[0]->fixed)
            continue;
        struct mt_value *in = mt_value_root(node->in[0]), *out = node->out[0];

        if (!is_planned(in) || in->keep || in->dies != i ||
            in->bytes != out->bytes)
            continue;
        out->shares = in;
        in->dies = out->dies;
        in->keep |= out->keep;
    }
}

static int by_size(const void *a, const void *b)
{
    const struct mt_value *x = *(struct mt_value *const *)a;
    const struct mt_value *y = *(struct mt_value *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->born > y->born) - (x->born < y->born);
}

static mt_status place_value(struct mt_graph *g, struct mt_places *places,
                             struct mt_value *v, struct mt_err *err)
{
    size_t end = v->bytes;
    mt_status status;

    if (end < LIMIT) {
        v->place = mt_places_find(places, v->bytes, v->born, v->dies);
        end = mt_size_align(v->place + v->bytes, ALIGN);
    }
    if (end >= LIMIT)
        return mt_fail_memory(err);
    status = mt_places_take(places, v->place, end, v->born, v->dies, err);
    if (end > g->activation_bytes)
        g->activation_bytes = end;
    return status;
}

static mt_status place_values(struct mt_graph *g, struct mt_err *err)
{
    struct mt_value **list = malloc((g->n_values + 1) * sizeof *list);
    struct mt_places *places = NULL;
    mt_status status = list ? MT_OK : mt_fail_memory(err);
    size_t n = 0;

    if (status == MT_OK)
        status = mt_places_new(g->n_nodes + 1, &places, err);
    for (size_t i = 0; i < g->n_values && status == MT_OK; i++) {
        if (is_planned(g->values[i]) &&
            g->values[i]->born <= g->values[i]->dies)
            list[n++] = g->values[i];
    }
    if (n)
        qsort(list, n, sizeof *list, by_size);
    for (size_t i = 0; i < n && status == MT_OK; i++)
        status = place_value(g, places, list[i], err);
    mt_places_free(places);
    free(list);
    return status;
}

mt_status mt_graph_plan(struct mt_graph *g, size_t workers, struct mt_err *err)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct mt_node *node = g->nodes[i];
        size_t bytes = node->op->scratch ? node->op->scratch(node, workers) : 0;

        if (bytes > g->scratch_bytes)
            g->scratch_bytes = bytes;
    }
    g->scratch_bytes = mt_size_align(g->scratch_bytes, ALIGN);
    keep_roots(g);
    find_lives(g);
    share_in_place(g);
    return place_values(g, err);
}

/* Tensors may have got their memory after the graph was recorded. */
static void bind_leaf(struct mt_value *v)
{
    v->data = v->tensor->data;
    if (v->requires_grad && v->grad)
        v->grad->data = v->tensor->grad;
}

void mt_graph_bind(struct mt_graph *g, void *memory)
{
    char *base = memory;

    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->tensor)
            bind_leaf(g->values[i]);
        g->has_views |= g->values[i]->view_of != NULL;
        if (is_planned(g->values[i]))
            g->values[i]->data = base + g->values[i]->place;
    }
    for (size_t i = 0; i < g->n_values; i++) {
        struct mt_value *v = g->values[i];

        if (v->shares || (v->view_of && v->producer))
            v->data = mt_value_root(v)->data;
    }
    g->scratch = base + g->activation_bytes;
}
