/* Transforms that move pixels: RandomCrop, RandomHorizontalFlip,
 * RandomVerticalFlip, RandomRotation. */
#include <math.h>
#include <string.h>

#include "data/augment_types.h"
#include "kernels/dmath.h"

/* --- RandomCrop
 * ------------------------------------------------------------ */

enum padding_mode { CONSTANT, EDGE, REFLECT, SYMMETRIC };

static const char *const padding_modes[] = { "constant", "edge", "reflect",
                                             "symmetric", NULL };

struct crop_args {
    struct mt_sizes size, padding;
    double fill;
    int padding_mode;
    size_t height, width, left, top, right, bottom; /* by prepare */
};

#define CROP(member) offsetof(struct crop_args, member)

static const struct mt_key crop_keys[] = {
    { "size", MT_KEY_SIZES, CROP(size), .flags = MT_KEY_REQUIRED, .min = 1,
      .doc = "height and width of the result, or one number for both" },
    { "padding", MT_KEY_SIZES, CROP(padding), .def = "0", .max = 4096,
      .doc = "pixels added on every side first; or [left and right, top and "
             "bottom], or [left, top, right, bottom]" },
    { "fill", MT_KEY_REAL, CROP(fill), .def = "0", .min = 0, .max = 255,
      .doc = "value of constant padding" },
    { "padding_mode", MT_KEY_ENUM, CROP(padding_mode), .def = "\"constant\"",
      .choices = padding_modes, .doc = "what the padding holds" },
    { .name = NULL },
};

static mt_status crop_prepare(void *args, struct mt_planar *shape,
                              const struct mt_json *doc,
                              const struct mt_item *object, struct mt_err *err)
{
    struct crop_args *a = args;
    const size_t *v = a->padding.v;
    size_t n = a->padding.n;

    if (a->size.n > 2)
        return mt_json_fail(doc, mt_json_get(object, "size"), err,
                            "expected one or two numbers, got %zu", a->size.n);
    if (n != 1 && n != 2 && n != 4)
        return mt_json_fail(doc, mt_json_get(object, "padding"), err,
                            "expected 1, 2 or 4 numbers, got %zu", n);
    a->height = a->size.v[0];
    a->width = a->size.v[a->size.n - 1];
    a->left = v[0];
    a->top = v[n == 1 ? 0 : 1];
    a->right = v[n == 4 ? 2 : 0];
    a->bottom = v[n == 4 ? 3 : n == 2 ? 1 : 0];
    if (a->height > shape->height + a->top + a->bottom ||
        a->width > shape->width + a->left + a->right)
        return mt_json_fail(doc, mt_json_get(object, "size"), err,
                            "%zu x %zu is larger than the padded picture of "
                            "%zu x %zu",
                            a->height, a->width,
                            shape->height + a->top + a->bottom,
                            shape->width + a->left + a->right);
    if ((a->padding_mode == REFLECT || a->padding_mode == SYMMETRIC) &&
        (a->top >= shape->height || a->bottom >= shape->height ||
         a->left >= shape->width || a->right >= shape->width))
        return mt_json_fail(doc, mt_json_get(object, "padding"), err,
                            "must be less than the picture of %zu x %zu to "
                            "mirror it",
                            shape->height, shape->width);
    shape->height = a->height;
    shape->width = a->width;
    return MT_OK;
}

/* Which of n values is at place i of the padded line; n: the fill value. */
static size_t source_of(long i, size_t n, int mode)
{
    long last = (long)n - 1;

    if (i >= 0 && i <= last)
        return (size_t)i;
    if (mode == CONSTANT)
        return n;
    if (mode == EDGE)
        return i < 0 ? 0 : (size_t)last;
    if (mode == REFLECT)
        return (size_t)(i < 0 ? -i : 2 * last - i);
    return (size_t)(i < 0 ? -i - 1 : 2 * last - i + 1);
}

/* A whole number in 0 ... most. */
static size_t draw_upto(struct mt_draws *draws, size_t most)
{
    size_t v = (size_t)mt_draw_between(draws, 0, (double)most + 1);

    return v > most ? most : v;
}

