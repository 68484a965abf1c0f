#include "train/transfer_move.h"

#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"

/* All elements in that type. */
static mt_status read_as(const struct mt_array *from, enum mt_dtype dtype,
                         struct mt_team *team, void *out, struct mt_err *err)
{
    struct mt_array a = *from;
    size_t n = mt_shape_elements(&a.shape);

    if (!a.data || a.dtype == dtype) {
        a.dtype = dtype;
        return mt_block_stream_read_all(&a, team, out, err);
    }
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)mt_array_value(from, i);
    return MT_OK;
}

/* Swaps the last two dimensions of an array of that shape. */
static void transpose(const unsigned char *from, const struct mt_shape *shape,
                      size_t size, unsigned char *out)
{
    size_t rows = shape->dim[shape->rank - 2];
    size_t columns = shape->dim[shape->rank - 1], each = rows * columns;
    size_t n = mt_shape_elements(shape);

    for (size_t first = 0; first < n; first += each) {
        for (size_t r = 0; r < rows; r++) {
            for (size_t c = 0; c < columns; c++)
                memcpy(out + (first + c * rows + r) * size,
                       from + (first + r * columns + c) * size, size);
        }
    }
}

static mt_status read_transposed(const struct mt_array *from,
                                 enum mt_dtype dtype, struct mt_team *team,
                                 void *out, struct mt_err *err)
{
    size_t size = mt_dtype_size(dtype);
    void *read = malloc(mt_shape_elements(&from->shape) * size + 1);
    mt_status status =
        read ? read_as(from, dtype, team, read, err) : mt_fail_memory(err);

    if (status == MT_OK)
        transpose(read, &from->shape, size, out);
    free(read);
    return status;
}

mt_status mt_transfer_add_as(const struct mt_array *from,
                             const struct mt_transfer_as *as, const char *name,
                             struct mt_team *team, struct mt_bundle *out,
                             struct mt_err *err)
{
    struct mt_array a = *from;
    size_t bytes = mt_shape_elements(&a.shape) * mt_dtype_size(as->dtype);
    mt_status status = MT_OK;

    a.dtype = as->dtype;
    a.shape = as->shape;
    if (as->transposed || (a.data && from->dtype != as->dtype)) {
        a.data = mt_arena_alloc(&out->arena, bytes + 1);
        if (!a.data)
            status = mt_fail_memory(err);
        else if (as->transposed)
            status = read_transposed(from, as->dtype, team, a.data, err);
        else
            status = read_as(from, as->dtype, team, a.data, err);
    }
    if (status == MT_OK)
        mt_bundle_add_array(out, name, &a);
    return status;
}
