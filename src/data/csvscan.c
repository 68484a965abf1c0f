#include "data/csvscan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/csvfields.h"

enum { CHUNK = 256 << 10 };

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

mt_status mt_csv_open_pipe(const char *source, int fd,
                           const struct mt_csv_dialect *dialect,
                           struct mt_csv **out, struct mt_err *err)
{
    struct mt_gzstream *stream;
    mt_status status = mt_gzstream_open_pipe(source, fd, &stream, err);

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

/* Drops what is before the record, and reads more after it. */
static mt_status refill(struct mt_csv *csv, struct mt_err *err)
{
    size_t kept = csv->end - csv->record, want, got;
    mt_status status;

    csv->block = NULL;
    memmove(csv->buf, csv->buf + csv->record, kept);
    csv->record = 0;
    csv->end = kept;
    if (kept > csv->room / 2) {
        size_t room = csv->room * 2;
        char *grown;

        if (kept >= MT_CSV_MAX_RECORD) {
            csv->n++; /* the unfinished field */
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
    csv->ended = got == 0;
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

/* Reads enough to recognize a byte order mark or a line "sep=;": a pipe may
 * return less at once. */
static mt_status fill_head(struct mt_csv *csv, struct mt_err *err)
{
    enum { MARK = 4, HEAD = 16 };
    mt_status status = refill(csv, err);

    while (status == MT_OK && !csv->ended &&
           (csv->end < MARK ||
            (csv->end < HEAD && !memchr(csv->buf, '\n', csv->end))))
        status = refill(csv, err);
    return status;
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
        status = fill_head(csv, err);
    if (status == MT_OK)
        status = mt_csv_check_text(csv->path, csv->buf, csv->end, err);
    if (status != MT_OK)
        return status;
    if (csv->end >= 3 && !memcmp(csv->buf, "\xef\xbb\xbf", 3))
        csv->next = 3;
    return pass_sep(csv, err);
}

void mt_csv_settle(struct mt_csv *csv)
{
    mt_gzstream_settle(csv->stream);
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

/* ---- records ---- */

/* Is the line empty, or only spaces? */
static bool is_blank_line(const struct mt_csv *csv)
{
    const struct mt_csv_field *f = &csv->fields[0];

    for (size_t i = 0; csv->n == 1 && i < f->n; i++)
        if (!is_blank(f->text[i]))
            return false;
    return csv->n == 1 && f->text == csv->buf + csv->record + f->at;
}

/* Reads the next line that has fields. waits: NULL, or as in
 * mt_csv_next_ready. */
static mt_status next_line(struct mt_csv *csv, bool *waits, struct mt_err *err)
{
    bool more = true;
    mt_status status = MT_OK;

    csv->record = csv->next;
    csv->line = csv->next_line;
    while (more && status == MT_OK) {
        if (csv->record == csv->end && csv->ended) {
            csv->next = csv->record;
            csv->n = 0;
            return MT_OK;
        }
        status = mt_csv_scan_record(csv, &more, err);
        if (!more || status != MT_OK)
            break;
        if (waits && mt_gzstream_waits(csv->stream)) {
            csv->next = csv->record;
            csv->next_line = csv->line;
            csv->n = 0;
            *waits = true;
            break;
        }
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
    if (csv->n == csv->width + 1)
        return mt_csv_fail(
            csv, csv->width, err,
            "expected nothing after the last delimiter, as in "
            "the first record, got \"%s\": delete it, or quote "
            "the value that has a delimiter in it",
            mt_excerpt(csv->fields[csv->width].text, csv->fields[csv->width].n)
                .text);
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

/* Counts the blank lines since the last record, now that another follows. */
static void count_blanks(struct mt_csv *csv)
{
    if (!csv->passed.blanks)
        csv->passed.first_blank = csv->blank_line;
    csv->passed.blanks += csv->blanks;
    csv->blanks = 0;
}

static mt_status next(struct mt_csv *csv, bool *waits,
                      const struct mt_csv_field **fields, size_t *n,
                      struct mt_err *err)
{
    mt_status status;

    for (;;) {
        status = next_line(csv, waits, err);
        if (status != MT_OK)
            return status;
        if ((waits && *waits) ||
            (csv->n == 0 && csv->record == csv->end && csv->ended))
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

mt_status mt_csv_next(struct mt_csv *csv, const struct mt_csv_field **fields,
                      size_t *n, struct mt_err *err)
{
    return next(csv, NULL, fields, n, err);
}

mt_status mt_csv_next_ready(struct mt_csv *csv,
                            const struct mt_csv_field **fields, size_t *n,
                            bool *waits, struct mt_err *err)
{
    *waits = false;
    return next(csv, waits, fields, n, err);
}
