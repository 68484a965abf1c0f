/* What the ops of normalisation share. */
#ifndef MT_GRAPH_NORM_INTERNAL_H
#define MT_GRAPH_NORM_INTERNAL_H

#include "graph/ops_internal.h"

/* GroupNorm of (N, C): the weights change from value to value, so that its
 * rows are those of LayerNorm. */
struct mt_value *mt_vector_group_norm(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      size_t groups, double eps);

/* Adds an output to `back` for the gradient of node's input, if that is
 * wanted. Returns its index, or -1. */
static inline int mt_grad_output(struct mt_graph *g, const struct mt_node *node,
                                 struct mt_node *back, size_t input,
                                 struct mt_value **d_in)
{
    if (!mt_wants_grad(node, input))
        return -1;
    d_in[input] = mt_node_output(g, back, MT_F32, &node->in[input]->shape);
    return (int)back->n_out - 1;
}

static inline float *mt_output_data(const struct mt_node *node, int output)
{
    return output < 0 ? NULL : node->out[output]->data;
}

/* NULL where that operand is not there. */
static inline float *mt_input_data(const struct mt_node *node, size_t input)
{
    return node->in[input] ? node->in[input]->data : NULL;
}

#endif
