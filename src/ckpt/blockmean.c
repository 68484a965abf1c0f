#include "ckpt/blockmean.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/stateformat.h"

struct blocks {
    const struct mt_mean *mean;
    enum mt_dtype dtype; /* of the result */
    double divisor;
    size_t n;
    struct mt_block_stream *of[]; /* (n) open */
};

static void end_mean(void *blocks)
{
    struct blocks *b = blocks;

    for (size_t i = 0; b && i < b->n; i++)
        mt_block_stream_close(b->of[i]);
    free(b);
}

static mt_status begin_mean(void *handle, const struct mt_array *array,
                            void **out, struct mt_err *err)
{
    const struct mt_mean *mean = handle;
    struct blocks *b = calloc(1, sizeof *b + mean->n * sizeof *b->of);
    mt_status status = b ? MT_OK : mt_fail_memory(err);

    if (!b)
        return status;
    b->mean = mean;
    b->dtype = array->dtype;
    while (b->n < mean->n && status == MT_OK) {
        b->divisor += mean->weights ? mean->weights[b->n] : 1;
        status = mt_block_stream_open(&mean->of[b->n], &b->of[b->n], err);
        b->n += status == MT_OK;
    }
    if (status != MT_OK) {
        end_mean(b);
        return status;
    }
    *out = b;
    return MT_OK;
}

/* Allocates one block of terms and one of their sum, when first needed. */
static mt_status fit(struct mt_block_room *room, struct mt_err *err)
{
    if (!room->terms)
        room->terms = malloc(MT_BLOCK * sizeof(double));
    if (!room->sum)
        room->sum = malloc(MT_BLOCK * sizeof(double));
    return room->terms && room->sum ? MT_OK : mt_fail_memory(err);
}

/* The first term is stored, not added to 0: -0 stays -0. */
static void add_terms(const struct mt_array *terms, double weight, bool first,
                      size_t n, double *sum)
{
    for (size_t i = 0; i < n; i++) {
        double term = weight * mt_array_value(terms, i);

        sum[i] = first ? term : sum[i] + term;
    }
}

/* Writes element i in the type; returns whether it is finite. */
static bool store(const struct blocks *b, double value, void *out, size_t i)
{
    if (b->mean->brain)
        value = (double)mt_bf16_to_f32(mt_bf16_from_f64(value));
    switch (b->dtype) {
    case MT_F16: {
        uint16_t bits = mt_f16_from_f64(value);

        ((uint16_t *)out)[i] = bits;
        return isfinite(mt_f16_to_f32(bits));
    }
    case MT_BF16: {
        uint16_t bits = mt_bf16_from_f64(value);

        ((uint16_t *)out)[i] = bits;
        return isfinite(mt_bf16_to_f32(bits));
    }
    case MT_F64:
        ((double *)out)[i] = value;
        return isfinite(value);
    default:
        ((float *)out)[i] = (float)value;
        return isfinite((float)value);
    }
}

static mt_status block_mean(void *blocks, size_t k, struct mt_block_room *room,
                            void *out, struct mt_err *err)
{
    const struct blocks *b = blocks;
    size_t n = mt_block_stream_elements(b->of[0], k), overflowed = 0;
    mt_status status = fit(room, err);

    for (size_t i = 0; i < b->n && status == MT_OK; i++) {
        struct mt_array terms = { .dtype = b->mean->of[i].dtype,
                                  .data = room->terms };

        status = mt_block_read(b->of[i], k, room, room->terms, err);
        if (status == MT_OK)
            add_terms(&terms, b->mean->weights ? b->mean->weights[i] : 1,
                      i == 0, n, room->sum);
    }
    if (status != MT_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        double value = room->sum[i] / b->divisor;

        overflowed += !store(b, value, out, i) && isfinite(value);
    }
    if (b->mean->overflowed)
        atomic_fetch_add(b->mean->overflowed, overflowed);
    return MT_OK;
}

static bool is_serial(const void *blocks)
{
    const struct blocks *b = blocks;
    bool serial = false;

    for (size_t i = 0; i < b->n; i++)
        serial |= mt_block_stream_is_serial(b->of[i]);
    return serial;
}

const struct mt_state_format mt_state_mean = {
    .name = "mean",
    .begin = begin_mean,
    .block = block_mean,
    .end = end_mean,
    .is_serial = is_serial,
};
