/*
 * Forward and backward of one batch, in the parts of train.shards: those of
 * this process, and what all of them come to.
 */
#ifndef MT_TRAIN_BATCHRUN_H
#define MT_TRAIN_BATCHRUN_H

#include "train/session_internal.h"

/* Takes the memory; after the totals and the programs. */
mt_status mt_batchrun_prepare(struct mt_session *s, struct mt_err *err);

/* Runs the batch at the position, as one of `share` batches of a step. Its
 * gradient is left in this process's slice of the store's; its loss is added to
 * *loss, its totals to those of the epoch, what any process wishes to *wishes.
 * *idle: no target counts, and it
 * adds nothing. */
mt_status mt_batchrun(struct mt_session *s, size_t share, double *loss,
                      unsigned *wishes, bool *idle, struct mt_err *err);

#endif
