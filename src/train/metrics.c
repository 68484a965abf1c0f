#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "base/nearest.h"
#include "kernels/dmath.h"
#include "train/ranking.h"

/* The number of classes that score above the target's; of equal scores the
 * lower index is above, as for argmax. If any score is not finite the target is
 * last: such a sample is never right. */
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

/* Outputs and targets count as yes above the threshold. */
static void add_binary(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        bool yes = o->y[i] > o->threshold, is = o->t[i] > 0.5f;

        sums->v[0] += isfinite(o->y[i]) && yes == is;
    }
    sums->v[1] += (double)(o->rows * o->n);
}

static void add_accuracy(const struct mt_outcome *o, struct mt_sums *sums)
{
    if (o->class)
        add_ranked(o, sums, 1);
    else
        add_binary(o, sums);
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

/* The error of output i, in the target's own unit. */
static double error_of(const struct mt_outcome *o, size_t i)
{
    double d = (double)o->y[i] - (double)o->t[i];

    return o->n_units ? d * o->units[i % o->n_units] : d;
}

static void add_absolute(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        double d = error_of(o, i);

        sums->v[0] += d < 0 ? -d : d;
    }
    sums->v[1] += (double)(o->rows * o->n);
}

/* sums: of squared errors, of values */
static void add_squares(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        double d = error_of(o, i);

        sums->v[0] += d * d;
    }
    sums->v[1] += (double)(o->rows * o->n);
}

static double root_mean(const struct mt_sums *sums)
{
    return mt_dsqrt(ratio(sums));
}

/* Sums of a column for r2, which does not depend on the unit. The spread,
 * sum (t - mean t)^2, is computed by Welford's method, so that it is exactly 0
 * for a column of equal targets. */
enum { ERRORS, COUNT, MEAN, SPREAD, R2_SUMS };

/* mean_n = mean + (t - mean) / n; spread += (t - mean) (t - mean_n) */
static void add_columns(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows * o->n; i++) {
        double *v = sums->v + i % sums->columns * R2_SUMS;
        double t = (double)o->t[i], d = (double)o->y[i] - t;
        double off = t - v[MEAN];

        v[ERRORS] += d * d;
        v[COUNT] += 1;
        v[MEAN] += off / v[COUNT];
        v[SPREAD] += off * (t - v[MEAN]);
    }
}

/* mean = mean_a + off n_b / n, spread = spread_a + spread_b + off^2 n_a n_b /
 * n, off = mean_b - mean_a (Chan, Golub, LeVeque 1979) */
static void merge_columns(struct mt_sums *sums, const double *others)
{
    for (size_t c = 0; c < sums->columns; c++) {
        double *v = sums->v + c * R2_SUMS;
        const double *o = others + c * R2_SUMS;
        double n = v[COUNT] + o[COUNT], off = o[MEAN] - v[MEAN];

        v[ERRORS] += o[ERRORS];
        if (o[COUNT] == 0)
            continue;
        v[SPREAD] += o[SPREAD] + off * off * v[COUNT] * o[COUNT] / n;
        v[MEAN] += off * o[COUNT] / n;
        v[COUNT] = n;
    }
}

/* The mean over columns of 1 - sum (y - t)^2 / sum (t - mean t)^2. A column of
 * equal targets counts as 1 without errors and 0 with any, as in
 * sklearn.metrics.r2_score. */
static double r2(const struct mt_sums *sums)
{
    double total = 0;

    for (size_t c = 0; c < sums->columns; c++) {
        const double *v = sums->v + c * R2_SUMS;

        if (v[SPREAD] != 0)
            total += 1 - v[ERRORS] / v[SPREAD];
        else if (isnan(v[ERRORS]))
            total = (double)NAN;
        else
            total += v[ERRORS] == 0;
    }
    return sums->columns ? total / (double)sums->columns : 0;
}

/* Sums for a class: samples of it that were predicted as it, samples predicted
 * as it, samples of it. */
enum { HITS, TAKEN, SUPPORT, CLASS_SUMS };

/* A sample with an output that is not finite counts as predicted as its own
 * class, but not as a hit. */
static void add_classes(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows; i++) {
        const float *y = o->y + i * o->n;
        size_t best = 0;
        bool finite = true;

        if (o->class[i] == o->ignore)
            continue;
        for (size_t c = 0; c < o->n; c++) {
            finite = finite && isfinite(y[c]);
            best = y[c] > y[best] ? c : best;
        }
        sums->v[(size_t)o->class[i] * CLASS_SUMS + SUPPORT] += 1;
        if (!finite)
            best = (size_t)o->class[i];
        sums->v[best * CLASS_SUMS + TAKEN] += 1;
        sums->v[best * CLASS_SUMS + HITS] +=
            finite && best == (size_t)o->class[i];
    }
}

static void add_confusion(const struct mt_outcome *o, struct mt_sums *sums)
{
    for (size_t i = 0; i < o->rows; i++) {
        const float *y = o->y + i * o->n;
        size_t best = 0;
        bool finite = true;

        if (o->class[i] == o->ignore)
            continue;
        for (size_t c = 0; c < o->n; c++) {
            finite = finite && isfinite(y[c]);
            best = y[c] > y[best] ? c : best;
        }
        sums->v[(size_t)o->class[i] * (o->n + 1) + (finite ? best : o->n)] += 1;
    }
}

static double no_value(const struct mt_sums *sums)
{
    (void)sums;
    return 0;
}

const struct mt_metric mt_metric_confusion = {
    .name = "confusion",
    .classes = true,
    .square = true,
    .add = add_confusion,
    .value = no_value,
};

