/*
 * Less memory for a little time (after Chen et al., "Training deep nets with
 * sublinear memory cost"): a large value that can be computed cheaply from
 * values that backward needs anyway is not kept from forward to backward, but
 * recomputed just before backward reads it, with the same bits.
 *
 * So in conv -> BatchNorm -> ReLU only the convolution's result is kept, which
 * the gradient of the normalisation needs; and in a chain of residual blocks
 * the sums are not kept, since they follow from such results.
 */
#include <stdlib.h>

#include "graph/graph_internal.h"

enum { LARGE = 1 << 18 }; /* bytes from which recomputing pays off */

struct plan {
    struct mt_graph *g;
    struct mt_node **nodes; /* the new order */
    size_t n, room;
};

/* Marks the (root) values that backward reads, by `readers`. */
static void count_backward_readers(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++)
        g->values[i]->readers = 0;
    for (size_t i = g->n_forward; i < g->n_nodes; i++) {
        const struct mt_node *node = g->nodes[i];

        for (size_t k = 0; k < node->n_in; k++) {
            if (node->in[k])
                mt_value_root(node->in[k])->readers++;
        }
    }
}

static bool can_recompute(struct mt_value *v);

/* Is the value still live in backward, or so small that it may be, or
 * recomputable, too? */
static bool is_at_hand(struct mt_value *v)
{
    return !mt_value_root(v)->producer || mt_value_root(v)->readers ||
           v->bytes < LARGE || can_recompute(v);
}

static bool choose(const struct mt_value *v)
{
    const struct mt_node *node = v->producer;

    if (!node || !node->op->again || v != node->out[0] || v->view_of ||
        v->keep || v->fixed || v->bytes < LARGE)
        return false;
    for (size_t i = 0; i < node->n_in; i++) {
        if (node->in[i] && !is_at_hand(node->in[i]))
            return false;
    }
    return true;
}

/* Decided once for each value: in sums of sums many paths lead to one. */
static bool can_recompute(struct mt_value *v)
{
    if (v->choice == MT_UNASKED)
        v->choice = choose(v) ? MT_AGAIN : MT_KEPT;
    return v->choice == MT_AGAIN;
}

static struct mt_value *again(struct plan *p, struct mt_value *v)
{
    struct mt_value *in[MT_NODE_INPUTS];
    struct mt_node *node = v->producer, *copy;
    struct mt_graph *g = p->g;

    if (v->again)
        return v->again;
    for (size_t i = 0; i < node->n_in; i++)
        in[i] = node->in[i] && can_recompute(node->in[i])
                    ? again(p, node->in[i])
                    : node->in[i];
    mt_graph_layer(g, node->layer);
    v->again = node->op->again(g, node, in);
    copy = v->again->producer;
    if (g->failed)
        return v;
    g->n_nodes--; /* it was recorded at the end, but belongs here */
    p->nodes[p->n++] = copy;
    return v->again;
}

static void recompute_inputs(struct plan *p, struct mt_node *node)
{
    for (size_t k = 0; k < node->n_in && !p->g->failed; k++) {
        struct mt_value *v = node->in[k];

        /* computed by forward, not by backward itself */
        if (v && v->forward && can_recompute(v))
            node->in[k] = again(p, v);
    }
}

static void mark_forward(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_forward; i++) {
        for (size_t k = 0; k < g->nodes[i]->n_out; k++)
            g->nodes[i]->out[k]->forward = true;
    }
}

void mt_graph_recompute(struct mt_graph *g)
{
    size_t n = g->n_nodes;
    struct plan p = { .g = g, .room = n + g->n_forward };

    if (!g->n_forward || g->n_forward == n)
        return;
    p.nodes = malloc(p.room * sizeof *p.nodes);
    if (!p.nodes) {
        g->failed = true;
        return;
    }
    mark_forward(g);
    count_backward_readers(g);
    for (size_t i = 0; i < n && !g->failed; i++) {
        struct mt_node *node = g->nodes[i];

        if (i >= g->n_forward)
            recompute_inputs(&p, node);
        p.nodes[p.n++] = node;
    }
    free(g->nodes);
    g->nodes = p.nodes;
    g->n_nodes = p.n;
    g->nodes_size = p.room;
}
