/*
 * Products that pack both operands. Read where they are, the rows of a B that
 * is wide, and the columns of a transposed A, miss the TLB and evict each other
 * from cache; and where B does not fit there, each block of rows would fetch
 * all of it from memory. So:
 *
 *     for each group of columns
 *         for each KC block of k
 *             pack B's panels, for all tasks
 *             for each block of rows and run of columns: a task
 *                 pack A's rows, in slivers
 *                 for some panels in turn
 *                     for each sliver, for each of the panels: tiles
 *
 * A sliver (gemm_step in dispatch.h) goes along some panels at a time, since
 * C's rows are pages apart, too.
 */
#include "kernels/gemm_internal.h"

#include "base/size.h"

enum {
    GROUP = 4096, /* columns of a group: at most 4 MB of B */
    BLOCK_ROWS =
        256,       /* rows of a block, at most: they stay in a core's cache */
    FEW_ROWS = 64, /* and at least, if there are so many */
    RUN = 256,     /* columns of a run, at least */
    TASKS = 8,     /* at least, if blocks and runs are large enough */
    TURN = 256,    /* columns that a sliver's tiles cover in turn */
    PANELS = 8,    /* that a task packs, at most */
    STEPS = 16,    /* of k that are packed at a time, see steps_of */
};

struct plan {
    const struct mt_gemm *g;
    const struct mt_kernels *kernels;
    size_t blocks, run; /* blocks of rows; columns of a run */
    size_t together;    /* panels that a task packs */
    float *panels;      /* panel of column j at j KC */
    float *slivers;     /* each worker's block of A */
    size_t own;         /* floats of it */
    size_t j0, n;       /* the group in work */
    size_t q, k;        /* the block of k in work */
};

/* From where on it pays, as measured on CPUs with AVX-512 and AVX2. */
struct bounds {
    size_t m, n; /* at least */
    size_t b;    /* elements of B, at least */
    size_t wide; /* n / m, at most */
};

static const struct bounds a_transposed = { 128, 128, 1 << 15, 8 };
static const struct bounds b_transposed = { MT_GEMM_ALL_ROWS + 1, 512, 1 << 20,
                                            SIZE_MAX };
static const struct bounds neither = { 128, 512, 1 << 18, SIZE_MAX };

static bool pays(const struct bounds *from, size_t m, size_t n, size_t k)
{
    return m >= from->m && n >= from->n && k >= MT_GEMM_KC &&
           n * k >= from->b && n / m <= from->wide;
}

bool mt_gemm_packs_both(const struct mt_gemm *g)
{
    return pays(g->b_col != 1   ? &b_transposed
                : g->a_col != 1 ? &a_transposed
                                : &neither,
                g->m, g->n, g->k);
}

/* Floats of a sliver, with room for what packing writes past its end. */
static size_t sliver_floats(const struct plan *p)
{
    return MT_GEMM_KC * p->kernels->gemm_step + MT_FETCH_LINE;
}

static size_t slivers_of(const struct plan *p, size_t m)
{
    return mt_size_ceil_div(m, p->kernels->gemm_mr);
}

static size_t panels_of(const struct plan *p, size_t n)
{
    return mt_size_ceil_div(n, p->kernels->gemm_nr);
}

static void plan_blocks(struct plan *p, size_t m, size_t n)
{
    size_t rows = BLOCK_ROWS, runs = mt_size_ceil_div(n, GROUP);

    while (rows > FEW_ROWS && mt_size_ceil_div(m, rows) * runs < TASKS)
        rows /= 2;
    p->blocks = mt_size_ceil_div(m, rows);
    p->own = slivers_of(p, mt_size_ceil_div(m, p->blocks)) * sliver_floats(p);
}

static void plan_group(struct plan *p)
{
    size_t nr = p->kernels->gemm_nr;

    p->run = mt_size_align(p->n, nr);
    while (p->run >= 2 * RUN &&
           p->blocks * mt_size_ceil_div(p->n, p->run) < TASKS)
        p->run = mt_size_align(p->run / 2, nr);
    p->together = PANELS;
    while (p->together > 1 &&
           mt_size_ceil_div(panels_of(p, p->n), p->together) < TASKS)
        p->together /= 2;
}

static size_t panel_floats(size_t n)
{
    return mt_size_align(mt_size_min(n, GROUP), MT_GEMM_PANEL) * MT_GEMM_KC;
}

size_t mt_gemm_packed_floats(size_t m, size_t n, size_t workers)
{
    struct plan p = { .kernels = mt_kernels() };

    plan_blocks(&p, m, n);
    return panel_floats(n) + workers * p.own;
}

bool mt_gemm_may_pack(size_t m, size_t n, size_t k)
{
    return pays(&a_transposed, m, n, k) || pays(&b_transposed, m, n, k) ||
           pays(&neither, m, n, k);
}

/* Where the values of a step are contiguous, those of the next are in another
 * page: a few steps are packed at a time, into several panels or slivers. */
