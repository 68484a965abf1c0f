/*
 * Comparing arrays value by value, block by block.
 *
 *     mt_compare_block     one block of two arrays: what makes up the answer
 *     mt_compare_mixed     the same of arrays of two types, by value
 *     mt_compare_pairs     any number of pairs of arrays, wherever they are
 *
 * With atol = rtol = 0 values differ if their bits do; else if
 * |a - b| > atol + rtol |b|. Values that are not finite are the same only as
 * equal ones, whatever the tolerance; there all NaNs are equal.
 */
#ifndef MT_TRAIN_COMPARE_H
#define MT_TRAIN_COMPARE_H

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

struct mt_tolerance {
    double atol, rtol;
};

/* What is known of some values. Sums are of float64. */
struct mt_compared {
    size_t n, n_differ; /* values; those beyond the tolerance */
    size_t n_unequal;   /* those whose bits differ */
    size_t first;       /* flat index of the first that differs */
    double max_abs;     /* of a - b; NAN: one of both was not a number */
    double squares;     /* sum of (a - b)^2 */
    double ab, aa, bb;  /* sums of products */
    uint64_t max_ulp;   /* numbers of their type apart; 0 for integers */
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

/* Adds a block that follows what `to` has. */
void mt_compare_add(struct mt_compared *to, const struct mt_compared *block);

double mt_compared_rms(const struct mt_compared *c);
/* Of the angle between a and b; NAN: one is 0. */
double mt_compared_cosine(const struct mt_compared *c);

/* Two arrays of one shape, and the answer. */
struct mt_compare_pair {
    const struct mt_array *a, *b;
    struct mt_compared result;
};

/* Compares all pairs with all workers, in memory that does not depend on their
 * sizes. Results do not depend on the number of workers. Where both are in
 * checkpoints, what is stored is compared before anything is unpacked; then
 * of equal arrays only n is known, all else is 0. */
mt_status mt_compare_pairs(struct mt_compare_pair *pairs, size_t n,
                           const struct mt_tolerance *tolerance,
                           struct mt_team *team, struct mt_err *err);

#endif
