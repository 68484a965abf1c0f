#include "data/inputs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/utf8.h"
#include "data/csvcolumns.h"
#include "data/csvscan.h"
#include "data/format.h"
#include "data/gzstream.h"
#include "data/number.h"
#include "data/tableplan.h"
#include "data/window.h"

struct mt_inputs {
    struct mt_arena arena;
    struct mt_inputs_request request;
    const char *source; /* for messages */
    size_t elements;    /* of a sample */
    size_t row;         /* of a row of a table: the sample, or of a window */
    size_t width;       /* columns that are read: row, or those of plan */
    struct mt_window window;
    struct mt_plan plan; /* of a table with more than numbers: n > 0 */
    double *cells;      /* [plan.n] */
    size_t at;          /* samples that were given out */

    struct mt_dataset *data; /* an array's memory; NULL: a table */

    struct mt_csv *csv;
    char *bytes; /* of standard input */
    struct mt_csv_columns columns;
    const char *ignored;
    void *rows;        /* double, or int32 of tokens [room, row] */
    size_t room, have; /* rows; of a series, `have` from the call before */
};

/* ---- which columns ---- */

static bool is_feature(const struct mt_inputs *in, const char *name)
{
    enum { MANY = 1000 }; /* more are not worth the time of a hint */

    for (size_t i = 0; i < in->width && i < MANY; i++)
        if (!strcmp(in->request.feature_names[i], name))
            return true;
    return false;
}

/* A header of one column with another character where the delimiter should
 * be. */
static mt_status fail_delimiter(const struct mt_inputs *in, const char *header,
                                struct mt_err *err)
{
    const struct mt_item *given = mt_json_get(in->request.spec, "delimiter");

    return mt_fail(err, MT_MISMATCH,
                   "%s:1:1: one column, \"%s\"; expected columns with \"%s\" "
                   "between them, as in the training data",
                   in->source, mt_excerpt(header, strlen(header)).text,
                   !mt_is_string(given) ? ","
                   : given->text[0] == '\t' ? "\\t"
                                                   : given->text);
}

static mt_status fail_name(const struct mt_inputs *in, const char *name,
                           struct mt_err *err)
{
    enum { LONG = 64, MANY = 4096 }; /* hints are not worth more time */
    const struct mt_csv_columns *c = &in->columns;
    const char *candidates[MANY], *near = NULL;
    size_t n = 0;

    for (size_t i = 0; i < c->n && n < MANY; i++)
        if (strlen(c->names[i]) < LONG && !is_feature(in, c->names[i]))
            candidates[n++] = c->names[i];
    if (strlen(name) < LONG)
        near = mt_nearest(name, candidates, n);
    if (c->n == 1 && c->names[0][strcspn(c->names[0], ",;\t|")])
        return fail_delimiter(in, c->names[0], err);
    if (!near)
        return mt_fail(err, MT_MISMATCH,
                       "%s:1:1: no column \"%s\", which the model reads",
                       in->source, mt_excerpt(name, strlen(name)).text);
    return mt_fail(err, MT_MISMATCH,
                   "%s:1:1: no column \"%s\", which the model reads; is \"%s\" "
                   "meant?",
                   in->source, mt_excerpt(name, strlen(name)).text,
                   mt_excerpt(near, strlen(near)).text);
}

/* A column's name and its number. */
struct name {
    const char *text;
    size_t column;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text,
                  ((const struct name *)b)->text);
}

static struct name *sorted_names(const struct mt_csv_columns *c)
{
    struct name *names = malloc((c->n + 1) * sizeof *names);

    if (!names)
        return NULL;
    for (size_t i = 0; i < c->n; i++)
        names[i] = (struct name){ c->names[i], i };
    qsort(names, c->n, sizeof *names, compare_names);
    return names;
}

/* Sets features to the columns of those names. *missing: the first name that
 * is not there, or NULL. */
static void find_names(const struct mt_inputs *in, const struct name *names,
                       const char **missing)
{
    const struct mt_csv_columns *c = &in->columns;

    *missing = NULL;
    for (size_t i = 0; i < in->width; i++) {
        struct name key = { in->request.feature_names[i], 0 };
        const struct name *at =
            bsearch(&key, names, c->n, sizeof key, compare_names);

        if (at)
            c->features[i] = at->column;
        else if (!*missing)
            *missing = key.text;
    }
}

