/*
 * Optimizer state under a spec that was changed since it was saved: other
 * parameters are frozen, the optimizer is another one or has other options. What
 * is not needed any more is dropped, what is missing starts fresh, and each of
 * both is named:
 *
 *     a tensor that is frozen now      all its state is dropped
 *     one that was frozen              starts fresh
 *     the same type of optimizer       slots that both have stay, with the step
 *     another type                     the state stays where it has all slots
 *                                      that the new one needs (Adam and AdamW);
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
    bool fresh;         /* they start fresh; else they are dropped */
    enum mt_reason reason;
};

struct mt_refit {
    struct mt_refitted *list; /* (n) in the order of the tensors */
    size_t n, size;
    size_t was_trainable, trainable; /* tensors: before, and now */
};

/* Does the spec freeze the tensor of that name? */
bool mt_spec_freezes(const struct mt_json *doc, const char *tensor);

/* Do the specs of the session and of the saved state differ in what decides
 * about the optimizer's state? */
bool mt_refit_needed(const struct mt_session *s, const struct mt_json *saved);

/* Restores the optimizer's state; adds to *taken how many of the bundle's arrays
 * were taken or dropped. The result is in the session. */
mt_status mt_refit_optimizer(struct mt_session *s, const struct mt_bundle *from,
                             const struct mt_json *saved, size_t *taken,
                             struct mt_err *err);

#endif
