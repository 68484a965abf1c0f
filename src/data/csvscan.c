#include "data/csvscan.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/gzstream.h"

enum { CHUNK = 256 << 10 };

/* Which line ends the file has: those of its first line. */
enum ends { UNKNOWN, LF, CR };

struct mt_csv {
    const char *path;
    struct mt_gzstream *stream;
    bool ended; /* all of it was read */
    struct mt_csv_dialect dialect;

    /* buf[0 ... end-1] is read; buf[end] is NUL, which stops every scan. */
    char *buf;
    size_t room, end;
    size_t record, next; /* offsets of this record and of the one after it */

    uint64_t line, next_line; /* of those two, from 1 */
    enum ends ends;
    struct mt_csv_passed passed;
    size_t blanks; /* since the last record; first_blank: */
    uint64_t blank_line;

    size_t width;            /* set_trailing; 0: not set */
    uint64_t trailing_after; /* the line of the header */

    struct mt_csv_field *fields;
    size_t n, fields_room;

    char *unquoted; /* fields that had doubled quotes, as they are meant */
    size_t unquoted_room, unquoted_used;

    bool stops[256]; /* what ends a run of plain text */
    bool simple;     /* numbers are plain */
};

/* ---- life cycle ---- */

static mt_status csv_new(const char *path, struct mt_gzstream *stream,
                         const struct mt_csv_dialect *dialect,
                         struct mt_csv **out, struct mt_err *err)
{
    struct mt_csv *csv = calloc(1, sizeof *csv);
    uint64_t limit = mt_gzstream_limit(stream);
    mt_status status;

    if (!csv) {
        mt_gzstream_close(stream);
        return mt_fail_memory(err);
    }
    csv->stream = stream;
    csv->path = path;
    csv->dialect = *dialect;
    csv->simple = dialect->decimal == '.' && !dialect->thousands;
    csv->room = limit < CHUNK ? (size_t)limit + 1 : CHUNK;
    csv->buf = malloc(csv->room + 1 + MT_CSV_PADDING);
    csv->stops[(unsigned char)dialect->delimiter] = true;
    csv->stops['\n'] = csv->stops['\r'] = csv->stops[0] = true;
    if (dialect->delimiter == ' ')
        csv->stops['\t'] = true;
    status = csv->buf ? mt_csv_rewind(csv, err) : mt_fail_memory(err);
    if (status != MT_OK) {
        mt_csv_free(csv);
        return status;
    }
    *out = csv;
    return MT_OK;
}

mt_status mt_csv_open(const char *path, int fd, uint64_t size,
                      const struct mt_csv_dialect *dialect, struct mt_csv **out,
                      struct mt_err *err)
{
    struct mt_gzstream *stream;
    mt_status status = mt_gzstream_open(path, fd, size, &stream, err);

    return status == MT_OK ? csv_new(path, stream, dialect, out, err) : status;
}

mt_status mt_csv_open_bytes(const char *source, const char *bytes, size_t n,
                            const struct mt_csv_dialect *dialect,
                            struct mt_csv **out, struct mt_err *err)
{
    struct mt_gzstream *stream;
    mt_status status = mt_gzstream_open_bytes(source, bytes, n, &stream, err);

    return status == MT_OK ? csv_new(source, stream, dialect, out, err)
                           : status;
}

void mt_csv_free(struct mt_csv *csv)
{
    if (!csv)
        return;
    mt_gzstream_close(csv->stream);
    free(csv->buf);
    free(csv->fields);
    free(csv->unquoted);
    free(csv);
}

/* ---- bytes ---- */

/* Drops what is before the record, and reads on after what is left of it. */
static mt_status refill(struct mt_csv *csv, struct mt_err *err)
{
    size_t kept = csv->end - csv->record, want, got;
    mt_status status;

    memmove(csv->buf, csv->buf + csv->record, kept);
    csv->record = 0;
    csv->end = kept;
    if (kept > csv->room / 2) {
        size_t room = csv->room * 2;
        char *grown;

        if (kept >= MT_CSV_MAX_RECORD) {
            csv->n++; /* the field that does not end */
            return mt_csv_fail(csv, csv->n - 1, err,
                               "a record of more than %d bytes; is this quote "
                               "not closed?",
                               MT_CSV_MAX_RECORD);
        }
        grown = realloc(csv->buf, room + 1 + MT_CSV_PADDING);
        if (!grown)
            return mt_fail_memory(err);
        csv->buf = grown;
        csv->room = room;
    }
    want = csv->room - csv->end;
    status =
        mt_gzstream_read(csv->stream, csv->buf + csv->end, want, &got, err);
    if (status != MT_OK)
        return status;
    csv->ended = got < want;
    csv->end += got;
    memset(csv->buf + csv->end, 0, 1 + MT_CSV_PADDING);
    return MT_OK;
}

