/* The keys of "data" for a table that was looked at. */
#include <stdlib.h>
#include <string.h>

#include "cmd/templatetable.h"

/* By name where there is a header, else by index. key: of an object. */
static void add_column(const struct mt_csv_columns *c, size_t column, bool key,
                       struct mt_strbuf *out)
{
    if (c->names)
        mt_json_add_string(out, c->names[column]);
    else
        mt_strbuf_printf(out, key ? "\"%zu\"" : "%zu", column);
}

static void add_list(const struct mt_csv_columns *c, const char *key,
                     const size_t *list, size_t n, struct mt_strbuf *out)
{
    mt_strbuf_printf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        mt_strbuf_puts(out, i ? ", " : "");
        add_column(c, list[i], false, out);
    }
    mt_strbuf_putc(out, ']');
}

/* The next member of an object of this key: `, "types": {"town": ` */
static void start_member(const struct mt_csv_columns *c, const char *key,
                         size_t column, size_t *n, struct mt_strbuf *out)
{
    if ((*n)++)
        mt_strbuf_puts(out, ", ");
    else
        mt_strbuf_printf(out, ", \"%s\": {", key);
    add_column(c, column, true, out);
    mt_strbuf_puts(out, ": ");
}

static void end_members(size_t n, struct mt_strbuf *out)
{
    mt_strbuf_puts(out, n ? "}" : "");
}

/* A target is named if its values alone do not say that they are classes. */
static void add_types(const struct mt_csv_guess *g, bool regression,
                      struct mt_strbuf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < g->columns.n; i++) {
        bool class =
            g->use[i] == MT_CSV_TARGET && !regression &&
            (g->targets[0] == MT_TARGET_FAULTY ||
             (g->targets[0] == MT_TARGET_NUMBERS && !g->looks[i].whole));

        if (g->use[i] != MT_CSV_CATEGORY && g->use[i] != MT_CSV_DATE && !class)
            continue;
        start_member(&g->columns, "types", i, &n, out);
        mt_strbuf_puts(out,
                       g->use[i] == MT_CSV_DATE ? "\"date\"" : "\"category\"");
    }
    end_members(n, out);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_categories(const struct mt_csv_guess *g, struct mt_strbuf *out)
{
    const char *values[MT_CSV_CATEGORIES];
    size_t n = 0;

    for (size_t i = 0; i < g->columns.n; i++) {
        const struct mt_labels *labels = &g->looks[i].labels;

        if (g->use[i] != MT_CSV_CATEGORY)
            continue;
        start_member(&g->columns, "categories", i, &n, out);
        memcpy(values, labels->values, labels->n * sizeof *values);
        qsort(values, labels->n, sizeof *values, compare_texts);
        for (size_t k = 0; k < labels->n; k++) {
            mt_strbuf_puts(out, k ? ", " : "[");
            mt_json_add_string(out, values[k]);
        }
        mt_strbuf_putc(out, ']');
    }
    end_members(n, out);
}

static void add_missing(const struct mt_csv_guess *g, struct mt_strbuf *out)
{
    size_t n = 0, flags = 0;

    for (size_t i = 0; i < g->columns.n; i++) {
        bool target = g->use[i] == MT_CSV_TARGET;

        if (!g->looks[i].gaps.n ||
            !(target || g->use[i] == MT_CSV_NUMBER || g->use[i] == MT_CSV_DATE))
            continue;
        start_member(&g->columns, "missing", i, &n, out);
        mt_strbuf_puts(out, target ? "\"drop\"" : "\"median\"");
        flags += !target;
    }
    end_members(n, out);
    mt_strbuf_puts(out, flags ? ", \"missing_flags\": true" : "");
}

void mt_table_add_columns(const struct mt_own_data *own,
                          const struct mt_csv_guess *g, bool regression,
                          struct mt_strbuf *out)
{
    const struct mt_csv_columns *c = &g->columns;

    mt_strbuf_puts(out, "{\"type\": \"csv\", \"train\": ");
    mt_json_add_string(out, own->files[0]);
    mt_csv_dialect_print(&g->form.dialect, out);
    mt_strbuf_printf(out, ", \"header\": %s", c->names ? "true" : "false");
    if (c->n_targets == 1) {
        mt_strbuf_puts(out, ", \"target\": ");
        add_column(c, c->targets[0], false, out);
    } else {
        add_list(c, "target", c->targets, c->n_targets, out);
    }
    add_list(c, "features", c->features, c->n_features, out);
    add_types(g, regression, out);
    add_categories(g, out);
    add_missing(g, out);
}
