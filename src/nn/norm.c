/* torch.nn.BatchNorm1d/2d, InstanceNorm1d/2d, LayerNorm, GroupNorm, RMSNorm */
#include <float.h>
#include <math.h>

#include "nn/spatial.h"

extern const struct mt_layer_type mt_layer_batch_norm1d, mt_layer_batch_norm2d,
    mt_layer_instance_norm1d, mt_layer_instance_norm2d,
    mt_layer_layer_norm, mt_layer_group_norm, mt_layer_rms_norm;

/* weight starts as ones and bias as zeros, as in torch */
static mt_status affine_params(struct mt_record *r, struct mt_layer *layer,
                               const struct mt_shape *shape,
                               struct mt_value **w, struct mt_value **b,
                               struct mt_err *err)
{
    struct mt_init ones = { .type = "ones_" }, zeros = { .type = "zeros_" };
    mt_status status;

    if ((status = mt_layer_param(r, layer, "weight", shape, &ones, w, err)) !=
        MT_OK)
        return status;
    if (!b)
        return MT_OK;
    return mt_layer_param(r, layer, "bias", shape, &zeros, b, err);
}

/* --- BatchNorm ---------------------------------------------------------- */

struct batch_norm_args {
    size_t num_features;
    double eps, momentum;
    bool affine, track_running_stats;
};

static const struct mt_key batch_norm_keys[] = {
    { "num_features", MT_KEY_SIZE,
      offsetof(struct batch_norm_args, num_features), .min = 1,
      .doc = "channels, dimension 1; follows from the input" },
    { "eps", MT_KEY_REAL, offsetof(struct batch_norm_args, eps), .def = "1e-5",
      .flags = MT_KEY_MIN, .doc = "added to the variance" },
    { "momentum", MT_KEY_REAL, offsetof(struct batch_norm_args, momentum),
      .def = "0.1", .flags = MT_KEY_NULL, .min = 0, .max = 1,
      .doc = "part of each batch's statistics in the running ones; null: "
             "their average over all batches" },
    { "affine", MT_KEY_BOOL, offsetof(struct batch_norm_args, affine),
      .def = "true", .doc = "learn a weight and a bias for each channel" },
    { "track_running_stats", MT_KEY_BOOL,
      offsetof(struct batch_norm_args, track_running_stats), .def = "true",
      .doc = "keep running statistics for evaluation; without them it uses "
             "those of its batch" },
    { NULL },
};

static mt_status check_batch(const struct mt_record *r,
                             const struct mt_layer *layer,
                             const struct mt_value *x, size_t per_channel,
                             struct mt_err *err)
{
    /* the first recording, for the shapes, has a batch of 1 */
    if (r->declaring || per_channel > 1 || !mt_graph_training(r->graph))
        return MT_OK;
    return mt_layer_fail(r, layer, x, err,
                         "needs more than one value per channel in training, "
                         "but a batch has %zu sample%s; change \"batch_size\", "
                         "or set \"drop_last\" if it is the last one",
                         x->shape.dim[0], x->shape.dim[0] == 1 ? "" : "s");
}

static mt_status running_buffers(struct mt_record *r, struct mt_layer *layer,
                                 const struct mt_shape *shape,
                                 struct mt_running *running, struct mt_err *err)
{
    struct mt_init ones = { .type = "ones_" }, zeros = { .type = "zeros_" };
    struct mt_shape scalar = mt_shape_of(0);
    mt_status status;

    if ((status = mt_layer_buffer(r, layer, "running_mean", MT_F32, shape,
                                  &zeros, &running->mean, err)) != MT_OK ||
        (status = mt_layer_buffer(r, layer, "running_var", MT_F32, shape, &ones,
                                  &running->var, err)) != MT_OK)
        return status;
    return mt_layer_buffer(r, layer, "num_batches_tracked", MT_I64, &scalar,
                           &zeros, &running->batches, err);
}

static mt_status batch_norm(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *x, struct mt_value **out,
                            struct mt_err *err)
{
    const struct batch_norm_args *args = layer->args;
    size_t c = x->shape.dim[1];
    struct mt_shape shape = mt_shape_of(1, c);
    struct mt_value *w = NULL, *b = NULL;
    struct mt_running running;
    mt_status status;

