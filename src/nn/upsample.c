/* torch.nn.Upsample and PixelShuffle */
#include <math.h>
#include <string.h>

#include "nn/spatial.h"

struct upsample_args {
    struct mt_sizes size;
    struct mt_reals factor;
    int mode; /* of modes */
    bool align_corners, recompute;
};

/* The modes, in the order of mode_names. */
static const struct mode {
    const char *name;
    int dims; /* of samples after the channels; 0: 1 or 2 */
    bool linear;
} modes[] = {
    { "nearest", 0, false },
    { "linear", 1, true },
    { "bilinear", 2, true },
};

static const char *const mode_names[] = { "nearest", "linear", "bilinear",
                                          NULL };

static const struct mt_key upsample_keys[] = {
    { "size", MT_KEY_SIZES, offsetof(struct upsample_args, size),
      .flags = MT_KEY_NULL, .min = 1, .max = 16777216,
      .doc = "size of the output: a number, or one for each dimension" },
    { "scale_factor", MT_KEY_REALS, offsetof(struct upsample_args, factor),
      .flags = MT_KEY_NULL | MT_KEY_OPEN_MIN, .max = 16777216,
      .doc = "instead of size: the output's size by the input's" },
    { "mode", MT_KEY_ENUM, offsetof(struct upsample_args, mode),
      .def = "\"nearest\"", .choices = mode_names,
      .doc = "linear for [channels, length], bilinear for [channels, height, "
             "width], nearest for both" },
    { "align_corners", MT_KEY_BOOL,
      offsetof(struct upsample_args, align_corners), .def = "null",
      .flags = MT_KEY_NULL,
      .doc = "the corner elements of input and output are at one place; not "
             "for nearest" },
    { "recompute_scale_factor", MT_KEY_BOOL,
      offsetof(struct upsample_args, recompute), .def = "null",
      .flags = MT_KEY_NULL, .doc = "take the factor from the rounded sizes" },
    { NULL },
};

static mt_status check_mode(const struct mt_record *r,
                            const struct mt_layer *layer,
                            const struct mt_value *x, const struct mode *mode,
                            struct mt_err *err)
{
    const struct upsample_args *args = layer->args;
    const struct mt_item *align = mt_json_get(layer->object, "align_corners");
    int dims = x->shape.rank - 2;

    if (align && mt_is_bool(align) && !mode->linear)
        return mt_json_fail(r->doc, align, err,
                            "is for the modes linear and bilinear, not for %s",
                            mode->name);
    if (mode->dims && dims != mode->dims)
        return mt_layer_fail(r, layer, x, err,
                             "mode \"%s\" needs samples of shape %s",
                             mode->name,
                             mode->dims == 1 ? "[channels, length]"
                                             : "[channels, height, width]");
    if (dims != 1 && dims != 2)
        return mt_layer_fail(r, layer, x, err,
                             "needs samples of shape [channels, length] or "
                             "[channels, height, width]");
    if ((args->size.n == 0) == (args->factor.n == 0))
        return mt_layer_fail(r, layer, x, err,
                             "needs either \"size\" or \"scale_factor\"%s",
                             args->size.n ? ", not both" : "");
    if (args->size.n && args->recompute)
        return mt_json_fail(
            r->doc, mt_json_get(layer->object, "recompute_scale_factor"), err,
            "means nothing without \"scale_factor\"");
    return mt_layer_check_planes(r, layer, x, dims, err);
}

/* The output's size along a dimension in which the input's is `in`. */
static mt_status scaled_size(const struct mt_record *r,
                             const struct mt_layer *layer,
                             const struct mt_value *x, double factor, size_t in,
                             size_t *size, struct mt_err *err)
{
    double out = floor((double)in * factor);

    if (out < 1 || out > 16777216)
        return mt_layer_fail(r, layer, x, err,
                             "scale_factor %g makes a size of %.0f out of %zu; "
                             "it must be 1 to 16777216",
                             factor, out, in);
    *size = (size_t)out;
    return MT_OK;
}

static mt_status find_sizes(const struct mt_record *r,
                            const struct mt_layer *layer,
                            const struct mt_value *x, struct mt_upsample *up,
                            struct mt_err *err)
{
    const struct upsample_args *args = layer->args;
    int dims = x->shape.rank - 2;
    const char *key = args->size.n ? "size" : "scale_factor";
    size_t n = args->size.n ? args->size.n : args->factor.n;
    mt_status status;

