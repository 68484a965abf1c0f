/* The losses and their table. */
#include <string.h>

#include "base/nearest.h"
#include "nn/loss.h"

struct loss_args {
    const char *reduction;
    struct mt_reals weight;
    double label_smoothing;
    int64_t ignore_index, dim;
};

#define ARG(member) offsetof(struct loss_args, member)

static const char *const reductions[] = { "mean", "sum", NULL };

#define REDUCTION                                                              \
    { "reduction", MT_KEY_STRING, ARG(reduction), .def = "\"mean\"",           \
      .choices = reductions, .doc = "mean or sum over the batch" }

static const struct mt_key pair_keys[] = { REDUCTION, { NULL } };

static bool is_mean(const struct mt_loss *loss)
{
    const struct loss_args *args = loss->args;

    return strcmp(args->reduction, "mean") == 0;
}

static mt_status fail_shapes(struct mt_record *r, const struct mt_loss *loss,
                             const struct mt_value *y,
                             const struct mt_shape *target, const char *needs,
                             struct mt_err *err)
{
    struct mt_shape shape = mt_sample_shape(y);

    return mt_json_fail(r->doc, loss->object, err,
                        "%s: the model gives %s for each sample and the data "
                        "has targets %s; %s", loss->type->name,
                        mt_shape_text(&shape).text,
                        mt_shape_text(target).text, needs);
}

static struct mt_shape with_batch(size_t batch, const struct mt_shape *sample)
{
    struct mt_shape shape = { .rank = sample->rank + 1, .dim = { batch } };

    memcpy(shape.dim + 1, sample->dim,
           (size_t)sample->rank * sizeof *shape.dim);
    return shape;
}

/* --- losses over pairs -------------------------------------------------- */

static mt_status pair_record(struct mt_record *r, const struct mt_loss *loss,
                             const char *kernel, struct mt_value *y,
                             const struct mt_shape *target,
                             struct mt_value **t, struct mt_value **out,
                             struct mt_err *err)
{
    struct mt_shape shape = with_batch(y->shape.dim[0], target);

    if (mt_shape_elements(&shape) != mt_shape_elements(&y->shape))
        return fail_shapes(r, loss, y, target,
                           "it needs as many numbers in both", err);
    *t = mt_graph_input(r->graph, "target", MT_F32, &shape);
    *out = mt_pair_loss_of(r->graph, y, *t, mt_pair_loss_find(kernel),
                           is_mean(loss), NULL);
    return MT_OK;
}

#define PAIR_LOSS(KERNEL, TYPE, DOC)                                           \
    static mt_status KERNEL##_record(                                          \
        struct mt_record *r, const struct mt_loss *loss, struct mt_value *y,   \
        const struct mt_shape *target, struct mt_value **t,                    \
        struct mt_value **out, struct mt_err *err)                             \
    {                                                                          \
        return pair_record(r, loss, #KERNEL, y, target, t, out, err);          \
    }                                                                          \
    static const struct mt_loss_type KERNEL##_loss = {                         \
        .name = TYPE,                                                          \
        .doc = DOC,                                                            \
        .keys = pair_keys,                                                     \
        .args_size = sizeof(struct loss_args),                                 \
        .record = KERNEL##_record,                                             \
    };

PAIR_LOSS(mse, "MSELoss", "(x - t)^2")
PAIR_LOSS(l1, "L1Loss", "|x - t|")
PAIR_LOSS(bce_logits, "BCEWithLogitsLoss",
          "binary cross-entropy of sigmoid(x), for targets from 0 to 1")

/* --- cross-entropy ------------------------------------------------------ */

static const struct mt_key cross_entropy_keys[] = {
    { "weight", MT_KEY_REALS, ARG(weight), .flags = MT_KEY_MIN | MT_KEY_NULL,
      .doc = "a weight for each class" },
    { "label_smoothing", MT_KEY_REAL, ARG(label_smoothing), .def = "0",
      .min = 0, .max = 1,
      .doc = "part of the target that is spread over all classes" },
    { "ignore_index", MT_KEY_INT, ARG(ignore_index), .def = "-100",
      .doc = "a target that counts for nothing" },
    { "dim", MT_KEY_INT, ARG(dim), .def = "-1", .min = -8, .max = 8,
      .doc = "dimension of the classes; only the last one" },
    REDUCTION,
    { NULL },
};

static mt_status check_classes(struct mt_record *r, const struct mt_loss *loss,
                               const struct mt_value *y,
                               const struct mt_shape *target,
                               struct mt_err *err)
{
    const struct loss_args *args = loss->args;
    int last = y->shape.rank - 1;
    size_t classes = y->shape.dim[last];

