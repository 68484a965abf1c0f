#include "data/tableplan.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "data/number.h"

static const char *const rules[] = { "error", "drop",  "mean", "median",
                                     "zero",  "value", NULL };

/* ---- from the spec ---- */

/* The member of object that names the column, or whose glob does; the last one
 * that matches. */
static const struct mt_item *find_rule(const struct mt_item *object,
                                       const char *name)
{
    const struct mt_item *found = NULL;

    for (const struct mt_item *m = object ? object->child : NULL; m;
         m = m->next)
        if (!strcmp(m->key, name) || !fnmatch(m->key, name, 0))
            found = m;
    return found;
}

static mt_status read_type(const struct mt_json *doc,
                           const struct mt_item *types,
                           struct mt_plan_column *c, struct mt_err *err)
{
    const struct mt_item *item = find_rule(types, c->name);

    if (!item)
        return MT_OK;
    c->category = mt_is_string(item) && !strcmp(item->text, "category");
    if (c->category || (mt_is_string(item) && !strcmp(item->text, "number")))
        return MT_OK;
    return mt_json_fail(doc, item, err,
                        "expected \"number\" or \"category\", got %s",
                        mt_json_text(item).text);
}

static mt_status read_missing(const struct mt_json *doc,
                              const struct mt_item *missing, bool target,
                              struct mt_plan_column *c, struct mt_err *err)
{
    bool each = mt_is_object(missing);
    const struct mt_item *item = each ? find_rule(missing, c->name) : missing;
    int rule = 0;

    c->missing = c->category ? MT_MISSING_VALUE : MT_MISSING_ERROR;
    if (!item || (target && !each))
        return MT_OK;
    while (rule < MT_MISSING_VALUE &&
           !(mt_is_string(item) && !strcmp(item->text, rules[rule])))
        rule++;
    if (rule == MT_MISSING_VALUE)
        return mt_json_fail(doc, item, err,
                            "expected \"error\", \"drop\", \"mean\", "
                            "\"median\" or \"zero\", got %s",
                            mt_json_text(item).text);
    if (target && rule > MT_MISSING_DROP)
        return mt_json_fail(doc, item, err,
                            "%s is a target, whose gaps cannot be filled; "
                            "expected \"error\" or \"drop\"",
                            mt_json_quoted(c->name).text);
    if (!c->category || rule <= MT_MISSING_DROP)
        c->missing = (enum mt_missing)rule;
    else if (each && !strcmp(item->key, c->name))
        return mt_json_fail(doc, item, err,
                            "%s is a category, whose gaps are a value of their "
                            "own; expected \"error\" or \"drop\"",
                            mt_json_quoted(c->name).text);
    return MT_OK;
}

static mt_status read_given(const struct mt_json *doc,
                            const struct mt_item *categories,
                            struct mt_arena *arena, struct mt_plan_column *c,
                            struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(categories, c->name);
    const char **values;
    size_t n = 0;

    if (!list)
        return MT_OK;
    if (!c->category)
        return mt_json_fail(doc, list, err,
                            "%s is a number; expected its type to be "
                            "\"category\"",
                            mt_json_quoted(c->name).text);
    if (!mt_is_list(list) || !list->child)
        return mt_json_fail(doc, list, err, "expected a list of texts, got %s",
                            mt_json_text(list).text);
    values = mt_arena_calloc(arena, mt_item_count(list), sizeof *values);
    if (!values)
        return mt_fail_memory(err);
    for (const struct mt_item *item = list->child; item; item = item->next) {
        if (!mt_is_string(item))
            return mt_json_fail(doc, item, err, "expected a text, got %s",
                                mt_json_text(item).text);
        values[n++] = item->text;
    }
    c->given = values;
    c->n_given = n;
    return MT_OK;
}

