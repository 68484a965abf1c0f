/* Resizing pictures: see picture.h. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "data/picture.h"

/* Weights are fixed point, which leaves 8 bits for the value and some for the
 * sign. */
enum { FRACTION = 32 - 8 - 2 };

/* One direction: output i is the sum of weight[i][k] * input[first[i] + k]
 * over n[i] values. */
struct filter {
    size_t room;     /* weights of each output, at most */
    size_t *first, *n;
    int32_t *weight; /* (outputs, room) */
};

static void free_filter(struct filter *f)
{
    free(f->first);
    free(f->n);
    free(f->weight);
}

/* The triangle 1 - |x|; it is stretched by the scale if the picture shrinks. */
static double triangle(double x)
{
    x = x < 0 ? -x : x;
    return x < 1 ? 1 - x : 0;
}

static void set_weights(struct filter *f, size_t i, size_t in, double scale,
                        double stretch, double *w)
{
    double centre = ((double)i + 0.5) * scale, sum = 0;
    double low = centre - stretch + 0.5, high = centre + stretch + 0.5;
    size_t first = low < 0 ? 0 : (size_t)low;
    size_t end = high > (double)in ? in : (size_t)high;

    f->first[i] = first;
    f->n[i] = end - first;
    for (size_t k = 0; k < f->n[i]; k++) {
        w[k] = triangle(((double)(first + k) - centre + 0.5) * (1 / stretch));
        sum += w[k];
    }
    for (size_t k = 0; k < f->n[i]; k++) {
        double v = (sum != 0 ? w[k] / sum : w[k]) * (1 << FRACTION);

        f->weight[i * f->room + k] = (int32_t)(v + 0.5);
    }
}

static bool make_filter(struct filter *f, size_t in, size_t out)
{
    double scale = (double)in / (double)out, stretch = scale < 1 ? 1 : scale;
    double *w;

    f->room = (size_t)stretch * 2 + 3;
    f->first = calloc(out, sizeof *f->first);
    f->n = calloc(out, sizeof *f->n);
    f->weight = calloc(out * f->room, sizeof *f->weight);
    w = calloc(f->room, sizeof *w);
    if (!f->first || !f->n || !f->weight || !w) {
        free(w);
        return false;
    }
    for (size_t i = 0; i < out; i++)
        set_weights(f, i, in, scale, stretch, w);
    free(w);
    return true;
}

static uint8_t clip(int64_t sum)
{
    int64_t v = (sum + (1 << (FRACTION - 1))) >> FRACTION;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* A line of `outputs` values, one channel after the other; values of the input
 * are `step` apart. */
static void run_filter(const struct filter *f, size_t outputs,
                       const uint8_t *in, size_t step, uint8_t *out,
                       size_t out_step)
{
    for (size_t i = 0; i < outputs; i++) {
        const int32_t *w = f->weight + i * f->room;
        const uint8_t *x = in + f->first[i] * step;
        int64_t sum = 0;

        for (size_t k = 0; k < f->n[i]; k++)
            sum += (int64_t)w[k] * x[k * step];
        out[i * out_step] = clip(sum);
    }
}

mt_status mt_picture_resize(const struct mt_picture *in, size_t height,
                            size_t width, uint8_t *out, struct mt_err *err)
{
    struct filter across = { 0 }, down = { 0 };
    size_t c = in->channels, bytes;
    uint8_t *middle = NULL; /* (in->height, width, c) */
    mt_status status = MT_OK;

    if (in->height == height && in->width == width) {
        memcpy(out, in->pixels, height * width * c);
        return MT_OK;
    }
    if (mt_size_mul(in->height * c, width, &bytes))
        middle = malloc(bytes);
    if (!middle || !make_filter(&across, in->width, width) ||
        !make_filter(&down, in->height, height))
        status = mt_fail_memory(err);
    for (size_t y = 0; status == MT_OK && y < in->height; y++)
        for (size_t k = 0; k < c; k++)
            run_filter(&across, width, in->pixels + y * in->width * c + k, c,
                       middle + y * width * c + k, c);
    for (size_t x = 0; status == MT_OK && x < width * c; x++)
        run_filter(&down, height, middle + x, width * c, out + x, width * c);
    free_filter(&across);
    free_filter(&down);
    free(middle);
    return status;
}
