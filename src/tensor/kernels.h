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
#ifndef MT_TENSOR_KERNELS_H
#define MT_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/philox.h"
#include "base/status.h"

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

#define MT_KERNELS(X)                                                          \
    /* GEMM: see gemm.h for the packed layouts */                              \
    X(void, gemm_pack_a, (const float *a, size_t row, size_t col, size_t m,    \
                          size_t k, float *out))                               \
    X(void, gemm_pack_b, (const float *b, size_t row, size_t col, size_t k,    \
                          size_t n, float *out))                               \
    X(void, gemm_tile, (size_t m, size_t n, size_t k, const float *a,          \
                        const float *b, float *c, size_t ldc, bool add))       \
    X(void, gemm_small, (size_t m, size_t n, size_t k, const float *a,         \
                         size_t a_row, size_t a_col, const float *b,           \
                         size_t b_row, size_t b_col, float *c, size_t ldc,     \
                         bool add))                                            \
    /* elementwise */                                                          \
    X(void, add, (float *y, const float *a, const float *b, size_t n))         \
    X(void, mul, (float *y, const float *a, const float *b, size_t n))         \
    X(void, scale, (float *y, const float *x, size_t n, float s))              \
    X(void, add_scaled, (float *y, const float *x, size_t n, float s))         \
    X(void, clamp, (float *y, const float *x, size_t n, float low,             \
                    float high))                                               \
    X(void, log, (float *y, const float *x, size_t n, const float *p))         \
    X(void, exp, (float *y, const float *x, size_t n, const float *p))         \
    X(void, erf, (float *y, const float *x, size_t n, const float *p))         \
    /* activations and their derivatives */                                    \
    X(void, relu, (float *y, const float *x, size_t n, const float *p))        \
    X(void, leaky_relu, (float *y, const float *x, size_t n, const float *p))  \
    X(void, elu, (float *y, const float *x, size_t n, const float *p))         \
    X(void, selu, (float *y, const float *x, size_t n, const float *p))        \
    X(void, gelu, (float *y, const float *x, size_t n, const float *p))        \
    X(void, gelu_tanh, (float *y, const float *x, size_t n, const float *p))   \
    X(void, silu, (float *y, const float *x, size_t n, const float *p))        \
    X(void, mish, (float *y, const float *x, size_t n, const float *p))        \
    X(void, tanh, (float *y, const float *x, size_t n, const float *p))        \
    X(void, sigmoid, (float *y, const float *x, size_t n, const float *p))     \
    X(void, softplus, (float *y, const float *x, size_t n, const float *p))    \
    X(void, hardswish, (float *y, const float *x, size_t n, const float *p))   \
    X(void, relu_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, leaky_relu_grad, (float *dx, const float *g, const float *s,       \
                              size_t n, const float *p))                       \
    X(void, elu_grad, (float *dx, const float *g, const float *s, size_t n,    \
                       const float *p))                                        \
    X(void, selu_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, gelu_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, gelu_tanh_grad, (float *dx, const float *g, const float *s,        \
                             size_t n, const float *p))                        \
    X(void, silu_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, mish_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, tanh_grad, (float *dx, const float *g, const float *s, size_t n,   \
                        const float *p))                                       \
    X(void, sigmoid_grad, (float *dx, const float *g, const float *s,          \
                           size_t n, const float *p))                          \
    X(void, softplus_grad, (float *dx, const float *g, const float *s,         \
                            size_t n, const float *p))                         \
    X(void, hardswish_grad, (float *dx, const float *g, const float *s,        \
                             size_t n, const float *p))                        \
    /* rows: (rows, n) arrays, reduced or normalised along n */                \
    X(void, softmax, (float *y, const float *x, size_t rows, size_t n))        \
    X(void, softmax_grad, (float *dx, const float *g, const float *y,          \
                           size_t rows, size_t n))                             \
    X(void, log_softmax, (float *y, const float *x, size_t rows, size_t n))    \
    X(void, log_softmax_grad, (float *dx, const float *g, const float *y,      \
                               size_t rows, size_t n))                         \
    /* out_j (+)= sum over the rows, in order, of x_ij */                      \
    X(void, column_sum, (float *out, const float *x, size_t rows, size_t n,    \
                         size_t ldx, bool add))                                \
    /* reductions; double results are block sums added in order */             \
    X(double, sum, (const float *x, size_t n))                                 \
    X(double, sum_squares, (const float *x, size_t n))                         \
    X(bool, all_finite, (const float *x, size_t n))                            \
    /* losses: sums and gradients */                                           \
    X(double, mse, (const float *x, const float *t, size_t n, const float *p)) \
    X(void, mse_grad, (float *dx, const float *x, const float *t, size_t n,    \
                       float scale, const float *p))                           \
    X(double, l1, (const float *x, const float *t, size_t n, const float *p))  \
    X(void, l1_grad, (float *dx, const float *x, const float *t, size_t n,     \
                      float scale, const float *p))                            \
    X(double, bce_logits, (const float *x, const float *t, size_t n,           \
                           const float *p))                                    \
    X(void, bce_logits_grad, (float *dx, const float *x, const float *t,       \
                              size_t n, float scale, const float *p))          \
    /* p[0]: beta; delta */                                                    \
    X(double, smooth_l1, (const float *x, const float *t, size_t n,            \
                          const float *p))                                     \
    X(void, smooth_l1_grad, (float *dx, const float *x, const float *t,        \
                             size_t n, float scale, const float *p))           \
    X(double, huber, (const float *x, const float *t, size_t n,                \
                      const float *p))                                         \
    X(void, huber_grad, (float *dx, const float *x, const float *t,            \
                         size_t n, float scale, const float *p))               \
    X(double, bce, (const float *x, const float *t, size_t n,                  \
                    const float *p))                                           \
    X(void, bce_grad, (float *dx, const float *x, const float *t,              \
                       size_t n, float scale, const float *p))                 \
    X(double, kl_div, (const float *x, const float *t, size_t n,               \
                       const float *p))                                        \
    X(void, kl_div_grad, (float *dx, const float *x, const float *t,           \
                          size_t n, float scale, const float *p))              \
    X(double, kl_div_log, (const float *x, const float *t, size_t n,           \
                           const float *p))                                    \
    X(void, kl_div_log_grad, (float *dx, const float *x, const float *t,       \
                              size_t n, float scale, const float *p))          \
    /* with weights q_i of t_i and w_i of the whole */                         \
    X(double, bce_weighted, (const float *x, const float *t,                   \
                             const float *q, const float *w,                   \
                             size_t n))                                        \
    X(void, bce_weighted_grad, (float *dx, const float *x,                     \
                                const float *t, const float *q,                \
                                const float *w, size_t n,                      \
                                float scale))                                  \
    X(double, bce_logits_weighted, (const float *x, const float *t,            \
                                    const float *q, const float *w,            \
                                    size_t n))                                 \
    X(void, bce_logits_weighted_grad, (float *dx, const float *x,              \
                                       const float *t, const float *q,         \
                                       const float *w, size_t n,               \
                                       float scale))                           \
    /* max_i = max_j x_ij, sum_i = sum_j exp(x_ij - max_i) */                  \
    X(void, softmax_stats, (float *max, float *sum, const float *x,            \
                            size_t rows, size_t n))                            \
    /* dx_j = scale (exp(x_j - max) / sum - a) in one row */                   \
    X(void, softmax_minus, (float *dx, const float *x, size_t n, float max,    \
                            float sum, float scale, float a))                  \
    /* dropout: y = x / keep where the stream's word is >= threshold, else 0;  \
       elements first ... first + n - 1 of the stream, first % 64 == 0 */      \
    X(void, dropout, (float *y, const float *x, size_t n, size_t first,        \
                      struct mt_philox_key key, uint32_t step,                 \
                      uint32_t threshold, float scale))                        \
    /* optimizers: p, g and the slots are arrays of n */                       \
    X(bool, sgd, (float *p, const float *g, float *buf, size_t n,              \
                  const struct mt_sgd_step *s))                                \
    X(bool, adam, (float *p, const float *g, float *m, float *v, float *vmax,  \
                   size_t n, const struct mt_adam_step *s))

struct mt_kernels {
    const char *isa;          /* "avx512", ... */
    size_t gemm_mr, gemm_nr;  /* the largest tile: rows, columns */
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
