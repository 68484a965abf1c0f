/*
 * The rows of a table as samples. A table that is small enough is encoded once,
 * in memory; of a larger one the packed cells are kept (cells.h), and readers
 * make samples when they are needed, with the same bits.
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
    size_t skip;  /* the row of sample 0's target, which follows its window */
    bool classes; /* one cell, which is a class; false: numbers */
    const int32_t *class_of; /* the class of each cell value; NULL: itself */
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

/* Rows of width + targets cells, owned by data; the caller adds the cells. */
mt_status mt_table_rows_new(struct mt_dataset *data, size_t width,
                            size_t targets, struct mt_table_rows **out,
                            struct mt_err *err);

/* x of the samples of the rows, once all rows are added. plan NULL, before it
 * is fitted: cells are the elements. */
void mt_table_rows_column(struct mt_table_rows *rows,
                          const struct mt_plan *plan,
                          const struct mt_window *window, struct mt_column *x);

/* y of the samples: numbers; or classes from min to max, which are the cells,
 * or class_of[cell]. */
void mt_table_rows_numbers(struct mt_table_rows *rows,
                           const struct mt_window *window, struct mt_column *y);
void mt_table_rows_classes(struct mt_table_rows *rows, const int32_t *class_of,
                           int32_t min, int32_t max,
                           const struct mt_window *window, struct mt_column *y);

/* Puts the samples of part into memory and frees the cells, if they take at
 * most `limit` bytes. look: only says what that takes, and keeps the cells. */
mt_status mt_table_rows_load(struct mt_table_rows *rows, size_t limit,
                             bool look, struct mt_dataset *data,
                             const struct mt_window *window,
                             struct mt_part *part, struct mt_err *err);

#endif
