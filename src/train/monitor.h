/*
 * Monitors: the value of each finished epoch that decides which checkpoint is
 * the best, when to stop early, or when the learning rate falls
 * (ReduceLROnPlateau). They are called train_loss, val_loss, and train_ or val_
 * with the name of one of the run's metrics: val_accuracy.
 *
 * An epoch that was not evaluated (eval_every) has no val_ values and is
 * skipped; so is the last epoch of a run if it was evaluated only because the
 * run ended.
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

/* Is an epoch the best one so far? */
struct mt_observed {
    bool best; /* by checkpoint.best */
    bool kept; /* by early stopping's monitor, with restore_best */
};

/* After an epoch: updates the schedule and the watches. */
struct mt_observed mt_monitors_observe(struct mt_session *s,
                                       const struct mt_epoch *epoch);

/* Updates a watch with an epoch. Returns whether its value is better than the
 * best one before, by more than min_delta. */
bool mt_watch_see(struct mt_watch *w, const struct mt_epoch *epoch,
                  double min_delta);

struct mt_best {
    uint64_t epoch, step; /* epoch 0: there is none */
    double value;
};

/* The best epoch of the history by early stopping's monitor, else by
 * checkpoint.best, else by val_loss, or train_loss without validation data. Of
 * equal ones, the first. */
struct mt_best mt_session_best(const struct mt_session *s);

/* The last step of a run: that of its position, or the one at which it ended
 * before its best state was restored. */
uint64_t mt_session_last_step(const struct mt_session *s);

/* The evaluations without improvement up to the last step of the run. */
uint64_t mt_session_bad(const struct mt_session *s);

/* Has early stopping's patience run out? */
bool mt_session_stopped_early(const struct mt_session *s);

/* ... and was the last value NaN? */
bool mt_session_stopped_by_nan(const struct mt_session *s);

/* Has the run ended, by its total of steps or by early stopping? */
bool mt_session_finished(const struct mt_session *s);

/* Saves and restores progress/early_stopping.monitor, .best and .bad; the watch
 * of checkpoint.best follows from the history. If the spec's monitor is not the
 * saved one, it starts anew. With restore_best also .best_epoch, of the kept
 * state, and, once that was restored, .end_step, .end_epoch and .end_bad: where
 * the run ended. If a restored run is not finished, its end is forgotten, and
 * with it an evaluation that was made only because the run ended.
 * of: the kept copy to save, or NULL: the session's own values. */
void mt_monitors_save(const struct mt_session *s, const struct mt_kept *of,
                      struct mt_bundle *out);
mt_status mt_monitors_restore(struct mt_session *s,
                              const struct mt_bundle *from, struct mt_err *err);

#endif
