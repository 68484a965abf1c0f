/*
 * CSV records, one after the other, in bounded memory (RFC 4180): fields
 * apart by a delimiter, lines by LF or CRLF; a field in quotes may hold
 * delimiters, line ends and doubled quotes. A UTF-8 byte order mark is
 * skipped, and so are empty lines at the end; an empty line elsewhere, a NUL,
 * a CR without LF and a stray quote are errors.
 *
 *     mt_csv_open(path, fd, size, ',', &csv, err);
 *     while (mt_csv_next(csv, &fields, &n, err) == MT_OK && n > 0)
 *         ... if (...) return mt_csv_fail(csv, 2, err, "expected ...");
 *     mt_csv_free(csv);
 */
#ifndef MT_DATA_CSVSCAN_H
#define MT_DATA_CSVSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    MT_CSV_MAX_RECORD = 16 << 20, /* bytes */
    MT_CSV_MAX_FIELDS = 1 << 20,  /* in one record */
};

struct mt_csv_field {
    const char *text; /* n bytes without the quotes; no NUL behind them */
    size_t n;
    size_t at; /* bytes from the record's start, for mt_csv_fail */
};

/* Without spaces and tabs around. */
static inline struct mt_csv_field mt_csv_trim(struct mt_csv_field f)
{
    for (; f.n && (f.text[0] == ' ' || f.text[0] == '\t'); f.n--)
        f.text++;
    while (f.n && (f.text[f.n - 1] == ' ' || f.text[f.n - 1] == '\t'))
        f.n--;
    return f;
}

struct mt_csv;
struct sha256_ctx;

/* Reads size bytes of fd, which it closes (also where it fails). path names
 * it in messages and must outlive the reader. */
mt_status mt_csv_open(const char *path, int fd, uint64_t size, char delimiter,
                      struct mt_csv **out, struct mt_err *err);

/* The same from memory, which must outlive the reader. */
mt_status mt_csv_open_bytes(const char *source, const char *bytes, size_t n,
                            char delimiter, struct mt_csv **out,
                            struct mt_err *err);
void mt_csv_free(struct mt_csv *csv); /* NULL is allowed */

/* The next record; *n == 0 at the end. The fields live until the next call. */
mt_status mt_csv_next(struct mt_csv *csv, const struct mt_csv_field **fields,
                      size_t *n, struct mt_err *err);

/* Back to the first record. */
mt_status mt_csv_rewind(struct mt_csv *csv, struct mt_err *err);

/* "path:line:column: message" of a field of the last record (or of the record
 * itself: a field beyond its last); line and column are the field's first
 * character, both from 1. Returns MT_INVALID. */
mt_status mt_csv_fail(const struct mt_csv *csv, size_t field,
                      struct mt_err *err, const char *fmt, ...) MT_PRINTF(4, 5);

/* The line, from 1, in which the last record begins. */
uint64_t mt_csv_line(const struct mt_csv *csv);

/* SHA-256 of all bytes since the start: whole once mt_csv_next has given the
 * end. */
struct sha256_ctx *mt_csv_sha256(struct mt_csv *csv);

#endif
