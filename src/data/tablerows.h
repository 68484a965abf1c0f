/*
 * The rows of a table as inputs. A table that is small enough is encoded once,
 * into memory; of a larger one the packed cells are kept (cells.h), and a
 * reader makes its samples as they are asked for, with the same bits.
 */
#ifndef MT_DATA_TABLEROWS_H
#define MT_DATA_TABLEROWS_H

#include "data/cells.h"
#include "data/format.h"
#include "data/reader.h"
#include "data/tableplan.h"
#include "data/window.h"

struct mt_table_rows {
    struct mt_reader reader;
    struct mt_cells *cells;
    const struct mt_plan *plan; /* NULL: cells are the elements */
    size_t elements;            /* of a row */
    size_t steps;               /* rows of a sample: 1, or those of a window */
};

/* Rows of width cells that data owns; cells are to be added to it. */
mt_status mt_table_rows_new(struct mt_dataset *data, size_t width,
                            struct mt_table_rows **out, struct mt_err *err);

/* x of the samples that the rows give, which are all added. Cells are the
 * elements before plan is fitted (plan NULL). */
void mt_table_rows_column(struct mt_table_rows *rows,
                          const struct mt_plan *plan,
                          const struct mt_window *window, struct mt_column *x);

/* The same in memory, if it takes at most `limit` bytes; the cells are gone
 * then. */
mt_status mt_table_rows_load(struct mt_table_rows *rows, size_t limit,
                             struct mt_dataset *data,
                             const struct mt_window *window,
                             struct mt_column *x, struct mt_err *err);

#endif
