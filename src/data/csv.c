/*
 * type csv: rows of decimal numbers, one sample per record.
 */
#include <stdlib.h>
#include <string.h>

#include "data/csvrows.h"
#include "data/format.h"
#include "data/reader.h"

struct csv_args {
    const struct mt_item *header;
    const char *delimiter, *decimal, *thousands, *comment;
    const struct mt_item *target, *features;
    int normalize; /* -1: not at all */
    const struct mt_item *window;
    struct mt_plan_args plan;
};

enum { STANDARD, MINMAX };

static const char *const normalize_choices[] = {
    [STANDARD] = "standard",
    [MINMAX] = "minmax",
    NULL,
};

#define COLUMN "\"type\":[\"string\",\"integer\"]"
#define COLUMNS                                                                \
    "\"anyOf\":[{" COLUMN "},{\"type\":\"array\",\"items\":{" COLUMN "}}]"

static const struct mt_key csv_keys[] = {
    { "header", MT_KEY_JSON, offsetof(struct csv_args, header),
      .doc = "is the first line a header: true, false, or \"auto\" (the "
             "default): found out by comparing it with the lines below",
      .schema = "\"enum\":[true,false,\"auto\"]" },
    MT_DIALECT_KEYS(struct csv_args),
    { "target", MT_KEY_JSON, offsetof(struct csv_args, target),
      .doc = "column(s) to predict: name, index from 0 (negative: from the "
             "end), or a list; default: the last column",
      .schema = COLUMNS },
    { "features", MT_KEY_JSON, offsetof(struct csv_args, features),
      .doc = "columns to predict from; default: all that are not targets",
      .schema = COLUMNS },
    { "normalize", MT_KEY_ENUM, offsetof(struct csv_args, normalize),
      .choices = normalize_choices,
      .doc = "statistics of the training rows that each feature is normalized "
             "by: standard (mean, standard deviation) or minmax (to 0 ... 1)" },
    { "window", MT_KEY_JSON, offsetof(struct csv_args, window),
      .doc = "the table is a series: samples are windows of `steps` rows, in "
             "file order, with the target of the row `horizon` rows after the "
             "last one",
      .schema = MT_WINDOW_SCHEMA },
    MT_PLAN_KEYS(struct csv_args),
    { NULL },
};

/* normalize decides alone. */
static mt_status check_args(const struct mt_data_request *request,
                            const struct csv_args *args,
                            struct mt_csv_dialect *dialect,
                            struct mt_err *err)
{
    static const char *const others[] = { "scale", "mean", "std" };
    mt_status status = MT_OK;

    for (size_t i = 0; i < 3 && status == MT_OK && args->normalize >= 0; i++)
        status =
            mt_data_refuse(request, others[i],
                           "expected only one of this and \"normalize\"", err);
    if (status != MT_OK)
        return status;
    return mt_csv_dialect_read(request->doc, request->spec, dialect, err);
}

/* Bytes of inputs that are held in memory. */
enum { RESIDENT = 256 << 20 };

/* ---- parts ---- */

/* In the first file that is read, what was collected becomes classes. */
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

/* Are the features that the spec names those that the model was trained on, in
 * their order? */
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
    return mt_json_fail(t->request->doc, item ? item : features, err,
                        "the model was trained on other features: %s at place "
                        "%zu",
                        i < k->n_features ? mt_json_quoted(k->features[i]).text
                                          : "none",
                        i);
}

/* By the names of a table before, if both have names; else as the spec says. */
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
    return status == MT_OK ? mt_csv_choose_known(t->known, path, arena,
                                                 &t->columns, err)
                           : status;
}

/* What becomes of the columns: as the checkpoint or the part before says, else
 * as the spec does. Which rows targets drop is always in the spec. */
