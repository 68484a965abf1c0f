/*
 * load_state_dict(): tensors of one file put into another's places, by name.
 *
 *     mt_transfer_plan(target, source, &options, team, &plan, &advice, err)
 *
 * pairs every tensor of the source's model section, renamed as the options
 * say, with the target's tensor of that name; strict unless `partial`: what is
 * missing, unexpected or of another shape is listed, with what would help, and
 * nothing changes. mt_transfer_apply then makes the bundle to be written.
 *
 * Names and shapes decide; elements may stay in their files (bundle.h) until
 * the result is written.
 *
 *     transfer.c             the plan, and the result
 *     transfer_match.c       which tensor is which
 *     transfer_optimizer.c   what becomes of the optimizer's state
 *     transfer_advice.c      options that would work (transfer_advice.h)
 *     transfer_report.c      the message, when it does not fit
 *     rename.c               globs with captures
 */
#ifndef MT_TRAIN_TRANSFER_H
#define MT_TRAIN_TRANSFER_H

#include "train/bundle.h"
#include "train/reason.h"
#include "train/session.h"

/* Globs over the whole name: each * of `to` is what that * of `from` took, and
 * \1 ... \9 what the * of that number took. */
struct mt_rename {
    const char *from, *to;
};

struct mt_transfer_options {
    const struct mt_rename *map; /* the first match counts */
    size_t n_map;
    const char *strip_prefix;  /* or NULL; before map */
    const char *const *only;   /* globs of target names, NULL-terminated, or */
    const char *const *except; /* NULL: only these; all but these */
    const char *const *transpose; /* globs of target names, or NULL: their last
                                     two dimensions are swapped */
    bool partial;              /* missing and unexpected names are fine */
    bool optimizer;            /* take each tensor's moments and step along, */
    bool no_position;          /* but not the position */
};

struct mt_transfer_pair {
    const struct mt_array *from, *to; /* of section model */
    const char *key;                  /* to's name without the section */
    enum mt_reason reset; /* why its optimizer state starts fresh; or none:
                             it moves */
    const char *detail;   /* of that reason, or NULL */
    bool transposed;      /* its last two dimensions are swapped */
    const char *state; /* the name in the source under which its state is: its
                          own, or, of a tied tensor, another; or NULL */
    int64_t step;      /* of the state that moves */
};

/* Optimizer state of the source that goes nowhere, though its tensor has no
 * pair. */
struct mt_transfer_dropped {
    const char *key; /* its name in the source */
    enum mt_reason reason;
};

struct mt_transfer {
    struct mt_arena arena;
    struct mt_transfer_pair *pairs; /* (n) */
    size_t n;
    size_t *pair_of; /* (arrays of the target) number of the pair, from 1 */
    bool *recounted; /* (arrays of the target) a BatchNorm layer's count of
                        batches, which the state lacks: it is set to 0 */
    size_t n_recounted;
    struct mt_transfer_dropped *dropped; /* (n_dropped) */
    size_t n_dropped;
    size_t missing, unexpected; /* with `partial`: how many were passed over */
    bool progress; /* all optimizer state moves: the position moves along */
    bool unfit;    /* it would, but a run cannot go on from there: left says why */
    const char *left; /* why the source's position does not move; NULL: it does,
                         or there is none */
    const struct mt_optimizer_type *optimizer; /* the target's; NULL where no
                                                  state moves */
};

/* Options that would make it fit, besides those given. */
struct mt_transfer_advice {
    struct mt_arena arena;
    bool works;               /* false: there is no advice */
    const char *strip_prefix; /* instead of the given one; or NULL */
    struct mt_rename *map;    /* (n_map) to be added behind */
    size_t n_map;
    const char **except; /* (n_except) to be added */
    size_t n_except;
    const char **transpose; /* (n_transpose) to be added */
    size_t n_transpose;
    bool partial, no_optimizer; /* no_optimizer: leave it out */
    size_t loads, tensors; /* of so many of the model it would load these */
    const char *also;      /* another prefix whose names fit as well, or NULL */
    const char *square;    /* one of n_square to be transposed that do not say */
    size_t n_square;       /* so by their shapes, or NULL */
};

/* On MT_MISMATCH the advice (may be NULL) says what would work. */
mt_status mt_transfer_plan(const struct mt_bundle *target,
                           const struct mt_bundle *source,
                           const struct mt_transfer_options *options,
                           struct mt_team *team, struct mt_transfer *out,
                           struct mt_transfer_advice *advice,
                           struct mt_err *err);

/* Has the plan leave the source's position where a resume would refuse it: s is
 * a session of the target's spec, whose own position is lost. */
mt_status mt_transfer_check_position(struct mt_transfer *plan,
                                     const struct mt_bundle *source,
                                     struct mt_session *s, struct mt_err *err);

/* Has the plan leave it for that reason. */
mt_status mt_transfer_leave_position(struct mt_transfer *plan,
                                     const char *reason, struct mt_err *err);

/* Makes out: target's spec, its model with the moved values, the optimizer
 * state that moves, and position 0 or the source's. Arrays refer to memory and
 * files of target and source. */
mt_status mt_transfer_apply(const struct mt_transfer *plan,
                            const struct mt_bundle *target,
                            const struct mt_bundle *source,
                            struct mt_team *team, struct mt_bundle *out,
                            struct mt_err *err);

void mt_transfer_free(struct mt_transfer *plan);
void mt_transfer_advice_free(struct mt_transfer_advice *advice);

/* Does `to` refer only to what `from` takes? */
mt_status mt_rename_check(const struct mt_rename *rename, struct mt_err *err);

/* "*.weight" -> "body.*.w" on "fc1.weight" gives "body.fc1.w": the new name in
 * arena, or NULL where from does not match (or memory ran out). */
const char *mt_rename_apply(const struct mt_rename *rename, const char *name,
                            struct mt_arena *arena);

#endif
