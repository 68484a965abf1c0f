#include "data/csvscan.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { CHUNK = 256 << 10 };

struct mt_csv {
    const char *path;
    const char *bytes; /* the source in memory; NULL: fd */
    int fd;
    uint64_t size, offset; /* of the source; how far it was read */
    struct sha256_ctx sha;

    /* buf[0 ... end-1] is read; buf[end] is NUL, which stops every scan. */
    char *buf;
    size_t room, end;
    size_t record, next; /* offsets of this record and of the one after it */

    uint64_t line, next_line; /* of those two, from 1 */
    uint64_t blank_line;      /* the first of empty lines; 0: none */

    struct mt_csv_field *fields;
    size_t n, fields_room;

    char *unquoted; /* fields that had doubled quotes, as they are meant */
    size_t unquoted_room, unquoted_used;

    char delimiter;
    bool stops[256]; /* what ends a run of plain text */
};

/* ---- life cycle ---- */

static struct mt_csv *csv_new(const char *path, uint64_t size, char delimiter)
{
    struct mt_csv *csv = calloc(1, sizeof *csv);

    if (!csv)
        return NULL;
    csv->fd = -1;
    csv->path = path;
    csv->size = size;
    csv->delimiter = delimiter;
    csv->room = size < CHUNK ? (size_t)size + 1 : CHUNK;
    csv->buf = malloc(csv->room + 1);
    csv->stops[(unsigned char)delimiter] = true;
    csv->stops['\n'] = csv->stops['\r'] = csv->stops['"'] = true;
    csv->stops[0] = true;
    if (!csv->buf) {
        free(csv);
        return NULL;
    }
    return csv;
}

mt_status mt_csv_open(const char *path, int fd, uint64_t size, char delimiter,
                      struct mt_csv **out, struct mt_err *err)
{
    struct mt_csv *csv = csv_new(path, size, delimiter);
    mt_status status;

    if (!csv) {
        close(fd);
        return mt_fail_memory(err);
    }
    csv->fd = fd;
    status = mt_csv_rewind(csv, err);
    if (status != MT_OK) {
        mt_csv_free(csv);
        return status;
    }
    *out = csv;
    return MT_OK;
}

mt_status mt_csv_open_bytes(const char *source, const char *bytes, size_t n,
                            char delimiter, struct mt_csv **out,
                            struct mt_err *err)
{
    struct mt_csv *csv = csv_new(source, n, delimiter);
    mt_status status;

    if (!csv)
        return mt_fail_memory(err);
    csv->bytes = bytes;
    status = mt_csv_rewind(csv, err);
    if (status != MT_OK) {
        mt_csv_free(csv);
        return status;
    }
    *out = csv;
    return MT_OK;
}

void mt_csv_free(struct mt_csv *csv)
{
    if (!csv)
        return;
    if (csv->fd >= 0)
        close(csv->fd);
    free(csv->buf);
    free(csv->fields);
    free(csv->unquoted);
    free(csv);
}

/* ---- bytes ---- */

static bool at_end(const struct mt_csv *csv)
{
    return csv->offset == csv->size;
}

static mt_status read_chunk(struct mt_csv *csv, size_t n, struct mt_err *err)
{
    char *to = csv->buf + csv->end;
    mt_status status = MT_OK;

    if (csv->bytes)
        memcpy(to, csv->bytes + csv->offset, n);
    else
        status = mt_file_pread(csv->fd, csv->path, csv->offset, to, n, err);
    if (status != MT_OK)
        return status;
    sha256_update(&csv->sha, n, (const uint8_t *)to);
    csv->offset += n;
    csv->end += n;
    csv->buf[csv->end] = '\0';
    return MT_OK;
}