static size_t steps_of(size_t step)
{
    return step == 1 ? MT_GEMM_KC : STEPS;
}

/* They are far apart, which defeats the CPU's own prefetching: prefetches n
 * values of each of the steps that are packed next, from x on. */
static void fetch_steps(const float *x, size_t step, size_t left, size_t n)
{
    for (size_t q = 0; q < STEPS && q < left; q++, x += step)
        mt_fetch_now(x, n);
}

static void pack_panels(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr, first = task * p->together * nr, k;
    size_t end = mt_size_min(first + p->together * nr, p->n);

    (void)worker;
    for (size_t q = 0; q < p->k; q += k) {
        const float *b =
            g->b + (p->q + q) * g->b_row + (p->j0 + first) * g->b_col;

        k = mt_size_min(steps_of(g->b_row), p->k - q);
        if (g->b_col == 1)
            fetch_steps(b + k * g->b_row, g->b_row, p->k - q - k, end - first);
        for (size_t j = first; j < end; j += nr, b += nr * g->b_col) {
            size_t n = mt_size_min(nr, end - j);

            p->kernels->gemm_pack_b(b, g->b_row, g->b_col, k, n,
                                    p->panels + j * MT_GEMM_KC +
                                        q * mt_size_align(n, MT_FETCH_LINE));
        }
    }
}

/* Rows [i, i + m) of A, in slivers of about as many rows each. */
static void pack_rows(const struct plan *p, size_t i, size_t m, float *out)
{
    const struct mt_gemm *g = p->g;
    size_t slivers = slivers_of(p, m), step = p->kernels->gemm_step, k;

    for (size_t q = 0; q < p->k; q += k) {
        const float *a = g->a + i * g->a_row + (p->q + q) * g->a_col;

        k = mt_size_min(steps_of(g->a_col), p->k - q);
        if (g->a_row == 1)
            fetch_steps(a + k * g->a_col, g->a_col, p->k - q - k, m);
        for (size_t s = 0; s < slivers; s++) {
            size_t rows = m / slivers + (s < m % slivers);

            p->kernels->gemm_pack_a(a, g->a_row, g->a_col, rows, k, step,
                                    out + s * sliver_floats(p) + q * step);
            a += rows * g->a_row;
        }
    }
}

/* The tiles of a packed block of rows [i, i + m) and of columns [j, end). */
static void turn_tiles(const struct plan *p, size_t i, size_t m, size_t j,
                       size_t end, const float *sliver)
{
    const struct mt_gemm *g = p->g;
    size_t slivers = slivers_of(p, m), nr = p->kernels->gemm_nr;
    float *c = g->c + i * g->ldc + p->j0;

    for (size_t s = 0; s < slivers; s++, sliver += sliver_floats(p)) {
        size_t rows = m / slivers + (s < m % slivers);
        struct mt_left a = { sliver, 1, p->kernels->gemm_step };

        for (size_t jj = j; jj < end; jj += nr) {
            size_t n = mt_size_min(nr, end - jj);

            p->kernels->gemm_tile(
                rows, n, p->k, &a, p->panels + jj * MT_GEMM_KC,
                mt_size_align(n, MT_FETCH_LINE), NULL, c + jj, g->ldc,
                p->q > 0 || g->add, (struct mt_soon){ sliver, 0 });
        }
        c += rows * g->ldc;
    }
}

static void block_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t across = mt_size_ceil_div(p->n, p->run), block = task / across;
    size_t i = g->m * block / p->blocks;
    size_t m = g->m * (block + 1) / p->blocks - i;
    size_t first = task % across * p->run;
    size_t end = mt_size_min(first + p->run, p->n);
    float *own = p->slivers + worker * p->own;

    pack_rows(p, i, m, own);
    for (size_t j = first; j < end; j += TURN)
        turn_tiles(p, i, m, j, mt_size_min(j + TURN, end), own);
    if (p->q + p->k == g->k && mt_gemm_has_epilogue(g))
        mt_gemm_epilogue(g, p->kernels, i, m, p->j0 + first, end - first);
}

void mt_gemm_packed(const struct mt_gemm *g, struct mt_team *team,
                    float *scratch)
{
    struct plan p = { .g = g, .kernels = mt_kernels(), .panels = scratch };

    plan_blocks(&p, g->m, g->n);
    p.slivers = scratch + panel_floats(g->n);
    for (p.j0 = 0; p.j0 < g->n; p.j0 += p.n) {
        p.n = mt_size_min(GROUP, g->n - p.j0);
        plan_group(&p);
        for (p.q = 0; p.q < g->k; p.q += p.k) {
            p.k = mt_size_min(MT_GEMM_KC, g->k - p.q);
            mt_team_run(team, mt_size_ceil_div(panels_of(&p, p.n), p.together),
                        pack_panels, &p);
            mt_team_run(team, p.blocks * mt_size_ceil_div(p.n, p.run),
                        block_task, &p);
        }
    }
}