/* Every member of an object must mean a column. */
static mt_status check_names(const struct mt_json *doc,
                             const struct mt_item *object,
                             const struct mt_plan *plan, bool targets,
                             struct mt_err *err)
{
    if (object && !mt_is_object(object))
        return mt_json_fail(doc, object, err, "expected an object, got %s",
                            mt_json_text(object).text);
    for (const struct mt_item *m = object ? object->child : NULL; m;
         m = m->next) {
        bool found = false;

        for (size_t i = 0; i < plan->n && !found; i++)
            found = !fnmatch(m->key, plan->columns[i].name, 0) ||
                    !strcmp(m->key, plan->columns[i].name);
        for (size_t i = 0; targets && i < plan->n_targets && !found; i++)
            found = !strcmp(m->key, plan->targets[i].name);
        if (!found)
            return mt_json_fail(doc, m, err, "no %s is named %s",
                                targets ? "feature or target" : "feature",
                                mt_json_quoted(m->key).text);
    }
    return MT_OK;
}

static const char *column_name(const struct mt_csv_columns *c, size_t column,
                               struct mt_arena *arena)
{
    return c->names ? mt_arena_strdup(arena, c->names[column])
                    : mt_arena_printf(arena, "%zu", column);
}

static mt_status take_columns(const struct mt_csv_columns *c,
                              struct mt_arena *arena, struct mt_plan *out,
                              struct mt_err *err)
{
    bool ok;

    out->n = c->n_features;
    out->n_targets = c->n_targets;
    out->columns = mt_arena_calloc(arena, out->n + 1, sizeof *out->columns);
    out->targets =
        mt_arena_calloc(arena, out->n_targets + 1, sizeof *out->targets);
    ok = out->columns && out->targets;
    for (size_t i = 0; ok && i < out->n; i++) {
        out->columns[i].name = column_name(c, c->features[i], arena);
        ok = out->columns[i].name != NULL;
    }
    for (size_t i = 0; ok && i < out->n_targets; i++) {
        out->targets[i].name = column_name(c, c->targets[i], arena);
        ok = out->targets[i].name != NULL;
    }
    return ok ? MT_OK : mt_fail_memory(err);
}

static void start_columns(struct mt_plan *plan, struct mt_arena *arena)
{
    plan->plain = true;
    plan->elements = plan->n;
    for (size_t i = 0; i < plan->n; i++) {
        struct mt_plan_column *c = &plan->columns[i];

        mt_labels_init(&c->labels, arena);
        plan->plain &= !c->category && c->missing <= MT_MISSING_DROP;
    }
}

mt_status mt_plan_read(const struct mt_json *doc,
                       const struct mt_plan_args *args,
                       const struct mt_csv_columns *c, struct mt_arena *arena,
                       struct mt_plan *out, struct mt_err *err)
{
    mt_status status;

    *out = (struct mt_plan){ .gaps = args->missing_values,
                             .max_categories = args->max_categories,
                             .flags = args->missing_flags };
    status = take_columns(c, arena, out, err);
    if (status == MT_OK)
        status = check_names(doc, args->types, out, false, err);
    if (status == MT_OK)
        status = check_names(doc, args->categories, out, false, err);
    if (status == MT_OK && args->missing && !mt_is_string(args->missing))
        status = check_names(doc, args->missing, out, true, err);
    for (size_t i = 0; i < out->n && status == MT_OK; i++) {
        struct mt_plan_column *column = &out->columns[i];

        status = read_type(doc, args->types, column, err);
        if (status == MT_OK)
            status = read_missing(doc, args->missing, false, column, err);
        if (status == MT_OK)
            status = read_given(doc, args->categories, arena, column, err);
    }
    for (size_t i = 0; i < out->n_targets && status == MT_OK; i++)
        status = read_missing(doc, args->missing, true, &out->targets[i], err);
    if (status == MT_OK)
        start_columns(out, arena);
    return status;
}

void mt_plan_free(struct mt_plan *plan)
{
    for (size_t i = 0; plan->columns && i < plan->n; i++)
        mt_labels_free(&plan->columns[i].labels);
    plan->n = 0;
}

/* ---- fields ---- */