/* Drops what is before the record, and reads on behind what is left of it. */
static mt_status refill(struct mt_csv *csv, struct mt_err *err)
{
    uint64_t left = csv->size - csv->offset;
    size_t kept = csv->end - csv->record;

    memmove(csv->buf, csv->buf + csv->record, kept);
    csv->record = 0;
    csv->end = kept;
    if (kept > csv->room / 2) {
        size_t room = csv->room * 2;
        char *grown;

        if (kept >= MT_CSV_MAX_RECORD) {
            csv->n = 0;
            return mt_csv_fail(csv, 0, err,
                               "a record of more than %d bytes; is a quote "
                               "not closed?",
                               MT_CSV_MAX_RECORD);
        }
        grown = realloc(csv->buf, room + 1);
        if (!grown)
            return mt_fail_memory(err);
        csv->buf = grown;
        csv->room = room;
    }
    if (left > csv->room - csv->end)
        left = csv->room - csv->end;
    return read_chunk(csv, (size_t)left, err);
}

mt_status mt_csv_rewind(struct mt_csv *csv, struct mt_err *err)
{
    mt_status status;

    sha256_init(&csv->sha);
    csv->offset = 0;
    csv->end = csv->record = csv->next = 0;
    csv->buf[0] = '\0';
    csv->line = csv->next_line = 1;
    csv->blank_line = 0;
    csv->n = 0;
    status = refill(csv, err);
    if (status == MT_OK && csv->end >= 3 &&
        !memcmp(csv->buf, "\xef\xbb\xbf", 3))
        csv->next = 3;
    return status;
}

struct sha256_ctx *mt_csv_sha256(struct mt_csv *csv)
{
    return &csv->sha;
}

/* ---- messages ---- */

uint64_t mt_csv_line(const struct mt_csv *csv)
{
    return csv->line;
}

mt_status mt_csv_fail(const struct mt_csv *csv, size_t field,
                      struct mt_err *err, const char *fmt, ...)
{
    const char *p = csv->buf + csv->record;
    const char *end = p + (field < csv->n ? csv->fields[field].at : 0);
    uint64_t line = csv->line, column = 1;
    char text[2048];
    va_list args;

    for (; p < end; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++; /* bytes that continue a character do not count */
        }
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return mt_fail(err, MT_INVALID, "%s:%llu:%llu: %s", csv->path,
                   (unsigned long long)line, (unsigned long long)column, text);
}

/* ---- records ---- */

/* What ended a field: one of these, or the delimiter's byte. */
enum { END_OF_RECORD = 256, END_OF_BUFFER, FAULT };

struct scan {
    const char *p;     /* where it is */
    const char *fault; /* what is wrong there */
    uint64_t lines;    /* line ends passed in quotes */
    bool doubled;      /* the last field has doubled quotes */
};

static int fault(struct scan *s, const char *at, const char *what)
{
    s->p = at;
    s->fault = what;
    return FAULT;
}

/* s->p is at the byte that may end the field. */
static int scan_end(const struct mt_csv *csv, struct scan *s)
{
    const char *end = csv->buf + csv->end;

    if (s->p == end)
        return at_end(csv) ? END_OF_RECORD : END_OF_BUFFER;
    if (*s->p == csv->delimiter) {
        s->p++;
        return (unsigned char)csv->delimiter;
    }
    if (*s->p == '\n') {
        s->p++;
        return END_OF_RECORD;
    }
    if (*s->p == '\r') {
        if (s->p + 1 == end && !at_end(csv))
            return END_OF_BUFFER;
        if (s->p + 1 == end || s->p[1] != '\n')
            return fault(s, s->p, "a carriage return without a line feed");
        s->p += 2;
        return END_OF_RECORD;
    }
    if (*s->p == '\0')
        return fault(s, s->p, "a NUL byte; expected text");
    return fault(s, s->p,
                 "a quote inside a field that does not begin with "
                 "one");
}

static int scan_plain(const struct mt_csv *csv, struct scan *s,
                      struct mt_csv_field *field)
{
    const char *p = s->p;

    field->text = p;
    while (!csv->stops[(unsigned char)*p])
        p++;
    field->n = (size_t)(p - field->text);
    s->p = p;
    return scan_end(csv, s);
}

