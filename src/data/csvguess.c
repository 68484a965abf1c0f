#include "data/csvguess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "data/csvlabels.h"
#include "data/number.h"
#include "data/tablelook.h"

enum {
    HEAD = 1 << 16,   /* bytes in which the delimiter is looked for */
    FEW = 20,         /* whole numbers that may be classes, */
    ROWS_OF_EACH = 5, /* and how many rows each needs then */
    LONGEST = 40      /* bytes of a number in which a comma is looked for */
};

struct scan {
    const char *path;
    struct mt_csv *csv;
    struct mt_csv_guess *out;
    struct mt_arena *arena;
    struct mt_labels labels; /* of the target, as far as they are counted */
    bool whole;              /* every number of the target is whole */
    double count;            /* what the next row of a counter has */
    bool counts;             /* the first column does so */
    double sum, squares;     /* of the target, about its first value */
    double first;
};

/* --- the delimiter ------------------------------------------------------ */

static char find_delimiter(const char *text, size_t n)
{
    static const char candidates[] = ",;\t|";
    size_t count[sizeof candidates] = { 0 }, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < n && (quoted || text[i] != '\n'); i++) {
        const char *found = strchr(candidates, text[i]);

        quoted ^= text[i] == '"';
        if (!quoted && text[i] && found)
            count[found - candidates]++;
    }
    for (size_t i = 1; candidates[i]; i++)
        best = count[i] > count[best] ? i : best;
    return candidates[best];
}

static mt_status open_table(struct scan *s, struct mt_err *err)
{
    char head[HEAD];
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(s->path, &fd, &size, err);
    size_t n = size < HEAD ? (size_t)size : HEAD;

    if (status != MT_OK)
        return status;
    status = mt_file_pread(fd, s->path, 0, head, n, err);
    s->out->delimiter = status == MT_OK ? find_delimiter(head, n) : ',';
    struct mt_csv_dialect dialect = mt_csv_plain;
    dialect.delimiter = s->out->delimiter;
    return mt_csv_open(s->path, fd, size, &dialect, &s->csv, err);
}

/* --- columns ------------------------------------------------------------ */

