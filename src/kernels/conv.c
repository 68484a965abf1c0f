/* Convolution: the shared parts and the forward pass. */
#include "kernels/conv.h"

#include <string.h>

#include "base/size.h"
#include "kernels/conv_internal.h"
#include "kernels/gemm.h"

/* --- planes ------------------------------------------------------------- */

/* Only phases that some tap reads are there: 1 of them for a 1 x 1 kernel. */
static size_t phases(size_t kernel, size_t dilation, size_t stride)
{
    size_t most = 0;

    for (size_t k = 0; k < kernel; k++) {
        size_t phase = k * dilation % stride;

        most = phase > most ? phase : most;
    }
    return most + 1;
}

struct mt_byte_planes mt_conv_input_planes(const struct mt_conv *cv)
{
    size_t last_h = (cv->oh - 1) * cv->sh + (cv->kh - 1) * cv->dh;
    size_t last_w = (cv->ow - 1) * cv->sw + (cv->kw - 1) * cv->dw;

    return (struct mt_byte_planes){
        .channels = cv->c,
        .height = last_h / cv->sh + 1,
        .width = last_w / cv->sw + 1,
        .phases_h = phases(cv->kh, cv->dh, cv->sh),
        .phases_w = phases(cv->kw, cv->dw, cv->sw),
    };
}

/* The first of the plane's indices of phase `phase` that lie in the image of
 * `size`, and after the last. */
static void inside(size_t length, size_t phase, size_t stride, size_t padding,
                   size_t size, size_t *first, size_t *end)
{
    *first = padding > phase ? mt_size_ceil_div(padding - phase, stride) : 0;
    *end = size + padding > phase
               ? mt_size_ceil_div(size + padding - phase, stride)
               : 0;
    *end = mt_size_min(*end, length);
    *first = mt_size_min(*first, *end);
}

/* Row i, column j of the plane of phase (a, b) is row i sh + a - ph, column
 * j sw + b - pw of the image. */
static void fill_plane(const struct mt_conv *cv, const struct mt_byte_planes *p,
                       size_t a, size_t b, const float *x, float *plane,
                       const struct mt_normed *normed, size_t channel)
{
    size_t top, bottom, left, right;
    float *first;

    inside(p->height, a, cv->sh, cv->ph, cv->h, &top, &bottom);
    inside(p->width, b, cv->sw, cv->pw, cv->w, &left, &right);
    if (top == bottom || left == right)
        return;
    x += (top * cv->sh + a - cv->ph) * cv->w + left * cv->sw + b - cv->pw;
    first = plane += top * p->width + left;
    if (cv->sw == 1 && normed) {
        mt_normed_rows(normed, channel, plane, p->width, x, cv->sh * cv->w,
                       bottom - top, right - left);
        return;
    }
    if (cv->sw == 1) {
        mt_kernels()->copy_rows(plane, p->width, x, cv->sh * cv->w,
                                bottom - top, right - left);
        return;
    }
    for (size_t i = top; i < bottom; i++) {
        if (cv->sw == 2)
            mt_kernels()->copy_even(plane, x, right - left);
        for (size_t j = 0; cv->sw != 2 && j < right - left; j++)
            plane[j] = x[j * cv->sw];
        plane += p->width;
        x += cv->sh * cv->w;
    }
    if (normed)
        mt_normed_rows(normed, channel, first, p->width, first, p->width,
                       bottom - top, right - left);
}

void mt_conv_fill_input(const struct mt_conv *cv,
                        const struct mt_byte_planes *p,
                        const struct mt_conv_input *in, size_t task,
                        float *planes)
{
    const float *x = in->x + task * cv->c * cv->h * cv->w;
    size_t channel = task % cv->groups * cv->c;

    for (size_t c = 0; c < p->channels; c++) {
        for (size_t a = 0; a < p->phases_h; a++) {
            for (size_t b = 0; b < p->phases_w; b++) {
                fill_plane(cv, p, a, b, x + c * cv->h * cv->w, planes,
                           in->normed, channel + c);
                planes += p->height * p->width;
            }
        }
    }
}

