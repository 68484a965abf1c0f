#include "base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* Reserves n more bytes and the NUL after them. */
static bool reserve(struct mt_strbuf *buf, size_t n)
{
    size_t need;

    if (buf->failed || !mt_size_add(buf->len, n, &need) ||
        !mt_size_add(need, 1, &need) || need > PTRDIFF_MAX) {
        buf->failed = true;
        return false;
    }
    if (need <= buf->size)
        return true;

    size_t size = buf->size ? buf->size : 64;

    while (size < need && size < (size_t)-1 / 2)
        size *= 2;
    if (size < need)
        size = need;
    char *text = realloc(buf->text, size);

    if (!text) {
        buf->failed = true;
        return false;
    }
    buf->text = text;
    buf->size = size;
    return true;
}

void mt_strbuf_add(struct mt_strbuf *buf, const void *bytes, size_t n)
{
    if (!reserve(buf, n))
        return;
    if (n)
        memcpy(buf->text + buf->len, bytes, n);
    buf->len += n;
    buf->text[buf->len] = '\0';
}

void mt_strbuf_puts(struct mt_strbuf *buf, const char *text)
{
    mt_strbuf_add(buf, text, strlen(text));
}

void mt_strbuf_putc(struct mt_strbuf *buf, char c)
{
    mt_strbuf_add(buf, &c, 1);
}

void mt_strbuf_vprintf(struct mt_strbuf *buf, const char *fmt, va_list args)
{
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);

    if (n < 0) {
        buf->failed = true;
    } else if (reserve(buf, (size_t)n)) {
        vsnprintf(buf->text + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

void mt_strbuf_printf(struct mt_strbuf *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    mt_strbuf_vprintf(buf, fmt, args);
    va_end(args);
}

void mt_strbuf_free(struct mt_strbuf *buf)
{
    free(buf->text);
    *buf = (struct mt_strbuf)MT_STRBUF_INIT;
}

bool mt_ends_with(const char *text, const char *ending)
{
    return mt_stem_length(text, ending) < strlen(text);
}

size_t mt_stem_length(const char *text, const char *ending)
{
    size_t n = strlen(text), tail = strlen(ending);

    return n > tail && strcmp(text + n - tail, ending) == 0 ? n - tail : n;
}

struct mt_count mt_count(uint64_t n, const char *what)
{
    struct mt_count out;

    snprintf(out.text, sizeof out.text, "%llu %s%s", (unsigned long long)n,
             what, n == 1 ? "" : "s");
    return out;
}