    if ((status = mt_layer_check_size(r, layer, x, "num_features",
                                      args->num_features, c, err)) != MT_OK ||
        (status = check_batch(r, layer, x, mt_shape_elements(&x->shape) / c,
                              err)) != MT_OK)
        return status;
    if (args->affine &&
        (status = affine_params(r, layer, &shape, &w, &b, err)) != MT_OK)
        return status;
    if (args->track_running_stats &&
        (status = running_buffers(r, layer, &shape, &running, err)) != MT_OK)
        return status;
    r->mixes_batch |= !args->track_running_stats;
    if (args->track_running_stats && !mt_graph_training(r->graph))
        *out = mt_batch_norm_fixed(r->graph, x, w, b, running.mean, running.var,
                                   args->eps);
    else
        *out = mt_batch_norm(r->graph, x, w, b,
                             args->track_running_stats ? &running : NULL,
                             args->momentum, args->eps);
    return MT_OK;
}

static mt_status batch_norm1d_record(struct mt_record *r,
                                     struct mt_layer *layer,
                                     struct mt_value *const *in,
                                     struct mt_value **out, struct mt_err *err)
{
    if (in[0]->shape.rank != 2 && in[0]->shape.rank != 3)
        return mt_layer_fail(r, layer, in[0], err,
                             "needs samples [channels] or [channels, length]"
                             "%s",
                             in[0]->shape.rank == 4
                                 ? " (BatchNorm2d takes [channels, height, "
                                   "width])"
                                 : "");
    return batch_norm(r, layer, in[0], out, err);
}

static mt_status batch_norm2d_record(struct mt_record *r,
                                     struct mt_layer *layer,
                                     struct mt_value *const *in,
                                     struct mt_value **out, struct mt_err *err)
{
    if (in[0]->shape.rank != 4)
        return mt_layer_fail(r, layer, in[0], err,
                             "needs samples [channels, height, width]%s",
                             in[0]->shape.rank == 2 || in[0]->shape.rank == 3
                                 ? " (BatchNorm1d takes [channels] and "
                                   "[channels, length])"
                                 : "");
    return batch_norm(r, layer, in[0], out, err);
}

const struct mt_layer_type mt_layer_batch_norm1d = {
    .name = "BatchNorm1d",
    .doc = "normalises each channel of [channels] or [channels, length] over "
           "the batch",
    .keys = batch_norm_keys,
    .args_size = sizeof(struct batch_norm_args),
    .record = batch_norm1d_record,
};

const struct mt_layer_type mt_layer_batch_norm2d = {
    .name = "BatchNorm2d",
    .doc = "normalises each channel of [channels, height, width] over the "
           "batch",
    .keys = batch_norm_keys,
    .args_size = sizeof(struct batch_norm_args),
    .record = batch_norm2d_record,
};

/* --- InstanceNorm ------------------------------------------------------- */

static const struct mt_key instance_norm_keys[] = {
    { "num_features", MT_KEY_SIZE,
      offsetof(struct batch_norm_args, num_features), .min = 1,
      .doc = "channels, dimension 1; follows from the input" },
    { "eps", MT_KEY_REAL, offsetof(struct batch_norm_args, eps), .def = "1e-5",
      .flags = MT_KEY_MIN, .doc = "added to the variance" },
    { "momentum", MT_KEY_REAL, offsetof(struct batch_norm_args, momentum),
      .def = "0.1", .min = 0, .max = 1,
      .doc = "part of each batch's statistics in the running ones" },
    { "affine", MT_KEY_BOOL, offsetof(struct batch_norm_args, affine),
      .def = "false", .doc = "learn a weight and a bias for each channel" },
    { "track_running_stats", MT_KEY_BOOL,
      offsetof(struct batch_norm_args, track_running_stats), .def = "false",
      .doc = "keep running statistics and evaluate with them" },
    { NULL },
};

static mt_status instance_norm(struct mt_record *r, struct mt_layer *layer,
                               struct mt_value *x, int dims,
                               struct mt_value **out, struct mt_err *err)
{
    const struct batch_norm_args *args = layer->args;
    bool fixed = args->track_running_stats && !mt_graph_training(r->graph) &&
                 !r->declaring;
    struct mt_value *w = NULL, *b = NULL;
    struct mt_running running;
    mt_status status = mt_layer_check_planes(r, layer, x, dims, err);

    if (status != MT_OK)
        return status;
    size_t c = x->shape.dim[1];
    struct mt_shape shape = mt_shape_of(1, c);