    if (n != 1 && n != (size_t)dims)
        return mt_json_fail(r->doc, mt_json_get(layer->object, key), err,
                            "expected a number%s, got a list of %zu",
                            dims == 1 ? "" : " or a list of 2", n);
    up->size[0] = 1;
    for (int i = 2 - dims; i < 2; i++) {
        size_t k = n == 1 ? 0 : (size_t)i, in = x->shape.dim[i + dims];

        if (args->size.n) {
            up->size[i] = args->size.v[k];
            continue;
        }
        if ((status = scaled_size(r, layer, x, args->factor.v[k], in,
                                  &up->size[i], err)) != MT_OK)
            return status;
        up->factor[i] = args->recompute ? 0 : args->factor.v[k];
    }
    return mt_layer_check_plane_size(r, layer, x, up->size, err);
}

static mt_status upsample_record(struct mt_record *r, struct mt_layer *layer,
                                 struct mt_value *const *in,
                                 struct mt_value **out, struct mt_err *err)
{
    const struct upsample_args *args = layer->args;
    const struct mode *mode = &modes[args->mode];
    struct mt_upsample up = { .align_corners = args->align_corners };
    mt_status status;

    up.linear = mode->linear;
    if ((status = check_mode(r, layer, in[0], mode, err)) != MT_OK ||
        (status = find_sizes(r, layer, in[0], &up, err)) != MT_OK)
        return status;
    *out = mt_upsample(r->graph, in[0], &up);
    return MT_OK;
}

extern const struct mt_layer_type mt_layer_upsample, mt_layer_pixel_shuffle;

const struct mt_layer_type mt_layer_upsample = {
    .name = "Upsample",
    .doc = "another size by the nearest elements, or by interpolation",
    .keys = upsample_keys,
    .args_size = sizeof(struct upsample_args),
    .record = upsample_record,
};

/* --- PixelShuffle --------------------------------------------------------- */

struct shuffle_args {
    size_t factor;
};

static const struct mt_key shuffle_keys[] = {
    { "upscale_factor", MT_KEY_SIZE, offsetof(struct shuffle_args, factor),
      .flags = MT_KEY_REQUIRED, .min = 1, .max = 46340,
      .doc = "how many times larger height and width become; its square "
             "divides the channels" },
    { NULL },
};

/* y_n,c,(h r + i),(w r + j) = x_n,(c r^2 + i r + j),h,w (Shi et al., "Real-time
 * single image and video super-resolution using an efficient sub-pixel
 * convolutional neural network") */
static mt_status pixel_shuffle_record(struct mt_record *r,
                                      struct mt_layer *layer,
                                      struct mt_value *const *in,
                                      struct mt_value **out,
                                      struct mt_err *err)
{
    size_t f = ((const struct shuffle_args *)layer->args)->factor;
    struct mt_value *x = in[0];
    mt_status status = mt_layer_check_planes(r, layer, x, 2, err);

    if (status != MT_OK)
        return status;
    size_t n = x->shape.dim[0], c = x->shape.dim[1] / (f * f);
    size_t h = x->shape.dim[2], w = x->shape.dim[3];
    struct mt_shape apart = mt_shape_of(6, n, c, f, f, h, w);
    struct mt_shape shape = mt_shape_of(4, n, c, h * f, w * f);

    if (x->shape.dim[1] % (f * f) != 0)
        return mt_layer_fail(r, layer, x, err,
                             "%zu channels cannot be divided by %zu, the "
                             "square of upscale_factor",
                             x->shape.dim[1], f * f);
    x = mt_permute(r->graph, mt_view(r->graph, x, &apart),
                   (const int[MT_MAX_RANK]){ 0, 1, 4, 2, 5, 3 });
    *out = mt_view(r->graph, x, &shape);
    return MT_OK;
}

const struct mt_layer_type mt_layer_pixel_shuffle = {
    .name = "PixelShuffle",
    .doc = "channels become pixels of larger planes",
    .keys = shuffle_keys,
    .args_size = sizeof(struct shuffle_args),
    .record = pixel_shuffle_record,
};
