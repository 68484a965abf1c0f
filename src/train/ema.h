/*
 * train.ema: an exponential mean of the parameters, kept as state.
 *
 * It starts as the parameters before the first step. After each step
 *
 *     e <- e + (1 - decay) (p - e)        = decay e + (1 - decay) p
 *
 * for every parameter, frozen ones included. Buffers have no mean. In bundles
 * it is ema/TENSOR (statename.h), once there is one.
 */
#ifndef MT_TRAIN_EMA_H
#define MT_TRAIN_EMA_H

#include "base/team.h"
#include "graph/tensor.h"
#include "train/bundle.h"

/* The message where a mean was asked for and there is none; takes a path. */
#define MT_NO_MEAN                                                             \
    "%s: has no exponential mean of the parameters; a spec with "              \
    "\"train\": {\"ema\": {\"decay\": 0.999}} keeps one from its first step "  \
    "on"

struct mt_ema;
struct mt_kept;

/* In arena; the store must be allocated, and stay. */
mt_status mt_ema_new(const struct mt_store *store, double decay,
                     struct mt_arena *arena, struct mt_ema **out,
                     struct mt_err *err);

/* Its memory, in one piece. */
void *mt_ema_memory(const struct mt_ema *ema);
size_t mt_ema_bytes(const struct mt_store *store);

/* Before each step: the first one starts it. After each step: moves it. */
void mt_ema_begin(struct mt_ema *ema);
void mt_ema_update(struct mt_ema *ema, struct mt_team *team);

/* Adds it to a bundle, or what is kept of it (kept.h); arrays refer to its
 * memory. */
void mt_ema_save(const struct mt_ema *ema, const struct mt_kept *of,
                 struct mt_bundle *out);

/* Takes it from a bundle, after the parameters: a tensor that has none there
 * starts as its parameter. No mean at all is fine. */
mt_status mt_ema_restore(struct mt_ema *ema, const struct mt_bundle *from,
                         struct mt_err *err);

/* Puts the mean that a bundle has in the place of the parameters, to be
 * evaluated. *any: there is one. */
mt_status mt_ema_put(struct mt_store *store, const struct mt_bundle *from,
                     bool *any, struct mt_err *err);

/* The mean of a model's array in the same bundle, or NULL. */
const struct mt_array *mt_ema_find(const struct mt_bundle *b,
                                   const struct mt_array *array);

#endif
