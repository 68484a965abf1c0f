/* Copying a tensor's values into another: converted, transposed. */
#ifndef MT_TRAIN_TRANSFER_MOVE_H
#define MT_TRAIN_TRANSFER_MOVE_H

#include "train/bundle.h"

/* Adds the source's array to out, in the target's type and shape. An array in
 * memory, or one to transpose, is converted now; others when they are read. */
struct mt_transfer_as {
    enum mt_dtype dtype;
    struct mt_shape shape;
    bool transposed;
};
mt_status mt_transfer_add_as(const struct mt_array *from,
                             const struct mt_transfer_as *as, const char *name,
                             struct mt_team *team, struct mt_bundle *out,
                             struct mt_err *err);

#endif
