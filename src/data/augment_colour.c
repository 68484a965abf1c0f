/* Transforms that change values: ColorJitter, RandomErasing. */
#include <math.h>

#include "data/augment_types.h"
#include "kernels/dmath.h"

/* --- ColorJitter
 * ------------------------------------------------------------- */

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, PARTS };

struct jitter_args {
    struct mt_reals range[PARTS];
    double low[PARTS], high[PARTS]; /* by prepare */
};

#define PART(i) offsetof(struct jitter_args, range[i])
#define FACTOR(NAME, PART_OF)                                                  \
    { NAME, MT_KEY_REALS, PART(PART_OF), .def = "0", .flags = MT_KEY_MIN,      \
      .doc = "range of its factor: [low, high], or d for [1 - d, 1 + d], at "  \
             "least 0" }

static const struct mt_key jitter_keys[] = {
    FACTOR("brightness", BRIGHTNESS),
    FACTOR("contrast", CONTRAST),
    FACTOR("saturation", SATURATION),
    { "hue", MT_KEY_REALS, PART(HUE), .def = "0", .min = -0.5, .max = 0.5,
      .doc = "range of the shift, in turns of the colour circle: [low, high], "
             "or d for [-d, d]" },
    { .name = NULL },
};

static mt_status jitter_prepare(void *args, struct mt_planar *shape,
                                const struct mt_json *doc,
                                const struct mt_item *object,
                                struct mt_err *err)
{
    struct jitter_args *a = args;

    (void)shape;
    for (int i = 0; i < PARTS; i++) {
        const struct mt_reals *r = &a->range[i];
        double middle = i == HUE ? 0 : 1, d = r->n == 1 ? r->v[0] : 0;

        if (r->n == 0 || r->n > 2 || (r->n == 1 && d < 0) ||
            (r->n == 2 && r->v[0] > r->v[1]))
            return mt_json_fail(doc, mt_json_get(object, jitter_keys[i].name),
                                err,
                                "expected one number, at least 0, or [low, "
                                "high]");
        a->low[i] = r->n == 2 ? r->v[0] : middle - d;
        a->high[i] = r->n == 2 ? r->v[1] : middle + d;
        if (i != HUE && a->low[i] < 0)
            a->low[i] = 0;
    }
    return MT_OK;
}

static float clamp(float x)
{
    return x < 0 ? 0 : x > 255 ? 255 : x;
}

/* The grey value of pixel i, as in torchvision; of grey pictures, its value. */
static float grey(const struct mt_planar *p, size_t i)
{
    size_t n = p->height * p->width;

    if (p->channels == 1)
        return p->x[i];
    return 0.2989f * p->x[i] + 0.587f * p->x[n + i] + 0.114f * p->x[2 * n + i];
}

/* x <- f x + (1 - f) other */
static void blend(struct mt_planar *p, size_t i, float f, float other)
{
    size_t n = p->height * p->width;

    for (size_t c = 0; c < p->channels; c++) {
        float *x = &p->x[c * n + i];

        *x = clamp(f * *x + (1 - f) * other);
    }
}

static void set_contrast(struct mt_planar *p, float f)
{
    size_t n = p->height * p->width;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)grey(p, i);
    for (size_t i = 0; i < n; i++)
        blend(p, i, f, (float)(sum / (double)n));
}

/* Turns the hue of (r, g, b) by `turn` of a circle; the largest and the
 * smallest value stay the same. */
static void turn_hue(float *r, float *g, float *b, float turn)
{
    float high = fmaxf(*r, fmaxf(*g, *b)), low = fminf(*r, fminf(*g, *b));
    float chroma = high - low, h;

    if (chroma <= 0)
        return;
    if (high == *r)
        h = (*g - *b) / chroma;
    else if (high == *g)
        h = 2 + (*b - *r) / chroma;
    else
        h = 4 + (*r - *g) / chroma;
    h = h / 6 + turn;
    h = (h - floorf(h)) * 6;

    int sector = (int)h % 6;
    float f = h - (float)(int)h;
    float up = low + chroma * f, down = high - chroma * f;
    const float out[6][3] = { { high, up, low }, { down, high, low },
                              { low, high, up }, { low, down, high },
                              { up, low, high }, { high, low, down } };

    *r = out[sector][0];
    *g = out[sector][1];
    *b = out[sector][2];
}

static void change(struct mt_planar *p, int part, float f)
{
    size_t n = p->height * p->width;

    if (part == CONTRAST)
        set_contrast(p, f);
    for (size_t i = 0; i < n && part == BRIGHTNESS; i++)
        blend(p, i, f, 0);
    if (p->channels == 1)
        return;
    for (size_t i = 0; i < n && part == SATURATION; i++)
        blend(p, i, f, grey(p, i));
    for (size_t i = 0; i < n && part == HUE; i++)
        turn_hue(&p->x[i], &p->x[n + i], &p->x[2 * n + i], f);
}

