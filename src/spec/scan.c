#include "spec/tree_internal.h"
#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/size.h"

/* The JSON library may truncate longer numbers silently. */
enum { MAX_NUMBER = 63 };

struct scan {
    const char *source, *text;
    size_t n, at;
    uint32_t line;
    size_t line_start;
    size_t continued; /* bytes of this line that only continue a character */
    struct mt_json_table *table;
    struct mt_err *err;
};

static struct mt_json_pos here(const struct scan *s)
{
    size_t col = s->at - s->line_start - s->continued + 1;

    return (struct mt_json_pos){ s->line, (uint32_t)col };
}

static MT_PRINTF(3, 4) mt_status
    fail_at(const struct scan *s, struct mt_json_pos pos, const char *fmt, ...)
{
    char text[1024];
    struct mt_strbuf source = MT_STRBUF_INIT;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mt_json_add_clipped(&source, s->source, MT_JSON_CLIP_SOURCE);
    mt_fail(s->err, MT_INVALID, "%s:%u:%u: %s",
            source.failed ? "?" : source.text, pos.line, pos.col, text);
    mt_strbuf_free(&source);
    return MT_INVALID;
}

static bool at_end(const struct scan *s)
{
    return s->at == s->n;
}

/* The next byte, or -1 at the end. */
static int peek(const struct scan *s)
{
    return at_end(s) ? -1 : (unsigned char)s->text[s->at];
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c == '+' || c == '-' || c == '.';
}

static size_t word_length(const struct scan *s)
{
    size_t n = 0;

    while (s->at + n < s->n && is_word((unsigned char)s->text[s->at + n]))
        n++;
    return n;
}

/* The number or word of n bytes here, for a message. */
static struct mt_json_text word_text(const struct scan *s, size_t n)
{
    char word[128];
    size_t copied = n < sizeof word ? n : sizeof word - 1;

    memcpy(word, s->text + s->at, copied);
    word[copied] = '\0';
    return mt_json_quoted(word);
}

static mt_status fail_utf8(const struct scan *s)
{
    return fail_at(s, here(s),
                   "byte 0x%02x is not valid UTF-8 here, expected "
                   "a text in UTF-8",
                   (unsigned)peek(s));
}

static mt_status fail_unexpected(const struct scan *s, const char *expected)
{
    int c = peek(s);

    if (c < 0)
        return fail_at(s, here(s), "unexpected end of the text, expected %s",
                       expected);
    if (is_word(c))
        return fail_at(s, here(s), "unexpected %s, expected %s",
                       word_text(s, word_length(s)).text, expected);
    if (c < ' ' || c == 0x7f)
        return fail_at(s, here(s), "unexpected byte 0x%02x, expected %s",
                       (unsigned)c, expected);

    size_t n = mt_utf8_length(s->text + s->at, s->n - s->at);

    if (!n)
        return fail_utf8(s);
    return fail_at(s, here(s), "unexpected '%.*s', expected %s", (int)n,
                   s->text + s->at, expected);
}

