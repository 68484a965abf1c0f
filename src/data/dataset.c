#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/format.h"

#define AT(member) offsetof(struct mt_data_keys, member)

static const char *const target_choices[] = { "standard", NULL };

static const char *const hold_choices[] = { "random", "stratified", "tail",
                                            NULL };

const struct mt_key mt_data_common_keys[] = {
    { "train", MT_KEY_STRINGS, AT(train),
      .doc = "file, or list of files, to train on" },
    { "val", MT_KEY_STRINGS, AT(val),
      .doc = "file, or list of files, to validate on" },
    { "val_split", MT_KEY_REAL, AT(val_split), .def = "0", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX,
      .doc = "part of train to hold out for validation" },
    { "test_split", MT_KEY_REAL, AT(test_split), .def = "0", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX,
      .doc = "part of train to hold out for mtrain eval --split test alone" },
    { "split", MT_KEY_ENUM, AT(split), .def = "\"random\"",
      .choices = hold_choices,
      .doc = "which samples are held out: random ones that the seed decides, "
             "stratified (such of each class in its share), or the tail; of "
             "text and series always the tail" },
    { "batch_size", MT_KEY_SIZE, AT(batch_size), .def = "32", .min = 1,
      .max = 1 << 24, .doc = "samples per batch" },
    { "shuffle", MT_KEY_BOOL, AT(shuffle), .def = "true",
      .doc = "take the samples of each epoch in a new random order" },
    { "drop_last", MT_KEY_BOOL, AT(drop_last), .def = "false",
      .doc = "leave out a last batch that is smaller than the others" },
    { "scale", MT_KEY_REAL, AT(scale), .def = "1",
      .doc = "factor of the inputs, before mean and std" },
    { "mean", MT_KEY_REALS, AT(mean),
      .doc = "subtracted from the inputs: one number, one per element, or "
             "one per index of the first dimension" },
    { "std", MT_KEY_REALS, AT(std), .flags = MT_KEY_OPEN_MIN,
      .doc = "divides the inputs, after mean; as many numbers as mean" },
    { "target_normalize", MT_KEY_ENUM, AT(target_normalize),
      .flags = MT_KEY_NULL, .choices = target_choices,
      .doc = "statistics of the training samples that the targets of a "
             "regression are normalized by: standard (mean, standard "
             "deviation)" },
    { "augment", MT_KEY_JSON, AT(augment),
      .doc = "random changes of the pictures that are trained on: list of "
             "{\"type\": ...}, in the order in which they are made",
      .schema = "\"type\":\"array\","
                "\"items\":{\"$ref\":\"#/$defs/augment\"}" },
    { NULL },
};

/* ---- keys ---- */

static mt_status check_keys(const struct mt_data_request *request,
                            const struct mt_data_keys *keys, struct mt_err *err)
{
    if (keys->val.list && !keys->val.n)
        return mt_json_fail(request->doc, mt_json_get(request->spec, "val"),
                            err, "the list is empty; expected file names");
    if (keys->val_split > 0 && keys->val.n)
        return mt_json_fail(request->doc,
                            mt_json_get(request->spec, "val_split"), err,
                            "\"val\" names a validation file already; expected "
                            "only one of \"val\" and \"val_split\"");
    if (request->purpose != MT_DATA_EVAL)
        return MT_OK;
    if (request->split == MT_SPLIT_VAL && keys->val_split <= 0 && !keys->val.n)
        return mt_json_fail(request->doc, request->spec, err,
                            "no validation data: expected \"val\" or "
                            "\"val_split\"");
    if (request->split == MT_SPLIT_TEST && keys->test_split <= 0)
        return mt_json_fail(request->doc, request->spec, err,
                            "no test data: expected \"test_split\", which "
                            "holds a part of \"train\" out before training");
    return MT_OK;
}

mt_status mt_batching_read(const struct mt_json *doc, const struct mt_item *spec,
                           struct mt_batching *out, struct mt_err *err)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_data_keys keys;
    mt_status status =
        mt_keys_read(doc, spec, mt_data_common_keys, &keys, &arena, err);

    if (status == MT_OK) {
        out->batch_size = keys.batch_size;
        out->shuffle = keys.shuffle;
        out->drop_last = keys.drop_last;
    }
    mt_arena_free(&arena);
    return status;
}

/* ---- splits ---- */

const char *const mt_split_names[] = { "train", "val", "test", NULL };

static void whole(const struct mt_part *part, struct mt_subset *out)
{
    *out = (struct mt_subset){ part, part->samples };
}

static mt_status split(const struct mt_data_request *request,
                       struct mt_data_keys *keys,
                       const struct mt_format *format, struct mt_dataset *data,
                       struct mt_err *err)
{
    const struct mt_item *item = mt_json_get(request->spec, "split");

    whole(&data->train, &data->subset[MT_SPLIT_TRAIN]);
    whole(&data->val, &data->subset[MT_SPLIT_VAL]);
    whole(&data->test, &data->subset[MT_SPLIT_TEST]);
    if (data->series && item && keys->split != MT_HOLD_TAIL)
        return mt_json_fail(request->doc, item, err,
                            "the samples follow one another, and random ones "
                            "would lie between those that are trained on; "
                            "expected \"tail\"");
    if (data->series)
        keys->split = MT_HOLD_TAIL;
    return format->flags & MT_FORMAT_SPLITS
               ? MT_OK
               : mt_data_split(request, keys, data, err);
}

/* ---- open and close ---- */