static struct mt_csv_field trim(struct mt_csv_field field)
{
    while (field.n && strchr(" \t", field.text[0]))
        field.text++, field.n--;
    while (field.n && strchr(" \t", field.text[field.n - 1]))
        field.n--;
    return field;
}

/* The default of missing_values. */
static const char *const usual_gaps[] = { "",    "?",    "NA",   "N/A",  "NaN",
                                          "nan", "null", "NULL", "None", "-" };

bool mt_plan_is_gap(const struct mt_plan *plan,
                    const struct mt_csv_field *field)
{
    struct mt_csv_field f = trim(*field);
    const char *const *gaps = plan ? plan->gaps.v : usual_gaps;
    size_t n = plan ? plan->gaps.n : sizeof usual_gaps / sizeof *usual_gaps;

    for (size_t i = 0; i < n; i++)
        if (strlen(gaps[i]) == f.n && !memcmp(gaps[i], f.text, f.n))
            return true;
    return false;
}

static mt_status fail_gap(const struct mt_csv *csv,
                          const struct mt_csv_columns *c, size_t column,
                          const struct mt_csv_field *field, bool category,
                          struct mt_err *err)
{
    char what[128] = "the field is empty";

    if (trim(*field).n)
        snprintf(what, sizeof what, "\"%s\" is a missing value",
                 mt_excerpt(field->text, field->n).text);
    return mt_csv_fail(csv, column, err,
                       "%s: %s; expected a %s (data.missing says what "
                       "becomes of gaps)",
                       mt_csv_column_text(c, column).text, what,
                       category ? "value" : "number");
}

/* true, false, yes and no are the same in any case. */
static struct mt_csv_field fold(struct mt_csv_field f)
{
    static const char *const words[] = { "true", "false", "yes", "no" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == f.n && !strncasecmp(words[i], f.text, f.n))
            f.text = words[i];
    return f;
}

struct mt_csv_field mt_plan_value(const struct mt_csv_field *field)
{
    return fold(trim(*field));
}

/* Values that only other rows have get codes too: fit finds that out. */
static mt_status read_code(struct mt_plan *plan, struct mt_plan_column *p,
                           const struct mt_csv *csv,
                           const struct mt_csv_columns *c, size_t column,
                           const struct mt_csv_field *field, float *cell,
                           struct mt_err *err)
{
    struct mt_csv_field f = mt_plan_value(field);
    uint32_t code = 0;
    mt_status status;

    if (plan->fitted) {
        *cell = (float)mt_labels_index(&p->labels, f.text, f.n);
        return MT_OK;
    }
    if (!mt_utf8_valid(f.text, f.n))
        return mt_csv_fail(csv, column, err,
                           "%s: the value is not valid UTF-8: \"%s\"",
                           mt_csv_column_text(c, column).text,
                           mt_excerpt(f.text, f.n).text);
    status = mt_labels_add(&p->labels, f.text, f.n, &code);
    *cell = (float)code;
    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (status != MT_OK)
        return mt_csv_fail(csv, column, err,
                           "%s: more than %d different values; is it a "
                           "category?",
                           mt_csv_column_text(c, column).text, MT_LABELS_MAX);
    return MT_OK;
}

mt_status mt_plan_field(struct mt_plan *plan, size_t i, const struct mt_csv *csv,
                        const struct mt_csv_columns *c,
                        const struct mt_csv_field *fields, float *cell,
                        bool *drop, struct mt_err *err)
{
    struct mt_plan_column *p = &plan->columns[i];
    size_t column = c->features[i];
    const struct mt_csv_field *field = &fields[column];

    if (!p->category && mt_number_f32(field->text, field->n, cell) ==
                            MT_NUMBER_OK)
        return MT_OK;
    if (!mt_plan_is_gap(plan, field))
        return p->category ? read_code(plan, p, csv, c, column, field, cell,
                                       err)
                           : mt_csv_number(csv, c, fields, column, cell, err);
    *cell = NAN;
    if (p->missing == MT_MISSING_DROP) {
        *drop = true;
        return MT_OK;
    }
    if (p->missing == MT_MISSING_ERROR)
        return fail_gap(csv, c, column, field, p->category, err);
    return MT_OK;
}

