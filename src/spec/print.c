#include "spec/tree_internal.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INDENT = 2,
    LINE_WIDTH = 76, /* longer lists of scalars are broken into lines */
    CLIP_VALUE = 60, /* bytes of a string that messages show */
};

static void add_escaped(struct mt_strbuf *out, const char *text, size_t n)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";

    while (n) {
        unsigned char c = (unsigned char)*text;
        const char *known = c ? strchr(escaped, c) : NULL;
        size_t length = mt_utf8_length(text, n);

        if (known)
            mt_strbuf_printf(out, "\\%c", letters[known - escaped]);
        else if (c < ' ' || c == 0x7f)
            mt_strbuf_printf(out, "\\u%04x", c);
        else if (length)
            mt_strbuf_add(out, text, length);
        else
            mt_strbuf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
        length += !length;
        text += length;
        n -= length;
    }
}

void mt_json_add_string(struct mt_strbuf *out, const char *text)
{
    mt_strbuf_putc(out, '"');
    add_escaped(out, text, strlen(text));
    mt_strbuf_putc(out, '"');
}

static bool reads_back(const char *text, double value)
{
    return strtod(text, NULL) == value;
}

/* Appends text, the output of printf's %g, with 1e-05 as 1e-5 and 1e+30 as
 * 1e30. */
static void add_short_exponent(struct mt_strbuf *out, const char *text)
{
    const char *e = strchr(text, 'e');

    if (!e) {
        mt_strbuf_puts(out, text);
        return;
    }
    mt_strbuf_add(out, text, (size_t)(e - text) + 1);
    mt_strbuf_printf(out, "%d", (int)strtol(e + 1, NULL, 10));
}

void mt_json_add_number(struct mt_strbuf *out, double value)
{
    char text[40];
    /* Any decimal of up to 15 digits survives a round trip through a normal
     * double, so fewer need not be tried; subnormal doubles hold fewer. */
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;

    if (!isfinite(value)) {
        mt_strbuf_puts(out, "null");
        return;
    }
    if (fabs(value) < 0x1p53 && value == trunc(value)) {
        mt_strbuf_printf(out, "%.0f", value);
        return;
    }
    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
    } while (!reads_back(text, value) && ++digits <= DBL_DECIMAL_DIG);
    add_short_exponent(out, text);
}

static bool is_container(const struct mt_item *item)
{
    return mt_is_object(item) || mt_is_list(item);
}

static void add_scalar(struct mt_strbuf *out, const struct mt_item *item)
{
    if (mt_is_string(item))
        mt_json_add_string(out, item->text);
    else if (mt_is_number(item))
        mt_json_add_number(out, item->number);
    else if (mt_is_bool(item))
        mt_strbuf_puts(out, mt_is_true(item) ? "true" : "false");
    else
        mt_strbuf_puts(out, "null");
}

static size_t characters(const char *text, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* Appends a list of scalars on the line that starts at line_start; appends
 * nothing and returns false if it has other members or does not fit. */
static bool add_short_list(struct mt_strbuf *out, const struct mt_item *list,
                           size_t line_start)
{
    size_t mark = out->len;
    const struct mt_item *item;

    for (item = list->child; item; item = item->next) {
        mt_strbuf_puts(out, item == list->child ? "[" : ", ");
        if (is_container(item) || out->failed)
            goto undo;
        add_scalar(out, item);
        /* The list's own "]" takes a column, too. */
        if (out->failed || characters(out->text + line_start,
                                      out->len - line_start) >= LINE_WIDTH)
            goto undo;
    }
    mt_strbuf_putc(out, ']');
    return true;
undo:
    out->len = mark;
    if (out->text)
        out->text[mark] = '\0';
    return false;
}

static void add_line(struct mt_strbuf *out, size_t level)
{
    mt_strbuf_putc(out, '\n');
    for (size_t i = 0; i < level * INDENT; i++)
        mt_strbuf_putc(out, ' ');
}

static void add_pretty(struct mt_strbuf *out, const struct mt_item *item, size_t level,
                       size_t line_start)
{
    bool object = mt_is_object(item);
    const struct mt_item *member;

    if (!is_container(item)) {
        add_scalar(out, item);
        return;
    }
    if (!item->child) {
        mt_strbuf_puts(out, object ? "{}" : "[]");
        return;
    }
    if (!object && add_short_list(out, item, line_start))
        return;
    mt_strbuf_putc(out, object ? '{' : '[');
    for (member = item->child; member; member = member->next) {
        size_t start = out->len + (member == item->child ? 1 : 2);

        if (member != item->child)
            mt_strbuf_putc(out, ',');
        add_line(out, level + 1);
        if (object) {
            mt_json_add_string(out, member->key);
            mt_strbuf_puts(out, ": ");
        }
        add_pretty(out, member, level + 1, start);
    }
    add_line(out, level);
    mt_strbuf_putc(out, object ? '}' : ']');
}

void mt_json_print(const struct mt_item *item, struct mt_strbuf *out)
{
    add_pretty(out, item, 0, out->len);
    mt_strbuf_putc(out, '\n');
}

void mt_json_print_compact(const struct mt_item *item, struct mt_strbuf *out)
{
    bool object = mt_is_object(item);
    const struct mt_item *member;

    if (!is_container(item)) {
        add_scalar(out, item);
        return;
    }
    mt_strbuf_putc(out, object ? '{' : '[');
    for (member = item->child; member; member = member->next) {
        if (member != item->child)
            mt_strbuf_putc(out, ',');
        if (object) {
            mt_json_add_string(out, member->key);
            mt_strbuf_putc(out, ':');
        }
        mt_json_print_compact(member, out);
    }
    mt_strbuf_putc(out, object ? '}' : ']');
}

/* The largest length up to max that does not split a character of text. */
static size_t whole_characters(const char *text, size_t max)
{
    while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

void mt_json_add_clipped(struct mt_strbuf *out, const char *text, size_t max)
{
    size_t n = strlen(text);

    if (n <= max) {
        mt_strbuf_puts(out, text);
        return;
    }
    mt_strbuf_add(out, text, whole_characters(text, max / 2));
    mt_strbuf_puts(out, "...");
    mt_strbuf_puts(out, text + whole_characters(text, n - max / 2));
}

static struct mt_json_text take_text(struct mt_strbuf *buf)
{
    struct mt_json_text out;

    snprintf(out.text, sizeof out.text, "%s", buf->failed ? "?" : buf->text);
    mt_strbuf_free(buf);
    return out;
}

struct mt_json_text mt_json_quoted(const char *text)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;
    size_t n = strlen(text);
    bool cut = n > CLIP_VALUE;

    mt_strbuf_putc(&buf, '"');
    add_escaped(&buf, text, cut ? whole_characters(text, CLIP_VALUE) : n);
    mt_strbuf_puts(&buf, cut ? "...\"" : "\"");
    return take_text(&buf);
}

struct mt_json_text mt_json_text(const struct mt_item *item)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;

    if (mt_is_string(item))
        return mt_json_quoted(item->text);
    if (mt_is_list(item))
        mt_strbuf_puts(&buf, item->child ? "a list" : "an empty list");
    else if (mt_is_object(item))
        mt_strbuf_puts(&buf, "an object");
    else
        add_scalar(&buf, item);
    return take_text(&buf);
}
