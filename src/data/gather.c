/*
 * Batches out of columns. Loads go through memcpy into small blocks of fixed
 * size: columns need not be aligned, and the compiler makes
 * vectors of loops whose length it knows.
 */
#include <string.h>

#include "data/loader.h"
#include "data/stream.h"

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

/* ---- columns that are in a file ---- */

/* How many of the samples from number i on follow one another in the file. */
static size_t run_length(const uint32_t *rows, size_t i, size_t n)
{
    size_t k = 1;

    while (i + k < n && (!rows || rows[i + k] == rows[i] + k))
        k++;
    return k;
}

/* What is used as an index must be what it was when it was checked. */
static mt_status check_range(const struct mt_column *column, size_t first,
                             const int32_t *v, size_t n, struct mt_err *err)
{
    const struct mt_stream *s = column->stream;
    size_t each = mt_shape_elements(&column->shape);

    for (size_t i = 0; i < n; i++)
        if (v[i] < cut_i64(s->min) || v[i] > cut_i64(s->max))
            return mt_fail(err, MT_INVALID,
                           "%s: sample %zu, element %zu: the file was changed "
                           "while it was in use: %ld; expected %lld to %lld",
                           s->path, (first + i) / each, (first + i) % each,
                           (long)v[i], s->min, s->max);
    return MT_OK;
}

/* Samples first ... first+n-1 into f32 or i32, whichever is not NULL. */
static mt_status read_run(const struct mt_column *column, size_t first,
                          size_t n, float *f32, int32_t *i32,
                          struct mt_err *err)
{
    struct mt_stream_walk walk;
    size_t some = 1;
    mt_status status = MT_OK;

    mt_stream_start(&walk, column, first, n);
    while (status == MT_OK && walk.at < walk.end) {
        size_t at = walk.at;

        status = mt_stream_next(&walk, &some, err);
        if (status == MT_OK && f32) {
            convert_f32(column->dtype, walk.block, some, f32);
            f32 += some;
        } else if (status == MT_OK) {
            convert_i32(column->dtype, walk.block, some, i32);
            status = check_range(column, at, i32, some, err);
            i32 += some;
        }
    }
    return status;
}

static mt_status read_samples(const struct mt_column *column,
                              const uint32_t *rows, size_t first, size_t n,
                              float *f32, int32_t *i32, struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);
    mt_status status = MT_OK;

    for (size_t i = 0, k; i < n && status == MT_OK; i += k) {
        k = run_length(rows, i, n);
        status = read_run(column, rows ? rows[i] : first + i, k,
                          f32 ? f32 + i * each : NULL,
                          i32 ? i32 + i * each : NULL, err);
    }
    return status;
}

/* ---- both ---- */

mt_status mt_gather_f32(const struct mt_column *column,
                        const struct mt_normalization *norm,
                        const uint32_t *rows, size_t first, size_t n,
                        float *out, struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);
    mt_status status =
        column->data ? MT_OK
                     : read_samples(column, rows, first, n, out, NULL, err);

    for (size_t i = 0; i < n && status == MT_OK; i++) {
        float *x = out + i * each;

        if (column->data)
            convert_f32(column->dtype, sample(column, rows, first, i), each, x);
        if (norm)
            normalize(norm, each, x);
    }
    return status;
}

mt_status mt_gather_i32(const struct mt_column *column, const uint32_t *rows,
                        size_t first, size_t n, int32_t *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    if (!column->data)
        return read_samples(column, rows, first, n, NULL, out, err);
    for (size_t i = 0; i < n; i++)
        convert_i32(column->dtype, sample(column, rows, first, i), each,
                    out + i * each);
    return MT_OK;
}
