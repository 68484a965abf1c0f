/*
 * JSON events: one object a line, to stdout with --json and to the --log file.
 */
#ifndef MT_CMD_EVENTS_H
#define MT_CMD_EVENTS_H

#include <stdio.h>

#include "base/strbuf.h"
#include "cmd/summary.h"
#include "ckpt/container.h"
#include "train/audit.h"
#include "train/session.h"

struct mt_events {
    FILE *out; /* stdout with --json, or NULL */
    FILE *log; /* the --log file, or NULL */
};

void mt_event_start(struct mt_events *e, const char *command,
                    const struct mt_session *s);
/* Lines that are events already. */
void mt_event_lines(struct mt_events *e, const char *lines);
void mt_event_warning(struct mt_events *e, const char *about, const char *text);
void mt_event_audit(struct mt_events *e, const struct mt_audit *audit);
void mt_event_step(struct mt_events *e, const struct mt_session *s,
                   const struct mt_step_info *info);
void mt_event_epoch(struct mt_events *e, const struct mt_session *s,
                    const struct mt_epoch *epoch);
void mt_event_save(struct mt_events *e, const char *path, uint64_t step,
                   const struct mt_ckpt_info *info);
void mt_event_end(struct mt_events *e, const struct mt_session *s,
                  const struct mt_run_end *end);

/* {"loss":...,"accuracy":...} */
void mt_event_scores(struct mt_strbuf *out, const struct mt_session *s,
                     bool evaluated, const struct mt_scores *scores);

#endif
