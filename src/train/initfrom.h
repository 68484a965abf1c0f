/*
 * Weights from another file for a new run: `train --init`.
 */
#ifndef MT_TRAIN_INITFROM_H
#define MT_TRAIN_INITFROM_H

#include "ckpt/statefile.h"
#include "train/session.h"

/* Loads the model tensors of a state file, strictly. */
mt_status mt_init_from(struct mt_session *s, const char *path,
                       const struct mt_state_options *options,
                       struct mt_err *err);

#endif
