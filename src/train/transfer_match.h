/*
 * Which tensor of the source goes into which of the target. For transfer*.c
 * only.
 */
#ifndef MT_TRAIN_TRANSFER_MATCH_H
#define MT_TRAIN_TRANSFER_MATCH_H

#include "spec/tree.h"
#include "train/statename.h"
#include "train/ties.h"
#include "train/transfer_types.h"

/* A tensor of the source's model that the options select. */
struct mt_match_item {
    const struct mt_array *from;
    const char *key;           /* its name in the target */
    bool mapped;               /* by a rename */
    const struct mt_array *to; /* the target's of that name, or NULL */
    bool tied;                 /* key is another name of `to` */
    bool twin;                 /* another item with these values fills `to` */
    bool transposed;           /* --transpose */
    bool fits;                 /* type and shape are right for `to` */
};

struct mt_match {
    struct mt_match_item *items; /* (n) in the source's order */
    size_t n;
    size_t *by_key;  /* (n) numbers of items, sorted by key */
    size_t *item_of; /* (arrays of the target) number of the item, from 1 */
    size_t fitting, unexpected, shapes, missing, twins;
    const char *clash; /* a name of the target that two items get, or NULL */
    const struct mt_item *ties; /* of the target (ties.h) */
};

/* ties: the target's, or NULL. All memory is taken from arena. */
mt_status mt_match_make(const struct mt_bundle *target, const struct mt_item *ties,
                        const struct mt_bundle *source,
                        const struct mt_transfer_options *options,
                        struct mt_arena *arena, struct mt_match *out,
                        struct mt_err *err);

/* The item that goes into the target's tensor `to`, or NULL. */
const struct mt_match_item *mt_match_into(const struct mt_match *m,
                                          const struct mt_bundle *target,
                                          const struct mt_array *to);

/* Is the target's tensor number i selected, but no item goes into it? */
bool mt_match_is_missing(const struct mt_match *m,
                         const struct mt_bundle *target,
                         const struct mt_transfer_options *options, size_t i);

/* Is it a BatchNorm layer's count of batches, which state dicts of PyTorch
 * before 0.4.1 and of some other programs lack? It is set to 0, as by
 * load_state_dict(), if the layer's other statistics are loaded. */
bool mt_match_is_recounted(const struct mt_match *m,
                           const struct mt_bundle *target,
                           const struct mt_transfer_options *options, size_t i);

/* Do these options let the target's tensor of that name be loaded? */
bool mt_match_selects(const struct mt_transfer_options *options,
                      const char *key);

/* Can one array fill the other: are type and shape, as they are or transposed,
 * right for it? */
bool mt_match_fits(const struct mt_array *from, bool transposed,
                   const struct mt_array *to);

/* Do these options transpose what becomes the target's tensor of that name?
 * Never if it is a vector. */
bool mt_match_transposes(const struct mt_transfer_options *options,
                         const char *key, const struct mt_shape *shape);

/* Fails if a glob of --transpose transposes no tensor that has a place. */
mt_status mt_match_check_transpose(const struct mt_match *m,
                                   const struct mt_transfer_options *options,
                                   struct mt_err *err);

/* The shape with the last two of at least two dimensions swapped. */
struct mt_shape mt_shape_transposed(const struct mt_shape *shape);

/* The target's tensor of that key, or NULL. */
const struct mt_array *mt_find_model(const struct mt_bundle *b,
                                     const char *key);

/* The same, but key may also be another name of a tied tensor: *tied. */
const struct mt_array *mt_find_place(const struct mt_bundle *b,
                                     const struct mt_item *ties,
                                     const char *key, bool *tied);

/* The index of the array in its bundle. */
size_t mt_array_number(const struct mt_bundle *b, const struct mt_array *a);

/* --- the other parts of a plan ------------------------------------------ */

/* Decides what becomes of the optimizer's state; the plan already has its
 * pairs. On MT_MISMATCH the advice says what would help. */
mt_status mt_transfer_optimizer(const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                const struct mt_match *match,
                                const struct mt_transfer_options *options,
                                struct mt_team *team,
                                struct mt_transfer *plan,
                                struct mt_transfer_advice *advice,
                                struct mt_err *err);

/* Can values of type `from` be converted to type `to`? */
bool mt_match_converts(enum mt_dtype from, enum mt_dtype to);

/* Adds to out the optimizer state that is transferred. */
mt_status mt_transfer_add_state(const struct mt_transfer *plan,
                                const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                struct mt_team *team, struct mt_bundle *out,
                                struct mt_err *err);

/* Looks for options that would work. */
mt_status mt_transfer_advise(const struct mt_bundle *target, const struct mt_item *ties,
                             const struct mt_bundle *source,
                             const struct mt_transfer_options *options,
                             const struct mt_match *match,
                             struct mt_transfer_advice *out,
                             struct mt_err *err);

/* Fails with the report; returns MT_MISMATCH, or MT_NO_MEMORY. */
mt_status mt_transfer_fail(const struct mt_bundle *target,
                           const struct mt_transfer_options *options,
                           const struct mt_match *match,
                           const struct mt_transfer_advice *advice,
                           struct mt_err *err);

/* Adds to out the exponential means of tensors whose optimizer state is
 * transferred, if the target's spec keeps a mean. */
mt_status mt_ema_transfer(const struct mt_transfer *plan,
                          const struct mt_bundle *target,
                          const struct mt_bundle *source, struct mt_team *team,
                          struct mt_bundle *out, struct mt_err *err);

#endif
