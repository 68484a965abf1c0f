/* Evaluation on the validation data. */
#include <assert.h>
#include <math.h>

#include "train/batch.h"
#include "train/range.h"
#include "train/ranking.h"
#include "train/totals.h"

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

    mt_totals_add(s, totals, p, targets, weight);
    *loss += mt_loss_is_sum(&s->model->loss) ? value : value * weight;
    *weights += weight;
}

/* Samples of the set from number `at` on, a batch of them or what is left.
 * Their numbers live until the batch after the next one is asked for. */
static struct mt_rows batch_of(const struct mt_session *s, size_t at)
{
    const struct mt_subset *set = mt_session_evaluated(s);
    size_t b = s->batching.batch_size;
    struct mt_rows rows = { .part = set->part };

    if (at >= set->n)
        return rows;
    rows.first = at;
    rows.n = set->n - at < b ? set->n - at : b;
    rows.rows =
        mt_subset_rows(set, at, rows.n, s->evaluated + (at / b % 2 ? b : 0));
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
        struct mt_rows rows = batch_of(s, at);
        struct mt_rows next = batch_of(s, at + b);
        struct mt_program *p = rows.n == b ? &s->eval_full : &s->eval_last;

        if ((status = mt_session_gather(s, p, &rows, &next, err)) != MT_OK)
            return status;
        mt_graph_run(p->graph, s->team, 0);
        status = mt_range_check_outputs(s, p, &rows, err);
        if (status != MT_OK)
            return status;
        add_evaluated(s, s->eval_totals, p, s->t, &loss, &weights);
    }
    mt_totals_scores(s, s->eval_totals, scores);
    if (!mt_loss_is_sum(&s->model->loss))
        loss /= weights; /* 0 / 0 where all targets are ignored, as in torch */
    scores->loss = isnan(loss) ? (double)NAN : loss; /* as totals.c */
    return MT_OK;
}

/* --- what cannot be ranked -------------------------------------------------
 */

static void add_column(const struct mt_session *s, size_t c,
                       struct mt_strbuf *out)
{
    const struct mt_fitted *f = &s->data->fitted;
    bool classes = s->model->loss.type->classification;
    const char *const *names = classes ? f->class_names : f->target_names;
    size_t n = classes ? f->classes : mt_shape_elements(&f->y);

    mt_strbuf_puts(out, classes ? "class " : "output ");
    if (names && c < n)
        mt_strbuf_printf(out, "\"%s\"", names[c]);
    else
        mt_strbuf_printf(out, "%zu", c);
}

void mt_session_left_out(const struct mt_session *s, struct mt_strbuf *out)
{
    const struct mt_ranking *r = s->ranking;

    if (!r || !r->left_out)
        return;
    if (r->left_out == r->columns) {
        mt_strbuf_puts(out, "all samples are of one class: there is no auc");
        return;
    }
    add_column(s, r->first_left_out, out);
    if (r->left_out > 1)
        mt_strbuf_printf(out, " and %zu more have", r->left_out - 1);
    else
        mt_strbuf_puts(out, " has");
    mt_strbuf_puts(out, s->model->loss.type->classification
                            ? " no samples here"
                            : " the same target in all samples here");
    mt_strbuf_printf(out, ": auc is the mean of the %zu other%s",
                     r->columns - r->left_out,
                     r->columns - r->left_out == 1 ? "" : "s");
}

/* --- the confusion matrix ------------------------------------------------- */

enum { MOST_CLASSES = 4096 };

static size_t classes_of(const struct mt_session *s)
{
    return mt_loss_classes(&s->model->loss, &s->model->output);
}

mt_status mt_session_count_confusion(struct mt_session *s, struct mt_err *err)
{
    size_t classes = classes_of(s);

    if (!classes)
        return mt_fail(err, MT_INVALID, "the loss, %s, is not of classes",
                       s->model->loss.type->name);
    if (classes > MOST_CLASSES)
        return mt_fail(err, MT_INVALID, "at most %d classes, got %zu",
                       MOST_CLASSES, classes);
    assert(!s->eval_totals);
    s->confusion = true;
    return MT_OK;
}

const double *mt_session_confusion(const struct mt_session *s, size_t *classes)
{
    *classes = classes_of(s);
    if (!s->confusion || !s->eval_totals)
        return NULL;
    return s->eval_totals + mt_totals_count(s) - *classes * (*classes + 1);
}
