/*
 * Elementary functions on vectors: polynomials on the primitives of vec.h, so
 * that every CPU gives the same bits. Coefficients are weighted minimax fits
 * (Lawson's iteration on Chebyshev points) rounded to float; the interval and
 * the fit's error are next to each. "Error" is the largest over all 2^32 floats
 * in units in the last place of a normal result, held by vmath_test.c (see
 * scripts/check-math); subnormal results are within 0.76 of 2^-149.
 */
#ifndef MT_KERNELS_ISA_VMATH_H
#define MT_KERNELS_ISA_VMATH_H

#include "kernels/isa/vec.h"

/* a 2^n for |n| <= 252 or so, rounded once where the result is subnormal:
 * 2^n is applied in two exact halves. */
VINLINE vf scale2(vf a, vi n)
{
    vi half = vi_sar(n, 1), rest = vi_sub(n, half), bias = vi_set1(127);
    vf first = vi_float(vi_shl(vi_add(half, bias), 23));
    vf second = vi_float(vi_shl(vi_add(rest, bias), 23));

    return vf_mul(vf_mul(a, first), second);
}

/* x = n ln 2 + r with |r| <= 0.35; returns e^r - 1, sets *n.
 * e^r = 1 + r + r^2 q(r), fit error 5.2e-11 on |r| <= 0.3501 */
VINLINE vf exp_reduced(vf x, vi *n)
{
    vf k;

    *n = vf_round(vf_mul(x, vf_set1(0x1.715476p+0f)));
    k = vf_from(*n);

    vf r = vf_fnma(k, vf_set1(0x1.62e4p-1f), x); /* ln 2, high part: exact */

    r = vf_fnma(k, vf_set1(0x1.7f7d1cp-20f), r);

    vf q = vf_set1(0x1.a1bd5cp-13f);

    q = vf_fma(q, r, vf_set1(0x1.6d9e3ep-10f));
    q = vf_fma(q, r, vf_set1(0x1.11107ap-7f));
    q = vf_fma(q, r, vf_set1(0x1.555478p-5f));
    q = vf_fma(q, r, vf_set1(0x1.555556p-3f));
    q = vf_fma(q, r, vf_set1(0.5f));
    return vf_fma(vf_mul(r, r), q, r);
}

/* e^x; 0 below -104, Inf above 88.73, NaN for NaN. Error 0.996. */
VINLINE vf vexp(vf x)
{
    vi n;

    x = vf_max(vf_set1(-105), vf_min(vf_set1(90), x));

    vf m = exp_reduced(x, &n);

    return scale2(vf_add(vf_set1(1), m), n);
}

/* e^x up to x = 88, but 0 below 2^-62: next to the 1 that softmax and logistic
 * functions add to it, that is nothing, and its product with a gradient that is
 * kept (kernels/flush.h) is not subnormal. Error as that of vexp. */
VINLINE vf vexp_cut(vf x)
{
    vf low = vf_set1(-0x1.57cd0ep+5f); /* -62 ln 2 */
    vi n;
    vf m = exp_reduced(vf_max(low, vf_min(vf_set1(88), x)), &n);
    vf power = vi_float(vi_shl(vi_add(n, vi_set1(127)), 23));

    return vf_sel(vf_lt(x, low), vf_zero(),
                  vf_mul(vf_add(vf_set1(1), m), power));
}

/* e^x - 1, accurate near 0. 2^n (e^r - 1) + (2^n - 1): the last bracket is
 * exact for |n| <= 24, and beyond that one of the two sides dominates.
 * Error 1.423, below 0 0.872. */
VINLINE vf vexpm1(vf x)
{
    vi n;
    vf y = vf_max(vf_set1(-20), vf_min(vf_set1(90), x));
    vf m = exp_reduced(y, &n);
    vi half = vi_sar(n, 1), rest = vi_sub(n, half), bias = vi_set1(127);
    vf p = vi_float(vi_shl(vi_add(half, bias), 23));
    vf q = vi_float(vi_shl(vi_add(rest, bias), 23));
    vf one = vf_div(vf_set1(1), q); /* 2^-rest, exact */
    vf r = vf_mul(vf_add(vf_mul(m, p), vf_sub(p, one)), q);

    return vf_sel(vf_eq(x, vf_zero()), x, r); /* -0 stays -0 */
}

/* ln x; -Inf for 0, NaN below 0.
 * x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt 2;
 * ln(1 + f) = f - f^2/2 + f^3 P(f), fit error 7.5e-10 relative. Error 0.832. */
VINLINE vf vlog(vf x)
{
    vm tiny = vf_lt(x, vf_set1(0x1p-126f));
    vf y = vf_sel(tiny, vf_mul(x, vf_set1(0x1p25f)), x);
    vi bits = vi_sub(vf_bits(y), vi_set1(0x3f3504f3)); /* sqrt(1/2) */
    vf e = vf_from(vi_sar(bits, 23));

    e = vf_sel(tiny, vf_sub(e, vf_set1(25)), e);

    vf m = vi_float(vi_add(vi_and(bits, vi_set1(0x7fffff)),
                           vi_set1(0x3f3504f3)));
    vf f = vf_sub(m, vf_set1(1)), f2 = vf_mul(f, f);
    vf p = vf_set1(0x1.14573ep-4f);

    p = vf_fma(p, f, vf_set1(-0x1.de3bf8p-4f));
    p = vf_fma(p, f, vf_set1(0x1.e6f08cp-4f));
    p = vf_fma(p, f, vf_set1(-0x1.fc220ep-4f));
    p = vf_fma(p, f, vf_set1(0x1.233766p-3f));
    p = vf_fma(p, f, vf_set1(-0x1.555c4ep-3f));
    p = vf_fma(p, f, vf_set1(0x1.99a4b6p-3f));
    p = vf_fma(p, f, vf_set1(-0x1.000006p-2f));
    p = vf_fma(p, f, vf_set1(0x1.555548p-2f));

    vf t = vf_mul(vf_mul(f, f2), p);

    t = vf_fma(e, vf_set1(0x1.7f7d1cp-20f), t);
    t = vf_fma(f2, vf_set1(-0.5f), t);

    vf r = vf_fma(e, vf_set1(0x1.62e4p-1f), vf_add(f, t));

    r = vf_sel(vf_eq(x, vf_set1(INFINITY)), x, r);
    r = vf_sel(vf_eq(x, vf_zero()), vf_set1(-INFINITY), r);
    return vf_sel(vf_lt(x, vf_zero()), vf_set1(NAN),
                  vf_sel(vf_eq(x, x), r, x));
}

