/*
 * The rows of a table as samples. A table that is small enough is encoded once,
 * into memory; of a larger one the packed cells are kept (cells.h), and readers
 * make its samples as they are asked for, with the same bits.
 */
#ifndef MT_DATA_TABLEROWS_H
#define MT_DATA_TABLEROWS_H

#include "data/cells.h"
#include "data/format.h"
#include "data/reader.h"
#include "data/tableplan.h"
#include "data/window.h"

struct mt_table_rows;

/* Targets are the last cells of a row. */
struct mt_table_targets {
    struct mt_reader reader;
    const struct mt_table_rows *rows;
    size_t n;
    size_t skip;  /* the row of sample 0: those before it are a window's */
    bool classes; /* one cell, which is a class; false: numbers */
    const int32_t *class_of; /* where the cell has to be looked up; or NULL */
};

struct mt_table_rows {
    struct mt_reader reader;
    struct mt_cells *cells;
    size_t width;               /* cells of the inputs */
    const struct mt_plan *plan; /* NULL: cells are the elements */
    size_t elements;            /* of a row */
    size_t steps;               /* rows of a sample: 1, or those of a window */
    struct mt_table_targets y;
};

/* Rows of width + targets cells that data owns; cells are to be added to it. */
mt_status mt_table_rows_new(struct mt_dataset *data, size_t width,
                            size_t targets, struct mt_table_rows **out,
                            struct mt_err *err);

/* x of the samples that the rows give, which are all added. Cells are the
 * elements before plan is fitted (plan NULL). */
void mt_table_rows_column(struct mt_table_rows *rows,
                          const struct mt_plan *plan,
                          const struct mt_window *window, struct mt_column *x);

/* y of them: numbers; or classes from min to max, which are the cells, or what
 * class_of has for them. */
void mt_table_rows_numbers(struct mt_table_rows *rows,
                           const struct mt_window *window, struct mt_column *y);
void mt_table_rows_classes(struct mt_table_rows *rows, const int32_t *class_of,
                           int32_t min, int32_t max,
                           const struct mt_window *window, struct mt_column *y);

/* The same in memory, if they take at most `limit` bytes; the cells are gone
 * then. */
mt_status mt_table_rows_load(struct mt_table_rows *rows, size_t limit,
                             struct mt_dataset *data,
                             const struct mt_window *window,
                             struct mt_part *part, struct mt_err *err);

#endif