static void crop_apply(const void *args, struct mt_draws *draws,
                       struct mt_planar *p)
{
    const struct crop_args *a = args;
    size_t down = p->height + a->top + a->bottom - a->height;
    size_t across = p->width + a->left + a->right - a->width;
    long y0, x0;
    float *out = p->scratch;

    if (draws) {
        y0 = (long)draw_upto(draws, down) - (long)a->top;
        x0 = (long)draw_upto(draws, across) - (long)a->left;
    } else {
        y0 = ((long)p->height - (long)a->height) / 2;
        x0 = ((long)p->width - (long)a->width) / 2;
    }
    for (size_t c = 0; c < p->channels; c++) {
        const float *in = p->x + c * p->height * p->width;

        for (size_t y = 0; y < a->height; y++) {
            size_t sy = source_of(y0 + (long)y, p->height, a->padding_mode);

            for (size_t x = 0; x < a->width; x++) {
                size_t sx = source_of(x0 + (long)x, p->width, a->padding_mode);
                bool inside = sy < p->height && sx < p->width;

                *out++ = inside ? in[sy * p->width + sx] : (float)a->fill;
            }
        }
    }
    p->height = a->height;
    p->width = a->width;
    memcpy(p->x, p->scratch,
           p->channels * p->height * p->width * sizeof *p->x);
}

const struct mt_transform_type mt_transform_crop = {
    .name = "RandomCrop",
    .doc = "a random part of the padded picture; evaluation takes the middle "
           "without padding",
    .keys = crop_keys,
    .args_size = sizeof(struct crop_args),
    .prepare = crop_prepare,
    .apply = crop_apply,
};

/* --- flips
 * ------------------------------------------------------------------ */

struct flip_args {
    double p;
};

static const struct mt_key flip_keys[] = {
    { "p", MT_KEY_REAL, offsetof(struct flip_args, p), .def = "0.5", .min = 0,
      .max = 1, .doc = "probability of a flip" },
    { .name = NULL },
};

static bool happens(struct mt_draws *draws, double p)
{
    return draws && mt_draw_between(draws, 0, 1) < p;
}

static void swap(float *a, float *b)
{
    float was = *a;

    *a = *b;
    *b = was;
}

static void horizontal_apply(const void *args, struct mt_draws *draws,
                             struct mt_planar *p)
{
    if (!happens(draws, ((const struct flip_args *)args)->p))
        return;
    for (size_t row = 0; row < p->channels * p->height; row++) {
        float *x = p->x + row * p->width;

        for (size_t i = 0; i < p->width / 2; i++)
            swap(&x[i], &x[p->width - 1 - i]);
    }
}

static void vertical_apply(const void *args, struct mt_draws *draws,
                           struct mt_planar *p)
{
    if (!happens(draws, ((const struct flip_args *)args)->p))
        return;
    for (size_t c = 0; c < p->channels; c++) {
        float *x = p->x + c * p->height * p->width;

        for (size_t y = 0; y < p->height / 2; y++)
            for (size_t i = 0; i < p->width; i++)
                swap(&x[y * p->width + i],
                     &x[(p->height - 1 - y) * p->width + i]);
    }
}

const struct mt_transform_type mt_transform_horizontal_flip = {
    .name = "RandomHorizontalFlip",
    .doc = "left and right swapped",
    .keys = flip_keys,
    .args_size = sizeof(struct flip_args),
    .apply = horizontal_apply,
};

const struct mt_transform_type mt_transform_vertical_flip = {
    .name = "RandomVerticalFlip",
    .doc = "top and bottom swapped",
    .keys = flip_keys,
    .args_size = sizeof(struct flip_args),
    .apply = vertical_apply,
};

/* --- RandomRotation
 * --------------------------------------------------------- */

enum interpolation { NEAREST, BILINEAR };

static const char *const interpolations[] = { "nearest", "bilinear", NULL };

struct rotation_args {
    struct mt_reals degrees;
    double fill;
    int interpolation;
};

