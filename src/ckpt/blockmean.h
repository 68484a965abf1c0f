/*
 * Elements that are computed as they are read: the weighted mean
 *
 *     (w_0 x_0 + w_1 x_1 + ...) / (w_0 + w_1 + ...)
 *
 * of floating-point arrays of one shape, summed in double in this order and
 * rounded once, half to even, to the type of the array whose source it is. With
 * a single array this converts to another type.
 *
 *     struct mt_mean mean = { .of = &array, .n = 1 };
 *     struct mt_source source = mt_mean_source(&mean);
 *
 *     array_of_mean.dtype = MT_F16;
 *     array_of_mean.source = &source;
 */
#ifndef MT_CKPT_BLOCKMEAN_H
#define MT_CKPT_BLOCKMEAN_H

#include <stdatomic.h>

#include "ckpt/blockstream.h"

struct mt_mean {
    const struct mt_array *of; /* (n) in memory, or with sources; n > 0 */
    const double *weights;     /* (n) or NULL: all 1 */
    size_t n;
    bool brain;                /* round to bfloat16 before a wider type */
    atomic_size_t *overflowed; /* counts finite values that became infinite; or
                                  NULL */
};

/* Not a format of files: begin's handle is the struct mt_mean. */
extern const struct mt_state_format mt_state_mean;

static inline struct mt_source mt_mean_source(const struct mt_mean *mean)
{
    return (struct mt_source){ .mean = mean, .computed = &mt_state_mean };
}

#endif
