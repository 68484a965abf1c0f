/* The fields of a record (csvscan.h). */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csvfields.h"
#include "data/csvstops.h"

#define NUL_BYTE "a NUL byte; expected text (tr -d '\\000' removes such bytes)"

/* What ended a field: one of these, or the delimiter's byte. */
enum { END_OF_RECORD = 256, END_OF_BUFFER, FAULT };

struct scan {
    const char *p;     /* the present byte */
    const char *fault; /* the error there; NULL: text after a quoted field */
    const char *open;  /* that began here */
    uint64_t lines;    /* line ends within quotes so far */
    bool doubled;      /* the last field has doubled quotes */
};

static int fault(struct scan *s, const char *at, const char *what)
{
    s->p = at;
    s->fault = what;
    return FAULT;
}

/* s->p is at a CR. */
static int scan_cr(struct mt_csv *csv, struct scan *s)
{
    const char *end = csv->buf + csv->end;

    if (s->p + 1 == end && !csv->ended)
        return END_OF_BUFFER;
    if (s->p[1] == '\n') {
        s->p++;
        csv->ends = csv->ends ? csv->ends : LF;
    } else if (csv->ends == LF && s->p + 1 < end) {
        return fault(s, s->p,
                     "a carriage return within a line; expected it "
                     "in quotes, or a line feed after it");
    } else {
        csv->ends = csv->ends ? csv->ends : CR;
    }
    s->p++;
    return END_OF_RECORD;
}

/* s->p is at the byte that may end the field. */
static int scan_end(struct mt_csv *csv, struct scan *s)
{
    const char *end = csv->buf + csv->end;

    if (s->p == end)
        return csv->ended ? END_OF_RECORD : END_OF_BUFFER;
    if (*s->p == csv->dialect.delimiter ||
        (*s->p == '\t' && csv->dialect.delimiter == ' ')) {
        s->p++;
        return (unsigned char)csv->dialect.delimiter;
    }
    if (*s->p == '\n') {
        s->p++;
        csv->ends = csv->ends ? csv->ends : LF;
        return END_OF_RECORD;
    }
    if (*s->p == '\r')
        return scan_cr(csv, s);
    return fault(s, s->p, *s->p ? NULL : NUL_BYTE);
}

/* The first byte from p on that may end a plain field: the delimiter, or a
 * control character. Eight bytes at a time; the padding stops it at the latest.
 * delimiter: in every byte of the word. */
static inline const char *find_stop(const char *p, uint64_t delimiter)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;

    for (;; p += 8) {
        uint64_t x, d, found;

        memcpy(&x, p, sizeof x);
        x = le64toh(x);
        d = x ^ delimiter;
        found = (((d - ones) & ~d) | ((x - ones * ' ') & ~x)) & high;
        if (found)
            return p + (__builtin_ctzll(found) >> 3);
    }
}

static uint64_t delimiter_bytes(const struct mt_csv *csv)
{
    return UINT64_C(0x0101010101010101) * (unsigned char)csv->dialect.delimiter;
}

static int scan_plain(struct mt_csv *csv, struct scan *s,
                      struct mt_csv_field *field)
{
    uint64_t delimiter = delimiter_bytes(csv);
    const char *p = find_stop(s->p, delimiter);

    while (*p != csv->dialect.delimiter && !csv->stops[(unsigned char)*p])
        p = find_stop(p + 1, delimiter);
    field->text = s->p;
    field->n = (size_t)(p - s->p);
    s->p = p;
    if (*p != csv->dialect.delimiter)
        return scan_end(csv, s);
    s->p++;
    return (unsigned char)*p;
}

/* Skips the rest of a run of spaces and tabs, which may end the line. */
static int pass_blanks(struct mt_csv *csv, struct scan *s)
{
    while (is_blank(*s->p))
        s->p++;
    if (*s->p == '\n' || *s->p == '\r' || s->p == csv->buf + csv->end)
        return scan_end(csv, s);
    return ' ';
}

static int scan_quoted(struct mt_csv *csv, struct scan *s,
                       struct mt_csv_field *field)
{
    const char *end = csv->buf + csv->end, *open = s->p, *p = open + 1;
    char delimiter = csv->dialect.delimiter;
    int result;

