/* The activations of torch.nn. */
#include "nn/layer.h"

#include <string.h>

struct activation_args {
    bool inplace;
    double a, b;      /* the parameters, in the kernel's order */
    int approximate;
    int64_t dim;
};

#define ARG(member) offsetof(struct activation_args, member)

#define INPLACE                                                                \
    {                                                                          \
        "inplace", MT_KEY_BOOL, ARG(inplace),                                  \
            .def = "false",                                                    \
            .doc = "accepted as in torch, without effect: memory is planned "  \
                   "anyway"                                                    \
    }

static const struct mt_key inplace_keys[] = { INPLACE, { NULL } };

static const struct mt_key leaky_relu_keys[] = {
    { "negative_slope", MT_KEY_REAL, ARG(a), .def = "0.01",
      .doc = "slope below 0" },
    INPLACE,
    { NULL },
};

static const struct mt_key elu_keys[] = {
    { "alpha", MT_KEY_REAL, ARG(a), .def = "1",
      .doc = "the value that it nears below 0, negated" },
    INPLACE,
    { NULL },
};

enum { BY_ERF, BY_TANH };

static const char *const approximations[] = { "none", "tanh", NULL };

static const struct mt_key gelu_keys[] = {
    { "approximate", MT_KEY_ENUM, ARG(approximate), .def = "\"none\"",
      .choices = approximations, .doc = "none: by erf; tanh: approximated" },
    { NULL },
};

static const struct mt_key softplus_keys[] = {
    { "beta", MT_KEY_REAL, ARG(a), .def = "1", .flags = MT_KEY_OPEN_MIN,
      .doc = "steepness" },
    { "threshold", MT_KEY_REAL, ARG(b), .def = "20",
      .doc = "above it, beta x is taken for softplus(beta x)" },
    { NULL },
};

static const struct mt_key hardtanh_keys[] = {
    { "min_val", MT_KEY_REAL, ARG(a), .def = "-1",
      .doc = "the least that comes out" },
    { "max_val", MT_KEY_REAL, ARG(b), .def = "1",
      .doc = "the most that comes out" },
    INPLACE,
    { NULL },
};

static const struct mt_key dim_keys[] = {
    { "dim", MT_KEY_INT, ARG(dim), .def = "-1", .min = -8, .max = 8,
      .doc = "dimension that sums to 1, the batch being 0" },
    { NULL },
};

static mt_status record(struct mt_record *r, const char *kernel,
                        const struct mt_layer *layer, struct mt_value *x,
                        struct mt_value **out)
{
    const struct activation_args *args = layer->args;
    float p[2] = { (float)args->a, (float)args->b };

    *out = mt_activate(r->graph, x, mt_activation_find(kernel), p);
    return MT_OK;
}

/* Defines the layer `TYPE` over the activation of that kernel's name. */
#define ACTIVATION(KERNEL, TYPE, KEYS, GIVES, DOC)                             \
    static mt_status KERNEL##_record(                                          \
        struct mt_record *r, struct mt_layer *layer,                           \
        struct mt_value *const *in, struct mt_value **out, struct mt_err *err) \
    {                                                                          \
        (void)err;                                                             \
        return record(r, #KERNEL, layer, in[0], out);                          \
    }                                                                          \
    extern const struct mt_layer_type mt_layer_##KERNEL;                       \
    const struct mt_layer_type mt_layer_##KERNEL = {                           \
        .name = TYPE,                                                          \
        .doc = DOC,                                                            \
        .keys = KEYS,                                                          \
        .args_size = sizeof(struct activation_args),                           \
        .gives = GIVES,                                                        \
        .record = KERNEL##_record,                                             \
    };

ACTIVATION(relu, "ReLU", inplace_keys, MT_GIVES_NO_NEGATIVES, "max(x, 0)")
ACTIVATION(leaky_relu, "LeakyReLU", leaky_relu_keys, MT_GIVES_ANY,
           "x, or negative_slope x below 0")
ACTIVATION(elu, "ELU", elu_keys, MT_GIVES_ANY, "x, or alpha (e^x - 1) below 0")
ACTIVATION(selu, "SELU", inplace_keys, MT_GIVES_ANY,
           "ELU, scaled to keep mean and variance")
