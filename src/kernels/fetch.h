/*
 * Memory that is read soon and is not in cache. Tiles ask for it while they
 * compute (struct mt_soon), in small pieces: a core waits if it asks for much
 * at once.
 *
 *     struct mt_fetch a = { 0 };
 *     mt_fetch_add(&a, x, n);      in the order in which it is needed
 *     mt_fetch_begin(&a, steps);   of k, of all tiles that follow
 *     for each tile: kernels->gemm_tile(..., mt_fetch_take(&a, k))
 */
#ifndef MT_KERNELS_FETCH_H
#define MT_KERNELS_FETCH_H

#include <stddef.h>

#include "kernels/dispatch.h"

enum { MT_FETCH_RUNS = 4 };

struct mt_fetch {
    struct {
        const float *at, *end;
    } run[MT_FETCH_RUNS];
    size_t runs, now;
    size_t pace;
};

/* n floats; NULL: none */
static inline void mt_fetch_add(struct mt_fetch *a, const float *at, size_t n)
{
    if (!at)
        return;
    a->run[a->runs].at = at;
    a->run[a->runs++].end = at + n;
}

static inline void mt_fetch_begin(struct mt_fetch *a, size_t steps)
{
    size_t floats = 0;

    for (size_t i = 0; i < a->runs; i++)
        floats += (size_t)(a->run[i].end - a->run[i].at);
    a->pace = floats / (steps + 1) + 1;
}

/* For a tile of k steps, which asks for its own operand at `a` if there is
 * nothing else. */
static inline struct mt_soon mt_fetch_take(struct mt_fetch *a, size_t k,
                                           const float *own)
{
    struct mt_soon soon = { own, 0 };

    if (a->now < a->runs) {
        soon = (struct mt_soon){ a->run[a->now].at, a->pace };
        a->run[a->now].at += k * a->pace;
        a->now += a->run[a->now].at >= a->run[a->now].end;
    }
    return soon;
}

#endif
