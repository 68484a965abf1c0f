/*
 * Progress for people: a bar that redraws on a terminal, and a plain line for
 * each epoch everywhere.
 */
#ifndef MT_CMD_PROGRESS_H
#define MT_CMD_PROGRESS_H

#include "cmd/command.h"
#include "train/session.h"

struct mt_progress {
    bool bar;      /* stderr is a terminal that can redraw a line */
    bool drawn;
    bool quiet;
    double started; /* seconds; of this run */
    uint64_t first_step;
};

void mt_progress_start(struct mt_progress *p, const struct mt_call *call,
                       const struct mt_session *s);
/* Redraws the bar; call it about ten times a second. */
void mt_progress_draw(struct mt_progress *p, const struct mt_session *s,
                      double loss);
void mt_progress_clear(struct mt_progress *p);
void mt_progress_epoch(struct mt_progress *p, const struct mt_session *s,
                       const struct mt_epoch *epoch);

double mt_seconds(void); /* of a clock that only goes forward */

#endif
