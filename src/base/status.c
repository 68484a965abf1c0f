#include "base/status.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void mark_cut(struct mt_err *err)
{
    size_t size = sizeof err->text;

    memcpy(err->text + size - 4, "...", 4);
}

mt_status mt_fail(struct mt_err *err, mt_status status, const char *fmt, ...)
{
    va_list args;

    assert(err);
    err->status = status;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= sizeof err->text)
        mark_cut(err);
    return status;
}

mt_status mt_fail_memory(struct mt_err *err)
{
    return mt_fail(err, MT_NO_MEMORY, "out of memory");
}

mt_status mt_fail_errno(struct mt_err *err, int error, const char *path,
                        const char *what)
{
    mt_status status = error == ENOMEM ? MT_NO_MEMORY : MT_IO;

    return mt_fail(err, status, "%s: %s: %s", path, what, strerror(error));
}

mt_status mt_context(struct mt_err *err, const char *fmt, ...)
{
    char prefix[1024];
    va_list args;

    assert(err);
    va_start(args, fmt);
    vsnprintf(prefix, sizeof prefix - 2, fmt, args);
    va_end(args);

    size_t head = strlen(prefix);

    memcpy(prefix + head, ": ", 2);
    head += 2;
    if (strncmp(err->text, prefix, head) == 0)
        return err->status;

    size_t tail = strlen(err->text);
    size_t room = sizeof err->text - head - 1;

    memmove(err->text + head, err->text, tail < room ? tail : room);
    memcpy(err->text, prefix, head);
    if (tail <= room)
        err->text[head + tail] = '\0';
    else
        mark_cut(err);
    return err->status;
}
