/* Shared by the files of ops. */
#ifndef MT_GRAPH_OPS_INTERNAL_H
#define MT_GRAPH_OPS_INTERNAL_H

#include "graph/ops.h"

/* Every op by name: a row in the table of ops.c. */
#define MT_OPS(X)                                                              \
    X(linear) X(linear_grad_input) X(linear_grad_weight) X(column_sum)         \
    X(activation) X(activation_grad) X(prelu) X(prelu_grad)                    \
    X(softmax) X(softmax_grad) X(log_softmax) X(log_softmax_grad)              \
    X(add) X(mul) X(copy) X(view) X(permute) X(concat) X(slice) X(pad)         \
    X(dropout) X(dropout_channels)                                             \
    X(recurrent) X(recurrent_grad) X(recurrent_grad_weight)                    \
    X(recurrent_grad_bias)                                                     \
    X(conv) X(conv_grad_weight) X(conv_transpose) X(channel_sum)               \
    X(embedding) X(embedding_grad) X(add_rows) X(add_rows_grad)                \
    X(attention) X(attention_grad)                                             \
    X(row_dot) X(row_outer) X(row_mix) X(add_bias)                             \
    X(batch_norm) X(batch_norm_tracked) X(batch_norm_fixed) X(batch_norm_grad) \
    X(batch_norm_again)                                                        \
    X(layer_norm) X(layer_norm_grad) X(group_norm) X(group_norm_grad)          \
    X(instance_norm_tracked)                                                   \
    X(max_pool) X(max_pool_grad) X(max_squares) X(max_squares_grad)            \
    X(resample)                                                                \
    X(pair_loss) X(pair_loss_grad) X(cross_entropy) X(cross_entropy_grad)      \
    X(binary_loss) X(binary_loss_grad) X(nll) X(nll_grad)

#define X(name) extern const struct mt_op mt_op_##name;
MT_OPS(X)
#undef X

/* The activation and parameters of an activation or activation_grad node. */
const struct mt_activation *mt_activation_of(const struct mt_node *node,
                                             float p[2]);

/* out_j = sum over the rows, in order, of x_ij; rows are `stride` apart
 * (op_linear.c). The scratch memory has as many bytes as the other says. */
void mt_column_sums(struct mt_team *team, float *out, const float *x,
                    size_t rows, size_t n, size_t stride, float *scratch);
size_t mt_column_sums_scratch(size_t rows, size_t n);

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

/* NULL: the operand is absent. */
static inline float *mt_input_data(const struct mt_node *node, size_t input)
{
    return node->in[input] ? node->in[input]->data : NULL;
}

static inline size_t mt_last_dim(const struct mt_value *v)
{
    return v->shape.rank ? v->shape.dim[v->shape.rank - 1] : 1;
}

/* The number of rows along the last dimension. */
static inline size_t mt_rows(const struct mt_value *v)
{
    return mt_shape_elements(&v->shape) / mt_last_dim(v);
}

static inline size_t mt_elements(const struct mt_value *v)
{
    return mt_shape_elements(&v->shape);
}

/* Common functions for `along` (sequence.c): an element depends only on those
 * in the same place of all operands; a row along the last dimension only on
 * that row of operand 0. */
bool mt_along_elements(const struct mt_node *node, const int *in, int *out);
bool mt_along_rows(const struct mt_node *node, const int *in, int *out);

/* Running statistics (running.c). found: the statistics that a node found in a
 * run, as many as its op says. Updates the running ones, or leaves found for
 * mt_graph_update. */
void mt_running_found(const struct mt_node *node, const struct mt_run *run,
                      const double *found);

/* r_c = (1 - momentum) r_c + momentum found_c, c < n; found_c are stride apart
 */
void mt_running_update(float *r, const double *found, size_t stride, size_t n,
                       double momentum);

#endif
