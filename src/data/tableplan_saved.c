/* The plan of a table as JSON, for the checkpoint: writing and reading. */
#include "data/tableplan_internal.h"

#include <string.h>

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
                         i ? "," : "", mt_plan_rules[p->missing],
                         p->gaps ? "true" : "false");
        if (p->type == MT_PLAN_CATEGORY) {
            add_texts(&out, "values", (const char *const *)p->values,
                      p->n_values);
            add_texts(&out, "rare", (const char *const *)p->rare, p->n_rare);
        } else {
            mt_strbuf_printf(&out, ",\"fill\":%.17g", p->fill);
        }
        if (p->type == MT_PLAN_DATE)
            mt_strbuf_printf(&out,
                             ",\"type\":\"date\",\"start\":%.17g,"
                             "\"range\":%.17g,\"times\":%s",
                             p->start, p->range, p->times ? "true" : "false");
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

/* Beyond the year 9999, in seconds since 1970. */
#define FAR 1e12

struct saved_column {
    int missing, type; /* a category has values, and no type */
    bool gaps, times;
    double fill, start, range;
    struct mt_strings values, rare;
};

static const struct mt_key column_keys[] = {
    { "missing", MT_KEY_ENUM, offsetof(struct saved_column, missing),
      .flags = MT_KEY_REQUIRED, .choices = mt_plan_rules },
    { "gaps", MT_KEY_BOOL, offsetof(struct saved_column, gaps),
      .flags = MT_KEY_REQUIRED },
    { "fill", MT_KEY_REAL, offsetof(struct saved_column, fill), .def = "0",
      .min = -0x1.fffffep127, .max = 0x1.fffffep127 },
    { "type", MT_KEY_ENUM, offsetof(struct saved_column, type),
      .def = "\"number\"", .choices = mt_plan_types },
    { "start", MT_KEY_REAL, offsetof(struct saved_column, start), .def = "0",
      .min = -FAR, .max = FAR },
    { "range", MT_KEY_REAL, offsetof(struct saved_column, range), .def = "0",
      .min = 0, .max = FAR },
    { "times", MT_KEY_BOOL, offsetof(struct saved_column, times),
      .def = "false" },
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
                               struct mt_arena *arena, struct mt_plan_column *p,
                               struct mt_err *err)
{
    const struct mt_strings *lists[] = { &saved->values, &saved->rare };
    uint32_t code;

    p->type = MT_PLAN_CATEGORY;
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
    return mt_plan_number_codes(p, arena, err);
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
        p->type = (enum mt_plan_type)saved.type;
        p->start = saved.start;
        p->range = saved.range;
        p->times = saved.times;
        p->gaps = saved.gaps;
        p->fill = saved.fill;
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

static mt_status load_facts(const struct mt_json *doc, const char *const *names,
                            size_t n, struct mt_arena *arena,
                            struct mt_plan *out, struct mt_err *err)
{
    struct saved_plan saved;
    mt_status status =
        mt_keys_read(doc, mt_json_root(doc), plan_keys, &saved, arena, err);

    if (status != MT_OK)
        return status;
    if (!names)
        n = mt_is_list(saved.columns) ? mt_item_count(saved.columns) : 0;
    *out = (struct mt_plan){ .n = n, .gaps = saved.gaps, .flags = saved.flags };
    out->digits = mt_plan_gaps_have_digits(&out->gaps);
    out->columns = mt_arena_calloc(arena, n + 1, sizeof *out->columns);
    if (!out->columns)
        return mt_fail_memory(err);
    status = load_columns(doc, saved.columns, names, arena, out, err);
    if (status == MT_OK)
        mt_plan_place(out);
    return status;
}

mt_status mt_plan_load(const char *facts, const char *const *names, size_t n,
                       struct mt_arena *arena, struct mt_plan *out,
                       struct mt_err *err)
{
    struct mt_json *doc;
    mt_status status;

    *out = (struct mt_plan){
        .n = n, .plain = true, .elements = n, .fitted = true
    };
    if (!facts) {
        out->n = 0;
        return MT_OK;
    }
    status =
        mt_json_parse("spec/data.json: facts", facts, strlen(facts), &doc, err);
    if (status != MT_OK)
        return status;
    status = load_facts(doc, names, n, arena, out, err);
    mt_json_free(doc);
    return status;
}

static bool same_texts(const struct mt_strings *a, const struct mt_strings *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; i < a->n && same; i++)
        same = !strcmp(a->v[i], b->v[i]);
    return same;
}

/* If the spec lists values, are they those that were saved? */
static bool same_values(const struct mt_plan_column *saved,
                        const struct mt_plan_column *spec)
{
    bool same = !spec->n_given || spec->n_given == saved->n_values;

    for (size_t i = 0; i < spec->n_given && same; i++) {
        const char *text = spec->labels.values[i];
        int32_t code = mt_labels_index(&saved->labels, text, strlen(text));

        same = code >= 0 && (size_t)saved->element[code] < saved->n_values;
    }
    return same;
}

mt_status mt_plan_check_same(const struct mt_plan *saved,
                             const struct mt_plan *spec, struct mt_err *err)
{
    if (saved->flags != spec->flags)
        return mt_fail(err, MT_MISMATCH,
                       "data.missing_flags: the checkpoint was trained with "
                       "%s; a new training can change it",
                       saved->flags ? "true" : "false");
    if (!same_texts(&saved->gaps, &spec->gaps))
        return mt_fail(err, MT_MISMATCH,
                       "data.missing_values: the checkpoint was trained with "
                       "others; a new training can change them");
    for (size_t i = 0; i < saved->n && i < spec->n; i++) {
        const struct mt_plan_column *a = &saved->columns[i],
                                    *b = &spec->columns[i];
        struct mt_excerpt name = mt_excerpt(b->name, strlen(b->name));

        if (a->type != b->type)
            return mt_fail(err, MT_MISMATCH,
                           "data.types: column \"%s\" is a %s, but the "
                           "checkpoint was trained with a %s; a new training "
                           "can change it",
                           name.text, mt_plan_types[b->type],
                           mt_plan_types[a->type]);
        if (!same_values(a, b))
            return mt_fail(err, MT_MISMATCH,
                           "data.categories: column \"%s\": the checkpoint was "
                           "trained with other values; a new training can "
                           "change them",
                           name.text);
        if (a->missing != b->missing)
            return mt_fail(err, MT_MISMATCH,
                           "data.missing: %s for column \"%s\", but the "
                           "checkpoint was trained with %s; a new training can "
                           "change it",
                           mt_plan_rules[b->missing], name.text,
                           mt_plan_rules[a->missing]);
    }
    return MT_OK;
}
