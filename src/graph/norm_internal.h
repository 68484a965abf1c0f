/* Shared by the ops of normalisation. */
#ifndef MT_GRAPH_NORM_INTERNAL_H
#define MT_GRAPH_NORM_INTERNAL_H

#include "graph/ops_internal.h"

/* GroupNorm of (N, C): each value has its own weight, so that rows are like
 * those of LayerNorm. */
struct mt_value *mt_vector_group_norm(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      size_t groups, double eps);

#endif
