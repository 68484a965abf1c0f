#include "graph/deferred.h"

#include "graph/graph_internal.h"

const struct mt_normed *mt_deferred_read(const struct mt_deferred *d,
                                         const struct mt_node *node,
                                         struct mt_normed *m)
{
    const struct mt_value *coef;

    if (!d->coef)
        return NULL;
    coef = node->in[d->coef];
    *m = (struct mt_normed){
        .coef = coef->data,
        .channels = coef->shape.dim[1],
        .relu = d->relu,
    };
    return m;
}

/* With shorter runs, finding the coefficients takes as long as using them. */
enum { SHORTEST = 16 };

static bool is_candidate(const struct mt_node *node)
{
    const struct mt_value *y = node->out[0];

    return node->op->defer && !y->keep && !y->fixed && !y->view_of &&
           y->shape.rank > 2 && mt_channel_size(y) >= SHORTEST &&
           node->op->defer(node, NULL);
}

static struct mt_deferred *place_of(const struct mt_node *node, size_t k)
{
    return node->op->deferred ? node->op->deferred(node, k) : NULL;
}

/* Each of them needs another input. */
static bool has_room(const struct mt_node *node)
{
    size_t n = node->n_in;

    for (size_t k = 0; k < node->n_in; k++)
        n += place_of(node, k) != NULL;
    return n <= MT_NODE_INPUTS;
}

static bool can_read(const struct mt_node *node, size_t k)
{
    return place_of(node, k) && has_room(node);
}

static void find_deferred(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (is_candidate(g->nodes[i]))
            g->nodes[i]->out[0]->deferred = true;
    }
    for (size_t i = 0; i < g->n_values; i++) {
        if (g->values[i]->view_of && g->values[i]->keep)
            mt_value_root(g->values[i])->deferred = false;
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct mt_node *node = g->nodes[i];

        for (size_t k = 0; k < node->n_in; k++) {
            struct mt_value *v = node->in[k];

            if (v && (v->view_of || !can_read(node, k)))
                mt_value_root(v)->deferred = false;
        }
    }
}

/* node is another op from here on: its output 0 is the coefficients. */
static void defer(struct mt_graph *g, struct mt_node *node)
{
    size_t channels = node->out[0]->shape.dim[1];
    struct mt_shape shape = mt_shape_of(2, 3, channels);
    struct mt_value *coef = mt_graph_value(g, MT_F32, &shape);

    node->op->defer(node, &(struct mt_deferred){ 0 });
    coef->producer = node;
    coef->choice = MT_KEPT;
    node->out[0] = coef;
}

static void read_deferred(struct mt_node *node)
{
    size_t n = node->n_in;

    for (size_t k = 0; k < n; k++) {
        struct mt_value *y = node->in[k];
        struct mt_deferred *d;

        if (!y || !y->deferred)
            continue;
        d = place_of(node, k);
        y->producer->op->defer(y->producer, d);
        d->coef = node->n_in;
        node->in[k] = y->producer->in[0];
        mt_node_input(node, y->producer->out[0]);
    }
}

void mt_graph_defer(struct mt_graph *g)
{
    find_deferred(g);
    for (size_t i = 0; i < g->n_nodes && !g->failed; i++) {
        if (g->nodes[i]->n_out && g->nodes[i]->out[0]->deferred)
            defer(g, g->nodes[i]);
    }
    for (size_t i = 0; i < g->n_nodes && !g->failed; i++)
        read_deferred(g->nodes[i]);
}
