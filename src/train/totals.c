#include "train/totals.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "train/ranking.h"

static size_t columns_of(const struct mt_session *s)
{
    const struct mt_shape *y = &s->model->output;

    if (s->model->loss.type->classification)
        return mt_loss_classes(&s->model->loss, y);
    return y->rank ? y->dim[y->rank - 1] : 1;
}

/* The metrics, and the confusion matrix. */
static size_t counted(const struct mt_session *s)
{
    return s->n_metrics + s->confusion;
}

static const struct mt_metric *metric_at(const struct mt_session *s, size_t i)
{
    return i < s->n_metrics ? s->metrics[i] : &mt_metric_confusion;
}

/* Does a metric look at all samples of a set at once? */
static bool ranks(const struct mt_session *s)
{
    for (size_t i = 0; i < s->n_metrics; i++) {
        if (s->metrics[i]->whole && mt_session_evaluated(s)->n)
            return true;
    }
    return false;
}

static size_t ranked_columns(const struct mt_session *s)
{
    return mt_ranking_columns(columns_of(s),
                              s->model->loss.type->classification);
}

/* Rows of scores in one sample. */
static size_t ranked_rows(const struct mt_session *s)
{
    return mt_shape_elements(&s->model->output) / columns_of(s);
}

size_t mt_totals_bytes(const struct mt_session *s)
{
    return ranks(s)
               ? mt_ranking_bytes(ranked_columns(s),
                                  ranked_rows(s) * mt_session_evaluated(s)->n)
               : 0;
}

mt_status mt_totals_check(const struct mt_session *s, struct mt_err *err)
{
    size_t all;

    if (!ranks(s))
        return MT_OK;
    if (!mt_size_mul(mt_session_evaluated(s)->n, ranked_rows(s), &all))
        return mt_fail_memory(err);
    return mt_ranking_check(ranked_columns(s), all, err);
}

/* Takes memory for the scores of all samples that are evaluated. */
static mt_status take_ranking(struct mt_session *s, struct mt_err *err)
{
    size_t all = mt_session_evaluated(s)->n * ranked_rows(s);

    if (!s->ranking)
        s->ranking = mt_arena_alloc(&s->arena, sizeof *s->ranking);
    if (!s->ranking)
        return mt_fail_memory(err);
    return mt_ranking_reserve(s->ranking, ranked_columns(s), all, err);
}

/* A record of each process, which are exchanged after each batch. */
static mt_status take_records(struct mt_session *s, struct mt_err *err)
{
    size_t size = mt_comm_size(s->comm), each = mt_totals_record(s);

    s->eval_records =
        mt_arena_calloc(&s->arena, size * each, sizeof *s->eval_records);
    s->eval_at = mt_arena_calloc(&s->arena, size + 1, sizeof *s->eval_at);
    if (!s->eval_records || !s->eval_at)
        return mt_fail_memory(err);
    for (size_t r = 0; r <= size; r++)
        s->eval_at[r] = r * each * sizeof *s->eval_records;
    return MT_OK;
}

mt_status mt_totals_prepare(struct mt_session *s, struct mt_err *err)
{
    mt_status status = mt_totals_check(s, err);

    if (status == MT_OK && ranks(s))
        status = take_ranking(s, err);
    if (status == MT_OK && s->settings.shards > 1)
        status = take_records(s, err);
    return status == MT_OK ? mt_totals_new(s, &s->eval_totals, err) : status;
}

size_t mt_totals_count(const struct mt_session *s)
{
    size_t n = MT_TOTALS;

    for (size_t i = 0; i < counted(s); i++)
        n += mt_metric_sums(metric_at(s, i), columns_of(s));
    return n;
}

mt_status mt_totals_new(struct mt_session *s, double **out, struct mt_err *err)
{
    *out = mt_arena_calloc(&s->arena, mt_totals_count(s), sizeof **out);
    return *out ? MT_OK : mt_fail_memory(err);
}

size_t mt_totals_record(const struct mt_session *s)
{
    return 2 + mt_totals_count(s);
}

double *mt_totals_evaluated(const struct mt_session *s)
{
    if (!s->eval_records)
        return s->eval_totals;
    return s->eval_records + mt_comm_rank(s->comm) * mt_totals_record(s) + 2;
}

