#include "data/csvcolumns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "data/number.h"
#include "base/utf8.h"

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

/* ---- the header ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_names(const char *const *names, size_t n)
{
    const char **sorted = malloc((n + 1) * sizeof *sorted);

    if (!sorted)
        return NULL;
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_names);
    return sorted;
}

static mt_status all_distinct(const char *const *names, size_t n, bool *yes)
{
    const char **sorted = sorted_names(names, n);

    if (!sorted)
        return MT_NO_MEMORY;
    *yes = true;
    for (size_t i = 1; i < n && *yes; i++)
        *yes = strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return MT_OK;
}

static bool is_text(const char *text, size_t n)
{
    double v;

    return mt_number_f64(text, n, &v) == MT_NUMBER_BAD;
}

static bool is_number(const char *text, size_t n)
{
    double v;

    return mt_number_f64(text, n, &v) == MT_NUMBER_OK;
}

/* first: the n fields of the first record; second: the n2 of the second. */
static mt_status guess_header(const char *const *first, size_t n,
                              const struct mt_csv_field *second, size_t n2,
                              bool *header)
{
    bool all_text = true;

    *header = false;
    for (size_t i = 0; i < n; i++) {
        bool text = is_text(first[i], strlen(first[i]));

        all_text &= text;
        if (text && i < n2 && is_number(second[i].text, second[i].n)) {
            *header = true;
            return MT_OK;
        }
    }
    return all_text ? all_distinct(first, n, header) : MT_OK;
}

static mt_status header_key(const struct mt_csv_select *select, bool *given,
                            bool *header, struct mt_err *err)
{
    const struct mt_item *item = select->header;
    bool is_auto =
        !item || (mt_is_string(item) && !strcmp(item->text, "auto"));

    if (!is_auto && !mt_is_bool(item))
        return mt_json_fail(select->doc, item, err,
                            "expected true, false or \"auto\"");
    *given = !is_auto;
    *header = !is_auto && mt_is_true(item);
    return MT_OK;
}

static mt_status copy_names(const struct mt_csv_field *fields, size_t n,
                            struct mt_arena *arena, const char ***out,
                            struct mt_err *err)
{
    const char **names = mt_arena_calloc(arena, n, sizeof *names);

    if (!names)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        names[i] = mt_arena_strndup(arena, fields[i].text, fields[i].n);
        if (!names[i])
            return mt_fail_memory(err);
    }
    *out = names;
    return MT_OK;
}

/* Reads the first record, and the second if that is needed; leaves csv behind
 * the header. */
mt_status mt_csv_read_header(const struct mt_csv_select *select,
                             struct mt_csv *csv, const char *path,
                             struct mt_arena *arena, struct mt_csv_columns *out,
                             struct mt_err *err)
{
    const struct mt_csv_field *fields;
    bool given = false, header = false;
    size_t n2 = 0;
    mt_status status;

    *out = (struct mt_csv_columns){ 0 };
    status = header_key(select, &given, &header, err);

    if (status == MT_OK)
        status = mt_csv_next(csv, &fields, &out->n, err);
    if (status == MT_OK && out->n == 0)
        status = mt_fail(err, MT_INVALID,
                         "%s: the file is empty; expected "
                         "at least one record",
                         path);
    if (status == MT_OK)
        status = copy_names(fields, out->n, arena, &out->names, err);
    if (status == MT_OK && !given) {
        status = mt_csv_next(csv, &fields, &n2, err);
        if (status == MT_OK &&
            guess_header(out->names, out->n, fields, n2, &header) != MT_OK)
            status = mt_fail_memory(err);
    }
    if (status == MT_OK)
        status = mt_csv_rewind(csv, err);
    if (status != MT_OK)
        return status;
    if (header)
        return mt_csv_next(csv, &fields, &n2, err);
    out->names = NULL;
    return MT_OK;
}

/* ---- the choice ---- */

struct chooser {
    const struct mt_csv_select *select;
    const char *path;
    const struct mt_csv_columns *columns;
    const char **sorted; /* names in order of bytes, to search in; or NULL */
    const char **taken;  /* [n]: the key that took the column, or NULL */
};

/* Nothing is near: tells which columns there are. */
static mt_status fail_with_names(const struct chooser *ch, const struct mt_item *item,
                                 const char *name, struct mt_err *err)
{
    enum { TOLD = 12 };
    const struct mt_csv_columns *c = ch->columns;
    struct mt_strbuf names = MT_STRBUF_INIT;
    mt_status status;

    for (size_t i = 0; i < c->n && i < TOLD; i++)
        mt_strbuf_printf(&names, "%s\"%s\"", i ? ", " : "",
                         mt_excerpt(c->names[i], strlen(c->names[i])).text);
    if (c->n > TOLD)
        mt_strbuf_printf(&names, " and %zu more", c->n - TOLD);
    status = mt_json_fail(ch->select->doc, item, err,
                          "%s has no column \"%s\"; it has %s", ch->path, name,
                          names.text ? names.text : "others");
    mt_strbuf_free(&names);
    return status;
}

static mt_status unknown_name(const struct chooser *ch, const struct mt_item *item,
                              struct mt_err *err)
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
    size_t n = ch->columns->n;
    const char **found = NULL;

    if (ch->sorted)
        found = bsearch(&item->text, ch->sorted, n, sizeof *found,
                        compare_names);
    if (!found)
        return unknown_name(ch, item, err);

    size_t at = (size_t)(found - ch->sorted);

    if ((at > 0 && !strcmp(ch->sorted[at - 1], *found)) ||
        (at + 1 < n && !strcmp(ch->sorted[at + 1], *found)))
        return mt_json_fail(ch->select->doc, item, err,
                            "%s has more than one column \"%s\"; expected an "
                            "index",
                            ch->path, mt_excerpt(*found, strlen(*found)).text);
    for (*column = 0; ch->columns->names[*column] != *found;)
        ++*column;
    return MT_OK;
}

