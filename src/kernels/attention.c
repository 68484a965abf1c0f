/*
 * What all blocks of rows read is packed once for a head: K^T and V, and in
 * backward V^T and K. Then, for each block of rows of P, tiles of rows: they
 * end at the last column that one of their rows sees.
 */
#include "kernels/attention.h"

#include <string.h>

#include "base/size.h"
#include "kernels/fetch.h"
#include "kernels/gemm.h"
#include "kernels/panels.h"

enum {
    BLOCK = 64, /* rows of P at a time; fixes the order of sums in dK and dV */
    GROUP = 16, /* rows of a call of the softmax kernels */
};

/* A packed B: panels of gemm_nr columns, each with all its rows. */
struct packed {
    const float *at;
    size_t rows, columns;
};

/* Rows of P are an odd number of cache lines apart: with a power of two, one
 * column of a block would be in few sets of the cache. */
static size_t row_floats(size_t t)
{
    return (mt_size_ceil_div(t, 16) | 1) * 16;
}

static size_t floats(size_t n)
{
    return mt_size_align(n, 16);
}

size_t mt_attention_scratch(size_t t, size_t d)
{
    return (floats(mt_panels_size(d, t)) + floats(mt_panels_size(t, d)) +
            BLOCK * row_floats(t)) *
           sizeof(float);
}

size_t mt_attention_grad_scratch(size_t t, size_t d)
{
    return (2 * floats(mt_panels_size(d, t)) + floats(mt_panels_size(t, d)) +
            2 * floats(mt_panels_size(BLOCK, d)) + 2 * BLOCK * row_floats(t)) *
           sizeof(float);
}

/* Packs B (rows, columns) into *at, and advances *at past it. */
static struct packed pack(float **at, const float *b, size_t row, size_t col,
                          size_t rows, size_t columns)
{
    struct packed p = { *at, rows, columns };

    mt_panels_pack(*at, b, row, col, rows, columns, NULL);
    *at += floats(mt_panels_size(rows, columns));
    return p;
}

/* C (m, n) = A B, or C += A B, where m is not more than a tile's rows, A is
 * (m, k), and B is rows [from, from + k) and the first n columns of b. */
struct product {
    size_t m, n, k;
    struct mt_left a;
    const struct packed *b;
    size_t from;
    float *c;
    size_t ldc;
    bool add;
};

/* Lines of C are fetched while the tile is computed, for it is long since they
 * were in cache. */
static void fetch(const float *c, size_t ldc, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++, c += ldc) {
        for (size_t j = 0; j < n; j += 16)
            __builtin_prefetch(c + j, 1);
    }
}

static void multiply(const struct product *g)
{
    const struct mt_kernels *kernels = mt_kernels();
    size_t nr = kernels->gemm_nr;

    for (size_t j = 0; j < g->n; j += nr) {
        size_t width = mt_size_min(nr, mt_size_align(g->b->columns - j, 16));
        const float *panel = g->b->at + j * g->b->rows + g->from * width;
        struct mt_soon soon = mt_fetch_nothing(panel);
        struct mt_left left = g->a;

        for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
            left.at = g->a.at + q * left.col;
            kernels->gemm_tile(g->m, mt_size_min(nr, g->n - j),
                               mt_size_min(MT_GEMM_KC, g->k - q), &left,
                               panel + q * width, width, NULL, g->c + j, g->ldc,
                               g->add || q > 0, &soon);
        }
    }
}

/* Where the tile of rows that begins at `at` ends, of n rows in all. */
static size_t next_tile(size_t at, size_t n)
{
    size_t left = n - at;
    size_t tiles = mt_size_ceil_div(left, mt_kernels()->gemm_mr);

    return at + mt_size_ceil_div(left, tiles);
}

/* The number of columns that rows before `end` see. */
static size_t seen(const struct mt_attention *a, size_t end)
{
    return a->causal ? end : a->t;
}

/* Rows [i, i + n) of A B with A (t, d), into rows ldc apart: whole vectors of
 * the columns that are seen. */
static void scores(const struct mt_attention *a, size_t i, size_t n,
                   const float *left, size_t ld_left, const struct packed *b,
                   float *c, size_t ldc)
{
    for (size_t r = 0, next; r < n; r = next) {
        next = next_tile(r, n);
        multiply(
            &(struct product){ .m = next - r,
                               .n = mt_size_align(seen(a, i + next), 16),
                               .k = a->d,
                               .a = { left + (i + r) * ld_left, ld_left, 1 },
                               .b = b,
                               .c = c + r * ldc,
                               .ldc = ldc });
    }
}

