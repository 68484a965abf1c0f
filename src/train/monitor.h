/*
 * Monitors: a value of each finished epoch that something waits for: which
 * checkpoint is the best one, when to stop early, when the learning rate falls
 * (ReduceLROnPlateau). They are called train_loss, val_loss, and train_ or val_
 * with the name of one of the run's metrics: val_accuracy.
 *
 * An epoch that was not evaluated (eval_every) has no values of val_, and is
 * passed over; so is the last one of a run that was evaluated out of turn.
 */
#ifndef MT_TRAIN_MONITOR_H
#define MT_TRAIN_MONITOR_H

#include "spec/tree.h"
#include "train/watch.h"

struct mt_session;
struct mt_epoch;
struct mt_bundle;

/* Reads the spec's three monitors into s. An unknown name, a metric that is not
 * one of the run's, and val_ without validation data are errors of the spec. */
mt_status mt_monitors_read(struct mt_session *s, struct mt_err *err);

/* After an epoch: moves the schedule and the watches on. Sets *improved if the
 * epoch is the best one so far by checkpoint.best. */
void mt_monitors_observe(struct mt_session *s, const struct mt_epoch *epoch,
                         bool *improved);

/* The best epoch of the history, by the value that early stopping watches, else
 * checkpoint.best, else val_loss, and train_loss without validation data; the
 * first one of equals. *value is what it has. NULL: there is none. */
const struct mt_epoch *mt_session_best_epoch(const struct mt_session *s,
                                             double *value);

/* Has early stopping had enough? */
bool mt_session_stopped_early(const struct mt_session *s);

/* ... and was the last value that it saw no number? */
bool mt_session_stopped_by_nan(const struct mt_session *s);

/* Is there nothing left to train, by the total or by early stopping? */
bool mt_session_finished(const struct mt_session *s);

/* progress/early_stopping.monitor, .best, .bad; the watch of the best epoch
 * follows from the history. Another monitor than the saved one starts anew.
 * Restoring a run that goes on takes an evaluation out of turn back. */
void mt_monitors_save(const struct mt_session *s, struct mt_bundle *out);
mt_status mt_monitors_restore(struct mt_session *s,
                              const struct mt_bundle *from, struct mt_err *err);

#endif
