#include "kernels/panels.h"

#include <assert.h>

#include "base/size.h"
#include "kernels/fetch.h"
#include "kernels/gemm.h"

size_t mt_panels_size(size_t k, size_t n)
{
    return mt_size_align(n, 16) * k;
}

struct packing {
    const float *b;
    float *out;
    size_t row, col, k, n;
};

static void pack_task(void *ctx, size_t task, size_t worker)
{
    const struct packing *p = ctx;
    const struct mt_kernels *kernels = mt_kernels();
    size_t j = task * kernels->gemm_nr;

    (void)worker;
    kernels->gemm_pack_b(p->b + j * p->col, p->row, p->col, p->k,
                         mt_size_min(kernels->gemm_nr, p->n - j),
                         p->out + j * p->k);
}

void mt_panels_pack(float *out, const float *b, size_t row, size_t col,
                    size_t k, size_t n, struct mt_team *team)
{
    struct packing p = { b, out, row, col, k, n };
    size_t nr = mt_kernels()->gemm_nr;

    assert(MT_PANEL % nr == 0);
    mt_team_run(team, (n + nr - 1) / nr, pack_task, &p);
}

/* KC block [q, q + kc) of one panel of B with all tiles of A. */
static void multiply_panel(size_t m, size_t n, size_t q, size_t kc,
                           const float *a, size_t lda, const float *b,
                           float *c, size_t ldc, bool add)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t tiles = (m + kernels->gemm_mr - 1) / kernels->gemm_mr;
    struct mt_left left = { a + q, lda, 1 };

    for (size_t t = 0; t < tiles; t++) {
        size_t rows = m / tiles + (t < m % tiles);
        struct mt_soon soon = mt_fetch_nothing(b);

        kernels->gemm_tile(rows, n, kc, &left, b, mt_size_align(n, 16), NULL, c,
                           ldc, add, &soon);
        left.at += rows * lda;
        c += rows * ldc;
    }
}

void mt_panels_multiply(size_t m, size_t n, size_t k, const float *a,
                        size_t lda, const float *b, float *c, size_t ldc,
                        bool add)
{
    size_t nr = mt_kernels()->gemm_nr;

    for (size_t j = 0; j < n; j += nr) {
        size_t columns = mt_size_min(nr, n - j);
        size_t width = mt_size_align(columns, 16);

        for (size_t q = 0; q < k; q += MT_GEMM_KC)
            multiply_panel(m, columns, q, mt_size_min(MT_GEMM_KC, k - q), a,
                           lda, b + j * k + q * width, c + j, ldc,
                           add || q > 0);
    }
}
