/*
 * Optimizer state under a spec that was changed since it was saved: other
 * parameters are frozen, or the optimizer or its options changed. State that is
 * no longer needed is dropped, missing state starts fresh, and both are
 * reported:
 *
 *     a tensor that is frozen now      all its state is dropped
 *     one that was frozen              starts fresh
 *     the same type of optimizer       slots that both have stay, with the step
 *     another type                     the state stays if it has all slots that
 *                                      the new type needs (Adam and AdamW);
 *                                      else it is dropped and starts fresh
 */
#ifndef MT_TRAIN_REFIT_H
#define MT_TRAIN_REFIT_H

#include "base/arena.h"
#include "spec/tree.h"
#include "train/reason.h"

struct mt_bundle;
struct mt_session;

struct mt_refitted {
    const char *tensor; /* of the store */
    const char *slots;  /* "exp_avg, exp_avg_sq" */
    bool fresh;         /* they start fresh; false: they are dropped */
    enum mt_reason reason;
};

struct mt_refit {
    struct mt_refitted *list; /* (n) in the order of the tensors */
    size_t n, size;
    size_t was_trainable, trainable; /* tensors: before, and now */
};

/* Does the spec freeze the tensor of that name? */
bool mt_spec_freezes(const struct mt_json *doc, const char *tensor);

/* Do the session's spec and the saved one differ in what the optimizer's state
 * depends on? */
bool mt_refit_needed(const struct mt_session *s, const struct mt_json *saved);

/* Restores the optimizer's state; adds to *taken the number of the bundle's
 * arrays that were taken or dropped. What was changed is in the session's
 * mt_refit. */
mt_status mt_refit_optimizer(struct mt_session *s, const struct mt_bundle *from,
                             const struct mt_json *saved, size_t *taken,
                             struct mt_err *err);

#endif
