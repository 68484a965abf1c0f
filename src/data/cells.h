/*
 * A table of numbers [rows, width] in few bytes, read back exactly: what
 * text of 5 bytes a field says fits into 2 bytes, not 8.
 *
 * Rows are packed in blocks. In a block each column has the narrowest integers
 * (1 to 7 bytes) and the power of ten that give all its values,
 *
 *     value = integer / 10^places
 *
 * which is one correctly rounded division, as reading "12.34" is one: so
 * decimals come back exactly. A column with a value that has no such form (more
 * than 15 digits, an infinity) keeps its doubles. NaN is the lowest integer; -0
 * becomes 0.
 *
 *     mt_cells_new(width)
 *     mt_cells_put(cells, column, 12.34);      for each column of a row
 *     mt_cells_push(cells, err);               it is filled
 *     mt_cells_finish(cells, err);          no more rows
 *     mt_cells_row(cells, i, out);
 */
#ifndef MT_DATA_CELLS_H
#define MT_DATA_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_cells;

struct mt_cells *mt_cells_new(size_t width); /* NULL: no memory */
void mt_cells_free(struct mt_cells *cells);  /* NULL is allowed */

/* A value of the next row, which counts once all of its columns are put and it
 * is pushed: a double, or digits / 10^places with at most 15 digits and 15
 * places. */
void mt_cells_put(struct mt_cells *cells, size_t column, double value);
void mt_cells_put_decimal(struct mt_cells *cells, size_t column, int64_t digits,
                          unsigned places);
mt_status mt_cells_push(struct mt_cells *cells, struct mt_err *err);

/* After it rows can be read, by several threads at once, and none added. */
mt_status mt_cells_finish(struct mt_cells *cells, struct mt_err *err);

size_t mt_cells_rows(const struct mt_cells *cells);
size_t mt_cells_width(const struct mt_cells *cells);
size_t mt_cells_bytes(const struct mt_cells *cells); /* of memory */

void mt_cells_row(const struct mt_cells *cells, size_t row, double *out);
double mt_cells_at(const struct mt_cells *cells, size_t row, size_t column);

#endif
