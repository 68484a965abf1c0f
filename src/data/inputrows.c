#include "data/inputrows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/utf8.h"
#include "data/csvcolumns.h"
#include "data/tableplan.h"
#include "data/window.h"

struct mt_input_rows {
    struct mt_arena arena;
    struct mt_inputs_request request;
    const char *source; /* for messages */
    size_t row;         /* elements of a row: a sample's, or of a window */
    size_t width;       /* columns that are read: row, or those of plan */
    struct mt_window window;
    struct mt_plan plan; /* of a table with more than numbers: n > 0 */
    double *cells;       /* [plan.n] */
    char delimiter;
    struct mt_csv *csv;
    struct mt_csv_columns columns;
    const char *ignored;
    void *rows;        /* double, or int32 of tokens [room, row] */
    size_t room, have; /* rows; of a series, `have` from the call before */
};

/* ---- which columns ---- */

static bool is_target(const struct mt_input_rows *in, const char *name)
{
    for (size_t i = 0; in->request.target_names && i < in->request.n_targets;
         i++)
        if (!strcmp(in->request.target_names[i], name))
            return true;
    return false;
}

static mt_status list_ignored(struct mt_input_rows *in, struct mt_err *err)
{
    enum { TOLD = 8 };
    struct mt_strbuf text = MT_STRBUF_INIT;
    const struct mt_csv_columns *c = &in->columns;
    bool *read = calloc(c->n, sizeof *read);
    size_t n = 0;

    for (size_t i = 0; read && i < in->width; i++)
        read[c->features[i]] = true;
    for (size_t i = 0; read && i < c->n; i++) {
        const char *name = c->names[i];

        if (read[i] || is_target(in, name))
            continue;
        if (n++ < TOLD)
            mt_strbuf_printf(&text, "%s\"%s\"", n > 1 ? ", " : "",
                             mt_excerpt(name, strlen(name)).text);
    }
    if (n > TOLD)
        mt_strbuf_printf(&text, " and %zu more", n - TOLD);
    if (n)
        in->ignored = mt_arena_strdup(&in->arena, text.text ? text.text : "");
    free(read);
    mt_strbuf_free(&text);
    return read && (!n || in->ignored) ? MT_OK : mt_fail_memory(err);
}

/* Does the spec name columns? Without a header they are not found. */
static bool names_columns(const struct mt_item *spec)
{
    static const char *const keys[] = { "target", "features" };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct mt_item *item = mt_json_get(spec, keys[i]);

        if (mt_is_string(item) || (item && mt_is_string(item->child)))
            return true;
    }
    return false;
}

static mt_status fail_count(const struct mt_input_rows *in, struct mt_err *err)
{
    bool table = in->request.n_targets > 0;

    if (table && in->columns.n > in->width && names_columns(in->request.spec))
        return mt_fail(err, MT_MISMATCH,
                       "%s:1:1: %zu columns without a header; expected the "
                       "header of the training data, by which the spec names "
                       "the features, or %zu column%s, one for each of them",
                       in->source, in->columns.n, in->width,
                       in->width == 1 ? "" : "s");
    return mt_fail(err, MT_MISMATCH,
                   "%s:1:1: %zu column%s; expected %zu, one for each %s%s",
                   in->source, in->columns.n, in->columns.n == 1 ? "" : "s",
                   in->width, table ? "feature" : "element of a sample",
                   table ? ", or all columns that the training data had" : "");
}

/* As in training, if the table has the target too; else all columns. */
static mt_status choose_by_position(struct mt_input_rows *in,
                                    struct mt_err *err)
{
    const struct mt_item *spec = in->request.spec;
    struct mt_csv_select select = { in->request.doc, NULL,
                                    mt_json_get(spec, "target"),
                                    mt_json_get(spec, "features"),
                                    .series = in->window.steps > 0 };
    struct mt_csv_columns *c = &in->columns;
    struct mt_err ignored = MT_ERR_INIT;

    if (c->n == in->width) {
        c->features = mt_arena_calloc(&in->arena, c->n, sizeof *c->features);
        for (size_t i = 0; c->features && i < c->n; i++)
            c->features[i] = i;
        return c->features ? MT_OK : mt_fail_memory(err);
    }
    if (in->request.n_targets == 0 || c->n < in->width)
        return fail_count(in, err);
    if (mt_csv_choose_columns(&select, in->source, &in->arena, c, &ignored) ==
            MT_OK &&
        c->n_features == in->width)
        return MT_OK;
    return ignored.status == MT_NO_MEMORY ? mt_fail_memory(err)
                                          : fail_count(in, err);
}

