/* Evaluation, and the sums behind scores. */
#include <math.h>

#include "kernels/dmath.h"
#include "train/batch.h"

/* weight: what the batch's loss weighs. */
static void add_batch(const struct mt_session *s, struct mt_totals *totals,
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
        .loss = value * weight,
        .weight = weight,
    };

    o.rows = mt_shape_elements(shape) / o.n;
    totals->loss += value * weight;
    totals->samples += (double)p->batch;
    if (mt_loss_is_sum(loss))
        o.loss = value * (double)p->batch / (double)o.rows;
    for (size_t i = 0; i < s->n_metrics; i++)
        s->metrics[i]->add(&o, &totals->metric[i]);
}

void mt_totals_add(const struct mt_session *s, struct mt_totals *totals,
                   const struct mt_program *p, const void *targets)
{
    add_batch(s, totals, p, targets, (double)p->batch);
}

/* The loss of the set at once, whatever the batches: a mean over all, or the
 * sum. */
static void add_evaluated(const struct mt_session *s, struct mt_totals *totals,
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

void mt_totals_scores(const struct mt_session *s,
                      const struct mt_totals *totals, struct mt_scores *out)
{
    out->samples = (size_t)totals->samples;
    out->loss = totals->samples ? one_nan(totals->loss / totals->samples) : 0;
    for (size_t i = 0; i < s->n_metrics; i++)
        out->metric[i] = one_nan(s->metrics[i]->value(&totals->metric[i]));
}

/* Validation samples from number `at` on, a batch of them or what is left. */
static struct mt_rows val_batch(const struct mt_session *s, size_t at)
{
    const struct mt_dataset *d = s->data;
    size_t b = s->batching.batch_size, total = mt_session_val_samples(s);
    bool own = d->val.samples > 0;
    struct mt_rows rows = { .part = own ? &d->val : &d->train };

    if (at >= total)
        return rows;
    rows.first = at;
    rows.rows = own ? NULL : d->held_rows + at;
    rows.n = total - at < b ? total - at : b;
    return rows;
}

mt_status mt_session_evaluate(struct mt_session *s, struct mt_scores *scores,
                              struct mt_err *err)
{
    size_t b = s->batching.batch_size, total;
    struct mt_totals totals = { 0 };
    double loss = 0, weights = 0;

    *scores = (struct mt_scores){ 0 };
    if (!mt_session_has_val(s))
        return MT_OK;
    if (mt_session_prepare(s, err) != MT_OK)
        return err->status;
    total = mt_session_val_samples(s);
    for (size_t at = 0; at < total; at += b) {
        struct mt_rows rows = val_batch(s, at), next = val_batch(s, at + b);
        struct mt_program *p = rows.n == b ? &s->eval_full : &s->eval_last;

        if (mt_session_gather(s, p, &rows, &next, err) != MT_OK)
            return err->status;
        mt_graph_run(p->graph, s->team, 0);
        add_evaluated(s, &totals, p, s->t, &loss, &weights);
    }
    mt_totals_scores(s, &totals, scores);
    if (!mt_loss_is_sum(&s->model->loss))
        loss /= weights; /* 0 / 0 where all targets are ignored, as in torch */
    scores->loss = one_nan(loss);
    return MT_OK;
}
