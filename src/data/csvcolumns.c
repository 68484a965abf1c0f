#include "data/csvcolumns_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "data/number.h"

struct mt_csv_column_text mt_csv_column_text(const struct mt_csv_columns *c,
                                             size_t column)
{
    struct mt_csv_column_text out;
    const char *name = c->names ? c->names[column] : NULL;

    if (name)
        snprintf(out.text, sizeof out.text, "column \"%s\"",
                 mt_excerpt(name, strlen(name)).text);
    else
        snprintf(out.text, sizeof out.text, "column %zu", column);
    return out;
}

/* ---- the choice ---- */

struct chooser {
    const struct mt_csv_select *select;
    const char *path;
    const struct mt_csv_columns *columns;
    struct mt_csv_place *sorted; /* the names, or NULL */
    const char **taken; /* [n]: the key that took the column, or NULL */
};

/* No name is similar: the message lists the columns. */
static mt_status fail_with_names(const struct chooser *ch,
                                 const struct mt_item *item, const char *name,
                                 struct mt_err *err)
{
    enum { SHOWN = 12 };
    const struct mt_csv_columns *c = ch->columns;
    struct mt_strbuf names = MT_STRBUF_INIT;
    mt_status status;

    for (size_t i = 0; i < c->n && i < SHOWN; i++)
        mt_strbuf_printf(&names, "%s\"%s\"", i ? ", " : "",
                         mt_excerpt(c->names[i], strlen(c->names[i])).text);
    if (c->n > SHOWN)
        mt_strbuf_printf(&names, " and %zu more", c->n - SHOWN);
    status = mt_json_fail(ch->select->doc, item, err,
                          "%s has no column \"%s\"; it has %s", ch->path, name,
                          names.text ? names.text : "others");
    mt_strbuf_free(&names);
    return status;
}

static mt_status unknown_name(const struct chooser *ch,
                              const struct mt_item *item, struct mt_err *err)
{
    enum { LONG = 64, MANY = 4096 }; /* hints are not worth more time */
    const char *name = item->text, *near = NULL, *candidates[MANY];
    struct mt_excerpt shown = mt_excerpt(name, strlen(name));
    size_t n = 0;

    if (!ch->columns->names)
        return mt_json_fail(ch->select->doc, item, err,
                            "%s has no header, so there is no column \"%s\"; "
                            "expected an index from 0 to %zu",
                            ch->path, shown.text, ch->columns->n - 1);
    for (size_t i = 0; i < ch->columns->n && n < MANY; i++)
        if (strlen(ch->columns->names[i]) < LONG)
            candidates[n++] = ch->columns->names[i];
    if (strlen(name) < LONG)
        near = mt_nearest(name, candidates, n);
    if (!near)
        return fail_with_names(ch, item, shown.text, err);
    return mt_json_fail(ch->select->doc, item, err,
                        "%s has no column \"%s\"; did you mean \"%s\"?",
                        ch->path, shown.text,
                        mt_excerpt(near, strlen(near)).text);
}

static mt_status find_name(const struct chooser *ch, const struct mt_item *item,
                           size_t *column, struct mt_err *err)
{
    const struct mt_csv_place *found =
        ch->sorted ? mt_csv_find_name(ch->sorted, ch->columns->n, item->text)
                   : NULL;

    if (!found)
        return unknown_name(ch, item, err);
    *column = found->column;
    return MT_OK;
}

static mt_status find_column(const struct chooser *ch,
                             const struct mt_item *item, size_t *column,
                             struct mt_err *err)
{
    double n = (double)ch->columns->n, v;
    const struct mt_csv_place *found = NULL;

    if (mt_is_string(item))
        return find_name(ch, item, column, err);
    if (!mt_is_number(item))
        return mt_json_fail(ch->select->doc, item, err,
                            "expected the name or the index of a column");
    /* Names come before positions. */
    if (ch->sorted)
        found = mt_csv_find_name(ch->sorted, ch->columns->n,
                                  mt_json_text(item).text);
    if (found) {
        *column = found->column;
        return MT_OK;
    }
    v = item->number;
    if (v != floor(v) || v < -n || v >= n)
        return mt_json_fail(ch->select->doc, item, err,
                            "expected an index from %.0f to %.0f, because %s "
                            "has %.0f columns; got %g",
                            -n, n - 1, ch->path, n, v);
    *column = (size_t)(v < 0 ? v + n : v);
    return MT_OK;
}

/* Adds the column that item means to the list. */
static mt_status take(const struct chooser *ch, const char *key,
                      const struct mt_item *item, size_t *list, size_t *n,
                      struct mt_err *err)
{
    size_t column = 0;
    mt_status status = find_column(ch, item, &column, err);

    if (status != MT_OK)
        return status;
    if (ch->taken[column])
        return mt_json_fail(
            ch->select->doc, item, err, "%s is already in \"%s\"",
            mt_csv_column_text(ch->columns, column).text, ch->taken[column]);
    ch->taken[column] = key;
    list[(*n)++] = column;
    return MT_OK;
}

