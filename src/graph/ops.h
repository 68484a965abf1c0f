/*
 * The ops: what a graph can compute. Each function records one node and returns
 * its output. Callers must pass valid shapes (nn/ checks them and reports what
 * is wrong); shapes below are as in torch, the batch first.
 *
 * Operands have names: the file of an op numbers its nodes' inputs and outputs
 * by enums (node->in[WEIGHT]); an optional one that is absent, as a bias, is
 * NULL in its place.
 *
 * To add an op: one file with its run, grad and onnx functions and its row
 * `const struct mt_op mt_op_NAME`, the recording function here, the row in
 * ops.c, and a case in gradient_test.c (the test fails for a row without one).
 */
#ifndef MT_GRAPH_OPS_H
#define MT_GRAPH_OPS_H

#include "graph/graph.h"
#include "kernels/activation.h"
#include "kernels/conv.h"

/* Every op, NULL-terminated. */
extern const struct mt_op *const mt_ops[];

/* y (..., out) = x (..., in) w^T + b; w (out, in), b (out) or NULL */
struct mt_value *mt_linear(struct mt_graph *g, struct mt_value *x,
                           struct mt_value *w, struct mt_value *b);

/* y = f(x); p: up to two parameters of f */
struct mt_value *mt_activate(struct mt_graph *g, struct mt_value *x,
                             const struct mt_activation *f, const float p[2]);

/* y = x, or w x where x is not above 0; w has one value, or one for each
 * channel of x (n, c, ...) */
struct mt_value *mt_prelu(struct mt_graph *g, struct mt_value *x,
                          struct mt_value *w);

/* along the last dimension */
struct mt_value *mt_softmax(struct mt_graph *g, struct mt_value *x);
struct mt_value *mt_log_softmax(struct mt_graph *g, struct mt_value *x);

/* elementwise, equal shapes */
struct mt_value *mt_add(struct mt_graph *g, struct mt_value *a,
                        struct mt_value *b);
struct mt_value *mt_mul(struct mt_graph *g, struct mt_value *a,
                        struct mt_value *b);
struct mt_value *mt_copy(struct mt_graph *g, struct mt_value *x);

/* the same elements in another shape; no work at run time */
struct mt_value *mt_view(struct mt_graph *g, struct mt_value *x,
                         const struct mt_shape *shape);

/* dimension i of the result is dimension order[i] of x */
struct mt_value *mt_permute(struct mt_graph *g, struct mt_value *x,
                            const int order[MT_MAX_RANK]);

/* n <= 8 values joined along dimension dim, equal in all others */
struct mt_value *mt_concat(struct mt_graph *g, struct mt_value *const *x,
                           size_t n, int dim);
/* dimension dim cut to [start, start + length) */
struct mt_value *mt_slice(struct mt_graph *g, struct mt_value *x, int dim,
                          size_t start, size_t length);
/* dimension dim padded to `whole` with zeros; x begins at start */
struct mt_value *mt_pad(struct mt_graph *g, struct mt_value *x, int dim,
                        size_t start, size_t whole);

/* 0 with probability p, else x / (1 - p); the key selects the stream */
struct mt_value *mt_dropout(struct mt_graph *g, struct mt_value *x, double p,
                            struct mt_philox_key key);
/* The same for whole channels of x (n, c, ...). */
struct mt_value *mt_dropout_channels(struct mt_graph *g, struct mt_value *x,
                                     double p, struct mt_philox_key key);

/* One direction of one recurrent layer over time-major arrays, from the state
 * 0: "rnn_tanh", "rnn_relu", "lstm", "gru" (NULL: no such cell). gx (T, N,
 * gates H): the gates' sums over the inputs, with biases, in torch's order;
 * w_hh (gates H, H). Only for a GRU, b_hh (gates H) or NULL: it is not included
 * in gx, since the reset gate multiplies the candidate's. Returns h (T, N, H).
 * reverse: from the last time to the first. */
struct mt_cell;
const struct mt_cell *mt_cell_find(const char *name);
size_t mt_cell_gates(const struct mt_cell *cell);
bool mt_cell_takes_bias(const struct mt_cell *cell); /* b_hh, see above */
struct mt_value *mt_recurrent(struct mt_graph *g, const struct mt_cell *cell,
                              struct mt_value *gx, struct mt_value *w_hh,
                              struct mt_value *b_hh, bool reverse);

/* y (n, o, oh, ow) = conv(x (n, c, h, w), w) + b; rank 3 without the height.
 * Sizes and options are in cv (kernels/conv.h); b may be NULL. */
struct mt_value *mt_conv_op(struct mt_graph *g, struct mt_value *x,
                            struct mt_value *w, struct mt_value *b,
                            const struct mt_conv *cv);
/* The transposed convolution: from (n, groups o, oh, ow) to (n, groups c, h,
 * w). */
struct mt_value *mt_conv_transpose_op(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      const struct mt_conv *cv);

/* tokens (...) int32 in 0 ... v-1, w (v, d): (..., d). The token `padding` (-1:
 * none) has no gradient. */
struct mt_value *mt_embedding(struct mt_graph *g, struct mt_value *tokens,
                              struct mt_value *w, int64_t padding);

/* y = x + w, where w (m, ...) is added to every sample (t <= m, ...) of x. */
struct mt_value *mt_add_rows(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *w);

/* y_ro = sum_i t_roi x_ri: t (..., n, k), x (..., k), y (..., n) */
struct mt_value *mt_row_dot(struct mt_graph *g, struct mt_value *t,
                            struct mt_value *x);

/* y = x + b along the last dimension */
struct mt_value *mt_add_bias(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *b);

