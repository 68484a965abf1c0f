/* Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d. */
#include <string.h>

#include "nn/spatial.h"

struct conv_args {
    size_t in_channels, out_channels, groups;
    struct mt_sizes kernel_size, stride, dilation, output_padding;
    const struct mt_item *padding;
    bool bias;
    int padding_mode;
};

#define ARG(member) offsetof(struct conv_args, member)

static const char *const padding_modes[] = { "zeros", NULL };

#define COMMON_KEYS                                                            \
    { "in_channels", MT_KEY_SIZE, ARG(in_channels), .min = 1,                  \
      .doc = "channels of the input; follows from it" },                       \
    { "out_channels", MT_KEY_SIZE, ARG(out_channels),                          \
      .flags = MT_KEY_REQUIRED, .min = 1, .doc = "channels of the output" },   \
    { "kernel_size", MT_KEY_SIZES, ARG(kernel_size),                           \
      .flags = MT_KEY_REQUIRED, .min = 1, .max = INT32_MAX,                    \
      .doc = "size of the kernel: one number, or one for each dimension" },    \
    { "stride", MT_KEY_SIZES, ARG(stride), .def = "1", .min = 1,               \
      .max = INT32_MAX, .doc = "step of the kernel" },                         \
    { "dilation", MT_KEY_SIZES, ARG(dilation), .def = "1", .min = 1,           \
      .max = INT32_MAX, .doc = "distance of the kernel's elements" },          \
    { "groups", MT_KEY_SIZE, ARG(groups), .def = "1", .min = 1,                \
      .doc = "blocks of channels that do not see each other" },                \
    { "bias", MT_KEY_BOOL, ARG(bias), .def = "true",                           \
      .doc = "learn an additive bias" },                                       \
    { "padding_mode", MT_KEY_ENUM,  ARG(padding_mode), .def = "\"zeros\"",    \
      .choices = padding_modes, .doc = "what the padding holds" }

#define PADDING_SIZE                                                           \
    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":2147483647}"
#define PADDING_SCHEMA                                                         \
    "\"anyOf\":[" PADDING_SIZE ",{\"type\":\"array\",\"items\":" PADDING_SIZE     \
    ","                                                                        \
    "\"minItems\":1,\"maxItems\":2},{\"enum\":[\"same\",\"valid\"]}]"

static const struct mt_key conv_keys[] = {
    COMMON_KEYS,
    { "padding", MT_KEY_JSON, ARG(padding), .def = "0",
      .doc = "zeros around the input: one number, one for each dimension, "
             "\"valid\" (none) or \"same\" (the output is as large as the "
             "input; stride 1)",
      .schema = PADDING_SCHEMA },
    { .name = NULL },
};

static const struct mt_key transpose_keys[] = {
    COMMON_KEYS,
    { "padding", MT_KEY_JSON, ARG(padding), .def = "0",
      .doc = "how much the output is cut on every side",
      .schema = PADDING_SCHEMA },
    { "output_padding", MT_KEY_SIZES, ARG(output_padding), .def = "0",
      .max = INT32_MAX,
      .doc = "how much the output is extended on one side" },
    { .name = NULL },
};

/* Reads one number for all dimensions, or one for each; dims: 1 or 2; a single
 * dimension is stored as the second of two. */
static mt_status spread(const struct mt_record *r, const struct mt_layer *l,
                        const char *key, const struct mt_sizes *sizes,
                        size_t dims, size_t one, size_t *h, size_t *w,
                        struct mt_err *err)
{
    if (sizes->n != 1 && sizes->n != dims)
        return mt_json_fail(r->doc, mt_json_get(l->object, key), err,
                            "%s takes one number%s, got %zu", l->type->name,
                            dims == 2 ? " or two" : "", sizes->n);
    *h = dims == 1 ? one : sizes->v[0];
    *w = sizes->v[sizes->n - 1];
    return MT_OK;
}

struct padding_args {
    struct mt_sizes sizes;
};

static const struct mt_key padding_keys[] = {
    { "padding", MT_KEY_SIZES, offsetof(struct padding_args, sizes),
      .def = "0", .max = INT32_MAX },
    { .name = NULL },
};

static mt_status read_padding(struct mt_record *r, const struct mt_layer *l,
                              size_t dims, struct mt_conv *cv, bool *same,
                              struct mt_err *err)
{
    const struct conv_args *args = l->args;
    struct padding_args padding;
    mt_status status;

    *same = false;
    if (mt_is_string(args->padding)) {
        const char *text = args->padding->text;

        *same = strcmp(text, "same") == 0;
        if (!*same && strcmp(text, "valid") != 0)
            return mt_json_fail(r->doc, args->padding, err,
                                "expected numbers, \"same\" or \"valid\", got "
                                "%s", mt_json_quoted(text).text);
        return MT_OK;
    }
    if ((status = mt_keys_read(r->doc, l->object, padding_keys, &padding,
                               r->arena, err)) != MT_OK)
        return status;
    return spread(r, l, "padding", &padding.sizes, dims, 0, &cv->ph, &cv->pw,
                  err);
}

