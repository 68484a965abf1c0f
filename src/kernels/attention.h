/*
 * Scaled dot-product attention of one head, forward and backward, in memory
 * linear in the number of positions: only blocks of rows of the matrix of
 * probabilities exist, and backward computes them again from each row's
 * maximum and sum (after Dao et al., "FlashAttention").
 *
 *     S = Q K^T scale,  P = softmax(S) (if causal, row i sees columns j <= i),
 *     O = dropout(P) V
 *
 * The bits: products are as in gemm.h, without the terms that are 0 because
 * they are masked; sums along a row of P are in blocks of 256, and dK and dV
 * are sums of products of 64 rows of P each, from the last rows to the first.
 */
#ifndef MT_KERNELS_ATTENTION_H
#define MT_KERNELS_ATTENTION_H

#include "kernels/dispatch.h"

struct mt_attention {
    size_t t, d;       /* positions, size of the head */
    size_t ld, ld_out; /* between rows of q, k, v and their gradients; of
                          out and its gradient */
    bool causal;
    float scale;
    struct mt_philox_key key; /* dropout, as the kernel takes it */
    uint32_t step, threshold; /* threshold 0: none */
    float keep_scale;
};

/* All have t rows; of max and sum these are numbers. */
struct mt_attention_head {
    const float *q, *k, *v;
    float *max, *sum;  /* forward: set; backward: read */
    float *out;        /* forward */
    const float *dout; /* backward, and the gradients that it sets */
    float *dq, *dk, *dv;
    size_t stream; /* the number of the head: selects random numbers */
};

/* Bytes of scratch memory, aligned to 64. */
size_t mt_attention_scratch(size_t t, size_t d);
size_t mt_attention_grad_scratch(size_t t, size_t d);

void mt_attention_forward(const struct mt_attention *a,
                          const struct mt_attention_head *h, float *scratch);
void mt_attention_backward(const struct mt_attention *a,
                           const struct mt_attention_head *h, float *scratch);

/* Position by position: bytes of the memory, aligned to 64, that keeps a head's
 * keys and values of up to `context` positions. */
size_t mt_attention_memory(size_t context, size_t d);

/* Keeps the keys and values of the a->t positions from `position` on. */
void mt_attention_remember(const struct mt_attention *a,
                           const struct mt_attention_head *h, size_t position,
                           size_t context, float *memory);

/* The output of one position (a->t is 1) that is kept already, as causal
 * attention without dropout over all positions up to this one gives it. */
void mt_attention_next(const struct mt_attention *a,
                       const struct mt_attention_head *h, size_t position,
                       size_t context, float *memory);

#endif