static bool is_target(const struct mt_inputs *in, const char *name)
{
    for (size_t i = 0; in->request.target_names && i < in->request.n_targets;
         i++)
        if (!strcmp(in->request.target_names[i], name))
            return true;
    return false;
}

static mt_status list_ignored(struct mt_inputs *in, struct mt_err *err)
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

static mt_status choose_by_name(struct mt_inputs *in, struct mt_err *err)
{
    struct name *names = sorted_names(&in->columns);
    const char *missing;

    in->columns.features = mt_arena_calloc(&in->arena, in->width + 1,
                                           sizeof *in->columns.features);
    if (!names || !in->columns.features) {
        free(names);
        return mt_fail_memory(err);
    }
    find_names(in, names, &missing);
    free(names);
    if (missing)
        return fail_name(in, missing, err);
    in->columns.n_features = in->width;
    return list_ignored(in, err);
}

/* Does the spec name columns? Without a header they are nowhere then. */
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

static mt_status fail_count(const struct mt_inputs *in, struct mt_err *err)
{
    bool table = in->request.n_targets > 0;

    if (table && in->columns.n > in->width &&
        names_columns(in->request.spec))
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
static mt_status choose_by_position(struct mt_inputs *in, struct mt_err *err)
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

static mt_status find_columns(struct mt_inputs *in, struct mt_err *err)
{
    const struct mt_item *header = mt_json_get(in->request.spec, "header");
    const struct mt_csv_known known = { .features = in->request.feature_names,
                                        .n_features = in->width };
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
    return known.features && in->columns.names ? choose_by_name(in, err)
                                               : choose_by_position(in, err);
}

/* ---- tables ---- */

enum { STDIN_CHUNK = 1 << 16 };

/* A pipe longer than this should be a file. */
#define STDIN_MAX ((size_t)1 << 32)

static mt_status read_stdin(struct mt_inputs *in, size_t *n, struct mt_err *err)
{
    size_t size = 0;
    int times = 0;

    for (*n = 0;;) {
        ssize_t got;

        if (*n + STDIN_CHUNK > size) {
            char *grown;

            size = size ? 2 * size : 4 * (size_t)STDIN_CHUNK;
            grown = size > 2 * STDIN_MAX ? NULL : realloc(in->bytes, size);
            if (!grown)
                return mt_fail_memory(err);
            in->bytes = grown;
        }
        got = read(STDIN_FILENO, in->bytes + *n, STDIN_CHUNK);
        if (got < 0 && mt_call_again(&times))
            continue;
        if (got < 0)
            return mt_fail_errno(err, errno, in->source, "cannot be read");
        if (got == 0)
            return MT_OK;
        *n += (size_t)got;
    }
}

static mt_status open_table(struct mt_inputs *in, int fd, uint64_t size,
                            struct mt_err *err)
{
    struct mt_csv_dialect dialect;
    size_t n = 0;
    mt_status status = mt_csv_dialect_read(in->request.doc, in->request.spec,
                                           &dialect, err);

    if (status != MT_OK) {
        if (fd >= 0)
            close(fd);
        return status;
    }
    if (fd >= 0) {
        status = mt_csv_open(in->source, fd, size, &dialect, &in->csv, err);
    } else {
        status = read_stdin(in, &n, err);
        if (status == MT_OK)
            status = mt_csv_open_bytes(in->source, in->bytes, n, &dialect,
                                       &in->csv, err);
    }
    return status == MT_OK ? find_columns(in, err) : status;
}

static mt_status fail_token(const struct mt_inputs *in, size_t column,
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

static mt_status read_cells(struct mt_inputs *in,
                            const struct mt_csv_field *fields, double *x,
                            struct mt_err *err)
{
    bool drop = false;

    for (size_t i = 0; i < in->plan.n; i++) {
        mt_status status =
            mt_plan_field(&in->plan, i, in->csv, &in->columns, fields,
                          &in->cells[i], &drop, err);

        if (status == MT_OK && drop)
            status = mt_csv_fail(in->csv, in->columns.features[i], err,
                                 "%s: a missing value, whose row training "
                                 "dropped",
                                 mt_csv_column_text(&in->columns,
                                                    in->columns.features[i])
                                     .text);
        if (status != MT_OK)
            return status;
    }
    mt_plan_count_unseen(&in->plan, in->cells);
    mt_plan_encode(&in->plan, in->cells, x);
    return MT_OK;
}

static mt_status read_record(struct mt_inputs *in,
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

static mt_status make_room(struct mt_inputs *in, size_t max, struct mt_err *err)
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

static void set_column(const struct mt_inputs *in, size_t row,
                       struct mt_column *out)
{
    size_t size = in->request.tokens ? sizeof(int32_t) : sizeof(double);

    *out = (struct mt_column){ (char *)in->rows + row * in->row * size,
                               in->request.tokens ? MT_I32 : MT_F64,
                               in->row * size, in->request.shape };
}

/* At most max rows into `rows`, from number `first` on. */
static mt_status read_records(struct mt_inputs *in, size_t first, size_t max,
                              size_t *n, struct mt_err *err)
{
    const struct mt_csv_field *fields;
    size_t got;
    mt_status status;

    for (*n = 0; *n < max; ++*n) {
        if ((status = mt_csv_next(in->csv, &fields, &got, err)) != MT_OK)
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

static mt_status next_records(struct mt_inputs *in, size_t max,
                              struct mt_column *column, size_t *n,
                              struct mt_err *err)
{
    mt_status status = make_room(in, max, err);

    if (status == MT_OK)
        status = read_records(in, 0, max, n, err);
    set_column(in, 0, column);
    return status;
}

/* ---- series ---- */

/* Of the rows that are there, only the last `steps` stay, at the start. */
static void keep_last(struct mt_inputs *in)
{
    size_t steps = in->window.steps, bytes = in->row * sizeof(double);
    char *rows = in->rows;

    if (in->have <= steps)
        return;
    memmove(rows, rows + (in->have - steps) * bytes, steps * bytes);
    in->have = steps;
}

/* The windows that end in the next rows. */
static mt_status next_windows(struct mt_inputs *in, size_t max,
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
    status = read_records(in, kept, kept ? max : max + steps - 1, &got, err);
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

void mt_inputs_last(struct mt_inputs *in, struct mt_column *column)
{
    set_column(in, in->have - in->window.steps, column);
}

void mt_inputs_append(struct mt_inputs *in, const double *cells)
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

size_t mt_inputs_features(const struct mt_inputs *in)
{
    return in->width;
}

/* Of a table without names: the features must be written as the targets are. */
static bool same_items(const struct mt_item *a, const struct mt_item *b)
{
    return a && b && !strcmp(mt_json_text(a).text, mt_json_text(b).text);
}

static mt_status find_target(const struct mt_inputs *in, size_t feature,
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

mt_status mt_inputs_feedback(const struct mt_inputs *in, size_t *of,
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

/* ---- arrays ---- */

static mt_status check_array(struct mt_inputs *in, struct mt_err *err)
{
    const struct mt_part *part = &in->data->train;

    if (mt_shape_elements(&part->x.shape) != in->elements)
        return mt_fail(err, MT_MISMATCH,
                       "%s: each sample has the shape %s; expected %s (the "
                       "first dimension counts the samples)",
                       in->source, mt_shape_text(&part->x.shape).text,
                       mt_shape_text(&in->request.shape).text);
    if (!in->request.tokens && part->x.reader)
        return mt_data_scan(in->source, (struct mt_stream *)part->x.reader,
                            part->samples, true, NULL, err);
    if (!in->request.tokens)
        return mt_data_check_finite(in->source, &part->x, part->samples, err);
    if (!mt_dtype_is_integer(part->x.dtype))
        return mt_fail(err, MT_MISMATCH,
                       "%s: the elements are %s; expected integers, because "
                       "the model reads tokens",
                       in->source, mt_dtype_name(part->x.dtype));
    return mt_dataset_check_tokens(in->data, in->request.tokens, err);
}

enum array_kind { NPY, NPZ, IDX, NO_ARRAY };

/* What the first bytes, inflated, say. */
static enum array_kind array_kind(const unsigned char head[6])
{
    return memcmp(head, "\x93NUMPY", 6) == 0 ? NPY
           : memcmp(head, "PK\3\4", 4) == 0  ? NPZ
           : memcmp(head, "\0\0", 2) == 0    ? IDX
                                             : NO_ARRAY;
}

static mt_status open_array(struct mt_inputs *in, enum array_kind kind,
                            struct mt_err *err)
{
    struct mt_data_request request = { .doc = in->request.doc, .purpose = MT_DATA_CHECK };
    struct mt_data_file file = { in->source, "input", NULL };
    mt_status status;

    in->data = calloc(1, sizeof *in->data);
    if (!in->data)
        return mt_fail_memory(err);
    struct mt_part *part = &in->data->train;

    part->source = part->y_source = in->source;
    status = kind == NPY ? mt_npy_read(&request, &file, in->data, &part->x,
                                       &part->samples, err)
             : kind == NPZ
                 ? mt_npz_read(&request, &file, NULL, in->data, &part->x,
                               &part->samples, err)
                 : mt_idx_read(&request, &file, true, in->data, &part->x,
                               &part->samples, err);
    return status == MT_OK ? check_array(in, err) : status;
}

static mt_status next_samples(struct mt_inputs *in, size_t max,
                              struct mt_column *column, size_t *n)
{
    size_t left = in->data->train.samples - in->at;

    *n = left < max ? left : max;
    *column = in->data->train.x;
    if (column->data)
        column->data = (const char *)column->data + in->at * column->stride;
    else
        column->first = in->at;
    return MT_OK;
}

/* ---- all ---- */

/* The first bytes, inflated. */
static mt_status peek(const struct mt_inputs *in, int fd, uint64_t size,
                      unsigned char head[6], struct mt_err *err)
{
    struct mt_gzstream *stream;
    mt_status status;
    size_t got;

    memset(head, 0xff, 6);
    status = mt_gzstream_open(in->source, fd, size, &stream, err);
    if (status != MT_OK)
        return status;
    status = mt_gzstream_read(stream, head, 6, &got, err);
    mt_gzstream_close(stream);
    return status;
}

static mt_status open_file(struct mt_inputs *in, struct mt_err *err)
{
    unsigned char head[6];
    uint64_t size;
    enum array_kind kind;
    int fd;
    mt_status status = mt_file_open(in->source, &fd, &size, err);

    if (status == MT_OK)
        status = peek(in, fd, size, head, err);
    if (status != MT_OK)
        return status;
    kind = array_kind(head);
    if (kind != NO_ARRAY)
        return open_array(in, kind, err);
    status = mt_file_open(in->source, &fd, &size, err);
    return status == MT_OK ? open_table(in, fd, size, err) : status;
}

/* A row is a sample, or one of the steps of a window. */
static mt_status measure_rows(struct mt_inputs *in, struct mt_err *err)
{
    const struct mt_shape *shape = &in->request.shape;
    mt_status status =
        mt_window_read(in->request.doc, mt_json_get(in->request.spec, "window"),
                       &in->window, err);

    in->elements = in->row = in->width = mt_shape_elements(shape);
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

static mt_status open_plan(struct mt_inputs *in, struct mt_err *err)
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

mt_status mt_inputs_open(const struct mt_inputs_request *request,
                         struct mt_inputs **out, struct mt_err *err)
{
    struct mt_inputs *in = calloc(1, sizeof *in);
    bool piped = strcmp(request->path, "-") == 0;
    mt_status status;

    if (!in)
        return mt_fail_memory(err);
    in->request = *request;
    in->source = piped ? "standard input" : request->path;
    status = measure_rows(in, err);
    if (status == MT_OK)
        status = open_plan(in, err);
    if (status == MT_OK)
        status = piped ? open_table(in, -1, 0, err) : open_file(in, err);
    if (status != MT_OK) {
        mt_inputs_close(in);
        return status;
    }
    *out = in;
    return MT_OK;
}

void mt_inputs_close(struct mt_inputs *in)
{
    if (!in)
        return;
    mt_csv_free(in->csv);
    mt_plan_free(&in->plan);
    mt_dataset_close(in->data);
    free(in->bytes);
    free(in->rows);
    mt_arena_free(&in->arena);
    free(in);
}

mt_status mt_inputs_next(struct mt_inputs *in, size_t max,
                         struct mt_column *column, size_t *n,
                         struct mt_err *err)
{
    mt_status status = !in->csv ? next_samples(in, max, column, n)
                       : in->window.steps
                           ? next_windows(in, max, column, n, err)
                           : next_records(in, max, column, n, err);

    if (status == MT_OK)
        in->at += *n;
    return status;
}

const char *mt_inputs_ignored(const struct mt_inputs *in)
{
    return in->ignored;
}

const char *mt_inputs_warning(struct mt_inputs *in)
{
    return mt_plan_warning(&in->plan, &in->arena);
}