/* Rows [i, i + n) of P B with B (t, d), into rows ldc apart. */
static void mixtures(const struct mt_attention *a, size_t i, size_t n,
                     const float *p, size_t ld, const struct packed *b,
                     float *c, size_t ldc)
{
    for (size_t r = 0, next; r < n; r = next) {
        next = next_tile(r, n);
        fetch(c + (i + r) * ldc, ldc, next - r, a->d);
        multiply(&(struct product){ .m = next - r,
                                    .n = a->d,
                                    .k = seen(a, i + next),
                                    .a = { p + r * ld, ld, 1 },
                                    .b = b,
                                    .c = c + (i + r) * ldc,
                                    .ldc = ldc });
    }
}

/* C (columns that are seen, d) = or += P^T B, where P is rows [i, i + n) and b
 * the same rows of B. */
static void transposed(const struct mt_attention *a, size_t i, size_t n,
                       const float *p, size_t ld, const struct packed *b,
                       float *c, size_t ldc, bool add)
{
    size_t columns = seen(a, i + n);

    for (size_t j = 0, next; j < columns; j = next) {
        size_t from = a->causal && j > i ? j - i : 0;

        next = next_tile(j, columns);
        fetch(c + j * ldc, ldc, next - j, a->d);
        multiply(&(struct product){ .m = next - j,
                                    .n = a->d,
                                    .k = n - from,
                                    .a = { p + from * ld + j, 1, ld },
                                    .b = b,
                                    .from = from,
                                    .c = c + j * ldc,
                                    .ldc = ldc,
                                    .add = add });
    }
}

static void drop(const struct mt_attention *a,
                 const struct mt_attention_head *h, size_t i, size_t n,
                 float *p, size_t ld)
{
    if (!a->threshold)
        return;
    for (size_t r = i; r < i + n; r++, p += ld)
        mt_kernels()->dropout(p, p, seen(a, r + 1),
                              (h->stream * a->t + r) * mt_size_align(a->t, 64),
                              a->key, a->step, a->threshold, a->keep_scale);
}

/* The g-th group of rows [i, i + n): those that a softmax kernel takes. */
static struct mt_score_rows group(const struct mt_attention *a,
                                  const struct mt_attention_head *h, size_t i,
                                  size_t n, size_t g, size_t ld)
{
    size_t first = i + g * GROUP;

    return (struct mt_score_rows){ .rows = mt_size_min(GROUP, i + n - first),
                                   .n = seen(a, first + 1),
                                   .step = a->causal,
                                   .width = mt_size_align(seen(a, i + n), 16),
                                   .ld = ld,
                                   .scale = a->scale,
                                   .max = h->max + first,
                                   .sum = h->sum + first };
}

void mt_attention_forward(const struct mt_attention *a,
                          const struct mt_attention_head *h, float *scratch)
{
    struct packed kt = pack(&scratch, h->k, 1, a->ld, a->d, a->t);
    struct packed v = pack(&scratch, h->v, a->ld, 1, a->t, a->d);
    size_t ld = row_floats(a->t);
    float *p = scratch;

    for (size_t i = 0; i < a->t; i += BLOCK) {
        size_t n = mt_size_min(BLOCK, a->t - i);

        scores(a, i, n, h->q, a->ld, &kt, p, ld);
        for (size_t g = 0; g * GROUP < n; g++) {
            struct mt_score_rows rows = group(a, h, i, n, g, ld);

            mt_kernels()->attention_softmax(p + g * GROUP * ld, &rows);
        }
        drop(a, h, i, n, p, ld);
        mixtures(a, i, n, p, ld, &v, h->out, a->ld_out);
    }
}

/* What backward keeps for a head. */
struct backward {
    struct packed kt, vt, k;
    float *p, *dp; /* BLOCK rows of each, ld apart */
    size_t ld;
    float *rest; /* two packed blocks of rows of q and dout */
};

/* Rows [i, i + n) of dropout(P) into b->p, and of the gradient of S into
 * b->dp. */
static void gradient_of_scores(const struct mt_attention *a,
                               const struct mt_attention_head *h, size_t i,
                               size_t n, const struct backward *b)
{
    scores(a, i, n, h->q, a->ld, &b->kt, b->p, b->ld);
    scores(a, i, n, h->dout, a->ld_out, &b->vt, b->dp, b->ld);
    drop(a, h, i, n, b->dp, b->ld);
    for (size_t g = 0; g * GROUP < n; g++) {
        struct mt_score_rows rows = group(a, h, i, n, g, b->ld);
        size_t at = g * GROUP * b->ld;

        mt_kernels()->attention_softmax_grad(b->p + at, b->dp + at, &rows);
    }
    drop(a, h, i, n, b->p, b->ld);
}