static mt_status find_columns(struct mt_input_rows *in, struct mt_err *err)
{
    const struct mt_item *header = mt_json_get(in->request.spec, "header");
    const struct mt_csv_known known = { .features = in->request.feature_names,
                                        .n_features = in->width,
                                        .source = "the checkpoint",
                                        .delimiter = in->delimiter };
    struct mt_csv_select select = { .doc = in->request.doc };
    mt_status status;

    if (known.features)
        select.known = &known;
    else if (mt_is_false(header))
        select.header = header;
    status = mt_csv_read_header(&select, in->csv, in->source, &in->arena,
                                &in->columns, err);
    if (status != MT_OK)
        return status;
    if (!known.features || !in->columns.names)
        return choose_by_position(in, err);
    status =
        mt_csv_choose_known(&known, in->source, &in->arena, &in->columns, err);
    return status == MT_OK ? list_ignored(in, err) : status;
}

/* ---- records ---- */

static mt_status fail_token(const struct mt_input_rows *in, size_t column,
                            const struct mt_csv_field *field,
                            struct mt_err *err)
{
    return mt_csv_fail(in->csv, column, err,
                       "%s: expected a token, a whole number from 0 to %zu, "
                       "got %s",
                       mt_csv_column_text(&in->columns, column).text,
                       in->request.tokens - 1,
                       mt_excerpt(field->text, field->n).text);
}

static mt_status read_cells(struct mt_input_rows *in,
                            const struct mt_csv_field *fields, double *x,
                            struct mt_err *err)
{
    bool drop = false;

    for (size_t i = 0; i < in->plan.n; i++) {
        mt_status status = mt_plan_field(&in->plan, i, in->csv, &in->columns,
                                         fields, &in->cells[i], &drop, err);

        if (status == MT_OK && drop)
            status = mt_csv_fail(
                in->csv, in->columns.features[i], err,
                "%s: a missing value, whose row training "
                "dropped",
                mt_csv_column_text(&in->columns, in->columns.features[i]).text);
        if (status != MT_OK)
            return status;
    }
    mt_plan_count_unseen(&in->plan, in->cells);
    mt_plan_encode(&in->plan, in->cells, x);
    return MT_OK;
}

static mt_status read_record(struct mt_input_rows *in,
                             const struct mt_csv_field *fields, size_t row,
                             struct mt_err *err)
{
    const struct mt_csv_columns *c = &in->columns;
    double *x = (double *)in->rows + row * in->row;
    int32_t *tokens = (int32_t *)in->rows + row * in->row;
    mt_status status;

    if (in->plan.n)
        return read_cells(in, fields, x, err);
    for (size_t i = 0; i < in->row; i++) {
        size_t column = c->features[i];
        double v = 0;

        if ((status = mt_csv_number(in->csv, c, fields, column, &v, err)) !=
            MT_OK)
            return status;
        if (!in->request.tokens) {
            x[i] = v;
            continue;
        }
        if (!(v >= 0 && v < 0x1p24 && v < (double)in->request.tokens &&
              v == floor(v)))
            return fail_token(in, column, &fields[column], err);
        tokens[i] = (int32_t)v;
    }
    return MT_OK;
}

static mt_status make_room(struct mt_input_rows *in, size_t max,
                           struct mt_err *err)
{
    size_t bytes;

    if (max <= in->room)
        return MT_OK;
    free(in->rows);
    in->room = 0;
    in->rows = mt_size_mul(max, in->row, &bytes) &&
                       mt_size_mul(bytes, sizeof(double), &bytes)
                   ? malloc(bytes)
                   : NULL;
    if (!in->rows)
        return mt_fail_memory(err);
    in->room = max;
    return MT_OK;
}

static void set_column(const struct mt_input_rows *in, size_t row,
                       struct mt_column *out)
{
    size_t size = in->request.tokens ? sizeof(int32_t) : sizeof(double);

    *out = (struct mt_column){ (char *)in->rows + row * in->row * size,
                               in->request.tokens ? MT_I32 : MT_F64,
                               in->row * size, in->request.shape };
}

