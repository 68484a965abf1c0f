/* Makes a recorded graph ready to run. */
#include "graph/graph_internal.h"

mt_status mt_graph_finish(struct mt_graph *g, size_t workers,
                          struct mt_err *err)
{
    if (!g->failed) {
        mt_graph_fuse(g);
        mt_graph_prune(g);
        mt_graph_defer(g);
        mt_graph_recompute(g);
        mt_graph_hand_over(g);
    }
    if (g->failed)
        return mt_fail_memory(err);
    return mt_graph_plan(g, workers, err);
}

size_t mt_graph_bytes(const struct mt_graph *g)
{
    return g->activation_bytes + g->scratch_bytes;
}

size_t mt_graph_own_bytes(const struct mt_graph *g)
{
    size_t listed = g->nodes_size + g->values_size + g->leaves_size;

    return mt_arena_bytes(&g->arena) + listed * sizeof(void *);
}
