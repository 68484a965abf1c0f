/*
 * The memory plan: each computed value lives from its producer to its last
 * reader; values whose lives do not meet may share memory. Larger values are
 * placed first, each at the lowest place that is free during its life.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "graph/graph_internal.h"

enum { ALIGN = 64 };

/* Bytes that no machine has; two of these still fit a size_t. */
#define LIMIT (SIZE_MAX / 4)

static bool is_planned(const struct mt_value *v)
{
    return v->producer && !v->fixed && !v->view_of && !v->shares;
}

/* Also views of kept values, and values that kept views look at. */
static void keep_roots(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->keep)
            mt_value_root(g->values[i])->keep = true;
    }
}

static void find_lives(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) { /* of dropped nodes: never */
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

/* An elementwise node whose input dies with it writes over that input. */
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

/* The values that have their places, the lowest first: graphs of deep models
 * have very many. */
struct placed {
    size_t at, end, born, dies;
};

/* The lowest place for v among the n that have one. */
static size_t find_place(const struct mt_value *v, const struct placed *placed,
                         size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n && placed[i].at < at + v->bytes; i++) {
        const struct placed *p = &placed[i];

        if (p->born <= v->dies && v->born <= p->dies && at < p->end)
            at = p->end;
    }
    return at;
}

/* Enters v, which has its offset, after those at the same offset. */
static void enter(struct placed *placed, size_t n, const struct mt_value *v)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (placed[middle].at <= v->place)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(placed + low + 1, placed + low, (n - low) * sizeof *placed);
    placed[low] =
        (struct placed){ v->place, mt_size_align(v->place + v->bytes, ALIGN),
                         v->born, v->dies };
}

static mt_status place_values(struct mt_graph *g, struct mt_err *err)
{
    struct mt_value **list = malloc((g->n_values + 1) * sizeof *list);
    struct placed *placed = malloc((g->n_values + 1) * sizeof *placed);
    mt_status status = list && placed ? MT_OK : mt_fail_memory(err);
    size_t n = 0;

    if (status != MT_OK)
        goto out;
    for (size_t i = 0; i < g->n_values; i++) {
        if (is_planned(g->values[i]) &&
            g->values[i]->born <= g->values[i]->dies)
            list[n++] = g->values[i];
    }
    qsort(list, n, sizeof *list, by_size);
    for (size_t i = 0; i < n; i++) {
        struct mt_value *v = list[i];
        size_t end = v->bytes;

        if (end < LIMIT) {
            v->place = find_place(v, placed, i);
            end = mt_size_align(v->place + v->bytes, ALIGN);
        }
        if (end >= LIMIT) {
            status = mt_fail_memory(err);
            goto out;
        }
        enter(placed, i, v);
        if (end > g->activation_bytes)
            g->activation_bytes = end;
    }
out:
    free(placed);
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

void mt_graph_bind(struct mt_graph *g, void *memory)
{
    char *base = memory;

    for (size_t i = 0; i < g->n_values; i++) {
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
