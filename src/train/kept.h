/*
 * The state of the best epoch so far, which is kept with
 * early_stopping.restore_best and restored at the end of a run: parameters,
 * buffers, the optimizer's slots and steps, the exponential mean, the
 * schedule's state, the position.
 *
 * All of it is memory of the session, so keeping a state means copying these
 * regions, and restoring it copying them back. Checkpoints hold it under
 * progress/best/ (state.h), unless the checkpoint's own state is the best.
 */
#ifndef MT_TRAIN_KEPT_H
#define MT_TRAIN_KEPT_H

#include "base/status.h"
#include "train/regions.h"

struct mt_session;
struct mt_bundle;

/* Allocates the memory, once, if the spec asks for restore_best. */
mt_status mt_kept_prepare(struct mt_session *s, struct mt_err *err);

/* Roughly how much that is. */
size_t mt_kept_bytes(const struct mt_session *s);

/* Keeps the session's state; to be called after a whole epoch. */
void mt_kept_take(struct mt_session *s);

/* Is the kept state the present one? */
bool mt_kept_is_present(const struct mt_session *s);

/* To be called after a session was restored from a checkpoint: the kept state
 * (of mt_kept_take) is that of `epoch`; 0: there is none. Looks up its
 * value. */
void mt_kept_found(struct mt_session *s, uint64_t epoch);

#endif
