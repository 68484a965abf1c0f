/*
 * Does training fit into memory? This is checked before any is taken: Linux
 * grants memory that it does not have, and kills the process later.
 */
#ifndef MT_TRAIN_FIT_H
#define MT_TRAIN_FIT_H

#include "base/memlimit.h"

/* The memory that training takes, in bytes. */
struct mt_need {
    uint64_t peak; /* the most, including what the process has by now */
    uint64_t more; /* to be taken at once, before the first step: addresses,
                      some of which may never take memory */
    uint64_t state, batches, data; /* shares of it; batches: with activations */
};

enum mt_fits { MT_FITS, MT_FITS_TIGHTLY, MT_FITS_NOT };

struct mt_fit {
    enum mt_fits fits;
    char text[512]; /* what is needed, and what is available */
};

/* TIGHTLY: more than is free now. NOT: more than there can be. */
struct mt_fit mt_fit(const struct mt_need *need,
                     const struct mt_memlimit *limit);

#endif