static mt_status read_geometry(struct mt_record *r, const struct mt_layer *l,
                               size_t dims, struct mt_conv *cv, bool *same,
                               struct mt_err *err)
{
    const struct conv_args *a = l->args;
    mt_status status;

    if ((status = spread(r, l, "kernel_size", &a->kernel_size, dims, 1, &cv->kh,
                         &cv->kw, err)) != MT_OK ||
        (status = spread(r, l, "stride", &a->stride, dims, 1, &cv->sh, &cv->sw,
                         err)) != MT_OK ||
        (status = spread(r, l, "dilation", &a->dilation, dims, 1, &cv->dh,
                         &cv->dw, err)) != MT_OK)
        return status;
    return read_padding(r, l, dims, cv, same, err);
}

/* Checks rank, size and channels; the height of one-dimensional input is 1. */
static mt_status check_input(const struct mt_record *r,
                             const struct mt_layer *l,
                             const struct mt_value *x, int dims,
                             size_t *channels, size_t *h, size_t *w,
                             struct mt_err *err)
{
    const struct conv_args *args = l->args;
    const size_t *dim = x->shape.dim;
    mt_status status;

    if ((status = mt_layer_check_planes(r, l, x, dims, err)) != MT_OK)
        return status;
    *channels = dim[1];
    *h = dims == 1 ? 1 : dim[2];
    *w = dim[dims + 1];
    if ((status = mt_layer_check_size(r, l, x, "in_channels", args->in_channels,
                                      *channels, err)) != MT_OK)
        return status;
    if (*channels % args->groups || args->out_channels % args->groups)
        return mt_layer_fail(r, l, x, err,
                             "%zu groups must divide both %zu input and %zu "
                             "output channels", args->groups, *channels,
                             args->out_channels);
    return MT_OK;
}

/* The number of steps of a kernel over `in` with padding on both sides; 0: it
 * does not fit. */
static size_t steps(size_t in, size_t kernel, size_t stride, size_t padding,
                    size_t dilation)
{
    size_t reach = (kernel - 1) * dilation + 1, whole = in + 2 * padding;

    return whole < reach ? 0 : (whole - reach) / stride + 1;
}

/* "same": half of (kernel - 1) dilation before, the rest after. */
static mt_status same_padding(const struct mt_record *r,
                              const struct mt_layer *l,
                              const struct mt_value *x, struct mt_conv *cv,
                              struct mt_err *err)
{
    if (cv->sh != 1 || cv->sw != 1)
        return mt_layer_fail(r, l, x, err,
                             "padding \"same\" needs a stride of 1");
    cv->ph = (cv->kh - 1) * cv->dh / 2;
    cv->pw = (cv->kw - 1) * cv->dw / 2;
    cv->oh = cv->h;
    cv->ow = cv->w;
    return MT_OK;
}

static mt_status params(struct mt_record *r, struct mt_layer *l, int dims,
                        size_t first, size_t second, size_t bias,
                        const struct mt_conv *cv, struct mt_value **w,
                        struct mt_value **b, struct mt_err *err)
{
    const struct conv_args *args = l->args;
    struct mt_init init = mt_init_fan_in(second * cv->kh * cv->kw);
    struct mt_shape shape =
        dims == 1 ? mt_shape_of(3, first, second, cv->kw)
                  : mt_shape_of(4, first, second, cv->kh, cv->kw);
    struct mt_shape b_shape = mt_shape_of(1, bias);
    mt_status status;

    *b = NULL;
    if ((status = mt_layer_param(r, l, "weight", &shape, &init, w, err)) !=
        MT_OK)
        return status;
    if (!args->bias)
        return MT_OK;
    return mt_layer_param(r, l, "bias", &b_shape, &init, b, err);
}

/* weight (out, in / groups, kernel) and bias are uniform in +-1/sqrt(fan_in) */
static mt_status conv(struct mt_record *r, struct mt_layer *l, int dims,
                      struct mt_value *x, struct mt_value **out,
                      struct mt_err *err)
{
    const struct conv_args *args = l->args;
    struct mt_conv cv = { .n = x->shape.dim[0], .groups = args->groups };
    struct mt_value *w, *b;
    size_t channels = 0;
    bool same;
    mt_status status;

    if ((status = check_input(r, l, x, dims, &channels, &cv.h, &cv.w, err)) !=
            MT_OK ||
        (status = read_geometry(r, l, (size_t)dims, &cv, &same, err)) != MT_OK)
        return status;
    cv.c = channels / args->groups;
    cv.o = args->out_channels / args->groups;
    cv.oh = steps(cv.h, cv.kh, cv.sh, cv.ph, cv.dh);
    cv.ow = steps(cv.w, cv.kw, cv.sw, cv.pw, cv.dw);
    if (same && (status = same_padding(r, l, x, &cv, err)) != MT_OK)
        return status;
    if (cv.oh == 0 || cv.ow == 0)
        return mt_layer_fail(r, l, x, err,
                             "its kernel is larger than the padded input");
    if ((status = mt_layer_check_plane_size(
             r, l, x, (size_t[2]){ cv.oh, cv.ow }, err)) != MT_OK ||
        (status = params(r, l, dims, args->out_channels, cv.c,
                         args->out_channels, &cv, &w, &b, err)) != MT_OK)
        return status;
    *out = mt_conv_op(r->graph, x, w, b, &cv);
    return MT_OK;
}

