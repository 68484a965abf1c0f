/* Shared by layers over (channels, width) and (channels, height, width). */
#ifndef MT_NN_SPATIAL_H
#define MT_NN_SPATIAL_H

#include "nn/layer.h"

/* Fails unless a sample has `dims` dimensions after its channels, and a plane
 * at most INT32_MAX elements. */
mt_status mt_layer_check_planes(const struct mt_record *r,
                                const struct mt_layer *layer,
                                const struct mt_value *x, int dims,
                                struct mt_err *err);

/* The same for the planes of `size` that the layer is to make. */
mt_status mt_layer_check_plane_size(const struct mt_record *r,
                                    const struct mt_layer *layer,
                                    const struct mt_value *x,
                                    const size_t size[2], struct mt_err *err);

#endif