static const struct mt_key rotation_keys[] = {
    { "degrees", MT_KEY_REALS, offsetof(struct rotation_args, degrees),
      .flags = MT_KEY_REQUIRED, .min = -360, .max = 360,
      .doc = "range of the angle: [low, high], or d for [-d, d]" },
    { "interpolation", MT_KEY_ENUM,
      offsetof(struct rotation_args, interpolation), .def = "\"nearest\"",
      .choices = interpolations, .doc = "how values between pixels are made" },
    { "fill", MT_KEY_REAL, offsetof(struct rotation_args, fill), .def = "0",
      .min = 0, .max = 255, .doc = "value of what comes from outside" },
    { .name = NULL },
};

static mt_status rotation_prepare(void *args, struct mt_planar *shape,
                                  const struct mt_json *doc,
                                  const struct mt_item *object,
                                  struct mt_err *err)
{
    const struct mt_reals *d = &((struct rotation_args *)args)->degrees;

    (void)shape;
    if (d->n == 0 || d->n > 2 || (d->n == 1 && d->v[0] < 0) ||
        (d->n == 2 && d->v[0] > d->v[1]))
        return mt_json_fail(doc, mt_json_get(object, "degrees"), err,
                            "expected one number, at least 0, or [low, high]");
    return MT_OK;
}

/* The value at whole coordinates, or fill outside. */
static float pixel(const struct mt_planar *p, const float *plane, double y,
                   double x, float fill)
{
    if (!(y >= 0 && x >= 0 && y < (double)p->height && x < (double)p->width))
        return fill;
    return plane[(size_t)y * p->width + (size_t)x];
}

static float sample(const struct mt_planar *p, const float *plane, double y,
                    double x, const struct rotation_args *a)
{
    float fill = (float)a->fill;

    if (a->interpolation == NEAREST)
        return pixel(p, plane, floor(y), floor(x), fill);
    y -= 0.5;
    x -= 0.5;

    double y0 = floor(y), x0 = floor(x);
    float fy = (float)(y - y0), fx = (float)(x - x0);
    float top = pixel(p, plane, y0, x0, fill) * (1 - fx) +
                pixel(p, plane, y0, x0 + 1, fill) * fx;
    float bottom = pixel(p, plane, y0 + 1, x0, fill) * (1 - fx) +
                   pixel(p, plane, y0 + 1, x0 + 1, fill) * fx;

    return top * (1 - fy) + bottom * fy;
}

/* Counter-clockwise about the middle: the pixel at (x, y), relative to it,
 * comes from (x cos - y sin, x sin + y cos), y pointing down. */
static void rotation_apply(const void *args, struct mt_draws *draws,
                           struct mt_planar *p)
{
    const struct rotation_args *a = args;
    const struct mt_reals *d = &a->degrees;
    double angle, c, s, cy = (double)p->height / 2, cx = (double)p->width / 2;
    float *out = p->scratch;

    if (!draws)
        return;
    angle = d->n == 1 ? mt_draw_between(draws, -d->v[0], d->v[0])
                      : mt_draw_between(draws, d->v[0], d->v[1]);
    c = mt_dcospi(angle / 180);
    s = mt_dsinpi(angle / 180);
    for (size_t k = 0; k < p->channels; k++) {
        const float *plane = p->x + k * p->height * p->width;

        for (size_t y = 0; y < p->height; y++)
            for (size_t x = 0; x < p->width; x++) {
                double dy = (double)y + 0.5 - cy, dx = (double)x + 0.5 - cx;

                *out++ = sample(p, plane, dx * s + dy * c + cy,
                                dx * c - dy * s + cx, a);
            }
    }
    memcpy(p->x, p->scratch,
           p->channels * p->height * p->width * sizeof *p->x);
}

const struct mt_transform_type mt_transform_rotation = {
    .name = "RandomRotation",
    .doc = "turned about the middle by a random angle",
    .keys = rotation_keys,
    .args_size = sizeof(struct rotation_args),
    .prepare = rotation_prepare,
    .apply = rotation_apply,
};
