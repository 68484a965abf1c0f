/*
 * Windows along one axis: which inputs an output is made of. Pooling and
 * resampling work axis by axis, each on a table of windows that was made when
 * the graph was recorded.
 *
 * All windows lie within the input: what padding adds is no part of them.
 * Starts and ends never decrease from one output to the next, except for taps
 * that dilated windows lose to padding.
 */
#ifndef MT_KERNELS_WINDOWS_H
#define MT_KERNELS_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

/* Output o reads inputs start[o] + k step for k < count[o]. */
struct mt_windows {
    size_t in, out;
    const int32_t *start, *count; /* (out) */
    size_t step;                  /* the dilation of a max pooling; else 1 */
    size_t reach; /* inputs from the first to the last of any 16 outputs that
                     begin at a multiple of 16 */
};

enum mt_band_form {
    MT_BAND_GENERAL,
    MT_BAND_IDENTITY, /* y_o = x_o */
    MT_BAND_PAIRS,    /* y_o = x_2o + x_(2o + 1) */
    MT_BAND_TWICE,    /* y_o = x_(o / 2), an even number of outputs */
};

/* A linear map of the axis by a banded matrix: y_o = the sum over k of
 * weight[at[o] + k advance] x[start[o] + k]. A window of none gives 0. */
struct mt_band {
    struct mt_windows windows;
    enum mt_band_form form;
    const float *weight; /* NULL: all are 1 */
    const int32_t *at;   /* (out) */
    size_t advance;      /* 0: one weight for each output */
};

/* Sums of more terms are made of sums of so many, added in order. */
enum { MT_BAND_BLOCK = 64 };

#endif
