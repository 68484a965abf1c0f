/*
 * An array (n, channels, size) of which a kernel reads (x - mean) a + b, or the
 * ReLU of that, with a mean, a factor a and a shift b for each channel: what
 * BatchNorm would write. The bits are those of the kernels norm and relu.
 */
#ifndef MT_KERNELS_NORMED_H
#define MT_KERNELS_NORMED_H

#include "kernels/dispatch.h"

struct mt_normed {
    const float *coef; /* (3, channels): means, factors, shifts */
    size_t channels;
    bool relu;
};

/* y (rows, n) from x, of one channel; rows are y_row and x_row apart. y may be
 * x. */
void mt_normed_rows(const struct mt_normed *m, size_t channel, float *y,
                    size_t y_row, const float *x, size_t x_row, size_t rows,
                    size_t n);

/* dx = the gradient of relu, from g and the value read from x, of elements [at,
 * at + n) of arrays whose channels have `size` elements. dx may be g. */
void mt_normed_relu_grad(const struct mt_normed *m, float *dx, const float *g,
                         const float *x, size_t at, size_t n, size_t size);

/* y = the sum of the values read from a and from b (mb NULL: b as it is), or
 * the ReLU of the sum, of the same elements. y may be a or b. */
void mt_normed_add(const struct mt_normed *ma, const struct mt_normed *mb,
                   float *y, const float *a, const float *b, size_t at,
                   size_t n, size_t size, bool relu);

#endif
