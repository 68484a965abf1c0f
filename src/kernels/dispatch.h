/*
 * The table of vector kernels: pure functions on float arrays, compiled once
 * per instruction set from kernels/ and chosen at run time. Every row below is
 * one kernel; each returns the same bits on every instruction set.
 *
 * mt_kernels() is the chosen table; the environment variable MTRAIN_ISA
 * (avx512, avx2, neon, generic) overrides the choice at mt_kernels_choose.
 *
 * Arrays need no alignment. Outputs may be the same array as an input where
 * both are indexed alike, but must not overlap otherwise.
 */
#ifndef MT_KERNELS_DISPATCH_H
#define MT_KERNELS_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/philox.h"
#include "base/status.h"
#include "kernels/moments.h"
#include "kernels/windows.h"

/* y_i = f(x_i); p: the function's parameters */
typedef void mt_unary(float *y, const float *x, size_t n, const float *p);
/* dx_i = g_i f'(s_i), where s is f's saved input or output */
typedef void mt_unary_grad(float *dx, const float *g, const float *s, size_t n,
                           const float *p);
/* Sum over i of a loss l(x_i, t_i); grad: dx_i = scale * l'(x_i, t_i). */
typedef double mt_pair_loss(const float *x, const float *t, size_t n,
                            const float *p);
typedef void mt_pair_loss_grad(float *dx, const float *x, const float *t,
                               size_t n, float scale, const float *p);

enum { MT_SUM_ROWS = 64 }; /* rows of a block of column_sum */

/* One optimizer pass over n consecutive values with the same settings. */
struct mt_sgd_step {
    float lr, momentum, one_minus_dampening, weight_decay;
    float sign;     /* -1 for maximize: g becomes -g */
    bool nesterov, first; /* first: the momentum buffer becomes g */
};

struct mt_adam_step {
    float beta1, beta2, eps;
    float one_minus_beta1, one_minus_beta2; /* rounded from double */
    float step_size;    /* lr / (1 - beta1^t) */
    float inv_bc2_sqrt; /* 1 / sqrt(1 - beta2^t) */
    float l2;           /* Adam: g += l2 p */
    float decay;        /* AdamW: p *= decay (1 - lr wd), 1 for none */
    float sign;         /* -1 for maximize */
    bool amsgrad;
};

/* In these, as in Adam: lr and what is made of it is the factor of the step,
 * l2 the penalty that the gradient takes up, decay the factor of the weights
 * (decoupled weight decay), sign -1 for maximize. */
struct mt_rmsprop_step {
    float lr, alpha, one_minus_alpha, eps, l2, momentum, sign;
};

struct mt_adagrad_step {
    float lr, eps, l2, sign;
};

struct mt_adadelta_step {
    float lr, rho, one_minus_rho, eps, l2, sign;
};

struct mt_adamax_step {
    float beta1, one_minus_beta1, beta2, eps, step_size, l2, sign;
};

struct mt_radam_step {
    float beta1, one_minus_beta1, beta2, one_minus_beta2, eps;
    float step_size, l2, decay, sign;
    bool rectified; /* false: the mean alone */
};

struct mt_nadam_step {
    float beta1, one_minus_beta1, beta2, one_minus_beta2, eps;
    float inv_bc2_sqrt;         /* 1 / sqrt(1 - beta2^t) */
    float grad_size, mean_size; /* factors of gradient and mean */
    float l2, decay, sign;
};

/* A part of one time step of an LSTM or a GRU: `units` of the `hidden` units,
 * for `rows` samples. Pointers are at the part's first element; rows of states
 * are `hidden` apart, those of gates 4 or 3 times that, with a section of
 * `hidden` for each gate in torch's order: i f g o, or r z n. */
struct mt_cell_step {
    size_t rows, units, hidden;
    float *gates;         /* in: their sums (a GRU's n: of the inputs alone);
                             out: activated */
    const float *bias;    /* GRU: b_hh, in sections like a row of gates; or
                             NULL */
    const float *h0, *c0; /* states before (GRU: h0; LSTM: c0), or NULL: 0 */
    float *h, *c;         /* states after; a GRU's c is not state but n's
                             recurrent sum, in: without its bias, out: with */
};

struct mt_cell_grad {
    size_t rows, units, hidden;
    const float *gates, *h0, *c0, *c; /* as the step left them */
    const float *dy;      /* the gradient of h from outside */
    float *dgates;        /* out: of the gates' sums; may be gates */
    float *dh;            /* in: the gradient of h from the later step; GRU,
                             out: what reaches h0 past the gates */
    float *dc;            /* LSTM: of c, in: from the later step, out: of c0;
                             GRU, out: of c */
};

