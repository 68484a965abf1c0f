/*
 * The file of --log: events (events.h), one JSON object a line.
 *
 * A run from the start makes a new file and, like any output, overwrites an
 * existing one only by force. A run that goes on appends: what is there must be
 * such a log (anything else, a checkpoint say, is left alone), and a last line
 * that a killed run has left unfinished goes.
 */
#ifndef MT_CMD_EVENTLOG_H
#define MT_CMD_EVENTLOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"

/* May path be the log? Changes nothing. force counts for a new log only. */
mt_status mt_log_probe(const char *path, bool append, bool force,
                       struct mt_err *err);

/* Opens what was probed; the caller closes *out. */
mt_status mt_log_open(const char *path, bool append, FILE **out,
                      struct mt_err *err);

#endif
