/*
 * The gradient of a convolution's input, which is also the forward pass of a
 * transposed convolution.
 *
 * dx at row a + sh t takes from dy at row t + (a + ph - u dh) / sh for those
 * taps u where that divides: each phase (a, b) of the stride is a correlation
 * of its own over its own taps, so no product with a zero is computed.
 */
#include <string.h>

#include "base/size.h"
#include "kernels/conv_internal.h"
#include "kernels/gemm.h"

/* The taps of one phase in one direction: first, first + step, ...; and the row
 * of dy, counted from t, that each starts at. */
struct taps {
    size_t first, step, n;
    ptrdiff_t shift, shift_step;
};

struct phase {
    size_t a, b;          /* first row and column of dx */
    size_t height, width; /* how many rows and columns of dx it has */
    struct taps u, v;
    size_t k;             /* o x taps */
    size_t rows;          /* where its taps' rows begin */
    float *w;             /* groups x (c, k) */
    float *slivers;       /* of w, if they pay */
    struct mt_positions positions;
};

struct grad_input {
    const struct mt_conv *cv;
    const float *dy, *w;
    const struct mt_conv_epilogue *e;
    float *dx;
    size_t top, left;     /* zero rows and columns before dy in its planes */
    size_t rows_p, width; /* rows and row length of a plane */
    char *own;
    size_t own_bytes;
    const struct phase *now;
    bool in_place;        /* dy's own planes serve */
    bool zeros;           /* phases without taps are 0 in the end */
};

static size_t gcd(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Those u for which s divides a + p - u d. */
static struct taps find_taps(size_t a, size_t kernel, size_t s, size_t p,
                             size_t d)
{
    struct taps t = { .step = s / gcd(s, d) };
    size_t u = 0;

    while (u < kernel && u < t.step && (a + p) % s != u * d % s)
        u++;
    if (u == kernel || u == t.step)
        return t;
    t.first = u;
    t.n = (kernel - u + t.step - 1) / t.step;
    t.shift = ((ptrdiff_t)(a + p) - (ptrdiff_t)(u * d)) / (ptrdiff_t)s;
    t.shift_step = -(ptrdiff_t)(d * t.step / s);
    return t;
}

static size_t tap_index(const struct taps *t, size_t i)
{
    return t->first + i * t->step;
}

static ptrdiff_t tap_shift(const struct taps *t, size_t i)
{
    return t->shift + (ptrdiff_t)i * t->shift_step;
}

static struct phase make_phase(const struct mt_conv *cv, size_t a, size_t b)
{
    struct phase p = {
        .a = a, .b = b,
        .height = a < cv->h ? (cv->h - a + cv->sh - 1) / cv->sh : 0,
        .width = b < cv->w ? (cv->w - b + cv->sw - 1) / cv->sw : 0,
        .u = find_taps(a, cv->kh, cv->sh, cv->ph, cv->dh),
        .v = find_taps(b, cv->kw, cv->sw, cv->pw, cv->dw),
    };

    p.k = cv->o * p.u.n * p.v.n;
    return p;
}

/* The most zeros that any tap reads before dy, and rows (columns) after. */
static void measure(size_t kernel, size_t s, size_t p, size_t d, size_t in,
                    size_t out, size_t *before, size_t *length)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)out;

    for (size_t a = 0; a < s && a < in; a++) {
        struct taps t = find_taps(a, kernel, s, p, d);
        ptrdiff_t rows = (ptrdiff_t)((in - a + s - 1) / s);

        for (size_t i = 0; i < t.n; i++) {
            ptrdiff_t shift = tap_shift(&t, i);

            low = shift < low ? shift : low;
            high = shift + rows > high ? shift + rows : high;
        }
    }
    *before = (size_t)-low;
    *length = (size_t)(high - low);
}

static void measure_planes(struct grad_input *g)
{
    const struct mt_conv *cv = g->cv;

    measure(cv->kh, cv->sh, cv->ph, cv->dh, cv->h, cv->oh, &g->top,
            &g->rows_p);
    measure(cv->kw, cv->sw, cv->pw, cv->dw, cv->w, cv->ow, &g->left,
            &g->width);
}

static size_t plane_floats(const struct grad_input *g)
{
    return g->cv->o * g->rows_p * g->width + mt_conv_slack(g->width);
}

static size_t rows_bytes(const struct mt_conv *cv)
{
    return mt_size_align(cv->o * cv->kh * cv->kw * sizeof(float *), 64);
}

/* Planes, a block of results, rows. */
static size_t own_bytes(const struct grad_input *g)
{
    size_t floats = plane_floats(g) + g->cv->c * MT_CONV_CHUNK;

    return mt_size_align(floats * sizeof(float), 64) + rows_bytes(g->cv);
}

static size_t weight_floats(const struct mt_conv *cv)
{
    return mt_size_align(cv->groups * cv->c * cv->o * cv->kh * cv->kw, 16);
}

