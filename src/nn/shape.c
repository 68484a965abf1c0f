/* Flatten, Unflatten, Reshape, Identity: the same numbers in other shapes. */
#include "nn/layer.h"

struct flatten_args {
    int64_t start_dim, end_dim;
};

static const struct mt_key flatten_keys[] = {
    { "start_dim", MT_KEY_INT, offsetof(struct flatten_args, start_dim),
      .def = "1", .min = -8, .max = 8,
      .doc = "first dimension to flatten; the batch is 0" },
    { "end_dim", MT_KEY_INT, offsetof(struct flatten_args, end_dim),
      .def = "-1", .min = -8, .max = 8, .doc = "last dimension to flatten" },
    { NULL },
};

/* Dimension d, counted from the end if negative; -1: there is none. */
static int normal_dim(const struct mt_value *x, int64_t d)
{
    int64_t rank = x->shape.rank;

    d = d < 0 ? d + rank : d;
    return d >= 0 && d < rank ? (int)d : -1;
}

static mt_status flatten_record(struct mt_record *r, struct mt_layer *layer,
                                struct mt_value *const *in,
                                struct mt_value **out, struct mt_err *err)
{
    const struct flatten_args *args = layer->args;
    struct mt_value *x = in[0];
    int start = normal_dim(x, args->start_dim);
    int end = normal_dim(x, args->end_dim);
    struct mt_shape shape = { 0 };

    if (x->shape.rank == 1 && args->start_dim == 1 && args->end_dim == -1)
        start = end = 1; /* scalars become vectors of one */
    if (start < 1 || end < start)
        return mt_layer_fail(r, layer, x, err,
                             "cannot flatten dimensions %lld to %lld (the "
                             "batch is 0 and stays)",
                             (long long)args->start_dim,
                             (long long)args->end_dim);
    for (int i = 0; i < start && i < x->shape.rank; i++)
        shape.dim[shape.rank++] = x->shape.dim[i];
    shape.dim[shape.rank] = 1;
    for (int i = start; i <= end && i < x->shape.rank; i++)
        shape.dim[shape.rank] *= x->shape.dim[i];
    shape.rank++;
    for (int i = end + 1; i < x->shape.rank; i++)
        shape.dim[shape.rank++] = x->shape.dim[i];
    *out = mt_view(r->graph, x, &shape);
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_flatten, mt_layer_unflatten,
    mt_layer_reshape, mt_layer_identity;

const struct mt_layer_type mt_layer_flatten = {
    .name = "Flatten",
    .doc = "joins dimensions start_dim to end_dim into one",
    .keys = flatten_keys,
    .args_size = sizeof(struct flatten_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = flatten_record,
};

struct reshape_args {
    int64_t dim;
    struct mt_reals sizes; /* -1 is inferred */
};

/* Appends sizes to shape, where one -1 is inferred so that their product is
 * `elements`; false if that is not possible. */
static bool append_sizes(const struct mt_reals *sizes, size_t elements,
                         struct mt_shape *shape)
{
    size_t known = 1;
    int infer = -1;

    for (size_t i = 0; i < sizes->n; i++) {
        double v = sizes->v[i];

        if (shape->rank == MT_MAX_RANK || v != (double)(int64_t)v || v < -1 ||
            v == 0 || v > 0x1p40)
            return false;
        if (v == -1) {
            if (infer >= 0)
                return false;
            infer = shape->rank;
            shape->dim[shape->rank++] = 0;
            continue;
        }
        if (__builtin_mul_overflow(known, (size_t)v, &known))
            return false;
        shape->dim[shape->rank++] = (size_t)v;
    }
    if (infer < 0)
        return known == elements;
    shape->dim[infer] = elements / known;
    return shape->dim[infer] * known == elements;
}

static const struct mt_key unflatten_keys[] = {
    { "dim", MT_KEY_INT, offsetof(struct reshape_args, dim),
      .flags = MT_KEY_REQUIRED, .min = -8, .max = 8,
      .doc = "dimension to split; the batch is 0" },
    { "unflattened_size", MT_KEY_REALS, offsetof(struct reshape_args, sizes),
      .flags = MT_KEY_REQUIRED,
      .doc = "its new dimensions; one may be -1 and follows" },
    { NULL },
};

static mt_status unflatten_record(struct mt_record *r, struct mt_layer *layer,
                                  struct mt_value *const *in,
                                  struct mt_value **out, struct mt_err *err)
{
    const struct reshape_args *args = layer->args;
    struct mt_value *x = in[0];
    int dim = normal_dim(x, args->dim);
    struct mt_shape shape = { 0 };

    for (int i = 0; i < dim; i++)
        shape.dim[shape.rank++] = x->shape.dim[i];
    if (dim < 1 || !append_sizes(&args->sizes, x->shape.dim[dim], &shape) ||
        shape.rank + x->shape.rank - dim - 1 > MT_MAX_RANK)
        return mt_layer_fail(r, layer, x, err,
                             "dimension %lld cannot be split into "
                             "unflattened_size", (long long)args->dim);
    for (int i = dim + 1; i < x->shape.rank; i++)
        shape.dim[shape.rank++] = x->shape.dim[i];
    *out = mt_view(r->graph, x, &shape);
    return MT_OK;
}

const struct mt_layer_type mt_layer_unflatten = {
    .name = "Unflatten",
    .doc = "splits a dimension into several",
    .keys = unflatten_keys,
    .args_size = sizeof(struct reshape_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = unflatten_record,
};

static const struct mt_key reshape_keys[] = {
    { "shape", MT_KEY_REALS, offsetof(struct reshape_args, sizes),
      .flags = MT_KEY_REQUIRED,
      .doc = "a sample's new shape, without the batch; one size may be -1" },
    { NULL },
};

static mt_status reshape_record(struct mt_record *r, struct mt_layer *layer,
                                struct mt_value *const *in,
                                struct mt_value **out, struct mt_err *err)
{
    const struct reshape_args *args = layer->args;
    struct mt_value *x = in[0];
    struct mt_shape shape = mt_shape_of(1, x->shape.dim[0]);
    size_t elements = mt_shape_elements(&x->shape) / x->shape.dim[0];

    if (!append_sizes(&args->sizes, elements, &shape))
        return mt_layer_fail(r, layer, x, err,
                             "a sample of %zu elements does not fit \"shape\"",
                             elements);
    *out = mt_view(r->graph, x, &shape);
    return MT_OK;
}

const struct mt_layer_type mt_layer_reshape = {
    .name = "Reshape",
    .doc = "gives each sample another shape with as many elements",
    .keys = reshape_keys,
    .args_size = sizeof(struct reshape_args),
    .gives = MT_GIVES_ITS_INPUT,
    .record = reshape_record,
};

static mt_status identity_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    (void)r;
    (void)layer;
    (void)err;
    *out = in[0];
    return MT_OK;
}

const struct mt_layer_type mt_layer_identity = {
    .name = "Identity",
    .doc = "passes its input on",
    .gives = MT_GIVES_ITS_INPUT,
    .record = identity_record,
};
