/*
 * Batches from columns: conversion, then normalisation.
 */
#include <assert.h>
#include <string.h>

#include "data/convert.h"
#include "data/format.h"
#include "data/reader.h"

/* The compiler vectorizes loops whose length it knows (convert.c). */
enum { BLOCK = 256, LANES = 16 };

/* x_i <- x_i scale */
static void apply_scale(float *x, size_t n, float scale)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            x[i + j] *= scale;
    for (; i < n; i++)
        x[i] *= scale;
}

/* out_i = (x_i scale - mean) / std */
static void apply_one(const double *restrict x, size_t n, double scale,
                      double mean, double std, float *restrict out)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            out[i + j] = (float)((x[i + j] * scale - mean) / std);
    for (; i < n; i++)
        out[i] = (float)((x[i] * scale - mean) / std);
}

/* out_i = (x_i scale - mean_i) / std_i */
static void apply_each(const double *restrict x, size_t n, double scale,
                       const double *restrict mean,
                       const double *restrict std, float *restrict out)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            out[i + j] =
                (float)((x[i + j] * scale - mean[i + j]) / std[i + j]);
    for (; i < n; i++)
        out[i] = (float)((x[i] * scale - mean[i]) / std[i]);
}

/* The number of elements from e on that have the same statistics. */
static size_t run_of(const struct mt_normalization *norm, size_t each,
                     size_t e)
{
    size_t run = norm->n == each ? each : each / norm->n;

    return run - e % run;
}

/* `first` is in the first sample. out may be at. */
static void apply(const struct mt_normalization *norm, size_t each,
                  size_t first, enum mt_dtype from, const char *at, size_t n,
                  float *out)
{
    size_t size = mt_dtype_size(from), k;
    double x[BLOCK];

    for (size_t i = 0; i < n; i += k) {
        size_t e = (first + i) % each, run = run_of(norm, each, e);
        double scale = (double)norm->scale;

        k = n - i < BLOCK ? n - i : BLOCK;
        k = k < run ? k : run;
        mt_convert_f64(from, at + i * size, k, x);
        if (norm->n == each)
            apply_each(x, k, scale, norm->mean + e, norm->std + e, out + i);
        else
            apply_one(x, k, scale, norm->mean[e / (each / norm->n)],
                      norm->std[e / (each / norm->n)], out + i);
    }
}

static bool is_plain(const struct mt_normalization *norm)
{
    return !norm || (norm->n == 0 && norm->scale == 1);
}

void mt_normalize(const struct mt_normalization *norm, size_t each,
                  size_t first, enum mt_dtype from, const char *at, size_t n,
                  float *out)
{
    if (norm && norm->n) {
        apply(norm, each, first, from, at, n, out);
        return;
    }
    if (at != (const char *)out)
        mt_convert_f32(from, at, n, out);
    if (!is_plain(norm))
        apply_scale(out, n, norm->scale);
}

static const char *sample_at(const struct mt_column *column,
                             const struct mt_samples *samples, size_t i)
{
    return (const char *)column->data +
           mt_sample_number(samples, i) * column->stride;
}

static mt_status read_samples(const struct mt_column *column,
                              const struct mt_samples *samples,
                              const struct mt_normalization *norm,
                              enum mt_dtype to, void *out, struct mt_err *err)
{
    struct mt_samples own = *samples;

    assert(!samples->rows || !column->first);
    own.first += column->first;
    return column->reader->gather(column->reader, &own, norm, to, out, err);
}

mt_status mt_gather_f32(const struct mt_column *column,
                        const struct mt_normalization *norm,
                        const struct mt_samples *samples, float *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    if (!column->data)
        return read_samples(column, samples, norm, MT_F32, out, err);
    bool plain = is_plain(norm);

    for (size_t i = 0; i < samples->n; i++) {
        const char *at = sample_at(column, samples, i);

        if (plain)
            mt_convert_f32(column->dtype, at, each, out + i * each);
        else
            mt_normalize(norm, each, 0, column->dtype, at, each,
                         out + i * each);
    }
    return MT_OK;
}

mt_status mt_gather_f64(const struct mt_column *column,
                        const struct mt_samples *samples, double *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    if (!column->data)
        return read_samples(column, samples, NULL, MT_F64, out, err);
    for (size_t i = 0; i < samples->n; i++)
        mt_convert_f64(column->dtype, sample_at(column, samples, i), each,
                       out + i * each);
    return MT_OK;
}

mt_status mt_gather_i32(const struct mt_column *column,
                        const struct mt_samples *samples, int32_t *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    if (!column->data)
        return read_samples(column, samples, NULL, MT_I32, out, err);
    for (size_t i = 0; i < samples->n; i++)
        mt_convert_i32(column->dtype, sample_at(column, samples, i), each,
                       out + i * each);
    return MT_OK;
}
