/*
 * The state of the best epoch so far, which early_stopping.restore_best keeps
 * and the end of a run brings back: parameters, buffers, the optimizer's slots
 * and steps, the exponential mean, the schedule's state, the position.
 *
 * All of it is memory of the session, so that keeping a state is copying these
 * regions, and bringing it back is copying them the other way. Between saves it
 * is in the checkpoint, under progress/best/ (state.h), unless the state of the
 * checkpoint is the best one itself.
 */
#ifndef MT_TRAIN_KEPT_H
#define MT_TRAIN_KEPT_H

#include "base/status.h"
#include "train/regions.h"

struct mt_session;
struct mt_bundle;

/* Allocates the memory, once, if the spec has a state kept. */
mt_status mt_kept_prepare(struct mt_session *s, struct mt_err *err);

/* How much that is, about. */
size_t mt_kept_bytes(const struct mt_session *s);

/* Keeps the session's state, which is that after a whole epoch. */
void mt_kept_take(struct mt_session *s);

/* Is the kept state the present one? */
bool mt_kept_is_present(const struct mt_session *s);

/* After a session was restored from a checkpoint: the state of epoch is there
 * (by mt_kept_take), or epoch 0: none is. Looks its value up. */
void mt_kept_found(struct mt_session *s, uint64_t epoch);

#endif
