#include "cmd/owndata.h"

#include <stdarg.h>

#include "base/strbuf.h"

void mt_own_say(const struct mt_own_data *own, const char *fmt, ...)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    va_list args;

    va_start(args, fmt);
    mt_strbuf_vprintf(&line, fmt, args);
    va_end(args);
    if (!line.failed)
        own->report(own->ctx, line.text);
    mt_strbuf_free(&line);
}