/* ln(1 + x): ln u + (x - (u - 1)) / u with u = 1 + x rounded. Error 1.437. */
VINLINE vf vlog1p(vf x)
{
    vf u = vf_add(vf_set1(1), x);
    vf lost = vf_sub(x, vf_sub(u, vf_set1(1)));
    vf r = vf_add(vlog(u), vf_div(lost, u));
    vm plain = vf_lt(vf_abs(x), vf_set1(INFINITY));

    r = vf_sel(vf_eq(u, vf_zero()), vf_set1(-INFINITY), r);
    /* where 1 + x rounds to 1, ln(1 + x) = x */
    r = vf_sel(vf_eq(u, vf_set1(1)), x, r);
    return vf_sel(plain, r, vlog(u));
}

/* tanh x: x + x^3 P(x^2) below 0.625 (fit error 1.5e-10), and
 * 1 - 2 / (e^2x + 1) above. Error 1.330. */
VINLINE vf vtanh(vf x)
{
    vf a = vf_abs(x), z = vf_mul(x, x);
    vf p = vf_set1(0x1.197b62p-9f);

    p = vf_fma(p, z, vf_set1(-0x1.0c213ep-7f));
    p = vf_fma(p, z, vf_set1(0x1.6394d8p-6f));
    p = vf_fma(p, z, vf_set1(-0x1.b9ef7cp-5f));
    p = vf_fma(p, z, vf_set1(0x1.11106cp-3f));
    p = vf_fma(p, z, vf_set1(-0x1.555554p-2f));

    vf small = vf_fma(vf_mul(p, z), x, x);
    vf e = vexp(vf_add(a, a));
    vf large = vf_sub(vf_set1(1),
                      vf_div(vf_set1(2), vf_add(e, vf_set1(1))));

    vf r = vf_sel(vf_lt(a, vf_set1(0.625f)), small, large);

    return vf_copysign(r, x); /* -0 stays -0 */
}

/* 1 / (1 + e^-x) from e = e^-|x|, so that both tails keep their digits */
VINLINE vf sigmoid_from(vf x, vf e)
{
    vf d = vf_add(vf_set1(1), e);

    return vf_div(vf_sel(vf_lt(x, vf_zero()), e, vf_set1(1)), d);
}

/* 1 / (1 + e^-x). Error 2.402. */
VINLINE vf vsigmoid(vf x)
{
    return sigmoid_from(x, vexp(vf_neg(vf_abs(x))));
}

/* The same, but 0 below 2^-62: for slopes. */
VINLINE vf vsigmoid_cut(vf x)
{
    return sigmoid_from(x, vexp_cut(vf_neg(vf_abs(x))));
}

/* erf x: x + x P(x^2) below 1 (fit error 1.2e-9), and 1 - e^L(|x|) above with
 * L a fit of ln erfc (error 2.1e-11 of erf) up to 4, where erf is 1. Error
 * 1.214. */
VINLINE vf verf(vf x)
{
    vf a = vf_abs(x), z = vf_mul(x, x);
    vf p = vf_set1(0x1.4ae4c6p-14f);

    p = vf_fma(p, z, vf_set1(-0x1.a485e8p-11f));
    p = vf_fma(p, z, vf_set1(0x1.5419f4p-8f));
    p = vf_fma(p, z, vf_set1(-0x1.b7fbb4p-6f));
    p = vf_fma(p, z, vf_set1(0x1.ce2d2p-4f));
    p = vf_fma(p, z, vf_set1(-0x1.81273ep-2f));
    p = vf_fma(p, z, vf_set1(0x1.06eba8p-3f));

    vf small = vf_fma(p, x, x);
    vf t = vf_min(vf_set1(4), a); /* NaN stays */
    vf l = vf_set1(-0x1.6bd828p-16f);

    l = vf_fma(l, t, vf_set1(0x1.cec634p-12f));
    l = vf_fma(l, t, vf_set1(-0x1.138cccp-8f));
    l = vf_fma(l, t, vf_set1(0x1.9d030ep-6f));
    l = vf_fma(l, t, vf_set1(-0x1.bc151ap-4f));
    l = vf_fma(l, t, vf_set1(-0x1.443566p-1f));
    l = vf_fma(l, t, vf_set1(-0x1.212c0ep+0f));
    l = vf_fma(l, t, vf_set1(0x1.8a583ap-13f));

    vf large = vf_sub(vf_set1(1), vexp(l));

    return vf_sel(vf_lt(a, vf_set1(1)), small, vf_copysign(large, x));
}

/* ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). Error 1.990. */
VINLINE vf vsoftplus(vf x)
{
    return vf_add(vf_max(vf_zero(), x), vlog1p(vexp(vf_neg(vf_abs(x)))));
}

#endif
