/* Losses over pairs (x_i, t_i): the sum, and the gradient of x. */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"
#include "kernels/isa/vmath.h"

/* Defines the kernel NAME over VALUE, an expression in x and t, and NAME_grad
 * over SLOPE, its derivative by x. */
#define PAIR_LOSS(NAME, VALUE, SLOPE)                                          \
    VINLINE vf f_##NAME(vf x, vf t, const float *p)                            \
    {                                                                          \
        (void)p;                                                               \
        return VALUE;                                                          \
    }                                                                          \
    double MT_FN(NAME)(const float *x, const float *t, size_t n,               \
                       const float *p)                                         \
    {                                                                          \
        return fold2(x, t, n, p, f_##NAME);                                    \
    }                                                                          \
    VINLINE vf d_##NAME(vf x, vf t, const float *p)                            \
    {                                                                          \
        vf scale = vf_set1(p[0]);                                              \
                                                                               \
        p++;                                                                   \
        (void)p;                                                               \
        (void)x;                                                               \
        return vf_flush(vf_mul(scale, SLOPE));                                 \
    }                                                                          \
    void MT_FN(NAME##_grad)(float *dx, const float *x, const float *t,         \
                            size_t n, float scale, const float *p)             \
    {                                                                          \
        float q[4] = { scale };                                                \
                                                                               \
        for (int i = 0; p && i < 3; i++)                                       \
            q[i + 1] = p[i];                                                   \
        map2(dx, x, t, n, q, d_##NAME);                                        \
    }

VINLINE vf square(vf x)
{
    return vf_mul(x, x);
}

/* (x - t)^2; 2 (x - t) */
PAIR_LOSS(mse, square(vf_sub(x, t)), vf_mul(vf_set1(2), vf_sub(x, t)))

/* -1, 0 or 1 */
VINLINE vf sign(vf x)
{
    vf one = vf_copysign(vf_set1(1), x);

    return vf_sel(vf_eq(x, vf_zero()), vf_zero(), one);
}

/* |x - t|; sign(x - t) */
PAIR_LOSS(l1, vf_abs(vf_sub(x, t)), sign(vf_sub(x, t)))

/* max(x, 0) - x t + ln(1 + e^-|x|); sigma(x) - t */
PAIR_LOSS(bce_logits,
          vf_add(vf_fnma(x, t, vf_max(vf_zero(), x)),
                 vlog1p(vexp_cut(vf_neg(vf_abs(x))))),
          vf_sub(vsigmoid_cut(x), t))

/* 0.5 d^2 / beta where |d| < beta, else |d| - 0.5 beta, with d = x - t;
 * d / beta, else sign(d). With beta 0 this is |d|. */
VINLINE vf smooth_l1_value(vf d, vf beta)
{
    vf a = vf_abs(d), half = vf_set1(0.5f);

    return vf_sel(vf_lt(a, beta), vf_div(vf_mul(vf_mul(half, a), a), beta),
                  vf_fnma(half, beta, a));
}

VINLINE vf smooth_l1_slope(vf d, vf beta)
{
    return vf_sel(vf_lt(vf_abs(d), beta), vf_div(d, beta), sign(d));
}

PAIR_LOSS(smooth_l1, smooth_l1_value(vf_sub(x, t), vf_set1(p[0])),
          smooth_l1_slope(vf_sub(x, t), vf_set1(p[0])))

/* 0.5 d^2 where |d| <= delta, else delta (|d| - 0.5 delta);
 * d within +-delta (a NaN stays) */
VINLINE vf huber_value(vf d, vf delta)
{
    vf a = vf_abs(d), half = vf_set1(0.5f);

    return vf_sel(vf_le(a, delta), vf_mul(vf_mul(half, a), a),
                  vf_mul(delta, vf_fnma(half, delta, a)));
}

VINLINE vf huber_slope(vf d, vf delta)
{
    return vf_max(vf_neg(delta), vf_min(delta, d));
}

PAIR_LOSS(huber, huber_value(vf_sub(x, t), vf_set1(p[0])),
          huber_slope(vf_sub(x, t), vf_set1(p[0])))

/* -t max(ln x, -100) - (1 - t) max(ln(1 - x), -100);
 * (x - t) / max((1 - x) x, 1e-12). NaN outside of 0 ... 1. */
VINLINE vf bce_value(vf x, vf t)
{
    vf low = vf_set1(-100), hit = vf_max(low, vlog(x));
    vf miss = vf_max(low, vlog1p(vf_neg(x)));

    return vf_neg(vf_fma(t, hit, vf_mul(vf_sub(vf_set1(1), t), miss)));
}

VINLINE vf bce_slope(vf x, vf t)
{
    vf d = vf_mul(vf_sub(vf_set1(1), x), x);

    return vf_div(vf_sub(x, t), vf_max(vf_set1(1e-12f), d));
}

PAIR_LOSS(bce, bce_value(x, t), bce_slope(x, t))

/* t (ln t - x), 0 where t is 0; -t */
VINLINE vf kl_value(vf x, vf t)
{
    vf l = vf_mul(t, vf_sub(vlog(t), x));

    return vf_sel(vf_eq(t, vf_zero()), t, l);
}

PAIR_LOSS(kl_div, kl_value(x, t), vf_neg(t))

/* e^t (t - x); -e^t */
PAIR_LOSS(kl_div_log, vf_mul(vexp(t), vf_sub(t, x)), vf_neg(vexp(t)))

/* --- with weights ------------------------------------------------------- */

typedef vf quad(vf a, vf b, vf c, vf d);

VINLINE vf quad_n(const float *a, const float *b, const float *c,
                  const float *d, size_t n, quad *f)
{
    return f(vf_load_n(a, n), vf_load_n(b, n), vf_load_n(c, n),
             vf_load_n(d, n));
}

VINLINE vf quad_all(const float *a, const float *b, const float *c,
                    const float *d, quad *f)
{
    return f(vf_load(a), vf_load(b), vf_load(c), vf_load(d));
}

/* The sum of f(a_i, b_i, c_i, d_i) in the order of fold2. */
VINLINE double fold4(const float *a, const float *b, const float *c,
                     const float *d, size_t n, quad *f)
{
    double total = 0;

    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK, i = at;
        vf s = vf_zero();

        for (; i + VL <= end; i += VL)
            s = vf_add(s, quad_all(a + i, b + i, c + i, d + i, f));
        if (i < end) {
            float last[VL] = { 0 };

            vf_store(last, quad_n(a + i, b + i, c + i, d + i, end - i, f));
            s = vf_add(s, vf_load_n(last, end - i));
        }
        total += (double)vf_sum(s);
    }
    return total;
}

/* y_i = scale f(a_i, b_i, c_i, d_i), flushed as gradients are */
VINLINE void map4(float *y, const float *a, const float *b, const float *c,
                  const float *d, size_t n, float scale, quad *f)
{
    vf s = vf_set1(scale), v;
    size_t i = 0;

    for (; i + VL <= n; i += VL) {
        v = vf_mul(s, quad_all(a + i, b + i, c + i, d + i, f));
        vf_store(y + i, vf_flush(v));
    }
    if (i < n) {
        v = vf_mul(s, quad_n(a + i, b + i, c + i, d + i, n - i, f));
        vf_store_n(y + i, vf_flush(v), n - i);
    }
}

/* Defines the kernel NAME over VALUE and NAME_grad over SLOPE, in x, t, the
 * weight q of what is so (t = 1) and the weight w of all. */
#define WEIGHTED_LOSS(NAME, VALUE, SLOPE)                                      \
    double MT_FN(NAME)(const float *x, const float *t, const float *q,         \
                       const float *w, size_t n)                               \
    {                                                                          \
        return fold4(x, t, q, w, n, VALUE);                                    \
    }                                                                          \
    void MT_FN(NAME##_grad)(float *dx, const float *x, const float *t,         \
                            const float *q, const float *w, size_t n,          \
                            float scale)                                       \
    {                                                                          \
        map4(dx, x, t, q, w, n, scale, SLOPE);                                 \
    }

/* w (q t ln(1 + e^-x) + (1 - t) ln(1 + e^x)): both logarithms are
 * max(+-x, 0) + ln(1 + e^-|x|), and all four terms are positive */
VINLINE vf bce_logits_value(vf x, vf t, vf q, vf w)
{
    vf tail = vlog1p(vexp_cut(vf_neg(vf_abs(x))));
    vf hit = vf_add(vf_max(vf_zero(), vf_neg(x)), tail);
    vf miss = vf_add(vf_max(vf_zero(), x), tail);

    return vf_mul(
        w, vf_fma(vf_mul(q, t), hit, vf_mul(vf_sub(vf_set1(1), t), miss)));
}

/* w ((1 - t) sigma(x) - q t sigma(-x)) */
VINLINE vf bce_logits_slope(vf x, vf t, vf q, vf w)
{
    vf miss = vf_mul(vf_sub(vf_set1(1), t), vsigmoid_cut(x));

    return vf_mul(w, vf_fnma(vf_mul(q, t), vsigmoid_cut(vf_neg(x)), miss));
}

WEIGHTED_LOSS(bce_logits_weighted, bce_logits_value, bce_logits_slope)

VINLINE vf bce_weighted_value(vf x, vf t, vf q, vf w)
{
    (void)q;
    return vf_mul(w, bce_value(x, t));
}

VINLINE vf bce_weighted_slope(vf x, vf t, vf q, vf w)
{
    (void)q;
    return vf_mul(w, bce_slope(x, t));
}

WEIGHTED_LOSS(bce_weighted, bce_weighted_value, bce_weighted_slope)