/* At most max rows into `rows`, from number `first` on; of a pipe it waits for
 * `least` of them only. */
static mt_status read_records(struct mt_input_rows *in, size_t first,
                              size_t least, size_t max, size_t *n,
                              struct mt_err *err)
{
    const struct mt_csv_field *fields;
    bool waits = false;
    size_t got;
    mt_status status;

    for (*n = 0; *n < max; ++*n) {
        status = *n < least || in->request.whole
                     ? mt_csv_next(in->csv, &fields, &got, err)
                     : mt_csv_next_ready(in->csv, &fields, &got, &waits, err);
        if (status != MT_OK)
            return status;
        if (got == 0)
            break;
        status = mt_csv_check_width(in->csv, &in->columns, fields, got, err);
        if (status == MT_OK)
            status = read_record(in, fields, first + *n, err);
        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status next_records(struct mt_input_rows *in, size_t max,
                              struct mt_column *column, size_t *n,
                              struct mt_err *err)
{
    mt_status status = make_room(in, max, err);

    if (status == MT_OK)
        status = read_records(in, 0, 1, max, n, err);
    set_column(in, 0, column);
    return status;
}

/* ---- series ---- */

/* Of the rows that are there, only the last `steps` stay, at the start. */
static void keep_last(struct mt_input_rows *in)
{
    size_t steps = in->window.steps, bytes = in->row * sizeof(double);
    char *rows = in->rows;

    if (in->have <= steps)
        return;
    memmove(rows, rows + (in->have - steps) * bytes, steps * bytes);
    in->have = steps;
}

/* The windows that end in the next rows. */
static mt_status next_windows(struct mt_input_rows *in, size_t max,
                              struct mt_column *column, size_t *n,
                              struct mt_err *err)
{
    size_t steps = in->window.steps, room, kept, got = 0;
    mt_status status = MT_OK;

    if (!mt_size_add(max, steps, &room))
        return mt_fail_memory(err);
    if (!in->rows)
        status = make_room(in, room, err);
    if (status != MT_OK)
        return status;
    keep_last(in);
    kept = in->have;
    status = read_records(in, kept, kept ? 1 : steps,
                          kept ? max : max + steps - 1, &got, err);
    in->have += got;
    *n = in->have < steps ? 0 : kept ? got : in->have - steps + 1;
    set_column(in, kept ? 1 : 0, column);
    if (status == MT_OK && !kept && in->have < steps)
        return mt_fail(err, MT_INVALID,
                       "%s: %zu row%s; expected at least %zu, the steps of a "
                       "window",
                       in->source, in->have, in->have == 1 ? "" : "s", steps);
    return status;
}

void mt_input_rows_last(struct mt_input_rows *in, struct mt_column *column)
{
    set_column(in, in->have - in->window.steps, column);
}

void mt_input_rows_append(struct mt_input_rows *in, const double *cells)
{
    double *x;

    if (in->have == in->room)
        keep_last(in);
    x = (double *)in->rows + in->have++ * in->row;
    if (in->plan.n)
        mt_plan_encode(&in->plan, cells, x);
    else
        memcpy(x, cells, in->row * sizeof *x);
}

size_t mt_input_rows_features(const struct mt_input_rows *in)
{
    return in->width;
}

/* Of a table without names: the features must be written as the targets are. */
static bool same_items(const struct mt_item *a, const struct mt_item *b)
{
    return a && b && !strcmp(mt_json_text(a).text, mt_json_text(b).text);
}

static mt_status find_target(const struct mt_input_rows *in, size_t feature,
                             size_t *of, struct mt_err *err)
{
    const struct mt_inputs_request *r = &in->request;
    const struct mt_csv_columns *c = &in->columns;
    const struct mt_item *features = mt_json_get(r->spec, "features");

    /* by position: the table has the targets, or the features alone */
    for (size_t k = 0; !r->feature_names && k < c->n_targets; k++) {
        *of = k;
        if (c->targets[k] == c->features[feature])
            return MT_OK;
    }
    for (size_t k = 0; r->feature_names && k < r->n_targets; k++) {
        *of = k;
        if (!strcmp(r->target_names[k], r->feature_names[feature]))
            return MT_OK;
    }
    *of = feature;
    if (!r->feature_names && in->width == r->n_targets &&
        (!features || same_items(features, mt_json_get(r->spec, "target"))))
        return MT_OK;
    if (!r->feature_names)
        return mt_fail(err, MT_MISMATCH,
                       "the features are not the targets, whose predictions "
                       "alone can be fed back");
    return mt_fail(
        err, MT_MISMATCH,
        "the feature \"%s\" is not predicted, so that there is "
        "none for rows after the last one; expected no feature but "
        "the target",
        mt_excerpt(r->feature_names[feature], strlen(r->feature_names[feature]))
            .text);
}

mt_status mt_input_rows_feedback(const struct mt_input_rows *in, size_t *of,
                                 struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = 0; i < in->width && status == MT_OK; i++) {
        status = find_target(in, i, &of[i], err);
        if (status == MT_OK && in->plan.n &&
            in->plan.columns[i].type != MT_PLAN_NUMBER)
            status = mt_fail(err, MT_MISMATCH,
                             "the feature \"%s\" is not a number, and cannot "
                             "be fed back",
                             in->plan.columns[i].name);
    }
    return status;
}

/* ---- open and close ---- */

/* A row is a sample, or one of the steps of a window. */
static mt_status measure_rows(struct mt_input_rows *in, struct mt_err *err)
{
    const struct mt_shape *shape = &in->request.shape;
    mt_status status =
        mt_window_read(in->request.doc, mt_json_get(in->request.spec, "window"),
                       &in->window, err);

    in->row = in->width = mt_shape_elements(shape);
    if (status != MT_OK || !in->window.steps)
        return status;
    if (shape->rank != 2 || shape->dim[0] != in->window.steps)
        return mt_fail(err, MT_INVALID,
                       "spec/data.json: samples of %s; expected windows of %zu "
                       "steps",
                       mt_shape_text(shape).text, in->window.steps);
    in->row = in->width = shape->dim[1];
    return MT_OK;
}

static mt_status open_plan(struct mt_input_rows *in, struct mt_err *err)
{
    const struct mt_inputs_request *r = &in->request;
    mt_status status;

    if (!r->facts)
        return MT_OK;
    status = mt_plan_load(r->facts, r->feature_names, r->n_features, &in->arena,
                          &in->plan, err);
    if (status != MT_OK)
        return status;
    if (in->plan.elements != in->row)
        return mt_fail(err, MT_INVALID,
                       "spec/data.json: facts: %zu inputs; expected %zu",
                       in->plan.elements, in->row);
    in->width = in->plan.n;
    in->cells = mt_arena_calloc(&in->arena, in->width + 1, sizeof *in->cells);
    return in->cells ? MT_OK : mt_fail_memory(err);
}

mt_status mt_input_rows_open(const struct mt_inputs_request *request,
                             const char *source, struct mt_csv *csv,
                             char delimiter, struct mt_input_rows **out,
                             struct mt_err *err)
{
    struct mt_input_rows *in = calloc(1, sizeof *in);
    mt_status status = MT_OK;

