/*
 * Batches out of columns: conversion, then normalisation.
 */
#include <assert.h>
#include <string.h>

#include "data/convert.h"
#include "data/format.h"
#include "data/reader.h"

enum { BLOCK = 16 };

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

static const char *sample_at(const struct mt_column *column,
                             const struct mt_samples *samples, size_t i)
{
    return (const char *)column->data +
           mt_sample_number(samples, i) * column->stride;
}

static mt_status read_samples(const struct mt_column *column,
                              const struct mt_samples *samples,
                              enum mt_dtype to, void *out, struct mt_err *err)
{
    struct mt_samples own = *samples;

    assert(!samples->rows || !column->first);
    own.first += column->first;
    return column->reader->gather(column->reader, &own, to, out, err);
}

mt_status mt_gather_f32(const struct mt_column *column,
                        const struct mt_normalization *norm,
                        const struct mt_samples *samples, float *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);
    mt_status status = MT_OK;

    if (!column->data)
        status = read_samples(column, samples, MT_F32, out, err);
    for (size_t i = 0; i < samples->n && status == MT_OK; i++) {
        float *x = out + i * each;

        if (column->data)
            mt_convert_f32(column->dtype, sample_at(column, samples, i), each,
                           x);
        if (norm)
            normalize(norm, each, x);
    }
    return status;
}

mt_status mt_gather_i32(const struct mt_column *column,
                        const struct mt_samples *samples, int32_t *out,
                        struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    if (!column->data)
        return read_samples(column, samples, MT_I32, out, err);
    for (size_t i = 0; i < samples->n; i++)
        mt_convert_i32(column->dtype, sample_at(column, samples, i), each,
                       out + i * each);
    return MT_OK;
}
