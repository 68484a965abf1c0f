/* Softmax and its relatives along the rows of (rows, n) arrays. */
#include "kernels/isa/internal.h"
#include "kernels/isa/map.h"
#include "kernels/isa/vmath.h"

/* Only a shift: a NaN that it misses is in the sum of exponentials anyway. */
VINLINE float row_max(const float *x, size_t n)
{
    vf m = vf_set1(-INFINITY);
    size_t i = 0;

    for (; i + VL <= n; i += VL)
        m = vf_max(m, vf_load(x + i));
    float max = vf_hmax(m);

    for (; i < n; i++)
        max = max > x[i] ? max : x[i];
    return max;
}

/* e^(a - b) */
VINLINE vf f_exp_minus(vf a, vf b, const float *p)
{
    (void)b;
    return vexp_cut(vf_sub(a, vf_set1(p[0])));
}

VINLINE float row_sum_exp(const float *x, size_t n, float max)
{
    return (float)fold2(x, x, n, &max, f_exp_minus);
}

void MT_FN(softmax_stats)(float *max, float *sum, const float *x, size_t rows,
                          size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        max[i] = row_max(x + i * n, n);
        sum[i] = row_sum_exp(x + i * n, n, max[i]);
    }
}

/* p = max, 1 / sum, scale, a */
VINLINE vf f_softmax_minus(vf x, const float *p)
{
    vf e = vexp_cut(vf_sub(x, vf_set1(p[0])));
    vf d = vf_sub(vf_mul(e, vf_set1(p[1])), vf_set1(p[3]));

    return vf_flush(vf_mul(vf_set1(p[2]), d));
}

void MT_FN(softmax_minus)(float *dx, const float *x, size_t n, float max,
                          float sum, float scale, float a)
{
    float p[4] = { max, 1 / sum, scale, a };

    map1(dx, x, n, p, f_softmax_minus);
}

VINLINE vf f_softmax(vf x, const float *p)
{
    return vf_mul(vexp(vf_sub(x, vf_set1(p[0]))), vf_set1(p[1]));
}

void MT_FN(softmax)(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        float max = row_max(x + i * n, n);
        float p[2] = { max, 1 / row_sum_exp(x + i * n, n, max) };

        map1(y + i * n, x + i * n, n, p, f_softmax);
    }
}

VINLINE vf f_product(vf a, vf b, const float *p)
{
    (void)p;
    return vf_mul(a, b);
}

/* y (g - d) */
VINLINE vf f_softmax_grad(vf g, vf y, const float *p)
{
    return vf_flush(vf_mul(y, vf_sub(g, vf_set1(p[0]))));
}

/* dx_i = y_i (g_i - sum_j g_j y_j) */
void MT_FN(softmax_grad)(float *dx, const float *g, const float *y,
                         size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        const float *gi = g + i * n, *yi = y + i * n;
        float d = (float)fold2(gi, yi, n, NULL, f_product);

        map2(dx + i * n, gi, yi, n, &d, f_softmax_grad);
    }
}

/* (x - max) - log sum */
VINLINE vf f_log_softmax(vf x, const float *p)
{
    return vf_sub(vf_sub(x, vf_set1(p[0])), vf_set1(p[1]));
}

VINLINE float log1(float x)
{
    float out[VL];

    vf_store(out, vlog(vf_set1(x)));
    return out[0];
}

void MT_FN(log_softmax)(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        float max = row_max(x + i * n, n);
        float p[2] = { max, log1(row_sum_exp(x + i * n, n, max)) };

        map1(y + i * n, x + i * n, n, p, f_log_softmax);
    }
}

/* g - e^y d */
VINLINE vf f_log_softmax_grad(vf g, vf y, const float *p)
{
    vf dx = vf_fnma(vexp_cut(y), vf_set1(p[0]), g);

    return vf_flush(dx);
}

/* dx_i = g_i - e^(y_i) sum_j g_j */
void MT_FN(log_softmax_grad)(float *dx, const float *g, const float *y,
                             size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        float d = (float)MT_FN(sum)(g + i * n, n);

        map2(dx + i * n, g + i * n, y + i * n, n, &d, f_log_softmax_grad);
    }
}