    if (!in) {
        mt_csv_free(csv);
        return mt_fail_memory(err);
    }
    in->request = *request;
    in->source = source;
    in->csv = csv;
    in->delimiter = delimiter;
    status = measure_rows(in, err);
    if (status == MT_OK)
        status = open_plan(in, err);
    if (status == MT_OK)
        status = find_columns(in, err);
    mt_csv_settle(csv);
    if (status != MT_OK) {
        mt_input_rows_close(in);
        return status;
    }
    *out = in;
    return MT_OK;
}

void mt_input_rows_close(struct mt_input_rows *in)
{
    if (!in)
        return;
    mt_csv_free(in->csv);
    mt_plan_free(&in->plan);
    free(in->rows);
    mt_arena_free(&in->arena);
    free(in);
}

mt_status mt_input_rows_next(struct mt_input_rows *in, size_t max,
                             struct mt_column *column, size_t *n,
                             struct mt_err *err)
{
    return in->window.steps ? next_windows(in, max, column, n, err)
                            : next_records(in, max, column, n, err);
}

const char *mt_input_rows_ignored(const struct mt_input_rows *in)
{
    return in->ignored;
}

const char *mt_input_rows_warning(struct mt_input_rows *in)
{
    return mt_plan_warning(&in->plan, &in->arena);
}
