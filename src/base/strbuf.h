/*
 * A string that grows. If memory is exhausted, the buffer becomes `failed`,
 * keeps what it has, and ignores what follows; check once at the end:
 *
 *     struct mt_strbuf out = MT_STRBUF_INIT;
 *     mt_strbuf_printf(&out, "%zu layers", n);
 *     if (out.failed) ...
 *     mt_strbuf_free(&out);
 *
 * text is always NUL-terminated once something was added (NULL before).
 */
#ifndef MT_BASE_STRBUF_H
#define MT_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_strbuf {
    char *text;
    size_t len, size;
    bool failed;
};

#define MT_STRBUF_INIT { NULL, 0, 0, false }

void mt_strbuf_add(struct mt_strbuf *buf, const void *bytes, size_t n);
void mt_strbuf_puts(struct mt_strbuf *buf, const char *text);
void mt_strbuf_putc(struct mt_strbuf *buf, char c);
void mt_strbuf_printf(struct mt_strbuf *buf, const char *fmt, ...)
    MT_PRINTF(2, 3);
void mt_strbuf_vprintf(struct mt_strbuf *buf, const char *fmt, va_list args);
void mt_strbuf_free(struct mt_strbuf *buf);

/* Does the text end in `ending`, and have something before it? */
bool mt_ends_with(const char *text, const char *ending);

/* The length of the text, without the ending if mt_ends_with. */
size_t mt_stem_length(const char *text, const char *ending);

/* "1 tensor", "2 tensors": mt_count(n, "tensor").text. */
struct mt_count {
    char text[64];
};
struct mt_count mt_count(uint64_t n, const char *what);

#endif
