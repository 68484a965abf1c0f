/* What the files that restore a state share. For state.c and refit.c only. */
#ifndef MT_TRAIN_STATE_INTERNAL_H
#define MT_TRAIN_STATE_INTERNAL_H

#include "train/bundle.h"

/* Copies the named array to `to` and counts it, if there is one of that type
 * and shape. */
mt_status mt_state_take(const struct mt_bundle *from, const char *name,
                        enum mt_dtype dtype, const struct mt_shape *shape,
                        void *to, size_t *taken, struct mt_err *err);

/* Takes the finished steps of a tensor of that name. */
mt_status mt_state_take_step(const struct mt_bundle *from, const char *tensor,
                             uint64_t *step, size_t *taken, struct mt_err *err);

#endif
