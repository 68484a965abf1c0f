#include "cmd/warn.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/events.h"
#include "cmd/report.h"
#include "cmd/terminal.h"

static void print(const char *text)
{
    fflush(stdout); /* what was printed comes first */
    mt_live_clear();
    fprintf(stderr, "%smtrain%s: warning: %s\n",
            mt_color(stderr, MT_COLOR_WARN), mt_color(stderr, MT_COLOR_END),
            text);
}

mt_status mt_warn(const struct mt_call *call, struct mt_events *e,
                  const char *about, struct mt_err *err, const char *fmt, ...)
{
    struct mt_events standard = { .out = call->json ? stdout : NULL };
    struct mt_err text = MT_ERR_INIT; /* a message, with room for one */
    va_list args;

    va_start(args, fmt);
    vsnprintf(text.text, sizeof text.text, fmt, args);
    va_end(args);
    mt_event_warning(e ? e : &standard, about, text.text);
    if (!call->strict) {
        print(text.text);
        return MT_OK;
    }
    mt_fail(err, MT_INVALID, "%s", text.text);
    return mt_hint(err, "--strict makes this warning an error");
}

mt_status mt_warn_all(const struct mt_call *call, struct mt_events *e,
                      const struct mt_warnings *list, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (list->failed)
        return mt_fail_memory(err);
    for (const struct mt_warning *w = list->first; w; w = w->next) {
        status = mt_warn(call, e, w->about, err, "%s", w->text);
        if (status != MT_OK && w->next)
            mt_report_error(err);
    }
    return status;
}
