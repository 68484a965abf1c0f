/* Losses over pairs (x_i, t_i): the sum, and the gradient of x. */
#include "tensor/kernels/kernels_internal.h"
#include "tensor/kernels/map.h"
#include "tensor/kernels/vmath.h"

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
        return vf_mul(scale, SLOPE);                                           \
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
PAIR_LOSS(mse, square(vf_sub(x, t)),
          vf_mul(vf_set1(2), vf_sub(x, t)))

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
                 vlog1p(vexp(vf_neg(vf_abs(x))))),
          vf_sub(vsigmoid(x), t))
