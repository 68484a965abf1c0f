/*
 * The records of a CSV file as samples: inputs as cells, targets as numbers or
 * classes, by the columns and the plan that were chosen (csv.c).
 */
#ifndef MT_DATA_CSVROWS_H
#define MT_DATA_CSVROWS_H

#include "data/csvcolumns.h"
#include "data/csvlabels.h"
#include "data/tablelook.h"
#include "data/tablerows.h"

/* The format's state from open to fit. */
struct mt_csv_state {
    struct mt_reader reader; /* closed with the data set */
    struct mt_plan plan;
    struct mt_window window;
    struct mt_table_rows *rows[2]; /* of train and val */
};

/* A file that is being read. */
struct mt_csv_table {
    const struct mt_data_request *request;
    struct mt_csv_state *state;
    struct mt_csv_dialect dialect;
    struct mt_csv *csv;
    struct mt_csv_columns columns;
    const struct mt_csv_known *known; /* the columns of an earlier table, or
                                         NULL */
    struct mt_labels *labels;         /* NULL: targets are numbers */
    const char *labels_source;
    struct mt_look *look; /* of the target, while its classes are collected;
                             or NULL */
    struct mt_table_rows *cells;  /* features, then targets: numbers; or the
                                     index of the value in labels; or, if
                                     labels->names was known, the class */
    int32_t label_min, label_max; /* of these */
    size_t rows;
    size_t dropped[2];        /* rows with gaps: only in features, in targets */
    uint64_t dropped_line[2]; /* the first of them */
};

/* Reads all records from where t->csv is, and finishes the cells. Sets
 * label_min, label_max, rows and dropped; the caller sets the rest. At least
 * one row must remain. */
mt_status mt_csv_read_rows(struct mt_csv_table *t, const char *path,
                           struct mt_err *err);

#endif
