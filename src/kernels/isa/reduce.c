/* Sums over arrays and over columns. */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"

VINLINE vf f_first(vf a, vf b, const float *p)
{
    (void)b;
    (void)p;
    return a;
}

double MT_FN(sum)(const float *x, size_t n)
{
    return fold2(x, x, n, NULL, f_first);
}

VINLINE vf f_product(vf a, vf b, const float *p)
{
    (void)p;
    return vf_mul(a, b);
}

/* Of gradients; the square of a smaller one could be subnormal. */
VINLINE vf f_square(vf a, vf b, const float *p)
{
    (void)b;
    (void)p;
    a = vf_flush(a);
    return vf_mul(a, a);
}

double MT_FN(sum_squares)(const float *x, size_t n)
{
    return fold2(x, x, n, NULL, f_square);
}

void MT_FN(row_dots)(float *y, const float *t, const float *x, size_t n,
                     size_t k)
{
    for (size_t o = 0; o < n; o++)
        y[o] = (float)fold2(t + o * k, x, k, NULL, f_product);
}

/* x * 0 is 0 for finite x and NaN for the others, and NaN stays in a sum. */
bool MT_FN(all_finite)(const float *x, size_t n)
{
    vf s = vf_zero();
    size_t i = 0;

    for (; i + VL <= n; i += VL)
        s = vf_fma(vf_load(x + i), vf_zero(), s);
    if (i < n)
        s = vf_fma(vf_load_n(x + i, n - i), vf_zero(), s);
    return vf_sum(s) == 0;
}

enum { ROW_BLOCK = 64 };

/* One vector of columns: blocks of ROW_BLOCK rows, each summed in row order,
 * the block sums added in order. */
VINLINE vf column_sums(const float *x, size_t rows, size_t ldx, size_t width)
{
    vf total = vf_zero();

    for (size_t at = 0; at < rows; at += ROW_BLOCK) {
        size_t end = rows - at < ROW_BLOCK ? rows : at + ROW_BLOCK;
        vf s = vf_zero();

        for (size_t i = at; i < end; i++) {
            const float *row = x + i * ldx;

            s = vf_add(s, width == VL ? vf_load(row) : vf_load_n(row, width));
        }
        total = vf_add(total, s);
    }
    return total;
}

enum { WIDE = 4 }; /* vectors: a few lines of cache in a row */

/* The same for WIDE adjacent vectors. */
VINLINE void column_sums_wide(vf total[WIDE], const float *x, size_t rows,
                              size_t ldx)
{
    for (size_t k = 0; k < WIDE; k++)
        total[k] = vf_zero();
    for (size_t at = 0; at < rows; at += ROW_BLOCK) {
        size_t end = rows - at < ROW_BLOCK ? rows : at + ROW_BLOCK;
        vf s[WIDE];

        for (size_t k = 0; k < WIDE; k++)
            s[k] = vf_zero();
        for (size_t i = at; i < end; i++) {
            for (size_t k = 0; k < WIDE; k++)
                s[k] = vf_add(s[k], vf_load(x + i * ldx + k * VL));
        }
        for (size_t k = 0; k < WIDE; k++)
            total[k] = vf_add(total[k], s[k]);
    }
}

VINLINE void put_sum(float *out, vf s, size_t width, bool add)
{
    vf_store_n(out, add ? vf_add(vf_load_n(out, width), s) : s, width);
}

void MT_FN(column_sum)(float *out, const float *x, size_t rows, size_t n,
                       size_t ldx, bool add)
{
    size_t j = 0;

    for (; j + WIDE * VL <= n; j += WIDE * VL) {
        vf s[WIDE];

        column_sums_wide(s, x + j, rows, ldx);
        for (size_t k = 0; k < WIDE; k++)
            put_sum(out + j + k * VL, s[k], VL, add);
    }
    for (; j < n; j += VL) {
        size_t width = n - j < VL ? n - j : VL;

        put_sum(out + j, column_sums(x + j, rows, ldx, width), width, add);
    }
}
