#include "data/csvguess.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/utf8.h"

struct scan {
    const char *path;
    struct mt_csv *csv;
    struct mt_csv_guess *out;
    struct mt_arena *arena;
};

/* --- how it is written -------------------------------------------------- */

static mt_status open_table(struct scan *s, const struct mt_csv_hints *hints,
                            struct mt_err *err)
{
    uint64_t size;
    int fd;
    mt_status status =
        mt_csv_sniff(s->path, &hints->dialect, s->arena, &s->out->form, err);

    if (status == MT_OK)
        status = mt_file_open(s->path, &fd, &size, err);
    return status == MT_OK ? mt_csv_open(s->path, fd, size,
                                         &s->out->form.dialect, &s->csv, err)
                           : status;
}

/* --- columns ------------------------------------------------------------ */

/* An integer as in JSON: "-1", "0", "12". */
static bool is_index(const char *text)
{
    text += *text == '-';
    return *text && text[strspn(text, "0123456789")] == '\0' &&
           (*text != '0' || !text[1]);
}

/* Turns what the user says into keys of a spec, so that messages are the
 * same. */
static mt_status set_key(struct mt_json *doc, const char *key,
                         struct mt_strbuf *value, const char *origin,
                         struct mt_err *err)
{
    mt_status status = value->failed
                           ? mt_fail_memory(err)
                           : mt_json_set(doc, key, value->text, origin, err);

    mt_strbuf_free(value);
    return status;
}

static mt_status set_target(struct mt_json *doc, const struct mt_csv_hints *h,
                            struct mt_err *err)
{
    struct mt_strbuf value = MT_STRBUF_INIT, origin = MT_STRBUF_INIT;
    mt_status status;

    mt_strbuf_puts(&origin, "--target");
    if (h->n_targets == 1)
        mt_strbuf_printf(&origin, " %s", h->targets[0]);
    else
        mt_strbuf_putc(&value, '[');
    for (size_t i = 0; i < h->n_targets; i++) {
        mt_strbuf_puts(&value, i ? ", " : "");
        if (is_index(h->targets[i]))
            mt_strbuf_puts(&value, h->targets[i]);
        else
            mt_json_add_string(&value, h->targets[i]);
    }
    if (h->n_targets > 1)
        mt_strbuf_putc(&value, ']');
    status = set_key(doc, "target", &value,
                     origin.failed ? "--target" : origin.text, err);
    mt_strbuf_free(&origin);
    return status;
}

static mt_status set_header(struct mt_json *doc, enum mt_csv_header_hint header,
                            struct mt_err *err)
{
    struct mt_strbuf value = MT_STRBUF_INIT;

    mt_strbuf_puts(&value, header == MT_HEADER_YES ? "true" : "false");
    return set_key(doc, "header", &value, "--header", err);
}

static mt_status new_columns(struct scan *s, struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    size_t n = out->columns.n;

    out->use = mt_arena_calloc(s->arena, n, sizeof *out->use);
    out->targets = mt_arena_calloc(s->arena, n, sizeof *out->targets);
    out->looks = calloc(n, sizeof *out->looks);
    if (!out->use || !out->targets || !out->looks)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        mt_look_init(&out->looks[i], s->arena);
    for (size_t i = 0; i < out->columns.n_targets; i++)
        out->looks[out->columns.targets[i]].raw = true;
    return MT_OK;
}

static mt_status read_columns(struct scan *s, const struct mt_csv_hints *h,
                              struct mt_err *err)
{
    struct mt_csv_select select = { .why =
                                        h->header ? "as --header says" : NULL };
    struct mt_csv_columns *c = &s->out->columns;
    struct mt_json *doc = NULL;
    mt_status status = mt_json_parse("", "{}", 2, &doc, err);

    if (status == MT_OK && h->n_targets)
        status = set_target(doc, h, err);
    if (status == MT_OK && h->header)
        status = set_header(doc, h->header, err);
    if (status == MT_OK) {
        select.doc = doc;
        select.target = mt_json_get(mt_json_root(doc), "target");
        select.header = mt_json_get(mt_json_root(doc), "header");
        status = mt_csv_read_header(&select, s->csv, s->path, s->arena, c, err);
    }
    if (status == MT_OK)
        status = mt_csv_choose_columns(&select, s->path, s->arena, c, err);
    mt_json_free(doc);
    return status == MT_OK ? new_columns(s, err) : status;
}

/* --- rows --------------------------------------------------------------- */

static mt_status read_rows(struct scan *s, struct mt_err *err)
{
    struct mt_csv_guess *out = s->out;
    const struct mt_csv_field *fields;
    size_t n;

    for (;; out->rows++) {
        mt_status status = mt_csv_next(s->csv, &fields, &n, err);

        if (status != MT_OK)
            return status;
        if (n == 0)
            break;
        status = mt_csv_check_width(s->csv, &out->columns, fields, n, err);
        for (size_t i = 0; i < n && status == MT_OK; i++)
            status = mt_look_add(&out->looks[i], s->csv, &fields[i], err);
        if (status != MT_OK)
            return status;
    }
    if (out->rows < 2)
        return mt_fail(err, MT_INVALID,
                       "%s: expected at least two rows of "
                       "data, got %zu",
                       s->path, out->rows);
    return MT_OK;
}

