/*
 * train.ema: an exponential mean of the parameters, kept as state.
 *
 * It starts as the parameters before the first step. After each step
 *
 *     e <- e + (1 - decay) (p - e)        = decay e + (1 - decay) p
 *
 * for every parameter, including frozen ones. Buffers have no mean. In bundles
 * it is ema/TENSOR (statename.h), from the first step on.
 */
#ifndef MT_TRAIN_EMA_H
#define MT_TRAIN_EMA_H

#include "base/team.h"
#include "graph/tensor.h"
#include "train/bundle.h"

/* The message when a mean is asked for and there is none; takes a path. */
#define MT_NO_MEAN                                                             \
    "%s: has no exponential mean of the parameters; a spec with "              \
    "\"train\": {\"ema\": {\"decay\": 0.999}} keeps one from its first step "  \
    "on"

struct mt_ema;
struct mt_kept;

/* In arena; the store must be allocated, and outlive it. */
mt_status mt_ema_new(const struct mt_store *store, double decay,
                     struct mt_arena *arena, struct mt_ema **out,
                     struct mt_err *err);

/* Its memory, in one piece. */
void *mt_ema_memory(const struct mt_ema *ema);
size_t mt_ema_bytes(const struct mt_store *store);

/* To be called before each step (the first call starts the mean), and after
 * each. */
void mt_ema_begin(struct mt_ema *ema);
void mt_ema_update(struct mt_ema *ema, struct mt_team *team);

/* Adds it to a bundle; of: its kept copy (kept.h), or NULL: itself. Arrays
 * refer to its memory. */
void mt_ema_save(const struct mt_ema *ema, const struct mt_kept *of,
                 struct mt_bundle *out);

/* Restores it from a bundle, after the parameters: a mean that is missing there
 * starts as its parameter; all may be missing. */
mt_status mt_ema_restore(struct mt_ema *ema, const struct mt_bundle *from,
                         struct mt_err *err);

/* Replaces the parameters by the means in a bundle, to evaluate these. *any:
 * there are some. */
mt_status mt_ema_put(struct mt_store *store, const struct mt_bundle *from,
                     bool *any, struct mt_err *err);

/* The mean of a model's array of the same bundle, or NULL. */
const struct mt_array *mt_ema_find(const struct mt_bundle *b,
                                   const struct mt_array *array);

#endif
