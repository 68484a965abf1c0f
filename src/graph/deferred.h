/*
 * BatchNorm without a pass over memory of its own. If all readers of its output
 * can do so, and of a ReLU fused into it, it only finds the coefficients of
 * each channel, and they normalise what they read of its input, with the same
 * bits (kernels/normed.h). So the output is neither written nor kept for
 * backward, nor recomputed there.
 */
#ifndef MT_GRAPH_DEFERRED_H
#define MT_GRAPH_DEFERRED_H

#include "graph/graph.h"
#include "kernels/normed.h"

/* How a node reads one of its inputs; part of its op's arguments. */
struct mt_deferred {
    size_t coef; /* which input has the coefficients (3, channels); 0: the input
                    is read as it is */
    bool relu;
};

/* The elements of a channel of a sample, in (n, channels, ...). */
static inline size_t mt_channel_size(const struct mt_value *v)
{
    return mt_shape_elements(&v->shape) / v->shape.dim[0] / v->shape.dim[1];
}

/* For kernels: fills m and returns it, or NULL if the input is read as it is.
 */
const struct mt_normed *mt_deferred_read(const struct mt_deferred *d,
                                         const struct mt_node *node,
                                         struct mt_normed *m);

#endif
