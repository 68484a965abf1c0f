/*
 * The loop of `train` and `resume`: steps, saves, events, signals, audit.
 */
#ifndef MT_CMD_TRAINING_H
#define MT_CMD_TRAINING_H

#include "cmd/command.h"
#include "cmd/specs.h"

struct mt_lock; /* base/file.h */

struct mt_training {
    const struct mt_call *call;
    const struct mt_opened *opened;
    struct mt_session *session; /* opened's */
    const char *out;       /* the checkpoint to write */
    const char *from;      /* the one that the run goes on from, or NULL */
    const char *log;       /* or NULL */
    const char *changes;   /* events of what was changed, lines; or NULL */
    bool resumed;
    size_t log_every;
};

/* Options that both commands share; the rows list them by this macro. */
#define MT_TRAINING_OPTIONS                                                    \
    { "output", 'o', "FILE", "the checkpoint to write" },                      \
    { "data-dir", 0, "DIR", "where relative data paths start" },               \
    { "log", 0, "FILE", "write JSON events to FILE; resume appends" },         \
    { "log-every", 0, "N", "a step event in the log every N steps "            \
                           "(default 50)" }

/* Claims the checkpoint to write (mt_replace_claim); of several processes only
 * the first one does. */
mt_status mt_training_claim(const struct mt_call *call, const char *out,
                            bool force, struct mt_lock **lock,
                            struct mt_err *err);

/* Trains until the session is finished and saves; returns an exit code. */
int mt_training_run(const struct mt_training *t);

/* May the log and the files next to the checkpoint be written (the best one,
 * kept ones)? With --strict, is there nothing to warn of? As with the
 * checkpoint itself, existing ones are overwritten only with --force, unless
 * the run is resumed: then the log is appended to, and, in place, the others
 * are its own. */
mt_status mt_training_prepare(const struct mt_training *t, struct mt_err *err);

/* A resumed run copies the best checkpoint so far to the name that belongs to
 * its output, with the new total. If it cannot, that is a warning. */
mt_status mt_training_bring_best(const struct mt_training *t,
                                 struct mt_err *err);

#endif
