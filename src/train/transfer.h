/*
 * load_state_dict(): tensors of one file put into another's places, by name.
 *
 *     mt_transfer_plan(target, source, &options, &plan, err)
 *
 * pairs every tensor of the source's model section, renamed as the options
 * say, with the target's tensor of that name; strict unless `partial`: what is
 * missing, unexpected or of another shape is listed, with what would help, and
 * nothing changes. mt_transfer_apply then copies the values into the target.
 */
#ifndef MT_TRAIN_TRANSFER_H
#define MT_TRAIN_TRANSFER_H

#include "train/bundle.h"

struct mt_rename {
    const char *from, *to; /* globs: each * of `to` is what that * took */
};

struct mt_transfer_options {
    const struct mt_rename *map; /* the first match counts */
    size_t n_map;
    const char *strip_prefix;    /* or NULL */
    const char *only;            /* a glob of target names, or NULL */
    bool partial;                /* missing and unexpected names are fine */
    bool optimizer;              /* take each tensor's moments and step along */
};

enum mt_transfer_fate {
    MT_MOVED,      /* state of the same name and shape */
    MT_RESET,      /* the target has none now, it starts afresh */
};

struct mt_transfer_pair {
    const struct mt_array *from, *to; /* of section model */
    const char *key;                  /* to's name without the section */
    enum mt_transfer_fate optimizer;
    const char *reason;               /* of MT_RESET */
};

struct mt_transfer {
    struct mt_arena arena;
    struct mt_transfer_pair *pairs;
    size_t n;
    size_t missing, unexpected; /* with `partial`: how many were passed over */
    bool progress; /* all optimizer state moves: the position moves along */
};

mt_status mt_transfer_plan(const struct mt_bundle *target,
                           const struct mt_bundle *source,
                           const struct mt_transfer_options *options,
                           struct mt_transfer *out, struct mt_err *err);

/* Makes out: target's spec, its model with the moved values, the optimizer
 * state that moves, and position 0 or the source's. Arrays refer to memory of
 * target and source. */
mt_status mt_transfer_apply(const struct mt_transfer *plan,
                            const struct mt_bundle *target,
                            const struct mt_bundle *source,
                            struct mt_bundle *out, struct mt_err *err);

void mt_transfer_free(struct mt_transfer *plan);

/* "*.weight" -> "body.*.w" on "fc1.weight" gives "body.fc1.w": the new name in
 * arena, or NULL where from does not match (or memory ran out). */
const char *mt_rename_apply(const struct mt_rename *rename, const char *name,
                            struct mt_arena *arena);

#endif
