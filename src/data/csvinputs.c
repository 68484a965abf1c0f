/*
 * The rows of a table without targets, to predict from, read record by record.
 *
 * Which columns are the features:
 *
 *     by name      if the table has a header and the names are known from
 *                  training; in any order, others are skipped
 *     by position  otherwise: as many columns as features, or all columns of
 *                  the training table, from which the spec takes the features
 *                  as it did in training
 *
 * For a model of another format, each element of a sample is a column. For a
 * series (window.h), each sample is a window of rows; the target of the last
 * one is not in the table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "base/utf8.h"
#include "data/csvrows.h"
#include "data/format.h"

struct inputs {
    struct mt_feed feed;
    struct mt_dataset *data;
    struct mt_csv *csv;
    struct mt_csv_columns columns;
    struct mt_window window;
    size_t steps;        /* rows of a sample: 1, or those of a window */
    size_t row;          /* elements of a row */
    size_t width;        /* columns that are read: row, or plan.n */
    struct mt_plan plan; /* of a table with more than numbers: n > 0 */
    double *cells;       /* [width] */
    size_t tokens;       /* as in the request, */
    bool whole, ahead;
    bool table; /* the model's data is a table */

    double *rows; /* [room, row], of which `have` are read */
    size_t room, have;
    bool given;      /* some samples were returned */
    bool ended;      /* the table was read to its end */
    size_t appended; /* rows after that */
    size_t *of;      /* ahead: [width], the target that each column is */
};

/* ---- which columns ---- */

static bool is_target(const struct inputs *in, const char *name)
{
    const struct mt_fitted *f = &in->data->fitted;

    for (size_t i = 0; f->target_names && i < mt_shape_elements(&f->y); i++)
        if (!strcmp(f->target_names[i], name))
            return true;
    return false;
}

/* Notes the columns that are skipped, except the targets. */
static mt_status note_ignored(const struct inputs *in, struct mt_err *err)
{
    enum { SHOWN = 8 };
    struct mt_strbuf text = MT_STRBUF_INIT;
    const struct mt_csv_columns *c = &in->columns;
    bool *read = calloc(c->n + 1, sizeof *read);
    size_t n = 0;

    for (size_t i = 0; read && i < in->width; i++)
        read[c->features[i]] = true;
    for (size_t i = 0; read && i < c->n; i++) {
        const char *name = c->names[i];

        if (read[i] || is_target(in, name))
            continue;
        if (n++ < SHOWN)
            mt_strbuf_printf(&text, "%s\"%s\"", n > 1 ? ", " : "",
                             mt_excerpt(name, strlen(name)).text);
    }
    if (n > SHOWN)
        mt_strbuf_printf(&text, " and %zu more", n - SHOWN);
    if (n && !text.failed)
        in->data->note = mt_arena_printf(&in->data->arena,
                                         "skipped the columns %s", text.text);
    free(read);
    mt_strbuf_free(&text);
    return read && (!n || in->data->note) ? MT_OK : mt_fail_memory(err);
}

/* Does the spec name columns? They cannot be found without a header. */
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

static mt_status fail_count(const struct inputs *in, const struct mt_item *spec,
                            struct mt_err *err)
{
    if (in->table && in->columns.n > in->width && names_columns(spec))
        return mt_fail(err, MT_MISMATCH,
                       "%s:1:1: %zu columns without a header; expected the "
                       "header of the training data, by which the spec names "
                       "the features, or %zu column%s, one for each of them",
                       in->data->val.source, in->columns.n, in->width,
                       in->width == 1 ? "" : "s");
    return mt_fail(
        err, MT_MISMATCH,
        "%s:1:1: %zu column%s; expected %zu, one for each %s%s",
        in->data->val.source, in->columns.n, in->columns.n == 1 ? "" : "s",
        in->width, in->table ? "feature" : "element of a sample",
        in->table ? ", or all columns that the training data had" : "");
}

/* As in training, if the table has the target, too; else all columns. */
static mt_status choose_by_position(struct inputs *in,
                                    const struct mt_data_request *request,
                                    struct mt_err *err)
{
    const struct mt_item *spec = request->spec;
    struct mt_arena *arena = &in->data->arena;
    struct mt_csv_select select = { request->doc, NULL,
                                    mt_json_get(spec, "target"),
                                    mt_json_get(spec, "features"),
                                    .series = in->window.steps > 0 };
    struct mt_csv_columns *c = &in->columns;
    struct mt_err ignored = MT_ERR_INIT;