ACTIVATION(silu, "SiLU", inplace_keys, MT_GIVES_ANY, "x sigmoid(x)")
ACTIVATION(mish, "Mish", inplace_keys, MT_GIVES_ANY, "x tanh(softplus(x))")
ACTIVATION(tanh, "Tanh", NULL, MT_GIVES_ANY, "tanh(x)")
ACTIVATION(sigmoid, "Sigmoid", NULL, MT_GIVES_FRACTIONS, "1 / (1 + e^-x)")
ACTIVATION(softplus, "Softplus", softplus_keys, MT_GIVES_ANY,
           "ln(1 + e^(beta x)) / beta")
ACTIVATION(hardswish, "Hardswish", inplace_keys, MT_GIVES_ANY,
           "x min(max(x + 3, 0), 6) / 6")

static mt_status gelu_record(struct mt_record *r, struct mt_layer *layer,
                             struct mt_value *const *in,
                             struct mt_value **out, struct mt_err *err)
{
    const struct activation_args *args = layer->args;
    bool exact = args->approximate == BY_ERF;

    (void)err;
    return record(r, exact ? "gelu" : "gelu_tanh", layer, in[0], out);
}

static mt_status hardtanh_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    const struct activation_args *args = layer->args;

    if (args->a >= args->b)
        return mt_layer_fail(r, layer, in[0], err,
                             "max_val must be greater than min_val %g, got %g",
                             args->a, args->b);
    return record(r, "hardtanh", layer, in[0], out);
}

static mt_status relu6_record(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *const *in,
                              struct mt_value **out, struct mt_err *err)
{
    (void)layer;
    (void)err;
    *out = mt_activate(r->graph, in[0], mt_activation_find("hardtanh"),
                       (const float[2]){ 0, 6 });
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_gelu, mt_layer_hardtanh,
    mt_layer_relu6, mt_layer_prelu, mt_layer_softmax, mt_layer_log_softmax,
    mt_layer_glu;

const struct mt_layer_type mt_layer_gelu = {
    .name = "GELU",
    .doc = "x times the normal distribution's cumulative function of x",
    .keys = gelu_keys,
    .args_size = sizeof(struct activation_args),
    .record = gelu_record,
};

const struct mt_layer_type mt_layer_hardtanh = {
    .name = "Hardtanh",
    .doc = "min(max(x, min_val), max_val)",
    .keys = hardtanh_keys,
    .args_size = sizeof(struct activation_args),
    .record = hardtanh_record,
};

const struct mt_layer_type mt_layer_relu6 = {
    .name = "ReLU6",
    .doc = "min(max(x, 0), 6)",
    .keys = inplace_keys,
    .args_size = sizeof(struct activation_args),
    .gives = MT_GIVES_NO_NEGATIVES,
    .record = relu6_record,
};

/* --- PReLU --------------------------------------------------------------- */

struct prelu_args {
    size_t num_parameters;
    double init;
};

static const struct mt_key prelu_keys[] = {
    { "num_parameters", MT_KEY_SIZE,
      offsetof(struct prelu_args, num_parameters), .def = "1", .min = 1,
      .doc = "slopes: one for all, or one for each channel, dimension 1" },
    { "init", MT_KEY_REAL, offsetof(struct prelu_args, init), .def = "0.25",
      .doc = "initial value of the slopes" },
    { NULL },
};

static mt_status prelu_record(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *const *in,
                              struct mt_value **out, struct mt_err *err)
{
    const struct prelu_args *args = layer->args;
    struct mt_init init = { .type = "constant_", .val = args->init };
    struct mt_shape shape = mt_shape_of(1, args->num_parameters);
    size_t channels = in[0]->shape.rank > 1 ? in[0]->shape.dim[1] : 1;
    struct mt_value *w;
    mt_status status;