    if (!fixed && mt_shape_elements(&x->shape) == x->shape.dim[0] * c)
        return mt_layer_fail(r, layer, x, err,
                             "needs more than one value in a channel");
    status = mt_layer_check_size(r, layer, x, "num_features",
                                 args->num_features, c, err);
    if (status == MT_OK && args->affine)
        status = affine_params(r, layer, &shape, &w, &b, err);
    if (status == MT_OK && args->track_running_stats)
        status = running_buffers(r, layer, &shape, &running, err);
    if (status != MT_OK)
        return status;
    if (fixed)
        *out = mt_batch_norm_fixed(r->graph, x, w, b, running.mean, running.var,
                                   args->eps);
    else
        *out = mt_instance_norm(r->graph, x, w, b,
                                args->track_running_stats ? &running : NULL,
                                args->momentum, args->eps);
    return MT_OK;
}

static mt_status instance_norm1d_record(struct mt_record *r,
                                        struct mt_layer *layer,
                                        struct mt_value *const *in,
                                        struct mt_value **out,
                                        struct mt_err *err)
{
    return instance_norm(r, layer, in[0], 1, out, err);
}

static mt_status instance_norm2d_record(struct mt_record *r,
                                        struct mt_layer *layer,
                                        struct mt_value *const *in,
                                        struct mt_value **out,
                                        struct mt_err *err)
{
    return instance_norm(r, layer, in[0], 2, out, err);
}

const struct mt_layer_type mt_layer_instance_norm1d = {
    .name = "InstanceNorm1d",
    .doc = "normalises each channel of each sample [channels, length]",
    .keys = instance_norm_keys,
    .args_size = sizeof(struct batch_norm_args),
    .record = instance_norm1d_record,
};

const struct mt_layer_type mt_layer_instance_norm2d = {
    .name = "InstanceNorm2d",
    .doc = "normalises each channel of each sample [channels, height, width]",
    .keys = instance_norm_keys,
    .args_size = sizeof(struct batch_norm_args),
    .record = instance_norm2d_record,
};

/* --- LayerNorm and RMSNorm ---------------------------------------------- */

struct layer_norm_args {
    struct mt_sizes normalized_shape;
    double eps;
    bool elementwise_affine;
};

#define NORMALIZED_SHAPE                                                       \
    {                                                                          \
        "normalized_shape", MT_KEY_SIZES,                                      \
            offsetof(struct layer_norm_args, normalized_shape),                \
            .min = 1,                                                          \
            .doc =                                                             \
                "the last dimensions, normalised together; default: the last " \
                "one"                                                          \
    }

static const struct mt_key layer_norm_keys[] = {
    NORMALIZED_SHAPE,
    { "eps", MT_KEY_REAL, offsetof(struct layer_norm_args, eps), .def = "1e-5",
      .flags = MT_KEY_MIN, .doc = "added to the variance" },
    { "elementwise_affine", MT_KEY_BOOL,
      offsetof(struct layer_norm_args, elementwise_affine), .def = "true",
      .doc = "learn a weight and a bias for each element" },
    { NULL },
};

static const struct mt_key rms_norm_keys[] = {
    NORMALIZED_SHAPE,
    { "eps", MT_KEY_REAL, offsetof(struct layer_norm_args, eps),
      .flags = MT_KEY_NULL | MT_KEY_MIN,
      .doc = "added to the mean square; null, the default: 2^-23" },
    { "elementwise_affine", MT_KEY_BOOL,
      offsetof(struct layer_norm_args, elementwise_affine), .def = "true",
      .doc = "learn a weight for each element" },
    { NULL },
};

/* The trailing dimensions of x that are normalised together. */
static mt_status trailing_shape(const struct mt_record *r,
                                const struct mt_layer *layer,
                                const struct mt_value *x,
                                struct mt_shape *shape, struct mt_err *err)
{
    const struct layer_norm_args *args = layer->args;
    const struct mt_sizes *given = &args->normalized_shape;
    size_t n = given->n ? given->n : 1, rank = (size_t)x->shape.rank;
    struct mt_shape want = { .rank = (int)n };

    *shape = want;
    for (size_t i = 0; i < n; i++)
        want.dim[i] = given->n ? given->v[i] : 0;
    if (rank < 2)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of one dimension or more");
    if (n >= rank)
        return mt_layer_fail(r, layer, x, err,
                             "normalized_shape %s has more dimensions than a "
                             "sample",
                             mt_shape_text(&want).text);
    for (size_t i = 0; i < n; i++)
        shape->dim[i] = x->shape.dim[rank - n + i];
    if (given->n && !mt_shape_equal(shape, &want))
        return mt_layer_fail(
            r, layer, x, err, "normalized_shape is %s, but samples end in %s",
            mt_shape_text(&want).text, mt_shape_text(shape).text);
    return MT_OK;
}