/* Of all phases, whose taps are those of the kernel. */
static size_t all_sliver_floats(const struct mt_conv *cv)
{
    size_t floats = 0;

    for (size_t i = 0; i < cv->sh * cv->sw; i++) {
        struct phase p = make_phase(cv, i / cv->sw, i % cv->sw);

        floats += mt_conv_sliver_floats(cv, cv->c, p.k);
    }
    return floats;
}

static size_t phase_bytes(const struct mt_conv *cv)
{
    return mt_size_align(cv->sh * cv->sw * sizeof(struct phase), 64);
}

size_t mt_conv_grad_input_scratch(const struct mt_conv *cv, size_t workers)
{
    struct grad_input g = { .cv = cv };

    measure_planes(&g);
    return phase_bytes(cv) +
           (weight_floats(cv) + all_sliver_floats(cv)) * sizeof(float) +
           workers * own_bytes(&g);
}

/* The (c, o x taps) matrices of a phase, from w (o, c, kh, kw). */
static void collect_weights(const struct grad_input *g, const struct phase *p)
{
    const struct mt_conv *cv = g->cv;
    float *out = p->w;

    for (size_t group = 0; group < cv->groups; group++) {
        const float *w = g->w + group * cv->o * cv->c * cv->kh * cv->kw;

        for (size_t c = 0; c < cv->c; c++) {
            for (size_t o = 0; o < cv->o; o++) {
                const float *taps = w + (o * cv->c + c) * cv->kh * cv->kw;

                for (size_t u = 0; u < p->u.n; u++) {
                    for (size_t v = 0; v < p->v.n; v++)
                        *out++ = taps[tap_index(&p->u, u) * cv->kw +
                                      tap_index(&p->v, v)];
                }
            }
        }
    }
}

/* The zeros around dy are there already. */
static void fill_planes(const struct grad_input *g, const float *dy,
                        float *planes)
{
    const struct mt_conv *cv = g->cv;
    size_t plane = g->rows_p * g->width;
    size_t rows =
        mt_size_min(cv->oh, g->rows_p - mt_size_min(g->top, g->rows_p));

    for (size_t o = 0; o < cv->o; o++)
        mt_kernels()->copy_rows(planes + o * plane + g->top * g->width +
                                    g->left,
                                g->width, dy + o * cv->oh * cv->ow, cv->ow,
                                rows, cv->ow);
}

static void find_rows(const struct grad_input *g, const struct phase *p,
                      const float *planes, const float **rows)
{
    for (size_t o = 0; o < g->cv->o; o++) {
        const float *plane = planes + o * g->rows_p * g->width;

        for (size_t u = 0; u < p->u.n; u++) {
            for (size_t v = 0; v < p->v.n; v++)
                *rows++ = plane +
                          ((ptrdiff_t)g->top + tap_shift(&p->u, u)) *
                              (ptrdiff_t)g->width +
                          (ptrdiff_t)g->left + tap_shift(&p->v, v);
        }
    }
}

/* Whether a phase's results are whole rows of dx, as they come. */
static bool stores_directly(const struct grad_input *g, const struct phase *p)
{
    return p->positions.dense && g->cv->sh == 1 && g->cv->sw == 1 && p->k;
}

/* Position p of the phase is dx row a + sh (p / width), column b + sw ... */
static void store_chunk(const struct grad_input *g, const struct phase *ph,
                        const float *chunk, size_t at, size_t count, float *dx)
{
    const struct mt_conv *cv = g->cv;
    const struct mt_positions *ps = &ph->positions;
    size_t width = ps->dense ? ps->width : ps->plane;
    bool rows = !ps->dense && cv->sh == 1 && cv->sw == 1;

    for (size_t c = 0; c < cv->c; c++, dx += cv->h * cv->w) {
        const float *row = chunk + c * MT_CONV_CHUNK;

        if (rows) {
            mt_conv_store(ps, row, at, count, dx);
            continue;
        }
        for (size_t p = at; p < at + count;) {
            size_t t = p / width, j = p % width;
            size_t n = mt_size_min(width - j, at + count - p);
            size_t there = j < ph->width ? mt_size_min(n, ph->width - j) : 0;
            float *to = dx + (ph->a + t * cv->sh) * cv->w + ph->b + j * cv->sw;

            if (cv->sw == 1)
                mt_kernels()->copy_rows(to, 0, row + (p - at), 0, 1, there);
            else if (cv->sw == 2)
                mt_kernels()->copy_to_even(to, row + (p - at), there);
            else
                for (size_t i = 0; i < there; i++)
                    to[i * cv->sw] = row[p - at + i];
            p += n;
        }
    }
}

