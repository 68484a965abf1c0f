/*
 * Arrays whose elements are in memory in another order than C's.
 */
#ifndef MT_CKPT_STRIDED_H
#define MT_CKPT_STRIDED_H

#include "base/dtype.h"

struct mt_strides {
    uint64_t of[MT_MAX_RANK]; /* elements from one index to the next */
};

struct mt_strides mt_strides_fortran(const struct mt_shape *shape);
struct mt_strides mt_strides_c(const struct mt_shape *shape);

/* Copies n elements, of `size` bytes each and counted in C order from `first`
 * on, to out. `from` is where the element of index (0, ..., 0) is. */
void mt_strided_gather(const void *from, size_t size,
                       const struct mt_shape *shape,
                       const struct mt_strides *strides, size_t first, size_t n,
                       void *out);

#endif
