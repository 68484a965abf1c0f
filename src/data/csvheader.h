/*
 * Does the first record of a table name its columns? This is judged from the
 * first records, up to a thousand of them or a megabyte; fewer if further ones
 * cannot make the first one a header, e.g. for plain numbers above numbers.
 * Each column may vote; the first record is a header if more columns vote for
 * it than against.
 *
 * For:
 *  - a text above numbers, or a text without digits above dates, prices and the
 *    like: `age` above 37;
 *  - a text above texts of few different values, none of which it is;
 *  - numbers in steps (1990, 1991, 1992; 0, 1, 2; five or more of any kind)
 *    above numbers that are not;
 *  - numbers far outside the range of those below; whole ones above fractions.
 *
 * Against:
 *  - any other number above numbers;
 *  - a date above dates, which counts twice;
 *  - a text that a record below has in the same column;
 *  - a missing value ("?", "NA") above anything.
 *
 * Two columns with a text above numbers or dates are enough if no text or date
 * votes against. If the votes are equal, a text above numbers decides; without
 * one, a record of different texts is a header.
 */
#ifndef MT_DATA_CSVHEADER_H
#define MT_DATA_CSVHEADER_H

#include "base/arena.h"
#include "data/csvscan.h"

struct mt_csv_header {
    bool header;
    bool sure;       /* no column votes otherwise */
    const char *why; /* "\"age\" is above numbers"; in the arena */
};

/* Reads from csv's first record on; the caller rewinds. MT_OK with n == 0:
 * there is no record. */
mt_status mt_csv_find_header(struct mt_csv *csv, struct mt_arena *arena,
                             struct mt_csv_header *out, struct mt_err *err);

#endif
