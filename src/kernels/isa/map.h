/*
 * Loops over arrays in vectors with a masked tail. The function argument is a
 * constant in every use, so it is inlined.
 */
#ifndef MT_KERNELS_ISA_MAP_H
#define MT_KERNELS_ISA_MAP_H

#include "kernels/isa/vec.h"

/* y_i = f(x_i, p) */
VINLINE void map1(float *y, const float *x, size_t n, const float *p,
                  vf (*f)(vf x, const float *p))
{
    size_t i = 0;

    for (; i + VL <= n; i += VL)
        vf_store(y + i, f(vf_load(x + i), p));
    if (i < n)
        vf_store_n(y + i, f(vf_load_n(x + i, n - i), p), n - i);
}

/* y_i = f(a_i, b_i, p) */
VINLINE void map2(float *y, const float *a, const float *b, size_t n,
                  const float *p, vf (*f)(vf a, vf b, const float *p))
{
    size_t i = 0;

    for (; i + VL <= n; i += VL)
        vf_store(y + i, f(vf_load(a + i), vf_load(b + i), p));
    if (i < n)
        vf_store_n(y + i,
                   f(vf_load_n(a + i, n - i), vf_load_n(b + i, n - i), p),
                   n - i);
}

enum { SUM_BLOCK = 256 };

/* The sum of f(a_i, b_i, p): in blocks of SUM_BLOCK, 16 lane sums and the tree
 * in float, then the blocks in order in double. f must give 0 for the zeros
 * past a tail; fold2 zeroes those lanes itself where it does not. */
VINLINE double fold2(const float *a, const float *b, size_t n, const float *p,
                     vf (*f)(vf a, vf b, const float *p))
{
    double total = 0;

    for (size_t at = 0; at < n; at += SUM_BLOCK) {
        size_t end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK, i = at;
        vf s = vf_zero();

        for (; i + VL <= end; i += VL)
            s = vf_add(s, f(vf_load(a + i), vf_load(b + i), p));
        if (i < end) {
            float last[VL] = { 0 };

            vf_store(last, f(vf_load_n(a + i, end - i),
                             vf_load_n(b + i, end - i), p));
            s = vf_add(s, vf_load_n(last, end - i));
        }
        total += (double)vf_sum(s);
    }
    return total;
}

#endif
