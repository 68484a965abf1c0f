/* The table of transforms: the name of each row, and the file it is in. */
#ifndef MT_DATA_AUGMENT_TYPES_H
#define MT_DATA_AUGMENT_TYPES_H

#include "data/augment.h"

/* augment_geometry.c: crop, flips, rotation; augment_colour.c: the others */
#define MT_TRANSFORMS(X)                                                       \
    X(crop) X(horizontal_flip) X(vertical_flip) X(rotation)                    \
    X(colour_jitter) X(erasing)

#define X(name) extern const struct mt_transform_type mt_transform_##name;
MT_TRANSFORMS(X)
#undef X

#endif
