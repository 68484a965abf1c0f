/*
 * Batches out of columns. Loads go through memcpy into small blocks of fixed
 * size: columns of mapped files need not be aligned, and the compiler makes
 * vectors of loops whose length it knows.
 */
#include <string.h>

#include "data/dataset.h"

enum { BLOCK = 16 };

#define DEFINE_CONVERT(name, from, to, convert)                                \
    static void name(const char *restrict at, size_t n, to *restrict out)      \
    {                                                                          \
        size_t i = 0;                                                          \
        from v[BLOCK];                                                         \
                                                                               \
        for (; i + BLOCK <= n; i += BLOCK) {                                   \
            memcpy(v, at + i * sizeof *v, sizeof v);                           \
            for (size_t j = 0; j < BLOCK; j++)                                 \
                out[i + j] = convert(v[j]);                                    \
        }                                                                      \
        for (; i < n; i++) {                                                   \
            memcpy(v, at + i * sizeof *v, sizeof *v);                          \
            out[i] = convert(v[0]);                                            \
        }                                                                      \
    }

#define TO_FLOAT(v) ((float)(v))
#define SAME(v)     (v)

static int32_t cut_i64(int64_t v)
{
    return v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

static int32_t cut_f64(double v)
{
    if (v != v)
        return 0;
    return v <= INT32_MIN ? INT32_MIN : v >= INT32_MAX ? INT32_MAX : (int32_t)v;
}

DEFINE_CONVERT(f64_to_f32, double, float, TO_FLOAT)
DEFINE_CONVERT(i32_to_f32, int32_t, float, TO_FLOAT)
DEFINE_CONVERT(i64_to_f32, int64_t, float, TO_FLOAT)
DEFINE_CONVERT(u8_to_f32, uint8_t, float, TO_FLOAT)
DEFINE_CONVERT(f32_to_i32, float, int32_t, cut_f64)
DEFINE_CONVERT(f64_to_i32, double, int32_t, cut_f64)
DEFINE_CONVERT(i64_to_i32, int64_t, int32_t, cut_i64)
DEFINE_CONVERT(u8_to_i32, uint8_t, int32_t, SAME)

static void convert_f32(enum mt_dtype dtype, const char *at, size_t n,
                        float *out)
{
    switch (dtype) {
    case MT_F64:
        f64_to_f32(at, n, out);
        break;
    case MT_I32:
        i32_to_f32(at, n, out);
        break;
    case MT_I64:
        i64_to_f32(at, n, out);
        break;
    case MT_U8:
        u8_to_f32(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

static void convert_i32(enum mt_dtype dtype, const char *at, size_t n,
                        int32_t *out)
{
    switch (dtype) {
    case MT_F32:
        f32_to_i32(at, n, out);
        break;
    case MT_F64:
        f64_to_i32(at, n, out);
        break;
    case MT_I64:
        i64_to_i32(at, n, out);
        break;
    case MT_U8:
        u8_to_i32(at, n, out);
        break;
    default:
        memcpy(out, at, n * sizeof *out);
    }
}

/* x_i <- x_i scale */
static void apply_scale(float *x, size_t n, float scale)
{
    size_t i = 0;

    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            x[i + j] *= scale;
    for (; i < n; i++)
        x[i] *= scale;
}

/* x_i <- (x_i scale - mean) / std */
static void apply_one(float *x, size_t n, float scale, float mean, float std)
{
    size_t i = 0;

    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            x[i + j] = (x[i + j] * scale - mean) / std;
    for (; i < n; i++)
        x[i] = (x[i] * scale - mean) / std;
}

/* x_i <- (x_i scale - mean_i) / std_i */
static void apply_each(float *restrict x, size_t n, float scale,
                       const float *restrict mean, const float *restrict std)
{
    size_t i = 0;

    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            x[i + j] = (x[i + j] * scale - mean[i + j]) / std[i + j];
    for (; i < n; i++)
        x[i] = (x[i] * scale - mean[i]) / std[i];
}

/* One sample of n elements. */
static void normalize(const struct mt_normalization *norm, size_t n, float *x)
{
    if (norm->n == 0) {
        if (norm->scale != 1)
            apply_scale(x, n, norm->scale);
        return;
    }
    if (norm->n == n) {
        apply_each(x, n, norm->scale, norm->mean, norm->std);
        return;
    }

    size_t run = n / norm->n; /* elements behind one mean */

    for (size_t f = 0; f < norm->n; f++)
        apply_one(x + f * run, run, norm->scale, norm->mean[f], norm->std[f]);
}

static const char *sample(const struct mt_column *column, const uint32_t *rows,
                          size_t first, size_t i)
{
    size_t row = rows ? rows[i] : first + i;

    return (const char *)column->data + row * column->stride;
}

void mt_gather_f32(const struct mt_column *column,
                   const struct mt_normalization *norm, const uint32_t *rows,
                   size_t first, size_t n, float *out)
{
    size_t each = mt_shape_elements(&column->shape);

    for (size_t i = 0; i < n; i++) {
        float *x = out + i * each;

        convert_f32(column->dtype, sample(column, rows, first, i), each, x);
        if (norm)
            normalize(norm, each, x);
    }
}

void mt_gather_i32(const struct mt_column *column, const uint32_t *rows,
                   size_t first, size_t n, int32_t *out)
{
    size_t each = mt_shape_elements(&column->shape);

    for (size_t i = 0; i < n; i++)
        convert_i32(column->dtype, sample(column, rows, first, i), each,
                    out + i * each);
}
