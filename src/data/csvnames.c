/* The names of a table's columns: is there a header, and what is in it? */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/csvcolumns_internal.h"
#include "data/csvheader.h"

static int compare_places(const void *a, const void *b)
{
    const struct mt_csv_place *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->column > y->column) - (x->column < y->column);
}

static int compare_with_name(const void *name, const void *place)
{
    return strcmp(name, ((const struct mt_csv_place *)place)->name);
}

struct mt_csv_place *mt_csv_sort_names(const char *const *names, size_t n)
{
    struct mt_csv_place *places = malloc((n + 1) * sizeof *places);

    for (size_t i = 0; places && i < n; i++)
        places[i] = (struct mt_csv_place){ names[i], i };
    if (places)
        qsort(places, n, sizeof *places, compare_places);
    return places;
}

const struct mt_csv_place *mt_csv_find_name(const struct mt_csv_place *sorted,
                                            size_t n, const char *name)
{
    return bsearch(name, sorted, n, sizeof *sorted, compare_with_name);
}

static mt_status header_key(const struct mt_csv_select *select, bool *given,
                            bool *header, struct mt_err *err)
{
    const struct mt_item *item = select->header;
    bool is_auto = !item || (mt_is_string(item) && !strcmp(item->text, "auto"));

    if (!is_auto && !mt_is_bool(item))
        return mt_json_fail(select->doc, item, err,
                            "expected true, false or \"auto\"");
    *given = !is_auto;
    *header = !is_auto && mt_is_true(item);
    return MT_OK;
}

/* The name of a column before repeated ones are changed. */
static const char *raw_name(const struct mt_csv_field *field, size_t column,
                            struct mt_arena *arena)
{
    if (mt_csv_trim(*field).n)
        return mt_arena_strndup(arena, field->text, field->n);
    return mt_arena_printf(arena, "Unnamed: %zu", column);
}

/* A new name for a column whose name is repeated: `x.1`, or with the next
 * number such that it is not in the header. */
static const char *other_name(const char *name, size_t *number,
                              const struct mt_csv_place *sorted, size_t n,
                              struct mt_arena *arena)
{
    char *other;

    do
        other = mt_arena_printf(arena, "%s.%zu", name, ++*number);
    while (other && mt_csv_find_name(sorted, n, other));
    return other;
}

static mt_status rename_repeated(struct mt_csv_columns *c,
                                 struct mt_arena *arena, struct mt_err *err)
{
    struct mt_csv_place *sorted = mt_csv_sort_names(c->raw, c->n);
    bool ok = sorted != NULL;
    size_t number = 0;

    for (size_t i = 1; ok && i < c->n; i++) {
        const char *name = sorted[i].name;

        if (strcmp(name, sorted[i - 1].name)) {
            number = 0;
            continue;
        }
        name = other_name(name, &number, sorted, c->n, arena);
        c->names[sorted[i].column] = name;
        ok = name != NULL;
    }
    free(sorted);
    return ok ? MT_OK : mt_fail_memory(err);
}

static mt_status take_names(const struct mt_csv_field *fields, size_t n,
                            struct mt_arena *arena, struct mt_csv_columns *out,
                            struct mt_err *err)
{
    out->n = n;
    out->raw = mt_arena_calloc(arena, n + 1, sizeof *out->raw);
    out->names = mt_arena_calloc(arena, n + 1, sizeof *out->names);
    if (!out->raw || !out->names)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        out->raw[i] = out->names[i] = raw_name(&fields[i], i, arena);
        if (!out->raw[i])
            return mt_fail_memory(err);
    }
    return rename_repeated(out, arena, err);
}

/* Are all features of a table that was read before among the names? */
static mt_status has_known(const struct mt_csv_known *known,
                           const struct mt_csv_columns *c, bool *yes,
                           struct mt_err *err)
{
    struct mt_csv_place *sorted = mt_csv_sort_names(c->names, c->n);

    if (!sorted)
        return mt_fail_memory(err);
    *yes = true;
    for (size_t i = 0; i < known->n_features && *yes; i++)
        *yes = mt_csv_find_name(sorted, c->n, known->features[i]) != NULL;
    free(sorted);
    return MT_OK;
}

/* Decides whether the first record, whose names are in *out, is a header. */
static mt_status find_header(const struct mt_csv_select *select,
                             struct mt_csv *csv, struct mt_arena *arena,
                             struct mt_csv_columns *out, bool *header,
                             struct mt_err *err)
{
    struct mt_csv_header found;
    bool given = false;
    mt_status status = header_key(select, &given, header, err);