    field->text = p;
    for (;; p++) {
        if (p == end)
            return csv->ended ? fault(s, open, "the quote is never closed")
                              : END_OF_BUFFER;
        if (*p == '\n' || (*p == '\r' && csv->ends == CR && p[1] != '\n'))
            s->lines++;
        if (*p == '\0')
            return fault(s, p, NUL_BYTE);
        if (*p != '"')
            continue;
        if (p + 1 == end && !csv->ended)
            return END_OF_BUFFER;
        if (p[1] != '"')
            break;
        s->doubled = true;
        p++;
    }
    field->n = (size_t)(p - field->text);
    p++;
    while (is_blank(*p) && delimiter != ' ' && delimiter != *p)
        p++;
    s->p = p;
    result = scan_end(csv, s);
    if (result == FAULT && !s->fault)
        s->open = open;
    return result;
}

/* The quote that a field begins with, perhaps after spaces; else NULL. */
static const char *find_quote(const struct mt_csv *csv, const char *p)
{
    while (*p == ' ' && csv->dialect.delimiter != ' ')
        p++;
    return *p == '"' ? p : NULL;
}

static int scan_field(struct mt_csv *csv, struct scan *s,
                      struct mt_csv_field *field)
{
    const char *quote =
        *s->p == '"' || *s->p == ' ' ? find_quote(csv, s->p) : NULL;
    int ended;

    s->doubled = false;
    if (quote)
        s->p = quote;
    ended = quote ? scan_quoted(csv, s, field) : scan_plain(csv, s, field);
    return ended == ' ' ? pass_blanks(csv, s) : ended;
}

static int scan_comment(struct mt_csv *csv, struct scan *s)
{
    const char *p = s->p, *end = csv->buf + csv->end;

    while (p < end && *p != '\n' && *p != '\r')
        p++;
    s->p = p;
    return scan_end(csv, s);
}

/* Copies the field, with doubled quotes made single, to csv->unquoted, which
 * has room for the whole record. */
static void undouble(struct mt_csv *csv, struct mt_csv_field *field)
{
    char *out = csv->unquoted + csv->unquoted_used;
    size_t n = 0;

    for (size_t i = 0; i < field->n; i++) {
        out[n++] = field->text[i];
        if (field->text[i] == '"')
            i++;
    }
    field->text = out;
    field->n = n;
    csv->unquoted_used += n;
}

/* Nothing in `unquoted` moves while a record is scanned: csv->room stays the
 * same then. */
static mt_status grow_unquoted(struct mt_csv *csv, struct mt_err *err)
{
    char *grown;

    if (csv->unquoted_room >= csv->room)
        return MT_OK;
    grown = realloc(csv->unquoted, csv->room + MT_CSV_PADDING);
    if (!grown)
        return mt_fail_memory(err);
    csv->unquoted = grown;
    csv->unquoted_room = csv->room;
    return MT_OK;
}

static mt_status grow_fields(struct mt_csv *csv, struct mt_err *err)
{
    size_t room = csv->fields_room ? csv->fields_room * 2 : 64;
    struct mt_csv_field *grown;

    if (csv->n < csv->fields_room)
        return MT_OK;
    if (csv->n >= MT_CSV_MAX_FIELDS)
        return mt_csv_fail(csv, csv->n - 1, err, "more than %d fields",
                           MT_CSV_MAX_FIELDS);
    grown = realloc(csv->fields, room * sizeof *grown);
    if (!grown)
        return mt_fail_memory(err);
    csv->fields = grown;
    csv->fields_room = room;
    return MT_OK;
}

static mt_status fail_scan(struct mt_csv *csv, const struct scan *s,
                           struct mt_err *err)
{
    const char *start = csv->buf + csv->record;
    struct place open;

    csv->fields[csv->n++].at = (size_t)(s->p - start);
    if (s->fault)
        return mt_csv_fail(csv, csv->n - 1, err, "%s", s->fault);
    open = mt_csv_find_place(csv, (size_t)(s->open - start));
    return mt_csv_fail(csv, csv->n - 1, err,
                       "text after the closing quote of a field whose quote "
                       "opened in line %llu, column %llu; a quote within "
                       "quotes is written twice",
                       (unsigned long long)open.line,
                       (unsigned long long)open.column);
}