    if (c->n == in->width) {
        c->features = mt_arena_calloc(arena, c->n, sizeof *c->features);
        for (size_t i = 0; c->features && i < c->n; i++)
            c->features[i] = i;
        return c->features ? MT_OK : mt_fail_memory(err);
    }
    if (!in->table || c->n < in->width)
        return fail_count(in, spec, err);
    if (mt_csv_choose_columns(&select, in->data->val.source, arena, c,
                              &ignored) == MT_OK &&
        c->n_features == in->width)
        return MT_OK;
    return ignored.status == MT_NO_MEMORY ? mt_fail_memory(err)
                                          : fail_count(in, spec, err);
}

static mt_status find_columns(struct inputs *in,
                              const struct mt_data_request *request,
                              struct mt_err *err)
{
    const struct mt_item *header = mt_json_get(request->spec, "header");
    const char *source = in->data->val.source;
    struct mt_arena *arena = &in->data->arena;
    const struct mt_csv_known known = {
        .features = in->data->fitted.feature_names,
        .n_features = in->width,
        .source = "the checkpoint",
        .delimiter = mt_csv_dialect(in->csv)->delimiter
    };
    struct mt_csv_select select = { .doc = request->doc };
    mt_status status;

    if (known.features)
        select.known = &known;
    else if (mt_is_false(header))
        select.header = header;
    status =
        mt_csv_read_header(&select, in->csv, source, arena, &in->columns, err);
    if (status != MT_OK)
        return status;
    if (!known.features || !in->columns.names)
        return choose_by_position(in, request, err);
    status = mt_csv_choose_known(&known, source, arena, &in->columns, err);
    return status == MT_OK ? note_ignored(in, err) : status;
}

/* ---- records ---- */

static mt_status read_cells(struct inputs *in,
                            const struct mt_csv_field *fields, double *x,
                            struct mt_err *err)
{
    const size_t *features = in->columns.features;
    bool drop = false;

    for (size_t i = 0; i < in->plan.n; i++) {
        mt_status status = mt_plan_field(&in->plan, i, in->csv, &in->columns,
                                         fields, &in->cells[i], &drop, err);

        if (status == MT_OK && drop)
            status =
                mt_csv_fail(in->csv, features[i], err,
                            "%s: a missing value, whose row training dropped",
                            mt_csv_column_text(&in->columns, features[i]).text);
        if (status != MT_OK)
            return status;
    }
    mt_plan_count_unseen(&in->plan, in->cells);
    mt_plan_encode(&in->plan, in->cells, x);
    return MT_OK;
}

static mt_status read_numbers(const struct inputs *in,
                              const struct mt_csv_field *fields, double *x,
                              struct mt_err *err)
{
    for (size_t i = 0; i < in->width; i++) {
        size_t column = in->columns.features[i];
        const struct mt_csv_field *f = &fields[column];
        mt_status status =
            mt_csv_number(in->csv, &in->columns, fields, column, &x[i], err);

        if (status != MT_OK)
            return status;
        if (in->tokens && !(x[i] >= 0 && x[i] < 0x1p24 &&
                            x[i] < (double)in->tokens && x[i] == floor(x[i])))
            return mt_csv_fail(
                in->csv, column, err,
                "%s: expected a token, a whole number from 0 to %zu, got %s",
                mt_csv_column_text(&in->columns, column).text, in->tokens - 1,
                mt_excerpt(f->text, f->n).text);
    }
    return MT_OK;
}

static mt_status make_room(struct inputs *in, size_t rows, struct mt_err *err)
{
    size_t bytes;
    double *grown;

    if (rows <= in->room)
        return MT_OK;
    grown = mt_size_mul(rows, in->row, &bytes) &&
                    mt_size_mul(bytes, sizeof(double), &bytes)
                ? realloc(in->rows, bytes)
                : NULL;
    if (!grown)
        return mt_fail_memory(err);
    in->rows = grown;
    in->room = rows;
    return MT_OK;
}

/* Drops all but the last n rows. */
static void keep_last(struct inputs *in, size_t n)
{
    if (in->have <= n)
        return;
    memmove(in->rows, in->rows + (in->have - n) * in->row,
            n * in->row * sizeof *in->rows);
    in->have = n;
}

/* Reads until there are `most` rows, or as many as a pipe has at the moment,
 * but waits for at least `least`. */
static mt_status read_rows(struct inputs *in, size_t least, size_t most,
                           struct mt_err *err)
{
    mt_status status = make_room(in, most, err);

    while (status == MT_OK && !in->ended && in->have < most) {
        const struct mt_csv_field *fields;
        double *x = in->rows + in->have * in->row;
        bool waits = false;
        size_t n;

        status = in->have < least
                     ? mt_csv_next(in->csv, &fields, &n, err)
                     : mt_csv_next_ready(in->csv, &fields, &n, &waits, err);
        if (status != MT_OK || waits)
            return status;
        if (n == 0) {
            in->ended = true;
            in->data->warning = mt_plan_warning(&in->plan, &in->data->arena);
            return MT_OK;
        }
        status = mt_csv_check_width(in->csv, &in->columns, fields, n, err);
        if (status == MT_OK)
            status = in->plan.n ? read_cells(in, fields, x, err)
                                : read_numbers(in, fields, x, err);
        in->have += status == MT_OK;
    }
    return status;
}

