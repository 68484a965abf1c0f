/* Running a finished graph. */
#include "graph/graph_internal.h"
#include "kernels/dispatch.h"

/* Views of leaves follow them: their owner may have moved their data. */
static void follow_leaves(const struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        struct mt_value *v = g->values[i];

        if (v->view_of)
            v->data = mt_value_root(v)->data;
    }
}

void mt_graph_run(const struct mt_graph *g, struct mt_team *team,
                  uint32_t step)
{
    struct mt_run run = { team, step, g->scratch };

    follow_leaves(g);
    for (size_t i = 0; i < g->n_nodes; i++)
        g->nodes[i]->op->run(g->nodes[i], &run);
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
                                               uint32_t step)
{
    struct mt_run run = { team, step, g->scratch };

    follow_leaves(g);
    for (size_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i]->op->run(g->nodes[i], &run);
        if (!outputs_finite(g->nodes[i]))
            return g->nodes[i];
    }
    return NULL;
}
