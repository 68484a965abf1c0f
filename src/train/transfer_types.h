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
    const char *strip_prefix;  /* or NULL; before map */
    const char *const *only;   /* globs of target names, NULL-terminated, or */
    const char *const *except; /* NULL: only these; all but these */
    const char *const *transpose; /* globs of target names, or NULL: their last
                                     two dimensions are swapped */
    bool partial;                 /* missing and unexpected names are fine */
    bool optimizer;   /* take each tensor's moments and step along, */
    bool no_position; /* but not the position */
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
    bool *recounted; /* (arrays of the target) a BatchNorm layer's count of
                        batches, which the state lacks: it is set to 0 */
    size_t n_recounted;
    struct mt_transfer_dropped *dropped; /* (n_dropped) */
    size_t n_dropped;
    size_t missing, unexpected; /* with `partial`: how many were passed over */
    bool progress; /* all optimizer state moves: the position moves along */
    bool unfit; /* it would, but a run cannot go on from there: left says why */
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
    struct mt_rename *map;    /* (n_map) to be appended */
    size_t n_map;
    const char **except; /* (n_except) to be added */
    size_t n_except;
    const char **transpose; /* (n_transpose) to be added */
    size_t n_transpose;
    bool partial, no_optimizer; /* no_optimizer: leave it out */
    size_t loads, tensors; /* of so many of the model it would load these */
    const char *also;      /* another prefix whose names fit as well, or NULL */
    const char *square; /* one of n_square to be transposed that do not say */
    size_t n_square;    /* so by their shapes, or NULL */
};

void mt_transfer_advice_free(struct mt_transfer_advice *advice);

#endif
