/*
 * The ops: what a graph can compute. Each function records one node and
 * returns its output. Shapes are the caller's duty (nn/ checks them and says
 * what is wrong); sizes below are as in torch, the batch first.
 *
 * To add an op: one file with its run and grad functions and its row `const
 * struct mt_op mt_op_NAME`, the recording function here, the row in ops.c, and
 * a case in gradient_test.c (the test fails for a row without one).
 */
#ifndef MT_GRAPH_OPS_H
#define MT_GRAPH_OPS_H

#include "graph/graph.h"
#include "tensor/activation.h"

/* Every op, NULL-terminated. */
extern const struct mt_op *const mt_ops[];

/* y (..., out) = x (..., in) w^T + b; w (out, in), b (out) or NULL */
struct mt_value *mt_linear(struct mt_graph *g, struct mt_value *x,
                           struct mt_value *w, struct mt_value *b);

/* y = f(x); p: up to two parameters of f */
struct mt_value *mt_activate(struct mt_graph *g, struct mt_value *x,
                             const struct mt_activation *f, const float p[2]);

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

/* 0 with probability p, else x / (1 - p); the key selects the stream */
struct mt_value *mt_dropout(struct mt_graph *g, struct mt_value *x, double p,
                            struct mt_philox_key key);

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
/* The same, the sum over a divisor of any size. */
struct mt_value *mt_pair_loss_over(struct mt_graph *g, struct mt_value *x,
                                   struct mt_value *t,
                                   const struct mt_pair_loss_type *type,
                                   double divisor, const float p[3]);

/* Binary cross-entropy with weights for each column: x and t (..., n); all
 * (n) weighs the column, hit (n) the part of it where t is 1. logits: x is
 * taken through the sigmoid first (hit is for these only). */
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
 * l_i = -w_t x_it, their sum, or the mean over the sum of the w_t. */
struct mt_nll {
    const float *weight;   /* (classes), lives as long as the graph, or NULL */
    int32_t ignore_index;
    bool mean;
};
struct mt_value *mt_nll(struct mt_graph *g, struct mt_value *x,
                        struct mt_value *t, const struct mt_nll *options);

#endif
