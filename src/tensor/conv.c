/* Convolution: the shared parts and the forward pass. */
#include "tensor/conv.h"

#include <string.h>

#include "base/size.h"
#include "tensor/conv_internal.h"
#include "tensor/gemm.h"

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

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

struct mt_planes mt_conv_input_planes(const struct mt_conv *cv)
{
    size_t last_h = (cv->oh - 1) * cv->sh + (cv->kh - 1) * cv->dh;
    size_t last_w = (cv->ow - 1) * cv->sw + (cv->kw - 1) * cv->dw;

    return (struct mt_planes){
        .channels = cv->c,
        .height = last_h / cv->sh + 1,
        .width = last_w / cv->sw + 1,
        .phases_h = phases(cv->kh, cv->dh, cv->sh),
        .phases_w = phases(cv->kw, cv->dw, cv->sw),
    };
}

/* Row i of a plane of phase (a, b) is row i sh + a - ph of the image. */
static void fill_row(const struct mt_conv *cv, size_t b, size_t width,
                     const float *from, float *to)
{
    size_t at = b; /* column in the padded image */

    if (!from) {
        memset(to, 0, width * sizeof *to);
        return;
    }
    if (cv->sw == 1) {
        size_t left = cv->pw > at ? min_size(cv->pw - at, width) : 0;
        size_t skip = at > cv->pw ? at - cv->pw : 0;
        size_t there = cv->w > skip ? cv->w - skip : 0;
        size_t n = min_size(there, width - left);

        memset(to, 0, left * sizeof *to);
        memcpy(to + left, from + skip, n * sizeof *to);
        memset(to + left + n, 0, (width - left - n) * sizeof *to);
        return;
    }
    for (size_t j = 0; j < width; j++, at += cv->sw)
        to[j] = at >= cv->pw && at - cv->pw < cv->w ? from[at - cv->pw] : 0;
}

void mt_conv_fill_input(const struct mt_conv *cv, const struct mt_planes *p,
                        const float *x, float *planes)
{
    for (size_t c = 0; c < p->channels; c++) {
        for (size_t a = 0; a < p->phases_h; a++) {
            for (size_t b = 0; b < p->phases_w; b++) {
                for (size_t i = 0; i < p->height; i++) {
                    size_t at = i * cv->sh + a;
                    bool in = at >= cv->ph && at - cv->ph < cv->h;
                    const float *from =
                        in ? x + (c * cv->h + at - cv->ph) * cv->w : NULL;

                    fill_row(cv, b, p->width, from, planes);
                    planes += p->width;
                }
            }
        }
    }
    memset(planes, 0, mt_conv_slack(p->width) * sizeof *planes);
}

void mt_conv_input_rows(const struct mt_conv *cv, const struct mt_planes *p,
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

/* --- products ----------------------------------------------------------- */

void mt_conv_pack(const float *a, size_t m, size_t k, float *out)
{
    for (size_t q = 0; q < k; q += MT_GEMM_KC)
        mt_kernels()->gemm_pack_a(a + q, k, 1, m, min_size(MT_GEMM_KC, k - q),
                                  out + q * m);
}

void mt_conv_chunk(const float *packed, size_t m, size_t k,
                   const float *const *rows, size_t at, size_t count,
                   float *out)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t nr = kernels->gemm_nr, panels = ceil_div(m, kernels->gemm_mr);

    for (size_t q = 0; q < k; q += MT_GEMM_KC) {
        size_t depth = min_size(MT_GEMM_KC, k - q);

        for (size_t j = 0; j < count; j += nr) {
            size_t columns = min_size(nr, count - j);

            for (size_t i = 0, t = 0; t < panels; t++) {
                size_t m_t = m / panels + (t < m % panels);

                kernels->gemm_tile_rows(m_t, columns, depth,
                                        packed + q * m + i * depth, rows + q,
                                        at + j, out + i * MT_CONV_CHUNK + j,
                                        MT_CONV_CHUNK, q > 0);
                i += m_t;
            }
        }
    }
}

void mt_conv_finish_row(const struct mt_conv_epilogue *e, size_t channel,
                        float *row, size_t n)
{
    if (e && e->bias)
        mt_kernels()->shift(row, row, n, e->bias[channel]);
    if (e && e->act)
        e->act(row, row, n, e->act_p);
}

