/*
 * Which values of a run are watched, and the best ones seen: the state of
 * monitor.h's functions, kept in the session.
 */
#ifndef MT_TRAIN_WATCH_H
#define MT_TRAIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_monitor {
    const char *name;   /* NULL: there is none */
    bool val;           /* of validation; false: of training */
    size_t metric;      /* index in the session's metrics, or MT_MONITOR_LOSS */
    bool larger_better; /* true of accuracy, false of loss */
};

#define MT_MONITOR_LOSS ((size_t)-1)

/* A monitor and its best value so far. */
struct mt_watch {
    struct mt_monitor monitor;
    double best;  /* NAN: nothing yet */
    uint64_t bad; /* values since then, none better */
};

/* Where a run ended whose best state was restored. */
struct mt_ending {
    uint64_t step;  /* 0: that was not done */
    uint64_t epoch; /* finished epochs */
    uint64_t bad;   /* early stopping's mt_watch.bad */
};

#endif
