/*
 * Comparing two arrays value by value.
 */
#ifndef MT_TRAIN_COMPARE_H
#define MT_TRAIN_COMPARE_H

#include "base/dtype.h"

struct mt_comparison {
    size_t n, n_differ;   /* values; those beyond the tolerance */
    double max_abs, rms;  /* of a - b over all values */
    double cosine;        /* of the angle between a and b; NAN: one is 0 */
    uint64_t max_ulp;     /* float32 steps apart; 0 for other types */
    size_t first;         /* flat index of the first that differs */
};

/* Compares two arrays of equal type and shape. With atol = rtol = 0 values
 * differ if their bits do; else if |a - b| > atol + rtol |b| or exactly one is
 * NaN. */
void mt_compare(const struct mt_array *a, const struct mt_array *b,
                double atol, double rtol, struct mt_comparison *out);

#endif
