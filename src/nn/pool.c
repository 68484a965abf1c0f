/* torch.nn.MaxPool1d/2d, AvgPool1d/2d, AdaptiveAvgPool1d/2d,
 * AdaptiveMaxPool1d/2d */
#include "nn/spatial.h"

extern const struct mt_layer_type mt_layer_max_pool1d, mt_layer_max_pool2d,
    mt_layer_avg_pool1d, mt_layer_avg_pool2d, mt_layer_adaptive_avg_pool1d,
    mt_layer_adaptive_avg_pool2d, mt_layer_adaptive_max_pool1d,
    mt_layer_adaptive_max_pool2d;

struct pool_args {
    struct mt_sizes kernel, stride, padding, dilation;
    bool ceil_mode, count_include_pad;
    int64_t divisor;
};

/* Padding takes memory and time to no purpose, so it is limited. */
#define MAX_PADDING 65535

#define COMMON_KEYS                                                            \
    { "kernel_size",                                                           \
      MT_KEY_SIZES,                                                            \
      offsetof(struct pool_args, kernel),                                      \
      .flags = MT_KEY_REQUIRED,                                                \
      .min = 1,                                                                \
      .max = INT32_MAX,                                                        \
      .doc = "size of a window: a number, or one for each dimension" },        \
        { "stride",                                                            \
          MT_KEY_SIZES,                                                        \
          offsetof(struct pool_args, stride),                                  \
          .flags = MT_KEY_NULL,                                                \
          .min = 1,                                                            \
          .max = INT32_MAX,                                                    \
          .doc = "step from one window to the next; default: kernel_size" },   \
        { "padding",                                                           \
          MT_KEY_SIZES,                                                        \
          offsetof(struct pool_args, padding),                                 \
          .def = "0",                                                          \
          .min = 0,                                                            \
          .max = MAX_PADDING,                                                  \
          .doc = "added on both sides, at most half of kernel_size" },         \
    {                                                                          \
        "ceil_mode", MT_KEY_BOOL, offsetof(struct pool_args, ceil_mode),       \
            .def = "false", .doc = "a last window may go beyond the end"       \
    }

static const struct mt_key max_pool_keys[] = {
    COMMON_KEYS,
    { "dilation", MT_KEY_SIZES, offsetof(struct pool_args, dilation),
      .def = "1", .min = 1, .max = INT32_MAX,
      .doc = "step from one element of a window to the next" },
    { NULL },
};

#define COUNT_KEY                                                              \
    {                                                                          \
        "count_include_pad", MT_KEY_BOOL,                                      \
            offsetof(struct pool_args, count_include_pad),                     \
            .def = "true", .doc = "padding counts as zeros in the mean"        \
    }

static const struct mt_key avg_pool1d_keys[] = {
    COMMON_KEYS,
    COUNT_KEY,
    { NULL },
};

static const struct mt_key avg_pool2d_keys[] = {
    COMMON_KEYS,
    COUNT_KEY,
    { "divisor_override", MT_KEY_INT, offsetof(struct pool_args, divisor),
      .flags = MT_KEY_NULL, .min = -16777216, .max = 16777216,
      .doc = "divide each sum by this instead of its window's size" },
    { NULL },
};

/* --- windows -------------------------------------------------------------- */

/* Sets sizes[0] and [1] from a key with one or `dims` numbers. */
static mt_status read_sizes(const struct mt_record *r,
                            const struct mt_layer *layer, const char *key,
                            const struct mt_sizes *given, int dims,
                            size_t sizes[2], struct mt_err *err)
{
    if (given->n == 0)
        return MT_OK;
    if (given->n != 1 && given->n != (size_t)dims)
        return mt_json_fail(r->doc, mt_json_get(layer->object, key), err,
                            "expected a number%s, got a list of %zu",
                            dims == 1 ? "" : " or a list of 2", given->n);
    sizes[0] = given->v[0];
    sizes[1] = given->v[given->n - 1];
    return MT_OK;
}

