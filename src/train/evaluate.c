/* Evaluation on the validation data. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "train/batch.h"
#include "train/range.h"
#include "train/ranking.h"
#include "train/totals.h"

/* Accumulates the loss of the whole set, however it is cut into batches: its
 * mean, or its sum. */
static void add_evaluated(const struct mt_session *s, double *totals,
                          const struct mt_program *p, double *loss,
                          double *weights)
{
    const struct mt_shape *shape = &p->scores->shape;
    size_t rows = mt_shape_elements(shape) / shape->dim[shape->rank - 1];
    double value = *(const float *)p->loss->data;
    double weight = mt_loss_weight(&s->model->loss, p->t->data, rows, p->batch);

    mt_totals_add(s, totals, p, p->t->data, weight);
    *loss += mt_loss_is_sum(&s->model->loss) ? value : value * weight;
    *weights += weight;
}

/* The batch of the set that begins at sample `at`; the last may be smaller. Its
 * row numbers are valid until the second call after this one. */
static struct mt_rows batch_of(const struct mt_session *s, size_t at)
{
    const struct mt_subset *set = mt_session_evaluated(s);
    size_t b = s->eval_batch, turn = at / b / mt_comm_size(s->comm);
    struct mt_rows rows = { .part = set->part };

    if (at >= set->n)
        return rows;
    rows.first = at;
    rows.n = set->n - at < b ? set->n - at : b;
    rows.rows =
        mt_subset_rows(set, at, rows.n, s->evaluated + (turn % 2 ? b : 0));
    return rows;
}

/* One batch, added to *loss, *weights and totals. */
static mt_status run_batch(struct mt_session *s, const struct mt_rows *rows,
                           const struct mt_rows *next, double *totals,
                           double *loss, double *weights, struct mt_err *err)
{
    mt_status status;

    if (!rows->n)
        return MT_OK;
    if ((status = mt_session_gather(s, rows, next, err)) != MT_OK)
        return status;
    struct mt_program *p = mt_programs_find(&s->eval, rows->n);

    p->x->data = s->x;
    p->t->data = s->t;
    mt_graph_run(p->graph, s->team, 0);
    if ((status = mt_range_check_outputs(s, p, rows, err)) != MT_OK)
        return status;
    add_evaluated(s, totals, p, loss, weights);
    return MT_OK;
}

/* One batch for each process, added in the order of the batches. */
static mt_status run_batches(struct mt_session *s, size_t at, double *loss,
                             double *weights, struct mt_err *err)
{
    const struct mt_subset *set = mt_session_evaluated(s);
    size_t size = mt_comm_size(s->comm), b = s->eval_batch;
    size_t own = at + mt_comm_rank(s->comm) * b, each = mt_totals_record(s);
    struct mt_rows rows = batch_of(s, own);
    struct mt_rows next = batch_of(s, own + size * b);
    mt_status status;

    if (!s->eval_records)
        return run_batch(s, &rows, &next, s->eval_totals, loss, weights, err);
    double *record = s->eval_records + mt_comm_rank(s->comm) * each;

    memset(record, 0, each * sizeof *record);
    if ((status = run_batch(s, &rows, &next, record + 2, &record[0], &record[1],
                            err)) != MT_OK ||
        (status = mt_comm_gather(s->comm, s->eval_records, s->eval_at, 1,
                                 err)) != MT_OK)
        return status;
    record = s->eval_records;
    for (size_t i = 0; i < size && at + i * b < set->n; i++, record += each) {
        *loss += record[0];
        *weights += record[1];
        mt_totals_merge(s, s->eval_totals, record + 2);
    }
    return MT_OK;
}

mt_status mt_session_evaluate(struct mt_session *s, struct mt_scores *scores,
                              struct mt_err *err)
{
    size_t n = mt_session_evaluated(s)->n, size = mt_comm_size(s->comm);
    double loss = 0, weights = 0;
    mt_status status;

    *scores = (struct mt_scores){ 0 };
    if (!n)
        return MT_OK;
    if ((status = mt_session_prepare(s, err)) != MT_OK)
        return status;
    mt_totals_clear(s, s->eval_totals);
    for (size_t at = 0; at < n; at += size * s->eval_batch) {
        status = run_batches(s, at, &loss, &weights, err);
        if (status != MT_OK)
            return status;
    }
    if (s->ranking &&
        (status = mt_ranking_gather(s->ranking, s->comm, err)) != MT_OK)
        return status;
    mt_totals_scores(s, s->eval_totals, scores);
    if (!mt_loss_is_sum(&s->model->loss))
        loss /= weights; /* 0 / 0 where all targets are ignored, as in torch */
    scores->loss = isnan(loss) ? (double)NAN : loss; /* as totals.c */
    return MT_OK;
}

/* --- what cannot be ranked -------------------------------------------- */

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

static mt_status fail_no_classes(const char *loss, struct mt_err *err)
{
    struct mt_strbuf names = MT_STRBUF_INIT;

    for (size_t i = 0; mt_loss_kind.at(i); i++) {
        const struct mt_loss_type *type =
            (const struct mt_loss_type *)mt_loss_kind.at(i);

        if (type->classification)
            mt_strbuf_printf(&names, names.len ? " or %s" : "%s", type->name);
    }
    mt_fail(err, MT_INVALID,
            "the targets of %s are numbers; expected a loss whose targets are "
            "classes, %s",
            loss, names.failed ? "as a classifier has" : names.text);
    mt_strbuf_free(&names);
    return err->status;
}

mt_status mt_session_count_confusion(struct mt_session *s, struct mt_err *err)
{
    size_t classes = classes_of(s);

    if (!classes)
        return fail_no_classes(s->model->loss.type->name, err);
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
