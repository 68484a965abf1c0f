#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/format.h"

/* ---- given statistics ---- */

/* Fails if a number of the spec does not fit float32, or is 0 there where that
 * is no use (non_zero). */
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

/* n statistics from the k (1 or n) that the key gives, or fallback. */
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
        status =
            check_float(request, member(list, k), out[i], is_std, err);
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
    size_t n;                      /* features */
    /* [n] each; sum: about the first row, where no digits of it are lost;
     * dev: squared deviations from the mean */
    double *sum, *min, *max, *dev;
};

static const double *row_at(const struct mt_dataset *data, size_t i)
{
    size_t row = data->subset[MT_SPLIT_TRAIN].rows
                     ? data->subset[MT_SPLIT_TRAIN].rows[i]
                     : i;

    return (const double *)data->train.x.data +
           row * data->train.x.shape.dim[0];
}

static void measure_rows(const struct mt_dataset *data, struct measure *m)
{
    size_t rows = data->subset[MT_SPLIT_TRAIN].n;
    const double *first = row_at(data, 0);

    for (size_t f = 0; f < m->n; f++)
        m->min[f] = m->max[f] = first[f];
    for (size_t i = 0; i < rows; i++) {
        const double *x = row_at(data, i);

        for (size_t f = 0; f < m->n; f++) {
            m->sum[f] += x[f] - first[f];
            m->min[f] = x[f] < m->min[f] ? x[f] : m->min[f];
            m->max[f] = x[f] > m->max[f] ? x[f] : m->max[f];
        }
    }
    for (size_t i = 0; i < rows; i++) {
        const double *x = row_at(data, i);

        for (size_t f = 0; f < m->n; f++) {
            double d = x[f] - first[f] - m->sum[f] / (double)rows;

            m->dev[f] += d * d;
        }
    }
}

/* spread: std, or max - min. A feature that never changes is told by min ==
 * max: the rounded mean may differ from a constant by an ulp. */
static mt_status to_statistics(const struct mt_dataset *data,
                               const struct measure *m, bool minmax,
                               double *mean, double *spread,
                               struct mt_err *err)
{
    double rows = (double)data->subset[MT_SPLIT_TRAIN].n;
    const double *first = row_at(data, 0);

    for (size_t f = 0; f < m->n; f++) {
        double width = m->max[f] - m->min[f];
        double s = minmax ? width : sqrt(m->dev[f] / rows);

        if (width > (double)FLT_MAX)
            return mt_fail(err, MT_INVALID,
                           "%s: feature %zu: the values are too far apart to "
                           "normalize: %g to %g",
                           data->train.source, f, m->min[f], m->max[f]);
        mean[f] = minmax ? m->min[f] : first[f] + m->sum[f] / rows;
        spread[f] = (float)s > 0 ? s : 1;
    }
    return MT_OK;
}

mt_status mt_data_measure_norm(const char *how, struct mt_dataset *data,
                               struct mt_err *err)
{
    size_t n = data->train.x.shape.dim[0];
    double *sums = calloc(n, 4 * sizeof *sums);
    double *v = mt_arena_calloc(&data->arena, n, 2 * sizeof *v);
    mt_status status;

    if (!sums || !v) {
        free(sums);
        return mt_fail_memory(err);
    }
    struct measure m = { n, sums, sums + n, sums + 2 * n, sums + 3 * n };

    measure_rows(data, &m);
    status = to_statistics(data, &m, !strcmp(how, "minmax"), v, v + n, err);
    free(sums);
    data->fitted.norm = (struct mt_normalization){ 1, n, v, v + n };
    return status;
}
