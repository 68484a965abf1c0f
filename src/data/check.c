/*
 * What every format's columns must satisfy.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/format.h"
#include "data/stream.h"

mt_status mt_data_check_count(const char *source, size_t samples,
                              struct mt_err *err)
{
    if (samples <= UINT32_MAX)
        return MT_OK;
    return mt_fail(err, MT_INVALID, "%s: %zu samples; expected at most %zu",
                   source ? source : "data", samples, (size_t)UINT32_MAX);
}

static const void *sample_at(const struct mt_column *column, size_t i)
{
    return (const char *)column->data + i * column->stride;
}

/* ---- floats ---- */

enum { BLOCK = 1024 };

/* The first of n values that is not finite as a float32, or n. Values from
 * 0x1.ffffffp127 on round to infinity. */
static size_t first_bad_f32(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        uint32_t bits[BLOCK], bad = 0;

        memcpy(bits, at + i * sizeof *bits, m * sizeof *bits);
        for (size_t j = 0; j < m; j++)
            bad |= (bits[j] & 0x7f800000u) == 0x7f800000u;
        for (size_t j = 0; bad && j < m; j++)
            if ((bits[j] & 0x7f800000u) == 0x7f800000u)
                return i + j;
    }
    return n;
}

static size_t first_bad_f64(const char *at, size_t n)
{
    double v;

    for (size_t i = 0; i < n; i++) {
        memcpy(&v, at + i * sizeof v, sizeof v);
        if (!(fabs(v) < 0x1.ffffffp127))
            return i;
    }
    return n;
}

static size_t first_bad(enum mt_dtype dtype, const char *at, size_t n)
{
    return dtype == MT_F64 ? first_bad_f64(at, n) : first_bad_f32(at, n);
}

/* at: the value. */
static mt_status fail_finite(const char *source, enum mt_dtype dtype,
                             const char *at, size_t sample, size_t element,
                             struct mt_err *err)
{
    double v;
    float f;

    if (dtype == MT_F64) {
        memcpy(&v, at, sizeof v);
    } else {
        memcpy(&f, at, sizeof f);
        v = (double)f;
    }
    if (isfinite(v))
        return mt_fail(err, MT_INVALID,
                       "%s: sample %zu, element %zu: %g is too large for "
                       "float32",
                       source, sample, element, v);
    return mt_fail(err, MT_INVALID,
                   "%s: sample %zu, element %zu: %s is not allowed; expected "
                   "a finite number",
                   source, sample, element, isnan(v) ? "NaN" : "infinity");
}

mt_status mt_data_check_finite(const char *source,
                               const struct mt_column *column, size_t samples,
                               struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);
    size_t size = mt_dtype_size(column->dtype);
    size_t n = each, parts = samples, bad;

    if (!column->data || mt_dtype_is_integer(column->dtype))
        return MT_OK;
    /* Dense columns are one long sample. */
    if (column->stride == each * size) {
        n = each * samples;
        parts = 1;
    }
    for (size_t i = 0; i < parts; i++) {
        const char *at = sample_at(column, i);

        bad = first_bad(column->dtype, at, n);
        if (bad < n)
            return fail_finite(source, column->dtype, at + bad * size,
                               i + bad / each, bad % each, err);
    }
    return MT_OK;
}

/* ---- integers ---- */

struct range {
    long long min, max; /* max < min: empty */
};

static const struct range EMPTY = { 0, -1 };

static struct range join(struct range a, struct range b)
{
    if (a.max < a.min)
        return b;
    if (b.max < b.min)
        return a;
    return (struct range){ a.min < b.min ? a.min : b.min,
                           a.max > b.max ? a.max : b.max };
}

/* Copies blocks to the stack, as the memory may be unaligned. */
#define DEFINE_RANGE(name, type)                                               \
    static struct range name(const char *at, size_t n)                         \
    {                                                                          \
        struct range r = EMPTY;                                                \
        type v[BLOCK];                                                         \
                                                                               \
        for (size_t i = 0; i < n; i += BLOCK) {                                \
            size_t m = n - i < BLOCK ? n - i : BLOCK;                          \
            type low, high;                                                    \
                                                                               \
            memcpy(v, at + i * sizeof *v, m * sizeof *v);                      \
            low = high = v[0];                                                 \
            for (size_t j = 1; j < m; j++) {                                   \
                low = v[j] < low ? v[j] : low;                                 \
                high = v[j] > high ? v[j] : high;                              \
            }                                                                  \
            r = join(r, (struct range){ low, high });                          \
        }                                                                      \
        return r;                                                              \
    }

DEFINE_RANGE(range_u8, uint8_t)
DEFINE_RANGE(range_i32, int32_t)
DEFINE_RANGE(range_i64, int64_t)

static struct range range_of(enum mt_dtype dtype, const char *at, size_t n)
{
    switch (dtype) {
    case MT_U8:
        return range_u8(at, n);
    case MT_I32:
        return range_i32(at, n);
    case MT_I64:
        return range_i64(at, n);
    default:
        return EMPTY;
    }
}

