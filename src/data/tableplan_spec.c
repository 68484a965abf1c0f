/* The plan of a table, from the keys of the spec's "data". */
#include "data/tableplan_internal.h"

#include <fnmatch.h>
#include <string.h>

#include "base/utf8.h"
#include "data/gaps.h"

/* Is the key a glob for all columns that it matches? Not if it is the name of
 * one. */
static bool is_glob(const struct mt_plan *plan, const char *key)
{
    if (!key[strcspn(key, "*?[\\")])
        return false;
    for (size_t i = 0; i < plan->n; i++)
        if (!strcmp(plan->columns[i].name, key))
            return false;
    return true;
}

/* The member of object that names the column, else the last one whose glob
 * matches it. */
static const struct mt_item *find_rule(const struct mt_plan *plan,
                                       const struct mt_item *object,
                                       const char *name)
{
    const struct mt_item *found = mt_json_get(object, name);

    for (const struct mt_item *m = object && !found ? object->child : NULL; m;
         m = m->next)
        if (is_glob(plan, m->key) && !fnmatch(m->key, name, 0))
            found = m;
    return found;
}

static mt_status read_type(const struct mt_json *doc,
                           const struct mt_item *item, struct mt_plan_column *c,
                           struct mt_err *err)
{
    int type = 0;

    if (!item)
        return MT_OK;
    while (mt_plan_types[type] &&
           !(mt_is_string(item) && !strcmp(item->text, mt_plan_types[type])))
        type++;
    if (!mt_plan_types[type])
        return mt_json_fail(doc, item, err,
                            "expected \"number\", \"category\" or \"date\", "
                            "got %s",
                            mt_json_text(item).text);
    c->type = (enum mt_plan_type)type;
    return MT_OK;
}

/* item: the rule, or NULL. named: it is only for this column. */
static mt_status read_missing(const struct mt_json *doc,
                              const struct mt_item *item, bool named,
                              bool target, struct mt_plan_column *c,
                              struct mt_err *err)
{
    int rule = 0;

    c->missing =
        c->type == MT_PLAN_CATEGORY ? MT_MISSING_VALUE : MT_MISSING_ERROR;
    if (!item)
        return MT_OK;
    while (rule < MT_MISSING_VALUE &&
           !(mt_is_string(item) && !strcmp(item->text, mt_plan_rules[rule])))
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
    if (c->type != MT_PLAN_CATEGORY || rule <= MT_MISSING_DROP)
        c->missing = (enum mt_missing)rule;
    else if (named)
        return mt_json_fail(doc, item, err,
                            "%s is a category, whose gaps are a value of their "
                            "own; expected \"error\" or \"drop\"",
                            mt_json_quoted(c->name).text);
    return MT_OK;
}

/* The values that the spec lists have the codes 0 ... n_given-1. */
static mt_status add_given(const struct mt_json *doc,
                           const struct mt_item *item,
                           const struct mt_plan *plan, struct mt_plan_column *c,
                           struct mt_err *err)
{
    struct mt_csv_field f;
    uint32_t code;
    mt_status status;

    if (!mt_is_string(item))
        return mt_json_fail(doc, item, err, "expected a text, got %s",
                            mt_json_text(item).text);
    f = (struct mt_csv_field){ item->text, strlen(item->text), 0 };
    if (mt_is_gap(&plan->gaps, &f))
        return mt_json_fail(doc, item, err,
                            "%s is a missing value; expected data."
                            "missing_values without it",
                            mt_json_quoted(item->text).text);
    f = mt_plan_value(&f);
    status = mt_labels_add(&c->labels, f.text, f.n, &code);
    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (status != MT_OK)
        return mt_json_fail(doc, item, err, "more than %d values",
                            MT_LABELS_MAX);
    if (c->labels.n == c->n_given)
        return mt_json_fail(doc, item, err, "the value %s is here twice",
                            mt_json_quoted(item->text).text);
    c->n_given++;
    return MT_OK;
}

static mt_status read_given(const struct mt_json *doc,
                            const struct mt_item *categories,
                            const struct mt_plan *plan,
                            struct mt_plan_column *c, struct mt_err *err)
{
    const struct mt_item *list = mt_json_get(categories, c->name);
    mt_status status = MT_OK;

    if (!list)
        return MT_OK;
    if (c->type != MT_PLAN_CATEGORY)
        return mt_json_fail(doc, list, err,
                            "%s is a %s; expected its type to be "
                            "\"category\"",
                            mt_json_quoted(c->name).text,
                            mt_plan_types[c->type]);
    if (!mt_is_list(list) || !list->child)
        return mt_json_fail(doc, list, err, "expected a list of texts, got %s",
                            mt_json_text(list).text);
    for (const struct mt_item *m = list->child; m && status == MT_OK;
         m = m->next)
        status = add_given(doc, m, plan, c, err);
    return status;
}

/* Every member of an object must name or match a column. */
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
        mt_labels_init(&out->columns[i].labels, arena);
    }
    for (size_t i = 0; ok && i < out->n_targets; i++) {
        out->targets[i].name = column_name(c, c->targets[i], arena);
        ok = out->targets[i].name != NULL;
    }
    return ok ? MT_OK : mt_fail_memory(err);
}

static mt_status read_feature(const struct mt_json *doc,
                              const struct mt_plan_args *args,
                              const struct mt_plan *plan,
                              struct mt_plan_column *c, struct mt_err *err)
{
    const struct mt_item *missing = args->missing;
    bool each = mt_is_object(missing);
    mt_status status =
        read_type(doc, find_rule(plan, args->types, c->name), c, err);

    if (each)
        missing = find_rule(plan, args->missing, c->name);
    if (status == MT_OK)
        status = read_missing(doc, missing,
                              each && missing && !strcmp(missing->key, c->name),
                              false, c, err);
    return status == MT_OK ? read_given(doc, args->categories, plan, c, err)
                           : status;
}

/* A rule for a target must name it: globs, and a rule for all columns, are for
 * features. */
static mt_status read_target(const struct mt_json *doc,
                             const struct mt_plan_args *args,
                             struct mt_plan_column *c, struct mt_err *err)
{
    const struct mt_item *type = mt_json_get(args->types, c->name);
    mt_status status = read_type(doc, type, c, err);

    if (status == MT_OK && c->type == MT_PLAN_DATE)
        return mt_json_fail(doc, type, err,
                            "%s is a target; expected \"number\" or "
                            "\"category\"",
                            mt_json_quoted(c->name).text);
    return status == MT_OK
               ? read_missing(doc, mt_json_get(args->missing, c->name), true,
                              true, c, err)
               : status;
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
    out->digits = mt_plan_gaps_have_digits(&out->gaps);
    status = take_columns(c, arena, out, err);
    if (status == MT_OK)
        status = check_names(doc, args->types, out, true, err);
    if (status == MT_OK)
        status = check_names(doc, args->categories, out, false, err);
    if (status == MT_OK && args->missing && !mt_is_string(args->missing))
        status = check_names(doc, args->missing, out, true, err);
    for (size_t i = 0; i < out->n && status == MT_OK; i++)
        status = read_feature(doc, args, out, &out->columns[i], err);
    for (size_t i = 0; i < out->n_targets && status == MT_OK; i++)
        status = read_target(doc, args, &out->targets[i], err);
    out->plain = !out->digits;
    out->elements = out->n;
    for (size_t i = 0; i < out->n && status == MT_OK; i++)
        out->plain &= out->columns[i].type == MT_PLAN_NUMBER &&
                      out->columns[i].missing <= MT_MISSING_DROP;
    return status;
}
