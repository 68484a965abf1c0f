#include "train/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/blockstream.h"
#include "kernels/dmath.h"

const double mt_quantile_at[MT_QUANTILES] = { 0.01, 0.25, 0.5, 0.75, 0.99 };

/*
 * The array is read in pieces, several times. Quantiles are found without
 * sorting, by a radix search: values are turned into keys, integers in the same
 * order. Of each wanted value the first bits are known; a pass counts the next
 * 16 bits of the keys that begin with them, and so finds 16 more.
 */
enum {
    DIGIT = 16,
    DIGITS = 1 << DIGIT,
    WANTED = 2 * MT_QUANTILES, /* the values on both sides of each quantile */
};

/* The value at a place in the sorted order; its first bits are known. */
struct wanted {
    size_t rank; /* among the keys that begin with these bits */
    uint64_t bits;
    size_t table; /* where the next bits are counted */
};

struct passes {
    struct mt_statistics s;
    enum mt_dtype dtype;
    int width, known; /* bits of a key; known bits of the wanted ones */
    uint64_t min, max;
    double sum, squares, spread;
    struct wanted wanted[WANTED];
    uint64_t begin[WANTED]; /* the first bits of the keys in table i */
    size_t n_tables;
    size_t *count; /* (WANTED, DIGITS) */
};

/* --- keys ----------------------------------------------------------------- */

/* 32 bits are enough for types whose values are floats. */
static int key_width(enum mt_dtype dtype)
{
    return dtype == MT_F32 || dtype == MT_F16 || dtype == MT_BF16 ? 32 : 64;
}

static uint64_t to_key(const struct passes *p, double x)
{
    float narrow = (float)x;
    uint64_t bits = 0, sign = (uint64_t)1 << (p->width - 1);
    uint32_t half;

    if (p->width == 32) {
        memcpy(&half, &narrow, sizeof half);
        bits = half;
    } else {
        memcpy(&bits, &x, sizeof bits);
    }
    return (bits & sign ? ~bits : bits | sign) & (2 * sign - 1);
}