static mt_status check_axis(const struct mt_record *r,
                            const struct mt_layer *layer,
                            const struct mt_value *x,
                            const struct mt_pool_axis *axis, size_t in,
                            const char *name, struct mt_err *err)
{
    if (axis->padding > axis->kernel / 2)
        return mt_json_fail(r->doc, mt_json_get(layer->object, "padding"), err,
                            "must be at most half of kernel_size %zu, got %zu",
                            axis->kernel, axis->padding);
    if (mt_pool_size(axis, in) == 0)
        return mt_layer_fail(r, layer, x, err,
                             "its windows (kernel_size %zu, dilation %zu) do "
                             "not fit the %s %zu with padding %zu",
                             axis->kernel, axis->dilation, name, in,
                             axis->padding);
    return MT_OK;
}

static mt_status read_axes(const struct mt_record *r,
                           const struct mt_layer *layer,
                           const struct mt_value *x, int dims,
                           struct mt_pool_axis axes[2], struct mt_err *err)
{
    const struct pool_args *args = layer->args;
    size_t kernel[2] = { 0 }, stride[2], padding[2] = { 0 };
    size_t dilation[2] = { 1, 1 };
    const size_t *dim = x->shape.dim;
    mt_status status;

    if ((status = mt_layer_check_planes(r, layer, x, dims, err)) != MT_OK ||
        (status = read_sizes(r, layer, "kernel_size", &args->kernel, dims,
                             kernel, err)) != MT_OK)
        return status;
    stride[0] = kernel[0];
    stride[1] = kernel[1];
    if ((status = read_sizes(r, layer, "stride", &args->stride, dims, stride,
                             err)) != MT_OK ||
        (status = read_sizes(r, layer, "padding", &args->padding, dims, padding,
                             err)) != MT_OK ||
        (status = read_sizes(r, layer, "dilation", &args->dilation, dims,
                             dilation, err)) != MT_OK)
        return status;
    for (int i = 0; i < 2; i++)
        axes[i] = (struct mt_pool_axis){ kernel[i], stride[i], padding[i],
                                         dilation[i], args->ceil_mode };
    if (dims == 1)
        return check_axis(r, layer, x, &axes[1], dim[2], "length", err);
    if ((status = check_axis(r, layer, x, &axes[0], dim[2], "height", err)) !=
        MT_OK)
        return status;
    return check_axis(r, layer, x, &axes[1], dim[3], "width", err);
}

/* A dilated window can miss a short input completely. It is enough to check the
 * first and last windows, since only these start or end outside. */
static mt_status check_dilation(const struct mt_record *r,
                                const struct mt_layer *layer,
                                const struct mt_value *x,
                                const struct mt_pool_axis *axis, size_t in,
                                struct mt_err *err)
{
    size_t out = mt_pool_size(axis, in);

    for (size_t o = 0; o < out; o++) {
        int64_t start = (int64_t)(o * axis->stride) - (int64_t)axis->padding;
        int64_t step = (int64_t)axis->dilation;
        int64_t taps = start < 0 ? (-start + step - 1) / step : 0;

        if (taps >= (int64_t)axis->kernel || start + taps * step >= (int64_t)in)
            return mt_layer_fail(r, layer, x, err,
                                 "window %zu has nothing but padding in it: "
                                 "dilation %zu steps over the input",
                                 o, axis->dilation);
    }
    return MT_OK;
}

/* --- MaxPool, AvgPool ----------------------------------------------------- */

static mt_status max_pool(struct mt_record *r, struct mt_layer *layer,
                          struct mt_value *x, int dims, struct mt_value **out,
                          struct mt_err *err)
{
    struct mt_pool_axis axes[2];
    const size_t *dim = x->shape.dim;
    mt_status status;

    if ((status = read_axes(r, layer, x, dims, axes, err)) != MT_OK ||
        (dims == 2 && (status = check_dilation(r, layer, x, &axes[0], dim[2],
                                               err)) != MT_OK) ||
        (status = check_dilation(r, layer, x, &axes[1], dim[dims + 1], err)) !=
            MT_OK)
        return status;
    *out = mt_max_pool(r->graph, x, axes);
    return MT_OK;
}

