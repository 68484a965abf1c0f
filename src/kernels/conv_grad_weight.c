/*
 * The gradient of a convolution's weight, tap by tap: image by image
 *
 *     sum (taps, o) += rows (taps, positions) dy^T (positions, o)
 *
 * dy is transposed a block of positions at a time, into the panels that tiles
 * read; the taps' rows are read in place from the image's planes.
 *
 * Images are cut into groups of fixed size; each group sums into a slot of its
 * own, and the slots are added in order.
 */
#include <string.h>

#include "base/size.h"
#include "kernels/conv_internal.h"
#include "kernels/gemm.h"

enum {
    MOST_SLOTS = 16,
    SLOT_FLOATS = 4 << 20, /* of all slots together, about */
    PANEL = 32,            /* columns of the widest tile of any table */
    SUM_TAPS = 16,         /* taps of a task that adds slots */
};

struct grad_weight {
    const struct mt_conv *cv;
    const struct mt_conv_input *in;
    const float *dy;
    float *dw, *db;
    struct mt_byte_planes planes;
    bool in_place;          /* the planes are the image */
    size_t k;               /* taps (c, u, v) */
    size_t slots, per_slot; /* images of a slot */
    float *sums;            /* slots x (groups k, o) */
    double *dy_sums;        /* (n, groups o), for db */
    char *own;              /* each worker's: planes, a panel, rows */
    size_t own_bytes;
};

static size_t plane_floats(const struct grad_weight *g)
{
    return g->in_place ? 0 : mt_size_align(mt_planes_floats(&g->planes), 16);
}

static size_t rows_bytes(const struct grad_weight *g)
{
    return mt_size_align(g->k * sizeof(float *), 64);
}

static void plan(struct grad_weight *g, bool normed)
{
    const struct mt_conv *cv = g->cv;
    size_t size, slots;

    g->planes = mt_conv_input_planes(cv);
    g->in_place = mt_conv_planes_in_place(cv, &g->planes, normed);
    g->k = cv->c * cv->kh * cv->kw;
    size = cv->groups * cv->o * g->k;
    slots = SLOT_FLOATS / size;
    slots = slots < 1 ? 1 : mt_size_min(slots, MOST_SLOTS);
    slots = mt_size_min(slots, cv->n);
    g->per_slot = (cv->n + slots - 1) / slots;
    g->slots = (cv->n + g->per_slot - 1) / g->per_slot;
    g->own_bytes = (plane_floats(g) + MT_GEMM_KC * PANEL) * sizeof(float) +
                   rows_bytes(g);
}

static size_t sums_bytes(const struct grad_weight *g)
{
    return mt_size_align(g->slots * g->cv->groups * g->cv->o * g->k *
                             sizeof(float), 64);
}

static size_t dy_sums_bytes(const struct mt_conv *cv, bool db)
{
    return !db ? 0
               : mt_size_align(cv->n * cv->groups * cv->o * sizeof(double), 64);
}

size_t mt_conv_grad_weight_scratch(const struct mt_conv *cv, bool normed,
                                   bool db, size_t workers)
{
    struct grad_weight g = { .cv = cv };

    plan(&g, normed);
    return sums_bytes(&g) + dy_sums_bytes(cv, db) + workers * g.own_bytes;
}

/* The block of positions of output rows [i, i + outer), columns [j, j + inner):
 * whole rows, as many as fit, or a part of one. */
static void add_block(const struct grad_weight *g, const float *dy, size_t i,
                      size_t j, size_t outer, size_t inner,
                      const float *const *rows, float *panel, float *sum,
                      bool add, struct mt_fetch *fetch)
{
    const struct mt_kernels *kernels = mt_kernels();
    const struct mt_conv *cv = g->cv;
    struct mt_steps steps = { i * g->planes.width + j, outer, inner,
                              g->planes.width };
    size_t nr = kernels->gemm_nr, depth = outer * inner;
    size_t tiles = (g->k + kernels->gemm_mr - 1) / kernels->gemm_mr;

    for (size_t o = 0; o < cv->o; o += nr) {
        size_t columns = mt_size_min(nr, cv->o - o);

        kernels->gemm_pack_b(dy + o * cv->oh * cv->ow + i * cv->ow + j, 1,
                             cv->oh * cv->ow, depth, columns, panel);
        for (size_t at = 0, t = 0; t < tiles; t++) {
            size_t taps = g->k / tiles + (t < g->k % tiles);
            struct mt_soon soon = mt_fetch_take(fetch, depth, panel);

            kernels->gemm_tile_taps(taps, columns, &steps, rows + at, panel,
                                    sum + at * cv->o + o, cv->o, add, &soon);
            at += taps;
        }
    }
}

static void add_image(const struct grad_weight *g, const float *dy,
                      const float *const *rows, float *panel, float *sum,
                      bool add, struct mt_fetch *fetch)
{
    const struct mt_conv *cv = g->cv;
    size_t outer = cv->ow < MT_GEMM_KC ? MT_GEMM_KC / cv->ow : 1;

    for (size_t i = 0; i < cv->oh; i += outer) {
        for (size_t j = 0; j < cv->ow; j += MT_GEMM_KC)
            add_block(g, dy, i, j, mt_size_min(outer, cv->oh - i),
                      mt_size_min(MT_GEMM_KC, cv->ow - j), rows, panel, sum,
                      add || i > 0 || j > 0, fetch);
    }
}