static double from_key(const struct passes *p, uint64_t key)
{
    uint64_t sign = (uint64_t)1 << (p->width - 1);
    uint64_t bits = key & sign ? key & ~sign : ~key;
    uint32_t half = (uint32_t)bits;
    float narrow;
    double x;

    if (p->width == 32) {
        memcpy(&narrow, &half, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* --- quantiles ------------------------------------------------------------ */

static void count_key(struct passes *p, uint64_t key)
{
    int below = p->width - p->known; /* bits */
    uint64_t begin = p->known ? key >> below : 0;
    size_t digit = key >> (below - DIGIT) & (DIGITS - 1);

    for (size_t i = 0; i < p->n_tables; i++) {
        if (p->begin[i] == begin)
            p->count[i * DIGITS + digit]++;
    }
}

/* Before the first pass all keys are counted in one table. */
static void begin_tables(struct passes *p)
{
    p->known = 0;
    p->n_tables = 1;
    p->begin[0] = 0;
}

/* Where quantile i is: between this place in the sorted order and the next. */
static double place_of(const struct passes *p, size_t i)
{
    return mt_quantile_at[i] * (double)(p->s.finite - 1);
}

static void want(struct passes *p)
{
    for (size_t i = 0; i < MT_QUANTILES; i++) {
        size_t below = (size_t)place_of(p, i);

        p->wanted[2 * i] = (struct wanted){ .rank = below };
        p->wanted[2 * i + 1] = (struct wanted){
            .rank = below + (below + 1 < p->s.finite),
        };
    }
}

/* Finds the next bits from the counts, and makes a table for each distinct
 * beginning. */
static void narrow(struct passes *p)
{
    for (size_t i = 0; i < WANTED; i++) {
        struct wanted *w = &p->wanted[i];
        const size_t *count = p->count + w->table * DIGITS;
        size_t digit = 0;

        while (digit + 1 < DIGITS && w->rank >= count[digit])
            w->rank -= count[digit++];
        w->bits = w->bits << DIGIT | digit;
    }
    p->known += DIGIT;
    p->n_tables = 0;
    for (size_t i = 0; i < WANTED; i++) {
        size_t table = 0;

        while (table < p->n_tables && p->begin[table] != p->wanted[i].bits)
            table++;
        p->wanted[i].table = table;
        p->begin[table] = p->wanted[i].bits;
        p->n_tables += table == p->n_tables;
    }
    memset(p->count, 0, p->n_tables * DIGITS * sizeof *p->count);
}

static void take_quantiles(struct passes *p)
{
    for (size_t i = 0; i < MT_QUANTILES; i++) {
        double place = place_of(p, i), part = place - (double)(size_t)place;
        double a = from_key(p, p->wanted[2 * i].bits);
        double b = from_key(p, p->wanted[2 * i + 1].bits);

        p->s.quantile[i] = a == b ? a : a * (1 - part) + b * part;
    }
}

/* --- passes --------------------------------------------------------------- */

/* Counts, extremes, sums. */
static void look(struct passes *p, double x)
{
    p->s.nan += isnan(x) != 0;
    p->s.inf += isinf(x) != 0;
    p->s.zeros += x == 0;
    if (!isfinite(x))
        return;
    uint64_t key = to_key(p, x);

    p->min = p->s.finite && p->min < key ? p->min : key;
    p->max = p->s.finite && p->max > key ? p->max : key;
    p->s.finite++;
    p->sum += x;
    p->squares += x * x;
    count_key(p, key);
}

/* Sums that need the mean and the extremes. Values are halved, since the
 * difference of two doubles can overflow. */
static void spread(struct passes *p, double x)
{
    double half_width = p->s.max / 2 - p->s.min / 2;
    double place =
        half_width > 0 ? (x / 2 - p->s.min / 2) / half_width * MT_BINS : 0;

    p->s.bin[place >= MT_BINS ? MT_BINS - 1 : place > 0 ? (size_t)place : 0]++;
    p->spread += (x - p->s.mean) * (x - p->s.mean);
}

static mt_status pass(void *ctx, const void *elements, size_t n,
                      struct mt_err *err)
{
    struct passes *p = ctx;
    struct mt_array a = { .dtype = p->dtype,
                          .shape = mt_shape_of(1, n),
                          .data = (void *)(uintptr_t)elements };

    (void)err;
    for (size_t i = 0; i < n; i++) {
        double x = mt_array_value(&a, i);

        if (!p->known) {
            look(p, x);
        } else if (isfinite(x)) {
            if (p->known == DIGIT)
                spread(p, x);
            count_key(p, to_key(p, x));
        }
    }
    return MT_OK;
}

/* mean = sum x / n, norm = sqrt(sum x^2), std = sqrt(sum (x - mean)^2 / n) */
static mt_status make_passes(struct passes *p, const struct mt_array *a,
                             struct mt_team *team, struct mt_err *err)
{
    mt_status status;

    begin_tables(p);
    if ((status = mt_block_stream_each(a, team, pass, p, err)) != MT_OK ||
        p->s.finite == 0)
        return status;
    p->s.min = from_key(p, p->min);
    p->s.max = from_key(p, p->max);
    p->s.mean = p->sum / (double)p->s.finite;
    p->s.norm = mt_dsqrt(p->squares);
    want(p);
    narrow(p);
    while (status == MT_OK && p->known < p->width) {
        status = mt_block_stream_each(a, team, pass, p, err);
        if (status == MT_OK)
            narrow(p);
    }
    p->s.std = mt_dsqrt(p->spread / (double)p->s.finite);
    if (status == MT_OK)
        take_quantiles(p);
    return status;
}

mt_status mt_statistics_take(const struct mt_array *a, struct mt_team *team,
                             struct mt_statistics *out, struct mt_err *err)
{
    struct passes p = { .s = { .n = mt_shape_elements(&a->shape) },
                        .dtype = a->dtype,
                        .width = key_width(a->dtype),
                        .count = calloc(WANTED * DIGITS, sizeof *p.count) };
    mt_status status =
        p.count ? make_passes(&p, a, team, err) : mt_fail_memory(err);

    free(p.count);
    *out = p.s;
    return status;
}

double mt_statistics_edge(const struct mt_statistics *s, size_t i)
{
    double part = (double)i / MT_BINS;

    return s->min * (1 - part) + s->max * part;
}