bool mt_conv_planes_in_place(const struct mt_conv *cv,
                             const struct mt_byte_planes *p, bool normed)
{
    return !normed && cv->ph == 0 && cv->pw == 0 && cv->sh == 1 &&
           cv->sw == 1 && p->height == cv->h && p->width == cv->w;
}

void mt_conv_input_rows(const struct mt_conv *cv, const struct mt_byte_planes *p,
                        const float *planes, const float **rows)
{
    size_t plane = p->height * p->width;

    for (size_t c = 0; c < cv->c; c++) {
        for (size_t u = 0; u < cv->kh; u++) {
            for (size_t v = 0; v < cv->kw; v++) {
                size_t a = u * cv->dh % cv->sh, b = v * cv->dw % cv->sw;
                size_t which = (c * p->phases_h + a) * p->phases_w + b;

                *rows++ = planes + which * plane +
                          u * cv->dh / cv->sh * p->width +
                          v * cv->dw / cv->sw;
            }
        }
    }
}

/* --- the epilogue -------------------------------------------------------- */

void mt_conv_finish_row(const struct mt_conv_epilogue *e, size_t channel,
                        float *row, size_t n)
{
    if (e && e->bias)
        mt_kernels()->shift(row, row, n, e->bias[channel]);
    if (e && e->act && !e->sum)
        e->act(row, row, n, e->act_p);
}

static void finish_plane(const struct mt_conv_epilogue *e, float *y, size_t at,
                         size_t size)
{
    float *plane = y + at;

    if (e->sum)
        mt_kernels()->add(plane, plane, e->sum + at, size);
    if (e->sum && e->act)
        e->act(plane, plane, size, e->act_p);
    if (e->act_grad && e->normed)
        mt_normed_relu_grad(e->normed, y, y, e->saved, at, size, size);
    else if (e->act_grad)
        e->act_grad(plane, plane, e->saved + at, size, e->act_p);
}

void mt_conv_finish_image(const struct mt_conv_epilogue *e, float *y, size_t at,
                          size_t planes, size_t size)
{
    if (!e || !(e->sum || e->act_grad))
        return;
    for (size_t i = 0; i < planes; i++)
        finish_plane(e, y, at + i * size, size);
}

struct mt_fetch mt_conv_fetch(const struct mt_conv *cv,
                              const struct mt_conv_images *images,
                              const struct mt_conv_epilogue *e, size_t task,
                              size_t steps)
{
    struct mt_fetch f = { .n = 0 };
    size_t at = task * images->out_size, n = images->out_size;

    if (e && e->sum)
        mt_fetch_add(&f, e->sum + at, n);
    if (e && e->act_grad)
        mt_fetch_add(&f, e->saved + at, n);
    if (task + 1 < cv->n * cv->groups) {
        mt_fetch_add(&f, images->in + (task + 1) * images->in_size,
                     images->in_size);
        mt_fetch_add(&f, images->out + at + n, n);
    }
    mt_fetch_begin(&f, steps);
    return f;
}

/* --- forward ------------------------------------------------------------ */

struct forward {
    const struct mt_conv *cv;
    const struct mt_conv_input *in;
    const float *w;
    float *slivers; /* of w, if they pay */
    const struct mt_conv_epilogue *e;
    float *y;
    struct mt_byte_planes planes;
    struct mt_positions positions;
    bool in_place;      /* the planes are the image */
    char *own;          /* each worker's own: planes, a block, rows */
    size_t own_bytes, plane_floats, k;
};

static size_t rows_bytes(const struct mt_conv *cv)
{
    return mt_size_align(cv->c * cv->kh * cv->kw * sizeof(float *), 64);
}

static void plan_forward(struct forward *f, bool normed)
{
    const struct mt_conv *cv = f->cv;
    size_t block;

    f->planes = mt_conv_input_planes(cv);
    f->positions = mt_conv_positions(cv->oh, cv->ow, f->planes.width);
    f->in_place =
        f->positions.whole && mt_conv_planes_in_place(cv, &f->planes, normed);
    f->k = cv->c * cv->kh * cv->kw;
    f->plane_floats = f->in_place ? 0 : mt_planes_floats(&f->planes);
    block = f->positions.dense ? 0 : cv->o * MT_CONV_CHUNK;
    f->own_bytes = mt_size_align((f->plane_floats + block) * sizeof(float),
                                 64) +
                   rows_bytes(cv);
}

