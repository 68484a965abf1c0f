#include "train/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "kernels/dmath.h"

const double mt_quantile_at[MT_QUANTILES] = { 0.01, 0.25, 0.5, 0.75, 0.99 };

/* --- sorting -------------------------------------------------------------- */

/* Doubles as integers in their own order, and back. */
static uint64_t to_key(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double from_key(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~((uint64_t)1 << 63) : ~key;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* By one byte after the other, the lowest first: linear, whatever the values.
 * spare has room for n more; returns the one that is sorted. */
static uint64_t *sort(uint64_t *keys, uint64_t *spare, size_t n)
{
    for (int shift = 0; shift < 64; shift += 8) {
        size_t at[257] = { 0 };
        uint64_t *other = spare;

        for (size_t i = 0; i < n; i++)
            at[(keys[i] >> shift & 255) + 1]++;
        if (n && at[(keys[0] >> shift & 255) + 1] == n)
            continue; /* all have this byte */
        for (size_t i = 0; i < 256; i++)
            at[i + 1] += at[i];
        for (size_t i = 0; i < n; i++)
            other[at[keys[i] >> shift & 255]++] = keys[i];
        spare = keys;
        keys = other;
    }
    return keys;
}

/* --- sums ----------------------------------------------------------------- */

static void count(double x, struct mt_statistics *s)
{
    s->nan += isnan(x) != 0;
    s->inf += isinf(x) != 0;
    s->finite += isfinite(x) != 0;
    s->zeros += x == 0;
}

/* mean = sum x / n, norm = sqrt(sum x^2), std = sqrt(sum (x - mean)^2 / n) */
static void take_moments(const struct mt_array *a, struct mt_statistics *s)
{
    double sum = 0, squares = 0, spread = 0, n = (double)s->finite;

    for (size_t i = 0; i < s->n; i++) {
        double x = mt_array_value(a, i);

        if (isfinite(x)) {
            sum += x;
            squares += x * x;
        }
    }
    s->mean = sum / n;
    for (size_t i = 0; i < s->n; i++) {
        double x = mt_array_value(a, i);

        if (isfinite(x))
            spread += (x - s->mean) * (x - s->mean);
    }
    s->std = mt_dsqrt(spread / n);
    s->norm = mt_dsqrt(squares);
}

static void take_quantiles(const uint64_t *sorted, struct mt_statistics *s)
{
    for (size_t i = 0; i < MT_QUANTILES; i++) {
        double place = mt_quantile_at[i] * (double)(s->finite - 1);
        size_t below = (size_t)place;
        size_t next = below + (below + 1 < s->finite);
        double part = place - (double)below;
        double a = from_key(sorted[below]), b = from_key(sorted[next]);

        s->quantile[i] = a == b ? a : a * (1 - part) + b * part;
    }
}

/* --- the histogram -------------------------------------------------------- */

/* Halves, for the difference of two doubles can be beyond all doubles. */
static void take_bins(const uint64_t *sorted, struct mt_statistics *s)
{
    double half_width = s->max / 2 - s->min / 2;

    for (size_t i = 0; i < s->finite; i++) {
        double x = from_key(sorted[i]);
        double place = half_width > 0
                           ? (x / 2 - s->min / 2) / half_width * MT_BINS
                           : 0;
        size_t bin = (size_t)place;

        s->bin[bin < MT_BINS ? bin : MT_BINS - 1]++;
    }
}

double mt_statistics_edge(const struct mt_statistics *s, size_t i)
{
    double part = (double)i / MT_BINS;

    return s->min * (1 - part) + s->max * part;
}

mt_status mt_statistics_take(const struct mt_array *a,
                             struct mt_statistics *out, struct mt_err *err)
{
    struct mt_statistics s = { .n = mt_shape_elements(&a->shape) };
    uint64_t *keys, *sorted;
    size_t bytes, at = 0;

    for (size_t i = 0; i < s.n; i++)
        count(mt_array_value(a, i), &s);
    *out = s;
    if (s.finite == 0)
        return MT_OK;
    if (!mt_size_mul(s.finite, 2 * sizeof *keys, &bytes))
        return mt_fail_memory(err);
    keys = malloc(bytes);
    if (!keys)
        return mt_fail_memory(err);
    for (size_t i = 0; i < s.n; i++) {
        double x = mt_array_value(a, i);

        if (isfinite(x))
            keys[at++] = to_key(x);
    }
    sorted = sort(keys, keys + s.finite, s.finite);
    s.min = from_key(sorted[0]);
    s.max = from_key(sorted[s.finite - 1]);
    take_moments(a, &s);
    take_quantiles(sorted, &s);
    take_bins(sorted, &s);
    free(keys);
    *out = s;
    return MT_OK;
}