/* ---- fitting ---- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* mean: summed in row order; median: of an even number, the middle between the
 * two. v is sorted. */
static float fill_value(enum mt_missing rule, float *v, size_t n)
{
    double sum = 0;

    if (rule == MT_MISSING_ZERO)
        return 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    if (rule == MT_MISSING_MEAN)
        return (float)(sum / (double)n);
    qsort(v, n, sizeof *v, compare_floats);
    return (float)(((double)v[(n - 1) / 2] + (double)v[n / 2]) / 2);
}

struct fit {
    const float *cells;
    const uint32_t *rows;
    size_t n, width;
};

static float cell_at(const struct fit *f, size_t row, size_t column)
{
    return f->cells[(f->rows ? f->rows[row] : row) * f->width + column];
}

static mt_status fit_number(struct mt_plan_column *p, const struct fit *f,
                            size_t column, struct mt_err *err)
{
    float *v = malloc((f->n + 1) * sizeof *v);
    size_t n = 0;

    if (!v)
        return mt_fail_memory(err);
    for (size_t i = 0; i < f->n; i++) {
        float x = cell_at(f, i, column);

        if (x == x)
            v[n++] = x;
    }
    p->gaps = n < f->n;
    if (n)
        p->fill = fill_value(p->missing, v, n);
    free(v);
    if (n || p->missing == MT_MISSING_ZERO)
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "column \"%s\": no training row has a value; expected at "
                   "least one",
                   mt_excerpt(p->name, strlen(p->name)).text);
}

struct value {
    const char *text;
    size_t count;
    bool given;
};

/* The frequent first, then in order of bytes. */
static int compare_values(const void *a, const void *b)
{
    const struct value *x = a, *y = b;

    if (x->given != y->given)
        return x->given ? -1 : 1;
    if (x->count != y->count && !x->given)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Which code has which element; values and rare are set. */
static mt_status number_codes(struct mt_plan_column *p, struct mt_arena *arena,
                              struct mt_err *err)
{
    p->n_codes = p->labels.n;
    p->element = mt_arena_calloc(arena, p->n_codes + 1, sizeof *p->element);
    if (!p->element)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->n_codes; i++)
        p->element[i] = -1;
    for (size_t i = 0; i < p->n_values + p->n_rare; i++) {
        const char *text =
            i < p->n_values ? p->values[i] : p->rare[i - p->n_values];
        int32_t code = mt_labels_index(&p->labels, text, strlen(text));

        if (code >= 0)
            p->element[code] = (int32_t)(i < p->n_values ? i : p->n_values);
    }
    return MT_OK;
}

/* Cuts a sorted list of values into those with an element and the rare. */
static mt_status cut_values(struct mt_plan_column *p, const struct value *v,
                            size_t n, size_t most, struct mt_arena *arena,
                            struct mt_err *err)
{
    size_t kept = p->given ? p->n_given : n <= most ? n : most - 1;

    p->values = mt_arena_calloc(arena, kept + 1, sizeof *p->values);
    p->rare = mt_arena_calloc(arena, n - kept + 1, sizeof *p->rare);
    if (!p->values || !p->rare)
        return mt_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (i < kept)
            p->values[p->n_values++] = v[i].text;
        else
            p->rare[p->n_rare++] = v[i].text;
    }
    qsort(p->values, p->n_values, sizeof *p->values, compare_texts);
    qsort(p->rare, p->n_rare, sizeof *p->rare, compare_texts);
    return number_codes(p, arena, err);
}