static mt_status make_plan(const struct mt_csv_table *t, const struct csv_args *args,
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

static mt_status add_note(struct mt_dataset *data, const char *note,
                          struct mt_err *err)
{
    if (note && data->note)
        note = mt_arena_printf(&data->arena, "%s; %s", data->note, note);
    data->note = note ? note : data->note;
    return data->note ? MT_OK : mt_fail_memory(err);
}

/* How many rows were left out for gaps. */
static mt_status note_dropped(const struct mt_csv_table *t, const char *path,
                              struct mt_dataset *data, struct mt_err *err)
{
    static const char *const what[] = { "feature", "target" };
    mt_status status = MT_OK;

    for (size_t i = 0; i < 2 && status == MT_OK; i++)
        if (t->dropped[i])
            status = add_note(
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

/* Empty lines between records are passed over, and said. */
static mt_status note_blanks(const struct mt_csv_table *t, const char *path,
                             struct mt_dataset *data, struct mt_err *err)
{
    struct mt_csv_passed p = mt_csv_passed(t->csv);

    if (!p.blanks)
        return MT_OK;
    return add_note(
        data,
        mt_arena_printf(&data->arena,
                        "%s: %zu empty line%s passed over (line %llu%s)", path,
                        p.blanks, p.blanks == 1 ? "" : "s",
                        (unsigned long long)p.first_blank,
                        p.blanks == 1 ? "" : ", ..."),
        err);
}

/* A row that is left out would move those after it. */
static mt_status check_series(const struct mt_csv_table *t,
                              const struct csv_args *args, struct mt_err *err)
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

/* read_rows; where classes are found out, it is seen that they are some, if the
 * spec does not say so. */
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

/* t->labels and t->labels_source are set. */
static mt_status open_part(const struct csv_args *args, const char *key,
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
        status =
            mt_csv_open(file.path, fd, size, &t->dialect, &t->csv, err);
    if (status == MT_OK)
        status = choose_columns(t, &select, file.path, &data->arena, err);
    note = status == MT_OK
               ? mt_csv_header_note(&t->columns, file.path, &data->arena)
               : NULL;
    if (note)
        status = add_note(data, note, err);
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

/* What is known of the columns from a checkpoint, or from the training table;
 * NULL where these have no names. */
static const struct mt_csv_known *known_columns(const struct mt_dataset *data,
                                                const char *source,
                                                struct mt_csv_known *out)
{
    const struct mt_fitted *f = &data->fitted;

    if (!f->feature_names || !f->target_names)
        return NULL;
    *out = (struct mt_csv_known){ f->feature_names, f->target_names,
                                  f->n_features,
                                  f->y.rank ? f->y.dim[0] : 1, source };
    return out;
}

/* ---- classes ---- */

static mt_status set_labels(const struct mt_fitted *fitted,
                            struct mt_labels *labels, struct mt_err *err)
{
    mt_status status;

    if (!fitted->class_names)
        return MT_OK;
    status = mt_labels_set(labels, fitted->class_names, fitted->classes);
    if (status == MT_NO_MEMORY)
        return mt_fail_memory(err);
    if (status != MT_OK)
        return mt_fail(err, status,
                       "the %zu saved class names are not "
                       "different from each other",
                       fitted->classes);
    return MT_OK;
}

/* Classes of a checkpoint without names are those of another format. */
static mt_status keep_labels(const struct mt_labels *labels,
                             struct mt_fitted *fitted, struct mt_err *err)
{
    if (fitted->classes && fitted->classes != labels->classes)
        return mt_fail(err, MT_MISMATCH,
                       "the table has %zu classes; expected %zu, as the "
                       "checkpoint has",
                       labels->classes, fitted->classes);
    fitted->classes = labels->classes;
    fitted->class_names = labels->names;
    return MT_OK;
}

static const char **names_of(const char **names, const size_t *columns,
                             size_t n, struct mt_arena *arena)
{
    const char **out = mt_arena_calloc(arena, n + 1, sizeof *out);

    for (size_t i = 0; out && i < n; i++)
        out[i] = names[columns[i]];
    return out;
}

static mt_status keep_columns(const struct mt_csv_columns *c,
                              struct mt_dataset *data, struct mt_err *err)
{
    struct mt_fitted *f = &data->fitted;

    f->n_features = c->names ? c->n_features : 0;
    f->feature_names = f->target_names = NULL;
    if (!c->names)
        return MT_OK;
    f->feature_names =
        names_of(c->names, c->features, c->n_features, &data->arena);
    f->target_names =
        names_of(c->names, c->targets, c->n_targets, &data->arena);
    return f->feature_names && f->target_names ? MT_OK : mt_fail_memory(err);
}

static void close_state(struct mt_reader *reader)
{
    mt_plan_free(&((struct mt_csv_state *)reader)->plan);
}

static mt_status new_state(struct mt_dataset *data, struct mt_err *err)
{
    struct mt_csv_state *state = mt_arena_alloc(&data->arena, sizeof *state);
    struct mt_owned *own = mt_data_own(data);

    if (!state || !own)
        return mt_fail_memory(err);
    state->reader.close = close_state;
    own->reader = &state->reader;
    data->state = state;
    return MT_OK;
}

static mt_status csv_open(const struct mt_data_request *request,
                          const struct mt_data_keys *keys,
                          struct mt_dataset *data, struct mt_err *err)
{
    const struct csv_args *args = keys->args;
    struct mt_labels labels;
    struct mt_csv_known known;
    struct mt_csv_table train = { .request = request,
                           .known = known_columns(data, "the checkpoint",
                                                  &known) }, val;
    mt_status status = new_state(data, err);

    if (status != MT_OK)
        return status;
    train.state = data->state;
    data->series = args->window != NULL;
    status = check_args(request, args, &train.dialect, err);
    if (status == MT_OK)
        status = mt_window_read(request->doc, args->window,
                                &train.state->window, err);

    mt_labels_init(&labels, &data->arena);
    if (status == MT_OK && request->classification) {
        train.labels = &labels;
        train.labels_source = "the checkpoint";
        status = set_labels(&data->fitted, &labels, err);
    }
    val = train;
    if (status == MT_OK && mt_data_wants_train(request, keys))
        status = open_part(args, "train", data, &train, &data->train, err);
    if (status == MT_OK && train.columns.n && !train.known) {
        status = keep_columns(&train.columns, data, err);
        data->fitted.y = data->train.y.shape;
        val.known = known_columns(data, data->train.source, &known);
    }
    val.labels_source = train.labels_source;
    if (status == MT_OK && keys->val.n)
        status = open_part(args, "val", data, &val, &data->val, err);
    if (status == MT_OK)
        status = keep_labels(&labels, &data->fitted, err);
    if (status == MT_OK)
        status = keep_columns(train.columns.n ? &train.columns : &val.columns,
                              data, err);
    mt_labels_free(&labels);
    return status;
}

/* The rows that the inputs of training are in. */
static struct mt_subset training_rows(const struct mt_dataset *data,
                                      const struct mt_window *w)
{
    struct mt_subset set = data->subset[MT_SPLIT_TRAIN];

    if (!w->steps)
        return set;
    set.rows = set.others = NULL; /* the tail is held out */
    set.n_others = 0;
    set.n = mt_window_input_rows(w, set.n);
    return set;
}

/* Values of the part that training did not have. */
static mt_status count_unseen(struct mt_plan *plan, const struct mt_cells *cells,
                              struct mt_err *err)
{
    double *row = calloc(plan->n + 1, sizeof *row);

    if (!row)
        return mt_fail_memory(err);
    for (size_t i = 0; i < mt_cells_rows(cells); i++) {
        mt_cells_row(cells, i, plan->n, row);
        mt_plan_count_unseen(plan, row);
    }
    free(row);
    return MT_OK;
}

/* Cells become inputs: in memory, where they do not take too much of it. */
static mt_status encode_part(const struct mt_data_request *request,
                             struct mt_csv_state *state,
                             struct mt_table_rows *rows, struct mt_part *part,
                             struct mt_dataset *data, struct mt_err *err)
{
    size_t limit = request->resident ? request->resident : RESIDENT;
    mt_status status = MT_OK;

    if (!part->samples || !rows)
        return MT_OK;
    if (!state->plan.plain)
        status = count_unseen(&state->plan, rows->cells, err);
    mt_table_rows_column(rows, &state->plan, &state->window, &part->x);
    return status == MT_OK ? mt_table_rows_load(rows, limit, data,
                                                &state->window, part, err)
                           : status;
}

static mt_status fit_plan(struct mt_csv_state *state, struct mt_dataset *data,
                          struct mt_err *err)
{
    struct mt_plan *plan = &state->plan;
    struct mt_subset set = training_rows(data, &state->window);

    if (plan->plain || plan->fitted)
        return MT_OK;
    if (!set.n)
        return mt_fail(err, MT_INVALID, "no training rows to find categories "
                       "and gaps in");
    return mt_plan_fit(plan, state->rows[0]->cells, &set, &data->arena, err);
}

static mt_status csv_fit(const struct mt_data_request *request,
                         const struct mt_data_keys *keys,
                         struct mt_dataset *data, struct mt_err *err)
{
    struct mt_csv_state *state = data->state;
    struct mt_plan *plan = &state->plan;
    mt_status status = fit_plan(state, data, err);
    const char *note;

    (void)keys;
    if (status == MT_OK)
        status = encode_part(request, state, state->rows[0], &data->train, data,
                             err);
    if (status == MT_OK)
        status = encode_part(request, state, state->rows[1], &data->val, data,
                             err);
    data->warning = mt_plan_warning(plan, &data->arena);
    note = status == MT_OK ? mt_plan_note(plan, &data->arena) : NULL;
    if (note)
        status = add_note(data, note, err);
    if (status != MT_OK || plan->plain)
        return status;
    data->fitted.facts = mt_plan_save(plan, &data->arena, err);
    return data->fitted.facts ? MT_OK : mt_fail_memory(err);
}

/* Only numbers are normalized. */
static void keep_others(const struct mt_plan *plan,
                        struct mt_normalization *norm, double *mean,
                        double *std)
{
    if (plan->plain)
        return;
    for (size_t i = 0; i < plan->n; i++) {
        const struct mt_plan_column *p = &plan->columns[i];

        for (size_t e = p->type == MT_PLAN_CATEGORY ? 0 : 1; e < p->n; e++) {
            mean[p->first + e] = 0;
            std[p->first + e] = 1;
        }
    }
    norm->mean = mean;
    norm->std = std;
}

static mt_status csv_finish(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            struct mt_dataset *data, struct mt_err *err)
{
    const struct csv_args *args = keys->args;
    const struct mt_csv_state *state = data->state;
    struct mt_normalization *norm = &data->fitted.norm;
    struct mt_subset set = training_rows(data, &state->window);
    struct mt_column rows = data->train.x;
    struct mt_table_rows one;
    mt_status status;
    double *v;

    if (request->fitted || args->normalize < 0)
        return MT_OK;
    if (!set.n)
        return mt_json_fail(request->doc,
                            mt_json_get(request->spec, "normalize"), err,
                            "no training rows to take statistics of, and none "
                            "are saved");
    rows.shape = mt_shape_of(1, rows.shape.dim[rows.shape.rank - 1]);
    if (rows.reader) {
        one = *state->rows[0];
        one.steps = 1;
        rows.reader = &one.reader;
    }
    status = mt_data_measure(args->normalize == MINMAX, "feature", &set, &rows,
                             &data->arena, norm, err);
    if (status != MT_OK)
        return status;
    v = mt_arena_calloc(&data->arena, norm->n, 2 * sizeof *v);
    if (!v)
        return mt_fail_memory(err);
    memcpy(v, norm->mean, norm->n * sizeof *v);
    memcpy(v + norm->n, norm->std, norm->n * sizeof *v);
    keep_others(&state->plan, norm, v, v + norm->n);
    return mt_window_norm(&state->window, &data->arena, norm, err);
}

extern const struct mt_format mt_format_csv;

const struct mt_format mt_format_csv = {
    .name = "csv",
    .doc = "comma-separated decimal numbers, one sample per line",
    .keys = csv_keys,
    .args_size = sizeof(struct csv_args),
    .flags = MT_FORMAT_TABLE,
    .files = 1,
    .open = csv_open,
    .inputs = mt_csv_inputs,
    .fit = csv_fit,
    .finish = csv_finish,
};
