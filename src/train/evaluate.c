/* Evaluation, and the sums behind scores. */
#include <math.h>

#include "kernels/dmath.h"
#include "train/batch.h"

void mt_totals_add(const struct mt_session *s, struct mt_totals *totals,
                   const struct mt_program *p, const void *targets)
{
    bool classes = s->model->loss.type->classification;
    const struct mt_shape *shape = &p->scores->shape;
    const int64_t *ignored = mt_loss_ignored(&s->model->loss);
    struct mt_outcome o = {
        .y = p->scores->data,
        .t = classes ? NULL : targets,
        .class = classes ? targets : NULL,
        .n = shape->dim[shape->rank - 1],
        .ignore = ignored ? *ignored : INT64_MIN,
        .loss = (double)*(const float *)p->loss->data,
        .samples = p->batch,
    };

    totals->loss += o.loss * (double)o.samples;
    totals->samples += (double)o.samples;
    if (s->n_metrics == 0)
        return;
    o.rows = mt_shape_elements(shape) / o.n;
    for (size_t i = 0; i < s->n_metrics; i++)
        s->metrics[i]->add(&o, &totals->metric[i]);
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
        mt_totals_add(s, &totals, p, s->t);
    }
    mt_totals_scores(s, &totals, scores);
    return MT_OK;
}