static mt_status add_given(struct mt_plan_column *p, struct mt_err *err)
{
    for (size_t i = 0; i < p->n_given; i++) {
        struct mt_csv_field f = fold((struct mt_csv_field){
            p->given[i], strlen(p->given[i]), 0 });
        uint32_t code;
        mt_status status = mt_labels_add(&p->labels, f.text, f.n, &code);

        if (status == MT_NO_MEMORY)
            return mt_fail_memory(err);
        if (status != MT_OK)
            return mt_fail(err, status, "column \"%s\": more than %d values",
                           mt_excerpt(p->name, strlen(p->name)).text,
                           MT_LABELS_MAX);
    }
    return MT_OK;
}

static bool is_given(const struct mt_plan_column *p, const char *text)
{
    for (size_t i = 0; i < p->n_given; i++) {
        struct mt_csv_field f = fold((struct mt_csv_field){
            p->given[i], strlen(p->given[i]), 0 });

        if (strlen(text) == f.n && !memcmp(text, f.text, f.n))
            return true;
    }
    return false;
}

static mt_status fit_category(struct mt_plan *plan, struct mt_plan_column *p,
                              const struct fit *f, size_t column,
                              struct mt_arena *arena, struct mt_err *err)
{
    mt_status status = add_given(p, err);
    struct value *v = calloc(p->labels.n + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return mt_fail_memory(err);
    for (size_t i = 0; i < p->labels.n; i++)
        v[i] = (struct value){ p->labels.values[i], 0,
                               is_given(p, p->labels.values[i]) };
    for (size_t i = 0; i < f->n; i++) {
        float x = cell_at(f, i, column);

        if (x == x && x >= 0)
            v[(size_t)x].count++;
        p->gaps |= x != x;
    }
    for (size_t i = 0; i < p->labels.n; i++)
        if (v[i].count || v[i].given)
            v[n++] = v[i];
    qsort(v, n, sizeof *v, compare_values);
    p->n_given = 0;
    while (p->n_given < n && v[p->n_given].given)
        p->n_given++;
    if (status == MT_OK)
        status = cut_values(p, v, n, plan->max_categories, arena, err);
    free(v);
    return status;
}

/* Where each column's elements are. */
static void place_elements(struct mt_plan *plan)
{
    plan->elements = 0;
    for (size_t i = 0; i < plan->n; i++) {
        struct mt_plan_column *p = &plan->columns[i];

        p->first = plan->elements;
        p->n = p->category ? p->n_values : 1;
        p->n += p->category ? p->n_rare > 0 : plan->flags && p->gaps;
        p->n += p->category && p->gaps && p->missing == MT_MISSING_VALUE;
        plan->elements += p->n;
    }
    plan->fitted = true;
}

mt_status mt_plan_fit(struct mt_plan *plan, const float *cells,
                      const uint32_t *rows, size_t n, struct mt_arena *arena,
                      struct mt_err *err)
{
    struct fit f = { cells, rows, n, plan->n };
    mt_status status = MT_OK;

    if (plan->fitted || plan->plain)
        return MT_OK;
    for (size_t i = 0; i < plan->n && status == MT_OK; i++) {
        struct mt_plan_column *p = &plan->columns[i];

        status = p->category ? fit_category(plan, p, &f, i, arena, err)
                             : fit_number(p, &f, i, err);
        if (status == MT_OK && p->category && !p->n_values && !p->gaps)
            status = mt_fail(err, MT_INVALID, "column \"%s\": no values",
                             mt_excerpt(p->name, strlen(p->name)).text);
    }
    if (status == MT_OK)
        place_elements(plan);
    return status;
}

/* ---- encoding ---- */

static void encode_category(struct mt_plan_column *p, float cell, float *x)
{
    int32_t e = -1;

    if (cell != cell)
        e = p->gaps && p->missing == MT_MISSING_VALUE ? (int32_t)p->n - 1 : -1;
    else if (cell >= 0 && (size_t)cell < p->n_codes)
        e = p->element[(size_t)cell];
    memset(x, 0, p->n * sizeof *x);
    if (e >= 0)
        x[e] = 1;
    else
        p->unseen++;
}

void mt_plan_encode(struct mt_plan *plan, const float *cells, float *x)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct mt_plan_column *p = &plan->columns[i];
        bool gap = cells[i] != cells[i];