/* The ranking, if these are totals of an evaluation and a metric needs it. */
static struct mt_ranking *ranking_of(const struct mt_session *s,
                                     const double *totals)
{
    bool evaluates =
        totals == s->eval_totals || totals == mt_totals_evaluated(s);

    return evaluates ? s->ranking : NULL;
}

void mt_totals_clear(const struct mt_session *s, double *totals)
{
    if (totals == s->eval_totals && s->ranking)
        mt_ranking_clear(s->ranking);
    memset(totals, 0, mt_totals_count(s) * sizeof *totals);
}

/* The sums of metric i, which begin at *at; moves *at past them. */
static struct mt_sums sums_of(const struct mt_session *s, const double *totals,
                              size_t i, double **at)
{
    struct mt_sums sums = { *at, columns_of(s), ranking_of(s, totals) };

    *at += mt_metric_sums(metric_at(s, i), sums.columns);
    return sums;
}

void mt_totals_add(const struct mt_session *s, double *totals,
                   const struct mt_program *p, const void *targets,
                   double weight)
{
    const struct mt_loss *loss = &s->model->loss;
    double value = (double)*(const float *)p->loss->data;

    totals[MT_TOTAL_LOSS] += value * weight;
    totals[MT_TOTAL_SAMPLES] += (double)p->batch;
    if (counted(s) == 0)
        return;
    bool classes = loss->type->classification;
    const struct mt_shape *shape = &p->scores->shape;
    const int64_t *ignored = mt_loss_ignored(loss);
    struct mt_outcome o = {
        .y = p->scores->data,
        .t = classes ? NULL : targets,
        .class = classes ? targets : NULL,
        .n = shape->dim[shape->rank - 1],
        .ignore = ignored ? *ignored : INT64_MIN,
        .threshold = loss->type->threshold,
        .units = s->data->fitted.y_norm.std,
        .n_units = s->data->fitted.y_norm.n,
        .loss = value * weight,
        .weight = weight,
    };

    o.rows = mt_shape_elements(shape) / o.n;
    if (mt_loss_is_sum(loss))
        o.loss = value * (double)p->batch / (double)o.rows;
    double *at = totals + MT_TOTALS;

    for (size_t i = 0; i < counted(s); i++) {
        struct mt_sums sums = sums_of(s, totals, i, &at);

        metric_at(s, i)->add(&o, &sums);
    }
}

void mt_totals_merge(const struct mt_session *s, double *totals,
                     const double *part)
{
    double *at = totals + MT_TOTALS, *from = (double *)part + MT_TOTALS;

    totals[MT_TOTAL_LOSS] += part[MT_TOTAL_LOSS];
    totals[MT_TOTAL_SAMPLES] += part[MT_TOTAL_SAMPLES];
    for (size_t i = 0; i < counted(s); i++) {
        struct mt_sums sums = sums_of(s, totals, i, &at);

        mt_metric_merge(metric_at(s, i), &sums, from);
        from += mt_metric_sums(metric_at(s, i), sums.columns);
    }
}

/* Scores are stored in checkpoints, and the sign of a NaN depends on the CPU:
 * x86 sets it, AArch64 does not. */
static double one_nan(double x)
{
    return isnan(x) ? (double)NAN : x;
}

void mt_totals_scores(const struct mt_session *s, const double *totals,
                      struct mt_scores *out)
{
    double samples = totals[MT_TOTAL_SAMPLES];
    double *at = (double *)totals + MT_TOTALS; /* only read */

    out->samples = (size_t)samples;
    out->loss = samples ? one_nan(totals[MT_TOTAL_LOSS] / samples) : 0;
    for (size_t i = 0; i < s->n_metrics; i++) {
        struct mt_sums sums = sums_of(s, totals, i, &at);

        out->metric[i] = one_nan(s->metrics[i]->value(&sums));
    }
}

struct mt_scores mt_session_running(const struct mt_session *s)
{
    struct mt_scores scores = { 0 };

    if (s->at.batch)
        mt_totals_scores(s, s->epoch_totals, &scores);
    else if (s->history.n)
        scores = s->history.last.train;
    return scores;
}