/* Is there one column whose name is this number? Names come before
 * positions. */
static bool names_column(const struct chooser *ch, const struct mt_item *item,
                         size_t *column)
{
    struct mt_json_text text = mt_json_text(item);
    size_t n = 0;

    for (size_t i = 0; ch->columns->names && i < ch->columns->n; i++) {
        if (!strcmp(ch->columns->names[i], text.text)) {
            *column = i;
            n++;
        }
    }
    return n == 1;
}

static mt_status find_column(const struct chooser *ch, const struct mt_item *item,
                             size_t *column, struct mt_err *err)
{
    double n = (double)ch->columns->n, v;

    if (mt_is_string(item))
        return find_name(ch, item, column, err);
    if (!mt_is_number(item))
        return mt_json_fail(ch->select->doc, item, err,
                            "expected the name or the index of a column");
    if (names_column(ch, item, column))
        return MT_OK;
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
    for (item = given->child; item; item = item->next)
    {
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
    if (status == MT_OK && select->features)
        status = take_all(ch, "features", select->features, c->features,
                          &c->n_features, err);
    if (status != MT_OK)
        return status;
    if (!select->target) {
        if (ch->taken[c->n - 1])
            return mt_json_fail(select->doc, select->features, err,
                                "the last column is the target; expected a "
                                "\"target\" that says otherwise");
        c->targets[c->n_targets++] = c->n - 1;
        ch->taken[c->n - 1] = "target";
    }
    for (size_t i = 0; !select->features && i < c->n; i++)
        if (!ch->taken[i])
            c->features[c->n_features++] = i;
    if (!c->n_features)
        return mt_fail(err, MT_INVALID,
                       "%s: no column is left for features: it has %zu, and "
                       "%zu %s target%s",
                       ch->path, c->n, c->n_targets,
                       c->n_targets == 1 ? "is the" : "are",
                       c->n_targets == 1 ? "" : "s");
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
        ch.sorted = sorted_names(out->names, out->n);
    if (!out->features || !out->targets || !ch.taken ||
        (out->names && !ch.sorted))
        status = mt_fail_memory(err);
    else
        status = choose(&ch, out, err);
    free(ch.taken);
    free(ch.sorted);
    return status;
}

static mt_status find_known(const char *name, const struct mt_csv_known *known,
                            const char *path, const struct mt_csv_columns *c,
                            size_t *column, struct mt_err *err)
{
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (!strcmp(c->names[i], name)) {
            *column = i;
            n++;
        }
    }
    if (n == 1)
        return MT_OK;
    if (n > 1)
        return mt_fail(err, MT_MISMATCH,
                       "%s:1:1: %zu columns are named \"%s\", which the model "
                       "reads",
                       path, n, mt_excerpt(name, strlen(name)).text);
    near = mt_nearest(name, c->names, c->n);
    return mt_fail(err, MT_MISMATCH,
                   "%s:1:1: no column is named \"%s\", which %s has%s%s%s", path,
                   mt_excerpt(name, strlen(name)).text, known->source,
                   near ? "; did you mean \"" : "",
                   near ? mt_excerpt(near, strlen(near)).text : "",
                   near ? "\"?" : "");
}

mt_status mt_csv_choose_known(const struct mt_csv_known *known,
                              const char *path, struct mt_arena *arena,
                              struct mt_csv_columns *out, struct mt_err *err)
{
    mt_status status = MT_OK;

    out->n_features = known->n_features;
    out->n_targets = known->n_targets;
    out->features =
        mt_arena_calloc(arena, known->n_features + 1, sizeof *out->features);
    out->targets =
        mt_arena_calloc(arena, known->n_targets + 1, sizeof *out->targets);
    if (!out->features || !out->targets)
        return mt_fail_memory(err);
    for (size_t i = 0; i < known->n_features && status == MT_OK; i++)
        status = find_known(known->features[i], known, path, out,
                            &out->features[i], err);
    for (size_t i = 0; i < known->n_targets && status == MT_OK; i++)
        status = find_known(known->targets[i], known, path, out,
                            &out->targets[i], err);
    return status;
}

/* ---- fields ---- */

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
    return mt_csv_fail(csv, column, err, "%s: expected a number, got \"%s\"",
                       name.text, got.text);
}

mt_status mt_csv_number(const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, size_t column,
                        double *out, struct mt_err *err)
{
    const struct mt_csv_field *field = &fields[column];
    enum mt_number result = mt_number_in_f32(field->text, field->n, out);

    if (result != MT_NUMBER_OK)
        return fail_number(csv, c, column, field, result, err);
    return MT_OK;
}

mt_status mt_csv_delimiter(const struct mt_json *doc, const struct mt_item *spec,
                           char *out, struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(spec, "delimiter");
    const char *text = mt_is_string(item) ? item->text : "";

    *out = ',';
    if (!item)
        return MT_OK;
    if (!strcmp(text, "\\t"))
        text = "\t"; /* as it comes from a command line */
    if (strlen(text) != 1 || strchr("\"\r\n.+-0123456789eE", text[0]))
        return mt_json_fail(doc, item, err,
                            "expected one character that is in no number, "
                            "such as \",\", \";\" or \"\\t\"");
    *out = text[0];
    return MT_OK;
}