/* ---- samples ---- */

/* The samples that begin at row `first` and later. */
static void set_column(struct inputs *in, size_t first,
                       struct mt_column *column, size_t *n)
{
    *n = in->have - first < in->steps ? 0 : in->have - first - in->steps + 1;
    *column =
        (struct mt_column){ in->rows + first * in->row, MT_F64,
                            in->row * sizeof *in->rows, in->data->fitted.x };
    in->given |= *n > 0;
}

static mt_status check_length(const struct inputs *in, struct mt_err *err)
{
    if (in->given || !in->window.steps || in->have >= in->steps)
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "%s: %zu row%s; expected at least %zu, the steps of a "
                   "window",
                   in->data->val.source, in->have, in->have == 1 ? "" : "s",
                   in->steps);
}

static mt_status next_samples(struct mt_feed *feed, size_t max,
                              struct mt_column *column, size_t *n,
                              struct mt_err *err)
{
    struct inputs *in = (struct inputs *)feed;
    size_t most;
    mt_status status;

    if (!mt_size_add(max, in->steps - 1, &most))
        return mt_fail_memory(err);
    keep_last(in, in->steps - 1);
    status = read_rows(in, in->whole ? most : in->steps, most, err);
    if (status == MT_OK)
        status = check_length(in, err);
    if (status == MT_OK)
        set_column(in, 0, column, n);
    return status;
}

/* ---- a series, continued ---- */

static mt_status next_window(struct mt_feed *feed, size_t max,
                             struct mt_column *column, size_t *n,
                             struct mt_err *err)
{
    enum { SOME = 64 }; /* rows at once */
    struct inputs *in = (struct inputs *)feed;
    mt_status status = MT_OK;

    (void)max;
    while (status == MT_OK && !in->ended) {
        keep_last(in, in->steps);
        status = read_rows(in, in->steps + SOME, in->steps + SOME, err);
    }
    if (status == MT_OK)
        status = check_length(in, err);
    if (status == MT_OK)
        set_column(in, in->have - in->steps, column, n);
    return status;
}

static mt_status append(struct mt_feed *feed, const double *y,
                        struct mt_err *err)
{
    struct inputs *in = (struct inputs *)feed;
    double *x;

    in->appended++;
    for (size_t i = 0; i < in->width; i++) {
        in->cells[i] = y[in->of[i]];
        if (!isfinite(in->cells[i]))
            return mt_fail(err, MT_NON_FINITE,
                           "the prediction of row %zu after the last one is "
                           "not a finite number, and cannot be fed back",
                           in->appended);
    }
    keep_last(in, in->steps);
    x = in->rows + in->have++ * in->row;
    if (in->plan.n)
        mt_plan_encode(&in->plan, in->cells, x);
    else
        memcpy(x, in->cells, in->row * sizeof *x);
    return MT_OK;
}

/* Are both written the same? For a table without names. */
static bool same_items(const struct mt_item *a, const struct mt_item *b)
{
    return a && b && !strcmp(mt_json_text(a).text, mt_json_text(b).text);
}

static mt_status find_target(const struct inputs *in,
                             const struct mt_item *spec, size_t feature,
                             size_t *of, struct mt_err *err)
{
    const struct mt_csv_columns *c = &in->columns;
    const struct mt_item *features = mt_json_get(spec, "features");
    const struct mt_fitted *f = &in->data->fitted;
    const char *name = f->feature_names ? f->feature_names[feature] : NULL;
    size_t targets = mt_shape_elements(&f->y);

    /* by position: the table has the targets, or the features alone */
    for (size_t k = 0; !name && k < c->n_targets; k++) {
        *of = k;
        if (c->targets[k] == c->features[feature])
            return MT_OK;
    }
    for (size_t k = 0; name && f->target_names && k < targets; k++) {
        *of = k;
        if (!strcmp(f->target_names[k], name))
            return MT_OK;
    }
    *of = feature;
    if (!name && in->width == targets &&
        (!features || same_items(features, mt_json_get(spec, "target"))))
        return MT_OK;
    if (!name)
        return mt_fail(err, MT_MISMATCH,
                       "the features are not the targets, whose predictions "
                       "alone can be fed back");
    return mt_fail(err, MT_MISMATCH,
                   "the feature \"%s\" is not predicted, so that there is "
                   "none for rows after the last one; expected no feature but "
                   "the target",
                   mt_excerpt(name, strlen(name)).text);
}