static mt_status take_all(const struct chooser *ch, const char *key,
                          const struct mt_item *given, size_t *list, size_t *n,
                          struct mt_err *err)
{
    const struct mt_item *item;

    if (!mt_is_list(given))
        return take(ch, key, given, list, n, err);
    if (!given->child)
        return mt_json_fail(ch->select->doc, given, err,
                            "the list is empty; expected at least one column");
    for (item = given->child; item; item = item->next) {
        mt_status status = take(ch, key, item, list, n, err);

        if (status != MT_OK)
            return status;
    }
    return MT_OK;
}

static mt_status choose(const struct chooser *ch, struct mt_csv_columns *c,
                        struct mt_err *err)
{
    const struct mt_csv_select *select = ch->select;
    mt_status status = MT_OK;

    if (select->target)
        status = take_all(ch, "target", select->target, c->targets,
                          &c->n_targets, err);
    if (select->series)
        memset(ch->taken, 0, c->n * sizeof *ch->taken);
    if (status == MT_OK && select->features)
        status = take_all(ch, "features", select->features, c->features,
                          &c->n_features, err);
    if (status != MT_OK)
        return status;
    if (!select->target) {
        if (ch->taken[c->n - 1] && !select->series)
            return mt_json_fail(select->doc, select->features, err,
                                "the last column is the target; expected a "
                                "\"target\" that says otherwise");
        c->targets[c->n_targets++] = c->n - 1;
        ch->taken[c->n - 1] = "target";
    }
    for (size_t i = 0; !select->features && i < c->n; i++)
        if (select->series || !ch->taken[i])
            c->features[c->n_features++] = i;
    if (!c->n_features)
        return mt_fail(err, MT_INVALID,
                       "%s: no column is left for features: it has %zu, and "
                       "%zu %s target%s%s",
                       ch->path, c->n, c->n_targets,
                       c->n_targets == 1 ? "is the" : "are",
                       c->n_targets == 1 ? "" : "s",
                       c->n > 1 ? ""
                                : "; data.delimiter says what separates fields "
                                  "(\" \": spaces)");
    return MT_OK;
}

mt_status mt_csv_choose_columns(const struct mt_csv_select *select,
                                const char *path, struct mt_arena *arena,
                                struct mt_csv_columns *out, struct mt_err *err)
{
    struct chooser ch = { select, path, out, NULL, NULL };
    mt_status status;

    out->n_features = out->n_targets = 0;
    out->features = mt_arena_calloc(arena, out->n, sizeof *out->features);
    out->targets = mt_arena_calloc(arena, out->n, sizeof *out->targets);
    ch.taken = calloc(out->n, sizeof *ch.taken);
    if (out->names)
        ch.sorted = mt_csv_sort_names(out->names, out->n);
    if (!out->features || !out->targets || !ch.taken ||
        (out->names && !ch.sorted))
        status = mt_fail_memory(err);
    else
        status = choose(&ch, out, err);
    free(ch.taken);
    free(ch.sorted);
    return status;
}

static bool is_known(const struct mt_csv_known *known, const char *name)
{
    for (size_t i = 0; i < known->n_features; i++)
        if (!strcmp(known->features[i], name))
            return true;
    for (size_t i = 0; i < known->n_targets; i++)
        if (!strcmp(known->targets[i], name))
            return true;
    return false;
}

/* A known column is missing: it may have another name, or the header another
 * delimiter. */
static mt_status fail_known(const struct mt_csv_known *known, const char *path,
                            const struct mt_csv_columns *c, const char *name,
                            struct mt_err *err)
{
    enum { LONG = 64, MANY = 1000 }; /* hints are not worth more time */
    struct mt_nearest near = mt_nearest_to(name);
    const char *header = c->names[0];

    if (c->n == 1 && known->delimiter && header[strcspn(header, ",;\t|")])
        return mt_fail(err, MT_MISMATCH,
                       "%s:1:1: one column, \"%s\"; expected columns with "
                       "\"%.*s\" between them, as %s has",
                       path, mt_excerpt(header, strlen(header)).text,
                       known->delimiter == '\t' ? 2 : 1,
                       known->delimiter == '\t' ? "\\t" : &known->delimiter,
                       known->source);
    for (size_t i = 0; i < c->n && i < MANY && strlen(name) < LONG; i++)
        if (strlen(c->names[i]) < LONG && !is_known(known, c->names[i]))
            mt_nearest_try(&near, c->names[i]);
    return mt_fail(err, MT_MISMATCH,
                   "%s:1:1: no column is named \"%s\", which %s has%s%s%s",
                   path, mt_excerpt(name, strlen(name)).text, known->source,
                   near.best ? "; did you mean \"" : "",
                   near.best ? mt_excerpt(near.best, strlen(near.best)).text
                             : "",
                   near.best ? "\"?" : "");
}

