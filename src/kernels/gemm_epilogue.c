#include "kernels/gemm_internal.h"

/* Rows of a block are far apart, which defeats the CPU's own prefetching, so
 * each row is prefetched while an earlier one is finished. */
enum { AHEAD = 4 };

bool mt_gemm_has_epilogue(const struct mt_gemm *g)
{
    return g->bias || g->sum || g->act || g->act_grad;
}

void mt_gemm_epilogue(const struct mt_gemm *g, const struct mt_kernels *kernels,
                      size_t i, size_t m, size_t j, size_t n)
{
    for (size_t r = i; r < i + m; r++) {
        float *c = g->c + r * g->ldc + j;

        if (g->sum && r + AHEAD < i + m)
            mt_fetch_now(g->sum + (r + AHEAD) * g->ldc + j, n);
        if (g->act_grad && r + AHEAD < i + m)
            mt_fetch_now(g->saved + (r + AHEAD) * g->ldc + j, n);
        if (g->bias)
            kernels->add(c, c, g->bias + j, n);
        if (g->sum)
            kernels->add(c, c, g->sum + r * g->ldc + j, n);
        if (g->act)
            g->act(g->act_out ? g->act_out + r * g->ldc + j : c, c, n,
                   g->act_p);
        if (g->act_grad)
            g->act_grad(c, c, g->saved + r * g->ldc + j, n, g->act_p);
    }
}