/* qkv (n, t, 3 d): queries, keys, values side by side; out (n, t, d). */
struct mt_value *mt_attention(struct mt_graph *g, struct mt_value *qkv,
                              size_t heads, bool causal, double dropout,
                              struct mt_philox_key key);

/* --- normalisation: w and b may both be NULL ------------------------------ */

/* over the last dimensions, which have `width` elements; w, b (width) */
struct mt_value *mt_layer_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               size_t width, double eps);
struct mt_value *mt_rms_norm(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *w, size_t width, double eps);

/* x (N, C, ...) over each sample's C / groups channels; w, b (C) */
struct mt_value *mt_group_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               size_t groups, double eps);

/* Running statistics: buffers of float32 (C) and of one int64. */
struct mt_running {
    struct mt_value *mean, *var, *batches;
};

/* x (N, C, ...) of rank 3 or more, over each channel of each sample; w, b (C).
 * Updates the running mean and variance (NULL: none) with this momentum; the
 * count of batches is not used. */
struct mt_value *mt_instance_norm(struct mt_graph *g, struct mt_value *x,
                                  struct mt_value *w, struct mt_value *b,
                                  const struct mt_running *running,
                                  double momentum, double eps);

/* x (N, C, ...) over the batch; w, b (C). Updates the running statistics (NULL:
 * none) with this momentum; NAN: with 1 / batches. */
struct mt_value *mt_batch_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               const struct mt_running *running,
                               double momentum, double eps);

/* The same with given statistics, for evaluation; not differentiable. */
struct mt_value *mt_batch_norm_fixed(struct mt_graph *g, struct mt_value *x,
                                     struct mt_value *w, struct mt_value *b,
                                     struct mt_value *mean,
                                     struct mt_value *var, double eps);

/* --- pooling and resampling: x (n, c, w) or (n, c, h, w); of arrays [2], [0]
 * is for h and [1] for w
 * ------------------------------------------------------ */

struct mt_pool_axis {
    size_t kernel, stride, padding, dilation; /* at most INT32_MAX */
    bool ceil_mode;                           /* windows may reach beyond it */
};

/* The number of outputs of an axis; 0: no window fits. */
size_t mt_pool_size(const struct mt_pool_axis *axis, size_t in);

/* Each window must have an element that is not padding, and a plane at most
 * INT32_MAX elements. */
struct mt_value *mt_max_pool(struct mt_graph *g, struct mt_value *x,
                             const struct mt_pool_axis axes[2]);

/* divisor: of every window, instead of its size; 0: none. No dilation. */
struct mt_value *mt_avg_pool(struct mt_graph *g, struct mt_value *x,
                             const struct mt_pool_axis axes[2],
                             bool count_include_pad, double divisor);
struct mt_value *mt_adaptive_avg_pool(struct mt_graph *g, struct mt_value *x,
                                      const size_t size[2]);
struct mt_value *mt_adaptive_max_pool(struct mt_graph *g, struct mt_value *x,
                                      const size_t size[2]);

struct mt_upsample {
    size_t size[2];
    double factor[2]; /* out / in as given by the user; 0: that of the sizes */
    bool linear;      /* false: nearest */
    bool align_corners;
};
struct mt_value *mt_upsample(struct mt_graph *g, struct mt_value *x,
                             const struct mt_upsample *options);

/* --- losses: a scalar -------------------------------------------------- */

/* Losses over pairs: x and t have equal element counts; sum or mean of
 * l(x_i, t_i). */
struct mt_pair_loss_type {
    const char *name; /* "mse" */
    size_t forward, backward; /* offsets of the kernels in struct mt_kernels */
};
const struct mt_pair_loss_type *mt_pair_loss_find(const char *name);
struct mt_value *mt_pair_loss_of(struct mt_graph *g, struct mt_value *x,
                                 struct mt_value *t,
                                 const struct mt_pair_loss_type *type,
                                 bool mean, const float p[3]);
/* The same, but the sum divided by any divisor. */
struct mt_value *mt_pair_loss_over(struct mt_graph *g, struct mt_value *x,
                                   struct mt_value *t,
                                   const struct mt_pair_loss_type *type,
                                   double divisor, const float p[3]);

/* Binary cross-entropy with weights for each column of x and t (..., n): all
 * (n) is torch's weight, hit (n) torch's pos_weight. logits: applies the
 * sigmoid to x first (hit needs this). */
struct mt_binary_loss {
    const float *hit, *all; /* read while recording only; NULL: 1 */
    bool logits, mean;
};
struct mt_value *mt_binary_loss(struct mt_graph *g, struct mt_value *x,
                                struct mt_value *t,
                                const struct mt_binary_loss *options);

/* x (rows, classes) logits, t (rows) int32 classes or ignore_index. */
struct mt_cross_entropy {
    const float *weight;   /* (classes), lives as long as the graph, or NULL */
    double label_smoothing;
    int32_t ignore_index;
    bool mean;
};
struct mt_value *mt_cross_entropy(struct mt_graph *g, struct mt_value *x,
                                  struct mt_value *t,
                                  const struct mt_cross_entropy *options);

/* x (rows, classes) log-probabilities, t (rows) int32 classes or ignore_index:
 * the sum of l_i = -w_t x_it, or that divided by the sum of the w_t (mean). */
struct mt_nll {
    const float *weight;   /* (classes), lives as long as the graph, or NULL */
    int32_t ignore_index;
    bool mean;
};
struct mt_value *mt_nll(struct mt_graph *g, struct mt_value *x,
                        struct mt_value *t, const struct mt_nll *options);

#endif
