#include "nn/spatial.h"

#include "base/size.h"

mt_status mt_layer_check_plane_size(const struct mt_record *r,
                                    const struct mt_layer *layer,
                                    const struct mt_value *x,
                                    const size_t size[2], struct mt_err *err)
{
    size_t plane;

    if (!mt_size_mul(size[0], size[1], &plane) || plane > INT32_MAX)
        return mt_layer_fail(r, layer, x, err,
                             "works on channels of at most 2147483647 "
                             "elements, got %zu x %zu",
                             size[0], size[1]);
    return MT_OK;
}

mt_status mt_layer_check_planes(const struct mt_record *r,
                                const struct mt_layer *layer,
                                const struct mt_value *x, int dims,
                                struct mt_err *err)
{
    const size_t *dim = x->shape.dim;

    if (x->shape.rank != dims + 2)
        return mt_layer_fail(r, layer, x, err, "needs samples of shape %s",
                             dims == 1 ? "[channels, length]"
                                       : "[channels, height, width]");
    return mt_layer_check_plane_size(
        r, layer, x, (size_t[2]){ dims == 1 ? 1 : dim[2], dim[dims + 1] }, err);
}
