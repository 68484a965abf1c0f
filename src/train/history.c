#include "train/history.h"
#include "train/session_internal.h"

#include "train/statename.h"

/* The metric of a column, or NULL. */
static const struct mt_metric *metric_of(const struct mt_session *s,
                                         size_t column)
{
    size_t i = (column - MT_EPOCH_RUN) % MT_EPOCH_SCORES;

    return column < MT_EPOCH_RUN || i < 2 ? NULL : s->metrics[i - 2];
}

static struct mt_name name_of(const struct mt_session *s, size_t column)
{
    static const char *const of_run[] = { "epoch", "step", "lr" };
    static const char *const of_scores[] = { "samples", "loss" };
    const struct mt_metric *metric = metric_of(s, column);

    if (column < MT_EPOCH_RUN)
        return mt_name_history(NULL, of_run[column]);
    return mt_name_history(
        column < MT_EPOCH_VAL ? "train" : "val",
        metric ? metric->name
               : of_scores[(column - MT_EPOCH_RUN) % MT_EPOCH_SCORES]);
}

/* A metric that only evaluations have has no training column. */
static bool is_saved(const struct mt_session *s, size_t column)
{
    return mt_epochs_has(&s->history, column) &&
           (column >= MT_EPOCH_VAL || !metric_of(s, column) ||
            !metric_of(s, column)->whole);
}

void mt_history_save(struct mt_session *s, struct mt_bundle *out)
{
    struct mt_epochs *e = &s->history;

    for (size_t c = 0; e->n && c < MT_EPOCH_COLUMNS; c++) {
        struct mt_array a = { .dtype = mt_epochs_dtype(c),
                              .shape = mt_shape_of(1, e->n),
                              .data = e->column[c],
                              .packed = &e->packed[c] };

        if (is_saved(s, c))
            mt_bundle_add_array(out, name_of(s, c).text, &a);
    }
    if (e->n && e->last.unscheduled)
        mt_bundle_i64(out, MT_NAME_UNSCHEDULED, (int64_t)e->last.epoch);
}

/* The values of a column; NULL where the checkpoint lacks it (a metric that
 * was added since). */
static mt_status find_column(const struct mt_session *s,
                             const struct mt_bundle *from, size_t column,
                             size_t n, const uint64_t **out, struct mt_err *err)
{
    enum mt_dtype dtype = mt_epochs_dtype(column);
    const struct mt_array *a = mt_bundle_find(from, name_of(s, column).text);

    *out = a ? a->data : NULL;
    if (a && (a->dtype != dtype || a->shape.rank != 1 || a->shape.dim[0] != n))
        return mt_fail(err, MT_INVALID, "%s is %s %s, expected %s [%zu]",
                       a->name, mt_dtype_name(a->dtype),
                       mt_shape_text(&a->shape).text, mt_dtype_name(dtype), n);
    return MT_OK;
}

static mt_status restore_unscheduled(struct mt_session *s,
                                     const struct mt_bundle *from,
                                     struct mt_err *err)
{
    int64_t epoch = mt_bundle_get_i64(from, MT_NAME_UNSCHEDULED, 0);
    struct mt_epoch *last = &s->history.last;

    if (!mt_bundle_find(from, MT_NAME_UNSCHEDULED))
        return MT_OK;
    if (!s->history.n || epoch < 1 || (uint64_t)epoch != last->epoch)
        return mt_fail(err, MT_INVALID,
                       MT_NAME_UNSCHEDULED " is not the last epoch of the "
                       "history");
    last->unscheduled = true;
    return MT_OK;
}

mt_status mt_history_restore(struct mt_session *s,
                             const struct mt_bundle *from, struct mt_err *err)
{
    const struct mt_array *epochs =
        mt_bundle_find(from, mt_name_history(NULL, "epoch").text);
    size_t count = epochs && epochs->shape.rank == 1 ? epochs->shape.dim[0] : 0;
    const uint64_t *columns[MT_EPOCH_COLUMNS] = { NULL };
    mt_status status = MT_OK;

    /* an epoch takes much more memory than its number takes in the file */
    if (epochs && (epochs->dtype != MT_I64 || count > s->at.epoch))
        return mt_fail(err, MT_INVALID,
                       "%s is %s %s, expected int64 and at most %llu finished "
                       "epochs", epochs->name, mt_dtype_name(epochs->dtype),
                       mt_shape_text(&epochs->shape).text,
                       (unsigned long long)s->at.epoch);
    for (size_t c = 0; c < MT_EPOCH_COLUMNS && status == MT_OK; c++) {
        if (mt_epochs_has(&s->history, c))
            status = find_column(s, from, c, count, &columns[c], err);
    }
    if (status == MT_OK)
        status = mt_epochs_set(&s->history, columns, count, err);
    return status == MT_OK ? restore_unscheduled(s, from, err) : status;
}