mt_status mt_data_scan(const char *source, struct mt_stream *stream,
                       size_t samples, bool finite, struct sha256_ctx *sha,
                       struct mt_err *err)
{
    enum mt_dtype dtype = stream->dtype;
    size_t each = stream->each, size = mt_dtype_size(dtype);
    bool integer = mt_dtype_is_integer(dtype);
    struct range r = EMPTY;
    struct mt_stream_walk walk;

    mt_stream_start(&walk, stream, 0, samples);
    while (walk.at < walk.end) {
        size_t at = walk.at, n = 0, bad;
        mt_status status = mt_stream_next(&walk, &n, err);

        if (status != MT_OK)
            return status;
        if (sha)
            sha256_update(sha, n * size, (const uint8_t *)walk.block);
        if (integer)
            r = join(r, range_of(dtype, walk.block, n));
        bad = integer || !finite ? n : first_bad(dtype, walk.block, n);
        if (bad < n)
            return fail_finite(source, dtype, walk.block + bad * size,
                               (at + bad) / each, (at + bad) % each, err);
    }
    stream->reader.min = r.min;
    stream->reader.max = r.max;
    return MT_OK;
}

static struct range column_range(const struct mt_column *column, size_t samples)
{
    size_t each = mt_shape_elements(&column->shape);
    struct range r = EMPTY;

    if (!samples || !mt_dtype_is_integer(column->dtype))
        return r;
    if (!column->data)
        return (struct range){ column->reader->min, column->reader->max };
    if (column->stride == each * mt_dtype_size(column->dtype))
        return range_of(column->dtype, column->data, each * samples);
    for (size_t i = 0; i < samples; i++)
        r = join(r, range_of(column->dtype, sample_at(column, i), each));
    return r;
}

/* low ... high, and one further value. */
struct allowed {
    long long low, high;
    const long long *also; /* or NULL */
};

static bool is_allowed(const struct allowed *a, long long v)
{
    return (v >= a->low && v <= a->high) || (a->also && v == *a->also);
}

/* The place and value of an integer that is not allowed. */
struct culprit {
    bool found;
    size_t sample, element;
    long long value;
};

static bool find_in(enum mt_dtype dtype, const char *at, size_t n,
                    const struct allowed *a, size_t first, size_t each,
                    struct culprit *out)
{
    size_t size = mt_dtype_size(dtype);

    for (size_t i = 0; i < n && !out->found; i++) {
        long long v = range_of(dtype, at + i * size, 1).min;

        if (!is_allowed(a, v))
            *out = (struct culprit){ true, (first + i) / each,
                                     (first + i) % each, v };
    }
    return out->found;
}

/* The same for a column of a reader, some samples at a time. */
static mt_status find_by_reader(const struct mt_column *column, size_t samples,
                                const struct allowed *a, struct culprit *out,
                                struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);
    struct mt_samples some = { .n = each < BLOCK ? BLOCK / each : 1 };
    int64_t *v = malloc(some.n * each * sizeof *v);
    mt_status status = v ? MT_OK : mt_fail_memory(err);

    while (status == MT_OK && !out->found && some.first < samples) {
        size_t left = samples - some.first;

        some.n = some.n < left ? some.n : left;
        status = column->reader->gather(column->reader, &some, NULL, MT_I64, v,
                                        err);
        if (status == MT_OK)
            find_in(MT_I64, (const char *)v, some.n * each, a,
                    some.first * each, each, out);
        some.first += some.n;
    }
    free(v);
    return status;
}

/* The first integer of the column that is not allowed. */
static mt_status find_culprit(const struct mt_column *column, size_t samples,
                              const struct allowed *a, struct culprit *out,
                              struct mt_err *err)
{
    size_t each = mt_shape_elements(&column->shape);

    *out = (struct culprit){ false, 0, 0, 0 };
    if (!column->data && samples)
        return find_by_reader(column, samples, a, out, err);
    for (size_t i = 0; i < samples; i++)
        if (find_in(column->dtype, sample_at(column, i), each, a, i * each,
                    each, out))
            break;
    return MT_OK;
}

static mt_status check_column(const char *source, const char *what,
                              const struct mt_column *column, size_t samples,
                              size_t n, const long long *ignore,
                              struct mt_err *err)
{
    long long limit = n > INT32_MAX ? INT32_MAX : (long long)n;
    struct range r = column_range(column, samples);
    struct allowed allowed = { 0, limit - 1, ignore };
    struct culprit bad;
    char element[64] = "";
    mt_status status;

    if (r.max < r.min || (r.min >= 0 && r.max < limit))
        return MT_OK;
    status = find_culprit(column, samples, &allowed, &bad, err);
    if (status != MT_OK || !bad.found)
        return status;
    if (column->shape.rank)
        snprintf(element, sizeof element, ", element %zu", bad.element);
    return mt_fail(err, MT_INVALID,
                   "%s: sample %zu%s: %s %lld is out of range: expected 0 to "
                   "%lld",
                   source, bad.sample, element, what, bad.value, limit - 1);
}

