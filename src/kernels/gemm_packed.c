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
 *
 * Where C is taken instead of stored, a task goes through all of k, with its
 * part of C in its core's cache.
 */
#include "kernels/gemm_internal.h"

#include "base/size.h"

enum {
    GROUP = 4096, /* columns of a group, times its KC blocks: 4 MB of B */
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
    size_t group;       /* columns of a group, at most */
    size_t blocks, run; /* blocks of rows; columns of a run */
    size_t together;    /* panels that a task packs */
    float *panels;      /* panel of column j at j KC, */
    size_t depth_floats; /* and so much further for each KC block before */
    float *slivers;      /* each worker's block of A, */
    float *results;      /* and TURN columns of C, if it is taken: a sliver's
                            rows, or the block's, if there are several of k */
    size_t slivers_each, results_each; /* floats of them */
    size_t reads;                      /* arrays that `take` reads */
    size_t j0, n;       /* the group in work */
    size_t q, k;        /* the part of k in work: a KC block, or all of it */
};

/* A KC block of the part of k in work. */
struct depth {
    size_t q, k;
    bool last;
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

static size_t depths_of(size_t k)
{
    return mt_size_ceil_div(k, MT_GEMM_KC);
}

/* k: of the taken C, or 0. */
static void plan_blocks(struct plan *p, size_t m, size_t n, size_t k)
{
    size_t rows = BLOCK_ROWS, depths = depths_of(k);

    p->group = GROUP;
    if (depths > 1)
        p->group = mt_size_max(GROUP / depths / TURN, 1) * TURN;
    while (rows > FEW_ROWS &&
           mt_size_ceil_div(m, rows) * mt_size_ceil_div(n, p->group) < TASKS)
        rows /= 2;
    p->blocks = mt_size_ceil_div(m, rows);
    rows = mt_size_ceil_div(m, p->blocks);
    p->depth_floats =
        mt_size_align(mt_size_min(n, p->group), MT_GEMM_PANEL) * MT_GEMM_KC;
    p->slivers_each =
        mt_size_align(slivers_of(p, rows) * sliver_floats(p), MT_FETCH_LINE);
    p->results_each = depths > 1 ? rows * TURN
                      : depths   ? p->kernels->gemm_mr * TURN
                                 : 0;
}

static void plan_group(struct plan *p)
{
    size_t nr = p->kernels->gemm_nr;

    p->run = mt_size_align(p->n, nr);
    while (p->run >= 2 * RUN &&
           p->blocks * mt_size_ceil_div(p->n, p->run) < TASKS)
        p->run = mt_size_align(p->run / 2, nr);
    if (p->k > MT_GEMM_KC)
        p->run = TURN;
    p->together = PANELS;
    while (p->together > 1 &&
           mt_size_ceil_div(panels_of(p, p->n), p->together) < TASKS)
        p->together /= 2;
}

static size_t panels_floats(const struct plan *p, size_t taken)
{
    return mt_size_max(depths_of(taken), 1) * p->depth_floats;
}

size_t mt_gemm_packed_floats(size_t m, size_t n, size_t taken, size_t workers)
{
    struct plan p = { .kernels = mt_kernels() };

    plan_blocks(&p, m, n, taken);
    return panels_floats(&p, taken) +
           workers * (p.slivers_each + p.results_each);
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

static struct depth depth_at(const struct plan *p, size_t q)
{
    size_t end = p->q + p->k, k = mt_size_min(MT_GEMM_KC, end - q);

    return (struct depth){ q, k, q + k == p->g->k };
}

/* The panel of column j, counted from the group's first. */
static float *panel_at(const struct plan *p, const struct depth *d, size_t j)
{
    return p->panels + (d->q - p->q) / MT_GEMM_KC * p->depth_floats +
           j * MT_GEMM_KC;
}

static void pack_panels(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t tasks = mt_size_ceil_div(panels_of(p, p->n), p->together);
    struct depth d = depth_at(p, p->q + task / tasks * MT_GEMM_KC);
    size_t nr = p->kernels->gemm_nr, k;
    size_t first = task % tasks * p->together * nr;
    size_t end = mt_size_min(first + p->together * nr, p->n);

    (void)worker;
    for (size_t q = 0; q < d.k; q += k) {
        const float *b =
            g->b + (d.q + q) * g->b_row + (p->j0 + first) * g->b_col;

        k = mt_size_min(steps_of(g->b_row), d.k - q);
        if (g->b_col == 1)
            fetch_steps(b + k * g->b_row, g->b_row, d.k - q - k, end - first);
        for (size_t j = first; j < end; j += nr, b += nr * g->b_col) {
            size_t n = mt_size_min(nr, end - j);

            p->kernels->gemm_pack_b(b, g->b_row, g->b_col, k, n,
                                    panel_at(p, &d, j) +
                                        q * mt_size_align(n, MT_FETCH_LINE));
        }
    }
}

/* Rows [i, i + m) of A, in slivers of about as many rows each. */
static void pack_rows(const struct plan *p, size_t i, size_t m,
                      const struct depth *d, float *out)
{
    const struct mt_gemm *g = p->g;
    size_t slivers = slivers_of(p, m), step = p->kernels->gemm_step, k;

    for (size_t q = 0; q < d->k; q += k) {
        const float *a = g->a + i * g->a_row + (d->q + q) * g->a_col;

        k = mt_size_min(steps_of(g->a_col), d->k - q);
        if (g->a_row == 1)
            fetch_steps(a + k * g->a_col, g->a_col, d->k - q - k, m);
        for (size_t s = 0; s < slivers; s++) {
            size_t rows = m / slivers + (s < m % slivers);

            p->kernels->gemm_pack_a(a, g->a_row, g->a_col, rows, k, step,
                                    out + s * sliver_floats(p) + q * step);
            a += rows * g->a_row;
        }
    }
}

/* Rows [i, i + m) and columns [j, end) of C, counted from the group's first,
 * and a worker's memory. */
struct block {
    size_t i, m, j, end;
    const float *slivers;
    float *results;
};

/* What tile number `tile` of a sliver's prefetches of what `take` reads of
 * their part of C: tiles share out the arrays, and those of an array its rows.
 */
static struct mt_soon fetch_reads(const struct plan *p, const struct block *b,
                                  size_t i, size_t m, size_t tile, size_t k,
                                  const float *own)
{
    const struct mt_gemm *g = p->g;
    size_t n = b->end - b->j, tiles = panels_of(p, n), arrays = p->reads;
    size_t array = tile * arrays / tiles;
    size_t first = mt_size_ceil_div(array * tiles, arrays);
    size_t end = mt_size_ceil_div((array + 1) * tiles, arrays);
    size_t row = m * (tile - first) / (end - first);
    size_t rows = m * (tile - first + 1) / (end - first) - row;

    if (rows == 0)
        return mt_fetch_nothing(own);
    return mt_fetch_each(g->take_reads[array] + (i + row) * g->n + p->j0 + b->j,
                         rows, n, g->n, k);
}

/* Where row i of the block's C is, of its columns from b->j on. */
static float *row_at(const struct plan *p, const struct block *b, size_t i)
{
    if (!p->g->take)
        return p->g->c + i * p->g->ldc + p->j0 + b->j;
    return b->results + (p->k > MT_GEMM_KC ? (i - b->i) * TURN : 0);
}

/* A sliver's rows [i, i + m) of C, and of its columns [b->j, b->end). */
static void sliver_tiles(const struct plan *p, const struct block *b, size_t i,
                         size_t m, const struct depth *d, const float *sliver)
{
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr, ldc = g->take ? TURN : g->ldc;
    struct mt_left a = { sliver, 1, p->kernels->gemm_step };
    float *c = row_at(p, b, i);

    for (size_t j = b->j; j < b->end; j += nr) {
        size_t n = mt_size_min(nr, b->end - j);
        struct mt_soon soon = mt_fetch_nothing(sliver);

        if (p->reads && d->last)
            soon = fetch_reads(p, b, i, m, (j - b->j) / nr, d->k, sliver);
        p->kernels->gemm_tile(m, n, d->k, &a, panel_at(p, d, j),
                              mt_size_align(n, MT_FETCH_LINE), NULL,
                              c + j - b->j, ldc, d->q > 0 || g->add, &soon);
    }
    if (g->take && d->last)
        g->take(g->take_ctx, i, m, p->j0 + b->j, b->end - b->j, c, ldc);
}

static void block_tiles(const struct plan *p, const struct block *b,
                        const struct depth *d)
{
    size_t slivers = slivers_of(p, b->m), i = b->i;

    for (size_t s = 0; s < slivers; s++) {
        size_t rows = b->m / slivers + (s < b->m % slivers);

        sliver_tiles(p, b, i, rows, d, b->slivers + s * sliver_floats(p));
        i += rows;
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
    float *own = p->slivers + worker * p->slivers_each;

    for (size_t q = p->q; q < p->q + p->k; q += MT_GEMM_KC) {
        struct depth d = depth_at(p, q);

        pack_rows(p, i, m, &d, own);
        for (size_t j = first; j < end; j += TURN) {
            struct block b = { i,   m,
                               j,   mt_size_min(j + TURN, end),
                               own, p->results + worker * p->results_each };

            block_tiles(p, &b, &d);
        }
    }
    if (p->q + p->k == g->k && mt_gemm_has_epilogue(g))
        mt_gemm_epilogue(g, p->kernels, i, m, p->j0 + first, end - first);
}

void mt_gemm_packed(const struct mt_gemm *g, struct mt_team *team,
                    float *scratch)
{
    struct plan p = { .g = g, .kernels = mt_kernels(), .panels = scratch };
    size_t taken = g->take ? g->k : 0;

    plan_blocks(&p, g->m, g->n, taken);
    p.slivers = scratch + panels_floats(&p, taken);
    p.results = p.slivers + mt_team_size(team) * p.slivers_each;
    while (g->take && p.reads < MT_GEMM_TAKE_READS && g->take_reads[p.reads])
        p.reads++;
    for (p.j0 = 0; p.j0 < g->n; p.j0 += p.n) {
        p.n = mt_size_min(p.group, g->n - p.j0);
        for (p.q = 0; p.q < g->k; p.q += p.k) {
            p.k = g->take ? g->k : mt_size_min(MT_GEMM_KC, g->k - p.q);
            plan_group(&p);
            mt_team_run(team,
                        depths_of(p.k) *
                            mt_size_ceil_div(panels_of(&p, p.n), p.together),
                        pack_panels, &p);
            mt_team_run(team, p.blocks * mt_size_ceil_div(p.n, p.run),
                        block_task, &p);
        }
    }
}
