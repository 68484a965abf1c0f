/* One file of a table, as a part of the data set. */
#include <string.h>

#include "data/csv_internal.h"

/* Targets of the part; in the first file, makes classes from the values
 * collected. */
static mt_status set_targets(struct mt_csv_table *t, const char *path,
                             struct mt_arena *arena, struct mt_part *part,
                             struct mt_err *err)
{
    const struct mt_window *w = &t->state->window;
    struct mt_labels *labels = t->labels;
    int32_t *class_of;

    if (!labels) {
        mt_table_rows_numbers(t->cells, w, &part->y);
        return MT_OK;
    }
    if (labels->names) {
        mt_table_rows_classes(t->cells, NULL, t->label_min, t->label_max, w,
                              &part->y);
        return MT_OK;
    }
    class_of = mt_arena_calloc(arena, labels->n, sizeof *class_of);
    if (!class_of || mt_labels_finish(labels) != MT_OK)
        return mt_fail_memory(err);
    memcpy(class_of, labels->class_of, labels->n * sizeof *class_of);
    t->labels_source = path;
    mt_table_rows_classes(t->cells, class_of, 0, (int32_t)labels->classes - 1,
                          w, &part->y);
    return MT_OK;
}

static mt_status set_part(struct mt_csv_table *t, const char *path,
                          struct mt_dataset *data, struct mt_part *part,
                          struct mt_err *err)
{
    const struct mt_window *w = &t->state->window;

    part->samples = mt_window_count(w, t->rows);
    if (!part->samples)
        return mt_json_fail(t->request->doc,
                            mt_json_get(t->request->spec, "window"), err,
                            "%s has %zu rows; expected at least %zu, for one "
                            "window of %zu steps and its target",
                            path, t->rows, mt_window_rows(w, 1), w->steps);
    part->source = part->y_source = path;
    mt_table_rows_column(t->cells, NULL, w, &part->x);
    return set_targets(t, path, &data->arena, part, err);
}

/* Fails unless the features that the spec names are those that the model was
 * trained on, in their order. */
static mt_status check_features(const struct mt_csv_table *t,
                                const struct mt_item *features,
                                struct mt_err *err)
{
    const struct mt_csv_known *k = t->known;
    const struct mt_item *item =
        mt_is_list(features) ? features->child : features;
    size_t i = 0;

    if (!item || !mt_is_string(item))
        return MT_OK;
    for (; item && i < k->n_features && mt_is_string(item) &&
           !strcmp(item->text, k->features[i]);
         item = mt_is_list(features) ? item->next : NULL)
        i++;
    if (!item && i == k->n_features)
        return MT_OK;
    return mt_json_fail(
        t->request->doc, item ? item : features, err,
        "the model was trained on other features: %s at place "
        "%zu",
        i < k->n_features ? mt_json_quoted(k->features[i]).text : "none", i);
}

/* By the names of an earlier table, if both have names; else as the spec
 * says. */
static mt_status choose_columns(struct mt_csv_table *t,
                                const struct mt_csv_select *select,
                                const char *path, struct mt_arena *arena,
                                struct mt_err *err)
{
    mt_status status =
        mt_csv_read_header(select, t->csv, path, arena, &t->columns, err);

    if (status != MT_OK)
        return status;
    if (!t->known || !t->columns.names)
        return mt_csv_choose_columns(select, path, arena, &t->columns, err);
    status = check_features(t, select->features, err);
    return status == MT_OK
               ? mt_csv_choose_known(t->known, path, arena, &t->columns, err)
               : status;
}

/* The plan of the columns: that of the checkpoint or an earlier part, else the
 * spec's. The rule for missing targets is always the spec's. */
static mt_status make_plan(const struct mt_csv_table *t,
                           const struct mt_csv_args *args,
                           struct mt_dataset *data, struct mt_err *err)
{
    const struct mt_fitted *f = &data->fitted;
    struct mt_plan *plan = &t->state->plan, spec;
    mt_status status;

    if (plan->columns)
        return MT_OK;
    status = mt_plan_read(t->request->doc, &args->plan, &t->columns,
                          &data->arena, &spec, err);
    if (status != MT_OK || !f->facts) {
        *plan = spec;
        return status;
    }
    status = mt_plan_load(f->facts, f->feature_names, f->n_features,
                          &data->arena, plan, err);
    plan->targets = spec.targets;
    plan->n_targets = spec.n_targets;
    if (status == MT_OK && plan->n != spec.n)
        status = mt_fail(err, MT_MISMATCH,
                         "%zu features; expected %zu, as the checkpoint has",
                         spec.n, plan->n);
    if (status == MT_OK)
        status = mt_plan_check_same(plan, &spec, err);
    mt_plan_free(&spec);
    return status;
}

mt_status mt_csv_add_note(struct mt_dataset *data, const char *note,
                          struct mt_err *err)
{
    if (note && data->note)
        note = mt_arena_printf(&data->arena, "%s; %s", data->note, note);
    data->note = note ? note : data->note;
    return data->note ? MT_OK : mt_fail_memory(err);
}

/* Notes how many rows were left out because of gaps. */
static mt_status note_dropped(const struct mt_csv_table *t, const char *path,
                              struct mt_dataset *data, struct mt_err *err)
{
    static const char *const what[] = { "feature", "target" };
    mt_status status = MT_OK;

