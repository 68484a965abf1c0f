#include "cmd/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spec/tree.h"
#include "cmd/terminal.h"

int mt_exit_code(mt_status status)
{
    switch (status) {
    case MT_OK: return MT_EXIT_DONE;
    case MT_NON_FINITE:
    case MT_OUT_OF_RANGE:
    case MT_NO_EFFECT: return MT_EXIT_TRAINING;
    default: return MT_EXIT_TROUBLE;
    }
}

/* "mtrain", in the color of what follows. */
static void print_name(enum mt_color color)
{
    mt_live_clear();
    fprintf(stderr, "%smtrain%s", mt_color(stderr, color),
            mt_color(stderr, MT_COLOR_END));
}

/* Where a process prints that is not the first, and its communicator. */
static int kept_stderr;
static const struct mt_comm *following;

void mt_report_follow(const struct mt_comm *comm)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    fflush(stdout);
    fflush(stderr);
    kept_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        return;
    close(null);
    following = comm;
}

void mt_report_give_way(void)
{
    enum { PAUSE = 2000, EACH = 50, MOST = 2000 }; /* ms */
    static bool given;

    if (!following || given)
        return;
    size_t ms = following->rank < MOST / EACH ? following->rank * EACH : MOST;
    struct timespec pause = { (time_t)(PAUSE + ms) / 1000,
                              (long)((PAUSE + ms) % 1000 * 1000000) };

    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    nanosleep(&pause, NULL);
    given = true;
}

static void report_followed(const struct mt_err *err)
{
    mt_report_give_way();
    dprintf(kept_stderr, "mtrain: process %zu (%s): %s\n", following->rank,
            following->host, err->text);
}

int mt_report_error(const struct mt_err *err)
{
    if (following) {
        report_followed(err);
        return mt_exit_code(err->status);
    }
    fflush(stdout);
    print_name(MT_COLOR_BAD);
    fprintf(stderr, ": %s\n", err->text);
    return mt_exit_code(err->status);
}

mt_status mt_hint(struct mt_err *err, const char *fmt, ...)
{
    char text[1024];
    size_t n = strlen(err->text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(err->text + n, sizeof err->text - n, "; %s", text);
    return err->status;
}

int mt_report_usage(const struct mt_call *call, const char *fmt, ...)
{
    va_list args;

    print_name(MT_COLOR_BAD);
    fprintf(stderr, " %s: ", call->command->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nusage: mtrain %s %s\ntry 'mtrain help %s'\n",
            call->command->name, call->command->operands, call->command->name);
    return MT_EXIT_TROUBLE;
}

void mt_report_no(const char *fmt, ...)
{
    va_list args;

    print_name(MT_COLOR_BAD);
    fputs(": ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void mt_report(const struct mt_call *call, const char *fmt, ...)
{
    va_list args;

    if (call->quiet)
        return;
    mt_live_clear();
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void mt_report_note(const struct mt_call *call, struct mt_strbuf *note)
{
    if (note->len)
        mt_report(call, "mtrain: note: %s", note->text);
    mt_strbuf_free(note);
}

void mt_report_detail(const struct mt_call *call, const char *fmt, ...)
{
    va_list args;

    if (call->quiet || !call->verbose)
        return;
    mt_live_clear();
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void mt_print_json_string(const char *text)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_json_add_string(&out, text);
    fputs(out.text ? out.text : "null", stdout);
    mt_strbuf_free(&out);
}

int mt_report_end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "mtrain: cannot write to standard output: %s\n",
            strerror(errno));
    return code == MT_EXIT_DONE ? MT_EXIT_TROUBLE : code;
}
