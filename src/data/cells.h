/*
 * A table of numbers [rows, width] in few bits, read back exactly: a field of
 * about 5 characters takes 10 to 17 bits, not 64.
 *
 * Rows are packed in blocks. A value is
 *
 *     integer / 10^places
 *
 * which is one correctly rounded division, as reading "12.34" is: so decimals
 * come back exactly. In a block each column has as many bits as its largest
 * integer needs, if all values get the same number of places; or each value
 * stores its own number of places, if that takes fewer bits. A column with a
 * value that has no such form (more than 15 digits, an infinity) is stored as
 * doubles. NaN has a code of its own; -0 becomes 0.
 *
 *     mt_cells_new(width)
 *     mt_cells_put(cells, column, 12.34);      for each column of a row
 *     mt_cells_push(cells, err);               the row is complete
 *     mt_cells_finish(cells, err);             no more rows
 *     mt_cells_row(cells, i, out);
 */
#ifndef MT_DATA_CELLS_H
#define MT_DATA_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_cells;

struct mt_cells *mt_cells_new(size_t width); /* NULL: no memory */
void mt_cells_free(struct mt_cells *cells);  /* NULL is allowed */

/* Sets a value of the next row, which is added by mt_cells_push once all of its
 * columns are set; raw: exactly, also -0, in 64 bits. */
void mt_cells_put(struct mt_cells *cells, size_t column, double value);
void mt_cells_put_raw(struct mt_cells *cells, size_t column, double value);
mt_status mt_cells_push(struct mt_cells *cells, struct mt_err *err);

/* After this rows can be read, by several threads at once, but not added. */
mt_status mt_cells_finish(struct mt_cells *cells, struct mt_err *err);

size_t mt_cells_rows(const struct mt_cells *cells);
size_t mt_cells_width(const struct mt_cells *cells);
size_t mt_cells_bytes(const struct mt_cells *cells); /* of memory */

/* The first n columns of a row; one cell. */
void mt_cells_row(const struct mt_cells *cells, size_t row, size_t n,
                  double *out);
double mt_cells_at(const struct mt_cells *cells, size_t row, size_t column);

/* ---- adding rows quickly ---- */

/* What the values of a column so far need. */
struct mt_cells_seen {
    uint64_t bits;   /* the OR of all digits << 1 | minus */
    uint32_t places; /* the OR of all 1 << places */
    bool missing, raw;
};

/* Where the next row is written; valid until it is pushed. */
struct mt_cells_next {
    int64_t *digits;
    uint8_t *places;
    struct mt_cells_seen *seen;
};

struct mt_cells_next mt_cells_next(struct mt_cells *cells);

/* Sets digits / 10^places, negative if minus (0 or 1). At most 15 digits and 15
 * places. */
static inline void mt_cells_put_decimal(struct mt_cells_next next,
                                        size_t column, uint64_t digits,
                                        uint64_t minus, unsigned places)
{
    next.digits[column] = (int64_t)((digits ^ (0 - minus)) + minus);
    next.places[column] = (uint8_t)places;
    next.seen[column].bits |= digits << 1 | minus;
    next.seen[column].places |= 1u << places;
}

#endif
