/*
 * Inputs without targets, to predict from: a CSV table, an IDX file (plain or
 * gzipped) or a NumPy array; the file's first bytes tell which. What "-" names,
 * standard input, is CSV.
 *
 *     struct mt_inputs_request request = { .path = "new.csv", .doc = doc,
 *                                          .spec = data_object, ... };
 *     mt_inputs_open(&request, &inputs, err);
 *     while (mt_inputs_next(inputs, 64, &column, &n, err) == MT_OK && n > 0)
 *         mt_gather_f32(&column, norm, NULL, 0, n, x, err);
 *     mt_inputs_close(inputs);
 *
 * A CSV file is read record by record, a large array as its samples are asked
 * for; all else is read whole.
 */
#ifndef MT_DATA_INPUTS_H
#define MT_DATA_INPUTS_H

#include "data/dataset.h"

struct mt_inputs_request {
    const char *path; /* "-": standard input */
    const struct mt_json *doc;
    const struct mt_item *spec; /* the spec's "data", as in training */
    struct mt_shape shape;      /* of a sample */
    size_t tokens;              /* inputs are token numbers below this; 0: they
                                   are floats */
    const char *const *feature_names, *const *target_names; /* or NULL */
    size_t n_targets;
    size_t n_features; /* columns of a table that the model reads */
    const char *facts; /* of mt_fitted, of a table's model; NULL: plain numbers,
                          a column for each element */
    bool whole;        /* wait until there are max samples for mt_inputs_next */
};

struct mt_inputs;
struct mt_input_rows;

mt_status mt_inputs_open(const struct mt_inputs_request *request,
                         struct mt_inputs **out, struct mt_err *err);
void mt_inputs_close(struct mt_inputs *inputs); /* NULL is allowed */

/* The next samples, at most max > 0, as float64 (int32: tokens) or as they are
 * in the file; *n == 0 at the end. From a pipe as many come as are there. The
 * column lives until the next call. */
mt_status mt_inputs_next(struct mt_inputs *inputs, size_t max,
                         struct mt_column *column, size_t *n,
                         struct mt_err *err);

/* A table's rows (inputrows.h); NULL: an array. */
struct mt_input_rows *mt_inputs_rows(struct mt_inputs *inputs);

/* The columns of a table that are passed over, `"id", "name"`, the targets
 * aside; NULL where there are none. */
const char *mt_inputs_ignored(const struct mt_inputs *inputs);

/* What was read that training did not have, or NULL. */
const char *mt_inputs_warning(struct mt_inputs *inputs);

#endif
