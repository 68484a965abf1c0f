/* A field of a record of a CSV file, and messages about it. */
#ifndef MT_DATA_CSVFIELD_H
#define MT_DATA_CSVFIELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_csv; /* csvscan.h */

enum {
    MT_CSV_MAX_RECORD = 16 << 20, /* bytes */
    MT_CSV_MAX_FIELDS = 1 << 20,  /* in one record */
};

struct mt_csv_field {
    const char *text; /* n bytes without the quotes; not NUL-terminated */
    size_t n;
    size_t at; /* byte offset in the record, for mt_csv_fail */
};

/* At least 64 bytes from the start of a field's text can be read, whatever
 * n. */
enum { MT_CSV_PADDING = 64 };

/* The field without leading and trailing spaces and tabs. */
static inline struct mt_csv_field mt_csv_trim(struct mt_csv_field f)
{
    for (; f.n && (f.text[0] == ' ' || f.text[0] == '\t'); f.n--)
        f.text++;
    while (f.n && (f.text[f.n - 1] == ' ' || f.text[f.n - 1] == '\t'))
        f.n--;
    return f;
}

/* Counts of skipped lines and of records of several lines (tall); and the first
 * line of each kind (from 1). */
struct mt_csv_passed {
    size_t blanks, comments, tall; /* blanks: only those before a record */
    uint64_t first_blank, first_comment, first_tall;
};

/* "path:line:column: message" for a field of the last record, or, if there is
 * no such field, for the record itself; line and column are those of the
 * field's first character, both from 1. Returns MT_INVALID. */
mt_status mt_csv_fail(const struct mt_csv *csv, size_t field,
                      struct mt_err *err, const char *fmt, ...) MT_PRINTF(4, 5);

#endif
