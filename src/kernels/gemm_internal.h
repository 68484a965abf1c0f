/* What the files of gemm.h share. */
#ifndef MT_KERNELS_GEMM_INTERNAL_H
#define MT_KERNELS_GEMM_INTERNAL_H

#include "kernels/fetch.h"
#include "kernels/gemm.h"

enum {
    MT_GEMM_PANEL = 32,     /* columns of the widest tile of any table */
    MT_GEMM_ALL_ROWS = 320, /* up to here a task takes all rows of C */
};

/* Bias and activation of rows [i, i + m) and columns [j, j + n) of C, while they
 * are in cache: gemm_epilogue.c. */
void mt_gemm_epilogue(const struct mt_gemm *g, const struct mt_kernels *kernels,
                      size_t i, size_t m, size_t j, size_t n);

bool mt_gemm_has_epilogue(const struct mt_gemm *g);

/* Products that pack both operands: gemm_packed.c. The bits are the same. */
bool mt_gemm_packs_both(const struct mt_gemm *g);
void mt_gemm_packed(const struct mt_gemm *g, struct mt_team *team,
                    float *scratch);

/* Products with long sums: gemm_spread.c. The bits are the same. */
bool mt_gemm_spreads(const struct mt_gemm *g, size_t workers);
void mt_gemm_spread(const struct mt_gemm *g, struct mt_team *team,
                    float *scratch);

/* Floats of scratch memory; 0 where no product of these sizes is spread. */
size_t mt_gemm_spread_floats(size_t m, size_t n, size_t k, size_t workers);

/* Floats of scratch memory. taken: k, where C is taken; else 0. */
size_t mt_gemm_packed_floats(size_t m, size_t n, size_t taken, size_t workers);

/* Does any product of these sizes pack both, whatever its strides? */
bool mt_gemm_may_pack(size_t m, size_t n, size_t k);

#endif
