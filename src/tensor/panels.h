/*
 * Matrix products whose operands stay packed between calls: for a weight that
 * many small products share (the steps of a recurrent layer), and a left
 * operand that is packed by those who compute it. The bits are those of
 * mt_gemm: see gemm.h.
 *
 *     mt_panels_pack_b(wp, w, 1, k, k, n, team);      once
 *     mt_panels_pack_a(xp, m, k, x, ldx, 0, k);       for each product
 *     mt_panels_multiply(m, n, k, xp, wp, y, ldy, false);
 *
 * B (k, n) is in panels of gemm_nr columns, one after the other, that of
 * column j at j * k: so a product can take the columns from any multiple of
 * MT_PANEL on. A (m, k) is in panels of up to gemm_mr rows.
 */
#ifndef MT_TENSOR_PANELS_H
#define MT_TENSOR_PANELS_H

#include "base/team.h"
#include "tensor/kernels.h"

enum { MT_PANEL = 32 }; /* columns; a multiple of every table's gemm_nr */

/* Floats of a packed B. */
size_t mt_panels_b_size(size_t k, size_t n);

/* Element (p, j) of B is b[p * row + j * col]. */
void mt_panels_pack_b(float *out, const float *b, size_t row, size_t col,
                      size_t k, size_t n, struct mt_team *team);

/* Columns [at, at + width) of an A (m, k), m * k floats when packed, from m
 * rows of `width` numbers, `row` apart. */
void mt_panels_pack_a(float *out, size_t m, size_t k, const float *a,
                      size_t row, size_t at, size_t width);

/* C (m, n) = A B, or C += A B */
void mt_panels_multiply(size_t m, size_t n, size_t k, const float *a,
                        const float *b, float *c, size_t ldc, bool add);

#endif
