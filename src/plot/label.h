/*
 * Texts from file names, made safe to draw: read one character at a time;
 * invalid UTF-8 and control characters become U+FFFD.
 */
#ifndef MT_PLOT_LABEL_H
#define MT_PLOT_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { MT_REPLACEMENT = 0xFFFD };

/* Returns the next character and moves *text past it; 0 at the end. */
uint32_t mt_label_next(const char **text);

/* Appends a character as UTF-8. */
void mt_label_add(struct mt_strbuf *out, uint32_t c);

/* mt_label_count returns the number of characters. mt_label_cut appends at
 * most max of them, the last one an ellipsis if there are more. ascii: other
 * characters become '?', the ellipsis '.'. */
size_t mt_label_count(const char *text);
void mt_label_cut(struct mt_strbuf *out, const char *text, size_t max,
                  int ascii);

#endif
