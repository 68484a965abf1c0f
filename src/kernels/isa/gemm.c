/*
 * The inner parts of matrix multiplication; ../gemm.c puts them together and
 * ../gemm.h states the rule that fixes the bits.
 */
#include "kernels/isa/internal.h"

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

    for (; n == VL && p + VL <= k; p += VL)
        vf_turn(out + p * width, width, b + p, col, VL);
    for (; p + VL <= k; p += VL)
        vf_turn(out + p * width, width, b + p, col, n);
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

/* One panel: k rows of n <= NR columns, in 16 or NR columns, zero-padded. */
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

/* Where `step` is less than a vector, the next store overwrites what is past
 * the values. */
void MT_FN(gemm_pack_a)(const float *a, size_t row, size_t col, size_t m,
                        size_t k, size_t step, float *out)
{
    if (row == 1 && step >= VL) {
        pack_b_rows(a, col, k, m, step, out);
    } else if (row == 1) {
        for (size_t p = 0; p < k; p++) {
            if (m == GEMM_MR)
                memcpy(out + p * step, a + p * col, GEMM_MR * sizeof *a);
            else
                memcpy(out + p * step, a + p * col, m * sizeof *a);
        }
    } else if (col == 1) {
        pack_b_columns(a, row, k, m, step, out);
    } else {
        for (size_t p = 0; p < k; p++) {
            for (size_t i = 0; i < m; i++)
                out[p * step + i] = a[i * row + p * col];
        }
    }
}

/* --- tiles: m x n of C, each element one chain of fma from 0 --------------- */

/* m and nv (vectors of columns) are constants in each call of what follows, so
 * that the accumulators are registers. */

VINLINE void clear(const size_t m, const size_t nv, vf acc[][GEMM_NRV])
{
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++)
            acc[i][j] = vf_zero();
    }
}

/* C is on its way to cache while the tile is computed. */
VINLINE void fetch(const size_t m, const size_t nv, const float *c, size_t ldc)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++)
            __builtin_prefetch(c + i * ldc + j * VL, 0, 2);
    }
}

/* Prefetches the next piece of what is needed after this tile. */
VINLINE void prefetch(const float **at, size_t pace)
{
    __builtin_prefetch(*at, 0, 2);
    *at += pace;
}

/* acc += column a (m values, `row` apart) times row b */
VINLINE void rank_one(const size_t m, const size_t nv, const float *a,
                      size_t row, const vf b[GEMM_NRV], vf acc[][GEMM_NRV])
{
#pragma GCC unroll 16
    for (size_t i = 0; i < m; i++) {
        vf x = vf_set1(a[i * row]);

#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++)
            acc[i][j] = vf_fma(x, b[j], acc[i][j]);
    }
}

