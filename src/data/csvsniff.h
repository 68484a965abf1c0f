/*
 * Finds from the whole of a table how it is written: what separates its fields,
 * how its numbers are written, which lines are comments.
 *
 * The delimiter is the one of , ; tab | and runs of spaces that most lines of
 * the first 64 KiB have equally often. All numbers are in one form: one in
 * which every column of numbers can be read, preferably the plain one. If
 * "387,333" could be 387333 or 387.333 and no other field decides, the table is
 * refused.
 */
#ifndef MT_DATA_CSVSNIFF_H
#define MT_DATA_CSVSNIFF_H

#include "base/arena.h"
#include "data/csvdialect.h"

struct mt_csv_sniffed {
    struct mt_csv_dialect dialect;
    const char *said; /* for the user: what differs from commas and plain
                         numbers; NULL: nothing */
};

/* given: what is known already; 0: to be found. */
mt_status mt_csv_sniff(const char *path, const struct mt_csv_dialect *given,
                       struct mt_arena *arena, struct mt_csv_sniffed *out,
                       struct mt_err *err);

#endif
