/*
 * What is reported at the end of a run.
 */
#ifndef MT_CMD_SUMMARY_H
#define MT_CMD_SUMMARY_H

#include "train/monitor.h"
#include "train/session.h"

struct mt_run_end {
    double seconds, samples_per_s;
    const char *digest;  /* of the state that was saved */
    struct mt_best best; /* of the whole run */
    bool nan;            /* early stopping ended it on a value that is nan */
    bool restored;       /* the session has the state of its best epoch again */
};

/* One line on stdout, for people. */
void mt_summary_print(const char *out, const struct mt_session *s,
                      const struct mt_run_end *end);

/* "val_loss did not improve in 3 evaluations" */
void mt_summary_why_stopped(const struct mt_session *s, char *out, size_t size);

/* Adds to the message about a loss or gradient that is not finite what can be
 * done about it: the same spec fails from any checkpoint. saved: the checkpoint
 * that exists, of that step; or NULL. */
void mt_summary_advise(const struct mt_session *s, const char *saved,
                       uint64_t step, struct mt_err *err);

#endif