static mt_status layer_norm_record(struct mt_record *r, struct mt_layer *layer,
                                   struct mt_value *const *in,
                                   struct mt_value **out, struct mt_err *err)
{
    const struct layer_norm_args *args = layer->args;
    struct mt_value *w = NULL, *b = NULL;
    struct mt_shape shape;
    mt_status status;

    if ((status = trailing_shape(r, layer, in[0], &shape, err)) != MT_OK)
        return status;
    if (args->elementwise_affine &&
        (status = affine_params(r, layer, &shape, &w, &b, err)) != MT_OK)
        return status;
    *out = mt_layer_norm(r->graph, in[0], w, b, mt_shape_elements(&shape),
                         args->eps);
    return MT_OK;
}

/* y = x / sqrt(mean x^2 + eps) w */
static mt_status rms_norm_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    const struct layer_norm_args *args = layer->args;
    double eps = isnan(args->eps) ? (double)FLT_EPSILON : args->eps;
    struct mt_value *w = NULL;
    struct mt_shape shape;
    mt_status status;

    if ((status = trailing_shape(r, layer, in[0], &shape, err)) != MT_OK)
        return status;
    if (args->elementwise_affine &&
        (status = affine_params(r, layer, &shape, &w, NULL, err)) != MT_OK)
        return status;
    *out = mt_rms_norm(r->graph, in[0], w, mt_shape_elements(&shape), eps);
    return MT_OK;
}

const struct mt_layer_type mt_layer_layer_norm = {
    .name = "LayerNorm",
    .doc = "normalises each sample over its last dimensions",
    .keys = layer_norm_keys,
    .args_size = sizeof(struct layer_norm_args),
    .record = layer_norm_record,
};

const struct mt_layer_type mt_layer_rms_norm = {
    .name = "RMSNorm",
    .doc = "divides by the root mean square over the last dimensions",
    .keys = rms_norm_keys,
    .args_size = sizeof(struct layer_norm_args),
    .record = rms_norm_record,
};

/* --- GroupNorm ---------------------------------------------------------- */

struct group_norm_args {
    size_t num_groups, num_channels;
    double eps;
    bool affine;
};

static const struct mt_key group_norm_keys[] = {
    { "num_groups", MT_KEY_SIZE, offsetof(struct group_norm_args, num_groups),
      .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "groups of channels, each normalised on its own" },
    { "num_channels", MT_KEY_SIZE,
      offsetof(struct group_norm_args, num_channels), .min = 1,
      .doc = "channels, dimension 1; follows from the input" },
    { "eps", MT_KEY_REAL, offsetof(struct group_norm_args, eps), .def = "1e-5",
      .flags = MT_KEY_MIN, .doc = "added to the variance" },
    { "affine", MT_KEY_BOOL, offsetof(struct group_norm_args, affine),
      .def = "true", .doc = "learn a weight and a bias for each channel" },
    { NULL },
};

static mt_status group_norm_record(struct mt_record *r, struct mt_layer *layer,
                                   struct mt_value *const *in,
                                   struct mt_value **out, struct mt_err *err)
{
    const struct group_norm_args *args = layer->args;
    struct mt_value *x = in[0], *w = NULL, *b = NULL;
    mt_status status;

    if (x->shape.rank < 2)
        return mt_layer_fail(r, layer, x, err, "needs samples [channels, ...]");

    size_t c = x->shape.dim[1];
    struct mt_shape shape = mt_shape_of(1, c);

    if ((status = mt_layer_check_size(r, layer, x, "num_channels",
                                      args->num_channels, c, err)) != MT_OK)
        return status;
    if (c % args->num_groups != 0)
        return mt_layer_fail(r, layer, x, err,
                             "%zu channels cannot be divided into num_groups "
                             "%zu",
                             c, args->num_groups);
    if (args->affine &&
        (status = affine_params(r, layer, &shape, &w, &b, err)) != MT_OK)
        return status;
    *out = mt_group_norm(r->graph, x, w, b, args->num_groups, args->eps);
    return MT_OK;
}

const struct mt_layer_type mt_layer_group_norm = {
    .name = "GroupNorm",
    .doc = "normalises each sample over groups of its channels",
    .keys = group_norm_keys,
    .args_size = sizeof(struct group_norm_args),
    .record = group_norm_record,
};
