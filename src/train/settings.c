#include "train/settings.h"

#include <math.h>

struct train_args {
    struct mt_settings s;
    size_t seed;
    const struct mt_item *checkpoint, *early_stopping, *ema;
};

#define ARG(member) offsetof(struct train_args, member)

#define REF(name) "\"$ref\":\"#/$defs/" name "\""

const struct mt_key mt_train_keys[] = {
    { "epochs", MT_KEY_SIZE, ARG(s.epochs), .min = 1,
      .doc = "passes over the training data; give this or steps" },
    { "steps", MT_KEY_SIZE, ARG(s.steps), .min = 1,
      .doc = "optimizer steps; give this or epochs" },
    { "seed", MT_KEY_SIZE, ARG(seed), .def = "0",
      .doc = "seed of everything random" },
    { "metrics", MT_KEY_STRINGS, ARG(s.metrics),
      .doc = "values to report in addition to the loss",
      .schema = "\"allOf\":[{\"anyOf\":[{" REF(
          "metric") "},"
                    "{\"type\":\"array\",\"items\":{" REF("metric") "}}]}]" },
    { "clip_grad_norm", MT_KEY_REAL, ARG(s.clip_grad_norm),
      .flags = MT_KEY_OPEN_MIN | MT_KEY_NULL,
      .doc = "scale gradients down to this global 2-norm" },
    { "clip_grad_value", MT_KEY_REAL, ARG(s.clip_grad_value),
      .flags = MT_KEY_OPEN_MIN | MT_KEY_NULL,
      .doc = "clamp each gradient value to +- this" },
    { "accumulate", MT_KEY_SIZE, ARG(s.accumulate), .def = "1", .min = 1,
      .doc = "batches whose losses are averaged into one step" },
    { "shards", MT_KEY_SIZE, ARG(s.shards), .def = "1", .min = 1, .max = 65536,
      .doc = "parts of a batch that are computed apart, by up to as many "
             "processes" },
    { "eval_every", MT_KEY_SIZE, ARG(s.eval_every), .def = "1", .min = 1,
      .doc = "epochs between evaluations on the validation data" },
    { "checkpoint", MT_KEY_JSON, ARG(checkpoint),
      .doc = "when and what to save: every_steps, every_epochs, best, keep",
      .schema = REF("checkpoint") },
    { "early_stopping", MT_KEY_JSON, ARG(early_stopping),
      .doc = "when to stop before the end: monitor, patience, min_delta, "
             "restore_best",
      .schema = "\"anyOf\":[{" REF("early_stopping") "},{\"type\":\"null\"}]" },
    { "ema", MT_KEY_JSON, ARG(ema),
      .doc = "keep an exponential mean of the parameters: decay",
      .schema = "\"anyOf\":[{" REF("ema") "},{\"type\":\"null\"}]" },
    { .name = NULL },
};

#define CKPT(member) offsetof(struct mt_checkpoint_settings, member)

const struct mt_key mt_checkpoint_keys[] = {
    { "every_steps", MT_KEY_SIZE, CKPT(every_steps), .min = 1,
      .doc = "save after every so many steps" },
    { "every_epochs", MT_KEY_SIZE, CKPT(every_epochs), .def = "1",
      .doc = "save after every so many epochs; 0: never by epochs" },
    { "best", MT_KEY_STRING, CKPT(best), .flags = MT_KEY_NULL,
      .doc = "a value such as val_loss: OUT.best.mtc is saved after each epoch "
             "that betters it" },
    { "keep", MT_KEY_SIZE, CKPT(keep), .def = "0", .max = 10000,
      .doc = "how many earlier checkpoints stay, as OUT.1.mtc (the newest of "
             "them), OUT.2.mtc, ..." },
    { .name = NULL },
};

#define STOP(member) offsetof(struct mt_stopping_settings, member)

const struct mt_key mt_early_stopping_keys[] = {
    { "monitor", MT_KEY_STRING, STOP(monitor), .def = "\"val_loss\"",
      .doc = "the value to watch, such as val_loss or val_accuracy" },
    { "patience", MT_KEY_SIZE, STOP(patience), .def = "10",
      .doc = "evaluations without improvement after which to stop" },
    { "min_delta", MT_KEY_REAL, STOP(min_delta), .def = "0",
      .flags = MT_KEY_MIN, .doc = "what must be gained to be an improvement" },
    { "restore_best", MT_KEY_BOOL, STOP(restore_best), .def = "false",
      .doc = "leave the state of the best epoch at the end of the run" },
    { .name = NULL },
};

#define EMA(member) offsetof(struct mt_ema_settings, member)

const struct mt_key mt_ema_keys[] = {
    { "decay", MT_KEY_REAL, EMA(decay), .def = "0.999", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX,
      .doc = "what each step keeps of the mean; the rest is the parameter" },
    { .name = NULL },
};