static void skip_space(struct scan *s)
{
    for (; !at_end(s); s->at++) {
        char c = s->text[s->at];

        if (c == '\n') {
            s->line++;
            s->line_start = s->at + 1;
            s->continued = 0;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

/* The value of the \uXXXX that starts at `at`; -1 if there is none. */
static long hex4(const struct scan *s, size_t at)
{
    long value = 0;

    if (s->n - at < 6 || s->text[at] != '\\' || s->text[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = s->text[i];
        int digit = is_digit((unsigned char)c) ? c - '0'
                    : c >= 'a' && c <= 'f'     ? c - 'a' + 10
                    : c >= 'A' && c <= 'F'     ? c - 'A' + 10
                                               : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static mt_status scan_unicode_escape(struct scan *s)
{
    long unit = hex4(s, s->at);

    if (unit < 0)
        return fail_at(s, here(s),
                       "\\u is incomplete, expected four hexadecimal digits "
                       "after it");
    if (unit == 0)
        return fail_at(s, here(s),
                       "\\u0000 is not allowed, expected any other character");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail_at(s, here(s),
                       "\\u%04lx is the second half of a pair, expected the "
                       "first half (\\ud800 to \\udbff) before it",
                       unit);
    s->at += 6;
    if (unit < 0xd800 || unit > 0xdbff)
        return MT_OK;

    long second = hex4(s, s->at);

    if (second < 0xdc00 || second > 0xdfff) {
        s->at -= 6;
        return fail_at(s, here(s),
                       "\\u%04lx is the first half of a pair, expected the "
                       "second half (\\udc00 to \\udfff) after it",
                       unit);
    }
    s->at += 6;
    return MT_OK;
}

static mt_status scan_escape(struct scan *s)
{
    int c = s->n - s->at > 1 ? (unsigned char)s->text[s->at + 1] : -1;

    if (c == 'u')
        return scan_unicode_escape(s);
    if (c > 0 && strchr("\"\\/bfnrt", c)) {
        s->at += 2;
        return MT_OK;
    }
    if (c > ' ' && c < 0x7f)
        return fail_at(s, here(s),
                       "unknown escape \\%c, expected one of \\\" \\\\ \\/ "
                       "\\b \\f \\n \\r \\t \\uXXXX",
                       c);
    return fail_at(s, here(s),
                   "unknown escape, expected one of \\\" \\\\ \\/ \\b \\f \\n "
                   "\\r \\t \\uXXXX after the \\");
}

/* From the opening quote to past the closing one. */
static mt_status scan_string(struct scan *s)
{
    struct mt_json_pos start = here(s);

    s->at++;
    for (;;) {
        int c = peek(s);

        if (c < 0)
            return fail_at(s, here(s),
                           "unexpected end of the text, expected '\"' to end "
                           "the string that starts at %u:%u",
                           start.line, start.col);
        if (c < ' ')
            return fail_at(s, here(s),
                           "control character 0x%02x in the string that "
                           "starts at %u:%u, expected '\"' or an escape such "
                           "as \\n or \\u%04x",
                           (unsigned)c, start.line, start.col, (unsigned)c);
        if (c == '"') {
            s->at++;
            return MT_OK;
        }
        if (c == '\\') {
            mt_status status = scan_escape(s);

            if (status != MT_OK)
                return status;
            continue;
        }

        size_t n = mt_utf8_length(s->text + s->at, s->n - s->at);

        if (!n)
            return fail_utf8(s);
        s->at += n;
        s->continued += n - 1;
    }
}

static size_t skip_digits(const char *text, size_t i)
{
    while (is_digit((unsigned char)text[i]))
        i++;
    return i;
}

/* number = [ "-" ] int [ "." digits ] [ ("e" / "E") [ "+" / "-" ] digits ]
 * Returns what was expected if text is not a number, else NULL. */
static const char *number_fault(const char *text)
{
    size_t i = text[0] == '-';

    if (text[i] == '+')
        return "no \"+\" before it";
    if (text[i] == '.')
        return "a digit before the point";
    if (!is_digit((unsigned char)text[i]))
        return "a digit after the \"-\"";
    if (text[i] == '0' && is_digit((unsigned char)text[i + 1]))
        return "no leading zero";
    i = skip_digits(text, i);
    if (text[i] == '.') {
        if (!is_digit((unsigned char)text[++i]))
            return "a digit after the point";
        i = skip_digits(text, i);
    }
    if (text[i] == 'e' || text[i] == 'E') {
        i++;
        i += text[i] == '+' || text[i] == '-';
        if (!is_digit((unsigned char)text[i]))
            return "a digit in the exponent";
        i = skip_digits(text, i);
    }
    return text[i] ? "digits, a point and an exponent only" : NULL;
}

/* Returns what was expected if a double cannot hold the number, else NULL. */
static const char *range_fault(const char *text)
{
    double value = strtod(text, NULL);
    char exact[DBL_MAX_10_EXP + 8];

    if (isinf(value))
        return "a number of at most 1.7976931348623157e308 in size";
    if (value == 0 && strcspn(text, "123456789") < strcspn(text, "eE"))
        return "0 or a number of at least 5e-324 in size";
    if (strpbrk(text, ".eE"))
        return NULL;
    snprintf(exact, sizeof exact, "%.0f", value);
    return strcmp(exact, text)
               ? "a whole number that a double can hold exactly, or a point "
                 "or an exponent in it"
               : NULL;
}

static mt_status scan_number(struct scan *s)
{
    char text[MAX_NUMBER + 1];
    size_t n = word_length(s);
    const char *expected;

    if (n > MAX_NUMBER)
        return fail_at(s, here(s),
                       "a number of %zu characters, expected at most %d", n,
                       MAX_NUMBER);
    memcpy(text, s->text + s->at, n);
    text[n] = '\0';
    expected = number_fault(text);
    if (expected)
        return fail_at(s, here(s), "%s is not a JSON number, expected %s",
                       word_text(s, n).text, expected);
    expected = range_fault(text);
    if (expected)
        return fail_at(s, here(s), "%s cannot be held exactly, expected %s",
                       text, expected);
    s->at += n;
    return MT_OK;
}

static mt_status scan_word(struct scan *s)
{
    static const char *const words[] = { "true", "false", "null" };
    size_t n = word_length(s);
    char word[16] = "";

    if (n < sizeof word)
        memcpy(word, s->text + s->at, n);
    for (size_t i = 0; i < 3; i++) {
        if (!strcmp(word, words[i])) {
            s->at += n;
            return MT_OK;
        }
    }

    const char *near = mt_nearest(word, words, 3);

    if (near)
        return fail_at(s, here(s),
                       "unexpected %s, expected a value; did you mean %s?",
                       word_text(s, n).text, near);
    return fail_unexpected(s, "a value (a string needs double quotes)");
}

static mt_status scan_value(struct scan *s, size_t depth,
                            struct mt_json_pos pos);

/* member = string ":" value */
static mt_status scan_member(struct scan *s, size_t depth, const char *expected)
{
    struct mt_json_pos key = here(s);
    mt_status status;

    if (peek(s) != '"')
        return fail_unexpected(s, expected);
    status = scan_string(s);
    if (status != MT_OK)
        return status;
    skip_space(s);
    if (peek(s) != ':')
        return fail_unexpected(s, "':' after the key");
    s->at++;
    skip_space(s);
    return scan_value(s, depth, key);
}

/* object = "{" [ member *( "," member ) ] "}" */
static mt_status scan_object(struct scan *s, size_t depth)
{
    const char *expected = "a key in double quotes, or '}'";

    s->at++;
    skip_space(s);
    if (peek(s) == '}') {
        s->at++;
        return MT_OK;
    }
    for (;;) {
        mt_status status = scan_member(s, depth, expected);

        if (status != MT_OK)
            return status;
        skip_space(s);
        int c = peek(s);

        if (c != ',' && c != '}')
            return fail_unexpected(s, "',' or '}' after the member");
        s->at++;
        if (c == '}')
            return MT_OK;
        skip_space(s);
        expected = "a key in double quotes after ','";
    }
}

/* array = "[" [ value *( "," value ) ] "]" */
static mt_status scan_array(struct scan *s, size_t depth)
{
    s->at++;
    skip_space(s);
    if (peek(s) == ']') {
        s->at++;
        return MT_OK;
    }
    for (;;) {
        mt_status status = scan_value(s, depth, here(s));

        if (status != MT_OK)
            return status;
        skip_space(s);
        int c = peek(s);

        if (c != ',' && c != ']')
            return fail_unexpected(s, "',' or ']' after the value");
        s->at++;
        if (c == ']')
            return MT_OK;
        skip_space(s);
    }
}

static mt_status record(struct scan *s, struct mt_json_pos pos)
{
    struct mt_json_table *table = s->table;

    if (table->n == MT_JSON_MAX_VALUES)
        return fail_at(s, pos, "too many values, expected at most %d",
                       MT_JSON_MAX_VALUES);
    if (table->n == table->size) {
        size_t size = table->size ? 2 * table->size : 64, bytes;
        struct mt_json_pos *grown = NULL;

        if (mt_size_mul(size, sizeof *grown, &bytes))
            grown = realloc(table->pos, bytes);
        if (!grown)
            return mt_fail_memory(s->err);
        table->pos = grown;
        table->size = size;
    }
    table->pos[table->n++] = pos;
    return MT_OK;
}

/* depth counts the lists and objects around the value. */
static mt_status scan_value(struct scan *s, size_t depth,
                            struct mt_json_pos pos)
{
    int c = peek(s);
    mt_status status = record(s, pos);

    if (status != MT_OK)
        return status;
    if ((c == '{' || c == '[') && depth == MT_JSON_MAX_DEPTH)
        return fail_at(s, here(s),
                       "nested too deeply, expected at most %d "
                       "levels",
                       MT_JSON_MAX_DEPTH);
    if (c == '{')
        return scan_object(s, depth + 1);
    if (c == '[')
        return scan_array(s, depth + 1);
    if (c == '"')
        return scan_string(s);
    if (is_digit(c) || c == '-' || c == '+' || c == '.')
        return scan_number(s);
    if (is_word(c))
        return scan_word(s);
    if (c == '/')
        return fail_unexpected(s, "a value (JSON has no comments)");
    if (c == '\'')
        return fail_unexpected(s, "a value (a string needs double quotes)");
    return fail_unexpected(s, "a value");
}

mt_status mt_json_scan(const char *source, const char *text, size_t n,
                       struct mt_json_table *out, struct mt_err *err)
{
    struct scan s = { .source = source,
                      .text = text,
                      .n = n,
                      .line = 1,
                      .table = out,
                      .err = err };
    mt_status status;

    if (n > MT_JSON_MAX_BYTES)
        return fail_at(&s, here(&s), "a text of %zu bytes, expected at most %d",
                       n, MT_JSON_MAX_BYTES);
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        return fail_at(&s, here(&s),
                       "the text starts with a UTF-8 byte order "
                       "mark, expected none");
    skip_space(&s);
    if (at_end(&s))
        return fail_at(&s, here(&s), "the text is empty, expected a value");
    status = scan_value(&s, 0, here(&s));
    if (status != MT_OK)
        return status;
    skip_space(&s);
    if (!at_end(&s))
        return fail_unexpected(&s, "the end of the text after the value");
    return MT_OK;
}
