/* The internals of a graph, for the files of graph/ that work on whole graphs:
 * graph.c (recording), autograd.c, fuse.c, deferred.c, recompute.c,
 * hand_over.c, plan.c, run.c. */
#ifndef MT_GRAPH_INTERNAL_H
#define MT_GRAPH_INTERNAL_H

#include "graph/graph.h"

struct mt_graph {
    struct mt_arena arena;
    bool training, failed;     /* failed: memory ran out while recording */
    bool hands_over;           /* runs may have a taker */
    const char *layer;
    struct mt_node **nodes;
    size_t n_nodes, nodes_size, n_forward;
    struct mt_value **values;  /* all of them */
    size_t n_values, values_size;
    bool has_views;           /* of leaves; set when bound */
    struct mt_value **leaves; /* by their tensors' numbers; NULL: none yet */
    size_t leaves_size;
    size_t activation_bytes;   /* of the plan; scratch follows them */
    size_t scratch_bytes;
    void *scratch;             /* as bound */
    struct mt_node discarded;  /* recording returns these once it failed */
    struct mt_value nothing;
    float one;                 /* the gradient of the loss */
};

struct mt_value *mt_graph_value(struct mt_graph *g, enum mt_dtype dtype,
                                const struct mt_shape *shape);

/* The value whose memory v uses, through views and in-place results. */
struct mt_value *mt_value_root(struct mt_value *v);

/* Counts the readers of every value. */
void mt_graph_count_readers(struct mt_graph *g);
void mt_graph_fuse(struct mt_graph *g);
void mt_graph_prune(struct mt_graph *g);
void mt_graph_defer(struct mt_graph *g);
void mt_graph_recompute(struct mt_graph *g);
void mt_graph_hand_over(struct mt_graph *g);
mt_status mt_graph_plan(struct mt_graph *g, size_t workers,
                        struct mt_err *err);

#endif
