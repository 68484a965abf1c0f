/*
 * Products with long sums, as gradients of weights have: A (k, m) transposed
 * and B (k, n), whose rows are samples or positions, more than C has. Were
 * tasks blocks of C, each would read rows of A and B that other cores wrote.
 * Here a task is a KC block of k, which is mostly its core's own (base/team.h),
 * and some rows of C:
 *
 *     for each KC block of k, for each run of rows of C: a task
 *         P_block = the block's product
 *     for each few rows of C: a task
 *         C = P_0 + P_1 + P_2 ..., in this order (where P_0 was, if C is taken)
 *
 * These are the bits of every other way; one thread takes another, which keeps
 * no P.
 */
#include "kernels/gemm_internal.h"

#include "base/size.h"

enum {
    TASKS = 16,        /* at least, if runs do not get too short: */
    RUN = 64,          /* rows of a run, at least */
    BLOCKS = 3,        /* of k, at least */
    KEPT = 1 << 20,    /* floats of all P, at most */
    SUM_FLOATS = 4096, /* of C that a task adds up, about */
};

struct plan {
    const struct mt_gemm *g;
    const struct mt_kernels *kernels;
    size_t blocks, runs;
    float *products; /* block q's (m, n) at q m n */
    float *own;      /* each worker's scratch */
    size_t own_floats;
    size_t rows; /* of C that a task adds up */
};

static void plan_tasks(struct plan *p, size_t m, size_t n, size_t k)
{
    p->blocks = mt_size_ceil_div(k, MT_GEMM_KC);
    for (p->runs = 1; p->blocks * p->runs < TASKS && m / p->runs >= 2 * RUN;)
        p->runs *= 2;
    p->rows = mt_size_max(1, SUM_FLOATS / n);
    /* fewer rows may take more */
    p->own_floats =
        mt_size_align(mt_size_max(mt_gemm_packed_floats(m / p->runs, n, 0, 1),
                                  mt_gemm_packed_floats(
                                      mt_size_ceil_div(m, p->runs), n, 0, 1)),
                      16);
}

static bool pays(size_t m, size_t n, size_t k, size_t workers)
{
    size_t blocks = k / MT_GEMM_KC;

    return workers > 1 && m >= 2 * RUN && n >= 2 * RUN && blocks >= BLOCKS &&
           m * n <= KEPT / (blocks + 1);
}

bool mt_gemm_spreads(const struct mt_gemm *g, size_t workers)
{
    return g->a_row == 1 && g->b_col == 1 && !mt_gemm_has_epilogue(g) &&
           pays(g->m, g->n, g->k, workers);
}

size_t mt_gemm_spread_floats(size_t m, size_t n, size_t k, size_t workers)
{
    struct plan p;

    if (!pays(m, n, k, workers))
        return 0;
    plan_tasks(&p, m, n, k);
    return p.blocks * mt_size_align(m * n, 16) + workers * p.own_floats;
}

static float *product(const struct plan *p, size_t block)
{
    return p->products + block * mt_size_align(p->g->m * p->g->n, 16);
}

static void block_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    struct mt_gemm part = *p->g;
    size_t block = task / p->runs, run = task % p->runs;
    size_t i = part.m * run / p->runs, q = block * MT_GEMM_KC;

    part.m = part.m * (run + 1) / p->runs - i;
    part.k = mt_size_min(MT_GEMM_KC, part.k - q);
    part.a += i + q * part.a_col;
    part.b += q * part.b_row;
    part.c = product(p, block) + i * part.n;
    part.ldc = part.n;
    part.add = false;
    part.take = NULL;
    mt_gemm_packed(&part, NULL, p->own + worker * p->own_floats);
}

static void sum_task(void *ctx, size_t task, size_t worker)
{
    const struct plan *p = ctx;
    const struct mt_gemm *g = p->g;
    size_t first = task * p->rows, end = mt_size_min(first + p->rows, g->m);

    (void)worker;
    for (size_t i = first; i < end; i++) {
        float *c = g->take ? product(p, 0) + i * g->n : g->c + i * g->ldc;
        const float *sum = g->add ? c : product(p, 0) + i * g->n;

        for (size_t block = g->add ? 0 : 1; block < p->blocks; block++) {
            p->kernels->add(c, sum, product(p, block) + i * g->n, g->n);
            sum = c;
        }
    }
    if (g->take)
        g->take(g->take_ctx, first, end - first, 0, g->n,
                product(p, 0) + first * g->n, g->n);
}

void mt_gemm_spread(const struct mt_gemm *g, struct mt_team *team,
                    float *scratch)
{
    struct plan p = { .g = g, .kernels = mt_kernels(), .products = scratch };

    plan_tasks(&p, g->m, g->n, g->k);
    p.own = product(&p, p.blocks);
    mt_team_run(team, p.blocks * p.runs, block_task, &p);
    mt_team_run(team, mt_size_ceil_div(g->m, p.rows), sum_task, &p);
}