        if (p->category) {
            encode_category(p, cells[i], x + p->first);
            continue;
        }
        x[p->first] = gap ? p->fill : cells[i];
        if (p->n == 2)
            x[p->first + 1] = gap;
    }
}

const char *mt_plan_warning(const struct mt_plan *plan, struct mt_arena *arena)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    const char *out = NULL;
    size_t n = 0;

    if (plan->dropped)
        mt_strbuf_printf(&text, "%zu row%s left out for missing values",
                         plan->dropped, plan->dropped == 1 ? "" : "s");
    n = plan->dropped > 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];

        if (p->unseen)
            mt_strbuf_printf(&text,
                             "%scolumn \"%s\": %zu field%s with a value that "
                             "the training rows do not have",
                             n++ ? "; " : "",
                             mt_excerpt(p->name, strlen(p->name)).text,
                             p->unseen, p->unseen == 1 ? "" : "s");
    }
    if (n && !text.failed)
        out = mt_arena_strdup(arena, text.text);
    mt_strbuf_free(&text);
    return out;
}

/* ---- the checkpoint ---- */

static void add_texts(struct mt_strbuf *out, const char *key,
                      const char *const *texts, size_t n)
{
    mt_strbuf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            mt_strbuf_putc(out, ',');
        mt_json_add_string(out, texts[i]);
    }
    mt_strbuf_putc(out, ']');
}

const char *mt_plan_save(const struct mt_plan *plan, struct mt_arena *arena,
                         struct mt_err *err)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *text = NULL;

    if (plan->plain)
        return NULL;
    mt_strbuf_printf(&out, "{\"flags\":%s", plan->flags ? "true" : "false");
    add_texts(&out, "missing_values", plan->gaps.v, plan->gaps.n);
    mt_strbuf_puts(&out, ",\"columns\":[");
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];

        mt_strbuf_printf(&out, "%s{\"missing\":\"%s\",\"gaps\":%s",
                         i ? "," : "", rules[p->missing],
                         p->gaps ? "true" : "false");
        if (p->category) {
            add_texts(&out, "values", (const char *const *)p->values,
                      p->n_values);
            add_texts(&out, "rare", (const char *const *)p->rare, p->n_rare);
        } else {
            mt_strbuf_printf(&out, ",\"fill\":%.9g", (double)p->fill);
        }
        mt_strbuf_putc(&out, '}');
    }
    mt_strbuf_puts(&out, "]}");
    if (!out.failed)
        text = mt_arena_strdup(arena, out.text);
    mt_strbuf_free(&out);
    if (!text)
        mt_fail_memory(err);
    return text;
}

struct saved_column {
    int missing;
    bool gaps;
    double fill;
    struct mt_strings values, rare;
};

static const struct mt_key column_keys[] = {
    { "missing", MT_KEY_ENUM, offsetof(struct saved_column, missing),
      .flags = MT_KEY_REQUIRED, .choices = rules },
    { "gaps", MT_KEY_BOOL, offsetof(struct saved_column, gaps),
      .flags = MT_KEY_REQUIRED },
    { "fill", MT_KEY_REAL, offsetof(struct saved_column, fill), .def = "0",
      .min = -0x1.fffffep127, .max = 0x1.fffffep127 },
    { "values", MT_KEY_STRINGS, offsetof(struct saved_column, values) },
    { "rare", MT_KEY_STRINGS, offsetof(struct saved_column, rare) },
    { NULL },
};

struct saved_plan {
    bool flags;
    struct mt_strings gaps;
    const struct mt_item *columns;
};

static const struct mt_key plan_keys[] = {
    { "flags", MT_KEY_BOOL, offsetof(struct saved_plan, flags),
      .flags = MT_KEY_REQUIRED },
    { "missing_values", MT_KEY_STRINGS, offsetof(struct saved_plan, gaps) },
    { "columns", MT_KEY_JSON, offsetof(struct saved_plan, columns),
      .flags = MT_KEY_REQUIRED },
    { NULL },
};

