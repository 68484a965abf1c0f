/*
 * Does training fit into the memory that there is? Asked before any of it is
 * taken: most of it would be given to a process that is killed for it later.
 */
#ifndef MT_TRAIN_FIT_H
#define MT_TRAIN_FIT_H

#include "base/memlimit.h"

/* What training takes, in bytes. */
struct mt_need {
    uint64_t peak; /* the most, with all that the process has by now */
    uint64_t more; /* to be taken at once, before the first step */
    uint64_t state, batches, data; /* of it; batches: with activations */
};

enum mt_fits { MT_FITS, MT_FITS_TIGHTLY, MT_FITS_NOT };

struct mt_fit {
    enum mt_fits fits;
    char text[512]; /* what is needed, and what there is */
};

/* TIGHTLY: more than is free now. NOT: more than there can be. */
struct mt_fit mt_fit(const struct mt_need *need,
                     const struct mt_memlimit *limit);

#endif
