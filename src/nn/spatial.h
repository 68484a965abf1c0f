/* What layers over (channels, width) and (channels, height, width) share. */
#ifndef MT_NN_SPATIAL_H
#define MT_NN_SPATIAL_H

#include "nn/layer.h"

/* A sample has `dims` dimensions after its channels, and no plane has more
 * elements than an int32 can count; else fails. */
mt_status mt_layer_check_planes(const struct mt_record *r,
                                const struct mt_layer *layer,
                                const struct mt_value *x, int dims,
                                struct mt_err *err);

/* The same for planes of `size` that the layer is asked to make. */
mt_status mt_layer_check_plane_size(const struct mt_record *r,
                                    const struct mt_layer *layer,
                                    const struct mt_value *x,
                                    const size_t size[2], struct mt_err *err);

#endif