    if (args->dim != -1 && args->dim != last)
        return mt_json_fail(r->doc, mt_json_get(loss->object, "dim"), err,
                            "the classes must be in the last dimension, -1 or "
                            "%d, got %lld", last, (long long)args->dim);
    if (last < 1 || mt_shape_elements(target) * classes * y->shape.dim[0] !=
                        mt_shape_elements(&y->shape))
        return fail_shapes(r, loss, y, target,
                           "it needs a class for each row of the last "
                           "dimension", err);
    if (args->weight.n && args->weight.n != classes)
        return mt_json_fail(r->doc, mt_json_get(loss->object, "weight"), err,
                            "needs one number for each of the %zu classes, "
                            "got %zu", classes, args->weight.n);
    return MT_OK;
}

static mt_status cross_entropy_record(struct mt_record *r,
                                      const struct mt_loss *loss,
                                      struct mt_value *y,
                                      const struct mt_shape *target,
                                      struct mt_value **t,
                                      struct mt_value **out,
                                      struct mt_err *err)
{
    const struct loss_args *args = loss->args;
    struct mt_shape shape = with_batch(y->shape.dim[0], target);
    struct mt_cross_entropy options = {
        .label_smoothing = args->label_smoothing,
        .ignore_index = (int32_t)args->ignore_index,
        .mean = is_mean(loss),
    };

    if (check_classes(r, loss, y, target, err) != MT_OK)
        return err->status;
    if (args->weight.n) {
        float *w = mt_graph_alloc(r->graph, args->weight.n * sizeof *w);

        for (size_t i = 0; w && i < args->weight.n; i++)
            w[i] = (float)args->weight.v[i];
        options.weight = w;
    }
    *t = mt_graph_input(r->graph, "target", MT_I32, &shape);
    *out = mt_cross_entropy(r->graph, y, *t, &options);
    return MT_OK;
}

static const struct mt_loss_type cross_entropy_loss = {
    .name = "CrossEntropyLoss",
    .doc = "softmax and cross-entropy with the target's class",
    .keys = cross_entropy_keys,
    .args_size = sizeof(struct loss_args),
    .classification = true,
    .record = cross_entropy_record,
};

/* --- the table ---------------------------------------------------------- */

const struct mt_loss_type *const mt_loss_types[] = {
    &mse_loss,
    &l1_loss,
    &cross_entropy_loss,
    &bce_logits_loss,
    NULL,
};

struct common_args {
    const char *type;
};

static const struct mt_key common_keys[] = {
    { "type", MT_KEY_STRING, offsetof(struct common_args, type),
      .flags = MT_KEY_REQUIRED, .doc = "type of the loss" },
    { NULL },
};

static mt_status find_type(const struct mt_json *doc, const cJSON *object,
                           const char *name, struct mt_loss *out,
                           struct mt_err *err)
{
    const char *names[64];
    struct mt_strbuf list = MT_STRBUF_INIT;
    size_t n = 0;

    for (; mt_loss_types[n]; n++) {
        if (strcmp(mt_loss_types[n]->name, name) == 0)
            out->type = mt_loss_types[n];
        names[n] = mt_loss_types[n]->name;
        mt_strbuf_printf(&list, n ? ", %s" : "%s", names[n]);
    }
    const char *near = mt_nearest(name, names, n);

    if (!out->type)
        mt_json_fail(doc, mt_json_get(object, "type"), err,
                     near ? "unknown loss %s; did you mean \"%s\"?"
                          : "unknown loss %s; the types are %s",
                     mt_json_quoted(name).text, near ? near : list.text);
    mt_strbuf_free(&list);
    return out->type ? MT_OK : err->status;
}

mt_status mt_loss_read(const struct mt_json *doc, const cJSON *object,
                       struct mt_arena *arena, struct mt_loss *out,
                       struct mt_err *err)
{
    struct common_args common;

    *out = (struct mt_loss){ .object = object };
    if (mt_keys_read(doc, object, common_keys, &common, arena, err) != MT_OK ||
        find_type(doc, object, common.type, out, err) != MT_OK)
        return err->status;

    const struct mt_key *const tables[] = { common_keys, out->type->keys };

    out->args = mt_arena_alloc(arena, out->type->args_size);
    if (!out->args)
        return mt_fail_memory(err);
    if (mt_keys_check(doc, object, tables, 2, err) != MT_OK)
        return err->status;
    return mt_keys_read(doc, object, out->type->keys, out->args, arena, err);
}

size_t mt_loss_classes(const struct mt_loss *loss,
                       const struct mt_shape *output)
{
    if (!loss->type->classification || output->rank == 0)
        return 0;
    return output->dim[output->rank - 1];
}

const int64_t *mt_loss_ignored(const struct mt_loss *loss)
{
    const struct loss_args *args = loss->args;

    return loss->type->classification ? &args->ignore_index : NULL;
}
