/*
 * The outer loops of matrix multiplication. Tasks are blocks of C:
 *
 *     for each KC block of k
 *         for each panel of B's columns, as wide as a tile
 *             for each tile of rows
 *     then the epilogue
 *
 * A tile takes one value of A at a time, so A is read in place, whatever
 * its strides; only where the columns of a transposed A are whole pages apart
 * would its cache lines evict each other: then a task first copies its block of
 * it. Where all tasks read all rows, A is packed in slivers first, for all. B's
 * rows are vectors: where they are contiguous, the first tile of a panel reads
 * them in place and leaves a packed copy in cache for the others. Otherwise (a
 * transposed B) panels are packed first: by the task, if it has all rows of C,
 * and else once for all tasks. Larger products pack both operands:
 * gemm_packed.c. Threads share long sums by blocks of k: gemm_spread.c.
 */
#include "kernels/gemm_internal.h"

#include <string.h>

#include "base/size.h"

enum {
    SMALL = 2048,        /* products m n k up to this have one loop */
    B_BUFFER = 4 << 20,  /* floats of B packed ahead at a time, about */
    BLOCK_ROWS = 96,     /* rows of a task's block of C, about */
    BLOCK_COLUMNS = 512, /* columns of a task's block of C, at most */
    PAGE = 1024,         /* floats of a page */
    LARGE = 1 << 18,     /* elements of a B that is not in cache */
    WIDE = 512,          /* columns from which slivers pay */
};

struct plan {
    const struct mt_gemm *g;
    const struct mt_kernels *kernels;
    size_t column_group;    /* columns of B that are packed ahead at a time */
    size_t block_rows, block_columns;
    float *ahead;           /* panel of column j at j k, block q at q width */
    float *slivers;         /* of A, see slivers_at */
    float *own; /* each worker's: a panel, KC x MT_GEMM_PANEL; a block of a
                   transposed A, KC x rows */
    size_t own_floats;
    size_t j0, n;           /* the group in work */
};

/* Blocks for at least about eight tasks, if the columns allow it. */
static void plan_blocks(struct plan *p, size_t m, size_t n)
{
    size_t nr = p->kernels->gemm_nr, mr = p->kernels->gemm_mr;

    p->block_rows = mr * mt_size_ceil_div(BLOCK_ROWS, mr);
    if (p->block_rows > m || (m <= MT_GEMM_ALL_ROWS && n >= 8 * MT_GEMM_PANEL))
        p->block_rows = m;
    p->block_columns = mt_size_min(BLOCK_COLUMNS, mt_size_align(n, nr));
    while (p->block_columns > 2 * nr &&
           mt_size_ceil_div(m, p->block_rows) *
                   mt_size_ceil_div(n, p->block_columns) <
               8)
        p->block_columns = mt_size_align(p->block_columns / 2, nr);
}

/* Whether tasks share panels of a B whose rows are not contiguous. */
static bool packs_ahead(const struct plan *p, size_t m)
{
    return p->block_rows < m;
}

static void plan_sizes(struct plan *p, size_t m, size_t n, size_t k)
{
    size_t fit = B_BUFFER / k / MT_GEMM_PANEL * MT_GEMM_PANEL;

    plan_blocks(p, m, n);
    fit = fit > p->block_columns ? fit : p->block_columns;
    p->column_group = fit < n && packs_ahead(p, m) ? fit : n;
    p->own_floats =
        mt_size_align(MT_GEMM_KC * (MT_GEMM_PANEL + p->block_rows), 16);
}

/* Whether all tasks read all rows of an A that is not transposed, each for many
 * columns. */
static bool packs_left(const struct plan *p, size_t m, size_t n)
{
    return p->block_rows == m && m > p->kernels->gemm_mr && n >= WIDE;
}

static size_t tiles_of(const struct plan *p, size_t m)
{
    return mt_size_ceil_div(m, p->kernels->gemm_mr);
}