static mt_status avg_pool(struct mt_record *r, struct mt_layer *layer,
                          struct mt_value *x, int dims, struct mt_value **out,
                          struct mt_err *err)
{
    const struct pool_args *args = layer->args;
    struct mt_pool_axis axes[2];
    bool override = dims == 2 && args->divisor != INT64_MIN;
    mt_status status;

    if (override && args->divisor == 0)
        return mt_json_fail(r->doc,
                            mt_json_get(layer->object, "divisor_override"), err,
                            "must not be 0");
    if ((status = read_axes(r, layer, x, dims, axes, err)) != MT_OK)
        return status;
    *out = mt_avg_pool(r->graph, x, axes, args->count_include_pad,
                       override ? (double)args->divisor : 0);
    return MT_OK;
}

#define RECORD(NAME, FUNCTION, DIMS)                                           \
    static mt_status NAME##_record(                                            \
        struct mt_record *r, struct mt_layer *layer,                           \
        struct mt_value *const *in, struct mt_value **out, struct mt_err *err) \
    {                                                                          \
        return FUNCTION(r, layer, in[0], DIMS, out, err);                      \
    }

RECORD(max_pool1d, max_pool, 1)
RECORD(max_pool2d, max_pool, 2)
RECORD(avg_pool1d, avg_pool, 1)
RECORD(avg_pool2d, avg_pool, 2)

const struct mt_layer_type mt_layer_max_pool1d = {
    .name = "MaxPool1d",
    .doc = "the maxima of windows over [channels, length]",
    .keys = max_pool_keys,
    .args_size = sizeof(struct pool_args),
    .record = max_pool1d_record,
};

const struct mt_layer_type mt_layer_max_pool2d = {
    .name = "MaxPool2d",
    .doc = "the maxima of windows over [channels, height, width]",
    .keys = max_pool_keys,
    .args_size = sizeof(struct pool_args),
    .record = max_pool2d_record,
};

const struct mt_layer_type mt_layer_avg_pool1d = {
    .name = "AvgPool1d",
    .doc = "the means of windows over [channels, length]",
    .keys = avg_pool1d_keys,
    .args_size = sizeof(struct pool_args),
    .record = avg_pool1d_record,
};

const struct mt_layer_type mt_layer_avg_pool2d = {
    .name = "AvgPool2d",
    .doc = "the means of windows over [channels, height, width]",
    .keys = avg_pool2d_keys,
    .args_size = sizeof(struct pool_args),
    .record = avg_pool2d_record,
};

/* --- AdaptiveAvgPool, AdaptiveMaxPool ------------------------------------- */

struct adaptive_args {
    const struct mt_item *size;
};

#define ADAPTIVE_KEYS(DOC)                                                     \
    {                                                                          \
        { "output_size", MT_KEY_JSON, offsetof(struct adaptive_args, size),    \
          .flags = MT_KEY_REQUIRED, .doc = DOC,                                \
          .schema = "\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},"         \
                    "{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,"       \
                    "\"items\":{\"type\":[\"integer\",\"null\"],"              \
                    "\"minimum\":1}}]" },                                       \
            { NULL },                                                          \
    }

static const struct mt_key adaptive1d_keys[] =
    ADAPTIVE_KEYS("how long the output is");
static const struct mt_key adaptive2d_keys[] =
    ADAPTIVE_KEYS("height and width of the output: a number for both, or a "
                  "list in which null keeps the input's");

/* One entry: a number, or null for the input's size. */
static mt_status read_entry(const struct mt_record *r, const struct mt_item *item,
                            size_t in, size_t *size, struct mt_err *err)
{
    double v = item->number;

    *size = in;
    if (mt_is_null(item))
        return MT_OK;
    if (!mt_is_number(item) || !(v >= 1) || v > INT32_MAX ||
        v != (double)(int32_t)v)
        return mt_json_fail(r->doc, item, err,
                            "expected a whole number from 1 to 2147483647, or "
                            "null in a list, got %s",
                            mt_json_text(item).text);
    *size = (size_t)v;
    return MT_OK;
}

