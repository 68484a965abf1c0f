/*
 * All processes of a job must start from the same.
 */
#ifndef MT_TRAIN_START_H
#define MT_TRAIN_START_H

#include "train/session_internal.h"

/* Fails unless all of them have the same program, spec, data, and state to
 * start from: the message names the first that differs. */
mt_status mt_start_compare(struct mt_session *s, struct mt_err *err);

#endif