    if (args->num_parameters != 1 && args->num_parameters != channels)
        return mt_layer_fail(r, layer, in[0], err,
                             "num_parameters must be 1 or the number of "
                             "channels %zu, got %zu",
                             channels, args->num_parameters);
    status = mt_layer_param(r, layer, "weight", &shape, &init, &w, err);
    if (status == MT_OK)
        *out = mt_prelu(r->graph, in[0], w);
    return status;
}

const struct mt_layer_type mt_layer_prelu = {
    .name = "PReLU",
    .doc = "x, or a learned slope times x below 0",
    .keys = prelu_keys,
    .args_size = sizeof(struct prelu_args),
    .record = prelu_record,
};

/* --- along a dimension --------------------------------------------------- */

typedef struct mt_value *row_op(struct mt_graph *g, struct mt_value *x);

/* The dimension of "dim", counted from 0. */
static mt_status read_dim(const struct mt_record *r,
                          const struct mt_layer *layer,
                          const struct mt_value *x, int *dim,
                          struct mt_err *err)
{
    const struct activation_args *args = layer->args;
    int64_t found = args->dim < 0 ? args->dim + x->shape.rank : args->dim;

    *dim = (int)found;
    if (found < 1 || found >= x->shape.rank)
        return mt_layer_fail(r, layer, x, err,
                             "has no dimension %lld to work along (the batch "
                             "is 0)", (long long)args->dim);
    return MT_OK;
}

/* Along the last dimension, with which the layer's own is exchanged. */
static mt_status record_rows(struct mt_record *r, const struct mt_layer *layer,
                             struct mt_value *x, row_op *op,
                             struct mt_value **out, struct mt_err *err)
{
    int rank = x->shape.rank, order[MT_MAX_RANK] = { 0 }, dim;
    mt_status status = read_dim(r, layer, x, &dim, err);

    if (status != MT_OK)
        return status;
    if (dim == rank - 1) {
        *out = op(r->graph, x);
        return MT_OK;
    }
    for (int i = 0; i < rank; i++)
        order[i] = i;
    order[dim] = rank - 1;
    order[rank - 1] = dim;
    *out = mt_permute(r->graph, op(r->graph, mt_permute(r->graph, x, order)),
                      order);
    return MT_OK;
}

static mt_status softmax_record(struct mt_record *r, struct mt_layer *layer,
                                struct mt_value *const *in,
                                struct mt_value **out, struct mt_err *err)
{
    return record_rows(r, layer, in[0], mt_softmax, out, err);
}

static mt_status log_softmax_record(struct mt_record *r,
                                    struct mt_layer *layer,
                                    struct mt_value *const *in,
                                    struct mt_value **out, struct mt_err *err)
{
    return record_rows(r, layer, in[0], mt_log_softmax, out, err);
}

const struct mt_layer_type mt_layer_softmax = {
    .name = "Softmax",
    .doc = "e^x over its sum",
    .keys = dim_keys,
    .args_size = sizeof(struct activation_args),
    .gives = MT_GIVES_PROBABILITIES,
    .record = softmax_record,
};

const struct mt_layer_type mt_layer_log_softmax = {
    .name = "LogSoftmax",
    .doc = "the logarithm of Softmax",
    .keys = dim_keys,
    .args_size = sizeof(struct activation_args),
    .gives = MT_GIVES_LOG_PROBABILITIES,
    .record = log_softmax_record,
};

static const struct mt_key glu_keys[] = {
    { "dim", MT_KEY_INT, ARG(dim), .def = "-1", .min = -8, .max = 8,
      .doc = "dimension that is halved, the batch being 0" },
    { NULL },
};

/* y = a sigmoid(b), where a and b are the halves of x */
static mt_status glu_record(struct mt_record *r, struct mt_layer *layer,
                            struct mt_value *const *in, struct mt_value **out,
                            struct mt_err *err)
{
    struct mt_graph *g = r->graph;
    struct mt_value *x = in[0], *a, *b;
    int dim;
    mt_status status = read_dim(r, layer, x, &dim, err);

    if (status != MT_OK)
        return status;
    size_t half = x->shape.dim[dim] / 2;

    if (x->shape.dim[dim] != 2 * half)
        return mt_layer_fail(r, layer, x, err,
                             "needs an even size to halve, but dimension %d "
                             "has %zu", dim, x->shape.dim[dim]);
    a = mt_slice(g, x, dim, 0, half);
    b = mt_slice(g, x, dim, half, half);
    *out = mt_mul(g, a, mt_activate(g, b, mt_activation_find("sigmoid"), NULL));
    return MT_OK;
}

const struct mt_layer_type mt_layer_glu = {
    .name = "GLU",
    .doc = "the first half times the sigmoid of the second",
    .keys = glu_keys,
    .args_size = sizeof(struct activation_args),
    .record = glu_record,
};
