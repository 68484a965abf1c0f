/* Reads whole tensors of a state file, block after block. */
#include "ckpt/blockstream.h"
#include "ckpt/statefile.h"

static mt_status read_as(struct mt_statefile *file,
                         const struct mt_array *entry, enum mt_dtype dtype,
                         void *out, struct mt_err *err)
{
    struct mt_source source = { file, entry };
    struct mt_array array = *entry;

    array.dtype = dtype;
    array.source = &source;
    return mt_block_stream_read_all(&array, NULL, out, err);
}

mt_status mt_statefile_read(struct mt_statefile *file,
                            const struct mt_array *array, void *out,
                            struct mt_err *err)
{
    return read_as(file, array, array->dtype, out, err);
}

mt_status mt_statefile_read_f32(struct mt_statefile *file,
                                const struct mt_array *array, float *out,
                                struct mt_err *err)
{
    return read_as(file, array, MT_F32, out, err);
}
