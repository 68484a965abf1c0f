/*
 * Prefetching of memory that is needed soon and is not in cache. Tiles do it
 * while they compute (struct mt_soon), a little at each step: a core that
 * prefetches much at once has to wait.
 *
 *     struct mt_fetch f = { .n = 0 };
 *     mt_fetch_add(&f, x, n);      in the order in which it is needed
 *     mt_fetch_rows(&f, y, rows, n, stride);
 *     mt_fetch_begin(&f, steps);   of k, of all tiles that follow
 *     for each tile: kernels->gemm_tile(..., mt_fetch_take(&f, k, a))
 *
 * Prefetching past the end of an array does no harm.
 */
#ifndef MT_KERNELS_FETCH_H
#define MT_KERNELS_FETCH_H

#include <stddef.h>

#include "kernels/dispatch.h"

enum {
    MT_FETCH_BLOCKS = 6,
    MT_FETCH_LINE = 16, /* floats of a cache line */
};

/* Prefetches n floats at once. */
static inline void mt_fetch_now(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += MT_FETCH_LINE)
        __builtin_prefetch(x + i, 0, 3);
}

/* For a tile that shall prefetch nothing: what it reads anyway. */
static inline struct mt_soon mt_fetch_nothing(const float *own)
{
    return (struct mt_soon){ own, 0, SIZE_MAX, 0 };
}

/* For a tile of k steps: n floats of each of some rows, `stride` apart. */
static inline struct mt_soon mt_fetch_each(const float *at, size_t rows,
                                           size_t n, size_t stride, size_t k)
{
    size_t steps = k / rows + (k % rows > 0), pace = n / steps + 1;

    return (struct mt_soon){ at, pace, steps,
                             (ptrdiff_t)stride - (ptrdiff_t)(steps * pace) };
}

struct mt_fetch {
    struct mt_fetch_block {
        const float *at; /* in the row */
        size_t left, n;  /* of the row; of each row */
        size_t rows, skip;
    } block[MT_FETCH_BLOCKS];
    size_t n, now;
    size_t pace;
};

/* Rows of n floats, `stride` apart; NULL: none. Blocks for which there is no
 * room are left out. A tile prefetches at most one row. */
static inline void mt_fetch_rows(struct mt_fetch *f, const float *at,
                                 size_t rows, size_t n, size_t stride)
{
    if (!at || !rows || !n || f->n == MT_FETCH_BLOCKS)
        return;
    if (n == stride) {
        n *= rows;
        rows = 1;
    }
    f->block[f->n++] = (struct mt_fetch_block){ at, n, n, rows, stride - n };
}

static inline void mt_fetch_add(struct mt_fetch *f, const float *at, size_t n)
{
    mt_fetch_rows(f, at, 1, n, n);
}

static inline void mt_fetch_begin(struct mt_fetch *f, size_t steps)
{
    size_t floats = 0;

    for (size_t i = 0; i < f->n; i++)
        floats += f->block[i].rows * f->block[i].n;
    f->pace = floats / (steps + 1) + 1;
}

/* For a tile of k steps. If nothing is left, it is given `own`, which it reads
 * anyway. */
static inline struct mt_soon mt_fetch_take(struct mt_fetch *f, size_t k,
                                           const float *own)
{
    struct mt_fetch_block *b;
    struct mt_soon soon;

    if (f->now == f->n)
        return mt_fetch_nothing(own);
    b = &f->block[f->now];
    soon = (struct mt_soon){ b->at, f->pace, SIZE_MAX, 0 };
    if (k * f->pace < b->left) {
        b->at += k * f->pace;
        b->left -= k * f->pace;
        return soon;
    }
    soon.pace = b->left / k + 1;
    b->at += b->left + b->skip;
    b->left = b->n;
    f->now += --b->rows == 0;
    return soon;
}

#endif
