#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/augment.h"
#include "data/format.h"

#define AT(member) offsetof(struct mt_data_keys, member)

const struct mt_key mt_data_common_keys[] = {
    { "train", MT_KEY_STRINGS, AT(train),
      .doc = "file, or list of files, to train on" },
    { "val", MT_KEY_STRINGS, AT(val),
      .doc = "file, or list of files, to validate on" },
    { "val_split", MT_KEY_REAL, AT(val_split), .def = "0", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX,
      .doc = "part of train to hold out for validation: a random one that "
             "the seed decides; of text the tail" },
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
    if (request->purpose == MT_DATA_EVAL && keys->val_split <= 0 && !keys->val.n)
        return mt_json_fail(request->doc, request->spec, err,
                            "no validation data: expected \"val\" or "
                            "\"val_split\"");
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

/* ---- the split ---- */

static mt_status split_sizes(const struct mt_data_request *request,
                             const struct mt_data_keys *keys, size_t n,
                             size_t *held, struct mt_err *err)
{
    size_t k = (size_t)floor((double)n * keys->val_split + 0.5);
    const struct mt_item *item = mt_json_get(request->spec, "val_split");

    if (k == 0)
        return mt_json_fail(request->doc, item, err,
                            "%g of %zu samples leaves none for validation",
                            keys->val_split, n);
    if (k >= n)
        return mt_json_fail(request->doc, item, err,
                            "%g of %zu samples leaves none for training",
                            keys->val_split, n);
    *held = k;
    return MT_OK;
}

/* The first `held` of a random order are held out. */
static mt_status split_rows(const struct mt_data_request *request,
                            struct mt_dataset *data, size_t held,
                            struct mt_err *err)
{
    size_t n = data->train.samples;
    uint32_t *rows = mt_arena_calloc(&data->arena, n, sizeof *rows);
    uint32_t *order = malloc(n * sizeof *order);
    unsigned char *is_held = calloc(n, 1);
    mt_status status = MT_OK;

    if (!rows || !order || !is_held) {
        status = mt_fail_memory(err);
        goto out;
    }
    mt_philox_permutation(mt_philox_key(request->seed, "split", ""), 0,
                          (uint32_t)n, order);
    for (size_t i = 0; i < held; i++)
        is_held[order[i]] = 1;
    for (size_t i = 0, kept = 0, taken = 0; i < n; i++)
        rows[is_held[i] ? n - held + taken++ : kept++] = (uint32_t)i;
    data->train_rows = rows;
    data->held_rows = rows + (n - held);
    data->n_train = n - held;
    data->n_held = held;
out:
    free(order);
    free(is_held);
    return status;
}

static mt_status split(const struct mt_data_request *request,
                       const struct mt_data_keys *keys,
                       const struct mt_format *format, struct mt_dataset *data,
                       struct mt_err *err)
{
    size_t held = 0;
    mt_status status;

    data->n_train = data->train.samples;
    if ((format->flags & MT_FORMAT_SPLITS) || keys->val_split <= 0)
        return MT_OK;
    status = split_sizes(request, keys, data->train.samples, &held, err);
    if (status != MT_OK)
        return status;
    return split_rows(request, data, held, err);
}

/* ---- open and close ---- */

static mt_status check_samples(const struct mt_data_request *request,
                               const struct mt_data_keys *keys,
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

/* What a checkpoint says, before the format has read anything. */
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
    if (status == MT_OK)
        status = start_fitted(request, format, data, err);
    if (status == MT_OK)
        status = format->open(request, &keys, data, err);
    if (status == MT_OK && request->purpose != MT_DATA_PREDICT)
        status = check_samples(request, &keys, format, data, err);
    if (status == MT_OK && format->fit && request->purpose != MT_DATA_PREDICT)
        status = format->fit(request, &keys, data, err);
    if (status == MT_OK)
        status = mt_data_augment(request, keys.augment, data, err);
    if (status == MT_OK)
        status = mt_data_read_norm(request, &keys, data, err);
    if (status == MT_OK && format->finish &&
        request->purpose != MT_DATA_PREDICT)
        status = format->finish(request, &keys, data, err);
    if (status != MT_OK)
        return status;
    finish_fitted(data);
    return MT_OK;
}

mt_status mt_dataset_open(const struct mt_data_request *request,
                          struct mt_dataset **out, struct mt_err *err)
{
    struct mt_dataset *data = calloc(1, sizeof *data);
    mt_status status;

    if (!data)
        return mt_fail_memory(err);
    status = load(request, data, err);
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
