#include "train/historyfile.h"

#include <math.h>
#include <string.h>

#include "train/statename.h"

/* A file that is being read. */
struct reader {
    const struct mt_ckpt *ckpt;
    struct mt_team *team;
    struct mt_history *h;
    struct mt_err *err;
};

/* One column as doubles; fails unless it is as long as the first. */
static const double *read_values(const struct reader *r,
                                 const struct mt_array *a)
{
    struct mt_history *h = r->h;

    if (a->shape.rank != 1 || a->shape.dim[0] != h->n ||
        mt_dtype_size(a->dtype) != sizeof(double)) {
        mt_fail(r->err, MT_INVALID,
                "%s: %s is %s %s, expected one value of 64 "
                "bits for each of %zu epochs",
                mt_ckpt_path(r->ckpt), a->name, mt_dtype_name(a->dtype),
                mt_shape_text(&a->shape).text, h->n);
        return NULL;
    }
    double *values = mt_arena_calloc(&h->arena, h->n + 1, sizeof *values);
    struct mt_array read = *a;

    if (!values) {
        mt_fail_memory(r->err);
        return NULL;
    }
    if (mt_ckpt_read(r->ckpt, a, values, r->team, r->err) != MT_OK)
        return NULL;
    read.data = values;
    for (size_t i = 0; a->dtype != MT_F64 && i < h->n; i++)
        values[i] = mt_array_value(&read, i);
    return values;
}

/* The numbers of epochs or steps, which must ascend. */
static mt_status read_counts(const struct reader *r, const char *name,
                             const double **out)
{
    struct mt_name full = mt_name_history(NULL, name);
    const struct mt_array *a = mt_ckpt_find(r->ckpt, full.text);

    if (!a || a->dtype != MT_I64)
        return mt_fail(r->err, MT_INVALID,
                       "%s: the history has no %s "
                       "(int64), so it cannot be read",
                       mt_ckpt_path(r->ckpt), full.text);
    *out = read_values(r, a);
    if (!*out)
        return r->err->status;
    for (size_t i = 1; i < r->h->n; i++) {
        if (!((*out)[i - 1] < (*out)[i]))
            return mt_fail(r->err, MT_INVALID,
                           "%s: %s does not ascend: %.0f "
                           "comes before %.0f",
                           mt_ckpt_path(r->ckpt), full.text, (*out)[i - 1],
                           (*out)[i]);
    }
    return MT_OK;
}

/* "train.loss" has the part "train"; a column without a part is the run's. */
static mt_status add_column(const struct reader *r, const struct mt_array *a)
{
    const char *name,
        *part = mt_column_part(mt_name_column(a->name), &name);
    struct mt_history *h = r->h;

    if (h->n_columns == MT_HISTORY_MAX_COLUMNS)
        return mt_fail(r->err, MT_INVALID,
                       "%s: a history of more than %d "
                       "columns",
                       mt_ckpt_path(r->ckpt), MT_HISTORY_MAX_COLUMNS);
    name = mt_arena_strdup(&h->arena, name);
    if (!name)
        return mt_fail_memory(r->err);
    const double *values = read_values(r, a);

    if (!values)
        return r->err->status;
    h->columns[h->n_columns++] =
        (struct mt_history_column){ part, name, values };
    return MT_OK;
}

static mt_status read_columns(const struct reader *r)
{
    const struct mt_array *samples =
        mt_ckpt_find(r->ckpt, mt_name_history("val", "samples").text);
    mt_status status;

    if ((status = read_counts(r, "epoch", &r->h->epoch)) != MT_OK ||
        (status = read_counts(r, "step", &r->h->step)) != MT_OK)
        return status;
    if (samples) {
        r->h->samples = read_values(r, samples);
        if (!r->h->samples)
            return r->err->status;
    }
    for (size_t i = 0; i < mt_ckpt_count(r->ckpt); i++) {
        const struct mt_array *a = mt_ckpt_array(r->ckpt, i);

        if (mt_name_column(a->name) && a->dtype == MT_F64 &&
            (status = add_column(r, a)) != MT_OK)
            return status;
    }
    return MT_OK;
}

mt_status mt_history_read(const char *path, struct mt_team *team,
                          struct mt_history *out, struct mt_err *err)
{
    struct mt_ckpt *ckpt;
    const struct mt_array *epoch;
    mt_status status = MT_OK;

    *out = (struct mt_history){ .arena = MT_ARENA_INIT };
    if ((status = mt_ckpt_open(path, &ckpt, err)) != MT_OK)
        return status;
    epoch = mt_ckpt_find(ckpt, mt_name_history(NULL, "epoch").text);
    out->n = epoch && epoch->shape.rank == 1 ? epoch->shape.dim[0] : 0;
    if (out->n > MT_HISTORY_MAX_EPOCHS)
        status = mt_fail(err, MT_INVALID,
                         "%s: a history of %zu epochs: "
                         "expected at most %d",
                         path, out->n, MT_HISTORY_MAX_EPOCHS);
    else if (out->n)
        status = read_columns(&(struct reader){ ckpt, team, out, err });
    mt_ckpt_close(ckpt);
    return status;
}

void mt_history_free(struct mt_history *h)
{
    mt_arena_free(&h->arena);
    *h = (struct mt_history){ .arena = MT_ARENA_INIT };
}

const struct mt_history_column *mt_history_find(const struct mt_history *h,
                                                const char *part,
                                                const char *name)
{
    for (size_t i = 0; i < h->n_columns; i++) {
        if (strcmp(h->columns[i].part, part) == 0 &&
            strcmp(h->columns[i].name, name) == 0)
            return &h->columns[i];
    }
    return NULL;
}