/* Where the slivers of KC block q of k begin. Each block has room for what
 * packing writes past its end. */
static size_t slivers_at(const struct plan *p, size_t m, size_t q)
{
    return q * p->kernels->gemm_step * tiles_of(p, m) +
           mt_size_ceil_div(q, MT_GEMM_KC) * MT_FETCH_LINE;
}

static size_t left_floats(const struct plan *p, size_t m, size_t n, size_t k)
{
    return packs_left(p, m, n) ? mt_size_align(slivers_at(p, m, k), 16) : 0;
}

static size_t ahead_floats(const struct plan *p, size_t m, size_t k)
{
    return packs_ahead(p, m) ? mt_size_align(p->column_group, MT_GEMM_PANEL) * k
                             : 0;
}

size_t mt_gemm_scratch(size_t m, size_t n, size_t k, size_t workers)
{
    struct plan p = { .kernels = mt_kernels() };
    const struct mt_gemm transposed = { .m = m, .n = n, .k = k, .b_col = k };
    size_t floats;

    if (m * n * k <= SMALL)
        return 0;
    plan_sizes(&p, m, n, k);
    floats = workers * p.own_floats;
    if (!mt_gemm_packs_both(&transposed))
        floats += ahead_floats(&p, m, k);
    floats += left_floats(&p, m, n, k);
    if (mt_gemm_may_pack(m, n, k))
        floats = mt_size_max(floats, mt_gemm_packed_floats(m, n, 0, workers));
    floats = mt_size_max(floats, mt_gemm_spread_floats(m, n, k, workers));
    return floats * sizeof(float);
}

size_t mt_gemm_take_scratch(size_t m, size_t n, size_t k, size_t workers)
{
    return sizeof(float) * mt_size_max(mt_gemm_packed_floats(m, n, k, workers),
                                       mt_gemm_spread_floats(m, n, k, workers));
}

static void pack_ahead_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr, j = task * nr;
    size_t n = mt_size_min(nr, p->n - j), width = mt_size_align(n, 16);
    float *out = p->ahead + j * g->k;

    (void)worker;
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
        size_t k = mt_size_min(MT_GEMM_KC, g->k - q);

        p->kernels->gemm_pack_b(g->b + q * g->b_row + (p->j0 + j) * g->b_col,
                                g->b_row, g->b_col, k, n, out + q * width);
    }
}

static void pack_left_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t q = task * MT_GEMM_KC, k = mt_size_min(MT_GEMM_KC, g->k - q);
    size_t tiles = tiles_of(p, g->m);
    const float *a = g->a + q * g->a_col;
    float *out = p->slivers + slivers_at(p, g->m, q);

    (void)worker;
    for (size_t t = 0; t < tiles; t++, out += p->kernels->gemm_step * k) {
        size_t rows = g->m / tiles + (t < g->m % tiles);

        p->kernels->gemm_pack_a(a, g->a_row, g->a_col, rows, k,
                                p->kernels->gemm_step, out);
        a += rows * g->a_row;
    }
}

/* KC block [q, q + k) of B's panel at column j, and where to keep a copy. */
struct panel {
    const float *b;
    size_t b_row;
    float *copy;
};

static struct panel find_panel(const struct plan *p, size_t j, size_t n,
                               size_t q, size_t k, float *own)
{
    const struct mt_gemm *g = p->g;
    const float *b = g->b + q * g->b_row + (p->j0 + j) * g->b_col;
    size_t width = mt_size_align(n, 16);

    if (g->b_col == 1 && n == width)
        return (struct panel){ b, g->b_row, own };
    if (p->ahead)
        return (struct panel){ p->ahead + j * g->k + q * width, width, NULL };
    p->kernels->gemm_pack_b(b, g->b_row, g->b_col, k, n, own);
    return (struct panel){ own, width, NULL };
}