static int scan_quoted(const struct mt_csv *csv, struct scan *s,
                       struct mt_csv_field *field)
{
    const char *end = csv->buf + csv->end, *open = s->p, *p = open + 1;
    int result;

    field->text = p;
    for (;; p++) {
        if (p == end)
            return at_end(csv) ? fault(s, open, "the quote is never closed")
                               : END_OF_BUFFER;
        if (*p == '\n')
            s->lines++;
        if (*p == '\0')
            return fault(s, p, "a NUL byte; expected text");
        if (*p != '"')
            continue;
        if (p + 1 == end && !at_end(csv))
            return END_OF_BUFFER;
        if (p[1] != '"')
            break;
        s->doubled = true;
        p++;
    }
    field->n = (size_t)(p - field->text);
    s->p = p + 1;
    result = scan_end(csv, s);
    if (result == FAULT && *s->p && *s->p != '\r')
        s->fault = "text behind the closing quote; expected the delimiter or "
                   "the line's end";
    return result;
}

/* Plain text between doubled quotes goes to csv->unquoted, which has room for
 * the whole record. */
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

/* Nothing moves while a record is scanned: csv->room does not change then. */
static mt_status grow_unquoted(struct mt_csv *csv, struct mt_err *err)
{
    char *grown;

    if (csv->unquoted_room >= csv->room)
        return MT_OK;
    grown = realloc(csv->unquoted, csv->room);
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

/* One pass over the record that starts at csv->record. *more: its end is not
 * in the buffer yet. */
static mt_status scan_record(struct mt_csv *csv, bool *more, struct mt_err *err)
{
    struct scan s = { csv->buf + csv->record, NULL, 0, false };
    const char *start = s.p;
    int ended;

    csv->n = csv->unquoted_used = 0;
    do {
        mt_status status = grow_fields(csv, err);
        struct mt_csv_field *field;

        if (status != MT_OK)
            return status;
        field = &csv->fields[csv->n];
        field->at = (size_t)(s.p - start);
        s.doubled = false;
        ended = *s.p == '"' ? scan_quoted(csv, &s, field)
                            : scan_plain(csv, &s, field);
        *more = ended == END_OF_BUFFER;
        if (*more)
            return MT_OK;
        csv->n++;
        if (ended == FAULT) {
            field->at = (size_t)(s.p - start);
            return mt_csv_fail(csv, csv->n - 1, err, "%s", s.fault);
        }
        if (s.doubled) {
            status = grow_unquoted(csv, err);
            if (status != MT_OK)
                return status;
            undouble(csv, field);
        }
    } while (ended != END_OF_RECORD);
    csv->next = (size_t)(s.p - csv->buf);
    csv->next_line = csv->line + s.lines + 1;
    return MT_OK;
}

static bool is_blank(const struct mt_csv *csv)
{
    return csv->n == 1 && csv->fields[0].n == 0 && csv->buf[csv->record] != '"';
}

mt_status mt_csv_next(struct mt_csv *csv, const struct mt_csv_field **fields,
                      size_t *n, struct mt_err *err)
{
    for (;;) {
        bool more = true;
        mt_status status = MT_OK;

        csv->record = csv->next;
        csv->line = csv->next_line;
        while (more && status == MT_OK) {
            if (csv->record == csv->end && at_end(csv)) {
                csv->n = *n = 0;
                return MT_OK;
            }
            status = scan_record(csv, &more, err);
            if (more && status == MT_OK)
                status = refill(csv, err);
        }
        if (status != MT_OK)
            return status;
        if (!is_blank(csv))
            break;
        if (!csv->blank_line)
            csv->blank_line = csv->line;
    }
    if (csv->blank_line)
        return mt_fail(err, MT_INVALID,
                       "%s:%llu:1: an empty line; expected a record", csv->path,
                       (unsigned long long)csv->blank_line);
    *fields = csv->fields;
    *n = csv->n;
    return MT_OK;
}