/* While an image's dy is in the cache. */
static void sum_dy(const struct grad_weight *g, size_t task, const float *dy)
{
    const struct mt_conv *cv = g->cv;
    size_t size = cv->oh * cv->ow;

    for (size_t o = 0; g->db && o < cv->o; o++)
        g->dy_sums[task * cv->o + o] = mt_kernels()->sum(dy + o * size, size);
}

static void add_dy_sums(const struct grad_weight *g, size_t group)
{
    const struct mt_conv *cv = g->cv;
    size_t channels = cv->groups * cv->o, end = (group + 1) * cv->o;

    for (size_t c = group * cv->o; g->db && c < end; c++) {
        double sum = 0;

        for (size_t n = 0; n < cv->n; n++)
            sum += g->dy_sums[n * channels + c];
        g->db[c] = (float)sum;
    }
}

/* What the tiles of an image prefetch: the next image, if there is one. */
static struct mt_fetch next_image(const struct grad_weight *g, const float *x,
                                  const float *dy, bool more)
{
    const struct mt_conv *cv = g->cv;
    size_t x_size = cv->c * cv->h * cv->w, dy_size = cv->o * cv->oh * cv->ow;
    size_t tiles = mt_size_ceil_div(g->k, mt_kernels()->gemm_mr);
    size_t panels = mt_size_ceil_div(cv->o, mt_kernels()->gemm_nr);
    struct mt_fetch f = { .n = 0 };

    if (more) {
        mt_fetch_add(&f, x + cv->groups * x_size, x_size);
        mt_fetch_add(&f, dy + cv->groups * dy_size, dy_size);
    }
    mt_fetch_begin(&f, tiles * panels * cv->oh * cv->ow);
    return f;
}

static void slot_task(void *ctx, size_t task, size_t worker)
{
    const struct grad_weight *g = ctx;
    const struct mt_conv *cv = g->cv;
    size_t slot = task / cv->groups, group = task % cv->groups;
    size_t first = slot * g->per_slot;
    size_t end = mt_size_min(first + g->per_slot, cv->n);
    char *own = g->own + worker * g->own_bytes;
    float *planes = (float *)own, *panel = planes + plane_floats(g);
    const float **rows = (const float **)(own + g->own_bytes - rows_bytes(g));
    float *sum = g->sums + (slot * cv->groups + group) * cv->o * g->k;

    for (size_t n = first; n < end; n++) {
        size_t at = n * cv->groups + group;
        const float *x = g->in->x + at * cv->c * cv->h * cv->w;
        const float *dy = g->dy + at * cv->o * cv->oh * cv->ow;

        if (!g->in_place)
            mt_conv_fill_input(cv, &g->planes, g->in, at, planes);
        if (g->in_place || n == first)
            mt_conv_input_rows(cv, &g->planes, g->in_place ? x : planes, rows);
        struct mt_fetch fetch = next_image(g, x, dy, n + 1 < end);

        add_image(g, dy, rows, panel, sum, n > first, &fetch);
        sum_dy(g, at, dy);
    }
}

/* dw (o, taps) = the slots' sums (taps, o), for some taps of a group; with the
 * first of them, db, too */
static void add_slots(void *ctx, size_t task, size_t worker)
{
    const struct grad_weight *g = ctx;
    size_t o = g->cv->o, size = g->cv->groups * o * g->k;
    size_t parts = (g->k + SUM_TAPS - 1) / SUM_TAPS;
    size_t group = task / parts, first = task % parts * SUM_TAPS;
    size_t end = mt_size_min(first + SUM_TAPS, g->k);
    float *dw = g->dw + group * o * g->k;

    (void)worker;
    if (first == 0)
        add_dy_sums(g, group);
    for (size_t t = first; t < end; t++) {
        float *sum = g->sums + (group * g->k + t) * o;

        for (size_t slot = 1; slot < g->slots; slot++)
            mt_kernels()->add(sum, sum, sum + slot * size, o);
        for (size_t i = 0; i < o; i++)
            dw[i * g->k + t] = sum[i];
    }
}

void mt_conv_grad_weight(const struct mt_conv *cv,
                         const struct mt_conv_input *in, const float *dy,
                         float *dw, float *db, struct mt_team *team,
                         void *scratch)
{
    struct grad_weight g = {
        .cv = cv, .in = in, .dy = dy, .dw = dw, .db = db, .sums = scratch
    };

    plan(&g, in->normed != NULL);
    g.dy_sums = (double *)((char *)scratch + sums_bytes(&g));
    g.own = (char *)g.dy_sums + dy_sums_bytes(cv, db != NULL);
    for (size_t i = 0; i < mt_team_size(team); i++)
        memset(g.own + i * g.own_bytes, 0, plane_floats(&g) * sizeof(float));
    mt_team_run(team, g.slots * cv->groups, slot_task, &g);
    mt_team_run(team, cv->groups * ((g.k + SUM_TAPS - 1) / SUM_TAPS),
                add_slots, &g);
}
