/*
 * Elements that are computed as they are read: the weighted mean
 *
 *     (w_0 x_0 + w_1 x_1 + ...) / (w_0 + w_1 + ...)
 *
 * of floating-point arrays of one shape, summed in double in this order and
 * rounded once, half to even, to the type of the array that has it as its
 * source. Of a single array this is the conversion to another type.
 *
 *     struct mt_mean mean = { .of = &array, .n = 1 };
 *     struct mt_source source = { .mean = &mean };
 *
 *     array_of_mean.dtype = MT_F16;
 *     array_of_mean.source = &source;
 */
#ifndef MT_CKPT_BLOCKMEAN_H
#define MT_CKPT_BLOCKMEAN_H

#include <stdatomic.h>

#include "base/dtype.h"

struct mt_mean {
    const struct mt_array *of; /* (n) in memory, or with sources; n > 0 */
    const double *weights;     /* (n) or NULL: all 1 */
    size_t n;
    bool brain;                /* round to bfloat16 before a wider type */
    atomic_size_t *overflowed; /* finite values that became infinite are added
                                  here; or NULL */
};

#endif