/* "sep=;" in the first line, as Excel writes and reads it. */
static mt_status pass_sep(struct mt_csv *csv, struct mt_err *err)
{
    const char *p = csv->buf + csv->next;
    char sep = mt_csv_sep(p, csv->end - csv->next);

    if (!sep)
        return MT_OK;
    if (sep != csv->dialect.delimiter)
        return mt_fail(err, MT_INVALID,
                       "%s:1:1: \"sep=%c\" says that another character "
                       "separates the fields; expected data.delimiter to be "
                       "\"%s\"",
                       csv->path, sep,
                       sep == '\t' ? "\\t" : (char[]){ sep, 0 });
    p += 5;
    p += *p == '\r';
    p += *p == '\n';
    csv->next = (size_t)(p - csv->buf);
    csv->next_line = 2;
    return MT_OK;
}

mt_status mt_csv_rewind(struct mt_csv *csv, struct mt_err *err)
{
    mt_status status = mt_gzstream_rewind(csv->stream, err);

    csv->end = csv->record = csv->next = 0;
    csv->buf[0] = '\0';
    csv->line = csv->next_line = 1;
    csv->ends = UNKNOWN;
    csv->passed = (struct mt_csv_passed){ 0 };
    csv->blanks = 0;
    csv->n = 0;
    if (status == MT_OK)
        status = refill(csv, err);
    if (status == MT_OK)
        status = mt_csv_check_text(csv->path, csv->buf, csv->end, err);
    if (status != MT_OK)
        return status;
    if (csv->end >= 3 && !memcmp(csv->buf, "\xef\xbb\xbf", 3))
        csv->next = 3;
    return pass_sep(csv, err);
}

void mt_csv_set_trailing(struct mt_csv *csv, size_t width)
{
    csv->width = width;
    csv->trailing_after = csv->line;
}

const struct mt_csv_dialect *mt_csv_dialect(const struct mt_csv *csv)
{
    return &csv->dialect;
}

enum mt_number mt_csv_value(const struct mt_csv *csv,
                            const struct mt_csv_field *field, double *out)
{
    return csv->simple
               ? mt_number_padded(field->text, field->n, out)
               : mt_csv_parse(&csv->dialect, field->text, field->n, out);
}

bool mt_csv_is_plain(const struct mt_csv *csv)
{
    return csv->simple;
}

struct mt_csv_passed mt_csv_passed(const struct mt_csv *csv)
{
    return csv->passed;
}

bool mt_csv_is_gzip(const struct mt_csv *csv)
{
    return mt_gzstream_is_gzip(csv->stream);
}

struct sha256_ctx *mt_csv_sha256(struct mt_csv *csv)
{
    return mt_gzstream_sha256(csv->stream);
}

/* ---- messages ---- */

uint64_t mt_csv_line(const struct mt_csv *csv)
{
    return csv->line;
}

struct place {
    uint64_t line, column; /* both from 1 */
};

/* Of the byte `at` of the record. */
static struct place find_place(const struct mt_csv *csv, size_t at)
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
        find_place(csv, field < csv->n ? csv->fields[field].at : 0);
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return mt_fail(err, MT_INVALID, "%s:%llu:%llu: %s", csv->path,
                   (unsigned long long)place.line,
                   (unsigned long long)place.column, text);
}

/* ---- records ---- */

#define NUL_BYTE "a NUL byte; expected text (tr -d '\\000' removes such bytes)"

/* What ended a field: one of these, or the delimiter's byte. */
enum { END_OF_RECORD = 256, END_OF_BUFFER, FAULT };

