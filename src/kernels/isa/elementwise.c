/* Sums, products and scalings of arrays. */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"
#include "kernels/isa/vmath.h"

VINLINE vf f_add(vf a, vf b, const float *p)
{
    (void)p;
    return vf_add(a, b);
}

/* Of 2 n - 1 values, n <= VL: those in the first vector, and after it. */
VINLINE size_t in_first(size_t n)
{
    return 2 * n > VL ? VL : 2 * n - 1;
}

VINLINE size_t in_second(size_t n)
{
    return 2 * n > VL ? 2 * n - 1 - VL : 0;
}

/* y_i = x_2i; of x, 2 n - 1 values are read */
void MT_FN(copy_even)(float *y, const float *x, size_t n)
{
    vf even, odd;

    for (; n > VL; n -= VL, x += 2 * VL, y += VL) {
        vf_unzip(vf_load(x), vf_load(x + VL), &even, &odd);
        vf_store(y, even);
    }
    if (n) {
        vf_unzip(vf_load_n(x, in_first(n)), vf_load_n(x + VL, in_second(n)),
                 &even, &odd);
        vf_store_n(y, even, n);
    }
}

/* y_2i = x_i; of y, 2 n - 1 values are read and written */
void MT_FN(copy_to_even)(float *y, const float *x, size_t n)
{
    vf even, odd, a, b;

    for (; n > VL; n -= VL, x += VL, y += 2 * VL) {
        vf_unzip(vf_load(y), vf_load(y + VL), &even, &odd);
        vf_zip(vf_load(x), odd, &a, &b);
        vf_store(y, a);
        vf_store(y + VL, b);
    }
    if (n) {
        size_t first = in_first(n), second = in_second(n);

        vf_unzip(vf_load_n(y, first), vf_load_n(y + VL, second), &even, &odd);
        vf_zip(vf_load_n(x, n), odd, &a, &b);
        vf_store_n(y, a, first);
        vf_store_n(y + VL, b, second);
    }
}

/* y (rows, n) = x, rows y_row and x_row apart */
void MT_FN(copy_rows)(float *y, size_t y_row, const float *x, size_t x_row,
                      size_t rows, size_t n)
{
    size_t whole = n / VL * VL, rest = n - whole;

    for (size_t i = 0; i < rows; i++, y += y_row, x += x_row) {
        for (size_t j = 0; j < whole; j += VL)
            vf_store(y + j, vf_load(x + j));
        if (rest && whole) /* overlaps the vector before */
            vf_store(y + n - VL, vf_load(x + n - VL));
        else if (rest)
            vf_store_n(y, vf_load_n(x, rest), rest);
    }
}

void MT_FN(add)(float *y, const float *a, const float *b, size_t n)
{
    map2(y, a, b, n, NULL, f_add);
}

VINLINE vf f_add_grad(vf a, vf b, const float *p)
{
    return vf_flush(f_add(a, b, p));
}

void MT_FN(add_grad)(float *y, const float *a, const float *b, size_t n)
{
    map2(y, a, b, n, NULL, f_add_grad);
}

VINLINE vf f_mul(vf a, vf b, const float *p)
{
    (void)p;
    return vf_mul(a, b);
}

void MT_FN(mul)(float *y, const float *a, const float *b, size_t n)
{
    map2(y, a, b, n, NULL, f_mul);
}

VINLINE vf f_scale(vf x, const float *p)
{
    return vf_mul(x, vf_set1(p[0]));
}

void MT_FN(scale)(float *y, const float *x, size_t n, float s)
{
    map1(y, x, n, &s, f_scale);
}

VINLINE vf f_shift(vf x, const float *p)
{
    return vf_add(x, vf_set1(p[0]));
}

void MT_FN(shift)(float *y, const float *x, size_t n, float s)
{
    map1(y, x, n, &s, f_shift);
}

/* y + s x */
VINLINE vf f_add_scaled(vf y, vf x, const float *p)
{
    return vf_fma(vf_set1(p[0]), x, y);
}

void MT_FN(add_scaled)(float *y, const float *x, size_t n, float s)
{
    map2(y, y, x, n, &s, f_add_scaled);
}

/* y + s (x - y), in units of parameters: y stays y where x is the same */
VINLINE vf f_lerp(vf y, vf x, const float *p)
{
    vf mean = vf_fma(vf_set1(p[0]), vf_sub(x, y), y);

    return vf_unit(mean, vf_set1(MT_UNIT_PARAMETER));
}

void MT_FN(lerp)(float *y, const float *x, size_t n, float s)
{
    map2(y, y, x, n, &s, f_lerp);
}

/* NaN stays NaN */
VINLINE vf f_clamp(vf x, const float *p)
{
    return vf_max(vf_set1(p[0]), vf_min(vf_set1(p[1]), x));
}

void MT_FN(clamp)(float *y, const float *x, size_t n, float low, float high)
{
    float p[2] = { low, high };

    map1(y, x, n, p, f_clamp);
}

VINLINE vf f_log(vf x, const float *p)
{
    (void)p;
    return vlog(x);
}

void MT_FN(log)(float *y, const float *x, size_t n, const float *p)
{
    map1(y, x, n, p, f_log);
}

VINLINE vf f_exp(vf x, const float *p)
{
    (void)p;
    return vexp(x);
}

void MT_FN(exp)(float *y, const float *x, size_t n, const float *p)
{
    map1(y, x, n, p, f_exp);
}

VINLINE vf f_erf(vf x, const float *p)
{
    (void)p;
    return verf(x);
}

void MT_FN(erf)(float *y, const float *x, size_t n, const float *p)
{
    map1(y, x, n, p, f_erf);
}
