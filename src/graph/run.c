/* Running a finished graph. */
#include "graph/graph_internal.h"
#include "graph/sequence.h"
#include "kernels/dispatch.h"

/* Updates views of leaves: the owner may have moved a leaf's data. */
static void follow_leaves(const struct mt_graph *g)
{
    for (size_t i = 0; g->has_views && i < g->n_values; i++) {
        struct mt_value *v = g->values[i];

        if (v->view_of)
            v->data = mt_value_root(v)->data;
    }
}

static struct mt_run begin(const struct mt_graph *g, struct mt_team *team,
                           const struct mt_turn *turn)
{
    follow_leaves(g);
    return (struct mt_run){ team, *turn, turn->statistics,
                            turn->sequence ? turn->sequence->memory : NULL,
                            false, g->scratch };
}

static size_t statistics_of(const struct mt_node *node)
{
    return node->op->statistics ? node->op->statistics(node) : 0;
}

/* Moves statistics and memory past those of a node. */
static void pass_node(const struct mt_node *node, struct mt_run *run)
{
    if (run->statistics)
        run->statistics += statistics_of(node);
    if (run->turn.sequence)
        run->memory = (char *)run->memory +
                      mt_sequence_node_bytes(node, run->turn.sequence->context);
}

void mt_graph_run_part(const struct mt_graph *g, struct mt_team *team,
                       const struct mt_turn *turn)
{
    struct mt_run run = begin(g, team, turn);
    bool cut = turn->sequence && turn->sequence->no_outputs;
    size_t n = cut ? mt_sequence_nodes(g) : g->n_nodes;

    if (!turn->statistics && !turn->sequence && !turn->after) {
        /* saves time in short steps */
        for (size_t i = 0; i < n; i++)
            g->nodes[i]->op->run(g->nodes[i], &run);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        run.no_outputs = cut && i + 1 == n;
        g->nodes[i]->op->run(g->nodes[i], &run);
        pass_node(g->nodes[i], &run);
        if (turn->after)
            turn->after(turn->ctx, i);
    }
}

void mt_graph_run(const struct mt_graph *g, struct mt_team *team,
                  uint32_t step)
{
    struct mt_turn turn = { .step = step };

    mt_graph_run_part(g, team, &turn);
}

static bool writes(const struct mt_node *node, const char *first,
                   const char *end)
{
    for (size_t i = 0; i < node->n_out; i++) {
        const struct mt_value *v = mt_value_root(node->out[i]);
        const char *data = v->data;

        if (data < end &&
            data + mt_shape_elements(&v->shape) * sizeof(float) > first)
            return true;
    }
    return false;
}

size_t mt_graph_last_writer(const struct mt_graph *g, const void *first,
                            const void *end)
{
    size_t i = g->n_nodes;

    while (i > 0 && !writes(g->nodes[i - 1], first, end))
        i--;
    return i;
}

size_t mt_graph_statistics(const struct mt_graph *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_nodes; i++)
        n += statistics_of(g->nodes[i]);
    return n;
}

void mt_graph_update(const struct mt_graph *g, const double *statistics)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct mt_node *node = g->nodes[i];

        if (node->op->update)
            node->op->update(node, statistics);
        statistics += statistics_of(node);
    }
}

static bool outputs_finite(const struct mt_node *node)
{
    for (size_t i = 0; i < node->n_out; i++) {
        const struct mt_value *v = node->out[i];

        if (v->dtype == MT_F32 &&
            !mt_kernels()->all_finite(v->data, mt_shape_elements(&v->shape)))
            return false;
    }
    return true;
}

const struct mt_node *mt_graph_find_non_finite(const struct mt_graph *g,
                                               struct mt_team *team,
                                               const struct mt_turn *turn)
{
    struct mt_run run = begin(g, team, turn);

    for (size_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i]->op->run(g->nodes[i], &run);
        pass_node(g->nodes[i], &run);
        if (!outputs_finite(g->nodes[i]))
            return g->nodes[i];
    }
    return NULL;
}