static mt_status load_category(const struct mt_json *doc,
                               const struct mt_item *item,
                               const struct saved_column *saved,
                               struct mt_arena *arena,
                               struct mt_plan_column *p, struct mt_err *err)
{
    const struct mt_strings *lists[] = { &saved->values, &saved->rare };
    uint32_t code;

    p->category = true;
    p->values = mt_arena_calloc(arena, saved->values.n + 1, sizeof *p->values);
    p->rare = mt_arena_calloc(arena, saved->rare.n + 1, sizeof *p->rare);
    if (!p->values || !p->rare)
        return mt_fail_memory(err);
    mt_labels_init(&p->labels, arena);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->n; i++) {
            const char *text = lists[k]->v[i];
            size_t n = p->labels.n;
            mt_status status =
                mt_labels_add(&p->labels, text, strlen(text), &code);

            if (status == MT_NO_MEMORY)
                return mt_fail_memory(err);
            if (status != MT_OK || p->labels.n == n)
                return mt_json_fail(doc, item, err,
                                    "values twice, or too many of them");
            *(k ? &p->rare[p->n_rare++] : &p->values[p->n_values++]) = text;
        }
    }
    return number_codes(p, arena, err);
}

static mt_status load_columns(const struct mt_json *doc,
                              const struct mt_item *list,
                              const char *const *names, struct mt_arena *arena,
                              struct mt_plan *out, struct mt_err *err)
{
    const struct mt_item *item = mt_is_list(list) ? list->child : NULL;

    for (size_t i = 0; i < out->n; i++) {
        struct mt_plan_column *p = &out->columns[i];
        struct saved_column saved;
        mt_status status;

        if (!item)
            return mt_json_fail(doc, list, err, "expected %zu columns", out->n);
        status = mt_keys_read(doc, item, column_keys, &saved, arena, err);
        if (status != MT_OK)
            return status;
        p->name = names ? names[i] : mt_arena_printf(arena, "%zu", i);
        p->missing = (enum mt_missing)saved.missing;
        p->gaps = saved.gaps;
        p->fill = (float)saved.fill;
        if (!p->name)
            return mt_fail_memory(err);
        if (saved.values.list || saved.values.n)
            status = load_category(doc, item, &saved, arena, p, err);
        if (status != MT_OK)
            return status;
        item = item->next;
    }
    return item ? mt_json_fail(doc, item, err, "expected %zu columns", out->n)
                : MT_OK;
}

static mt_status load_facts(const struct mt_json *doc,
                            const char *const *names, size_t n,
                            struct mt_arena *arena, struct mt_plan *out,
                            struct mt_err *err)
{
    struct saved_plan saved;
    mt_status status = mt_keys_read(doc, mt_json_root(doc), plan_keys, &saved,
                                    arena, err);

    if (status != MT_OK)
        return status;
    if (!names)
        n = mt_is_list(saved.columns) ? mt_item_count(saved.columns) : 0;
    *out = (struct mt_plan){ .n = n, .gaps = saved.gaps, .flags = saved.flags };
    out->columns = mt_arena_calloc(arena, n + 1, sizeof *out->columns);
    if (!out->columns)
        return mt_fail_memory(err);
    status = load_columns(doc, saved.columns, names, arena, out, err);
    if (status == MT_OK)
        place_elements(out);
    return status;
}

mt_status mt_plan_load(const char *facts, const char *const *names, size_t n,
                       struct mt_arena *arena, struct mt_plan *out,
                       struct mt_err *err)
{
    struct mt_json *doc;
    mt_status status;

    *out = (struct mt_plan){ .n = n, .plain = true, .elements = n,
                             .fitted = true };
    if (!facts) {
        out->n = 0;
        return MT_OK;
    }
    status = mt_json_parse("spec/data.json: facts", facts, strlen(facts), &doc,
                           err);
    if (status != MT_OK)
        return status;
    status = load_facts(doc, names, n, arena, out, err);
    mt_json_free(doc);
    return status;
}
