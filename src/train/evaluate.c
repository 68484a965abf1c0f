/* Evaluation, and the sums behind scores. */
#include <math.h>
#include <string.h>

#include "kernels/dmath.h"
#include "train/batch.h"

/* --- totals --------------------------------------------------------------- */

static size_t columns_of(const struct mt_session *s)
{
    const struct mt_shape *y = &s->model->output;

    if (s->model->loss.type->classification)
        return mt_loss_classes(&s->model->loss, y);
    return y->rank ? y->dim[y->rank - 1] : 1;
}

size_t mt_totals_count(const struct mt_session *s)
{
    size_t n = MT_TOTALS;

    for (size_t i = 0; i < s->n_metrics; i++)
        n += mt_metric_sums(s->metrics[i], columns_of(s));
    return n;
}

mt_status mt_totals_new(struct mt_session *s, double **out, struct mt_err *err)
{
    *out = mt_arena_calloc(&s->arena, mt_totals_count(s), sizeof **out);
    return *out ? MT_OK : mt_fail_memory(err);
}

void mt_totals_clear(const struct mt_session *s, double *totals)
{
    memset(totals, 0, mt_totals_count(s) * sizeof *totals);
}

/* The sums of metric i, *at being where they begin; moves *at behind them. */
static struct mt_sums sums_of(const struct mt_session *s, size_t i, double **at)
{
    struct mt_sums sums = { *at, columns_of(s) };

    *at += mt_metric_sums(s->metrics[i], sums.columns);
    return sums;
}

/* weight: what the batch's loss weighs. */
static void add_batch(const struct mt_session *s, double *totals,
                      const struct mt_program *p, const void *targets,
                      double weight)
{
    const struct mt_loss *loss = &s->model->loss;
    bool classes = loss->type->classification;
    const struct mt_shape *shape = &p->scores->shape;
    const int64_t *ignored = mt_loss_ignored(loss);
    double value = (double)*(const float *)p->loss->data;
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
    totals[MT_TOTAL_LOSS] += value * weight;
    totals[MT_TOTAL_SAMPLES] += (double)p->batch;
    if (mt_loss_is_sum(loss))
        o.loss = value * (double)p->batch / (double)o.rows;
    double *at = totals + MT_TOTALS;

    for (size_t i = 0; i < s->n_metrics; i++) {
        struct mt_sums sums = sums_of(s, i, &at);

        s->metrics[i]->add(&o, &sums);
    }
}

void mt_totals_add(const struct mt_session *s, double *totals,
                   const struct mt_program *p, const void *targets)
{
    add_batch(s, totals, p, targets, (double)p->batch);
}

/* The loss of the set at once, whatever the batches: a mean over all, or the
 * sum. */
static void add_evaluated(const struct mt_session *s, double *totals,
                          const struct mt_program *p, const void *targets,
                          double *loss, double *weights)
{
    const struct mt_shape *shape = &p->scores->shape;
    size_t rows = mt_shape_elements(shape) / shape->dim[shape->rank - 1];
    double value = *(const float *)p->loss->data;
    double weight = mt_loss_weight(&s->model->loss, targets, rows, p->batch);

    add_batch(s, totals, p, targets, weight);
    *loss += mt_loss_is_sum(&s->model->loss) ? value : value * weight;
    *weights += weight;
}

/* Scores are kept in checkpoints, and CPUs give the NaN that they make a sign of
 * their own: x86 the one, AArch64 the other. */
static double one_nan(double x)
{
    return isnan(x) ? (double)NAN : x;
}

void mt_totals_scores(const struct mt_session *s, double *totals,
                      struct mt_scores *out)
{
    double samples = totals[MT_TOTAL_SAMPLES], *at = totals + MT_TOTALS;

    out->samples = (size_t)samples;
    out->loss = samples ? one_nan(totals[MT_TOTAL_LOSS] / samples) : 0;
    for (size_t i = 0; i < s->n_metrics; i++) {
        struct mt_sums sums = sums_of(s, i, &at);

        out->metric[i] = one_nan(s->metrics[i]->value(&sums));
    }
}

/* Samples of the set from number `at` on, a batch of them or what is left. */
static struct mt_rows batch_of(const struct mt_subset *set, size_t at, size_t b)
{
    struct mt_rows rows = { .part = set->part };

    if (at >= set->n)
        return rows;
    rows.first = at;
    rows.rows = set->rows ? set->rows + at : NULL;
    rows.n = set->n - at < b ? set->n - at : b;
    return rows;
}

mt_status mt_session_evaluate(struct mt_session *s, struct mt_scores *scores,
                              struct mt_err *err)
{
    const struct mt_subset *set = mt_session_evaluated(s);
    size_t b = s->batching.batch_size;
    double loss = 0, weights = 0;
    mt_status status;

    *scores = (struct mt_scores){ 0 };
    if (!set->n)
        return MT_OK;
    if ((status = mt_session_prepare(s, err)) != MT_OK)
        return status;
    mt_totals_clear(s, s->eval_totals);
    for (size_t at = 0; at < set->n; at += b) {
        struct mt_rows rows = batch_of(set, at, b);
        struct mt_rows next = batch_of(set, at + b, b);
        struct mt_program *p = rows.n == b ? &s->eval_full : &s->eval_last;

        if ((status = mt_session_gather(s, p, &rows, &next, err)) != MT_OK)
            return status;
        mt_graph_run(p->graph, s->team, 0);
        add_evaluated(s, s->eval_totals, p, s->t, &loss, &weights);
    }
    mt_totals_scores(s, s->eval_totals, scores);
    if (!mt_loss_is_sum(&s->model->loss))
        loss /= weights; /* 0 / 0 where all targets are ignored, as in torch */
    scores->loss = one_nan(loss);
    return MT_OK;
}
