/*
 * Samples of a series: windows over the rows of a table, in file order.
 *
 *     row      0   1   2   3   4   5      window i: inputs of rows i ...
 *     x0      [a   b   c]                 i + steps - 1, [steps, features];
 *     y0                      e           target of the row `horizon` rows
 *     x1          [b   c   d]             after its last one
 *     y1                          f       (here steps 3, horizon 2)
 *
 * n rows give n - steps - horizon + 1 windows. They share the memory of the
 * rows: a column's stride is one row.
 */
#ifndef MT_DATA_WINDOW_H
#define MT_DATA_WINDOW_H

#include "data/dataset.h"

struct mt_window {
    size_t steps, horizon; /* at least 1; both 0: samples are single rows */
};

/* The members of the spec's "data.window", as a JSON Schema. */
#define MT_WINDOW_SCHEMA                                                       \
    "\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"integer\","     \
    "\"minimum\":1},\"horizon\":{\"type\":\"integer\",\"minimum\":1,"          \
    "\"default\":1}},\"required\":[\"steps\"],\"additionalProperties\":false"

/* Reads "data.window"; item NULL: there is none. */
mt_status mt_window_read(const struct mt_json *doc, const struct mt_item *item,
                         struct mt_window *out, struct mt_err *err);

/* The number of windows over `rows` rows; the number of rows that n windows
 * need with their targets, and without. If samples are single rows, all are the
 * same. */
size_t mt_window_count(const struct mt_window *w, size_t rows);
size_t mt_window_rows(const struct mt_window *w, size_t n);
size_t mt_window_input_rows(const struct mt_window *w, size_t n);

/* Turns a column of rows into one of windows. */
void mt_window_inputs(const struct mt_window *w, struct mt_column *x);

/* Repeats the statistics of a row for each row of a window. */
mt_status mt_window_norm(const struct mt_window *w, struct mt_arena *arena,
                         struct mt_normalization *norm, struct mt_err *err);

#endif
