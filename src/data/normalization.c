#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/format.h"

/* ---- given statistics ---- */

/* Fails if a number of the spec does not fit float32, or is 0 though
 * non_zero. */
static mt_status check_float(const struct mt_data_request *request,
                             const struct mt_item *item, double value,
                             bool non_zero, struct mt_err *err)
{
    if (!(fabs(value) < 0x1.ffffffp127))
        return mt_json_fail(request->doc, item, err,
                            "%g is too large for float32", value);
    if (non_zero && (float)value == 0)
        return mt_json_fail(request->doc, item, err,
                            "expected a number that is not 0 in float32, got "
                            "%g",
                            value);
    return MT_OK;
}

static const struct mt_item *member(const struct mt_item *item, size_t i)
{
    return mt_is_list(item) ? mt_item_at(item, (int)i) : item;
}

/* n statistics from the 1 or n numbers of the key, or fallback. */
static mt_status read_list(const struct mt_data_request *request,
                           const char *key, const struct mt_reals *given,
                           double fallback, size_t n, double *out,
                           struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(request->spec, key);
    bool is_std = !strcmp(key, "std");

    for (size_t i = 0; i < n; i++) {
        size_t k = given->n == 1 ? 0 : i;
        mt_status status;

        out[i] = fallback;
        if (!given->n)
            continue;
        out[i] = given->v[k];
        status = check_float(request, member(list, k), out[i], is_std, err);
        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static bool fits(size_t n, const struct mt_shape *shape)
{
    return n <= 1 || n == mt_shape_elements(shape) ||
           (shape->rank > 0 && n == shape->dim[0]);
}

static const struct mt_part *any_part(const struct mt_dataset *data)
{
    return data->train.samples ? &data->train : &data->val;
}

static mt_status read_statistics(const struct mt_data_request *request,
                                 const struct mt_data_keys *keys,
                                 struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_shape *shape = &any_part(data)->x.shape;
    const struct mt_reals *mean = &keys->mean, *std = &keys->std;
    const char *longer = mean->n >= std->n ? "mean" : "std";
    size_t n = mean->n >= std->n ? mean->n : std->n;
    double *v = mt_arena_calloc(&data->arena, 2 * n, sizeof *v);
    mt_status status;

    if (!v)
        return mt_fail_memory(err);
    if ((mean->list && !mean->n) || (std->list && !std->n))
        return mt_json_fail(
            request->doc,
            mt_json_get(request->spec, mean->list && !mean->n ? "mean" : "std"),
            err, "the list is empty; expected numbers");
    if (mean->n > 1 && std->n > 1 && mean->n != std->n)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "std"),
                            err, "expected %zu numbers as in \"mean\", got %zu",
                            mean->n, std->n);
    if (!fits(n, shape))
        return mt_json_fail(request->doc, mt_json_get(request->spec, longer),
                            err,
                            "got %zu numbers for samples of shape %s; expected "
                            "1, one per element, or one per index of the first "
                            "dimension",
                            n, mt_shape_text(shape).text);
    status = read_list(request, "mean", mean, 0, n, v, err);
    if (status == MT_OK)
        status = read_list(request, "std", std, 1, n, v + n, err);
    data->fitted.norm.n = n;
    data->fitted.norm.mean = v;
    data->fitted.norm.std = v + n;
    return status;
}

static mt_status check_norm(const struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_part *part = any_part(data);

    if (fits(data->fitted.norm.n, &part->x.shape))
        return MT_OK;
    return mt_fail(err, MT_MISMATCH,
                   "%s: samples of shape %s; expected %zu features, which "
                   "the saved mean and std have",
                   part->source, mt_shape_text(&part->x.shape).text,
                   data->fitted.norm.n);
}

mt_status mt_data_read_norm(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err)
{
    mt_status status;

    if (request->fitted)
        return check_norm(data, err);
    status = check_float(request, mt_json_get(request->spec, "scale"),
                         keys->scale, true, err);
    data->fitted.norm.scale = (float)keys->scale;
    if (status != MT_OK || (!mt_json_get(request->spec, "mean") &&
                            !mt_json_get(request->spec, "std")))
        return status;
    return read_statistics(request, keys, data, err);
}

/* ---- measured statistics ---- */

struct measure {
    const struct mt_subset *set;
    const struct mt_column *column;
    size_t n;    /* elements of a sample */
    size_t some; /* samples that x has room for */
    /* [n] each. mean, min, max: of the samples so far; mean: relative to
     * `first`, the first sample, so that no digits are lost; dev: sum of
     * squared deviations from it; sum: over x; x: [some, n] */
    double *mean, *min, *max, *dev, *first, *sum, *x;
};

enum { MEASURED = 6, MEASURED_VALUES = 4096 }; /* arrays [n]; values of x */

enum { LANES = 4 }; /* the compiler vectorizes loops of known length */

static inline void add_first(const double *restrict x, size_t n,
                             const double *restrict first, double *restrict sum,
                             double *restrict min, double *restrict max)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += x[i] - first[i];
        min[i] = x[i] < min[i] ? x[i] : min[i];
        max[i] = x[i] > max[i] ? x[i] : max[i];
    }
}

static inline void add_second(const double *restrict x, size_t n,
                              const double *restrict first,
                              const double *restrict mean, double *restrict dev)
{
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - first[i] - mean[i];

        dev[i] += d * d;
    }
}

/* Adds elements f ... f+n-1 of a sample to sum, min and max; second: to dev,
 * when sum is the mean. */
static inline void add_elements(const struct measure *m, const double *x,
                                size_t f, size_t n, bool second)
{
    if (second)
        add_second(x + f, n, m->first + f, m->sum + f, m->dev + f);
    else
        add_first(x + f, n, m->first + f, m->sum + f, m->min + f, m->max + f);
}