mt_status mt_dataset_check_labels(const struct mt_dataset *data, size_t classes,
                                  const long long *ignore, struct mt_err *err)
{
    const struct mt_part *parts[] = { &data->train, &data->val, &data->test };
    mt_status status = MT_OK;

    for (int i = 0; i < MT_SPLITS && status == MT_OK; i++)
        status = check_column(parts[i]->y_source, "label", &parts[i]->y,
                              parts[i]->samples, classes, ignore, err);
    return status;
}

mt_status mt_dataset_check_tokens(const struct mt_dataset *data, size_t vocab,
                                  struct mt_err *err)
{
    const struct mt_part *parts[] = { &data->train, &data->val, &data->test };
    mt_status status = MT_OK;

    for (int i = 0; i < MT_SPLITS && status == MT_OK; i++)
        status = check_column(parts[i]->source, "token", &parts[i]->x,
                              parts[i]->samples, vocab, NULL, err);
    return status;
}

/* No model has a class that does not fit int32. */
static mt_status check_label_width(const struct mt_dataset *data,
                                   struct mt_err *err)
{
    const struct mt_part *parts[] = { &data->train, &data->val, &data->test };

    if (data->label_min >= INT32_MIN && data->label_max < INT32_MAX)
        return MT_OK;
    for (int p = 0; p < MT_SPLITS; p++) {
        static const struct allowed wide = { INT32_MIN, INT32_MAX - 1, NULL };
        struct culprit bad;
        mt_status status =
            find_culprit(&parts[p]->y, parts[p]->samples, &wide, &bad, err);

        if (status != MT_OK)
            return status;
        if (bad.found)
            return mt_fail(err, MT_INVALID,
                           "%s: sample %zu: label %lld is out of range: "
                           "expected a class number below 2147483647",
                           parts[p]->y_source, bad.sample, bad.value);
    }
    return MT_OK;
}

static mt_status count_classes(const struct mt_data_request *request,
                               struct range train, struct mt_dataset *data,
                               struct mt_err *err)
{
    const struct mt_part *part =
        data->train.samples ? &data->train : &data->val;

    if (!request->classification)
        return MT_OK;
    if (!mt_dtype_is_integer(part->y.dtype))
        return mt_fail(err, MT_INVALID,
                       "%s: targets are %s; expected integers, because the "
                       "loss takes class numbers",
                       part->y_source, mt_dtype_name(part->y.dtype));
    if (data->fitted.classes)
        return MT_OK;
    if (data->train.samples && train.max < 0)
        return mt_fail(err, MT_INVALID,
                       "%s: every label is negative; expected class numbers "
                       "from 0",
                       part->y_source);
    data->fitted.classes = (size_t)(train.max + 1);
    return MT_OK;
}

mt_status mt_data_check_integers(const struct mt_data_request *request,
                                 bool tokens, struct mt_dataset *data,
                                 struct mt_err *err)
{
    struct range train = column_range(&data->train.y, data->train.samples);
    struct range val = column_range(&data->val.y, data->val.samples);
    struct range test = column_range(&data->test.y, data->test.samples);
    struct range all = join(join(train, val), test);
    mt_status status;

    data->label_min = all.min;
    data->label_max = all.max;
    status = request->classification ? check_label_width(data, err) : MT_OK;
    if (status == MT_OK)
        status = count_classes(request, train, data, err);
    if (status != MT_OK)
        return status;

    train = val = test = EMPTY;
    if (tokens) {
        train = column_range(&data->train.x, data->train.samples);
        val = column_range(&data->val.x, data->val.samples);
        test = column_range(&data->test.x, data->test.samples);
    }
    all = join(join(train, val), test);
    data->token_min = all.min;
    data->token_max = all.max;
    if (!data->fitted.vocab && train.min >= 0 && train.max < INT32_MAX)
        data->fitted.vocab = (size_t)(train.max + 1);
    return MT_OK;
}

/* ---- parts ---- */

static mt_status check_alike(const char *what, const char *train_source,
                             const struct mt_column *train,
                             const char *val_source,
                             const struct mt_column *val, struct mt_err *err)
{
    if (!mt_shape_equal(&train->shape, &val->shape))
        return mt_fail(err, MT_MISMATCH,
                       "%s: each sample's %s has the shape %s; expected %s as "
                       "in %s",
                       val_source, what, mt_shape_text(&val->shape).text,
                       mt_shape_text(&train->shape).text, train_source);
    if (mt_dtype_is_integer(train->dtype) != mt_dtype_is_integer(val->dtype))
        return mt_fail(err, MT_MISMATCH, "%s: %ss are %s; expected %s as in %s",
                       val_source, what, mt_dtype_name(val->dtype),
                       mt_dtype_name(train->dtype), train_source);
    return MT_OK;
}

mt_status mt_data_check_parts(const struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_part *train = &data->train, *val = &data->val;
    mt_status status;

    if (!train->samples || !val->samples)
        return MT_OK;
    status = check_alike("input", train->source, &train->x, val->source,
                         &val->x, err);
    if (status != MT_OK)
        return status;
    return check_alike("target", train->y_source, &train->y, val->y_source,
                       &val->y, err);
}
