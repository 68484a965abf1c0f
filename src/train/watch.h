/*
 * What is watched of a run, and what has been seen of it: the state of
 * monitor.h's functions, kept in the session.
 */
#ifndef MT_TRAIN_WATCH_H
#define MT_TRAIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_monitor {
    const char *name;   /* NULL: there is none */
    bool val;           /* of the validation data, not of the training */
    size_t metric;      /* of the session's metrics, or MT_MONITOR_LOSS */
    bool larger_better; /* accuracy; not loss */
};

#define MT_MONITOR_LOSS ((size_t)-1)

/* What has been seen of a monitor. */
struct mt_watch {
    struct mt_monitor monitor;
    double best;  /* NAN: nothing yet */
    uint64_t bad; /* values since then */
};

/* Where a run ended whose best state was brought back. */
struct mt_ending {
    uint64_t step;  /* 0: that was not done */
    uint64_t epoch; /* finished epochs */
    uint64_t bad;   /* of early stopping */
};

#endif