static mt_status conv1d_record(struct mt_record *r, struct mt_layer *l,
                               struct mt_value *const *in,
                               struct mt_value **out, struct mt_err *err)
{
    return conv(r, l, 1, in[0], out, err);
}

static mt_status conv2d_record(struct mt_record *r, struct mt_layer *l,
                               struct mt_value *const *in,
                               struct mt_value **out, struct mt_err *err)
{
    return conv(r, l, 2, in[0], out, err);
}

/* in = (out - 1) stride - 2 padding + dilation (kernel - 1) + extra + 1 */
static bool transposed(size_t out, size_t kernel, size_t stride,
                       size_t padding, size_t dilation, size_t extra,
                       size_t *in)
{
    size_t whole = (out - 1) * stride + dilation * (kernel - 1) + extra + 1;

    if (whole <= 2 * padding)
        return false;
    *in = whole - 2 * padding;
    return true;
}

/* weight (in, out / groups, kernel): as in torch, fan_in is computed from its
 * second dimension */
static mt_status conv_transpose(struct mt_record *r, struct mt_layer *l,
                                int dims, struct mt_value *x,
                                struct mt_value **out, struct mt_err *err)
{
    const struct conv_args *args = l->args;
    struct mt_value *w, *b;
    struct mt_conv cv = { .n = x->shape.dim[0], .groups = args->groups };
    size_t channels = 0, extra_h = 0, extra_w = 0;
    bool same;
    mt_status status;

    if ((status = check_input(r, l, x, dims, &channels, &cv.oh, &cv.ow, err)) !=
            MT_OK ||
        (status = read_geometry(r, l, (size_t)dims, &cv, &same, err)) !=
            MT_OK ||
        (status = spread(r, l, "output_padding", &args->output_padding,
                         (size_t)dims, 0, &extra_h, &extra_w, err)) != MT_OK)
        return status;
    cv.o = channels / args->groups;
    cv.c = args->out_channels / args->groups;
    if (same)
        return mt_layer_fail(r, l, x, err, "takes no padding \"same\"");
    if ((extra_h >= cv.sh && extra_h >= cv.dh) ||
        (extra_w >= cv.sw && extra_w >= cv.dw))
        return mt_layer_fail(r, l, x, err, "output_padding must be smaller "
                             "than stride or dilation");
    if (!transposed(cv.oh, cv.kh, cv.sh, cv.ph, cv.dh, extra_h, &cv.h) ||
        !transposed(cv.ow, cv.kw, cv.sw, cv.pw, cv.dw, extra_w, &cv.w))
        return mt_layer_fail(r, l, x, err,
                             "its padding cuts the whole output away");
    if ((status = mt_layer_check_plane_size(r, l, x, (size_t[2]){ cv.h, cv.w },
                                            err)) != MT_OK ||
        (status = params(r, l, dims, channels, cv.c, args->out_channels, &cv,
                         &w, &b, err)) != MT_OK)
        return status;
    *out = mt_conv_transpose_op(r->graph, x, w, b, &cv);
    return MT_OK;
}

static mt_status conv_transpose1d_record(struct mt_record *r,
                                         struct mt_layer *l,
                                         struct mt_value *const *in,
                                         struct mt_value **out,
                                         struct mt_err *err)
{
    return conv_transpose(r, l, 1, in[0], out, err);
}

static mt_status conv_transpose2d_record(struct mt_record *r,
                                         struct mt_layer *l,
                                         struct mt_value *const *in,
                                         struct mt_value **out,
                                         struct mt_err *err)
{
    return conv_transpose(r, l, 2, in[0], out, err);
}

extern const struct mt_layer_type mt_layer_conv1d, mt_layer_conv2d,
    mt_layer_conv_transpose1d, mt_layer_conv_transpose2d;

const struct mt_layer_type mt_layer_conv1d = {
    .name = "Conv1d",
    .doc = "convolution over [channels, length]",
    .keys = conv_keys,
    .args_size = sizeof(struct conv_args),
    .record = conv1d_record,
};

const struct mt_layer_type mt_layer_conv2d = {
    .name = "Conv2d",
    .doc = "convolution over [channels, height, width]",
    .keys = conv_keys,
    .args_size = sizeof(struct conv_args),
    .record = conv2d_record,
};

const struct mt_layer_type mt_layer_conv_transpose1d = {
    .name = "ConvTranspose1d",
    .doc = "transposed convolution over [channels, length]",
    .keys = transpose_keys,
    .args_size = sizeof(struct conv_args),
    .record = conv_transpose1d_record,
};

const struct mt_layer_type mt_layer_conv_transpose2d = {
    .name = "ConvTranspose2d",
    .doc = "transposed convolution over [channels, height, width]",
    .keys = transpose_keys,
    .args_size = sizeof(struct conv_args),
    .record = conv_transpose2d_record,
};
