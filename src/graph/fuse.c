/* Fusing neighbours, and dropping nodes that nothing reads. */
#include "graph/graph_internal.h"
#include "graph/ops_internal.h"

static void add_readings(struct mt_node *node)
{
    for (size_t k = 0; k < node->n_in; k++) {
        if (!node->in[k])
            continue;
        node->in[k]->readers++;
        node->in[k]->reader = node;
    }
}

static void drop_readings(const struct mt_node *node)
{
    for (size_t k = 0; k < node->n_in; k++) {
        if (node->in[k])
            node->in[k]->readers--;
    }
}

void mt_graph_count_readers(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++)
        g->values[i]->readers = 0;
    for (size_t i = 0; i < g->n_nodes; i++)
        add_readings(g->nodes[i]);
}

/* The fused node runs in node's place, which is before next's: next's other
 * inputs must exist by then. */
static bool inputs_exist(const struct mt_node *node, const struct mt_node *next)
{
    for (size_t k = 0; k < next->n_in; k++) {
        const struct mt_value *v = next->in[k];

        if (v && v != node->out[0] && v->producer &&
            v->producer->number > node->number)
            return false;
    }
    return true;
}

static bool reads(const struct mt_node *node, const struct mt_value *v)
{
    for (size_t k = 0; k < node->n_in; k++) {
        if (node->in[k] == v)
            return true;
    }
    return false;
}

/* After fusing: node, whose old state is `before`, does next's work, too. If a
 * value read by next, but not by node, has one reader left, only a new count
 * finds which. */
static void update_readers(struct mt_graph *g, struct mt_node *node,
                           const struct mt_node *before,
                           const struct mt_node *next)
{
    drop_readings(before);
    drop_readings(next);
    add_readings(node);
    for (size_t k = 0; k < next->n_in; k++) {
        if (next->in[k] && next->in[k]->readers == 1 &&
            !reads(node, next->in[k])) {
            mt_graph_count_readers(g);
            return;
        }
    }
}

/* An activation that follows, and whose derivative reads out as well: both
 * remain. */
static void fuse_activation(struct mt_graph *g, struct mt_node *node)
{
    struct mt_value *out = node->out[0];
    struct mt_node *next;

    if (node->number + 1 == g->n_nodes || node->n_out != 1 || out->keep ||
        out->fixed)
        return;
    next = g->nodes[node->number + 1];
    if (next->op != &mt_op_activation || next->in[0] != out ||
        !node->op->absorb(g, node, next))
        return;
    drop_readings(next);
    node->out[0] = next->out[0];
    node->out[0]->producer = node;
    node->out[1] = out;
    node->n_out = 2;
    next->n_in = next->n_out = 0;
}

static bool fuse_node(struct mt_graph *g, struct mt_node *node)
{
    struct mt_value *out = node->out[0];
    struct mt_node *next = out->reader;

    if (out->readers > 1 && node->op->keeps_inner) {
        fuse_activation(g, node);
        return false;
    }
    if (out->readers != 1 || out->keep || out->fixed || next->n_out != 1 ||
        !inputs_exist(node, next))
        return false;
    struct mt_node before = *node;

    if (!node->op->absorb(g, node, next))
        return false;
    update_readers(g, node, &before, next);
    node->out[0] = next->out[0];
    node->out[0]->producer = node;
    next->n_in = next->n_out = 0; /* nothing reads it: pruned */
    return true;
}

void mt_graph_fuse(struct mt_graph *g)
{
    mt_graph_count_readers(g);
    for (size_t i = 0; i < g->n_nodes; i++)
        g->nodes[i]->number = i;
    for (size_t i = 0; i < g->n_nodes; i++) {
        struct mt_node *node = g->nodes[i];

        while (node->op->absorb && node->n_out && fuse_node(g, node))
            ;
    }
}

static bool is_needed(const struct mt_node *node)
{
    if (node->op->update)
        return true;
    for (size_t i = 0; i < node->n_out; i++) {
        const struct mt_value *v = node->out[i];

        if (v->readers || v->keep || (v->fixed && !v->view_of))
            return true;
    }
    return false;
}

/* From the last node to the first, so that nodes that only fed a dropped one
 * are dropped, too. Views compute nothing: their nodes go, their values
 * stay. */
void mt_graph_prune(struct mt_graph *g)
{
    size_t kept = g->n_nodes, forward = g->n_forward;

    mt_graph_count_readers(g);
    for (size_t i = g->n_nodes; i-- > 0;) {
        struct mt_node *node = g->nodes[i];

        if (is_needed(node) && node->op->run) {
            g->nodes[--kept] = node;
            continue;
        }
        if (!is_needed(node))
            drop_readings(node);
        if (i < g->n_forward)
            forward--;
    }
    for (size_t i = kept; i < g->n_nodes; i++)
        g->nodes[i - kept] = g->nodes[i];
    g->n_nodes -= kept;
    g->n_forward = forward;
}
