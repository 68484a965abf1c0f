/*
 * The outer loops of matrix multiplication (after Goto and van de Geijn,
 * "Anatomy of high-performance matrix multiplication"): B is packed once into
 * panels of NR columns, A in super-blocks of rows; tasks are blocks of C.
 *
 *     for each group of columns of C whose packed B fits its buffer
 *         pack that part of B                       (tasks: panels)
 *         for each group of rows whose packed A fits its buffer
 *             pack that part of A                   (tasks: blocks of rows)
 *             for each block of C                   (tasks)
 *                 for each KC block of k: tiles; then the epilogue
 *
 * Packed layouts: B's panel at column j starts at j * k floats, and within it
 * KC block q at q * KC * width; A's block of rows at row i starts at i * k, and
 * within it KC block q at q * KC * rows.
 */
#include "tensor/gemm.h"

#include <string.h>

#include "base/size.h"

enum {
    SMALL = 2048,          /* products m n k up to this are not packed */
    B_BUFFER = 4 << 20,    /* floats of packed B at a time, about */
    A_BUFFER = 1 << 19,    /* floats of packed A at a time, about */
    BLOCK_COLUMNS = 256,   /* columns of a task's block of C, at most */
    ALIGN = 16,            /* floats */
};

struct plan {
    const struct mt_gemm *g;
    const struct mt_kernels *kernels;
    size_t column_group, row_group; /* columns of B, rows of A at a time */
    size_t block_rows, block_columns;
    float *packed_a, *packed_b;
    size_t j0, n, i0, m;            /* the group in work */
};

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of a task: a few tiles, fewer where there are few columns to share. */
static void plan_sizes(struct plan *p, size_t m, size_t n, size_t k)
{
    size_t nr = p->kernels->gemm_nr, mr = p->kernels->gemm_mr;
    size_t fit_b = B_BUFFER / k / nr * nr, fit_a;

    p->block_rows = mr * ceil_div(96, mr);
    if (p->block_rows > m)
        p->block_rows = m;
    p->block_columns = min_size(BLOCK_COLUMNS, mt_size_align(n, nr));
    /* at least about eight tasks, if the columns allow it */
    while (p->block_columns > 2 * nr &&
           ceil_div(m, p->block_rows) * ceil_div(n, p->block_columns) < 8)
        p->block_columns = mt_size_align(p->block_columns / 2, nr);
    fit_a = A_BUFFER / k / p->block_rows * p->block_rows;
    p->row_group = fit_a ? min_size(fit_a, m) : p->block_rows;
    p->column_group = fit_b > p->block_columns ? fit_b : p->block_columns;
    if (p->column_group > n)
        p->column_group = n;
}

static size_t packed_b_floats(const struct plan *p, size_t k)
{
    return mt_size_align(p->column_group, p->kernels->gemm_nr) * k;
}

size_t mt_gemm_scratch(size_t m, size_t n, size_t k, size_t workers)
{
    struct plan p = { .kernels = mt_kernels() };

    (void)workers;
    if (m * n * k <= SMALL)
        return 0;
    plan_sizes(&p, m, n, k);
    return (packed_b_floats(&p, k) + mt_size_align(p.row_group * k, ALIGN)) *
           sizeof(float);
}

static void pack_b_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr, j = task * nr;
    size_t n = min_size(nr, p->n - j), width = mt_size_align(n, 16);
    float *out = p->packed_b + j * g->k;

    (void)worker;
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
        size_t k = min_size(MT_GEMM_KC, g->k - q);

        p->kernels->gemm_pack_b(g->b + q * g->b_row + (p->j0 + j) * g->b_col,
                                g->b_row, g->b_col, k, n, out + q * width);
    }
}

static void pack_a_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t i = task * p->block_rows, m = min_size(p->block_rows, p->m - i);
    float *out = p->packed_a + i * g->k;

    (void)worker;
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
        size_t k = min_size(MT_GEMM_KC, g->k - q);

        p->kernels->gemm_pack_a(g->a + (p->i0 + i) * g->a_row + q * g->a_col,
                                g->a_row, g->a_col, m, k, out + q * m);
    }
}

