#include "train/state_take.h"

#include "ckpt/blockstream.h"
#include "train/statename.h"

static mt_status fail_shape(const struct mt_array *a,
                            const struct mt_shape *shape, const char *dtype,
                            struct mt_err *err)
{
    return mt_fail(err, MT_MISMATCH, "%s is %s %s, but the spec makes it %s %s",
                   a->name, mt_dtype_name(a->dtype),
                   mt_shape_text(&a->shape).text, dtype,
                   mt_shape_text(shape).text);
}

mt_status mt_state_take(const struct mt_bundle *from, const char *name,
                        enum mt_dtype dtype, const struct mt_shape *shape,
                        void *to, size_t *taken, struct mt_err *err)
{
    const struct mt_array *a = mt_bundle_find(from, name);

    if (!a)
        return mt_fail(err, MT_MISMATCH, "%s is missing", name);
    if (a->dtype != dtype || !mt_shape_equal(&a->shape, shape))
        return fail_shape(a, shape, mt_dtype_name(dtype), err);
    ++*taken;
    return to ? mt_block_stream_read_all(a, from->team, to, err) : MT_OK;
}

mt_status mt_state_take_step(const struct mt_bundle *from, const char *tensor,
                             uint64_t *step, size_t *taken, struct mt_err *err)
{
    struct mt_shape scalar = { .rank = 0 };
    struct mt_name name = mt_name_slot(MT_SLOT_STEP, tensor);
    int64_t value;
    mt_status status =
        mt_state_take(from, name.text, MT_I64, &scalar, &value, taken, err);

    if (status != MT_OK)
        return status;
    if (value < 1 || value > UINT32_MAX)
        return mt_fail(err, MT_INVALID, "%s is %lld: out of range", name.text,
                       (long long)value);
    *step = (uint64_t)value;
    return MT_OK;
}
