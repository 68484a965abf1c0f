/*
 * The loop behind `train` and `resume`: steps, saves, events, signals, audit.
 */
#ifndef MT_CMD_TRAINING_H
#define MT_CMD_TRAINING_H

#include "cmd/command.h"
#include "train/session.h"

struct mt_training {
    const struct mt_call *call;
    struct mt_session *session;
    const char *out;       /* the checkpoint to write */
    const char *log;       /* or NULL */
    bool resumed;
    size_t log_every;
};

/* Options that both commands share; the rows list them by this macro. */
#define MT_TRAINING_OPTIONS                                                    \
    { "output", 'o', "FILE", "the checkpoint to write" },                      \
    { "data-dir", 0, "DIR", "where relative data paths start" },               \
    { "log", 0, "FILE", "write JSON events to FILE" },                         \
    { "log-every", 0, "N", "a step event in the log every N steps "            \
                           "(default 50)" }

/* Trains to the session's total steps and saves; returns an exit code. */
int mt_training_run(const struct mt_training *t);

#endif
