#include "data/csvrows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/gaps.h"
#include "data/number.h"
#include "data/number_short.h"

/* A value of the target while classes are being collected. */
struct value {
    size_t rows;
    uint64_t line; /* of the first row */
};

struct reading {
    struct mt_csv_table *t;
    bool plain;           /* numbers can be read as decimals */
    struct value *values; /* [room], of t->labels; only with t->look */
    size_t room;
};

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

/* Checks a target that is a probability here, where its line is known; other
 * formats are checked later. */
static mt_status check_fraction(const struct mt_csv_table *t, size_t column,
                                double y, struct mt_err *err)
{
    if (!t->request->fractions || (y >= 0 && y <= 1))
        return MT_OK;
    return mt_csv_fail(t->csv, column, err,
                       "%s: the target is %g; the loss needs targets of 0 to 1",
                       mt_csv_column_text(&t->columns, column).text, y);
}

static mt_status read_numbers(const struct mt_csv_table *t,
                              const struct mt_csv_field *fields,
                              struct mt_err *err)
{
    const struct mt_csv_columns *c = &t->columns;
    struct mt_cells *cells = t->cells->cells;
    mt_status status = MT_OK;
    double y = 0;

    for (size_t i = 0; i < c->n_targets && status == MT_OK; i++) {
        status = mt_csv_number(t->csv, c, fields, c->targets[i], &y, err);
        if (y == 0 && signbit(y))
            mt_cells_put_raw(cells, c->n_features + i, y);
        else
            mt_cells_put(cells, c->n_features + i, y);
    }
    for (size_t i = 0; i < c->n_targets && status == MT_OK; i++) {
        mt_csv_value(t->csv, &fields[c->targets[i]], &y);
        status = check_fraction(t, c->targets[i], y, err);
    }
    return status;
}

/* The class of the target, or its index while classes are being collected. */
static mt_status read_label(const struct mt_csv_table *t,
                            const struct mt_csv_field *fields, int32_t *out,
                            struct mt_err *err)
{
    const struct mt_csv_field *whole = &fields[t->columns.targets[0]];
    struct mt_csv_field field = mt_csv_trim(*whole);
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
        if (*out < 0)
            return fail_label(t, &field, MT_OK, err);
    } else {
        if (!mt_utf8_valid(field.text, field.n))
            return fail_label(t, &field, MT_OK, err);
        status = mt_labels_add(t->labels, field.text, field.n, &index);
        if (status != MT_OK)
            return fail_label(t, &field, status, err);
        *out = (int32_t)index;
    }
    mt_labels_remember(t->labels, whole->text, whole->n, *out);
    return MT_OK;
}

/* If the spec names no features, all columns are read; a column below a header
 * that begins with a text is likely to be one of texts. */
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

static inline bool is_decimal(const struct mt_csv_field *f,
                              struct mt_short *out)
{
    return (f->n - 1 < 8 &&
            mt_short_parse(mt_short_load(f->text), f->n, out)) ||
           (f->n - 1 < MT_DECIMAL && mt_number_decimal(f->text, f->n, out));
}

/* Reads features from number i on as long as they are decimals or recent
 * categories; returns the number of the first that is not. */
static size_t read_usual(const struct mt_csv_table *t,
                         const struct mt_csv_field *fields, size_t i)
{
    const struct mt_plan_column *plan = t->state->plan.columns;
    const size_t *columns = t->columns.features;
    size_t n = t->columns.n_features;
    struct mt_cells_next next = mt_cells_next(t->cells->cells);
    struct mt_short s;

    for (; i < n; i++) {
        const struct mt_csv_field *f = &fields[columns[i]];

        if (plan[i].type == MT_PLAN_CATEGORY) {
            int32_t code = mt_labels_recall(&plan[i].labels, f->text, f->n);

            if (code < 0)
                break;
            mt_cells_put_decimal(next, i, (uint64_t)code, 0, 0);
            continue;
        }
        if (plan[i].type != MT_PLAN_NUMBER || !is_decimal(f, &s))
            break;
        mt_cells_put_decimal(next, i, s.digits, s.minus, s.places);
    }
    return i;
}

static mt_status read_features(const struct reading *r,
                               const struct mt_csv_field *fields, bool *drop,
                               struct mt_err *err)
{
    struct mt_csv_table *t = r->t;
    size_t i = 0, n = t->columns.n_features;

    while ((i = r->plain ? read_usual(t, fields, i) : i) < n) {
        double cell;

        if (mt_plan_field(&t->state->plan, i, t->csv, &t->columns, fields,
                          &cell, drop, err) != MT_OK)
            return fail_feature(t, err);
        mt_cells_put(t->cells->cells, i++, cell);
    }
    return MT_OK;
}