size_t mt_conv_forward_scratch(const struct mt_conv *cv, bool normed,
                               size_t workers)
{
    struct forward f = { .cv = cv };

    plan_forward(&f, normed);
    return mt_conv_sliver_floats(cv, cv->o, f.k) * sizeof(float) +
           workers * f.own_bytes;
}

/* Each worker's own planes, and the rows of taps. */
static float *planes_of(const struct forward *f, size_t worker)
{
    return (float *)(f->own + worker * f->own_bytes);
}

static const float **rows_of(const struct forward *f, size_t worker)
{
    return (const float **)(f->own + (worker + 1) * f->own_bytes -
                            rows_bytes(f->cv));
}

/* The output channels of an image and group, from its taps' rows. */
static void forward_blocks(const struct forward *f, size_t group,
                           const float *const *rows, float *chunk, float *y,
                           struct mt_fetch *fetch)
{
    const struct mt_conv *cv = f->cv;
    const struct mt_positions *ps = &f->positions;
    const struct mt_conv_left w =
        mt_conv_left(cv, f->w, f->slivers, group, cv->o, f->k);
    size_t size = cv->oh * cv->ow;

    for (size_t at = 0; at < ps->total; at += ps->block) {
        size_t count = mt_size_min(ps->block, ps->total - at);
        float *out = ps->dense ? y + at : chunk;
        size_t ldc = ps->dense ? size : MT_CONV_CHUNK;

        mt_conv_product(&w, rows, ps, at, count, out, ldc, fetch);
        for (size_t o = 0; o < cv->o; o++)
            mt_conv_finish_row(f->e, group * cv->o + o, out + o * ldc, count);
        for (size_t o = 0; !ps->dense && o < cv->o; o++)
            mt_conv_store(ps, chunk + o * MT_CONV_CHUNK, at, count,
                          y + o * size);
    }
}

static void forward_image(void *ctx, size_t task, size_t worker)
{
    const struct forward *f = ctx;
    const struct mt_conv *cv = f->cv;
    size_t group = task % cv->groups, size = cv->o * cv->oh * cv->ow;
    const float *image = f->in->x + task * cv->c * cv->h * cv->w;
    float *planes = planes_of(f, worker);
    const float **rows = rows_of(f, worker);
    const struct mt_conv_images images = { f->in->x, cv->c * cv->h * cv->w,
                                           f->y, size };
    struct mt_fetch fetch = mt_conv_fetch(
        cv, &images, f->e, task, mt_conv_steps(&f->positions, cv->o, f->k));

    if (f->in_place)
        mt_conv_input_rows(cv, &f->planes, image, rows);
    else
        mt_conv_fill_input(cv, &f->planes, f->in, task, planes);
    forward_blocks(f, group, rows, planes + f->plane_floats, f->y + task * size,
                   &fetch);
    mt_conv_finish_image(f->e, f->y, task * size, cv->o, cv->oh * cv->ow);
}

void mt_conv_forward(const struct mt_conv *cv, const struct mt_conv_input *in,
                     const float *w, const struct mt_conv_epilogue *e, float *y,
                     struct mt_team *team, void *scratch)
{
    struct forward f = {
        .cv = cv, .in = in, .w = w, .e = e, .y = y, .slivers = scratch
    };

    plan_forward(&f, in->normed != NULL);
    f.own = (char *)(f.slivers + mt_conv_sliver_floats(cv, cv->o, f.k));
    mt_conv_pack(cv, w, cv->o, f.k, f.slivers);
    for (size_t i = 0; !f.in_place && i < mt_team_size(team); i++) {
        memset(planes_of(&f, i), 0, f.plane_floats * sizeof(float));
        mt_conv_input_rows(cv, &f.planes, planes_of(&f, i), rows_of(&f, i));
    }
    mt_team_run(team, cv->n * cv->groups, forward_image, &f);
}
