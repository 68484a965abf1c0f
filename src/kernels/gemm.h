/*
 * Single-precision matrix multiplication.
 *
 *     C (m, n) = A (m, k) B (k, n), or C += A B
 *
 * The bits: k is cut into blocks of MT_GEMM_KC in order; for each block every
 * output element is a chain of fma over k that starts at 0; the first block's
 * result is stored (or added to C, if `add`), each further one is added. Tile
 * sizes, threads and instruction sets change no bit of that.
 *
 * A and B are addressed by two strides each, so any transposition is a matter
 * of arguments: element (i, p) of A is a[i * a_row + p * a_col], element
 * (p, j) of B is b[p * b_row + j * b_col].
 *
 * While a block of C is in cache the epilogue runs over it:
 *     c = act(c + bias + sum), then c = c * act'(saved)
 * with the parts that are not NULL.
 *
 * A caller that needs C only once can take its parts instead, while they are in
 * cache. Then C is not written.
 */
#ifndef MT_KERNELS_GEMM_H
#define MT_KERNELS_GEMM_H

#include "base/team.h"
#include "kernels/dispatch.h"

enum {
    MT_GEMM_KC = 256,
    MT_GEMM_TAKE_READS = 4,
};

/* Takes rows [i, i + m) and columns [j, j + n) of a finished C: they are at c,
 * rows ldc apart. Threads call it at the same time, for parts that together are
 * all of C, in any order. */
typedef void mt_gemm_take(void *ctx, size_t i, size_t m, size_t j, size_t n,
                          const float *c, size_t ldc);

struct mt_gemm {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_col;
    const float *b;
    size_t b_row, b_col;
    float *c;
    size_t ldc;
    bool add;

    const float *bias;   /* (n) */
    const float *sum;    /* (m, n), row stride ldc */
    mt_unary *act;
    float *act_out; /* (m, n), row stride ldc: act's values go here, and C keeps
                       what it was applied to; NULL: they go to C */
    mt_unary_grad *act_grad;
    const float *saved;  /* (m, n), row stride ldc */
    const float *act_p;  /* parameters of act or act_grad */

    mt_gemm_take *take; /* or NULL; needs k > 0, neither add nor an epilogue */
    void *take_ctx;
    const float *take_reads[MT_GEMM_TAKE_READS]; /* (m, n) each, n apart; what
                                                    it reads of these, for its
                                                    part, is prefetched; others
                                                    are NULL */
};

/* Bytes of scratch memory that a product of this size takes with this many
 * workers; the scratch must be aligned to 64 bytes. */
size_t mt_gemm_scratch(size_t m, size_t n, size_t k, size_t workers);

/* The same where C is taken. */
size_t mt_gemm_take_scratch(size_t m, size_t n, size_t k, size_t workers);

void mt_gemm(const struct mt_gemm *g, struct mt_team *team, void *scratch);

#endif
