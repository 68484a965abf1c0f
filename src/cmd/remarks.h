/*
 * Warnings of a run, each given once: batches that add nothing, what auc leaves
 * out, tensors that stopped moving, saves that failed. With --strict the first
 * warning ends the run, and is left in `refused`.
 */
#ifndef MT_CMD_REMARKS_H
#define MT_CMD_REMARKS_H

#include "cmd/command.h"
#include "cmd/events.h"
#include "train/stall.h"

struct mt_remarks {
    const struct mt_call *call;
    struct mt_session *session;
    struct mt_events *events;
    struct mt_stall stall;
    bool idle_known, left_out_known;
    struct mt_err refused; /* its status is MT_OK if there was no warning */
};

/* Where a run starts or goes on. */
mt_status mt_remarks_start(struct mt_remarks *m, struct mt_err *err);
void mt_remarks_free(struct mt_remarks *m); /* zeroed is allowed */

/* After each step. */
void mt_remarks_step(struct mt_remarks *m, const struct mt_step_info *info);

/* A warning: the text of err, and more after it. */
void mt_remarks_add(struct mt_remarks *m, const char *about,
                    const struct mt_err *err, const char *more);

static inline bool mt_remarks_refuse(const struct mt_remarks *m)
{
    return m->refused.status != MT_OK;
}

#endif
