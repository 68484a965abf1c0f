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
    size_t at; /* bytes from the record's start, for mt_csv_fail */
};

/* 64 bytes from the text of a field on can be read, whatever n. */
enum { MT_CSV_PADDING = 64 };

/* Without spaces and tabs around. */
static inline struct mt_csv_field mt_csv_trim(struct mt_csv_field f)
{
    for (; f.n && (f.text[0] == ' ' || f.text[0] == '\t'); f.n--)
        f.text++;
    while (f.n && (f.text[f.n - 1] == ' ' || f.text[f.n - 1] == '\t'))
        f.n--;
    return f;
}

/* Lines that were passed over, and records of several lines; and the first of
 * them (from 1). */
struct mt_csv_passed {
    size_t blanks, comments, tall; /* blanks: followed by a record */
    uint64_t first_blank, first_comment, first_tall;
};

/* "path:line:column: message" of a field of the last record (or of the record
 * itself: a field beyond its last); line and column are the field's first
 * character, both from 1. Returns MT_INVALID. */
mt_status mt_csv_fail(const struct mt_csv *csv, size_t field,
                      struct mt_err *err, const char *fmt, ...) MT_PRINTF(4, 5);

#endif
