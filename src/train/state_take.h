/* Reading single arrays of a bundle, which must have exactly the type and shape
 * that is wanted. */
#ifndef MT_TRAIN_STATE_TAKE_H
#define MT_TRAIN_STATE_TAKE_H

#include "train/bundle.h"

/* Reads the named array into `to` (NULL: only checks it) and counts it in
 * *taken. */
mt_status mt_state_take(const struct mt_bundle *from, const char *name,
                        enum mt_dtype dtype, const struct mt_shape *shape,
                        void *to, size_t *taken, struct mt_err *err);

/* Reads the finished steps of the tensor of that name. */
mt_status mt_state_take_step(const struct mt_bundle *from, const char *tensor,
                             uint64_t *step, size_t *taken, struct mt_err *err);

#endif