/* KC block [q, q + k) of rows [i, i + m) of A. */
static struct mt_left find_rows(const struct plan *p, size_t i, size_t m,
                                size_t q, size_t k, float *own)
{
    const struct mt_gemm *g = p->g;
    const float *a = g->a + i * g->a_row + q * g->a_col;

    if (p->slivers)
        return (struct mt_left){ p->slivers + slivers_at(p, g->m, q), 1,
                                 p->kernels->gemm_step };
    if (g->a_row != 1 || g->a_col % PAGE)
        return (struct mt_left){ a, g->a_row, g->a_col };
    p->kernels->copy_rows(own, m, a, g->a_col, k, m);
    return (struct mt_left){ own, 1, m };
}

/* Rows [i, i + m) and columns [j, j + n) of C. */
struct area {
    size_t i, m, j, n;
};

/* What the tiles of a panel prefetch first: the next panel, from column j on,
 * if tasks pack their own and B is not in cache. */
static struct mt_fetch next_panel(const struct plan *p, size_t j, size_t end,
                                  size_t q, size_t k)
{
    const struct mt_gemm *g = p->g;
    struct mt_fetch f = { .n = 0 };
    size_t n;

    if (j == end || p->ahead || g->b_row != 1 || g->n * g->k < LARGE)
        return f;
    n = mt_size_min(p->kernels->gemm_nr, end - j);
    mt_fetch_rows(&f, g->b + q * g->b_row + j * g->b_col, n, k, g->b_col);
    mt_fetch_begin(&f, n * k);
    return f;
}

/* One KC block [q, q + k) of n columns of the area, from column j on. */
static void panel_tiles(const struct plan *p, struct mt_left a,
                        const struct area *area, size_t j, size_t n, size_t q,
                        size_t k, float *own, struct mt_fetch *fetch)
{
    const struct mt_gemm *g = p->g;
    struct panel b = find_panel(p, j - p->j0, n, q, k, own);
    size_t tiles = tiles_of(p, area->m);
    float *c = g->c + area->i * g->ldc + j;
    struct mt_fetch next = next_panel(p, j + n, area->j + area->n, q, k);

    for (size_t t = 0; t < tiles; t++) {
        size_t rows = area->m / tiles + (t < area->m % tiles);
        struct mt_soon soon =
            mt_fetch_take(next.now < next.n ? &next : fetch, k, b.b);

        p->kernels->gemm_tile(rows, n, k, &a, b.b, b.b_row,
                              tiles > 1 ? b.copy : NULL, c, g->ldc,
                              q > 0 || g->add, &soon);
        if (b.copy && tiles > 1)
            b = (struct panel){ b.copy, n, NULL };
        a.at += p->slivers ? k * p->kernels->gemm_step : rows * a.row;
        c += rows * g->ldc;
    }
}

static struct area area_of(const struct plan *p, size_t task)
{
    size_t across = mt_size_ceil_div(p->n, p->block_columns);
    size_t i = task / across * p->block_rows;
    size_t j = task % across * p->block_columns;

    return (struct area){ i, mt_size_min(p->block_rows, p->g->m - i), p->j0 + j,
                          mt_size_min(p->block_columns, p->n - j) };
}

static size_t group_tasks(const struct plan *p)
{
    return mt_size_ceil_div(p->g->m, p->block_rows) *
           mt_size_ceil_div(p->n, p->block_columns);
}

/* What the tiles of a task prefetch: what its epilogue reads, and the next
 * task's rows of A and results. */
static struct mt_fetch fetch_of(const struct plan *p, size_t task)
{
    const struct mt_gemm *g = p->g;
    struct area now = area_of(p, task), next;
    size_t at = now.i * g->ldc + now.j, nr = p->kernels->gemm_nr;
    struct mt_fetch f = { .n = 0 };

