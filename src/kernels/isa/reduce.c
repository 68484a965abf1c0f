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

/* s_j += x_j for whole vectors */
VINLINE void add_row(float *s, const float *x, size_t n)
{
    for (size_t j = 0; j < n; j += VL)
        vf_store(s + j, vf_add(vf_load(s + j), vf_load(x + j)));
}

VINLINE void add_tail(float *s, const float *x, size_t n)
{
    vf_store_n(s, vf_add(vf_load_n(s, n), vf_load_n(x, n)), n);
}

enum { WIDE = 1024 }; /* columns whose sums stay in the first-level cache */

/* Blocks of MT_SUM_ROWS rows, each summed in row order, the block sums added in
 * order. Whole rows at a time, which is the order of memory. */
VINLINE void column_sums(float *total, const float *x, size_t rows, size_t ldx,
                         size_t n)
{
    size_t whole = n / VL * VL;

    memset(total, 0, n * sizeof *total);
    for (size_t at = 0; at < rows; at += MT_SUM_ROWS) {
        size_t end = rows - at < MT_SUM_ROWS ? rows : at + MT_SUM_ROWS;
        float s[WIDE];

        memset(s, 0, n * sizeof *s);
        for (size_t i = at; i < end; i++) {
            add_row(s, x + i * ldx, whole);
            if (whole < n)
                add_tail(s + whole, x + i * ldx + whole, n - whole);
        }
        add_row(total, s, whole);
        if (whole < n)
            add_tail(total + whole, s + whole, n - whole);
    }
}

void MT_FN(column_sum)(float *out, const float *x, size_t rows, size_t n,
                       size_t ldx, bool add)
{
    for (size_t j = 0; j < n; j += WIDE) {
        size_t width = n - j < WIDE ? n - j : WIDE;
        float total[WIDE];

        column_sums(total, x + j, rows, ldx, width);
        if (add)
            MT_FN(add)(out + j, out + j, total, width);
        else
            memcpy(out + j, total, width * sizeof *out);
    }
}
