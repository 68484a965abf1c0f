#include "data/csvrows.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/utf8.h"
#include "data/gaps.h"
#include "data/number.h"
#include "data/number_short.h"

/* Room for targets. */
static mt_status resize(struct mt_csv_table *t, size_t rows, struct mt_err *err)
{
    size_t each =
        t->labels ? sizeof(int32_t) : t->columns.n_targets * sizeof(double);
    size_t bytes;
    void *grown;

    if (!mt_size_mul(rows, each, &bytes))
        return mt_fail_memory(err);
    grown = realloc(t->y->memory, bytes);
    if (!grown)
        return mt_fail_memory(err);
    t->y->memory = grown;
    t->room = rows;
    return MT_OK;
}

static mt_status read_numbers(const struct mt_csv_table *t,
                              const struct mt_csv_field *fields,
                              const size_t *columns, size_t n, double *out,
                              struct mt_err *err)
{
    for (size_t i = 0; i < n; i++) {
        mt_status status = mt_csv_number(t->csv, &t->columns, fields,
                                         columns[i], &out[i], err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status fail_label(const struct mt_csv_table *t,
                            const struct mt_csv_field *field, mt_status status,
                            struct mt_err *err)
{
    size_t column = t->columns.targets[0];
    struct mt_csv_column_text name = mt_csv_column_text(&t->columns, column);
    struct mt_excerpt got = mt_excerpt(field->text, field->n);

    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (!field->n)
        return mt_csv_fail(t->csv, column, err,
                           "%s: the field is empty; expected a class",
                           name.text);
    if (t->labels->names)
        return mt_csv_fail(t->csv, column, err,
                           "%s: \"%s\" is not among the %zu classes of %s",
                           name.text, got.text, t->labels->classes,
                           t->labels_source);
    if (status == MT_OK)
        return mt_csv_fail(t->csv, column, err,
                           "%s: the class is not valid UTF-8: \"%s\"",
                           name.text, got.text);
    return mt_csv_fail(t->csv, column, err,
                       "%s: more than %d different classes; is this column "
                       "the class?",
                       name.text, MT_LABELS_MAX);
}

/* Targets that are probabilities. Samples of other formats, which have no
 * lines, are checked later. */
static mt_status check_fractions(const struct mt_csv_table *t, const double *y,
                                 struct mt_err *err)
{
    for (size_t i = 0; i < t->columns.n_targets; i++) {
        size_t column = t->columns.targets[i];

        if (t->request->fractions && !(y[i] >= 0 && y[i] <= 1))
            return mt_csv_fail(t->csv, column, err,
                               "%s: the target is %g; the loss needs targets "
                               "of 0 to 1",
                               mt_csv_column_text(&t->columns, column).text,
                               y[i]);
    }
    return MT_OK;
}

/* The class of the target, or its index while classes are being collected. */
static mt_status read_label(const struct mt_csv_table *t,
                            const struct mt_csv_field *fields, int32_t *out,
                            struct mt_err *err)
{
    struct mt_csv_field field = mt_csv_trim(fields[t->columns.targets[0]]);
    uint32_t index = 0;
    mt_status status;

    if (!field.n)
        return fail_label(t, &field, MT_OK, err);
    status = mt_csv_check_line(t->csv, &t->columns, t->columns.targets[0],
                               &field, err);
    if (status != MT_OK)
        return status;
    if (t->labels->names) {
        *out = mt_labels_find(t->labels, field.text, field.n);
        return *out >= 0 ? MT_OK : fail_label(t, &field, MT_OK, err);
    }
    if (!mt_utf8_valid(field.text, field.n))
        return fail_label(t, &field, MT_OK, err);
    status = mt_labels_add(t->labels, field.text, field.n, &index);
    *out = (int32_t)index;
    return status == MT_OK ? MT_OK : fail_label(t, &field, status, err);
}

/* A column below a header that begins with a text is likely one of texts: all
 * columns are read where the spec names none. */
static mt_status fail_feature(const struct mt_csv_table *t, struct mt_err *err)
{
    struct mt_err cause = *err;

    if (t->rows || !t->columns.names ||
        mt_json_get(t->request->spec, "features"))
        return err->status;
    return mt_fail(err, cause.status,
                   "%s; to leave columns out, name the "
                   "others as data.features; one of texts is a category "
                   "(data.types)",
                   cause.text);
}

/* The features from number i on that are short numbers; returns the number of
 * the first that is not. */
static size_t read_short(const struct mt_csv_table *t,
                         const struct mt_csv_field *fields, size_t i)
{
    const struct mt_plan_column *plan = t->state->plan.columns;
    const size_t *columns = t->columns.features;
    size_t n = t->columns.n_features;
    struct mt_cells_next next = mt_cells_next(t->x->cells);

    for (; i < n; i++) {
        const struct mt_csv_field *f = &fields[columns[i]];
        struct mt_short s;

        if (plan[i].type != MT_PLAN_NUMBER || f->n - 1 >= 8 ||
            !mt_short_parse(mt_short_load(f->text), f->n, &s))
            break;
        mt_cells_put_decimal(next, i, s.digits, s.minus, s.places);
    }
    return i;
}

static mt_status read_features(const struct mt_csv_table *t,
                               const struct mt_csv_field *fields, bool *drop,
                               struct mt_err *err)
{
    struct mt_plan *plan = &t->state->plan;
    bool plain = mt_csv_is_plain(t->csv) && !plan->digits;
    size_t i = 0, n = t->columns.n_features;

    while ((i = plain ? read_short(t, fields, i) : i) < n) {
        double cell;

        if (mt_plan_field(plan, i, t->csv, &t->columns, fields, &cell, drop,
                          err) != MT_OK)
            return fail_feature(t, err);
        mt_cells_put(t->x->cells, i++, cell);
    }
    return MT_OK;
}

/* Targets cannot be filled: a gap drops the row, or is an error. */
static mt_status check_targets(const struct mt_csv_table *t,
                               const struct mt_csv_field *fields, bool *drop,
                               struct mt_err *err)
{
    const struct mt_plan *plan = &t->state->plan;

    for (size_t i = 0; i < t->columns.n_targets; i++) {
        size_t column = t->columns.targets[i];

        if (!mt_is_gap(&plan->gaps, &fields[column]))
            continue;
        if (plan->targets[i].missing == MT_MISSING_DROP)
            *drop = true;
        else if (mt_csv_trim(fields[column]).n)
            return mt_csv_fail(
                t->csv, column, err,
                "%s: \"%s\" is a missing value; expected a %s "
                "(data.missing: {\"%s\": \"drop\"} leaves such "
                "rows out)",
                mt_csv_column_text(&t->columns, column).text,
                mt_excerpt(fields[column].text, fields[column].n).text,
                t->labels ? "class" : "number",
                mt_excerpt(plan->targets[i].name, strlen(plan->targets[i].name))
                    .text);
    }
    return MT_OK;
}

static mt_status drop_row(struct mt_csv_table *t, bool target)
{
    if (t->dropped[target]++ == 0)
        t->dropped_line[target] = mt_csv_line(t->csv);
    return MT_OK;
}

static mt_status read_row(struct mt_csv_table *t,
                          const struct mt_csv_field *fields, size_t n,
                          struct mt_err *err)
{
    const struct mt_csv_columns *c = &t->columns;
    double *y;
    bool drop = false, target = false;
    mt_status status = mt_csv_check_width(t->csv, c, fields, n, err);

    if (status != MT_OK)
        return status;
    if (t->rows == UINT32_MAX)
        return mt_csv_fail(t->csv, n, err, "more than %zu samples",
                           (size_t)UINT32_MAX);
    if (t->rows == t->room)
        status = resize(t, t->room ? t->room + t->room / 2 : 64, err);
    if (status != MT_OK)
        return status;
    status = read_features(t, fields, &drop, err);
    if (status == MT_OK)
        status = check_targets(t, fields, &target, err);
    drop |= target;
    if (status != MT_OK)
        return status;
    if (drop)
        return drop_row(t, target);
    if (t->look)
        status = mt_look_add(t->look, t->csv, &fields[c->targets[0]], err);
    if (status != MT_OK)
        return status;
    if (t->labels) {
        status = read_label(t, fields, (int32_t *)t->y->memory + t->rows, err);
    } else {
        y = (double *)t->y->memory + t->rows * c->n_targets;
        status = read_numbers(t, fields, c->targets, c->n_targets, y, err);
        if (status == MT_OK)
            status = check_fractions(t, y, err);
    }
    t->rows++;
    return status == MT_OK ? mt_cells_push(t->x->cells, err) : status;
}

mt_status mt_csv_read_rows(struct mt_csv_table *t, const char *path,
                           struct mt_err *err)
{
    const struct mt_csv_field *fields;
    size_t n;

    for (;;) {
        mt_status status = mt_csv_next(t->csv, &fields, &n, err);

        if (status == MT_OK && n == 0)
            break;
        if (status == MT_OK)
            status = read_row(t, fields, n, err);
        if (status != MT_OK)
            return status;
    }
    if (t->rows == 0)
        return mt_fail(err, MT_INVALID,
                       "%s: no rows of data; expected at least one", path);
    if (resize(t, t->rows, err) != MT_OK)
        return err->status;
    return mt_cells_finish(t->x->cells, err);
}

mt_status mt_csv_finish_labels(struct mt_csv_table *t, const char *path,
                               struct mt_err *err)
{
    int32_t *y = t->y->memory;

    if (!t->labels || t->labels->names)
        return MT_OK;
    if (mt_labels_finish(t->labels) != MT_OK)
        return mt_fail_memory(err);
    t->labels_source = path;
    for (size_t i = 0; i < t->rows; i++)
        y[i] = t->labels->class_of[y[i]];
    return MT_OK;
}