/* C = acc or C += acc, the last vector cut to `tail` columns. */
VINLINE void finish(const size_t m, const size_t nv, vf acc[][GEMM_NRV],
                    float *c, size_t ldc, size_t tail, bool add)
{
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

VINLINE size_t tail_of(size_t n)
{
    return n % VL ? n % VL : VL;
}

#define TILE(M)                                                                \
    case M:                                                                    \
        if (GEMM_NRV == 2 && n > VL)                                           \
            TILE_OF(M, GEMM_NRV);                                              \
        else                                                                   \
            TILE_OF(M, 1);                                                     \
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

/* B's row p is at b + p b_row; `copy`, if any, keeps them as a packed panel. */
VINLINE void tile(const size_t m, const size_t nv, size_t k,
                  const struct mt_left *a, const size_t row, const float *b,
                  size_t b_row, float *copy, float *c, size_t ldc, size_t tail,
                  bool add, const struct mt_soon *soon)
{
    const float *x = a->at, *next = soon->at;
    size_t col = a->col, pace = soon->pace;
    size_t steps = soon->steps;
    ptrdiff_t skip = soon->skip;
    vf acc[GEMM_MR][GEMM_NRV];

    if (add)
        fetch(m, nv, c, ldc);
    clear(m, nv, acc);
    for (size_t p = 0, end; p < k; next += skip) {
        end = k - p < steps ? k : p + steps;
        for (; p < end; p++, x += col, b += b_row) {
            vf y[GEMM_NRV];

#pragma GCC unroll 2
            for (size_t j = 0; j < nv; j++) {
                y[j] = vf_load(b + j * VL);
                if (copy)
                    vf_store(copy + (p * nv + j) * VL, y[j]);
            }
            prefetch(&next, pace);
            rank_one(m, nv, x, row, y, acc);
        }
    }
    finish(m, nv, acc, c, ldc, tail, add);
}

#define TILE_OF(M, NV)                                                         \
    tile(M, NV, k, a, ROW, b, b_row, copy, c, ldc, tail, add, soon)

/* Of a packed or transposed A, whose values of a column are contiguous: places
 * that are constants save loads. */
#define ROW 1

static void tile_of_columns(size_t m, size_t n, size_t k,
                            const struct mt_left *a, const float *b,
                            size_t b_row, float *copy, float *c, size_t ldc,
                            bool add, const struct mt_soon *soon)
{
    size_t tail = tail_of(n);

    switch (m) {
        TILES
    }
}

#undef ROW
#define ROW a->row

void MT_FN(gemm_tile)(size_t m, size_t n, size_t k, const struct mt_left *a,
                      const float *b, size_t b_row, float *copy, float *c,
                      size_t ldc, bool add, const struct mt_soon *soon)
{
    size_t tail = tail_of(n);

    if (a->row == 1) {
        tile_of_columns(m, n, k, a, b, b_row, copy, c, ldc, add, soon);
        return;
    }
    switch (m) {
        TILES
    }
}

#undef ROW
#undef TILE_OF

/* How 16 columns of B's rows are stored: in one place, in two of 8, or in two
 * of any numbers. Where they are in two, a vector is read at each. */
enum form { WHOLE, HALVES, CUT };

static enum form form_of(const struct mt_columns *cols, size_t n)
{
    enum form form = WHOLE;

    for (size_t j = 0; j * VL < n; j++) {
        if (cols[j].n != VL)
            form = cols[j].n == VL / 2 && form != CUT ? HALVES : CUT;
    }
    return form;
}

/* Where the second vector is read, of columns that may be in one place. */
VINLINE size_t place_of_rest(const struct mt_columns *cols,
                             const enum form form)
{
    if (cols->n == VL)
        return form == HALVES ? cols->at + VL / 2 : cols->at;
    return form == CUT ? cols->rest - cols->n : cols->rest;
}

/* B's row p is at rows[p] + cols[...]. */
VINLINE void tile_rows(const size_t m, const size_t nv, size_t k,
                       const struct mt_left *a, const size_t row,
                       const float *const *rows, const struct mt_columns *cols,
                       const enum form form, float *c, size_t ldc, size_t tail,
                       bool add, const struct mt_soon *soon)
{
    const float *x = a->at, *next = soon->at;
    size_t col = a->col, at[GEMM_NRV], rest[GEMM_NRV], n[GEMM_NRV];
    size_t pace = soon->pace;
    vf acc[GEMM_MR][GEMM_NRV];

    for (size_t j = 0; j < nv; j++) {
        at[j] = cols[j].at;
        n[j] = cols[j].n;
        rest[j] = place_of_rest(&cols[j], form);
    }
    clear(m, nv, acc);
    for (size_t p = 0; p < k; p++, x += col) {
        const float *b = rows[p];
        vf y[GEMM_NRV];

#pragma GCC unroll 2
        for (size_t j = 0; j < nv; j++) {
            if (form == HALVES)
                y[j] = vf_load_halves(b + at[j], b + rest[j]);
            else if (form == CUT)
                y[j] = vf_load_cut(b + at[j], b + rest[j], n[j]);
            else
                y[j] = vf_load(b + at[j]);
        }
        prefetch(&next, pace);
        rank_one(m, nv, x, row, y, acc);
    }
    finish(m, nv, acc, c, ldc, tail, add);
}

#define TILE_OF(M, NV)                                                         \
    tile_rows(M, NV, k, a, row, rows, cols, form, c, ldc, tail, add, soon)

/* Where row is a constant, so are the places in a column of A. */
VINLINE void tile_rows_of(size_t m, size_t n, size_t k, const struct mt_left *a,
                          const size_t row, const float *const *rows,
                          const struct mt_columns *cols, const enum form form,
                          float *c, size_t ldc, bool add,
                          const struct mt_soon *soon)
{
    size_t tail = tail_of(n);

    switch (m) {
        TILES
    }
}

#undef TILE_OF

void MT_FN(gemm_tile_rows)(size_t m, size_t n, size_t k,
                           const struct mt_left *a, const float *const *rows,
                           const struct mt_columns *cols, float *c, size_t ldc,
                           bool add, const struct mt_soon *soon)
{
    enum form form = form_of(cols, n);

#define TILE_ROWS(ROW, FORM)                                                   \
    tile_rows_of(m, n, k, a, ROW, rows, cols, FORM, c, ldc, add, soon)
    if (form == WHOLE && a->row == 1)
        TILE_ROWS(1, WHOLE);
    else if (form == WHOLE)
        TILE_ROWS(a->row, WHOLE);
    else if (form == HALVES && a->row == 1)
        TILE_ROWS(1, HALVES);
    else if (form == HALVES)
        TILE_ROWS(a->row, HALVES);
    else if (a->row == 1)
        TILE_ROWS(1, CUT);
    else
        TILE_ROWS(a->row, CUT);
#undef TILE_ROWS
}

/* A's element (i, (r, p)) is rows[i][at + r skip + p]; B is packed. */
VINLINE void tile_taps(const size_t m, const size_t nv,
                       const struct mt_steps *k, const float *const *rows,
                       const float *b, float *c, size_t ldc, size_t tail,
                       bool add, const struct mt_soon *soon)
{
    const float *next = soon->at;
    size_t pace = soon->pace;
    vf acc[GEMM_MR][GEMM_NRV];

    clear(m, nv, acc);
    for (size_t r = 0, at = k->at; r < k->outer; r++, at += k->skip) {
        for (size_t p = at; p < at + k->inner; p++, b += nv * VL) {
            vf y[GEMM_NRV];

#pragma GCC unroll 2
            for (size_t j = 0; j < nv; j++)
                y[j] = vf_load(b + j * VL);
            prefetch(&next, pace);
#pragma GCC unroll 16
            for (size_t i = 0; i < m; i++) {
                vf x = vf_set1(rows[i][p]);

#pragma GCC unroll 2
                for (size_t j = 0; j < nv; j++)
                    acc[i][j] = vf_fma(x, y[j], acc[i][j]);
            }
        }
    }
    finish(m, nv, acc, c, ldc, tail, add);
}

#define TILE_OF(M, NV) tile_taps(M, NV, k, rows, b, c, ldc, tail, add, soon)

void MT_FN(gemm_tile_taps)(size_t m, size_t n, const struct mt_steps *k,
                           const float *const *rows, const float *b, float *c,
                           size_t ldc, bool add, const struct mt_soon *soon)
{
    size_t tail = tail_of(n);

    switch (m) {
        TILES
    }
}

#undef TILE_OF

/* --- the rest -------------------------------------------------------------- */

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
