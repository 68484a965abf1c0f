/*
 * Progress for people: a bar that redraws on a terminal, and a plain line for
 * each epoch everywhere.
 *
 *     mt_progress_start(&p, call, session, total);
 *     mt_progress_step(&p, session);      after each step; free except for a
 *                                         redraw, at most ten a second
 *     mt_progress_epoch(&p, session, &epoch);   its line may wait for that
 *     mt_live_clear();                    (terminal.h) at the end
 */
#ifndef MT_CMD_PROGRESS_H
#define MT_CMD_PROGRESS_H

#include "cmd/command.h"
#include "train/session.h"

struct mt_progress {
    bool bar;      /* stderr is a terminal that can redraw a line */
    bool quiet;
    uint64_t first_step, last_step, total;
    double started, drawn;      /* seconds */
    double rate;                /* steps a second, of late */
    unsigned poll, poll_every;  /* steps between looks at the clock */
};

/* total: the step that it goes to. */
void mt_progress_start(struct mt_progress *p, const struct mt_call *call,
                       const struct mt_session *s, uint64_t total);
void mt_progress_step(struct mt_progress *p, const struct mt_session *s);
void mt_progress_epoch(struct mt_progress *p, const struct mt_session *s,
                       const struct mt_epoch *epoch);

double mt_seconds(void); /* of a clock that only goes forward */

#endif