struct spec_args {
    const char *schema;
    const struct mt_item *model, *loss, *optimizer, *scheduler, *data, *train;
};

#define SPEC(member) offsetof(struct spec_args, member)

const struct mt_key mt_spec_keys[] = {
    { "$schema", MT_KEY_STRING, SPEC(schema),
      .doc = "where editors find the schema; not looked at" },
    { "model", MT_KEY_JSON, SPEC(model), .flags = MT_KEY_REQUIRED,
      .doc = "the layers", .schema = REF("model") },
    { "loss", MT_KEY_JSON, SPEC(loss), .flags = MT_KEY_REQUIRED,
      .doc = "what is minimized", .schema = REF("loss") },
    { "optimizer", MT_KEY_JSON, SPEC(optimizer), .flags = MT_KEY_REQUIRED,
      .doc = "how it is minimized", .schema = REF("optimizer") },
    { "scheduler", MT_KEY_JSON, SPEC(scheduler),
      .doc = "how the learning rate changes",
      .schema = "\"anyOf\":[{" REF("scheduler") "},{\"type\":\"null\"}]" },
    { "data", MT_KEY_JSON, SPEC(data), .flags = MT_KEY_REQUIRED,
      .doc = "what is trained on", .schema = REF("data") },
    { "train", MT_KEY_JSON, SPEC(train), .flags = MT_KEY_REQUIRED,
      .doc = "how long, and what else", .schema = REF("train") },
    { .name = NULL },
};

static mt_status read_top(const struct mt_json *doc, struct mt_arena *arena,
                          struct spec_args *spec, struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_spec_keys };
    const struct mt_item *root = mt_json_root(doc);
    mt_status status;

    if (!mt_is_object(root))
        return mt_json_fail(doc, root, err, "a spec is an object, got %s",
                            mt_json_text(root).text);
    if ((status = mt_keys_check(doc, root, tables, 1, err)) != MT_OK)
        return status;
    return mt_keys_read(doc, root, mt_spec_keys, spec, arena, err);
}

static mt_status read_checkpoint(const struct mt_json *doc,
                                 const struct mt_item *object, struct mt_arena *arena,
                                 struct mt_checkpoint_settings *out,
                                 struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_checkpoint_keys };
    mt_status status;

    *out = (struct mt_checkpoint_settings){ .every_steps = MT_SIZE_ABSENT,
                                            .every_epochs = 1 };
    if (!object)
        return MT_OK;
    if ((status = mt_keys_read(doc, object, mt_checkpoint_keys, out, arena,
                               err)) != MT_OK)
        return status;
    out->object = object;
    return mt_keys_check(doc, object, tables, 1, err);
}

static mt_status read_stopping(const struct mt_json *doc, const struct mt_item *object,
                               struct mt_arena *arena,
                               struct mt_stopping_settings *out,
                               struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_early_stopping_keys };
    mt_status status;

    *out = (struct mt_stopping_settings){ .object = NULL };
    if (!object || mt_is_null(object))
        return MT_OK;
    if ((status = mt_keys_read(doc, object, mt_early_stopping_keys, out, arena,
                               err)) != MT_OK)
        return status;
    out->object = object;
    return mt_keys_check(doc, object, tables, 1, err);
}

static mt_status read_ema(const struct mt_json *doc,
                          const struct mt_item *object, struct mt_arena *arena,
                          struct mt_ema_settings *out, struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_ema_keys };

    *out = (struct mt_ema_settings){ .decay = NAN };
    if (!object || mt_is_null(object))
        return MT_OK;
    mt_status status = mt_keys_read(doc, object, mt_ema_keys, out, arena, err);

    return status == MT_OK ? mt_keys_check(doc, object, tables, 1, err)
                           : status;
}

mt_status mt_settings_read(const struct mt_json *doc, struct mt_arena *arena,
                           struct mt_settings *out, struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_train_keys };
    struct spec_args spec;
    struct train_args args;
    mt_status status;

    if ((status = read_top(doc, arena, &spec, err)) != MT_OK ||
        (status = mt_keys_read(doc, spec.train, mt_train_keys, &args, arena,
                               err)) != MT_OK ||
        (status = mt_keys_check(doc, spec.train, tables, 1, err)) != MT_OK)
        return status;
    if ((args.s.epochs == MT_SIZE_ABSENT) == (args.s.steps == MT_SIZE_ABSENT))
        return mt_json_fail(doc, spec.train, err,
                            "give either \"epochs\" or \"steps\"%s",
                            args.s.epochs == MT_SIZE_ABSENT ? "" : ", not both");
    args.s.seed = args.seed;
    *out = args.s;
    if ((status = read_checkpoint(doc, args.checkpoint, arena, &out->checkpoint,
                                  err)) != MT_OK ||
        (status = read_stopping(doc, args.early_stopping, arena,
                                &out->early_stopping, err)) != MT_OK)
        return status;
    return read_ema(doc, args.ema, arena, &out->ema, err);
}