    if (g->sum)
        mt_fetch_rows(&f, g->sum + at, now.m, now.n, g->ldc);
    if (g->act_grad)
        mt_fetch_rows(&f, g->saved + at, now.m, now.n, g->ldc);
    if (task + 1 < group_tasks(p)) {
        next = area_of(p, task + 1);
        at = next.i * g->ldc + next.j;
        if (next.i != now.i && g->a_col == 1)
            mt_fetch_rows(&f, g->a + next.i * g->a_row, next.m, g->k, g->a_row);
        mt_fetch_rows(&f, g->c + at, next.m, next.n, g->ldc);
        if (g->act_out)
            mt_fetch_rows(&f, g->act_out + at, next.m, next.n, g->ldc);
    }
    mt_fetch_begin(&f, tiles_of(p, now.m) * mt_size_ceil_div(now.n, nr) * g->k);
    return f;
}

static void block_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr;
    struct area b = area_of(p, task);
    struct mt_fetch fetch = fetch_of(p, task);
    float *own = p->own + worker * p->own_floats;

    for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
        size_t k = mt_size_min(MT_GEMM_KC, g->k - q);
        struct mt_left a =
            find_rows(p, b.i, b.m, q, k, own + MT_GEMM_KC * MT_GEMM_PANEL);

        for (size_t j = 0; j < b.n; j += nr)
            panel_tiles(p, a, &b, b.j + j, mt_size_min(nr, b.n - j), q, k, own,
                        &fetch);
    }
    if (mt_gemm_has_epilogue(g))
        mt_gemm_epilogue(g, p->kernels, b.i, b.m, b.j, b.n);
}

static void gemm_small(const struct mt_gemm *g,
                       const struct mt_kernels *kernels)
{
    if (g->k == 0 && !g->add) { /* an empty sum */
        for (size_t i = 0; i < g->m; i++)
            memset(g->c + i * g->ldc, 0, g->n * sizeof *g->c);
    }
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC)
        kernels->gemm_small(g->m, g->n, mt_size_min(MT_GEMM_KC, g->k - q),
                            g->a + q * g->a_col, g->a_row, g->a_col,
                            g->b + q * g->b_row, g->b_row, g->b_col, g->c,
                            g->ldc, q > 0 || g->add);
    if (mt_gemm_has_epilogue(g))
        mt_gemm_epilogue(g, kernels, 0, g->m, 0, g->n);
}

void mt_gemm(const struct mt_gemm *g, struct mt_team *team, void *scratch)
{
    struct plan p = { .g = g, .kernels = mt_kernels() };

    if (g->m == 0 || g->n == 0)
        return;
    if (g->m * g->n * g->k <= SMALL && !g->take) {
        gemm_small(g, p.kernels);
        return;
    }
    if (mt_gemm_spreads(g, mt_team_size(team))) {
        mt_gemm_spread(g, team, scratch);
        return;
    }
    if (g->take || mt_gemm_packs_both(g)) {
        mt_gemm_packed(g, team, scratch);
        return;
    }
    plan_sizes(&p, g->m, g->n, g->k);
    p.own = scratch;
    if (g->b_col != 1 && packs_ahead(&p, g->m)) {
        p.ahead = scratch;
        p.own += ahead_floats(&p, g->m, g->k);
    }
    if (g->a_row != 1 && packs_left(&p, g->m, g->n)) {
        p.slivers = p.own;
        p.own += left_floats(&p, g->m, g->n, g->k);
        mt_team_run(team, mt_size_ceil_div(g->k, MT_GEMM_KC), pack_left_task,
                    &p);
    }
    for (p.j0 = 0; p.j0 < g->n; p.j0 += p.n) {
        p.n = mt_size_min(p.ahead ? p.column_group : g->n, g->n - p.j0);
        if (p.ahead)
            mt_team_run(team, mt_size_ceil_div(p.n, p.kernels->gemm_nr),
                        pack_ahead_task, &p);
        mt_team_run(team, group_tasks(&p), block_task, &p);
    }
}
