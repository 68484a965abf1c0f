/*
 * Which tensor of the source is which of the target. For transfer*.c only.
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
    bool mapped;               /* a rename made it */
    const struct mt_array *to; /* the target's of that name, or NULL */
    bool tied;                 /* under another name than the stored one */
    bool twin;                 /* another item goes into `to`, with these values */
    bool transposed;           /* --transpose */
    bool fits;                 /* type and shape go into `to` */
};

struct mt_match {
    struct mt_match_item *items; /* (n) in the source's order */
    size_t n;
    size_t *by_key;  /* (n) numbers of items, sorted by key */
    size_t *item_of; /* (arrays of the target) number of the item, from 1 */
    size_t fitting, unexpected, shapes, missing, twins;
    const char *clash; /* a name of the target that two become, or NULL */
    const struct mt_item *ties; /* of the target: ties.h */
};

/* ties: the target's, or NULL. All memory is of arena. */
mt_status mt_match_make(const struct mt_bundle *target, const struct mt_item *ties,
                        const struct mt_bundle *source,
                        const struct mt_transfer_options *options,
                        struct mt_arena *arena, struct mt_match *out,
                        struct mt_err *err);

/* The item that goes into the target's tensor `to`, or NULL. */
const struct mt_match_item *mt_match_into(const struct mt_match *m,
                                          const struct mt_bundle *target,
                                          const struct mt_array *to);

/* Is the target's tensor number i selected, but in no pair and no item? */
bool mt_match_is_missing(const struct mt_match *m,
                         const struct mt_bundle *target,
                         const struct mt_transfer_options *options, size_t i);

/* Is it a BatchNorm layer's count of batches, which state dicts of PyTorch
 * before 0.4.1 and of other writers lack? It is set to 0, as by
 * load_state_dict(), where the layer's other statistics are loaded. */
bool mt_match_is_recounted(const struct mt_match *m,
                           const struct mt_bundle *target,
                           const struct mt_transfer_options *options, size_t i);

/* Do these options let the target's tensor of that name be loaded? */
bool mt_match_selects(const struct mt_transfer_options *options,
                      const char *key);

/* Does one array fill the other, transposed or not: its type and shape? */
bool mt_match_fits(const struct mt_array *from, bool transposed,
                   const struct mt_array *to);

/* Do these options transpose what becomes the target's tensor of that name? Of
 * vectors, they cannot. */
bool mt_match_transposes(const struct mt_transfer_options *options,
                         const char *key, const struct mt_shape *shape);

/* Does each glob of --transpose turn a tensor that has a place? */
mt_status mt_match_check_transpose(const struct mt_match *m,
                                   const struct mt_transfer_options *options,
                                   struct mt_err *err);

/* The shape with the last two of at least two dimensions swapped. */
struct mt_shape mt_shape_transposed(const struct mt_shape *shape);

/* The target's tensor of that key, or NULL. */
const struct mt_array *mt_find_model(const struct mt_bundle *b,
                                     const char *key);

/* The same where key may be another name of a tied tensor: *tied says so. */
const struct mt_array *mt_find_place(const struct mt_bundle *b,
                                     const struct mt_item *ties,
                                     const char *key, bool *tied);

/* The number of the target's array, of those that a bundle holds. */
size_t mt_array_number(const struct mt_bundle *b, const struct mt_array *a);

/* --- the other parts of a plan ------------------------------------------ */

/* Decides what becomes of the optimizer's state: plan's pairs are there. On
 * MT_MISMATCH the advice says what would help. */
mt_status mt_transfer_optimizer(const struct mt_bundle *target,
                                const struct mt_bundle *source,
                                const struct mt_match *match,
                                const struct mt_transfer_options *options,
                                struct mt_team *team,
                                struct mt_transfer *plan,
                                struct mt_transfer_advice *advice,
                                struct mt_err *err);

/* Does the type go into `to`? */
bool mt_match_converts(enum mt_dtype from, enum mt_dtype to);

/* Adds to out the optimizer state of the pairs that move theirs. */
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

/* The message; returns MT_MISMATCH, or MT_NO_MEMORY. */
mt_status mt_transfer_fail(const struct mt_bundle *target,
                           const struct mt_transfer_options *options,
                           const struct mt_match *match,
                           const struct mt_transfer_advice *advice,
                           struct mt_err *err);

/* Adds to out the means of the source's tensors that the plan moves together
 * with their optimizer state, if the target's spec keeps a mean. */
mt_status mt_ema_transfer(const struct mt_transfer *plan,
                          const struct mt_bundle *target,
                          const struct mt_bundle *source, struct mt_team *team,
                          struct mt_bundle *out, struct mt_err *err);

#endif
