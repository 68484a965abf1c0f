/*
 * Forward and backward of one batch, in the parts that train.shards asks for:
 * runs the parts of this process, and combines the results of all parts.
 */
#ifndef MT_TRAIN_BATCHRUN_H
#define MT_TRAIN_BATCHRUN_H

#include "train/session_internal.h"

/* Takes the memory; to be called after the totals and programs are prepared. */
mt_status mt_batchrun_prepare(struct mt_session *s, struct mt_err *err);

/* To be called when the programs are bound: if there are processes on other
 * machines, gradients are exchanged while others are still computed. */
mt_status mt_batchrun_overlap(struct mt_session *s, struct mt_err *err);

/* Runs the batch at the position, as one of `share` batches of a step. Its
 * gradient is left in this process's pieces of the store's gradients; its loss
 * is added to *loss, its totals to those of the epoch, the wishes of all
 * processes to *wishes. *idle: no target counts, and the batch adds nothing. */
mt_status mt_batchrun(struct mt_session *s, size_t share, double *loss,
                      unsigned *wishes, bool *idle, struct mt_err *err);

#endif
