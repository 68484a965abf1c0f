/*
 * CSV records, one after the other, in bounded memory (RFC 4180): fields are
 * separated by a delimiter, lines ended by LF, CRLF or, if the first line is,
 * by CR; a field in quotes may contain delimiters, line ends and doubled
 * quotes. A quote within a field that does not begin with one is an ordinary
 * character. Spaces around a quoted field are ignored.
 *
 * Skipped are a UTF-8 byte order mark, a first line "sep=;", comment lines, and
 * empty lines, unless the table has one column, in which an empty line may be a
 * missing value. gzip is inflated. What is not text (UTF-16, a workbook) is
 * refused; the message says what it is.
 *
 *     mt_csv_open(path, fd, size, &dialect, &csv, err);
 *     while (mt_csv_next(csv, &fields, &n, err) == MT_OK && n > 0)
 *         ... if (...) return mt_csv_fail(csv, 2, err, "expected ...");
 *     mt_csv_free(csv);
 */
#ifndef MT_DATA_CSVSCAN_H
#define MT_DATA_CSVSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/csvdialect.h"
#include "data/csvfield.h"

struct mt_csv;
struct sha256_ctx;

/* Reads size bytes of fd, which it closes (even if it fails). path names it in
 * messages and must outlive the reader. */
mt_status mt_csv_open(const char *path, int fd, uint64_t size,
                      const struct mt_csv_dialect *dialect, struct mt_csv **out,
                      struct mt_err *err);

/* The same from a pipe, which stays open; records are returned as soon as they
 * are written to it. */
mt_status mt_csv_open_pipe(const char *source, int fd,
                           const struct mt_csv_dialect *dialect,
                           struct mt_csv **out, struct mt_err *err);
void mt_csv_free(struct mt_csv *csv); /* NULL is allowed */

/* The next record; *n == 0 at the end. The fields are valid until the next
 * call. */
mt_status mt_csv_next(struct mt_csv *csv, const struct mt_csv_field **fields,
                      size_t *n, struct mt_err *err);

/* The same, but does not wait for a pipe: if more had to be read from it,
 * *waits is set and *n is 0, and a later call returns the record. */
mt_status mt_csv_next_ready(struct mt_csv *csv,
                            const struct mt_csv_field **fields, size_t *n,
                            bool *waits, struct mt_err *err);

/* From here on, after the header, each record must end with a delimiter: after
 * its `width` fields an empty one, which is dropped. A record without it is an
 * error. */
void mt_csv_set_trailing(struct mt_csv *csv, size_t width);

/* Back to the first record. */
mt_status mt_csv_rewind(struct mt_csv *csv, struct mt_err *err);

/* It will not be rewound any more: what was read of a pipe need not be kept. */
void mt_csv_settle(struct mt_csv *csv);

/* The line, from 1, in which the last record begins. */
uint64_t mt_csv_line(const struct mt_csv *csv);

const struct mt_csv_dialect *mt_csv_dialect(const struct mt_csv *csv);

/* The number in a field, in the dialect (mt_csv_parse). */
enum mt_number mt_csv_value(const struct mt_csv *csv,
                            const struct mt_csv_field *field, double *out);

/* Do numbers have a decimal point and no groups (number.h)? */
bool mt_csv_is_plain(const struct mt_csv *csv);

struct mt_csv_passed mt_csv_passed(const struct mt_csv *csv);
bool mt_csv_is_gzip(const struct mt_csv *csv);

/* SHA-256 of all bytes of the file, as stored: complete once mt_csv_next has
 * returned the end. */
struct sha256_ctx *mt_csv_sha256(struct mt_csv *csv);

#endif
