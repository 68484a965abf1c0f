#include "train/compare.h"

#include <math.h>
#include <string.h>

#include "tensor/dmath.h"

/* Floats as integers in their own order, so that neighbours are 1 apart. */
static int64_t ordered(float x)
{
    int32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
}

static uint64_t ulps(const struct mt_array *a, const struct mt_array *b,
                     size_t i)
{
    if (a->dtype != MT_F32)
        return 0;
    int64_t d = ordered(((const float *)a->data)[i]) -
                ordered(((const float *)b->data)[i]);

    return (uint64_t)(d < 0 ? -d : d);
}

static bool bits_differ(const struct mt_array *a, const struct mt_array *b,
                        size_t i)
{
    size_t size = mt_dtype_size(a->dtype);

    return memcmp((const char *)a->data + i * size,
                  (const char *)b->data + i * size, size) != 0;
}

static bool beyond(double x, double y, double atol, double rtol)
{
    if (isnan(x) || isnan(y))
        return isnan(x) != isnan(y);
    return x != y && !(fabs(x - y) <= atol + rtol * fabs(y));
}

void mt_compare(const struct mt_array *a, const struct mt_array *b,
                double atol, double rtol, struct mt_comparison *out)
{
    bool bitwise = atol == 0 && rtol == 0;
    double squares = 0, ab = 0, aa = 0, bb = 0;

    *out = (struct mt_comparison){ .n = mt_shape_elements(&a->shape) };
    for (size_t i = 0; i < out->n; i++) {
        double x = mt_array_value(a, i), y = mt_array_value(b, i), d = x == y ? 0 : x - y;
        bool differs = bitwise ? bits_differ(a, b, i)
                               : beyond(x, y, atol, rtol);
        uint64_t u = ulps(a, b, i);

        if (differs && out->n_differ++ == 0)
            out->first = i;
        if (fabs(d) > out->max_abs || isnan(d))
            out->max_abs = fabs(d);
        out->max_ulp = u > out->max_ulp ? u : out->max_ulp;
        squares += d * d;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    out->rms = out->n ? mt_dsqrt(squares / (double)out->n) : 0;
    out->cosine = aa > 0 && bb > 0 ? ab / (mt_dsqrt(aa) * mt_dsqrt(bb)) : NAN;
}