static mt_status find_known(const char *const *names, size_t n,
                            const struct mt_csv_known *known, const char *path,
                            const struct mt_csv_place *sorted,
                            const struct mt_csv_columns *c, size_t *columns,
                            struct mt_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct mt_csv_place *found =
            mt_csv_find_name(sorted, c->n, names[i]);

        if (!found)
            return fail_known(known, path, c, names[i], err);
        columns[i] = found->column;
    }
    return MT_OK;
}

mt_status mt_csv_choose_known(const struct mt_csv_known *known,
                              const char *path, struct mt_arena *arena,
                              struct mt_csv_columns *out, struct mt_err *err)
{
    struct mt_csv_place *sorted = mt_csv_sort_names(out->names, out->n);
    mt_status status;

    out->n_features = known->n_features;
    out->n_targets = known->n_targets;
    out->features =
        mt_arena_calloc(arena, known->n_features + 1, sizeof *out->features);
    out->targets =
        mt_arena_calloc(arena, known->n_targets + 1, sizeof *out->targets);
    if (!sorted || !out->features || !out->targets) {
        free(sorted);
        return mt_fail_memory(err);
    }
    status = find_known(known->features, known->n_features, known, path, sorted,
                        out, out->features, err);
    if (status == MT_OK)
        status = find_known(known->targets, known->n_targets, known, path,
                            sorted, out, out->targets, err);
    free(sorted);
    return status;
}

/* ---- fields ---- */

mt_status mt_csv_check_width(const struct mt_csv *csv,
                             const struct mt_csv_columns *c,
                             const struct mt_csv_field *fields, size_t n,
                             struct mt_err *err)
{
    const char *like = c->names ? "the header" : "the first line";
    struct mt_csv_field last;

    if (n == c->n)
        return MT_OK;
    if (n && fields[0].n && fields[0].text[0] == '#')
        return mt_csv_fail(csv, n > c->n ? c->n : n, err,
                           "expected %zu fields, as in %s, got %zu; "
                           "data.comment: \"#\" skips lines that begin "
                           "with #",
                           c->n, like, n);
    if (n < c->n)
        return mt_csv_fail(csv, n, err,
                           "expected %zu fields, as in %s, got %zu", c->n, like,
                           n);
    last = mt_csv_trim(fields[n - 1]);
    if (!last.n)
        return mt_csv_fail(csv, c->n, err,
                           "expected %zu fields, as in %s, got %zu: the line "
                           "ends with a delimiter",
                           c->n, like, n);
    return mt_csv_fail(
        csv, c->n, err,
        "expected %zu fields, as in %s, got %zu, \"%s\" the "
        "last; a value that has a delimiter in it must be quoted",
        c->n, like, n, mt_excerpt(last.text, last.n).text);
}

mt_status mt_csv_check_line(const struct mt_csv *csv,
                            const struct mt_csv_columns *c, size_t column,
                            const struct mt_csv_field *f, struct mt_err *err)
{
    if (!memchr(f->text, '\n', f->n) && !memchr(f->text, '\r', f->n))
        return MT_OK;
    return mt_csv_fail(csv, column, err,
                       "%s: the value goes over several lines: \"%s\"; is this "
                       "quote not closed?",
                       mt_csv_column_text(c, column).text,
                       mt_excerpt(f->text, f->n).text);
}

static mt_status fail_number(const struct mt_csv *csv,
                             const struct mt_csv_columns *c, size_t column,
                             const struct mt_csv_field *field,
                             enum mt_number fault, struct mt_err *err)
{
    struct mt_csv_column_text name = mt_csv_column_text(c, column);
    struct mt_excerpt got = mt_excerpt(field->text, field->n);

    if (fault == MT_NUMBER_EMPTY)
        return mt_csv_fail(csv, column, err,
                           "%s: the field is empty; expected a number",
                           name.text);
    if (fault == MT_NUMBER_SPECIAL)
        return mt_csv_fail(csv, column, err,
                           "%s: NaN and infinities are not allowed; expected a "
                           "finite number, got \"%s\"",
                           name.text, got.text);
    if (fault == MT_NUMBER_TOO_LARGE)
        return mt_csv_fail(csv, column, err,
                           "%s: %s is too large for "
                           "float32",
                           name.text, got.text);
    return mt_csv_fail(csv, column, err, "%s: expected a number, got \"%s\"%s",
                       name.text, got.text,
                       mt_csv_advise(field->text, field->n).text);
}

mt_status mt_csv_number(const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, size_t column,
                        double *out, struct mt_err *err)
{
    const struct mt_csv_field *field = &fields[column];
    enum mt_number result = mt_csv_value(csv, field, out);

    if (result != MT_NUMBER_OK)
        return fail_number(csv, c, column, field, result, err);
    return MT_OK;
}