    out->why = select->why ? select->why : "the spec says so";
    out->sure = true;
    if (status != MT_OK || given)
        return status;
    if (select->known && select->known->n_features) {
        out->why = "it has the names of the features";
        status = has_known(select->known, out, header, err);
        if (status != MT_OK || *header)
            return status;
    }
    status = mt_csv_rewind(csv, err);
    if (status == MT_OK)
        status = mt_csv_find_header(csv, arena, &found, err);
    if (status != MT_OK)
        return status;
    *header = found.header;
    out->why = found.why;
    out->sure = found.sure;
    return MT_OK;
}

/* A delimiter at the end of the header, of the rows, or of both. */
struct trailing {
    size_t width; /* fields without the empty one after it; 0: there is none */
    bool rows;
};

static bool ends_empty(const struct mt_csv_field *fields, size_t n)
{
    return n > 1 && mt_csv_trim(fields[n - 1]).n == 0;
}

/* Finds it from the first two records: the header and one more. */
static mt_status find_trailing(struct mt_csv *csv, struct trailing *out,
                               struct mt_err *err)
{
    const struct mt_csv_field *fields;
    size_t n, below = 0;
    bool first = false, second;
    mt_status status = mt_csv_next(csv, &fields, &n, err);

    *out = (struct trailing){ 0 };
    if (status == MT_OK) {
        first = ends_empty(fields, n);
        status = mt_csv_next(csv, &fields, &below, err);
    }
    if (status != MT_OK || below == 0)
        return status;
    second = ends_empty(fields, below);
    out->rows = second && below == n + !first;
    if (out->rows || (first && below + 1 == n))
        out->width = n - first;
    return MT_OK;
}

mt_status mt_csv_read_header(const struct mt_csv_select *select,
                             struct mt_csv *csv, const char *path,
                             struct mt_arena *arena, struct mt_csv_columns *out,
                             struct mt_err *err)
{
    const struct mt_csv_field *fields;
    struct trailing trailing = { 0 };
    bool header = false;
    size_t n;
    mt_status status;

    *out = (struct mt_csv_columns){ 0 };
    status = mt_csv_next(csv, &fields, &n, err);
    if (status == MT_OK && n == 0)
        status = mt_fail(err, MT_INVALID,
                         "%s: the file is empty; expected "
                         "at least one record",
                         path);
    if (status == MT_OK)
        status = take_names(fields, n, arena, out, err);
    if (status == MT_OK)
        status = find_header(select, csv, arena, out, &header, err);
    if (status == MT_OK)
        status = mt_csv_rewind(csv, err);
    if (status == MT_OK && header) {
        status = find_trailing(csv, &trailing, err);
        if (status == MT_OK)
            status = mt_csv_rewind(csv, err);
    }
    if (status != MT_OK)
        return status;
    if (header) {
        status = mt_csv_next(csv, &fields, &n, err);
        if (trailing.width)
            out->n = trailing.width;
        if (trailing.rows)
            mt_csv_set_trailing(csv, trailing.width);
        return status;
    }
    out->names = out->raw = NULL;
    return MT_OK;
}

static void add_renamed(const struct mt_csv_columns *c, struct mt_strbuf *out)
{
    enum { SHOWN = 3 };
    size_t n = 0;

    for (size_t i = 0; c->names && i < c->n; i++) {
        if (c->names[i] == c->raw[i] || n++ >= SHOWN)
            continue;
        mt_strbuf_printf(out, "%sanother column \"%s\" is named \"%s\"",
                         out->len ? "; " : "",
                         mt_excerpt(c->raw[i], strlen(c->raw[i])).text,
                         mt_excerpt(c->names[i], strlen(c->names[i])).text);
    }
    if (n > SHOWN)
        mt_strbuf_printf(out, ", and %zu more likewise", n - SHOWN);
}

const char *mt_csv_header_note(const struct mt_csv_columns *c, const char *path,
                               struct mt_arena *arena)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    const char *out = NULL;

    if (!c->sure)
        mt_strbuf_printf(&text, "its first line is %s header: %s",
                         c->names ? "the" : "no", c->why);
    add_renamed(c, &text);
    if (text.len && !text.failed)
        out = mt_arena_printf(arena, "%s: %s", path, text.text);
    mt_strbuf_free(&text);
    return out;
}
