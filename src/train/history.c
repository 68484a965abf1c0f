#include "train/history.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A column: its name, and where its value is in an entry. */
struct column {
    char name[128];
    enum mt_dtype dtype; /* I64 of a uint64_t or size_t, F64 of a double */
    size_t offset;
};

enum { MAX_COLUMNS = 3 + 2 * (2 + MT_MAX_METRICS) };

static size_t add_scores(const struct mt_session *s, const char *part,
                         size_t offset, struct column *out)
{
    size_t n = 0;

    snprintf(out[n].name, sizeof out->name, "progress/history.%s.samples",
             part);
    out[n].dtype = MT_I64;
    out[n++].offset = offset + offsetof(struct mt_scores, samples);
    snprintf(out[n].name, sizeof out->name, "progress/history.%s.loss", part);
    out[n].dtype = MT_F64;
    out[n++].offset = offset + offsetof(struct mt_scores, loss);
    for (size_t i = 0; i < s->n_metrics; i++) {
        snprintf(out[n].name, sizeof out->name, "progress/history.%s.%s", part,
                 s->metrics[i]->name);
        out[n].dtype = MT_F64;
        out[n++].offset = offset + offsetof(struct mt_scores, metric) +
                          i * sizeof(double);
    }
    return n;
}

static size_t list_columns(const struct mt_session *s, struct column *out)
{
    size_t n = 3;

    out[0] = (struct column){ "progress/history.epoch", MT_I64,
                              offsetof(struct mt_epoch, epoch) };
    out[1] = (struct column){ "progress/history.step", MT_I64,
                              offsetof(struct mt_epoch, step) };
    out[2] = (struct column){ "progress/history.lr", MT_F64,
                              offsetof(struct mt_epoch, lr) };
    n += add_scores(s, "train", offsetof(struct mt_epoch, train), out + n);
    return n + add_scores(s, "val", offsetof(struct mt_epoch, val), out + n);
}

void mt_history_save(const struct mt_session *s, struct mt_bundle *out)
{
    struct column columns[MAX_COLUMNS];
    size_t n = list_columns(s, columns);
    struct mt_shape shape = mt_shape_of(1, s->n_history);

    for (size_t c = 0; s->n_history && c < n; c++) {
        uint64_t *values = mt_arena_calloc(&out->arena, s->n_history,
                                           sizeof *values);

        if (!values) {
            out->failed = true;
            return;
        }
        for (size_t i = 0; i < s->n_history; i++)
            memcpy(&values[i],
                   (const char *)&s->history[i] + columns[c].offset,
                   sizeof *values);
        mt_bundle_add(out, columns[c].name, columns[c].dtype, &shape, values);
    }
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
    const struct mt_array *a = mt_bundle_find(from, column->name);
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

mt_status mt_history_restore(struct mt_session *s,
                             const struct mt_bundle *from, struct mt_err *err)
{
    const struct mt_array *epochs =
        mt_bundle_find(from, "progress/history.epoch");
    struct column columns[MAX_COLUMNS];
    size_t n = list_columns(s, columns);
    size_t count = epochs && epochs->shape.rank == 1 ? epochs->shape.dim[0] : 0;
    struct mt_epoch empty = { 0 };

    s->n_history = 0;
    /* a record is many times as large as its number in the file */
    if (epochs && (epochs->dtype != MT_I64 || count > s->at.epoch))
        return mt_fail(err, MT_INVALID,
                       "%s is %s %s, expected int64 and at most %llu finished "
                       "epochs", epochs->name, mt_dtype_name(epochs->dtype),
                       mt_shape_text(&epochs->shape).text,
                       (unsigned long long)s->at.epoch);
    for (size_t i = 0; i < count; i++) {
        if (mt_session_add_epoch(s, &empty, err) != MT_OK)
            return err->status;
    }
    for (size_t c = 0; c < n; c++) {
        if (restore_column(s, from, &columns[c], err) != MT_OK)
            return err->status;
    }
    return MT_OK;
}
