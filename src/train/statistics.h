/*
 * Statistics of the values of one array.
 *
 *     mt_statistics_take(&array, team, &s, err);
 *
 * The array may have a source (ckpt/blockstream.h), which is read in pieces,
 * two to four times.
 *
 * All statistics except the counts of nan and inf are of the finite values, and
 * 0 if there are none. An int64 is rounded to the nearest double.
 */
#ifndef MT_TRAIN_STATISTICS_H
#define MT_TRAIN_STATISTICS_H

#include "base/dtype.h"
#include "base/team.h"

enum { MT_QUANTILES = 5, MT_BINS = 16 };

/* 0.01, 0.25, 0.5, 0.75, 0.99 */
extern const double mt_quantile_at[MT_QUANTILES];

struct mt_statistics {
    size_t n, finite, nan, inf, zeros;
    double min, max, mean, norm;
    double std;                    /* root of the mean squared deviation */
    double quantile[MT_QUANTILES]; /* linear between two values, as torch's */
    size_t bin[MT_BINS];           /* of equal width, from min to max; if these
                                      are equal, all values are in the first */
};

mt_status mt_statistics_take(const struct mt_array *a, struct mt_team *team,
                             struct mt_statistics *out, struct mt_err *err);

/* Where bin i begins; MT_BINS: where the last one ends. */
double mt_statistics_edge(const struct mt_statistics *s, size_t i);

#endif
