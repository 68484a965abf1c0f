/* What the files of transfer.h share. */
#ifndef MT_TRAIN_TRANSFER_TYPES_H
#define MT_TRAIN_TRANSFER_TYPES_H

#include "train/bundle.h"
#include "train/reason.h"
#include "train/rename.h"

struct mt_optimizer_type;

struct mt_transfer_options {
    const struct mt_rename *map; /* the first match counts */
    size_t n_map;
    const char *strip_prefix;  /* or NULL; applied before map */
    const char *const *only;   /* globs of target names, NULL-terminated, or */
    const char *const *except; /* NULL: only these; all except these */
    const char *const *transpose; /* globs of target names, or NULL: swap their
                                     last two dimensions */
    bool partial;                 /* allow missing and unexpected names */
    bool optimizer;   /* transfer each tensor's moments and step, too, */
    bool no_position; /* but not the position */
};

struct mt_transfer_pair {
    const struct mt_array *from, *to; /* of section model */
    const char *key;                  /* to's name without the section */
    enum mt_reason reset; /* why its optimizer state starts fresh; none: it is
                             transferred */
    const char *detail;   /* of that reason, or NULL */
    bool transposed;      /* its last two dimensions are swapped */
    const char *state; /* the name under which the source has its state (of a
                          tied tensor it may be another), or NULL */
    int64_t step;      /* of that state */
};

/* Optimizer state of the source that is dropped, as its tensor has no
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
    bool *recounted; /* (arrays of the target) it is a BatchNorm layer's count
                        of batches that the state lacks, and is set to 0 */
    size_t n_recounted;
    struct mt_transfer_dropped *dropped; /* (n_dropped) */
    size_t n_dropped;
    size_t missing, unexpected; /* with `partial`: how many were skipped */
    bool progress; /* all optimizer state is transferred, and the position */
    bool unfit; /* the position would be, but a run cannot continue from it */
    const char *left; /* why the source's position is not transferred; NULL: it
                         is, or there is none */
    const struct mt_optimizer_type *optimizer; /* the target's; NULL if no state
                                                  is transferred */
};

/* Options that would make it fit, in addition to those given. */
struct mt_transfer_advice {
    struct mt_arena arena;
    bool works;               /* false: there is no advice */
    const char *strip_prefix; /* instead of the given one; or NULL */
    struct mt_rename *map;    /* (n_map) to append */
    size_t n_map;
    const char **except; /* (n_except) to add */
    size_t n_except;
    const char **transpose; /* (n_transpose) to add */
    size_t n_transpose;
    bool partial, no_optimizer; /* no_optimizer: load without its state */
    size_t loads, tensors; /* it would load `loads` of the model's `tensors` */
    const char *also;      /* another prefix whose names fit as well, or NULL */
    const char *square; /* one of the n_square square matrices that would be */
    size_t n_square;    /* transposed, or NULL */
};

void mt_transfer_advice_free(struct mt_transfer_advice *advice);

#endif