/* Rows [i, i + n) of dQ, and their share of dK and dV. */
static void backward_block(const struct mt_attention *a,
                           const struct mt_attention_head *h, size_t i,
                           size_t n, const struct backward *b, bool add)
{
    float *rest = b->rest;
    struct packed q = pack(&rest, h->q + i * a->ld, a->ld, 1, n, a->d);
    struct packed dout =
        pack(&rest, h->dout + i * a->ld_out, a->ld_out, 1, n, a->d);

    gradient_of_scores(a, h, i, n, b);
    mixtures(a, i, n, b->dp, b->ld, &b->k, h->dq, a->ld);
    transposed(a, i, n, b->dp, b->ld, &q, h->dk, a->ld, add);
    transposed(a, i, n, b->p, b->ld, &dout, h->dv, a->ld, add);
}

/* The last block of rows reaches all of dK and dV: it sets them. */
void mt_attention_backward(const struct mt_attention *a,
                           const struct mt_attention_head *h, float *scratch)
{
    size_t last = (a->t - 1) / BLOCK * BLOCK;
    struct backward b = { .kt = pack(&scratch, h->k, 1, a->ld, a->d, a->t),
                          .ld = row_floats(a->t) };

    b.vt = pack(&scratch, h->v, 1, a->ld, a->d, a->t);
    b.k = pack(&scratch, h->k, a->ld, 1, a->t, a->d);
    b.p = scratch;
    b.dp = b.p + BLOCK * b.ld;
    b.rest = b.dp + BLOCK * b.ld;
    for (size_t i = last + BLOCK; i > 0; i -= BLOCK) {
        size_t at = i - BLOCK;

        backward_block(a, h, at, mt_size_min(BLOCK, a->t - at), &b, at != last);
    }
}

/* --- position by position ------------------------------------------------ */

/* The memory: K^T and V as `pack` leaves them, and a row of P. The panels of
 * K^T are all whole, so that columns can be added. */
static size_t kept_columns(size_t context)
{
    return mt_size_align(context, MT_PANEL);
}

static size_t kept_values(size_t context, size_t d)
{
    return floats(mt_panels_size(context, d));
}

size_t mt_attention_memory(size_t context, size_t d)
{
    return (kept_columns(context) * (d + 1) + kept_values(context, d)) *
           sizeof(float);
}

/* Column j; the others of its vector, if it is the first, become 0. */
static void add_key(float *kt, const float *k, size_t j, size_t d)
{
    size_t nr = mt_kernels()->gemm_nr;

    kt += j / nr * nr * d + j % nr;
    for (size_t p = 0; p < d; p++, kt += nr) {
        if (j % 16 == 0)
            memset(kt, 0, 16 * sizeof *kt);
        *kt = k[p];
    }
}

void mt_attention_remember(const struct mt_attention *a,
                           const struct mt_attention_head *h, size_t position,
                           size_t context, float *memory)
{
    const struct mt_kernels *kernels = mt_kernels();
    float *v = memory + kept_columns(context) * a->d;
    size_t nr = kernels->gemm_nr;

    for (size_t i = 0; i < a->t; i++)
        add_key(memory, h->k + i * a->ld, position + i, a->d);
    for (size_t j = 0; j < a->d; j += nr) {
        size_t n = mt_size_min(nr, a->d - j);

        kernels->gemm_pack_b(h->v + j, a->ld, 1, a->t, n,
                             v + j * context + position * mt_size_align(n, 16));
    }
}

void mt_attention_next(const struct mt_attention *a,
                       const struct mt_attention_head *h, size_t position,
                       size_t context, float *memory)
{
    size_t columns = kept_columns(context), n = position + 1;
    struct packed kt = { memory, a->d, columns };
    struct packed v = { memory + columns * a->d, context, a->d };
    float *p = memory + columns * a->d + kept_values(context, a->d);
    struct mt_score_rows row = { .rows = 1,
                                 .n = n,
                                 .width = mt_size_align(n, 16),
                                 .scale = a->scale,
                                 .max = h->max,
                                 .sum = h->sum };

    multiply(&(struct product){ .m = 1,
                                .n = row.width,
                                .k = a->d,
                                .a = { h->q, a->ld, 1 },
                                .b = &kt,
                                .c = p,
                                .ldc = columns });
    mt_kernels()->attention_softmax(p, &row);
    multiply(&(struct product){ .m = 1,
                                .n = a->d,
                                .k = n,
                                .a = { p, columns, 1 },
                                .b = &v,
                                .c = h->out,
                                .ldc = a->ld_out });
}
