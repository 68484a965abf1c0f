/*
 * 16 rows at a time, transposed: what is then done to a window along a row is
 * done to 16 rows at once, whatever the window.
 */
#ifndef MT_KERNELS_ISA_COLUMNS_H
#define MT_KERNELS_ISA_COLUMNS_H

#include "kernels/isa/vec.h"

enum { MAX_REACH = 256 }; /* columns that are held at a time */

/* Columns [0, n) of x, which has up to 16 rows, ld apart; t (n, 16) */
VINLINE void load_columns(float *t, const float *x, size_t rows, size_t ld,
                          size_t n)
{
    vf r[VL];

    for (size_t i = rows; i < VL; i++)
        r[i] = vf_zero();
    for (size_t c = 0; c < n; c += VL, x += VL) {
        size_t width = n - c < VL ? n - c : VL;

        if (width == VL) {
            for (size_t i = 0; i < rows; i++)
                r[i] = vf_load(x + i * ld);
        } else {
            for (size_t i = 0; i < rows; i++)
                r[i] = vf_load_n(x + i * ld, width);
        }
        vf_transpose(r);
        for (size_t k = 0; k < width; k++)
            vf_store(t + (c + k) * VL, r[k]);
        for (size_t i = rows; i < VL && c + VL < n; i++)
            r[i] = vf_zero();
    }
}

/* The inverse, for up to 16 columns; all of c is overwritten. */
VINLINE void store_columns(float *y, vf c[VL], size_t rows, size_t ld, size_t n)
{
    for (size_t k = n; k < VL; k++)
        c[k] = vf_zero();
    vf_transpose(c);
    if (n == VL) {
        for (size_t i = 0; i < rows; i++)
            vf_store(y + i * ld, c[i]);
    } else {
        for (size_t i = 0; i < rows; i++)
            vf_store_n(y + i * ld, c[i], n);
    }
}

#endif
