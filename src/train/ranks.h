/*
 * What the processes of a job exchange besides steps (batchrun.h) and
 * evaluations. With one process these functions do nothing.
 */
#ifndef MT_TRAIN_RANKS_H
#define MT_TRAIN_RANKS_H

#include "ckpt/container.h"
#include "train/session_internal.h"

/* Sends the optimizer's state of all pieces, and its kept copy, to process 0,
 * which writes them. */
mt_status mt_ranks_collect(struct mt_session *s, struct mt_err *err);

/* Frees the memory of the other processes' pieces. */
void mt_ranks_release(struct mt_session *s);

/* Gives all processes the status and info of process 0's save. */
mt_status mt_ranks_outcome(const struct mt_session *s, mt_status status,
                           struct mt_ckpt_info *info, struct mt_err *err);

#endif
