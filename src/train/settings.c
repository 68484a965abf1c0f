#include "train/settings.h"

struct train_args {
    struct mt_settings s;
    size_t seed;
    const cJSON *checkpoint;
};

#define ARG(member) offsetof(struct train_args, member)

const struct mt_key mt_train_keys[] = {
    { "epochs", MT_KEY_SIZE, ARG(s.epochs), .min = 1,
      .doc = "passes over the training data; give this or steps" },
    { "steps", MT_KEY_SIZE, ARG(s.steps), .min = 1,
      .doc = "optimizer steps; give this or epochs" },
    { "seed", MT_KEY_SIZE, ARG(seed), .def = "0",
      .doc = "seed of everything random" },
    { "metrics", MT_KEY_STRINGS, ARG(s.metrics),
      .doc = "accuracy, top5, perplexity, mae, rmse, r2" },
    { "clip_grad_norm", MT_KEY_REAL, ARG(s.clip_grad_norm),
      .flags = MT_KEY_OPEN_MIN | MT_KEY_NULL,
      .doc = "scale gradients down to this global 2-norm" },
    { "clip_grad_value", MT_KEY_REAL, ARG(s.clip_grad_value),
      .flags = MT_KEY_OPEN_MIN | MT_KEY_NULL,
      .doc = "clamp each gradient value to +- this" },
    { "accumulate", MT_KEY_SIZE, ARG(s.accumulate), .def = "1", .min = 1,
      .doc = "batches whose losses are averaged into one step" },
    { "eval_every", MT_KEY_SIZE, ARG(s.eval_every), .def = "1", .min = 1,
      .doc = "epochs between evaluations on the validation data" },
    { "checkpoint", MT_KEY_JSON, ARG(checkpoint),
      .doc = "when to save: every_steps, every_epochs" },
    { .name = NULL },
};

#define CKPT(member) offsetof(struct mt_checkpoint_settings, member)

const struct mt_key mt_checkpoint_keys[] = {
    { "every_steps", MT_KEY_SIZE, CKPT(every_steps), .min = 1,
      .doc = "save after every so many steps" },
    { "every_epochs", MT_KEY_SIZE, CKPT(every_epochs), .def = "1",
      .doc = "save after every so many epochs; 0: never by epochs" },
    { .name = NULL },
};

struct spec_args {
    const char *schema;
    const cJSON *model, *loss, *optimizer, *scheduler, *data, *train;
};

#define SPEC(member) offsetof(struct spec_args, member)

const struct mt_key mt_spec_keys[] = {
    { "$schema", MT_KEY_STRING, SPEC(schema),
      .doc = "where editors find the schema; not looked at" },
    { "model", MT_KEY_JSON, SPEC(model), .flags = MT_KEY_REQUIRED,
      .doc = "the layers" },
    { "loss", MT_KEY_JSON, SPEC(loss), .flags = MT_KEY_REQUIRED,
      .doc = "what is minimized" },
    { "optimizer", MT_KEY_JSON, SPEC(optimizer), .flags = MT_KEY_REQUIRED,
      .doc = "how it is minimized" },
    { "scheduler", MT_KEY_JSON, SPEC(scheduler),
      .doc = "how the learning rate changes" },
    { "data", MT_KEY_JSON, SPEC(data), .flags = MT_KEY_REQUIRED,
      .doc = "what is trained on" },
    { "train", MT_KEY_JSON, SPEC(train), .flags = MT_KEY_REQUIRED,
      .doc = "how long, and what else" },
    { .name = NULL },
};

static mt_status read_top(const struct mt_json *doc, struct mt_arena *arena,
                          struct spec_args *spec, struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_spec_keys };
    const cJSON *root = mt_json_root(doc);

    if (!cJSON_IsObject(root))
        return mt_json_fail(doc, root, err, "a spec is an object, got %s",
                            mt_json_text(root).text);
    if (mt_keys_check(doc, root, tables, 1, err) != MT_OK)
        return err->status;
    return mt_keys_read(doc, root, mt_spec_keys, spec, arena, err);
}

static mt_status read_checkpoint(const struct mt_json *doc,
                                 const cJSON *object, struct mt_arena *arena,
                                 struct mt_checkpoint_settings *out,
                                 struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_checkpoint_keys };

    *out = (struct mt_checkpoint_settings){ MT_SIZE_ABSENT, 1 };
    if (!object)
        return MT_OK;
    if (mt_keys_read(doc, object, mt_checkpoint_keys, out, arena, err) != MT_OK)
        return err->status;
    return mt_keys_check(doc, object, tables, 1, err);
}

mt_status mt_settings_read(const struct mt_json *doc, struct mt_arena *arena,
                           struct mt_settings *out, struct mt_err *err)
{
    const struct mt_key *const tables[] = { mt_train_keys };
    struct spec_args spec;
    struct train_args args;

    if (read_top(doc, arena, &spec, err) != MT_OK ||
        mt_keys_read(doc, spec.train, mt_train_keys, &args, arena, err) !=
            MT_OK ||
        mt_keys_check(doc, spec.train, tables, 1, err) != MT_OK)
        return err->status;
    if ((args.s.epochs == MT_SIZE_ABSENT) == (args.s.steps == MT_SIZE_ABSENT))
        return mt_json_fail(doc, spec.train, err,
                            "give either \"epochs\" or \"steps\"%s",
                            args.s.epochs == MT_SIZE_ABSENT ? "" : ", not both");
    args.s.seed = args.seed;
    *out = args.s;
    return read_checkpoint(doc, args.checkpoint, arena, &out->checkpoint, err);
}
