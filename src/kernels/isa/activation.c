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

/* Phi(x) = (1 + erf(x / sqrt 2)) / 2 */
VINLINE vf normal_cdf(vf x)
{
    vf e = verf(vf_mul(x, C(0.70710678118654752f)));

    return vf_mul(C(0.5f), vf_add(C(1), e));
}

/* phi(x) = e^(-x^2/2) / sqrt(2 pi) */
VINLINE vf normal_pdf(vf x)
{
    return vf_mul(C(0.39894228040143268f),
                  vexp_cut(vf_mul(C(-0.5f), vf_mul(x, x))));
}

/* y = x Phi(x); s = x: dx = g (Phi(x) + x phi(x)) */
ACTIVATION(gelu, vf_mul(x, normal_cdf(x)),
           vf_mul(g, vf_fma(s, normal_pdf(s), normal_cdf(s))))

#define GELU_B 0.79788456080286536f /* sqrt(2 / pi) */
#define GELU_K 0.044715f

/* tanh(sqrt(2/pi) (x + 0.044715 x^3)) */
VINLINE vf gelu_inner(vf x)
{
    vf x2 = vf_mul(x, x);

    return vtanh(vf_mul(C(GELU_B), vf_fma(vf_mul(C(GELU_K), x2), x, x)));
}

/* (1 + t)/2 + x (1 - t^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2) / 2 */
VINLINE vf gelu_tanh_slope(vf x)
{
    vf t = gelu_inner(x), half = C(0.5f);
    vf du = vf_mul(C(GELU_B),
                   vf_fma(vf_mul(C(3 * GELU_K), x), x, C(1)));
    vf left = vf_fma(half, t, half);
    vf right = vf_mul(vf_mul(half, x), vf_mul(vf_fnma(t, t, C(1)), du));

    return vf_add(left, right);
}

/* y = x (1 + t)/2 with t = tanh(...); s = x */
ACTIVATION(gelu_tanh,
           vf_mul(vf_mul(C(0.5f), x), vf_add(C(1), gelu_inner(x))),
           vf_mul(g, gelu_tanh_slope(s)))

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
