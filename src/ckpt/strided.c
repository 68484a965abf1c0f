#include "ckpt/strided.h"

#include <string.h>

struct mt_strides mt_strides_fortran(const struct mt_shape *shape)
{
    struct mt_strides s = { { 0 } };
    uint64_t step = 1;

    for (int d = 0; d < shape->rank; d++) {
        s.of[d] = step;
        step *= shape->dim[d];
    }
    return s;
}

struct mt_strides mt_strides_c(const struct mt_shape *shape)
{
    struct mt_strides s = { { 0 } };
    uint64_t step = 1;

    for (int d = shape->rank; d-- > 0;) {
        s.of[d] = step;
        step *= shape->dim[d];
    }
    return s;
}

void mt_strided_gather(const void *from, size_t size,
                       const struct mt_shape *shape,
                       const struct mt_strides *strides, size_t first, size_t n,
                       void *out)
{
    size_t index[MT_MAX_RANK] = { 0 };
    uint64_t at = 0; /* the element's place */
    unsigned char *to = out;

    for (int d = shape->rank; d-- > 0; first /= shape->dim[d]) {
        index[d] = first % shape->dim[d];
        at += index[d] * strides->of[d];
    }
    for (; n; n--, to += size) {
        memcpy(to, (const unsigned char *)from + at * size, size);
        for (int d = shape->rank; d-- > 0;) {
            at += strides->of[d];
            if (++index[d] < shape->dim[d])
                break;
            at -= shape->dim[d] * strides->of[d];
            index[d] = 0;
        }
    }
}
