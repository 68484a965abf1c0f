/* What the ops of normalisation share. */
#ifndef MT_GRAPH_NORM_INTERNAL_H
#define MT_GRAPH_NORM_INTERNAL_H

#include "graph/ops_internal.h"

/* GroupNorm of (N, C): the weights change from value to value, so that its
 * rows are those of LayerNorm. */
struct mt_value *mt_vector_group_norm(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      size_t groups, double eps);

#endif