/* Finds the target of each column: predictions must make up a row. */
static mt_status find_targets(struct inputs *in, const struct mt_item *spec,
                              struct mt_err *err)
{
    mt_status status = MT_OK;

    in->of = mt_arena_calloc(&in->data->arena, in->width + 1, sizeof *in->of);
    if (!in->of)
        return mt_fail_memory(err);
    for (size_t i = 0; i < in->width && status == MT_OK; i++) {
        status = find_target(in, spec, i, &in->of[i], err);
        if (status == MT_OK && in->plan.n &&
            in->plan.columns[i].type != MT_PLAN_NUMBER)
            status = mt_fail(err, MT_MISMATCH,
                             "the feature \"%s\" is not a number, and cannot "
                             "be fed back",
                             in->plan.columns[i].name);
    }
    in->feed.next = next_window;
    in->feed.append = append;
    return status;
}

/* ---- open and close ---- */

/* A row is a sample, or one of the steps of a window. */
static mt_status measure_rows(struct inputs *in,
                              const struct mt_data_request *request,
                              struct mt_err *err)
{
    const struct mt_shape *shape = &in->data->fitted.x;
    mt_status status = mt_window_read(
        request->doc, mt_json_get(request->spec, "window"), &in->window, err);

    in->steps = 1;
    in->row = in->width = mt_shape_elements(shape);
    if (status != MT_OK || !in->window.steps)
        return status;
    if (shape->rank != 2 || shape->dim[0] != in->window.steps)
        return mt_fail(err, MT_INVALID,
                       "spec/data.json: samples of %s; expected windows of %zu "
                       "steps",
                       mt_shape_text(shape).text, in->window.steps);
    in->steps = in->window.steps;
    in->row = in->width = shape->dim[1];
    return MT_OK;
}

static mt_status open_plan(struct inputs *in, struct mt_err *err)
{
    const struct mt_fitted *f = &in->data->fitted;
    struct mt_arena *arena = &in->data->arena;
    mt_status status;

    status = mt_plan_load(f->facts, f->feature_names, f->n_features, arena,
                          &in->plan, err);
    if (status == MT_OK && f->facts && in->plan.elements != in->row)
        status = mt_fail(err, MT_INVALID,
                         "spec/data.json: facts: %zu inputs; expected %zu",
                         in->plan.elements, in->row);
    if (status != MT_OK)
        return status;
    if (in->plan.n)
        in->width = in->plan.n;
    if (f->feature_names && f->n_features != in->width)
        return mt_fail(err, MT_INVALID,
                       "spec/data.json: %zu names of features; expected %zu",
                       f->n_features, in->width);
    in->cells = mt_arena_calloc(arena, in->width + 1, sizeof *in->cells);
    return in->cells ? MT_OK : mt_fail_memory(err);
}

static mt_status open_table(struct inputs *in,
                            const struct mt_data_request *request,
                            struct mt_err *err)
{
    const char *path = in->data->val.source;
    struct mt_csv_dialect dialect;
    uint64_t size;
    int fd;
    mt_status status =
        mt_csv_dialect_read(request->doc, request->spec, &dialect, err);

    if (status == MT_OK && mt_data_piped(request))
        return mt_csv_open_pipe(path, STDIN_FILENO, &dialect, &in->csv, err);
    if (status == MT_OK)
        status = mt_file_open(path, &fd, &size, err);
    return status == MT_OK
               ? mt_csv_open(path, fd, size, &dialect, &in->csv, err)
               : status;
}

static void close_inputs(struct mt_reader *reader)
{
    struct inputs *in = (struct inputs *)reader;

    mt_csv_free(in->csv);
    mt_plan_free(&in->plan);
    free(in->rows);
}

mt_status mt_csv_inputs(const struct mt_data_request *request,
                        const struct mt_data_keys *keys,
                        struct mt_dataset *data, struct mt_err *err)
{
    struct inputs *in = mt_arena_calloc(&data->arena, 1, sizeof *in);
    struct mt_owned *own = mt_data_own(data);
    mt_status status;

    if (!in || !own)
        return mt_fail_memory(err);
    in->feed = (struct mt_feed){ .reader = { .close = close_inputs },
                                 .next = next_samples };
    in->data = data;
    in->tokens = request->tokens;
    in->whole = request->whole;
    in->table = keys->train.n > 0;
    own->reader = &in->feed.reader;
    data->feed = &in->feed;
    status = open_table(in, request, err);
    if (status == MT_OK)
        status = measure_rows(in, request, err);
    if (status == MT_OK)
        status = open_plan(in, err);
    if (status == MT_OK)
        status = find_columns(in, request, err);
    if (status == MT_OK && request->ahead)
        status = find_targets(in, request->spec, err);
    if (status == MT_OK)
        mt_csv_settle(in->csv);
    return status;
}