/* Up to 16 rows of attention's scores, ld apart: row r has n + r step columns,
 * and may be read and written up to `width`, a multiple of 16; past its columns
 * it is set to 0. */
struct mt_score_rows {
    size_t rows, n, step, width, ld;
    float scale;      /* > 0 */
    float *max, *sum; /* (rows): of the scores times scale; of e^(x - max) */
};

/* Operands of GEMM's tiles, C (m, n) = A (m, k) B (k, n) with m up to gemm_mr
 * and n up to gemm_nr. B's rows may be read up to the next multiple of 16. */

struct mt_left {    /* element (i, p) of A is at[i row + p col] */
    const float *at;
    size_t row, col;
};

struct mt_columns { /* 16 of B's row: n from `at` on, others from `rest` */
    size_t at, rest, n;
};

struct mt_steps {   /* k = outer x inner: step (r, p) is at + r skip + p */
    size_t at, outer, inner, skip;
};

struct mt_soon { /* memory that is needed soon: a tile prefetches it from `at`
                    on, `pace` floats further at each step of k; and gemm_tile,
                    after each `steps` of them, `skip` floats further */
    const float *at;
    size_t pace;
    size_t steps; /* at least 1 */
    ptrdiff_t skip;
};

/* The activations: A(X, name, saves_output), where saves_output says that the
 * derivative reads the saved output, not the input. Each has two kernels (in
 * isa/activation.c) and is found by its name (activation.h). */
#define MT_ACTIVATIONS(A, X)                                                   \
    A(X, relu, true)                                                           \
    A(X, leaky_relu, false)                                                    \
    A(X, elu, false)                                                           \
    A(X, selu, false)                                                          \
    A(X, gelu, false)                                                          \
    A(X, gelu_tanh, false)                                                     \
    A(X, silu, false)                                                          \
    A(X, mish, false)                                                          \
    A(X, tanh, true)                                                           \
    A(X, sigmoid, true)                                                        \
    A(X, softplus, false)                                                      \
    A(X, hardswish, false)                                                     \
    A(X, hardtanh, true)

#define MT_ACTIVATION_KERNELS(X, name, saves_output)                           \
    X(void, name, (float *y, const float *x, size_t n, const float *p))        \
    X(void, name##_grad, (float *dx, const float *g, const float *s, size_t n, \
                          const float *p))

