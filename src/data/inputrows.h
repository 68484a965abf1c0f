/*
 * The rows of a table without targets, to predict from: read record by record,
 * not whole.
 *
 * Which columns are the features:
 *
 *     by name      where the table has a header and the names are known from
 *                  training; in any order, others are passed over
 *     by position  otherwise: as many columns as features, or all columns of
 *                  the training table, from which the spec takes the features
 *                  as it did in training
 *
 * Of a series (window.h) each sample is a window of rows, and the last one is
 * that whose target is not in the table. From there a series whose features are
 * its targets goes on with rows of its own:
 *
 *     mt_input_rows_last(rows, &column);      the last window
 *     mt_input_rows_append(rows, cells);      the table has one row more
 */
#ifndef MT_DATA_INPUTROWS_H
#define MT_DATA_INPUTROWS_H

#include "data/csvscan.h"
#include "data/inputs.h"

/* csv is closed with *out, and on failure. source is its name in messages. */
mt_status mt_input_rows_open(const struct mt_inputs_request *request,
                             const char *source, struct mt_csv *csv,
                             char delimiter, struct mt_input_rows **out,
                             struct mt_err *err);
void mt_input_rows_close(struct mt_input_rows *rows); /* NULL is allowed */

/* As mt_inputs_next: float64, or int32 tokens. */
mt_status mt_input_rows_next(struct mt_input_rows *rows, size_t max,
                             struct mt_column *column, size_t *n,
                             struct mt_err *err);

/* After it has found the end: the last window of a series, one sample; and one
 * row more, a number for each feature. The column lives until the next call of
 * either. */
void mt_input_rows_last(struct mt_input_rows *rows, struct mt_column *column);
void mt_input_rows_append(struct mt_input_rows *rows, const double *cells);

/* The features of a series as targets: of[i] is the target that feature i is,
 * [features]. MT_MISMATCH: a feature is none, or not a number. */
mt_status mt_input_rows_feedback(const struct mt_input_rows *rows, size_t *of,
                                 struct mt_err *err);
size_t mt_input_rows_features(const struct mt_input_rows *rows);

const char *mt_input_rows_ignored(const struct mt_input_rows *rows);
const char *mt_input_rows_warning(struct mt_input_rows *rows);

#endif
