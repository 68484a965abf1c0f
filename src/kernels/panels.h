/*
 * Matrix products with an operand that stays packed between calls: a weight
 * that many small products share (the steps of a recurrent layer). The bits
 * are those of mt_gemm: see gemm.h.
 *
 *     mt_panels_pack(wp, w, 1, k, k, n, team);                once
 *     mt_panels_multiply(m, n, k, x, ldx, wp, y, ldy, false); for each product
 *
 * B (k, n) is in panels of gemm_nr columns, one after the other, that of
 * column j at j * k: so a product can take the columns from any multiple of
 * MT_PANEL on.
 */
#ifndef MT_KERNELS_PANELS_H
#define MT_KERNELS_PANELS_H

#include "base/team.h"
#include "kernels/dispatch.h"

enum { MT_PANEL = 32 }; /* columns; a multiple of every table's gemm_nr */

/* Floats of a packed B. */
size_t mt_panels_size(size_t k, size_t n);

/* Element (p, j) of B is b[p * row + j * col]. */
void mt_panels_pack(float *out, const float *b, size_t row, size_t col,
                    size_t k, size_t n, struct mt_team *team);

/* C (m, n) = A B, or C += A B; A (m, k) has rows lda apart. */
void mt_panels_multiply(size_t m, size_t n, size_t k, const float *a,
                        size_t lda, const float *b, float *c, size_t ldc,
                        bool add);

#endif
