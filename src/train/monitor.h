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
struct mt_kept;

/* Reads the spec's three monitors into s. An unknown name, a metric that is not
 * one of the run's, and val_ without validation data are errors of the spec. */
mt_status mt_monitors_read(struct mt_session *s, struct mt_err *err);

/* Is an epoch the best one so far, by ... */
struct mt_observed {
    bool best; /* checkpoint.best */
    bool kept; /* what early stopping watches, where restore_best is asked for */
};

/* After an epoch: moves the schedule and the watches on. */
struct mt_observed mt_monitors_observe(struct mt_session *s,
                                       const struct mt_epoch *epoch);

/* Shows a watch the value of an epoch. Is it better than the best one before,
 * by more than min_delta? */
bool mt_watch_see(struct mt_watch *w, const struct mt_epoch *epoch,
                  double min_delta);

struct mt_best {
    uint64_t epoch, step; /* epoch 0: there is none */
    double value;
};

/* The best epoch of the history, by the value that early stopping watches, else
 * checkpoint.best, else val_loss, and train_loss without validation data; the
 * first one of equals. */
struct mt_best mt_session_best(const struct mt_session *s);

/* The step that a run came to: that of its position, or the one at which it
 * ended before its best state was brought back. */
uint64_t mt_session_last_step(const struct mt_session *s);

/* Evaluations without improvement, at the last one of the run. */
uint64_t mt_session_bad(const struct mt_session *s);

/* Has early stopping had enough? */
bool mt_session_stopped_early(const struct mt_session *s);

/* ... and was the last value that it saw no number? */
bool mt_session_stopped_by_nan(const struct mt_session *s);

/* Is there nothing left to train, by the total or by early stopping? */
bool mt_session_finished(const struct mt_session *s);

/* progress/early_stopping.monitor, .best, .bad; the watch of the best epoch
 * follows from the history. Another monitor than the saved one starts anew.
 * With restore_best also .best_epoch, of the state that is kept, and, if that
 * was brought back, .end_step, .end_epoch, .end_bad: where the run ended.
 * Restoring a run that goes on takes an evaluation out of turn back, and an end.
 * of: what is kept of the monitors, or NULL: they themselves. */
void mt_monitors_save(const struct mt_session *s, const struct mt_kept *of,
                      struct mt_bundle *out);
mt_status mt_monitors_restore(struct mt_session *s,
                              const struct mt_bundle *from, struct mt_err *err);

#endif
