/*
 * The gradient of a convolution's weight: dw (o, taps) is, image by image, the
 * product of dy (o, positions) and the taps' rows (positions, taps).
 *
 * Images are cut into groups of fixed size; each group sums into a slot of its
 * own, and the slots are added in order.
 */
#include <string.h>

#include "base/size.h"
#include "tensor/conv_internal.h"
#include "tensor/gemm.h"

enum {
    MOST_SLOTS = 16,
    SLOT_FLOATS = 4 << 20, /* of all slots together, about */
};

struct grad_weight {
    const struct mt_conv *cv;
    const float *x, *dy;
    float *dw;
    struct mt_planes planes;
    size_t k, positions;   /* taps (c, u, v); oh x plane width */
    size_t slots, per_slot; /* images of a slot */
    float *sums;           /* slots x (groups o, k) */
    char *own;
    size_t own_bytes;
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void plan(struct grad_weight *g)
{
    const struct mt_conv *cv = g->cv;
    size_t size, slots;

    g->planes = mt_conv_input_planes(cv);
    g->k = cv->c * cv->kh * cv->kw;
    g->positions = cv->oh * g->planes.width;
    size = cv->groups * cv->o * g->k;
    slots = SLOT_FLOATS / size;
    slots = slots < 1 ? 1 : min_size(slots, MOST_SLOTS);
    slots = min_size(slots, cv->n);
    g->per_slot = (cv->n + slots - 1) / slots;
    g->slots = (cv->n + g->per_slot - 1) / g->per_slot;
}

/* Planes, dy in the planes' width, one packed KC block of each side, rows. */
static size_t own_floats(const struct grad_weight *g)
{
    return mt_planes_floats(&g->planes) + g->cv->o * g->positions +
           g->cv->o * MT_GEMM_KC + 32 * MT_GEMM_KC;
}

static size_t own_bytes(const struct grad_weight *g)
{
    return mt_size_align(own_floats(g) * sizeof(float), 64) +
           mt_size_align(g->k * sizeof(float *), 64);
}

static size_t sums_bytes(const struct grad_weight *g)
{
    return mt_size_align(g->slots * g->cv->groups * g->cv->o * g->k *
                             sizeof(float), 64);
}

size_t mt_conv_grad_weight_scratch(const struct mt_conv *cv, size_t workers)
{
    struct grad_weight g = { .cv = cv };

    plan(&g);
    return sums_bytes(&g) + workers * own_bytes(&g);
}

/* dy with rows of the planes' width, zeros behind the true columns. */
static void widen(const struct grad_weight *g, const float *dy, float *out)
{
    const struct mt_conv *cv = g->cv;
    size_t width = g->planes.width, rest = width - cv->ow;

    for (size_t i = 0; i < cv->o * cv->oh; i++) {
        memcpy(out + i * width, dy + i * cv->ow, cv->ow * sizeof *out);
        memset(out + i * width + cv->ow, 0, rest * sizeof *out);
    }
}

/* sum (o, k) (+)= dy (o, positions) rows^T, one KC block of positions. */
static void add_block(const struct grad_weight *g, const float *dy,
                      const float *const *rows, size_t at, size_t depth,
                      float *a, float *b, float *sum, bool add)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t o = g->cv->o, nr = kernels->gemm_nr;
    size_t panels = (o + kernels->gemm_mr - 1) / kernels->gemm_mr;

    kernels->gemm_pack_a(dy + at, g->positions, 1, o, depth, a);
    for (size_t j = 0; j < g->k; j += nr) {
        size_t columns = min_size(nr, g->k - j);

        kernels->gemm_pack_rows(rows + j, at, depth, columns, b);
        for (size_t i = 0, t = 0; t < panels; t++) {
            size_t m = o / panels + (t < o % panels);

            kernels->gemm_tile(m, columns, depth, a + i * depth, b,
                               sum + i * g->k + j, g->k, add);
            i += m;
        }
    }
}

static void slot_task(void *ctx, size_t task, size_t worker)
{
    const struct grad_weight *g = ctx;
    const struct mt_conv *cv = g->cv;
    size_t slot = task / cv->groups, group = task % cv->groups;
    size_t first = slot * g->per_slot;
    size_t end = min_size(first + g->per_slot, cv->n);
    char *own = g->own + worker * g->own_bytes;
    float *planes = (float *)own;
    float *dy = planes + mt_planes_floats(&g->planes);
    float *a = dy + cv->o * g->positions;
    float *b = a + cv->o * MT_GEMM_KC;
    const float **rows =
        (const float **)(own + mt_size_align(own_floats(g) * sizeof(float),
                                             64));
    float *sum = g->sums + (slot * cv->groups + group) * cv->o * g->k;

    mt_conv_input_rows(cv, &g->planes, planes, rows);
    for (size_t n = first; n < end; n++) {
        size_t at_group = n * cv->groups + group;

        mt_conv_fill_input(cv, &g->planes, g->x + at_group * cv->c * cv->h *
                                                      cv->w, planes);
        widen(g, g->dy + at_group * cv->o * cv->oh * cv->ow, dy);
        for (size_t at = 0; at < g->positions; at += MT_GEMM_KC)
            add_block(g, dy, rows, at, min_size(MT_GEMM_KC, g->positions - at),
                      a, b, sum, n > first || at > 0);
    }
}

static void add_slots(void *ctx, size_t group, size_t worker)
{
    const struct grad_weight *g = ctx;
    size_t size = g->cv->o * g->k, stride = g->cv->groups * size;
    float *dw = g->dw + group * size;
    const float *sum = g->sums + group * size;

    (void)worker;
    memcpy(dw, sum, size * sizeof *dw);
    for (size_t slot = 1; slot < g->slots; slot++)
        mt_kernels()->add(dw, dw, sum + slot * stride, size);
}

void mt_conv_grad_weight(const struct mt_conv *cv, const float *x,
                         const float *dy, float *dw, struct mt_team *team,
                         void *scratch)
{
    struct grad_weight g = { .cv = cv, .x = x, .dy = dy, .dw = dw,
                             .sums = scratch };

    plan(&g);
    g.own = (char *)scratch + sums_bytes(&g);
    g.own_bytes = own_bytes(&g);
    mt_team_run(team, g.slots * cv->groups, slot_task, &g);
    mt_team_run(team, cv->groups, add_slots, &g);
}
