#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "base/nearest.h"
#include "kernels/dmath.h"

/* How many classes score above the target's (ties count for the lower index,
 * as argmax takes them). Where any score is not finite the target is last: such
 * a sample is never right. */
static size_t rank_of(const float *y, size_t n, size_t target)
{
    size_t rank = 0;

    for (size_t c = 0; c < n; c++) {
        if (!isfinite(y[c]))
            return SIZE_MAX;
        rank += y[c] > y[target] || (y[c] == y[target] && c < target);
    }
    return rank;
}

static void add_ranked(const struct mt_outcome *o, struct mt_sums *sums,
                       size_t within)
{
    for (size_t i = 0; i < o->rows; i++) {
        if (o->class[i] == o->ignore)
            continue;
        size_t rank = rank_of(o->y + i * o->n, o->n, (size_t)o->class[i]);

        sums->v[0] += rank < within;
        sums->v[1] += 1;
    }
}

static void add_accuracy(const struct mt_outcome *o, struct mt_sums *sums)
{
    add_ranked(o, sums, 1);
}

static void add_top5(const struct mt_outcome *o, struct mt_sums *sums)
{
    add_ranked(o, sums, 5);
}

static double ratio(const struct mt_sums *sums)
{
    return sums->v[1] ? sums->v[0] / sums->v[1] : 0;
}

static void add_loss(const struct mt_outcome *o, struct mt_sums *sums)
{
    sums->v[0] += o->loss;
    sums->v[1] += o->weight;
}

static double perplexity(const struct mt_sums *sums)
{
    return sums->v[1] ? mt_dexp(ratio(sums)) : (double)NAN;
}

static void add_absolute(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        double d = (double)o->y[i] - (double)o->t[i];

        sums->v[0] += d < 0 ? -d : d;
    }
    sums->v[1] += (double)(o->rows * o->n);
}

/* sums: of squared errors, of values, of targets, of their squares */
static void add_squares(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        double t = (double)o->t[i], d = (double)o->y[i] - t;

        sums->v[0] += d * d;
        sums->v[2] += t;
        sums->v[3] += t * t;
    }
    sums->v[1] += (double)(o->rows * o->n);
}

static double root_mean(const struct mt_sums *sums)
{
    return mt_dsqrt(ratio(sums));
}

/* 1 - sum (y - t)^2 / sum (t - mean t)^2 */
static double r2(const struct mt_sums *sums)
{
    double spread = sums->v[3] - sums->v[2] * sums->v[2] /
                                     (sums->v[1] ? sums->v[1] : 1);

    return spread > 0 ? 1 - sums->v[0] / spread : 0;
}

#define METRIC(NAME, DOC, CLASSES, LARGER_BETTER, ADD, VALUE) \
    { .name = NAME, .doc = DOC, .classes = CLASSES, \
      .larger_better = LARGER_BETTER, .add = ADD, .value = VALUE }

static const struct mt_metric metrics[] = {
    METRIC("accuracy", "part of the samples whose class scores highest", true,
           true, add_accuracy, ratio),
    METRIC("top5", "part whose class is among the five highest", true, true,
           add_top5, ratio),
    METRIC("perplexity", "e to the mean loss", true, false, add_loss,
           perplexity),
    METRIC("mae", "mean absolute error", false, false, add_absolute, ratio),
    METRIC("rmse", "root of the mean squared error", false, false, add_squares,
           root_mean),
    METRIC("r2", "coefficient of determination", false, true, add_squares, r2),
};

const struct mt_metric *mt_metric_at(size_t i)
{
    return i < sizeof metrics / sizeof *metrics ? &metrics[i] : NULL;
}

static const struct mt_type *type_at(size_t i)
{
    return mt_metric_at(i) ? &metrics[i].type : NULL;
}

const struct mt_kind mt_metric_kind = {
    .name = "metric",
    .what = "metric",
    .at = type_at,
    .named = true,
};

const struct mt_metric *mt_metric_find(const char *name)
{
    return (const struct mt_metric *)mt_kind_find(&mt_metric_kind, name);
}

mt_status mt_metrics_read(const struct mt_json *doc, const struct mt_item *item,
                          const struct mt_strings *names, bool classification,
                          const struct mt_metric **out, struct mt_err *err)
{
    if (names->n > MT_MAX_METRICS)
        return mt_json_fail(doc, item, err, "at most %d metrics, got %zu",
                            MT_MAX_METRICS, names->n);
    for (size_t i = 0; i < names->n; i++) {
        const struct mt_type *type;
        mt_status status = mt_kind_lookup(&mt_metric_kind, doc, item,
                                          names->v[i], &type, err);

        if (status != MT_OK)
            return status;
        out[i] = (const struct mt_metric *)type;
        if (out[i]->classes != classification)
            return mt_json_fail(doc, item, err,
                                "%s is a metric of %s, but the loss is one of "
                                "%s", names->v[i],
                                out[i]->classes ? "classes" : "numbers",
                                classification ? "classes" : "numbers");
    }
    return MT_OK;
}
