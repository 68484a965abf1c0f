/*
 * The inner parts of matrix multiplication; ../gemm.c puts them together and
 * ../gemm.h states the rule that fixes the bits.
 */
#include "tensor/kernels/kernels_internal.h"

/* Rows [i, i + m) of A, k columns, become one panel [k][m]. */
static void pack_panel(const float *a, size_t row, size_t col, size_t m,
                       size_t k, float *out)
{
    for (size_t p = 0; p < k; p++) {
        for (size_t i = 0; i < m; i++)
            out[p * m + i] = a[i * row + p * col];
    }
}

/* The same where the columns of A are contiguous (col == 1): 16 x 16 blocks
 * are transposed in registers. Rows behind m are not touched. */
static void pack_panel_transposed(const float *a, size_t row, size_t m,
                                  size_t k, float *out)
{
    size_t p = 0;

    for (; p + VL <= k; p += VL) {
        vf r[VL];

        for (size_t i = 0; i < VL; i++)
            r[i] = i < m ? vf_load(a + i * row + p) : vf_zero();
        vf_transpose(r);
        for (size_t j = 0; j < VL; j++)
            vf_store_n(out + (p + j) * m, r[j], m);
    }
    pack_panel(a + p, row, 1, m, k - p, out + p * m);
}

/* The same where the rows of A are contiguous (row == 1). */
static void pack_panel_straight(const float *a, size_t col, size_t m, size_t k,
                                float *out)
{
    for (size_t p = 0; p < k; p++)
        vf_store_n(out + p * m, vf_load_n(a + p * col, m), m);
}

/* m rows in ceil(m / MR) panels whose sizes differ by at most one. */
void MT_FN(gemm_pack_a)(const float *a, size_t row, size_t col, size_t m,
                        size_t k, float *out)
{
    size_t panels = (m + GEMM_MR - 1) / GEMM_MR;

    for (size_t i = 0, p = 0; p < panels; p++) {
        size_t rows = m / panels + (p < m % panels);

        if (col == 1 && row != 1)
            pack_panel_transposed(a + i * row, row, rows, k, out + i * k);
        else if (row == 1)
            pack_panel_straight(a + i, col, rows, k, out + i * k);
        else
            pack_panel(a + i * row, row, col, rows, k, out + i * k);
        i += rows;
    }
}

/* k rows of 16 or 32 columns from a B whose rows are contiguous. */
static void pack_b_rows(const float *b, size_t row, size_t k, size_t n,
                        size_t width, float *out)
{
    for (size_t p = 0; p < k; p++) {
        for (size_t j = 0; j < width; j += VL) {
            size_t left = n > j ? n - j : 0;
            vf x = left >= VL ? vf_load(b + p * row + j)
                              : vf_load_n(b + p * row + j, left);

            vf_store(out + p * width + j, x);
        }
    }
}

/* 16 columns [j, j + n) of a B whose columns are contiguous. */
static void pack_b_columns(const float *b, size_t col, size_t k, size_t n,
                           size_t width, float *out)
{
    size_t p = 0;

    for (; p < k; p += VL) {
        vf r[VL];
        size_t left = k - p < VL ? k - p : VL;

        for (size_t j = 0; j < VL; j++) {
            if (j >= n)
                r[j] = vf_zero();
            else if (left == VL)
                r[j] = vf_load(b + j * col + p);
            else
                r[j] = vf_load_n(b + j * col + p, left);
        }
        vf_transpose(r);
        for (size_t i = 0; i < left; i++)
            vf_store(out + (p + i) * width, r[i]);
    }
}

/* One panel: k rows of n <= NR columns, in 16 or NR columns, zeros behind. */
void MT_FN(gemm_pack_b)(const float *b, size_t row, size_t col, size_t k,
                        size_t n, float *out)
{
    size_t width = (n + VL - 1) / VL * VL;

    if (col == 1) {
        pack_b_rows(b, row, k, n, width, out);
        return;
    }
    for (size_t j = 0; j < width; j += VL) {
        size_t left = n - j < VL ? n - j : VL;

        if (row == 1) {
            pack_b_columns(b + j * col, col, k, left, width, out + j);
            continue;
        }
        for (size_t p = 0; p < k; p++) {
            for (size_t i = 0; i < VL; i++)
                out[p * width + j + i] =
                    i < left ? b[p * row + (j + i) * col] : 0;
        }
    }
}