static void phase_image(const struct grad_input *g, const struct phase *p,
                        size_t group, const float *const *rows, float *chunk,
                        float *dx, struct mt_fetch *fetch)
{
    const struct mt_conv *cv = g->cv;
    bool direct = stores_directly(g, p);
    const struct mt_conv_left w =
        mt_conv_left(cv, p->w, p->slivers, group, cv->c, p->k);
    size_t ldc = direct ? cv->h * cv->w : MT_CONV_CHUNK;

    for (size_t at = 0; at < p->positions.total; at += p->positions.block) {
        size_t count = mt_size_min(p->positions.block, p->positions.total - at);
        float *out = direct ? dx + at : chunk;

        if (p->k)
            mt_conv_product(&w, rows, &p->positions, at, count, out, ldc,
                            fetch);
        else
            memset(chunk, 0, cv->c * MT_CONV_CHUNK * sizeof *chunk);
        for (size_t c = 0; c < cv->c; c++)
            mt_conv_finish_row(g->e, group * cv->c + c, out + c * ldc, count);
        if (!direct)
            store_chunk(g, p, chunk, at, count, dx);
    }
}

/* Whether dy itself serves as the planes of every phase. */
static bool planes_in_place(const struct grad_input *g)
{
    const struct mt_conv *cv = g->cv;

    for (size_t i = 0; i < cv->sh * cv->sw; i++) {
        if (!g->now[i].positions.whole)
            return false;
    }
    return g->top == 0 && g->left == 0 && g->rows_p == cv->oh &&
           g->width == cv->ow;
}

/* Each worker's own rows of taps. */
static const float **rows_of(const struct grad_input *g, size_t worker)
{
    return (const float **)(g->own + (worker + 1) * g->own_bytes -
                            rows_bytes(g->cv));
}

/* A worker's planes, which are 0 around dy, and the rows of all phases' taps.
 */
static void prepare(const struct grad_input *g, size_t worker)
{
    float *planes = (float *)(g->own + worker * g->own_bytes);

    memset(planes, 0, plane_floats(g) * sizeof *planes);
    for (size_t i = 0; i < g->cv->sh * g->cv->sw; i++)
        find_rows(g, &g->now[i], planes, rows_of(g, worker) + g->now[i].rows);
}

static size_t all_steps(const struct grad_input *g)
{
    size_t steps = 0;

    for (size_t i = 0; i < g->cv->sh * g->cv->sw; i++)
        steps += mt_conv_steps(&g->now[i].positions, g->cv->c, g->now[i].k);
    return steps;
}

static void image_task(void *ctx, size_t task, size_t worker)
{
    const struct grad_input *g = ctx;
    const struct mt_conv *cv = g->cv;
    char *own = g->own + worker * g->own_bytes;
    float *planes = (float *)own, *chunk = planes + plane_floats(g);
    const float **rows = rows_of(g, worker);
    const float *dy = g->dy + task * cv->o * cv->oh * cv->ow;
    size_t size = cv->c * cv->h * cv->w;
    float *dx = g->dx + task * size;
    const struct mt_conv_images images = { g->dy, cv->o * cv->oh * cv->ow,
                                           g->dx, size };
    struct mt_fetch fetch =
        mt_conv_fetch(cv, &images, g->e, task, all_steps(g));

    if (!g->in_place)
        fill_planes(g, dy, planes);
    if (g->zeros)
        memset(dx, 0, size * sizeof *dx);
    for (size_t i = 0; i < cv->sh * cv->sw; i++) {
        if (g->zeros && !g->now[i].k)
            continue;
        if (g->in_place)
            find_rows(g, &g->now[i], dy, rows + g->now[i].rows);
        phase_image(g, &g->now[i], task % cv->groups, rows + g->now[i].rows,
                    chunk, dx, &fetch);
    }
    mt_conv_finish_image(g->e, g->dx, task * size, cv->c, cv->h * cv->w);
}

void mt_conv_grad_input(const struct mt_conv *cv, const float *dy,
                        const float *w, const struct mt_conv_epilogue *e,
                        float *dx, struct mt_team *team, void *scratch)
{
    struct grad_input g = { .cv = cv, .dy = dy, .w = w, .e = e, .dx = dx };
    struct phase *phases = scratch;
    float *weights = (float *)((char *)scratch + phase_bytes(cv));
    float *slivers = weights + weight_floats(cv);

    measure_planes(&g);
    g.own = (char *)(slivers + all_sliver_floats(cv));
    g.own_bytes = own_bytes(&g);
    for (size_t i = 0; i < cv->sh * cv->sw; i++) {
        phases[i] = make_phase(cv, i / cv->sw, i % cv->sw);
        phases[i].w = weights;
        phases[i].rows = i ? phases[i - 1].rows + phases[i - 1].k : 0;
        g.zeros |= !phases[i].k && !(e && (e->bias || e->act));
        phases[i].positions = mt_conv_positions(phases[i].height,
                                                phases[i].width, g.width);
        collect_weights(&g, &phases[i]);
        phases[i].slivers = slivers;
        mt_conv_pack(cv, weights, cv->c, phases[i].k, slivers);
        slivers += mt_conv_sliver_floats(cv, cv->c, phases[i].k);
        weights += cv->groups * cv->c * phases[i].k;
    }
    g.now = phases;
    g.in_place = planes_in_place(&g);
    for (size_t i = 0; !g.in_place && i < mt_team_size(team); i++)
        prepare(&g, i);
    mt_team_run(team, cv->n * cv->groups, image_task, &g);
}
