#include "ckpt/strided.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "ckpt/ckpt_format.h"

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
    uint64_t at = 0; /* the element's offset, in elements */
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

/* Bytes from the first element to the end of the last one. */
static size_t span_of(const struct mt_array *a, const struct mt_strides *s)
{
    size_t last = 0;

    for (int d = 0; d < a->shape.rank; d++) {
        if (a->shape.dim[d] == 0)
            return 0;
        last += (a->shape.dim[d] - 1) * (size_t)s->of[d];
    }
    return (last + 1) * mt_dtype_size(a->dtype);
}

mt_status mt_strided_begin(const struct mt_strided *s,
                           const struct mt_strides *strides, void **blocks,
                           struct mt_err *err)
{
    struct mt_strided *b = malloc(sizeof *b);
    mt_status status = MT_OK;

    if (!b) {
        if (s->close)
            s->close(s->ctx);
        return mt_fail_memory(err);
    }
    *b = *s;
    if (strides) {
        size_t n = span_of(b->array, strides);

        b->strides = *strides;
        b->whole = malloc(n + 1);
        status = b->whole ? b->read(b->ctx, 0, b->whole, n, err)
                          : mt_fail_memory(err);
    }
    if (status == MT_OK)
        *blocks = b;
    else
        mt_strided_end(b);
    return status;
}

mt_status mt_strided_block(void *blocks, size_t k, struct mt_block_room *room,
                           void *out, struct mt_err *err)
{
    const struct mt_strided *b = blocks;
    size_t n = mt_ckpt_chunk_elements(b->array, k);
    size_t size = mt_dtype_size(b->array->dtype);
    mt_status status = MT_OK;

    (void)room;
    if (b->whole)
        mt_strided_gather(b->whole, size, &b->array->shape, &b->strides,
                          k * MT_BLOCK, n, out);
    else
        status =
            b->read(b->ctx, (uint64_t)k * MT_BLOCK * size, out, n * size, err);
    if (status == MT_OK && b->swap)
        mt_swap_bytes(out, n, size);
    return status;
}

void mt_strided_end(void *blocks)
{
    struct mt_strided *b = blocks;

    if (b->close)
        b->close(b->ctx);
    free(b->whole);
    free(b);
}