    for (size_t i = 0; i < 2 && status == MT_OK; i++)
        if (t->dropped[i])
            status = mt_csv_add_note(
                data,
                mt_arena_printf(&data->arena,
                                "%s: %zu row%s left out for a missing %s "
                                "(line %llu)",
                                path, t->dropped[i],
                                t->dropped[i] == 1 ? "" : "s", what[i],
                                (unsigned long long)t->dropped_line[i]),
                err);
    return status;
}

/* Notes the empty lines between records, which were skipped. */
static mt_status note_blanks(const struct mt_csv_table *t, const char *path,
                             struct mt_dataset *data, struct mt_err *err)
{
    struct mt_csv_passed p = mt_csv_passed(t->csv);

    if (!p.blanks)
        return MT_OK;
    return mt_csv_add_note(
        data,
        mt_arena_printf(
            &data->arena, "%s: %zu empty line%s skipped (line %llu%s)", path,
            p.blanks, p.blanks == 1 ? "" : "s",
            (unsigned long long)p.first_blank, p.blanks == 1 ? "" : ", ..."),
        err);
}

/* In a series no row may be left out: that would move those after it. */
static mt_status check_series(const struct mt_csv_table *t,
                              const struct mt_csv_args *args,
                              struct mt_err *err)
{
    const struct mt_plan *plan = &t->state->plan;
    const char *drops = NULL;

    for (size_t i = 0; i < plan->n; i++)
        if (plan->columns[i].missing == MT_MISSING_DROP)
            drops = plan->columns[i].name;
    for (size_t i = 0; i < plan->n_targets; i++)
        if (plan->targets[i].missing == MT_MISSING_DROP)
            drops = plan->targets[i].name;
    if (!drops)
        return MT_OK;
    return mt_json_fail(t->request->doc, args->plan.missing, err,
                        "\"drop\" (of column %s) would move the rows after "
                        "it, and with \"window\" their distance counts; "
                        "expected \"mean\", \"median\", \"zero\" or "
                        "\"error\"",
                        mt_json_quoted(drops).text);
}

/* Reads the rows; if classes are collected and the spec does not say that they
 * are classes, checks that they can be. */
static mt_status read_samples(struct mt_csv_table *t, const char *path,
                              struct mt_arena *arena, struct mt_err *err)
{
    const struct mt_plan_column *target = t->state->plan.targets;
    struct mt_look look;
    mt_status status;

    if (!t->labels || t->labels->names || target->type == MT_PLAN_CATEGORY)
        return mt_csv_read_rows(t, path, err);
    mt_look_init(&look, arena);
    look.raw = true;
    t->look = &look;
    status = mt_csv_read_rows(t, path, err);
    t->look = NULL;
    if (status == MT_OK)
        status = mt_look_check_classes(&look, path, target->name, err);
    mt_look_free(&look);
    return status;
}

mt_status mt_csv_open_part(const struct mt_csv_args *args, const char *key,
                           struct mt_dataset *data, struct mt_csv_table *t,
                           struct mt_part *part, struct mt_err *err)
{
    const struct mt_csv_select select = {
        t->request->doc, args->header, args->target,
        args->features,  t->known,     .series = args->window != NULL
    };
    struct mt_data_file file;
    const char *note;
    uint64_t size = 0;
    int fd = -1;
    mt_status status =
        mt_data_files(t->request, data, key, 1, "one CSV file", &file, err);

    if (status == MT_OK)
        status = mt_data_open_file(t->request, &file, &fd, &size, err);
    if (status == MT_OK)
        status = mt_csv_open(file.path, fd, size, &t->dialect, &t->csv, err);
    if (status == MT_OK)
        status = choose_columns(t, &select, file.path, &data->arena, err);
    note = status == MT_OK
               ? mt_csv_header_note(&t->columns, file.path, &data->arena)
               : NULL;
    if (note)
        status = mt_csv_add_note(data, note, err);
    if (status == MT_OK && t->labels && t->columns.n_targets != 1)
        status = mt_json_fail(t->request->doc, args->target, err,
                              "expected one column, the class, because the "
                              "loss takes classes; got %zu",
                              t->columns.n_targets);
    if (status == MT_OK)
        status = make_plan(t, args, data, err);
    if (status == MT_OK && args->window)
        status = check_series(t, args, err);
    if (status == MT_OK)
        status = mt_table_rows_new(data, t->columns.n_features,
                                   t->columns.n_targets, &t->cells, err);
    t->state->rows[part == &data->val] = t->cells;
    if (status == MT_OK)
        status = read_samples(t, file.path, &data->arena, err);
    if (status == MT_OK)
        status = note_dropped(t, file.path, data, err);
    if (status == MT_OK)
        status = note_blanks(t, file.path, data, err);
    if (status == MT_OK && t->request->purpose != MT_DATA_CHECK)
        status = mt_data_add_fingerprint(data, file.role, size,
                                         mt_csv_sha256(t->csv), err);
    if (status == MT_OK)
        status = set_part(t, file.path, data, part, err);
    mt_csv_free(t->csv);
    t->csv = NULL;
    return status;
}