/* --- forward ------------------------------------------------------------ */

struct forward {
    const struct mt_conv *cv;
    const float *x, *w;
    const struct mt_conv_epilogue *e;
    float *y;
    struct mt_planes planes;
    float *packed;      /* groups x (o, k) */
    char *own;          /* each worker's own */
    size_t own_bytes, plane_floats, k;
};

static size_t forward_own(const struct mt_conv *cv,
                          const struct mt_planes *planes)
{
    size_t floats = mt_planes_floats(planes) + cv->o * MT_CONV_CHUNK;

    return mt_size_align(floats * sizeof(float), 64) +
           mt_size_align(cv->c * cv->kh * cv->kw * sizeof(float *), 64);
}

static size_t packed_bytes(size_t m, size_t k)
{
    return mt_size_align(m * k * sizeof(float), 64);
}

size_t mt_conv_forward_scratch(const struct mt_conv *cv, size_t workers)
{
    struct mt_planes planes = mt_conv_input_planes(cv);

    return packed_bytes(cv->groups * cv->o, cv->c * cv->kh * cv->kw) +
           workers * forward_own(cv, &planes);
}

static void pack_group(void *ctx, size_t group, size_t worker)
{
    const struct forward *f = ctx;
    size_t at = group * f->cv->o * f->k;

    (void)worker;
    mt_conv_pack(f->w + at, f->cv->o, f->k, f->packed + at);
}

/* Writes the true columns of positions [at, at + count) of each channel. */
static void store_chunk(const struct forward *f, size_t group, size_t image,
                        size_t at, size_t count, float *chunk)
{
    const struct mt_conv *cv = f->cv;
    size_t width = f->planes.width;

    for (size_t o = 0; o < cv->o; o++) {
        size_t channel = group * cv->o + o;
        float *row = chunk + o * MT_CONV_CHUNK;
        float *y = f->y + (image * cv->groups * cv->o + channel) * cv->oh *
                              cv->ow;

        mt_conv_finish_row(f->e, channel, row, count);
        for (size_t p = at; p < at + count;) {
            size_t i = p / width, j = p % width;
            size_t n = min_size(width - j, at + count - p);
            size_t there = j < cv->ow ? min_size(n, cv->ow - j) : 0;

            memcpy(y + i * cv->ow + j, row + (p - at), there * sizeof *y);
            p += n;
        }
    }
}

static void forward_image(void *ctx, size_t task, size_t worker)
{
    const struct forward *f = ctx;
    const struct mt_conv *cv = f->cv;
    size_t image = task / cv->groups, group = task % cv->groups;
    float *planes = (float *)(f->own + worker * f->own_bytes);
    float *chunk = planes + f->plane_floats;
    const float **rows =
        (const float **)(f->own + (worker + 1) * f->own_bytes -
                         mt_size_align(f->k * sizeof(float *), 64));
    size_t total = cv->oh * f->planes.width;

    mt_conv_fill_input(cv, &f->planes,
                       f->x + (image * cv->groups + group) * cv->c * cv->h *
                                  cv->w,
                       planes);
    mt_conv_input_rows(cv, &f->planes, planes, rows);
    for (size_t at = 0; at < total; at += MT_CONV_CHUNK) {
        size_t count = min_size(MT_CONV_CHUNK, total - at);

        mt_conv_chunk(f->packed + group * cv->o * f->k, cv->o, f->k, rows, at,
                      count, chunk);
        store_chunk(f, group, image, at, count, chunk);
    }
}

void mt_conv_forward(const struct mt_conv *cv, const float *x, const float *w,
                     const struct mt_conv_epilogue *e, float *y,
                     struct mt_team *team, void *scratch)
{
    struct forward f = { .cv = cv, .x = x, .w = w, .e = e, .y = y,
                         .planes = mt_conv_input_planes(cv),
                         .packed = scratch, .k = cv->c * cv->kh * cv->kw };

    f.own = (char *)scratch + packed_bytes(cv->groups * cv->o, f.k);
    f.own_bytes = forward_own(cv, &f.planes);
    f.plane_floats = mt_planes_floats(&f.planes);
    mt_team_run(team, cv->groups, pack_group, &f);
    mt_team_run(team, cv->n * cv->groups, forward_image, &f);
}
