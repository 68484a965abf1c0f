/*
 * Comparing arrays value by value, block by block.
 *
 *     mt_compare_block     one block of two arrays
 *     mt_compare_mixed     arrays of different types, by value
 *     mt_compare_pairs     any number of pairs of arrays, in memory or in files
 *
 * With atol = rtol = 0 values differ if their bits do; else if
 * |a - b| > atol + rtol |b|. Whatever the tolerance, an infinity equals only
 * itself; with one, all NaNs are equal.
 */
#ifndef MT_TRAIN_COMPARE_H
#define MT_TRAIN_COMPARE_H

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

struct mt_tolerance {
    double atol, rtol;
};

/* The result for some values. Sums are float64. */
struct mt_compared {
    size_t n, n_differ; /* values; those beyond the tolerance */
    size_t n_unequal;   /* those whose bits differ */
    size_t first;       /* flat index of the first that differs */
    double max_abs;     /* of a - b; NAN: one of the two was not a number */
    double squares;     /* sum of (a - b)^2 */
    double ab, aa, bb;  /* sums of products */
    uint64_t max_ulp;   /* largest distance in units in the last place; 0 for
                           integers */
};

/* n values of one type. */
void mt_compare_block(enum mt_dtype dtype, const void *a, const void *b,
                      size_t n, const struct mt_tolerance *tolerance,
                      struct mt_compared *out);

/* The first n values of arrays whose types differ; both have data. There are no
 * units in the last place to count: max_ulp is 0. */
void mt_compare_mixed(const struct mt_array *a, const struct mt_array *b,
                      size_t n, const struct mt_tolerance *tolerance,
                      struct mt_compared *out);

/* Adds the result of the block that follows those in `to`. */
void mt_compare_add(struct mt_compared *to, const struct mt_compared *block);

double mt_compared_rms(const struct mt_compared *c);
/* The cosine of the angle between a and b; NAN: one of them is 0. */
double mt_compared_cosine(const struct mt_compared *c);

/* Two arrays of the same shape, and the result. */
struct mt_compare_pair {
    const struct mt_array *a, *b;
    struct mt_compared result;
};

/* Compares all pairs with all workers, in memory that does not depend on their
 * sizes. Results do not depend on the number of workers. Where both arrays are
 * in checkpoints, their stored bytes are compared first; if those are equal,
 * nothing is unpacked, and the result has only n, all else 0. */
mt_status mt_compare_pairs(struct mt_compare_pair *pairs, size_t n,
                           const struct mt_tolerance *tolerance,
                           struct mt_team *team, struct mt_err *err);

#endif