static mt_status check_samples(const struct mt_data_request *request,
                               struct mt_data_keys *keys,
                               const struct mt_format *format,
                               struct mt_dataset *data, struct mt_err *err)
{
    mt_status status =
        mt_data_check_count(data->train.source, data->train.samples, err);

    if (status == MT_OK)
        status = mt_data_check_count(data->val.source, data->val.samples, err);
    if (status == MT_OK)
        status = mt_data_check_parts(data, err);
    if (status == MT_OK)
        status = mt_data_check_integers(
            request, format->flags & MT_FORMAT_TOKENS, data, err);
    if (status == MT_OK)
        status = split(request, keys, format, data, err);
    return status;
}

/* Copies what the checkpoint knows, before the format reads anything. */
static mt_status start_fitted(const struct mt_data_request *request,
                              const struct mt_format *format,
                              struct mt_dataset *data, struct mt_err *err)
{
    struct mt_fitted *f = &data->fitted;
    mt_status status;

    if (request->fitted &&
        (status = mt_fitted_copy(request->fitted, &data->arena, f, err)) !=
            MT_OK)
        return status;
    if (!request->classification) {
        f->classes = 0;
        f->class_names = NULL;
    }
    if (!(format->flags & MT_FORMAT_TOKENS)) {
        f->vocab = 0;
        f->vocab_names = NULL;
    }
    if (!f->format || strcmp(f->format, format->name)) {
        f->facts = NULL;
        f->n_arrays = 0;
    }
    if (!(format->flags & MT_FORMAT_TABLE)) {
        f->n_features = 0;
        f->feature_names = f->target_names = NULL;
    }
    f->format = format->name;
    f->y_norm.scale = 1;
    return MT_OK;
}

static void finish_fitted(struct mt_dataset *data)
{
    const struct mt_part *part =
        data->train.samples ? &data->train : &data->val;

    data->fitted.x = part->x.shape;
    data->fitted.y = part->y.shape;
    data->fitted.x_dtype = part->x.dtype;
}

static mt_status open_parts(const struct mt_data_request *request,
                            const struct mt_data_keys *keys,
                            const struct mt_format *format,
                            struct mt_dataset *data, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (format->open)
        return format->open(request, keys, data, err);
    if (mt_data_wants_train(request, keys))
        status = format->part(request, keys, "train", data, &data->train, err);
    if (status == MT_OK && keys->val.n)
        status = format->part(request, keys, "val", data, &data->val, err);
    return status;
}

static mt_status open_data(const struct mt_data_request *request,
                           struct mt_data_keys *keys,
                           const struct mt_format *format,
                           struct mt_dataset *data, struct mt_err *err)
{
    mt_status status = open_parts(request, keys, format, data, err);

    if (status == MT_OK)
        status = check_samples(request, keys, format, data, err);
    if (status == MT_OK && format->fit)
        status = format->fit(request, keys, data, err);
    if (status == MT_OK)
        status = mt_data_augment(request, keys->augment, data, err);
    if (status == MT_OK)
        status = mt_data_read_norm(request, keys, data, err);
    if (status == MT_OK && format->finish)
        status = format->finish(request, keys, data, err);
    if (status == MT_OK)
        status = mt_data_target_norm(request, keys, data, err);
    if (status == MT_OK)
        finish_fitted(data);
    return status;
}

static mt_status load(const struct mt_data_request *request,
                      struct mt_dataset *data, struct mt_err *err)
{
    struct mt_data_keys keys;
    const struct mt_format *format;
    const struct mt_type *type;
    void *args;
    mt_status status = mt_kind_read(&mt_data_kind, request->doc, request->spec,
                                    &keys, &data->arena, &type, &args, err);

    if (status != MT_OK)
        return status;
    format = (const struct mt_format *)type;
    keys.args = args;
    status = check_keys(request, &keys, err);
    if (request->purpose == MT_DATA_EVAL && request->split != MT_SPLIT_VAL)
        keys.val = (struct mt_strings){ 0 };
    if (status == MT_OK)
        status = start_fitted(request, format, data, err);
    if (status != MT_OK)
        return status;
    return request->purpose == MT_DATA_PREDICT
               ? mt_inputs_open(request, &keys, format, data, err)
               : open_data(request, &keys, format, data, err);
}

/* Files of another format than the model's are read with that format's
 * defaults. */
static mt_status load_inputs(const struct mt_data_request *request,
                             struct mt_dataset *data, struct mt_err *err)
{
    struct mt_data_request own = *request;
    struct mt_json *doc;
    mt_status status = mt_inputs_choose(request, &doc, err);

    if (doc) {
        own.doc = doc;
        own.spec = mt_json_root(doc);
    }
    if (status == MT_OK)
        status = load(&own, data, err);
    mt_json_free(doc);
    return status;
}

mt_status mt_dataset_open(const struct mt_data_request *request,
                          struct mt_dataset **out, struct mt_err *err)
{
    struct mt_dataset *data = calloc(1, sizeof *data);
    mt_status status;

    if (!data)
        return mt_fail_memory(err);
    status = request->purpose == MT_DATA_PREDICT
                 ? load_inputs(request, data, err)
                 : load(request, data, err);
    if (status != MT_OK) {
        mt_dataset_close(data);
        return status;
    }
    *out = data;
    return MT_OK;
}

void mt_dataset_close(struct mt_dataset *data)
{
    if (!data)
        return;
    mt_data_release(data);
    mt_arena_free(&data->arena);
    free(data);
}