/* Scans fields from s->p on as long as they are of the usual kind: no quote or
 * space at the beginning, nothing special within, and a delimiter after them.
 * Others, and those for which there is no room, are left to scan_field. */
static void scan_usual(struct mt_csv *csv, struct scan *s, const char *start)
{
    struct mt_csv_field *f = csv->fields + csv->n;
    const struct mt_csv_field *end = csv->fields + csv->fields_room;
    char delimiter = csv->dialect.delimiter;
    const char *p = s->p, *block = csv->block, *stop;
    uint64_t stops;

    if (block && (size_t)(p - block) < 64) {
        stops = csv->block_stops & UINT64_MAX << (p - block);
    } else {
        block = p;
        stops = mt_csv_stops(block, delimiter);
    }
    for (;; stops &= stops - 1) {
        while (!stops) {
            block += 64;
            stops = mt_csv_stops(block, delimiter);
        }
        stop = block + __builtin_ctzll(stops);
        if (f == end || *p == '"' || *p == ' ' || *stop != delimiter)
            break;
        f->text = p;
        f->n = (size_t)(stop - p);
        f->at = (size_t)(p - start);
        f++;
        p = stop + 1;
    }
    csv->n = (size_t)(f - csv->fields);
    csv->block = block;
    csv->block_stops = stops;
    s->p = p;
}

/* Fields up to the record's end. *ended: what ended the last one. */
static mt_status scan_fields(struct mt_csv *csv, struct scan *s, int *ended,
                             struct mt_err *err)
{
    const char *start = s->p;

    if (csv->dialect.delimiter == ' ')
        while (is_blank(*s->p))
            s->p++;
    do {
        mt_status status;
        struct mt_csv_field *field;

        if (csv->fields && csv->dialect.delimiter != ' ')
            scan_usual(csv, s, start);
        status = grow_fields(csv, err);
        if (status != MT_OK)
            return status;
        field = &csv->fields[csv->n];
        field->at = (size_t)(s->p - start);
        *ended = scan_field(csv, s, field);
        if (*ended == END_OF_BUFFER)
            return MT_OK;
        if (*ended == FAULT)
            return fail_scan(csv, s, err);
        csv->n++;
        if (s->doubled) {
            status = grow_unquoted(csv, err);
            if (status != MT_OK)
                return status;
            undouble(csv, field);
        }
    } while (*ended != END_OF_RECORD);
    return MT_OK;
}

mt_status mt_csv_scan_record(struct mt_csv *csv, bool *more, struct mt_err *err)
{
    struct scan s = { csv->buf + csv->record, NULL, NULL, 0, false };
    mt_status status = MT_OK;
    int ended;

    csv->n = csv->unquoted_used = 0;
    if (csv->dialect.comment && *s.p == csv->dialect.comment)
        ended = scan_comment(csv, &s);
    else
        status = scan_fields(csv, &s, &ended, err);
    if (status != MT_OK)
        return status;
    *more = ended == END_OF_BUFFER;
    csv->next = (size_t)(s.p - csv->buf);
    csv->next_line = csv->line + s.lines + 1;
    return MT_OK;
}

/* ---- messages ---- */

struct place mt_csv_find_place(const struct mt_csv *csv, size_t at)
{
    const char *p = csv->buf + csv->record, *end = p + at;
    uint64_t line = csv->line, column = 1;

    for (; p < end; p++) {
        if (*p == '\n' || (*p == '\r' && csv->ends == CR && p[1] != '\n')) {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++; /* bytes that continue a character do not count */
        }
    }
    return (struct place){ line, column };
}

mt_status mt_csv_fail(const struct mt_csv *csv, size_t field,
                      struct mt_err *err, const char *fmt, ...)
{
    struct place place =
        mt_csv_find_place(csv, field < csv->n ? csv->fields[field].at : 0);
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return mt_fail(err, MT_INVALID, "%s:%llu:%llu: %s", csv->path,
                   (unsigned long long)place.line,
                   (unsigned long long)place.column, text);
}
