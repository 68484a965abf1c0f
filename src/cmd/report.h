/*
 * What users see: results on stdout, everything else on stderr. A live line
 * (terminal.h) is cleared before a message is printed.
 */
#ifndef MT_CMD_REPORT_H
#define MT_CMD_REPORT_H

#include "base/strbuf.h"
#include "cmd/command.h"

/* "mtrain: MESSAGE" to stderr, and the exit code for the status. */
int mt_report_error(const struct mt_err *err);

/* Appends "; HINT" to a message: what to try next. Returns its status. */
mt_status mt_hint(struct mt_err *err, const char *fmt, ...) MT_PRINTF(2, 3);

/* The same for a fault of usage: adds where to find help. */
int mt_report_usage(const struct mt_call *call, const char *fmt, ...)
    MT_PRINTF(2, 3);

/* "mtrain: MESSAGE" to stderr: why the answer is no. */
void mt_report_no(const char *fmt, ...) MT_PRINTF(1, 2);

/* A line of progress or a remark to stderr, unless quiet. */
void mt_report(const struct mt_call *call, const char *fmt, ...)
    MT_PRINTF(2, 3);

/* "mtrain: note: NOTE" if there is one, as mt_report; frees it. */
void mt_report_note(const struct mt_call *call, struct mt_strbuf *note);

/* A line that only --verbose shows. */
void mt_report_detail(const struct mt_call *call, const char *fmt, ...)
    MT_PRINTF(2, 3);

/* Prints text to stdout as a JSON string. */
void mt_print_json_string(const char *text);

/* The exit code for a status. */
int mt_exit_code(mt_status status);

/* Flushes stdout; an error there (a full disk, a closed pipe) is trouble. */
int mt_report_end(int code);

/* This process is one of several and not the first: nothing that it prints is
 * seen, except an error that the first one has not. */
void mt_report_follow(const struct mt_comm *comm);

/* Most errors occur in all processes: the first one reports it and ends the
 * job, this one included, by a signal, while it waits here. If that does not
 * happen, the others go on after a pause that grows with their rank, so that one
 * reports it for all of them. */
void mt_report_give_way(void);

#endif