static mt_status read_output_size(const struct mt_record *r,
                                  const struct mt_layer *layer,
                                  const struct mt_value *x, int dims,
                                  size_t size[2], struct mt_err *err)
{
    const struct mt_item *given = ((const struct adaptive_args *)layer->args)->size;
    bool list = mt_is_list(given);
    const struct mt_item *item = list ? given->child : given;
    size_t n = list ? mt_item_count(given) : 1;
    mt_status status;

    if (list ? n != (size_t)dims : !mt_is_number(given))
        return mt_json_fail(r->doc, given, err,
                            "expected a whole number or a list of %d, got %s",
                            dims, mt_json_text(given).text);
    size[0] = 1;
    for (int i = 2 - dims; i < 2; i++) {
        if ((status = read_entry(r, item, x->shape.dim[i + dims], &size[i],
                                 err)) != MT_OK)
            return status;
        if (list)
            item = item->next;
    }
    return MT_OK;
}

typedef struct mt_value *adaptive_op(struct mt_graph *g, struct mt_value *x,
                                     const size_t size[2]);

static mt_status adaptive(struct mt_record *r, struct mt_layer *layer,
                          struct mt_value *x, int dims, adaptive_op *op,
                          struct mt_value **out, struct mt_err *err)
{
    size_t size[2];
    mt_status status;

    if ((status = mt_layer_check_planes(r, layer, x, dims, err)) != MT_OK ||
        (status = read_output_size(r, layer, x, dims, size, err)) != MT_OK ||
        (status = mt_layer_check_plane_size(r, layer, x, size, err)) != MT_OK)
        return status;
    *out = op(r->graph, x, size);
    return MT_OK;
}

static mt_status adaptive_avg(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *x, int dims,
                              struct mt_value **out, struct mt_err *err)
{
    return adaptive(r, layer, x, dims, mt_adaptive_avg_pool, out, err);
}

static mt_status adaptive_max(struct mt_record *r, struct mt_layer *layer,
                              struct mt_value *x, int dims,
                              struct mt_value **out, struct mt_err *err)
{
    return adaptive(r, layer, x, dims, mt_adaptive_max_pool, out, err);
}

RECORD(adaptive_avg_pool1d, adaptive_avg, 1)
RECORD(adaptive_avg_pool2d, adaptive_avg, 2)
RECORD(adaptive_max_pool1d, adaptive_max, 1)
RECORD(adaptive_max_pool2d, adaptive_max, 2)

const struct mt_layer_type mt_layer_adaptive_avg_pool1d = {
    .name = "AdaptiveAvgPool1d",
    .doc = "means over [channels, length] that give a chosen length",
    .keys = adaptive1d_keys,
    .args_size = sizeof(struct adaptive_args),
    .record = adaptive_avg_pool1d_record,
};

const struct mt_layer_type mt_layer_adaptive_avg_pool2d = {
    .name = "AdaptiveAvgPool2d",
    .doc = "means over [channels, height, width] that give a chosen size",
    .keys = adaptive2d_keys,
    .args_size = sizeof(struct adaptive_args),
    .record = adaptive_avg_pool2d_record,
};

const struct mt_layer_type mt_layer_adaptive_max_pool1d = {
    .name = "AdaptiveMaxPool1d",
    .doc = "maxima over [channels, length] that give a chosen length",
    .keys = adaptive1d_keys,
    .args_size = sizeof(struct adaptive_args),
    .record = adaptive_max_pool1d_record,
};

const struct mt_layer_type mt_layer_adaptive_max_pool2d = {
    .name = "AdaptiveMaxPool2d",
    .doc = "maxima over [channels, height, width] that give a chosen size",
    .keys = adaptive2d_keys,
    .args_size = sizeof(struct adaptive_args),
    .record = adaptive_max_pool2d_record,
};
