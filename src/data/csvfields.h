/* The fields of a record (csvfields.c), and the reader of csvscan.h, which
 * reads the file and skips lines (csvscan.c). For these two files only. */
#ifndef MT_DATA_CSVFIELDS_H
#define MT_DATA_CSVFIELDS_H

#include "data/csvdialect.h"
#include "data/csvfield.h"
#include "data/gzstream.h"

/* The line ends of the file: those of its first line. */
enum ends { UNKNOWN, LF, CR };

struct mt_csv {
    const char *path;
    struct mt_gzstream *stream;
    bool ended; /* the stream was read to its end */
    struct mt_csv_dialect dialect;

    /* buf[0 ... end-1] are bytes of the file; buf[end] is NUL, which stops
     * every scan. */
    char *buf;
    size_t room, end;
    size_t record, next; /* offsets of this record and of the one after it */

    const char
        *block; /* the 64 bytes of buf that were searched last, or NULL */
    uint64_t block_stops; /* what may end fields in it (csvstops.h) */

    uint64_t line, next_line; /* of these two records, from 1 */
    enum ends ends;
    struct mt_csv_passed passed;
    size_t blanks;       /* since the last record, */
    uint64_t blank_line; /* and the first of them */

    size_t width;            /* of mt_csv_set_trailing; 0: not set */
    uint64_t trailing_after; /* the line of the header */

    struct mt_csv_field *fields;
    size_t n, fields_room;

    char *unquoted; /* fields with doubled quotes, these made single */
    size_t unquoted_room, unquoted_used;

    bool stops[256]; /* what ends a run of plain text */
    bool simple;     /* numbers have a decimal point and no groups */
};

struct place {
    uint64_t line, column; /* both from 1 */
};

/* The place of byte `at` of the record. */
struct place mt_csv_find_place(const struct mt_csv *csv, size_t at);

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One pass over the record that starts at csv->record: sets its fields,
 * csv->next and ->next_line. *more: its end is not in the buffer yet. A comment
 * has no fields. */
mt_status mt_csv_scan_record(struct mt_csv *csv, bool *more,
                             struct mt_err *err);

#endif