/* --- columns that could be features ------------------------------------- */

/* "id", "user_id", "userId", "USER ID", "index", ... */
static bool is_id_name(const char *name)
{
    static const char *const names[] = { "id",  "index",  "key", "nr", "no",
                                         "no.", "number", "#",   "row" };
    size_t n = strlen(name);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return n > 2 && !strcasecmp(name + n - 2, "id") &&
           (strchr("_ -.", name[n - 3]) || name[n - 2] == 'I');
}

static bool is_id(const struct mt_csv_guess *g, size_t column)
{
    const struct mt_look *l = &g->looks[column];

    return g->columns.names && is_id_name(g->columns.names[column]) &&
           l->whole && g->rows >= 10 &&
           (l->many || l->labels.n == mt_look_values(l));
}

/* Are there texts, not only faults? If most fields are numbers, texts in fewer
 * than one row in 20 count as faults. */
static bool is_category(const struct mt_look *l, bool code)
{
    size_t values = mt_look_values(l);

    return !l->many && l->labels.n <= MT_CSV_CATEGORIES &&
           (2 * l->labels.n <= values || (l->labels.n == 1 && l->gaps.n)) &&
           (code || !l->numbers || 20 * l->texts.n >= values) &&
           (!l->commas.n || 2 * (l->numbers + l->commas.n) <= values);
}

static enum mt_csv_use judge_column(const struct mt_csv_guess *g, size_t column)
{
    const struct mt_look *l = &g->looks[column];
    size_t values = mt_look_values(l);
    bool code = l->coded && l->zeros; /* digits, but not a number */

    if (!values)
        return MT_CSV_EMPTY;
    if (l->labels.n == 1 && !l->many && !l->gaps.n)
        return MT_CSV_CONSTANT;
    if (column == 0 && l->counts_rows)
        return MT_CSV_COUNTER;
    if (l->numbers == values && !code)
        return is_id(g, column) ? MT_CSV_ID : MT_CSV_NUMBER;
    if (l->dates.n == values)
        return MT_CSV_DATE;
    if (l->commas.n && l->numbers + l->commas.n == values)
        return MT_CSV_COMMA;
    if (2 * l->other_dates.n > values)
        return MT_CSV_OTHER_DATES;
    if (is_category(l, code))
        return MT_CSV_CATEGORY;
    if (!code &&
        (2 * (l->numbers + l->commas.n) > values || 2 * l->dates.n > values))
        return MT_CSV_FAULTY;
    return MT_CSV_TEXT;
}

static void choose_features(struct mt_csv_guess *g)
{
    struct mt_csv_columns *c = &g->columns;

    for (size_t i = 0; i < c->n; i++)
        g->use[i] = judge_column(g, i);
    for (size_t i = 0; i < c->n_targets; i++)
        g->use[c->targets[i]] = MT_CSV_TARGET;
    c->n_features = 0;
    for (size_t i = 0; i < c->n; i++)
        if (g->use[i] < MT_CSV_TARGET)
            c->features[c->n_features++] = i;
    if (!c->n_features && g->use[0] == MT_CSV_COUNTER) {
        g->use[0] = MT_CSV_NUMBER; /* the only column is better than none */
        c->features[c->n_features++] = 0;
    }
}

/* --- targets ------------------------------------------------------------ */

mt_status mt_csv_classes(const struct mt_csv_guess *g, struct mt_arena *arena,
                         struct mt_csv_class **classes, size_t *n,
                         struct mt_err *err)
{
    struct mt_look *l = &g->looks[g->columns.targets[0]];
    struct mt_csv_class *out;

    if (!l->labels.names && mt_labels_finish(&l->labels) != MT_OK)
        return mt_fail_memory(err);
    *n = l->labels.classes;
    *classes = out = mt_arena_calloc(arena, *n + 1, sizeof *out);
    if (!out)
        return mt_fail_memory(err);
    for (size_t i = 0; i < l->labels.n; i++) {
        struct mt_csv_class *c = &out[l->labels.class_of[i]];

        c->name = l->labels.names[l->labels.class_of[i]];
        c->rows += l->counts[i];
        c->line = c->line && c->line < l->lines[i] ? c->line : l->lines[i];
    }
    return MT_OK;
}

/* --- all ---------------------------------------------------------------- */

mt_status mt_csv_guess(const char *path, const struct mt_csv_hints *hints,
                       struct mt_arena *arena, struct mt_csv_guess *out,
                       struct mt_err *err)
{
    struct scan s = { .path = path, .out = out, .arena = arena };
    mt_status status;

    *out = (struct mt_csv_guess){ 0 };
    status = open_table(&s, hints, err);
    if (status == MT_OK)
        status = read_columns(&s, hints, err);
    if (status == MT_OK)
        status = read_rows(&s, err);
    mt_csv_free(s.csv);
    if (status != MT_OK)
        return status;
    choose_features(out);
    for (size_t i = 0; i < out->columns.n_targets; i++)
        out->targets[i] = mt_look_target(&out->looks[out->columns.targets[i]]);
    return MT_OK;
}

void mt_csv_guess_free(struct mt_csv_guess *g)
{
    for (size_t i = 0; g->looks && i < g->columns.n; i++)
        mt_look_free(&g->looks[i]);
    free(g->looks);
    g->looks = NULL;
}