static double share(double of, double all)
{
    return all > 0 ? of / all : 0;
}

static double class_precision(const double *v)
{
    return share(v[HITS], v[TAKEN]);
}

static double class_recall(const double *v)
{
    return share(v[HITS], v[SUPPORT]);
}

/* 2 precision recall / (precision + recall) */
static double class_f1(const double *v)
{
    return share(2 * v[HITS], v[TAKEN] + v[SUPPORT]);
}

/* The mean over the classes that occur in the targets or, if `taken`, in the
 * predictions. */
static double macro(const struct mt_sums *sums, bool taken,
                    double (*of)(const double *v))
{
    double total = 0, n = 0;

    for (size_t c = 0; c < sums->columns; c++) {
        const double *v = sums->v + c * CLASS_SUMS;

        if (v[SUPPORT] == 0 && !(taken && v[TAKEN] > 0))
            continue;
        total += of(v);
        n += 1;
    }
    return share(total, n);
}

static double precision(const struct mt_sums *sums)
{
    return macro(sums, true, class_precision);
}

static double recall(const struct mt_sums *sums)
{
    return macro(sums, true, class_recall);
}

static double f1(const struct mt_sums *sums)
{
    return macro(sums, true, class_f1);
}

static double balanced_accuracy(const struct mt_sums *sums)
{
    return macro(sums, false, class_recall);
}

static void add_auc(const struct mt_outcome *o, struct mt_sums *sums)
{
    if (sums->ranking)
        mt_ranking_add(sums->ranking, o);
}

static double auc(const struct mt_sums *sums)
{
    return sums->ranking ? mt_ranking_value(sums->ranking) : (double)NAN;
}

#define METRIC(NAME, DOC, CLASSES, LARGER_BETTER, ADD, VALUE) \
    { .name = NAME, .doc = DOC, .classes = CLASSES, \
      .larger_better = LARGER_BETTER, .add = ADD, .value = VALUE }

#define OF_CLASSES(NAME, DOC, VALUE) \
    { .name = NAME, .doc = DOC, .classes = true, .larger_better = true, \
      .per_column = CLASS_SUMS, .add = add_classes, .value = VALUE }

static const struct mt_metric metrics[] = {
    { .name = "accuracy",
      .doc = "part of the samples whose class scores highest; of binary "
             "losses, part of the outputs on the target's side of 1/2",
      .classes = true,
      .binary = true,
      .larger_better = true,
      .add = add_accuracy,
      .value = ratio },
    METRIC("top5", "part whose class is among the five highest", true, true,
           add_top5, ratio),
    METRIC("perplexity", "e to the mean loss", true, false, add_loss,
           perplexity),
    OF_CLASSES("precision",
               "mean over the classes of the part that is right "
               "of what was taken for the class",
               precision),
    OF_CLASSES("recall", "mean over the classes of the part that was found",
               recall),
    OF_CLASSES("f1",
               "mean over the classes of the harmonic mean of precision "
               "and recall",
               f1),
    OF_CLASSES("balanced_accuracy",
               "mean recall of the classes that have "
               "samples",
               balanced_accuracy),
    { .name = "auc",
      .doc = "area under the ROC curve, of more than two classes the mean of "
             "each against the rest; of evaluations only",
      .classes = true,
      .binary = true,
      .larger_better = true,
      .whole = true,
      .add = add_auc,
      .value = auc },
    METRIC("mae", "mean absolute error", false, false, add_absolute, ratio),
    METRIC("rmse", "root of the mean squared error", false, false, add_squares,
           root_mean),
    { .name = "r2",
      .doc = "coefficient of determination, the mean over the targets",
      .larger_better = true,
      .per_column = R2_SUMS,
      .add = add_columns,
      .merge = merge_columns,
      .value = r2 },
};

const struct mt_metric *mt_metric_at(size_t i)
{
    return i < sizeof metrics / sizeof *metrics ? &metrics[i] : NULL;
}

void mt_metric_merge(const struct mt_metric *m, struct mt_sums *sums,
                     const double *others)
{
    size_t n = mt_metric_sums(m, sums->columns);

    if (m->merge)
        m->merge(sums, others);
    for (size_t i = 0; !m->merge && i < n; i++)
        sums->v[i] += others[i];
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

bool mt_metric_suits(const struct mt_metric *m, const struct mt_loss *loss)
{
    return m->classes == loss->type->classification ||
           (m->binary && loss->type->probabilities);
}

/* The metric does not suit the loss: lists those that do. */
static mt_status fail_suit(const struct mt_json *doc,
                           const struct mt_item *item,
                           const struct mt_metric *m,
                           const struct mt_loss *loss, struct mt_err *err)
{
    struct mt_strbuf others = MT_STRBUF_INIT;

    for (size_t i = 0; mt_metric_at(i); i++) {
        if (!mt_metric_suits(mt_metric_at(i), loss))
            continue;
        mt_strbuf_puts(&others, others.len ? ", " : "");
        mt_json_add_string(&others, mt_metric_at(i)->name);
    }
    mt_json_fail(doc, item, err,
                 "%s is a metric of %s, but the targets of %s are %s; expected "
                 "one of %s",
                 m->name, m->classes ? "classes" : "numbers", loss->type->name,
                 loss->type->classification ? "classes" : "numbers",
                 others.failed ? "others" : others.text);
    mt_strbuf_free(&others);
    return err->status;
}

mt_status mt_metrics_read(const struct mt_json *doc, const struct mt_item *item,
                          const struct mt_strings *names, const struct mt_loss *loss,
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
        if (!mt_metric_suits(out[i], loss))
            return fail_suit(doc, item, out[i], loss, err);
    }
    return MT_OK;
}