/* Rows [i, i + m) and columns [j, j + n) of C, bias and activation. */
static void epilogue(const struct mt_gemm *g, const struct mt_kernels *kernels,
                     size_t i, size_t m, size_t j, size_t n)
{
    for (size_t r = i; r < i + m; r++) {
        float *c = g->c + r * g->ldc + j;

        if (g->bias)
            kernels->add(c, c, g->bias + j, n);
        if (g->act)
            g->act(c, c, n, g->act_p);
        if (g->act_grad)
            g->act_grad(c, c, g->saved + r * g->ldc + j, n, g->act_p);
    }
}

/* One KC block [q, q + k) of the tiles of a block of C. */
static void block_tiles(const struct plan *p, size_t i, size_t m, size_t j,
                        size_t n, size_t q, size_t k)
{
    const struct mt_gemm *g = p->g;
    size_t nr = p->kernels->gemm_nr;
    size_t panels = ceil_div(m, p->kernels->gemm_mr);
    const float *a = p->packed_a + i * g->k + q * m;

    for (size_t jj = j; jj < j + n; jj += nr) {
        size_t columns = min_size(nr, j + n - jj);
        size_t width = mt_size_align(columns, 16);
        const float *b = p->packed_b + jj * g->k + q * width;

        for (size_t ii = 0, t = 0; t < panels; t++) {
            size_t rows = m / panels + (t < m % panels);
            float *c = g->c + (p->i0 + i + ii) * g->ldc + p->j0 + jj;

            p->kernels->gemm_tile(rows, columns, k, a + ii * k, b, c, g->ldc,
                                  q > 0 || g->add);
            ii += rows;
        }
    }
}

static void block_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t across = ceil_div(p->n, p->block_columns);
    size_t i = task / across * p->block_rows;
    size_t j = task % across * p->block_columns;
    size_t m = min_size(p->block_rows, p->m - i);
    size_t n = min_size(p->block_columns, p->n - j);

    (void)worker;
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC)
        block_tiles(p, i, m, j, n, q, min_size(MT_GEMM_KC, g->k - q));
    if (g->bias || g->act || g->act_grad)
        epilogue(g, p->kernels, p->i0 + i, m, p->j0 + j, n);
}

static void gemm_small(const struct mt_gemm *g,
                       const struct mt_kernels *kernels)
{
    if (g->k == 0 && !g->add) { /* an empty sum */
        for (size_t i = 0; i < g->m; i++)
            memset(g->c + i * g->ldc, 0, g->n * sizeof *g->c);
    }
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC)
        kernels->gemm_small(g->m, g->n, min_size(MT_GEMM_KC, g->k - q),
                            g->a + q * g->a_col, g->a_row, g->a_col,
                            g->b + q * g->b_row, g->b_row, g->b_col, g->c,
                            g->ldc, q > 0 || g->add);
    if (g->bias || g->act || g->act_grad)
        epilogue(g, kernels, 0, g->m, 0, g->n);
}

void mt_gemm(const struct mt_gemm *g, struct mt_team *team, void *scratch)
{
    struct plan p = { .g = g, .kernels = mt_kernels() };

    if (g->m == 0 || g->n == 0)
        return;
    if (g->m * g->n * g->k <= SMALL) {
        gemm_small(g, p.kernels);
        return;
    }
    plan_sizes(&p, g->m, g->n, g->k);
    p.packed_b = scratch;
    p.packed_a = p.packed_b + packed_b_floats(&p, g->k);
    for (p.j0 = 0; p.j0 < g->n; p.j0 += p.column_group) {
        p.n = min_size(p.column_group, g->n - p.j0);
        mt_team_run(team, ceil_div(p.n, p.kernels->gemm_nr), pack_b_task, &p);
        for (p.i0 = 0; p.i0 < g->m; p.i0 += p.row_group) {
            p.m = min_size(p.row_group, g->m - p.i0);
            mt_team_run(team, ceil_div(p.m, p.block_rows), pack_a_task, &p);
            mt_team_run(team,
                        ceil_div(p.m, p.block_rows) *
                            ceil_div(p.n, p.block_columns),
                        block_task, &p);
        }
    }
}