static bool is_index(const char *text)
{
    text += *text == '-';
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* The target as a spec would name it, so that messages are the same. */
static mt_status choose_target(struct scan *s, const char *target,
                               struct mt_err *err)
{
    struct mt_csv_select select = { .doc = NULL };
    struct mt_strbuf value = MT_STRBUF_INIT, origin = MT_STRBUF_INIT;
    struct mt_json *doc = NULL;
    mt_status status = mt_json_parse("", "{}", 2, &doc, err);

    if (status != MT_OK)
        return status;
    if (target) {
        if (is_index(target))
            mt_strbuf_puts(&value, target);
        else
            mt_json_add_string(&value, target);
        mt_strbuf_printf(&origin, "--target %s", target);
        status = value.failed || origin.failed
                     ? mt_fail_memory(err)
                     : mt_json_set(doc, "target", value.text, origin.text, err);
        select.target = mt_json_get(mt_json_root(doc), "target");
    }
    select.doc = doc;
    if (status == MT_OK)
        status = mt_csv_choose_columns(&select, s->path, s->arena,
                                       &s->out->columns, err);
    mt_strbuf_free(&value);
    mt_strbuf_free(&origin);
    mt_json_free(doc);
    return status;
}

static mt_status read_columns(struct scan *s, const char *target,
                              struct mt_err *err)
{
    struct mt_csv_select none = { .doc = NULL };
    struct mt_csv_guess *out = s->out;
    mt_status status;

    if ((status = mt_csv_read_header(&none, s->csv, s->path, s->arena,
                                     &out->columns, err)) != MT_OK ||
        (status = choose_target(s, target, err)) != MT_OK)
        return status;
    out->use = mt_arena_calloc(s->arena, out->columns.n, sizeof *out->use);
    out->odd = mt_arena_calloc(s->arena, out->columns.n, sizeof *out->odd);
    out->gaps = mt_arena_calloc(s->arena, out->columns.n, sizeof *out->gaps);
    out->gap_line =
        mt_arena_calloc(s->arena, out->columns.n, sizeof *out->gap_line);
    out->values =
        mt_arena_calloc(s->arena, out->columns.n, sizeof *out->values);
    out->n_values =
        mt_arena_calloc(s->arena, out->columns.n, sizeof *out->n_values);
    if (!out->use || !out->odd || !out->gaps || !out->gap_line ||
        !out->values || !out->n_values)
        return mt_fail_memory(err);
    out->target = out->columns.targets[0];
    return MT_OK;
}

/* --- rows --------------------------------------------------------------- */

static mt_status look_at_target(struct scan *s,
                                const struct mt_csv_field *field,
                                struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    uint32_t index;
    double v;

    if (mt_number_f64(field->text, field->n, &v) == MT_NUMBER_OK) {
        if (out->rows == 0)
            s->first = out->min = out->max = v;
        out->min = v < out->min ? v : out->min;
        out->max = v > out->max ? v : out->max;
        s->whole &= v == floor(v);
        s->sum += v - s->first;
        s->squares += (v - s->first) * (v - s->first);
    } else {
        out->numeric = false;
    }
    if (s->labels.n <= MT_CSV_GUESS_CLASSES &&
        mt_labels_add(&s->labels, field->text, field->n, &index) != MT_OK)
        return mt_fail_memory(err);
    return MT_OK;
}

/* "1,5", with a comma in place of the point? */
static bool has_decimal_comma(const struct mt_csv_field *field)
{
    char text[LONGEST], *comma;
    double v;

    if (field->n > sizeof text)
        return false;
    memcpy(text, field->text, field->n);
    comma = memchr(text, ',', field->n);
    if (!comma)
        return false;
    *comma = '.';
    return mt_number_f64(text, field->n, &v) == MT_NUMBER_OK;
}

static mt_status keep_odd(struct scan *s, size_t column,
                          const struct mt_csv_field *field, struct mt_err *err)
{
    struct mt_csv_odd *odd = &s->out->odd[column];

    odd->line = mt_csv_line(s->csv);
    odd->text = mt_arena_strdup(s->arena,
                                mt_excerpt(field->text, field->n).text);
    return odd->text ? MT_OK : mt_fail_memory(err);
}

static mt_status look_at_column(struct scan *s, size_t column,
                                const struct mt_csv_field *field,
                                struct mt_err *err)
{
    enum mt_csv_use *use = &s->out->use[column], before = *use;
    double v;

    switch (mt_number_in_f32(field->text, field->n, &v)) {
    case MT_NUMBER_OK: return MT_OK;
    case MT_NUMBER_EMPTY:
    case MT_NUMBER_SPECIAL:
        *use = *use == MT_CSV_FEATURE ? MT_CSV_MISSING : *use;
        break;
    default:
        *use = *use != MT_CSV_TEXT && has_decimal_comma(field) ? MT_CSV_COMMA
                                                               : MT_CSV_TEXT;
    }
    s->out->odd[column].n++;
    return *use == before ? MT_OK : keep_odd(s, column, field, err);
}

static void look_at_counter(struct scan *s, const struct mt_csv_field *field)
{
    double v;

    if (!s->counts)
        return;
    s->counts = mt_number_f64(field->text, field->n, &v) == MT_NUMBER_OK &&
                (s->out->rows ? v == s->count : v == 0 || v == 1);
    if (s->counts)
        s->count = v + 1;
}

static mt_status read_rows(struct scan *s, struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    const struct mt_csv_field *fields;
    size_t n;
    mt_status status;

    for (;; out->rows++) {
        if ((status = mt_csv_next(s->csv, &fields, &n, err)) != MT_OK)
            return status;
        if (n == 0)
            return MT_OK;
        status = mt_csv_check_width(s->csv, &out->columns, fields, n, err);
        if (status != MT_OK)
            return status;
        if ((status = look_at_target(s, &fields[out->target], err)) != MT_OK)
            return status;
        for (size_t i = 0; i < n; i++) {
            if ((status = look_at_column(s, i, &fields[i], err)) != MT_OK)
                return status;
        }
        look_at_counter(s, &fields[0]);
    }
}

/* --- categories and gaps ------------------------------------------------ */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static mt_status keep_values(struct scan *s, size_t column,
                             const struct mt_look *l, struct mt_err *err)
{
    const char **values =
        mt_arena_calloc(s->arena, l->labels.n + 1, sizeof *values);

    if (!values)
        return mt_fail_memory(err);
    memcpy(values, l->labels.values, l->labels.n * sizeof *values);
    qsort(values, l->labels.n, sizeof *values, compare_texts);
    s->out->values[column] = values;
    s->out->n_values[column] = l->labels.n;
    return MT_OK;
}

/* A target with gaps: what it is in the rows that have it. */
static void judge_target(struct scan *s, struct mt_look *l)
{
    struct mt_labels swap = s->labels;
    struct mt_csv_guess *out = s->out;

    s->labels = l->labels;
    l->labels = swap;
    out->rows_with_target = l->numbers + l->texts;
    out->numeric = l->texts == 0;
    s->whole = l->whole;
    s->first = l->first;
    s->sum = l->sum;
    s->squares = l->squares;
    out->min = l->min;
    out->max = l->max;
}

static mt_status adopt(struct scan *s, struct mt_look *looks,
                       struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;

    out->rows_with_target = out->rows;
    for (size_t i = 0; i < out->columns.n; i++) {
        const struct mt_look *l = &looks[i];
        mt_status status = MT_OK;

        out->gaps[i] = l->gaps;
        out->gap_line[i] = l->gap_line;
        if (i == out->target) {
            if (l->gaps && l->numbers + l->texts)
                judge_target(s, &looks[i]);
        } else if (mt_look_has_gaps(l)) {
            out->use[i] = MT_CSV_GAPS;
        } else if (out->use[i] == MT_CSV_TEXT && mt_look_is_category(l)) {
            out->use[i] = MT_CSV_CATEGORY;
            status = keep_values(s, i, l, err);
        }
        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

/* Reads the table once more, field by field. */
static mt_status look_again(struct scan *s, struct mt_err *err)
{
    const struct mt_csv_columns *c = &s->out->columns;
    struct mt_look *looks = calloc(c->n, sizeof *looks);
    const struct mt_csv_field *fields;
    size_t n;
    mt_status status = looks ? mt_csv_rewind(s->csv, err) : mt_fail_memory(err);

    if (status == MT_OK && c->names)
        status = mt_csv_next(s->csv, &fields, &n, err);
    if (status == MT_OK)
        status = mt_table_look(s->csv, c, s->out->target, MT_CSV_GUESS_CLASSES,
                               s->arena, looks, err);
    if (status == MT_OK)
        status = adopt(s, looks, err);
    mt_look_free(looks, c->n);
    free(looks);
    return status;
}

/* --- conclusions -------------------------------------------------------- */

static mt_status keep_class_names(struct scan *s, struct mt_err *err)
{
    const struct mt_labels *labels = &s->labels;
    const char **names = mt_arena_calloc(s->arena, MT_CSV_GUESS_SHOWN,
                                         sizeof *names);

    if (!names || mt_labels_finish(&s->labels) != MT_OK)
        return mt_fail_memory(err);
    s->out->classes = labels->classes;
    for (size_t i = 0; i < labels->classes && i < MT_CSV_GUESS_SHOWN; i++) {
        names[i] = mt_arena_strdup(s->arena, labels->names[i]);
        if (!names[i])
            return mt_fail_memory(err);
    }
    s->out->class_names = names;
    return MT_OK;
}

static mt_status fail_no_features(const struct scan *s, struct mt_err *err)
{
    const struct mt_csv_guess *g = s->out;
    struct mt_csv_column_text target = mt_csv_column_text(&g->columns,
                                                          g->target);
    bool apart = g->delimiter != ','; /* all commas are decimal ones */
    size_t i = 0;

    while (i < g->columns.n && g->use[i] != MT_CSV_COMMA)
        i++;
    if (i == g->columns.n)
        return mt_fail(err, MT_INVALID, "%s: beside the target, %s, no column "
                       "has a number in every row", s->path, target.text);
    return mt_fail(err, MT_INVALID, "%s: beside the target, %s, no column has "
                   "a number in every row; \"%s\" in line %llu has a decimal "
                   "comma, but numbers need decimal points%s%s%s", s->path,
                   target.text, g->odd[i].text,
                   (unsigned long long)g->odd[i].line,
                   apart ? " (tr , . <" : "", apart ? s->path : "",
                   apart ? " >points.csv)" : "");
}

static mt_status keep_features(struct scan *s, struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    struct mt_csv_columns *c = &out->columns;

    out->target_use = out->use[out->target];
    out->use[out->target] = MT_CSV_TARGET;
    c->n_features = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (out->use[i] <= MT_CSV_CATEGORY && out->use[i] != MT_CSV_TARGET)
            c->features[c->n_features++] = i;
    }
    if (!c->n_features)
        return fail_no_features(s, err);
    if (s->counts && c->n_features > 1 && c->features[0] == 0) {
        out->use[0] = MT_CSV_COUNTER;
        memmove(c->features, c->features + 1,
                --c->n_features * sizeof *c->features);
    }
    return MT_OK;
}

static mt_status conclude(struct scan *s, struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    double n = (double)out->rows_with_target;
    mt_status status;

    if (out->rows < 2)
        return mt_fail(err, MT_INVALID, "%s: expected at least two rows of "
                       "data, got %zu", s->path, out->rows);
    if ((status = keep_class_names(s, err)) != MT_OK ||
        (status = keep_features(s, err)) != MT_OK)
        return status;
    out->classification =
        !out->numeric || (s->whole && out->classes <= FEW &&
                          out->classes * ROWS_OF_EACH <=
                              out->rows_with_target);
    out->no_classes = !out->numeric &&
                      (out->target_use == MT_CSV_COMMA ||
                       (out->classes > FEW && out->classes > out->rows_with_target / 2));
    out->mean = s->first + s->sum / n;
    out->std = sqrt(fmax(0, s->squares / n - s->sum / n * (s->sum / n)));
    return MT_OK;
}

mt_status mt_csv_guess(const char *path, const char *target,
                       struct mt_arena *arena, struct mt_csv_guess *out,
                       struct mt_err *err)
{
    struct scan s = { .path = path, .out = out, .arena = arena,
                      .whole = true, .counts = true };
    mt_status status;

    *out = (struct mt_csv_guess){ .numeric = true };
    mt_labels_init(&s.labels, arena);
    status = open_table(&s, err);
    if (status == MT_OK)
        status = read_columns(&s, target, err);
    if (status == MT_OK)
        status = read_rows(&s, err);
    if (status == MT_OK)
        status = look_again(&s, err);
    if (status == MT_OK)
        status = conclude(&s, err);
    mt_labels_free(&s.labels);
    mt_csv_free(s.csv);
    return status;
}