struct scan {
    const char *p;     /* where it is */
    const char *fault; /* what is wrong there; NULL: text after quotes, */
    const char *open;  /* which opened here */
    uint64_t lines;    /* line ends passed in quotes */
    bool doubled;      /* the last field has doubled quotes */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

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
 * control character. Eight bytes at a time; the padding ends it. */
static const char *find_stop(const struct mt_csv *csv, const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t delimiter = ones * (unsigned char)csv->dialect.delimiter;

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

static int scan_plain(struct mt_csv *csv, struct scan *s,
                      struct mt_csv_field *field)
{
    const char *p = find_stop(csv, s->p);

    while (!csv->stops[(unsigned char)*p])
        p = find_stop(csv, p + 1);
    field->text = s->p;
    field->n = (size_t)(p - s->p);
    s->p = p;
    if (*p == csv->dialect.delimiter) {
        s->p++;
        return (unsigned char)*p;
    }
    return scan_end(csv, s);
}

/* The rest of a run of spaces and tabs, which may end the line. */
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

/* The quote that a field begins with, perhaps after spaces; or NULL. */
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
    open = find_place(csv, (size_t)(s->open - start));
    return mt_csv_fail(csv, csv->n - 1, err,
                       "text after the closing quote of a field whose quote "
                       "opened in line %llu, column %llu; a quote within "
                       "quotes is written twice",
                       (unsigned long long)open.line,
                       (unsigned long long)open.column);
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
        mt_status status = grow_fields(csv, err);
        struct mt_csv_field *field;

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

/* One pass over the record that starts at csv->record. *more: its end is not
 * in the buffer yet. A comment has no fields. */
static mt_status scan_record(struct mt_csv *csv, bool *more, struct mt_err *err)
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

/* A line that is empty, or of nothing but spaces. */
static bool is_blank_line(const struct mt_csv *csv)
{
    const struct mt_csv_field *f = &csv->fields[0];

    for (size_t i = 0; csv->n == 1 && i < f->n; i++)
        if (!is_blank(f->text[i]))
            return false;
    return csv->n == 1 && f->text == csv->buf + csv->record + f->at;
}

/* Reads the next line with fields, whole. */
static mt_status next_line(struct mt_csv *csv, struct mt_err *err)
{
    bool more = true;
    mt_status status = MT_OK;

    csv->record = csv->next;
    csv->line = csv->next_line;
    while (more && status == MT_OK) {
        if (csv->record == csv->end && csv->ended) {
            csv->n = 0;
            return MT_OK;
        }
        status = scan_record(csv, &more, err);
        if (more && status == MT_OK)
            status = refill(csv, err);
    }
    return status;
}

static mt_status drop_trailing(struct mt_csv *csv, struct mt_err *err)
{
    if (csv->n == csv->width + 1 &&
        mt_csv_trim(csv->fields[csv->width]).n == 0) {
        csv->n--;
        return MT_OK;
    }
    return mt_csv_fail(csv, csv->n > csv->width ? csv->width : csv->n, err,
                       "expected %zu fields and a delimiter at the end, as the "
                       "first record has; got %zu fields%s",
                       csv->width, csv->n,
                       csv->n > csv->width ? "" : " and no delimiter");
}

static mt_status fail_blank(const struct mt_csv *csv, struct mt_err *err)
{
    return mt_fail(err, MT_INVALID,
                   "%s:%llu:1: an empty line in a table of one column; "
                   "expected a value (\"\" is a missing one)",
                   csv->path,
                   (unsigned long long)(csv->passed.blanks
                                            ? csv->passed.first_blank
                                            : csv->blank_line));
}

/* They are between records. */
static void count_blanks(struct mt_csv *csv)
{
    if (!csv->passed.blanks)
        csv->passed.first_blank = csv->blank_line;
    csv->passed.blanks += csv->blanks;
    csv->blanks = 0;
}

mt_status mt_csv_next(struct mt_csv *csv, const struct mt_csv_field **fields,
                      size_t *n, struct mt_err *err)
{
    mt_status status;

    for (;;) {
        status = next_line(csv, err);
        if (status != MT_OK)
            return status;
        if (csv->n == 0 && csv->record == csv->end && csv->ended)
            break;
        if (csv->n == 0) {
            if (csv->passed.comments++ == 0)
                csv->passed.first_comment = csv->line;
        } else if (is_blank_line(csv)) {
            if (csv->blanks++ == 0)
                csv->blank_line = csv->line;
        } else {
            break;
        }
    }
    *fields = csv->fields;
    *n = csv->n;
    if (csv->n == 0)
        return MT_OK;
    if (csv->n == 1 && csv->blanks + csv->passed.blanks)
        return fail_blank(csv, err);
    if (csv->blanks)
        count_blanks(csv);
    if (csv->next_line > csv->line + 1 && csv->passed.tall++ == 0)
        csv->passed.first_tall = csv->line;
    if (csv->width && csv->line > csv->trailing_after) {
        status = drop_trailing(csv, err);
        *n = csv->n;
    }
    return status;
}
