/*
 * The history of a run (epochs.h) as columns of a bundle: one value for each
 * finished epoch.
 *
 *     progress/history.epoch, .step           int64
 *     progress/history.lr                     float64
 *     progress/history.train.samples          int64
 *     progress/history.train.loss, .METRIC    float64
 *     progress/history.val.samples, ...       0 where it was not evaluated
 *
 * and, where the last epoch was evaluated only because the run ended there,
 *
 *     progress/unscheduled                    int64: that epoch
 */
#ifndef MT_TRAIN_HISTORY_H
#define MT_TRAIN_HISTORY_H

#include "train/bundle.h"
#include "train/session.h"

/* The bundle refers to the session's columns, which are valid until the next
 * step. */
void mt_history_save(struct mt_session *s, struct mt_bundle *out);
mt_status mt_history_restore(struct mt_session *s,
                             const struct mt_bundle *from, struct mt_err *err);

#endif
