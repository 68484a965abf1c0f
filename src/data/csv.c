/*
 * type csv: rows of decimal numbers, one sample per record. csvpart.c reads a
 * file, csvfit.c computes what follows from the training rows.
 */
#include "data/csv_internal.h"

static const char *const normalize_choices[] = {
    [MT_CSV_STANDARD] = "standard",
    [MT_CSV_MINMAX] = "minmax",
    NULL,
};

#define COLUMN "\"type\":[\"string\",\"integer\"]"
#define COLUMNS                                                                \
    "\"anyOf\":[{" COLUMN "},{\"type\":\"array\",\"items\":{" COLUMN "}}]"

static const struct mt_key csv_keys[] = {
    { "header", MT_KEY_JSON, offsetof(struct mt_csv_args, header),
      .doc = "is the first line a header: true, false, or \"auto\" (the "
             "default): found out by comparing it with the lines below",
      .schema = "\"enum\":[true,false,\"auto\"]" },
    MT_DIALECT_KEYS(struct mt_csv_args),
    { "target", MT_KEY_JSON, offsetof(struct mt_csv_args, target),
      .doc = "column(s) to predict: name, index from 0 (negative: from the "
             "end), or a list; default: the last column",
      .schema = COLUMNS },
    { "features", MT_KEY_JSON, offsetof(struct mt_csv_args, features),
      .doc = "columns to predict from; default: all that are not targets",
      .schema = COLUMNS },
    { "normalize", MT_KEY_ENUM, offsetof(struct mt_csv_args, normalize),
      .choices = normalize_choices,
      .doc = "statistics of the training rows that each feature is normalized "
             "by: standard (mean, standard deviation) or minmax (to 0 ... 1)" },
    { "window", MT_KEY_JSON, offsetof(struct mt_csv_args, window),
      .doc = "the table is a series: samples are windows of `steps` rows, in "
             "file order, with the target of the row `horizon` rows after the "
             "last one",
      .schema = MT_WINDOW_SCHEMA },
    MT_PLAN_KEYS(struct mt_csv_args),
    { NULL },
};

/* normalize excludes scale, mean and std. */
static mt_status check_args(const struct mt_data_request *request,
                            const struct mt_csv_args *args,
                            struct mt_csv_dialect *dialect, struct mt_err *err)
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

/* The columns known from a checkpoint, or from the training table; NULL if
 * these have no names. */
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

/* If a checkpoint's classes have no names, they come from another format. */
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
    const struct mt_csv_args *args = keys->args;
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
        status =
            mt_csv_open_part(args, "train", data, &train, &data->train, err);
    if (status == MT_OK && train.columns.n && !train.known) {
        status = keep_columns(&train.columns, data, err);
        data->fitted.y = data->train.y.shape;
        val.known = known_columns(data, data->train.source, &known);
    }
    val.labels_source = train.labels_source;
    if (status == MT_OK && keys->val.n)
        status = mt_csv_open_part(args, "val", data, &val, &data->val, err);
    if (status == MT_OK)
        status = keep_labels(&labels, &data->fitted, err);
    if (status == MT_OK)
        status = keep_columns(train.columns.n ? &train.columns : &val.columns,
                              data, err);
    mt_labels_free(&labels);
    return status;
}

extern const struct mt_format mt_format_csv;

const struct mt_format mt_format_csv = {
    .name = "csv",
    .doc = "comma-separated decimal numbers, one sample per line",
    .keys = csv_keys,
    .args_size = sizeof(struct mt_csv_args),
    .flags = MT_FORMAT_TABLE,
    .files = 1,
    .open = csv_open,
    .inputs = mt_csv_inputs,
    .fit = mt_csv_fit,
    .finish = mt_csv_finish,
};
