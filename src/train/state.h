/*
 * A session as a bundle of arrays, and back.
 *
 *     spec/json                       the exact effective spec, canonical text
 *     spec/data.*                     datastate.h
 *     model/TENSOR                    parameters and buffers
 *     optimizer/SLOT.TENSOR           each tensor's optimizer state
 *     optimizer/step.TENSOR           int64: its finished steps
 *     ema/TENSOR                      train.ema's mean of a parameter (ema.h)
 *     progress/step, epoch, batch     int64: the position
 *     progress/totals                 float64: sums of the epoch so far, in
 *                                     mid-epoch only
 *     progress/scheduler.NAME         float64, of schedules that have state
 *     progress/early_stopping.*       monitor.h, after the first epoch
 *     progress/best/NAME              with restore_best, the state of the best
 *                                     epoch, unless it is this state: arrays of
 *                                     the model, the optimizer, the mean and
 *                                     progress (without the history), under
 *                                     the names that they have here
 *     progress/history.COLUMN         one value for each finished epoch
 *     progress/unscheduled            history.h
 *
 * A tensor that took no step has no optimizer state. A run at step 0 has
 * position 0, 0, 0 and nothing else under progress.
 */
#ifndef MT_TRAIN_STATE_H
#define MT_TRAIN_STATE_H

#include "train/bundle.h"
#include "train/session.h"

/* Arrays refer to the session's memory: write them before it changes. */
mt_status mt_state_save(struct mt_session *s, struct mt_bundle *out,
                        struct mt_err *err);

/* Strict: exactly the session's tensors must be there, with their shapes. */
mt_status mt_state_restore(struct mt_session *s, const struct mt_bundle *from,
                           struct mt_err *err);

/* Only the position: all of section progress. */
mt_status mt_state_restore_position(struct mt_session *s,
                                    const struct mt_bundle *from,
                                    struct mt_err *err);

/* Only the model's tensors, as strictly; if the store has no memory for values,
 * they are only checked. */
mt_status mt_state_restore_model(struct mt_store *store,
                                 const struct mt_bundle *from,
                                 struct mt_err *err);

/* Saves the session to path. All processes must call it; process 0 writes, and
 * all learn whether it succeeded. */
mt_status mt_session_save(struct mt_session *s, const char *path,
                          struct mt_ckpt_info *info, struct mt_err *err);

/* The checkpoint's spec as a document; source names it in messages. */
mt_status mt_state_spec(const struct mt_bundle *from, const char *source,
                        struct mt_json **out, struct mt_err *err);

/* The spec of doc as an array; for bundles made without a session. */
void mt_state_add_spec(const struct mt_json *doc, struct mt_bundle *out);

/* Replaces the bundle's spec by that of doc. */
mt_status mt_state_replace_spec(const struct mt_json *doc,
                                struct mt_bundle *bundle, struct mt_err *err);

/* Adds position 0. */
void mt_state_add_start(struct mt_bundle *out);

/* Adds the position of `from`, whose step, epoch and batch may be whole numbers
 * of any type. */
void mt_state_add_position(const struct mt_bundle *from, struct mt_bundle *out);

#endif
