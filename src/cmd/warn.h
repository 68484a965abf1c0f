/*
 * Reporting warnings: "mtrain: warning: TEXT" on stderr, even when quiet, and
 * {"event":"warning","about":"loss","text":"TEXT"} where events go. With
 * --strict a warning is an error instead.
 */
#ifndef MT_CMD_WARN_H
#define MT_CMD_WARN_H

#include "base/warnings.h"
#include "cmd/command.h"

struct mt_events; /* events.h */

/* e: where events go; NULL: to stdout if the call asks for JSON. With --strict
 * the status is MT_INVALID, and err has the text, not yet printed. */
mt_status mt_warn(const struct mt_call *call, struct mt_events *e,
                  const char *about, struct mt_err *err, const char *fmt, ...)
    MT_PRINTF(5, 6);

/* The same for each of a list; with --strict all are printed but the last one,
 * which is left to the caller. */
mt_status mt_warn_all(const struct mt_call *call, struct mt_events *e,
                      const struct mt_warnings *list, struct mt_err *err);

#endif