#define MT_KERNELS(X)                                                          \
    /* GEMM: a packed panel of B is (k, n), n rounded up to 16, zeros past n   \
     */                                                                        \
    X(void, gemm_pack_b,                                                       \
      (const float *b, size_t row, size_t col, size_t k, size_t n,             \
       float *out))                                                            \
    /* of A, m rows up to gemm_mr: (k, m), steps up to 16 floats apart, where  \
     * 16 past the last value may be written */                                \
    X(void, gemm_pack_a,                                                       \
      (const float *a, size_t row, size_t col, size_t m, size_t k,             \
       size_t step, float *out))                                               \
    X(void, gemm_tile,                                                         \
      (size_t m, size_t n, size_t k, const struct mt_left *a, const float *b,  \
       size_t b_row, float *copy, float *c, size_t ldc, bool add,              \
       const struct mt_soon *soon))                                            \
    X(void, gemm_tile_rows,                                                    \
      (size_t m, size_t n, size_t k, const struct mt_left *a,                  \
       const float *const *rows, const struct mt_columns *cols, float *c,      \
       size_t ldc, bool add, const struct mt_soon *soon))                      \
    X(void, gemm_tile_taps,                                                    \
      (size_t m, size_t n, const struct mt_steps *k, const float *const *rows, \
       const float *b, float *c, size_t ldc, bool add,                         \
       const struct mt_soon *soon))                                            \
    X(void, gemm_small,                                                        \
      (size_t m, size_t n, size_t k, const float *a, size_t a_row,             \
       size_t a_col, const float *b, size_t b_row, size_t b_col, float *c,     \
       size_t ldc, bool add))                                                  \
    /* elementwise */                                                          \
    X(void, copy_rows,                                                         \
      (float *y, size_t y_row, const float *x, size_t x_row, size_t rows,      \
       size_t n))                                                              \
    X(void, copy_even, (float *y, const float *x, size_t n))                   \
    X(void, copy_to_even, (float *y, const float *x, size_t n))                \
    X(void, add, (float *y, const float *a, const float *b, size_t n))         \
    /* the same, flushed (flush.h) */                                          \
    X(void, add_grad, (float *y, const float *a, const float *b, size_t n))    \
    X(void, mul, (float *y, const float *a, const float *b, size_t n))         \
    X(void, scale, (float *y, const float *x, size_t n, float s))              \
    X(void, shift, (float *y, const float *x, size_t n, float s))              \
    X(void, add_scaled, (float *y, const float *x, size_t n, float s))         \
    X(void, lerp, (float *y, const float *x, size_t n, float s))               \
    X(void, clamp,                                                             \
      (float *y, const float *x, size_t n, float low, float high))             \
    X(void, log, (float *y, const float *x, size_t n, const float *p))         \
    X(void, exp, (float *y, const float *x, size_t n, const float *p))         \
    X(void, erf, (float *y, const float *x, size_t n, const float *p))         \
    MT_ACTIVATIONS(MT_ACTIVATION_KERNELS, X)                                   \
    /* a slope for each element: y = x, or w x where x is not above 0; sum and \
       column_sum, in blocks as all sums: of g x there, over rows ld apart */  \
    X(void, prelu, (float *y, const float *x, const float *w, size_t n))       \
    X(void, prelu_grad,                                                        \
      (float *dx, const float *g, const float *x, const float *w, size_t n))   \
    X(double, prelu_sum, (const float *g, const float *x, size_t n))           \
    X(void, prelu_column_sum,                                                  \
      (float *dw, const float *g, const float *x, size_t rows, size_t n,       \
       size_t ld))                                                             \
    /* rows: (rows, n) arrays, reduced or normalised along n */                \
    X(void, softmax, (float *y, const float *x, size_t rows, size_t n))        \
    X(void, softmax_grad,                                                      \
      (float *dx, const float *g, const float *y, size_t rows, size_t n))      \
    /* of attention: scores in p become probabilities; the rows' maxima and    \
       sums are set or, by the gradient, read, and dp becomes that of scores   \
     */                                                                        \
    X(void, attention_softmax, (float *p, const struct mt_score_rows *s))      \
    X(void, attention_softmax_grad,                                            \
      (float *p, float *dp, const struct mt_score_rows *s))                    \
    X(void, log_softmax, (float *y, const float *x, size_t rows, size_t n))    \
    X(void, log_softmax_grad,                                                  \
      (float *dx, const float *g, const float *y, size_t rows, size_t n))      \
    /* out_j (+)= sum over the rows of x_ij, in blocks of MT_SUM_ROWS, in      \
       order */                                                                \
    X(void, column_sum,                                                        \
      (float *out, const float *x, size_t rows, size_t n, size_t ldx,          \
       bool add))                                                              \
    /* y_o = sum_i t_oi x_i for n rows of t */                                 \
    X(void, row_dots,                                                          \
      (float *y, const float *t, const float *x, size_t n, size_t k))          \
    /* normalisation over `runs` runs of n values, `stride` apart:             \
       m: the moments of all of them are added;                                \
       norm: y = (x - p0) p1 + p2; norm_sums: s0 += sum g,                     \
       s1 += sum g (x - mean); norm_grad: dx = g p1 + p2 + (x - p0) p3 */      \
    X(void, moments,                                                           \
      (struct mt_moments * m, const float *x, size_t runs, size_t n,           \
       size_t stride))                                                         \
    X(void, norm,                                                              \
      (float *y, const float *x, size_t runs, size_t n, size_t stride,         \
       const float *p))                                                        \
    X(void, norm_sums,                                                         \
      (double s[2], const float *g, const float *x, size_t runs, size_t n,     \
       size_t stride, float mean))                                             \
    X(void, norm_grad,                                                         \
      (float *dx, const float *g, const float *x, size_t runs, size_t n,       \
       size_t stride, const float *p))                                         \
    /* read through a normalisation: n = max((x - p0) p1 + p2, p3);            \
       add: y = max(n of a and p + n of b and q, low), q NULL: b as it is;     \
       relu_grad: dx = g where n of x is above 0 */                            \
    X(void, normed_rows,                                                       \
      (float *y, size_t y_row, const float *x, size_t x_row, size_t rows,      \
       size_t n, const float *p))                                              \
    X(void, normed_add,                                                        \
      (float *y, const float *a, const float *p, const float *b,               \
       const float *q, size_t n, float low))                                   \
    X(void, normed_relu_grad,                                                  \
      (float *dx, const float *g, const float *x, size_t n, const float *p))   \
    /* the same for each of n columns: sums are set, not added to, and p are   \
       arrays of n */                                                          \
    X(void, column_moments,                                                    \
      (double *mean, double *m2, const float *x, size_t rows, size_t n,        \
       size_t ldx))                                                            \
    X(void, column_norm,                                                       \
      (float *y, const float *x, size_t rows, size_t n, size_t ldx,            \
       const float *const p[3]))                                               \
    X(void, column_norm_sums,                                                  \
      (double *s, double *sx, const float *g, const float *x, size_t rows,     \
       size_t n, size_t ldx, const float *mean))                               \
    X(void, column_norm_grad,                                                  \
      (float *dx, const float *g, const float *x, size_t rows, size_t n,       \
       size_t ldx, const float *const p[4]))                                   \
    /* along rows: y = (x - mean) rstd w + b, rstd = 1 / sqrt(var + eps);      \
       mean NULL: not centred; w and b (n), b or both may be NULL */           \
    X(void, layer_norm,                                                        \
      (float *y, float *mean, float *rstd, const float *x, const float *w,     \
       const float *b, size_t rows, size_t n, double eps))                     \
    /* adds to dw and db; dx, db, or dw and db, may be NULL; sum, or NULL, is  \
       added to dx */                                                          \
    X(void, layer_norm_grad,                                                   \
      (float *dx, float *dw, float *db, const float *g, const float *x,        \
       const float *mean, const float *rstd, const float *w, const float *sum, \
       size_t rows, size_t n))                                                 \
    /* reductions; double results are block sums added in order */             \
    X(double, sum, (const float *x, size_t n))                                 \
    X(double, sum_squares, (const float *x, size_t n))                         \
    X(bool, all_finite, (const float *x, size_t n))                            \
    /* losses: sums and gradients */                                           \
    X(double, mse, (const float *x, const float *t, size_t n, const float *p)) \
    X(void, mse_grad,                                                          \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, l1, (const float *x, const float *t, size_t n, const float *p))  \
    X(void, l1_grad,                                                           \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, bce_logits,                                                      \
      (const float *x, const float *t, size_t n, const float *p))              \
    X(void, bce_logits_grad,                                                   \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    /* p[0]: beta; delta */                                                    \
    X(double, smooth_l1,                                                       \
      (const float *x, const float *t, size_t n, const float *p))              \
    X(void, smooth_l1_grad,                                                    \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, huber,                                                           \
      (const float *x, const float *t, size_t n, const float *p))              \
    X(void, huber_grad,                                                        \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, bce, (const float *x, const float *t, size_t n, const float *p)) \
    X(void, bce_grad,                                                          \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, kl_div,                                                          \
      (const float *x, const float *t, size_t n, const float *p))              \
    X(void, kl_div_grad,                                                       \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    X(double, kl_div_log,                                                      \
      (const float *x, const float *t, size_t n, const float *p))              \
    X(void, kl_div_log_grad,                                                   \
      (float *dx, const float *x, const float *t, size_t n, float scale,       \
       const float *p))                                                        \
    /* with weights q_i of t_i and w_i of the whole */                         \
    X(double, bce_weighted,                                                    \
      (const float *x, const float *t, const float *q, const float *w,         \
       size_t n))                                                              \
    X(void, bce_weighted_grad,                                                 \
      (float *dx, const float *x, const float *t, const float *q,              \
       const float *w, size_t n, float scale))                                 \
    X(double, bce_logits_weighted,                                             \
      (const float *x, const float *t, const float *q, const float *w,         \
       size_t n))                                                              \
    X(void, bce_logits_weighted_grad,                                          \
      (float *dx, const float *x, const float *t, const float *q,              \
       const float *w, size_t n, float scale))                                 \
    /* max_i = max_j x_ij, sum_i = sum_j exp(x_ij - max_i) */                  \
    X(void, softmax_stats,                                                     \
      (float *max, float *sum, const float *x, size_t rows, size_t n))         \
    /* dx_j = scale (exp(x_j - max) / sum - a) in one row */                   \
    X(void, softmax_minus,                                                     \
      (float *dx, const float *x, size_t n, float max, float sum, float scale, \
       float a))                                                               \
    /* dropout: y = x / keep where the stream's word is >= threshold, else 0;  \
       elements first ... first + n - 1 of the stream, first % 64 == 0 */      \
    X(void, dropout,                                                           \
      (float *y, const float *x, size_t n, size_t first,                       \
       struct mt_philox_key key, uint32_t step, uint32_t threshold,            \
       float scale))                                                           \
    /* initial values (nn/draw.h): elements first ... first + n - 1 of the     \
       stream, first % 64 == 0 */                                              \
    X(void, draw_uniform,                                                      \
      (float *y, size_t n, uint64_t first, struct mt_philox_key key, double a, \
       double width, float low, float high))                                   \
    X(void, draw_normal,                                                       \
      (float *y, size_t n, uint64_t first, struct mt_philox_key key,           \
       double mean, double std))                                               \
    /* two standard normal numbers of each block, first % 16 == 0 */           \
    X(void, normals,                                                           \
      (double *z, size_t blocks, uint64_t first, struct mt_philox_key key,     \
       uint32_t step))                                                         \
    /* windows along the rows of x (rows, in), and along the columns of planes \
       x (planes, in, width); every sum is divided by divisor */               \
    X(void, band_rows,                                                         \
      (float *y, const float *x, size_t rows, const struct mt_band *band,      \
       float divisor))                                                         \
    X(void, band_columns,                                                      \
      (float *y, const float *x, size_t planes, size_t width,                  \
       const struct mt_band *band))                                            \
    /* y: the maxima of the windows along rows, a NaN being one; at: their     \
       columns, the first of equals */                                         \
    X(void, max_rows,                                                          \
      (float *y, int32_t *at, const float *x, size_t rows,                     \
       const struct mt_windows *w))                                            \
    /* the maxima of windows along columns; index: at + width_in i, where row  \
       i has the first maximum; at and index NULL: not wanted */               \
    X(void, max_columns,                                                       \
      (float *y, int32_t *index, const float *x, const int32_t *at,            \
       size_t planes, size_t width, size_t width_in,                           \
       const struct mt_windows *w))                                            \
    /* the same over squares of 2 x 2 that do not overlap, and its gradient;   \
       x is (planes, h, w), y (planes, h / 2, w / 2). With y, the gradient of  \
       the pooling of relu: flushed, and 0 where y is not above 0 */           \
    X(void, max_squares,                                                       \
      (float *y, int32_t *index, const float *x, size_t planes, size_t h,      \
       size_t w))                                                              \
    X(void, max_squares_grad,                                                  \
      (float *dx, const float *g, const int32_t *index, const float *y,        \
       size_t planes, size_t h, size_t w))                                     \
    /* time steps of recurrent layers: see struct mt_cell_step */              \
    X(void, lstm_step, (const struct mt_cell_step *s))                         \
    X(void, lstm_grad, (const struct mt_cell_grad *s))                         \
    X(void, gru_step, (const struct mt_cell_step *s))                          \
    X(void, gru_grad, (const struct mt_cell_grad *s))                          \
    /* optimizers: p, g and the slots are arrays of n */                       \
    X(bool, sgd,                                                               \
      (float *p, const float *g, float *buf, size_t n,                         \
       const struct mt_sgd_step *s))                                           \
    X(bool, adam,                                                              \
      (float *p, const float *g, float *m, float *v, float *vmax, size_t n,    \
       const struct mt_adam_step *s))                                          \
    X(bool, rmsprop,                                                           \
      (float *p, const float *g, float *sq, float *avg, float *buf, size_t n,  \
       const struct mt_rmsprop_step *s))                                       \
    X(bool, adagrad,                                                           \
      (float *p, const float *g, float *sum, size_t n,                         \
       const struct mt_adagrad_step *s))                                       \
    X(bool, adadelta,                                                          \
      (float *p, const float *g, float *sq, float *acc, size_t n,              \
       const struct mt_adadelta_step *s))                                      \
    X(bool, adamax,                                                            \
      (float *p, const float *g, float *m, float *u, size_t n,                 \
       const struct mt_adamax_step *s))                                        \
    X(bool, radam,                                                             \
      (float *p, const float *g, float *m, float *v, size_t n,                 \
       const struct mt_radam_step *s))                                         \
    X(bool, nadam,                                                             \
      (float *p, const float *g, float *m, float *v, size_t n,                 \
       const struct mt_nadam_step *s))

struct mt_kernels {
    const char *isa;          /* "avx512", ... */
    size_t gemm_mr, gemm_nr;  /* the largest tile: rows, columns */
    size_t gemm_step; /* of a sliver, the rows of A of one tile with each
                         step's values together: floats from a step to
                         the next */
#define X(type, name, args) type(*name) args;
    MT_KERNELS(X)
#undef X
};

/* Chooses the best table that this CPU can run, or the one MTRAIN_ISA names
 * (an unknown or unsupported name is an error). Call once, before threads. */
mt_status mt_kernels_choose(struct mt_err *err);

/* The chosen table; "generic" until something was chosen. */
const struct mt_kernels *mt_kernels(void);

/* The tables this CPU can run, best first; n <= 4. */
size_t mt_kernels_available(const struct mt_kernels *out[4]);

/* Makes `kernels` the chosen table (tests compare tables this way). */
void mt_kernels_use(const struct mt_kernels *kernels);

#endif
