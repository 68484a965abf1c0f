/*
 * What the processes of a job have to do with each other, besides the steps
 * (batchrun.h) and the evaluations. With one process all of it does nothing.
 */
#ifndef MT_TRAIN_RANKS_H
#define MT_TRAIN_RANKS_H

#include "ckpt/container.h"
#include "train/session_internal.h"

/* Brings the optimizer's state, and what is kept of it, of all slices to
 * process 0, which writes it. */
mt_status mt_ranks_collect(struct mt_session *s, struct mt_err *err);

/* Gives the memory of others' slices back. */
void mt_ranks_release(struct mt_session *s);

/* What has become of it on process 0, and info, for all. */
mt_status mt_ranks_outcome(const struct mt_session *s, mt_status status,
                           struct mt_ckpt_info *info, struct mt_err *err);

#endif