/* In a random order, as in torchvision. */
static void jitter_apply(const void *args, struct mt_draws *draws,
                         struct mt_planar *p)
{
    const struct jitter_args *a = args;
    int order[PARTS] = { BRIGHTNESS, CONTRAST, SATURATION, HUE };

    if (!draws)
        return;
    for (int i = PARTS - 1; i > 0; i--) {
        int k = (int)mt_draw_between(draws, 0, i + 1);
        int was = order[i];

        k = k > i ? i : k;
        order[i] = order[k];
        order[k] = was;
    }
    for (int i = 0; i < PARTS; i++) {
        int part = order[i];
        double f = mt_draw_between(draws, a->low[part], a->high[part]);

        if (a->low[part] < a->high[part] || f != (part == HUE ? 0 : 1))
            change(p, part, (float)f);
    }
}

const struct mt_transform_type mt_transform_colour_jitter = {
    .name = "ColorJitter",
    .doc = "brightness, contrast, saturation and hue changed at random",
    .keys = jitter_keys,
    .args_size = sizeof(struct jitter_args),
    .prepare = jitter_prepare,
    .apply = jitter_apply,
};

/* --- RandomErasing
 * ------------------------------------------------------------ */

enum { TRIES = 10 };

struct erasing_args {
    double p, value;
    struct mt_reals scale, ratio;
};

static const struct mt_key erasing_keys[] = {
    { "p", MT_KEY_REAL, offsetof(struct erasing_args, p), .def = "0.5",
      .min = 0, .max = 1, .doc = "probability of an erasure" },
    { "scale", MT_KEY_REALS, offsetof(struct erasing_args, scale),
      .def = "[0.02, 0.33]", .min = 0, .max = 1,
      .doc = "range of the erased part of the area" },
    { "ratio", MT_KEY_REALS, offsetof(struct erasing_args, ratio),
      .def = "[0.3, 3.3]", .flags = MT_KEY_OPEN_MIN,
      .doc = "range of the erased rectangle's height over its width" },
    { "value", MT_KEY_REAL, offsetof(struct erasing_args, value), .def = "0",
      .min = 0, .max = 255, .doc = "what is put in its place" },
    { .name = NULL },
};

static mt_status erasing_prepare(void *args, struct mt_planar *shape,
                                 const struct mt_json *doc,
                                 const struct mt_item *object,
                                 struct mt_err *err)
{
    const struct erasing_args *a = args;
    const struct mt_reals *ranges[] = { &a->scale, &a->ratio };
    const char *const names[] = { "scale", "ratio" };

    (void)shape;
    for (int i = 0; i < 2; i++) {
        if (ranges[i]->n != 2 || ranges[i]->v[0] > ranges[i]->v[1])
            return mt_json_fail(doc, mt_json_get(object, names[i]), err,
                                "expected [low, high]");
    }
    return MT_OK;
}

static void fill(struct mt_planar *p, size_t top, size_t left, size_t height,
                 size_t width, float value)
{
    for (size_t c = 0; c < p->channels; c++)
        for (size_t y = top; y < top + height; y++)
            for (size_t x = left; x < left + width; x++)
                p->x[(c * p->height + y) * p->width + x] = value;
}

static void erasing_apply(const void *args, struct mt_draws *draws,
                          struct mt_planar *p)
{
    const struct erasing_args *a = args;
    double area = (double)p->height * (double)p->width;

    if (!draws || !(mt_draw_between(draws, 0, 1) < a->p))
        return;
    for (int i = 0; i < TRIES; i++) {
        double part =
            area * mt_draw_between(draws, a->scale.v[0], a->scale.v[1]);
        double ratio = mt_dexp(mt_draw_between(draws, mt_dlog(a->ratio.v[0]),
                                               mt_dlog(a->ratio.v[1])));
        double h = floor(mt_dsqrt(part * ratio) + 0.5);
        double w = floor(mt_dsqrt(part / ratio) + 0.5);

        if (!(h < (double)p->height && w < (double)p->width))
            continue;

        double top = mt_draw_between(draws, 0, (double)p->height - h + 1);
        double left = mt_draw_between(draws, 0, (double)p->width - w + 1);

        fill(p, (size_t)top, (size_t)left, (size_t)h, (size_t)w,
             (float)a->value);
        return;
    }
}

const struct mt_transform_type mt_transform_erasing = {
    .name = "RandomErasing",
    .doc = "a random rectangle overwritten",
    .keys = erasing_keys,
    .args_size = sizeof(struct erasing_args),
    .prepare = erasing_prepare,
    .apply = erasing_apply,
};
