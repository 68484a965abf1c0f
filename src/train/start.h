/*
 * What the processes of a job start from has to be the same.
 */
#ifndef MT_TRAIN_START_H
#define MT_TRAIN_START_H

#include "train/session_internal.h"

/* Fails unless all of them have the same program, spec, data, and state to
 * start from: the message names the one that has not. */
mt_status mt_start_compare(struct mt_session *s, struct mt_err *err);

#endif