/* One panel of B whose column j is rows[j][at ...]: n columns of k values. */
void MT_FN(gemm_pack_rows)(const float *const *rows, size_t at, size_t k,
                           size_t n, float *out)
{
    size_t width = (n + VL - 1) / VL * VL;

    for (size_t j = 0; j < width; j += VL) {
        for (size_t p = 0; p < k; p += VL) {
            size_t left = k - p < VL ? k - p : VL;
            vf r[VL];

            for (size_t i = 0; i < VL; i++)
                r[i] = j + i >= n    ? vf_zero()
                       : left == VL ? vf_load(rows[j + i] + at + p)
                                    : vf_load_n(rows[j + i] + at + p, left);
            vf_transpose(r);
            for (size_t i = 0; i < left; i++)
                vf_store(out + (p + i) * width + j, r[i]);
        }
    }
}

/* C (m x 16 nv, the last vector cut to `tail` columns) = or += A B over k,
 * each element one chain of fma from 0. B is a packed panel, or its row p is
 * at rows[p] + at (and may be read up to 16 nv values). m and nv are constants
 * in each call, so that the accumulators are registers. */
VINLINE void tile(const size_t m, const size_t nv, size_t k, const float *a,
                  const float *b, const float *const *rows, size_t at,
                  float *c, size_t ldc, size_t tail, bool add)
{
    vf acc[GEMM_MR][GEMM_NRV];

#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
    for (size_t p = 0; p < k; p++, a += m, b += rows ? 0 : nv * VL) {
        const float *row = rows ? rows[p] + at : b;
        vf bv[GEMM_NRV];

#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++)
            bv[j] = vf_load(row + j * VL);
#pragma GCC unroll 16
        for (size_t i = 0; i < m; i++) {
            vf av = vf_set1(a[i]);

#pragma GCC unroll 2
            for (size_t j = 0; j < nv; j++)
                acc[i][j] = vf_fma(av, bv[j], acc[i][j]);
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++) {
            float *out = c + i * ldc + j * VL;

            if (j + 1 < nv || tail == VL)
                vf_store(out, add ? vf_add(vf_load(out), acc[i][j])
                                  : acc[i][j]);
            else
                vf_store_n(out, add ? vf_add(vf_load_n(out, tail), acc[i][j])
                                    : acc[i][j], tail);
        }
    }
}

#define TILE(M)                                                                \
    case M:                                                                    \
        if (GEMM_NRV == 2 && n > VL)                                           \
            tile(M, GEMM_NRV, k, a, B_AND_ROWS, c, ldc, tail, add);            \
        else                                                                   \
            tile(M, 1, k, a, B_AND_ROWS, c, ldc, tail, add);                   \
        break;

#if defined MT_ISA_avx512
#define TILES                                                                  \
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9)    \
    TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#elif defined MT_ISA_generic
#define TILES TILE(1) TILE(2) TILE(3) TILE(4)
#else
#define TILES TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#endif

#define B_AND_ROWS b, NULL, 0

void MT_FN(gemm_tile)(size_t m, size_t n, size_t k, const float *a,
                      const float *b, float *c, size_t ldc, bool add)
{
    size_t tail = n % VL ? n % VL : VL;

    switch (m) {
        TILES
    }
}

#undef B_AND_ROWS
#define B_AND_ROWS NULL, rows, at

void MT_FN(gemm_tile_rows)(size_t m, size_t n, size_t k, const float *a,
                           const float *const *rows, size_t at, float *c,
                           size_t ldc, bool add)
{
    size_t tail = n % VL ? n % VL : VL;

    switch (m) {
        TILES
    }
}

/* Without packing, for products too small to be worth it. */
void MT_FN(gemm_small)(size_t m, size_t n, size_t k, const float *a,
                       size_t a_row, size_t a_col, const float *b,
                       size_t b_row, size_t b_col, float *c, size_t ldc,
                       bool add)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            const float *x = a + i * a_row, *y = b + j * b_col;
            float s = 0;

            for (size_t p = 0; p < k; p++)
                s = scalar_fma(x[p * a_col], y[p * b_row], s);
            c[i * ldc + j] = add ? c[i * ldc + j] + s : s;
        }
    }
}