/* Missing targets cannot be filled in: a gap drops the row, or is an error. */
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

/* Counts the value number `index` of labels. */
static mt_status count_value(struct reading *r, size_t index,
                             struct mt_err *err)
{
    if (index >= r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct value *grown = realloc(r->values, room * sizeof *grown);

        if (!grown)
            return mt_fail_memory(err);
        memset(grown + r->room, 0, (room - r->room) * sizeof *grown);
        r->values = grown;
        r->room = room;
    }
    if (r->values[index].rows++ == 0)
        r->values[index].line = mt_csv_line(r->t->csv);
    return MT_OK;
}

static mt_status put_label(struct reading *r, int32_t label, struct mt_err *err)
{
    struct mt_csv_table *t = r->t;

    mt_cells_put_decimal(mt_cells_next(t->cells->cells), t->columns.n_features,
                         (uint64_t)label, 0, 0);
    t->label_min = label < t->label_min ? label : t->label_min;
    t->label_max = label > t->label_max ? label : t->label_max;
    return t->look ? count_value(r, (size_t)label, err) : MT_OK;
}

/* Puts targets that are decimals; false: not all are. -0 is kept. */
static bool put_decimals(const struct reading *r,
                         const struct mt_csv_field *fields)
{
    const struct mt_csv_columns *c = &r->t->columns;
    struct mt_cells_next next = mt_cells_next(r->t->cells->cells);
    struct mt_short s;

    for (size_t i = 0; i < c->n_targets; i++) {
        if (!is_decimal(&fields[c->targets[i]], &s) || (s.minus && !s.digits))
            return false;
        mt_cells_put_decimal(next, c->n_features + i, s.digits, s.minus,
                             s.places);
    }
    return true;
}

/* The quick path for most rows: the target is a recent class (*label), or
 * targets are decimals. */
static bool has_usual_targets(const struct reading *r,
                              const struct mt_csv_field *fields, int32_t *label)
{
    const struct mt_csv_table *t = r->t;
    const struct mt_csv_field *f = &fields[t->columns.targets[0]];

    *label = -1;
    if (!t->labels)
        return r->plain && !t->request->fractions && put_decimals(r, fields);
    *label = mt_labels_recall(t->labels, f->text, f->n);
    return *label >= 0;
}

static mt_status read_row(struct reading *r, const struct mt_csv_field *fields,
                          size_t n, struct mt_err *err)
{
    struct mt_csv_table *t = r->t;
    bool drop = false, target = false, usual;
    mt_status status = mt_csv_check_width(t->csv, &t->columns, fields, n, err);
    int32_t label;

    if (status != MT_OK)
        return status;
    if (t->rows == UINT32_MAX)
        return mt_csv_fail(t->csv, n, err, "more than %zu samples",
                           (size_t)UINT32_MAX);
    status = read_features(r, fields, &drop, err);
    if (status != MT_OK)
        return status;
    usual = has_usual_targets(r, fields, &label);
    if (!usual)
        status = check_targets(t, fields, &target, err);
    if (status != MT_OK)
        return status;
    if (drop || target)
        return drop_row(t, target);
    if (!usual)
        status = t->labels ? read_label(t, fields, &label, err)
                           : read_numbers(t, fields, err);
    if (status == MT_OK && t->labels)
        status = put_label(r, label, err);
    t->rows++;
    return status == MT_OK ? mt_cells_push(t->cells->cells, err) : status;
}

static mt_status read_records(struct reading *r, struct mt_err *err)
{
    const struct mt_csv_field *fields;
    mt_status status;
    size_t n;

    while ((status = mt_csv_next(r->t->csv, &fields, &n, err)) == MT_OK && n)
        if ((status = read_row(r, fields, n, err)) != MT_OK)
            break;
    return status;
}

mt_status mt_csv_read_rows(struct mt_csv_table *t, const char *path,
                           struct mt_err *err)
{
    struct reading r = {
        .t = t, .plain = mt_csv_is_plain(t->csv) && !t->state->plan.digits
    };
    mt_status status;

    t->label_min = INT32_MAX;
    t->label_max = -1;
    status = read_records(&r, err);
    for (size_t i = 0; t->look && i < t->labels->n && status == MT_OK; i++)
        status = mt_look_add_rows(t->look, t->csv, t->labels->values[i],
                                  r.values[i].rows, r.values[i].line, err);
    free(r.values);
    if (status != MT_OK)
        return status;
    if (t->rows == 0)
        return mt_fail(err, MT_INVALID,
                       "%s: no rows of data; expected at least one", path);
    return mt_cells_finish(t->cells->cells, err);
}
