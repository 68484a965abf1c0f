/* Layers that combine others: Sequential, Residual, Add, Mul, Concat. */
#include "nn/layer.h"

struct sequential_args {
    size_t repeat;
};

static const struct mt_key sequential_keys[] = {
    { "repeat", MT_KEY_SIZE, offsetof(struct sequential_args, repeat),
      .min = 1,
      .doc = "have the list so many times, one after the other, with weights "
             "of their own, named 0, 1, ..." },
    { NULL },
};

extern const struct mt_layer_type mt_layer_sequential, mt_layer_residual,
    mt_layer_add, mt_layer_mul, mt_layer_concat;

static size_t sequential_repeat(const struct mt_layer *layer)
{
    return ((const struct sequential_args *)layer->args)->repeat;
}

static mt_status sequential_record(struct mt_record *r, struct mt_layer *layer,
                                   struct mt_value *const *in,
                                   struct mt_value **out, struct mt_err *err)
{
    return mt_layers_record(r, layer, in[0], out, err);
}

const struct mt_layer_type mt_layer_sequential = {
    .name = "Sequential",
    .doc = "its layers, one after the other",
    .keys = sequential_keys,
    .args_size = sizeof(struct sequential_args),
    .flags = MT_LAYER_CONTAINER,
    .repeat = sequential_repeat,
    .record = sequential_record,
};

/* y = x + f(x) */
static mt_status residual_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    struct mt_value *y;
    mt_status status;

    if ((status = mt_layers_record(r, layer, in[0], &y, err)) != MT_OK)
        return status;
    if (!mt_shape_equal(&y->shape, &in[0]->shape)) {
        struct mt_shape got = mt_sample_shape(y);

        return mt_layer_fail(r, layer, in[0], err,
                             "its layers must give the shape that goes in, "
                             "but give %s", mt_shape_text(&got).text);
    }
    mt_graph_layer(r->graph, layer->path);
    *out = mt_add(r->graph, y, in[0]);
    return MT_OK;
}

const struct mt_layer_type mt_layer_residual = {
    .name = "Residual",
    .doc = "its layers, and its input added to what they give",
    .flags = MT_LAYER_CONTAINER | MT_LAYER_ADDS_INPUT,
    .record = residual_record,
};

static mt_status check_equal_shapes(const struct mt_record *r,
                                    const struct mt_layer *layer,
                                    struct mt_value *const *in,
                                    struct mt_err *err)
{
    for (size_t i = 1; i < layer->n_in; i++) {
        struct mt_shape shape = mt_sample_shape(in[i]);

        if (!mt_shape_equal(&in[i]->shape, &in[0]->shape))
            return mt_layer_fail(r, layer, in[0], err,
                                 "inputs must have equal shapes, but input %zu "
                                 "is %s", i + 1, mt_shape_text(&shape).text);
    }
    return MT_OK;
}

typedef struct mt_value *binary_op(struct mt_graph *g, struct mt_value *a,
                                   struct mt_value *b);

static mt_status record_chain(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *const *in, binary_op *op,
                              struct mt_value **out, struct mt_err *err)
{
    struct mt_value *y = in[0];
    mt_status status;

    if ((status = check_equal_shapes(r, layer, in, err)) != MT_OK)
        return status;
    for (size_t i = 1; i < layer->n_in; i++)
        y = op(r->graph, y, in[i]);
    *out = y;
    return MT_OK;
}

static mt_status add_record(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *const *in, struct mt_value **out,
                            struct mt_err *err)
{
    return record_chain(r, layer, in, mt_add, out, err);
}

static mt_status mul_record(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *const *in, struct mt_value **out,
                            struct mt_err *err)
{
    return record_chain(r, layer, in, mt_mul, out, err);
}

const struct mt_layer_type mt_layer_add = {
    .name = "Add",
    .doc = "the sum of its inputs",
    .flags = MT_LAYER_MANY_INPUTS,
    .record = add_record,
};

const struct mt_layer_type mt_layer_mul = {
    .name = "Mul",
    .doc = "the elementwise product of its inputs",
    .flags = MT_LAYER_MANY_INPUTS,
    .record = mul_record,
};

struct concat_args {
    int64_t dim;
};

static const struct mt_key concat_keys[] = {
    { "dim", MT_KEY_INT, offsetof(struct concat_args, dim), .def = "1",
      .min = -8, .max = 8,
      .doc = "dimension along which inputs are joined; the batch is 0" },
    { NULL },
};

static bool joins(const struct mt_value *a, const struct mt_value *b, int dim)
{
    if (a->shape.rank != b->shape.rank)
        return false;
    for (int i = 0; i < a->shape.rank; i++) {
        if (i != dim && a->shape.dim[i] != b->shape.dim[i])
            return false;
    }
    return true;
}

static mt_status concat_record(struct mt_record *r, struct mt_layer *layer,
                               struct mt_value *const *in,
                               struct mt_value **out, struct mt_err *err)
{
    const struct concat_args *args = layer->args;
    int rank = in[0]->shape.rank;
    int dim = (int)(args->dim < 0 ? args->dim + rank : args->dim);

    if (dim < 1 || dim >= rank)
        return mt_layer_fail(r, layer, in[0], err,
                             "has no dimension %lld to join along (the batch "
                             "is 0)", (long long)args->dim);
    for (size_t i = 1; i < layer->n_in; i++) {
        struct mt_shape shape = mt_sample_shape(in[i]);

        if (!joins(in[0], in[i], dim))
            return mt_layer_fail(r, layer, in[0], err,
                                 "inputs must agree in all dimensions but %d, "
                                 "but input %zu is %s", dim, i + 1,
                                 mt_shape_text(&shape).text);
    }
    *out = mt_concat(r->graph, in, layer->n_in, dim);
    return MT_OK;
}

const struct mt_layer_type mt_layer_concat = {
    .name = "Concat",
    .doc = "its inputs joined along a dimension",
    .keys = concat_keys,
    .args_size = sizeof(struct concat_args),
    .flags = MT_LAYER_MANY_INPUTS,
    .gives = MT_GIVES_ITS_INPUT,
    .record = concat_record,
};