static inline void add_pass(const struct measure *m, size_t k, bool second)
{
    for (size_t i = 0; i < k; i++) {
        size_t f = 0;

        for (; f + LANES <= m->n; f += LANES)
            add_elements(m, m->x + i * m->n, f, LANES, second);
        add_elements(m, m->x + i * m->n, f, m->n - f, second);
    }
}

/* Combines k samples with the `before` ones (Chan, Golub and LeVeque, 1979):
 *
 *     d = mean_x - mean
 *     mean += d k / (before + k),  dev += dev_x + d^2 before k / (before + k) */
static void add_samples(const struct measure *m, size_t before, size_t k)
{
    double part = (double)k / (double)(before + k);

    memset(m->sum, 0, m->n * sizeof *m->sum);
    add_pass(m, k, false);
    for (size_t f = 0; f < m->n; f++) {
        double d = m->sum[f] / (double)k - m->mean[f];

        m->sum[f] /= (double)k;
        m->mean[f] += d * part;
        m->dev[f] += d * d * (double)before * part;
    }
    add_pass(m, k, true);
}

static mt_status add_rows(const struct measure *m, struct mt_err *err)
{
    for (size_t i = 0; i < m->set->n; i += m->some) {
        size_t left = m->set->n - i;
        struct mt_samples samples = { .first = i,
                                      .n = left < m->some ? left : m->some };
        uint32_t numbers[MEASURED_VALUES];
        mt_status status;

        samples.rows = mt_subset_rows(m->set, i, samples.n, numbers);
        status = mt_gather_f64(m->column, &samples, m->x, err);
        if (status != MT_OK)
            return status;
        for (size_t f = 0; i == 0 && f < m->n; f++)
            m->first[f] = m->min[f] = m->max[f] = m->x[f];
        add_samples(m, i, samples.n);
    }
    return MT_OK;
}

/* spread: std, or max - min. Whether an element ever changes is seen from min
 * and max, as its rounded mean may be off by an ulp. */
static mt_status to_statistics(const struct measure *m, bool minmax,
                               const char *what, double *mean, double *spread,
                               struct mt_err *err)
{
    double rows = (double)m->set->n;

    for (size_t f = 0; f < m->n; f++) {
        double width = m->max[f] - m->min[f];
        double s = minmax ? width : sqrt(m->dev[f] / rows);

        if (width > (double)FLT_MAX)
            return mt_fail(err, MT_INVALID,
                           "%s: %s %zu: the values are too far apart to "
                           "normalize: %g to %g",
                           m->set->part->source, what, f, m->min[f], m->max[f]);
        mean[f] = minmax ? m->min[f] : m->first[f] + m->mean[f];
        spread[f] = (float)s > 0 ? s : 1;
    }
    return MT_OK;
}

mt_status mt_data_measure(bool minmax, const char *what,
                          const struct mt_subset *set,
                          const struct mt_column *column,
                          struct mt_arena *arena, struct mt_normalization *out,
                          struct mt_err *err)
{
    size_t n = mt_shape_elements(&column->shape);
    size_t some = n < MEASURED_VALUES ? MEASURED_VALUES / n : 1;
    double *all = calloc(n, (MEASURED + some) * sizeof *all);
    double *v = mt_arena_calloc(arena, n, 2 * sizeof *v);
    mt_status status;

    if (!all || !v) {
        free(all);
        return mt_fail_memory(err);
    }
    struct measure m = { set,         column,      n,
                         some,        all,         all + n,
                         all + 2 * n, all + 3 * n, all + 4 * n,
                         all + 5 * n, all + 6 * n };

    status = add_rows(&m, err);
    if (status == MT_OK)
        status = to_statistics(&m, minmax, what, v, v + n, err);
    free(all);
    *out = (struct mt_normalization){ 1, n, v, v + n };
    return status;
}

/* ---- targets ---- */

static mt_status check_targets(const struct mt_data_request *request,
                               const struct mt_part *part,
                               const struct mt_item *item, struct mt_err *err)
{
    if (request->classification || request->probabilities)
        return mt_json_fail(request->doc, item, err,
                            "only targets that are numbers can be normalized, "
                            "but the loss takes %s",
                            request->classification ? "classes"
                                                    : "probabilities");
    if (part->y.shape.rank > 1)
        return mt_json_fail(request->doc, item, err,
                            "expected targets that are a number or a list of "
                            "them; %s: a target has the shape %s",
                            part->y_source, mt_shape_text(&part->y.shape).text);
    return MT_OK;
}

mt_status mt_data_target_norm(const struct mt_data_request *request,
                              const struct mt_data_keys *keys,
                              struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(request->spec, "target_normalize");
    const struct mt_part *part = any_part(data);
    struct mt_normalization *norm = &data->fitted.y_norm;
    bool wanted = keys->target_normalize >= 0;
    mt_status status = wanted ? check_targets(request, part, item, err) : MT_OK;

    if (status != MT_OK)
        return status;
    if (request->fitted && wanted != (norm->n > 0))
        return mt_json_fail(request->doc, item ? item : request->spec, err,
                            "the model was trained with%s target_normalize; "
                            "its outputs would be misread",
                            wanted ? "out" : "");
    if (request->fitted && norm->n &&
        norm->n != mt_shape_elements(&part->y.shape))
        return mt_fail(err, MT_MISMATCH,
                       "%s: targets of shape %s; expected %zu numbers, which "
                       "the saved mean and std of targets have",
                       part->y_source, mt_shape_text(&part->y.shape).text,
                       norm->n);
    if (!wanted || norm->n)
        return MT_OK;
    return mt_data_measure(false, "target", &data->subset[MT_SPLIT_TRAIN],
                           &data->train.y, &data->arena, norm, err);
}
