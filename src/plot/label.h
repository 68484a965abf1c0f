/*
 * Texts from file names, made safe to draw: UTF-8 of any quality is read one
 * character after the other; invalid UTF-8 and control characters become
 * U+FFFD.
 */
#ifndef MT_PLOT_LABEL_H
#define MT_PLOT_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { MT_REPLACEMENT = 0xFFFD };

/* The next character of *text, which moves on; 0 at the end. */
uint32_t mt_label_next(const char **text);

/* Appends a character as UTF-8. */
void mt_label_add(struct mt_strbuf *out, uint32_t c);

/* How many characters; at most max of them are appended to out (which may be
 * NULL), the last one as an ellipsis if there are more. ascii: all others
 * become '?', the ellipsis '.'. */
size_t mt_label_count(const char *text);
void mt_label_cut(struct mt_strbuf *out, const char *text, size_t max,
                  int ascii);

#endif
