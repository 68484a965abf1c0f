/*
 * Regions of a session's memory and their kept copies: the state of its best
 * epoch (kept.h).
 */
#ifndef MT_TRAIN_REGIONS_H
#define MT_TRAIN_REGIONS_H

#include "train/watch.h"

struct mt_region {
    void *live, *kept;
    size_t bytes;
};

struct mt_kept {
    struct mt_region *regions; /* NULL: no memory was taken yet */
    size_t n;
    bool there;            /* a state is kept */
    uint64_t epoch;        /* of the kept state */
    size_t n_history;      /* epochs of the history up to then */
    struct mt_watch watch; /* monitor.name NULL: nothing is to be kept */
};

/* The kept copy of the session's memory at `live`; `live` itself if there is
 * none or k is NULL. */
const void *mt_kept_of(const struct mt_kept *k, const void *live);

#endif
