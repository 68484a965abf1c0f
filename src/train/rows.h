/* Samples of a data set by their numbers, and their values. */
#ifndef MT_TRAIN_ROWS_H
#define MT_TRAIN_ROWS_H

#include "train/session.h"

/* Samples rows[0 ... n-1] of part; rows NULL: first ... first+n-1. */
struct mt_rows {
    const struct mt_part *part;
    const uint32_t *rows;
    size_t first, n; /* n == 0: there is no such batch */
    bool training;   /* as in struct mt_samples */
    uint64_t epoch;
};

/* n of them, from the one at place `at` on. */
struct mt_rows mt_rows_part(const struct mt_rows *rows, size_t at, size_t n);

/* Gathers the samples and their targets, converted to what the model takes: x
 * (n, sample), t (n, target). Does not change s; thread-safe. */
mt_status mt_rows_gather(const struct mt_session *s, const struct mt_rows *rows,
                         float *x, float *t, struct mt_err *err);

/* Do samples of the part come from a reader, not from memory? */
bool mt_part_has_reader(const struct mt_part *part);

#endif
