#include "train/history.h"
#include "train/session_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/statename.h"

/* A column: its name, and where its value is in an entry. */
struct column {
    struct mt_name name;
    enum mt_dtype dtype; /* I64 of a uint64_t or size_t, F64 of a double */
    size_t offset;
};

enum { OF_RUN = 3, OF_SCORES = 2 }; /* columns without metrics */

static size_t count_columns(const struct mt_session *s)
{
    return OF_RUN + 2 * (OF_SCORES + s->n_metrics);
}

/* Column i of those of the run, in the order of the file. */
static struct column of_run(size_t i)
{
    static const struct {
        const char *name;
        enum mt_dtype dtype;
        size_t offset;
    } columns[OF_RUN] = {
        { "epoch", MT_I64, offsetof(struct mt_epoch, epoch) },
        { "step", MT_I64, offsetof(struct mt_epoch, step) },
        { "lr", MT_F64, offsetof(struct mt_epoch, lr) },
    };

    return (struct column){ mt_name_history(NULL, columns[i].name),
                            columns[i].dtype, columns[i].offset };
}

/* Column i of the scores of a part, which lie at offset. */
static struct column of_scores(const struct mt_session *s, const char *part,
                               size_t offset, size_t i)
{
    switch (i) {
    case 0:
        return (struct column){ mt_name_history(part, "samples"), MT_I64,
                                offset + offsetof(struct mt_scores, samples) };
    case 1:
        return (struct column){ mt_name_history(part, "loss"), MT_F64,
                                offset + offsetof(struct mt_scores, loss) };
    }
    i -= OF_SCORES;
    return (struct column){ mt_name_history(part, s->metrics[i]->name), MT_F64,
                            offset + offsetof(struct mt_scores, metric) +
                                i * sizeof(double) };
}

static struct column column_at(const struct mt_session *s, size_t i)
{
    size_t of_part = OF_SCORES + s->n_metrics;

    if (i < OF_RUN)
        return of_run(i);
    i -= OF_RUN;
    if (i < of_part)
        return of_scores(s, "train", offsetof(struct mt_epoch, train), i);
    return of_scores(s, "val", offsetof(struct mt_epoch, val), i - of_part);
}

/* The training part of a metric that only evaluations have. */
static bool is_never_there(const struct mt_session *s, size_t i)
{
    size_t first = OF_RUN + OF_SCORES;

    return i >= first && i - first < s->n_metrics &&
           s->metrics[i - first]->whole;
}

void mt_history_save(const struct mt_session *s, struct mt_bundle *out)
{
    struct mt_shape shape = mt_shape_of(1, s->n_history);

    for (size_t c = 0; s->n_history && c < count_columns(s); c++) {
        struct column column = column_at(s, c);

        if (is_never_there(s, c))
            continue;
        uint64_t *values = mt_arena_calloc(&out->arena, s->n_history,
                                           sizeof *values);

        if (!values) {
            out->failed = true;
            return;
        }
        for (size_t i = 0; i < s->n_history; i++)
            memcpy(&values[i], (const char *)&s->history[i] + column.offset,
                   sizeof *values);
        mt_bundle_add(out, column.name.text, column.dtype, &shape, values);
    }
    if (s->n_history && s->history[s->n_history - 1].unscheduled)
        mt_bundle_i64(out, MT_NAME_UNSCHEDULED,
                      (int64_t)s->history[s->n_history - 1].epoch);
}

/* What the checkpoint lacks (a metric that was added since) is not known. */
static void fill_unknown(struct mt_session *s, const struct column *column)
{
    const double unknown = NAN;

    for (size_t i = 0; i < s->n_history && column->dtype == MT_F64; i++)
        memcpy((char *)&s->history[i] + column->offset, &unknown,
               sizeof unknown);
}

static mt_status restore_column(struct mt_session *s,
                                const struct mt_bundle *from,
                                const struct column *column,
                                struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(from, column->name.text);
    const uint64_t *values = a ? a->data : NULL;

    if (!a) {
        fill_unknown(s, column);
        return MT_OK;
    }
    if (a->dtype != column->dtype || a->shape.rank != 1 ||
        a->shape.dim[0] != s->n_history)
        return mt_fail(err, MT_INVALID, "%s is %s %s, expected %s [%zu]",
                       a->name, mt_dtype_name(a->dtype),
                       mt_shape_text(&a->shape).text,
                       mt_dtype_name(column->dtype), s->n_history);
    for (size_t i = 0; i < s->n_history; i++)
        memcpy((char *)&s->history[i] + column->offset, &values[i],
               sizeof *values);
    return MT_OK;
}

static mt_status restore_unscheduled(struct mt_session *s,
                                     const struct mt_bundle *from,
                                     struct mt_err *err)
{
    int64_t epoch = mt_bundle_get_i64(from, MT_NAME_UNSCHEDULED, 0);
    struct mt_epoch *last =
        s->n_history ? &s->history[s->n_history - 1] : NULL;

    if (!mt_bundle_find(from, MT_NAME_UNSCHEDULED))
        return MT_OK;
    if (!last || epoch < 1 || (uint64_t)epoch != last->epoch)
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
    struct mt_epoch empty = { 0 };
    mt_status status;

    s->n_history = 0;
    /* a record is many times as large as its number in the file */
    if (epochs && (epochs->dtype != MT_I64 || count > s->at.epoch))
        return mt_fail(err, MT_INVALID,
                       "%s is %s %s, expected int64 and at most %llu finished "
                       "epochs", epochs->name, mt_dtype_name(epochs->dtype),
                       mt_shape_text(&epochs->shape).text,
                       (unsigned long long)s->at.epoch);
    for (size_t i = 0; i < count; i++) {
        if ((status = mt_session_add_epoch(s, &empty, err)) != MT_OK)
            return status;
    }
    for (size_t c = 0; c < count_columns(s); c++) {
        struct column column = column_at(s, c);

        status = restore_column(s, from, &column, err);
        if (status != MT_OK)
            return status;
    }
    return restore_unscheduled(s, from, err);
}

/* --- growing ---------------------------------------------------------------
 */

mt_status mt_history_reserve(struct mt_session *s, size_t size,
                             struct mt_err *err)
{
    size = size < 64 ? 64 : size;
    if (s->history_size >= size)
        return MT_OK;

    struct mt_epoch *grown = realloc(s->history, size * sizeof *grown);

    if (!grown)
        return mt_fail_memory(err);
    s->history = grown;
    s->history_size = size;
    return MT_OK;
}

mt_status mt_session_add_epoch(struct mt_session *s,
                               const struct mt_epoch *epoch, struct mt_err *err)
{
    mt_status status;

    if (s->n_history == s->history_size &&
        (status = mt_history_reserve(s, 2 * s->n_history, err)) != MT_OK)
        return status;
    s->history[s->n_history++] = *epoch;
    return MT_OK;
}
