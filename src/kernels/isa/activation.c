/*
 * Activations of torch.nn and their derivatives. Above each derivative is
 * the formula; s is what MT_ACTIVATIONS says is saved: the input x or the
 * output y.
 */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"
#include "kernels/isa/vmath.h"

/* Defines the kernel NAME over `VALUE`, an expression in x (and p), and
 * NAME_grad over `DERIVATIVE`, an expression in s (and p). */
#define ACTIVATION(NAME, VALUE, DERIVATIVE)                                    \
    VINLINE vf f_##NAME(vf x, const float *p)                                  \
    {                                                                          \
        (void)p;                                                               \
        return VALUE;                                                          \
    }                                                                          \
    void MT_FN(NAME)(float *y, const float *x, size_t n, const float *p)       \
    {                                                                          \
        map1(y, x, n, p, f_##NAME);                                            \
    }                                                                          \
    VINLINE vf d_##NAME(vf g, vf s, const float *p)                            \
    {                                                                          \
        (void)p;                                                               \
        return vf_flush(DERIVATIVE);                                           \
    }                                                                          \
    void MT_FN(NAME##_grad)(float *dx, const float *g, const float *s,         \
                            size_t n, const float *p)                          \
    {                                                                          \
        map2(dx, g, s, n, p, d_##NAME);                                        \
    }

#define C(x) vf_set1(x)

/* y = max(x, 0); dx = g [y > 0] */
ACTIVATION(relu, vf_max(vf_zero(), x),
           vf_sel(vf_lt(vf_zero(), s), g, vf_zero()))

/* y = x or p0 x below 0; s = x */
ACTIVATION(leaky_relu, vf_sel(vf_lt(vf_zero(), x), x, vf_mul(x, C(p[0]))),
           vf_sel(vf_lt(vf_zero(), s), g, vf_mul(g, C(p[0]))))

/* y = x or p0 (e^x - 1) below 0; s = x: dx = g or g p0 e^x */
ACTIVATION(elu, vf_sel(vf_lt(vf_zero(), x), x, vf_mul(vexpm1(x), C(p[0]))),
           vf_sel(vf_lt(vf_zero(), s), g,
                  vf_mul(g, vf_mul(vexp_cut(s), C(p[0])))))

/* Klambauer et al., "Self-normalizing neural networks": scale, scale alpha */
#define SELU_SCALE 1.0507009873554804934193349852946f
#define SELU_ALPHA 1.7580993408473768599402175208123f
ACTIVATION(selu,
           vf_sel(vf_lt(vf_zero(), x), vf_mul(x, C(SELU_SCALE)),
                  vf_mul(vexpm1(x), C(SELU_ALPHA))),
           vf_mul(g, vf_sel(vf_lt(vf_zero(), s), C(SELU_SCALE),
                            vf_mul(vexp_cut(s), C(SELU_ALPHA)))))

/* s or, where x is not below 0, 1 - s */
VINLINE vf reflected(vf x, vf s)
{
    return vf_sel(vf_lt(x, vf_zero()), s, vf_sub(C(1), s));
}

/* Phi and phi of the normal distribution at a = |x|, from one exponential:
 *
 *     1 - Phi(a) = e (1/2 - a w)    e = e^(-a^2/2)
 *           phi(a) = e / sqrt(2 pi)
 *
 * e = 2^k 2^r with k + r = -a^2 log2(e)/2, fit error of 2^r 2.0e-9 on
 * |r| <= 0.5005; it is 0 above 9.25, where it would be below 2^-62 (see
 * vexp_cut). w is a quotient of polynomials, fit error 7.9e-9 (1 + a^2) of
 * 1 - Phi(a): times a, so that its rounding does not count near 0. */
struct normal {
    vf a, e, w; /* a is at most 9.25 */
};

VINLINE struct normal normal_of(vf x)
{
    vf all = vf_abs(x), a = vf_min(C(9.25f), all);
    vf magic = C(0x1.8p+23f); /* its last place is 1 */
    vf u = vf_mul(a, C(-0x1.715476p-1f));
    vf k = vf_fma(u, a, magic), r = vf_fma(u, a, vf_sub(magic, k));
    vf e = C(0x1.41fa88p-13f), p = C(0x1.cc1ed2p-7f), q = C(0x1.cc2758p-6f);

    e = vf_fma(e, r, C(0x1.5f3f2ep-10f));
    e = vf_fma(e, r, C(0x1.3b2d5p-7f));
    e = vf_fma(e, r, C(0x1.c6aee6p-5f));
    e = vf_fma(e, r, C(0x1.ebfbdcp-3f));
    e = vf_fma(e, r, C(0x1.62e43p-1f));
    e = vf_fma(e, r, C(1));
    e = vi_float(vi_add(vf_bits(e), vi_shl(vf_bits(k), 23)));
    e = vf_sel(vf_lt(a, all), vf_zero(), e);

    p = vf_fma(p, a, C(0x1.ab071p-4f));
    p = vf_fma(p, a, C(0x1.434c12p-2f));
    p = vf_fma(p, a, C(0x1.988446p-2f));
    q = vf_fma(q, a, C(0x1.d8c7b8p-3f));
    q = vf_fma(q, a, C(0x1.a220f8p-1f));
    q = vf_fma(q, a, C(0x1.6b04d2p+0f));
    q = vf_fma(q, a, C(1));
    return (struct normal){ a, e, vf_div(p, q) };
}

/* x Phi(x) = max(x, 0) - a (1 - Phi(a)) */
VINLINE vf gelu_value(vf x)
{
    struct normal n = normal_of(x);
    vf above = vf_mul(n.e, vf_fnma(n.a, n.w, C(0.5f)));

    return vf_fnma(n.a, above, vf_max(vf_zero(), x));
}

/* Phi(x) + x phi(x) */
VINLINE vf gelu_slope(vf x)
{
    struct normal n = normal_of(x);
    vf w = vf_add(n.w, C(0.39894228040143268f)); /* 1 / sqrt(2 pi) */

    return reflected(x, vf_mul(n.e, vf_fnma(n.a, w, C(0.5f))));
}

/* y = x Phi(x); s = x */
ACTIVATION(gelu, gelu_value(x), vf_mul(g, gelu_slope(s)))

#define GELU_B 1.5957691216057308f   /* 2 sqrt(2 / pi) */
#define GELU_K 0.071354816272595567f /* 0.044715 of it */

/* a = |x|, at most 10, and 1 - sigma(v) = e / (1 + e) with e = e^-v, where
 * v = 2 sqrt(2/pi) (a + 0.044715 a^3): (1 + tanh(v/2))/2 = sigma(v). */
VINLINE vf gelu_tanh_above(vf x, vf *a)
{
    *a = vf_min(C(10), vf_abs(x));

    vf v = vf_mul(*a, vf_fma(C(GELU_K), vf_mul(*a, *a), C(GELU_B)));
    vf e = vexp_cut(vf_neg(v));

    return vf_div(e, vf_add(C(1), e));
}

/* x sigma(...) = max(x, 0) - a (1 - sigma(v)) */
VINLINE vf gelu_tanh_value(vf x)
{
    vf a, above = gelu_tanh_above(x, &a);

    return vf_fnma(a, above, vf_max(vf_zero(), x));
}

/* sigma + x sigma (1 - sigma) dv/dx with
 * dv/dx = 2 sqrt(2/pi) (1 + 3 * 0.044715 x^2) */
VINLINE vf gelu_tanh_slope(vf x)
{
    vf a, above = gelu_tanh_above(x, &a);
    vf dv = vf_fma(C(3 * GELU_K), vf_mul(a, a), C(GELU_B));
    vf inner = vf_fnma(vf_mul(a, vf_sub(C(1), above)), dv, C(1));

    return reflected(x, vf_mul(above, inner));
}

/* y = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))/2; s = x */
ACTIVATION(gelu_tanh, gelu_tanh_value(x), vf_mul(g, gelu_tanh_slope(s)))

/* sigma (1 + x (1 - sigma)) */
VINLINE vf silu_slope(vf x)
{
    vf q = vsigmoid_cut(x);

    return vf_mul(q, vf_fma(x, vf_sub(C(1), q), C(1)));
}

/* y = x sigma(x); s = x */
ACTIVATION(silu, vf_mul(x, vsigmoid(x)), vf_mul(g, silu_slope(s)))

/* tanh(ln(1 + e^x)) = (e^2 + 2e) / (e^2 + 2e + 2) with e = e^x; 1 above 20 */
VINLINE vf tanh_softplus(vf x)
{
    vf e = vexp(vf_min(C(20), x)), a = vf_mul(e, vf_add(e, C(2)));

    return vf_div(a, vf_add(a, C(2)));
}

/* w + x sigma(x) (1 - w^2) with w = tanh(softplus(x)) */
VINLINE vf mish_slope(vf x)
{
    vf w = tanh_softplus(x);

    return vf_fma(vf_mul(x, vsigmoid_cut(x)), vf_fnma(w, w, C(1)), w);
}

/* y = x tanh(softplus(x)); s = x */
ACTIVATION(mish, vf_mul(x, tanh_softplus(x)), vf_mul(g, mish_slope(s)))

/* s = y: dx = g (1 - y^2) */
ACTIVATION(tanh, vtanh(x), vf_mul(g, vf_fnma(s, s, C(1))))

/* s = y: dx = g y (1 - y) */
ACTIVATION(sigmoid, vsigmoid(x), vf_mul(g, vf_mul(s, vf_sub(C(1), s))))

/* y = ln(1 + e^(beta x)) / beta, or x where beta x > threshold;
 * p = beta, threshold; s = x: dx = g sigma(beta x), or g */
ACTIVATION(softplus,
           vf_sel(vf_lt(C(p[1]), vf_mul(x, C(p[0]))), x,
                  vf_div(vsoftplus(vf_mul(x, C(p[0]))), C(p[0]))),
           vf_sel(vf_lt(C(p[1]), vf_mul(s, C(p[0]))), g,
                  vf_mul(g, vsigmoid_cut(vf_mul(s, C(p[0]))))))

/* min(max(x + 3, 0), 6) */
VINLINE vf relu6_of_3(vf x)
{
    return vf_min(vf_max(vf_add(x, C(3)), vf_zero()), C(6));
}

/* 0 below -3, 1 above 3, x/3 + 1/2 between */
VINLINE vf hardswish_slope(vf x)
{
    vf inner = vf_fma(x, C(1.0f / 3), C(0.5f));

    return vf_sel(vf_lt(x, C(-3)), vf_zero(),
                  vf_sel(vf_le(x, C(3)), inner, C(1)));
}

/* y = x min(max(x + 3, 0), 6) / 6; s = x */
ACTIVATION(hardswish, vf_div(vf_mul(x, relu6_of_3(x)), C(6)),
           vf_mul(g, hardswish_slope(s)))

/* y = min(max(x, p0), p1), p0 < p1; NaN stays. s = y: dx = g between the two,
 * and of NaN */
ACTIVATION(hardtanh, vf_max(C(p[0]), vf_min(C(p[1]), x)),
           vf_sel(vm_or(vf_le(s, C(p[0])), vf_le(C(p[1]), s)), vf_zero(), g))

/* --- PReLU: a slope for each element -------------------------------------- */

VINLINE vf f_prelu(vf x, vf w, const float *p)
{
    (void)p;
    return vf_sel(vf_lt(vf_zero(), x), x, vf_mul(x, w));
}

void MT_FN(prelu)(float *y, const float *x, const float *w, size_t n)
{
    map2(y, x, w, n, NULL, f_prelu);
}

/* dx = g or g w */
void MT_FN(prelu_grad)(float *dx, const float *g, const float *x,
                       const float *w, size_t n)
{
    for (size_t i = 0; i < n; i += VL) {
        size_t left = n - i < VL ? n - i : VL;
        vf gi = vf_load_n(g + i, left), wi = vf_load_n(w + i, left);
        vm above = vf_lt(vf_zero(), vf_load_n(x + i, left));

        vf dx_i = vf_sel(above, gi, vf_mul(gi, wi));

        vf_store_n(dx + i, vf_flush(dx_i), left);
    }
}

/* dw = g x, or 0 above 0 */
VINLINE vf f_prelu_slope(vf g, vf x, const float *p)
{
    (void)p;
    return vf_sel(vf_lt(vf_zero(), x), vf_zero(), vf_mul(g, x));
}

double MT_FN(prelu_sum)(const float *g, const float *x, size_t n)
{
    return fold2(g, x, n, NULL, f_prelu_slope);
}

enum { ROW_BLOCK = 64 };

/* Blocks of ROW_BLOCK rows, each summed in row order, then added in order. */
void MT_FN(prelu_column_sum)(float *dw, const float *g, const float *x,
                             size_t rows, size_t n, size_t ld)
{
    for (size_t j = 0; j < n; j += VL) {
        size_t left = n - j < VL ? n - j : VL;
        vf total = vf_zero(), s = vf_zero();

        for (size_t i = 0; i < rows; i++) {
            vf gi = vf_load_n(g + i * ld + j, left);

            s = vf_add(s, f_prelu_slope(gi, vf_load_n(x + i * ld + j, left),
                                        NULL));
            if (i % ROW_BLOCK == ROW_BLOCK - 1) {
                total = vf_add(total, s);
                s = vf_zero();
            }
        }
        vf_store_n(dw + j, vf_add(total, s), left);
    }
}
