#include "train/compare.h"

#include <math.h>
#include <string.h>

#include "kernels/dmath.h"

enum { LANES = 8 }; /* separate sums, so that the compiler can vectorize */

/* --- float32: all that is worth being fast ------------------------------ */

/* Floats as integers in their own order, so that neighbours are 1 apart. */
static inline int32_t ordered32(int32_t bits)
{
    return bits < 0 ? -(bits & INT32_MAX) : bits;
}

static inline uint32_t apart32(int32_t a, int32_t b)
{
    uint32_t x = (uint32_t)ordered32(a), y = (uint32_t)ordered32(b);

    return ordered32(a) > ordered32(b) ? x - y : y - x;
}

static int32_t bits_of(float x)
{
    int32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* How many differ, and the most steps between two. */
static void compare_bits32(const float *a, const float *b, size_t n,
                           struct mt_compared *out)
{
    uint32_t unequal[LANES] = { 0 }, ulp[LANES] = { 0 };
    int32_t x[LANES], y[LANES];
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        memcpy(x, a + i, sizeof x);
        memcpy(y, b + i, sizeof y);
        for (size_t k = 0; k < LANES; k++) {
            uint32_t d = apart32(x[k], y[k]);

            unequal[k] += x[k] != y[k];
            ulp[k] = d > ulp[k] ? d : ulp[k];
        }
    }
    for (; i < n; i++) {
        uint32_t d = apart32(bits_of(a[i]), bits_of(b[i]));

        unequal[0] += bits_of(a[i]) != bits_of(b[i]);
        ulp[0] = d > ulp[0] ? d : ulp[0];
    }
    for (size_t k = 0; k < LANES; k++) {
        out->n_unequal += unequal[k];
        out->max_ulp = ulp[k] > out->max_ulp ? ulp[k] : out->max_ulp;
    }
}

struct lanes {
    double squares[LANES], ab[LANES], aa[LANES], bb[LANES], max[LANES];
};

/* Equal bits are not apart, whatever they mean; other NaNs go through the
 * sums. */
static inline void add_value(struct lanes *s, size_t k, bool same, double x,
                             double y)
{
    double d = same || x == y ? 0 : x - y, size = fabs(d);

    s->squares[k] += d * d;
    s->ab[k] += x * y;
    s->aa[k] += x * x;
    s->bb[k] += y * y;
    s->max[k] = size > s->max[k] ? size : s->max[k];
}

static void end_lanes(const struct lanes *s, struct mt_compared *out)
{
    for (size_t k = 0; k < LANES; k++) {
        out->squares += s->squares[k];
        out->ab += s->ab[k];
        out->aa += s->aa[k];
        out->bb += s->bb[k];
        out->max_abs = s->max[k] > out->max_abs ? s->max[k] : out->max_abs;
    }
    if (isnan(out->squares))
        out->max_abs = NAN;
}

static void sum_f32(const float *a, const float *b, size_t n,
                    struct mt_compared *out)
{
    struct lanes s = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++)
            add_value(&s, k, bits_of(a[i + k]) == bits_of(b[i + k]),
                      (double)a[i + k], (double)b[i + k]);
    }
    for (; i < n; i++)
        add_value(&s, 0, bits_of(a[i]) == bits_of(b[i]), (double)a[i],
                  (double)b[i]);
    end_lanes(&s, out);
}

/* --- all types ---------------------------------------------------------- */

static int64_t ordered64(int64_t bits)
{
    return bits < 0 ? -(bits & INT64_MAX) : bits;
}

static uint64_t apart64(int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)ordered64(a), y = (uint64_t)ordered64(b);

    return ordered64(a) > ordered64(b) ? x - y : y - x;
}

/* float16 and bfloat16: sign and size, as of the longer ones. */
static int32_t ordered16(uint16_t bits)
{
    return bits & 0x8000 ? -(bits & 0x7fff) : bits;
}

static uint64_t ulps(enum mt_dtype dtype, const char *a, const char *b)
{
    switch (dtype) {
    case MT_F64: {
        int64_t x, y;

        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return apart64(x, y);
    }
    case MT_F16:
    case MT_BF16: {
        uint16_t x, y;

        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        int32_t d = ordered16(x) - ordered16(y);

        return (uint64_t)(d < 0 ? -d : d);
    }
    default:
        return 0;
    }
}

static struct mt_array elements(enum mt_dtype dtype, const void *data)
{
    return (struct mt_array){ .dtype = dtype,
                              .data = (void *)(uintptr_t)data };
}

static void compare_any(enum mt_dtype dtype, const void *a, const void *b,
                        size_t n, struct mt_compared *out)
{
    size_t size = mt_dtype_size(dtype);
    struct mt_array x = elements(dtype, a), y = elements(dtype, b);
    struct lanes s = { 0 };

    for (size_t i = 0; i < n; i++) {
        const char *p = (const char *)a + i * size;
        const char *q = (const char *)b + i * size;
        uint64_t u = ulps(dtype, p, q);

        bool same = memcmp(p, q, size) == 0;

        out->n_unequal += !same;
        out->max_ulp = u > out->max_ulp ? u : out->max_ulp;
        add_value(&s, i % LANES, same, mt_array_value(&x, i),
                  mt_array_value(&y, i));
    }
    end_lanes(&s, out);
}

/* --- what differs ------------------------------------------------------- */

/* |inf| <= rtol |inf| says nothing: where a value is not finite, only an equal
 * one is the same. */
static bool beyond(double x, double y, const struct mt_tolerance *t)
{
    if (isnan(x) || isnan(y))
        return isnan(x) != isnan(y);
    if (x == y)
        return false;
    return isinf(x) || isinf(y) ||
           !(fabs(x - y) <= t->atol + t->rtol * fabs(y));
}

static void count_beyond(const struct mt_array *a, const struct mt_array *b,
                         size_t n, const struct mt_tolerance *t,
                         struct mt_compared *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!beyond(mt_array_value(a, i), mt_array_value(b, i), t))
            continue;
        if (out->n_differ++ == 0)
            out->first = i;
    }
}

static size_t first_unequal(const void *a, const void *b, size_t n, size_t size)
{
    size_t i = 0;

    while (i + 1 < n && memcmp((const char *)a + i * size,
                               (const char *)b + i * size, size) == 0)
        i++;
    return i;
}

void mt_compare_block(enum mt_dtype dtype, const void *a, const void *b,
                      size_t n, const struct mt_tolerance *tolerance,
                      struct mt_compared *out)
{
    bool bitwise = tolerance->atol == 0 && tolerance->rtol == 0;

    *out = (struct mt_compared){ .n = n };
    if (dtype == MT_F32) {
        compare_bits32(a, b, n, out);
        sum_f32(a, b, n, out);
    } else {
        compare_any(dtype, a, b, n, out);
    }
    if (!out->n_unequal)
        return;
    if (!bitwise) {
        struct mt_array x = elements(dtype, a), y = elements(dtype, b);

        count_beyond(&x, &y, n, tolerance, out);
        return;
    }
    out->n_differ = out->n_unequal;
    out->first = first_unequal(a, b, n, mt_dtype_size(dtype));
}

void mt_compare_mixed(const struct mt_array *a, const struct mt_array *b,
                      size_t n, const struct mt_tolerance *tolerance,
                      struct mt_compared *out)
{
    struct lanes s = { 0 };

    *out = (struct mt_compared){ .n = n };
    for (size_t i = 0; i < n; i++) {
        double x = mt_array_value(a, i), y = mt_array_value(b, i);
        bool same = x == y || (isnan(x) && isnan(y));

        out->n_unequal += !same;
        add_value(&s, i % LANES, same, x, y);
    }
    end_lanes(&s, out);
    if (out->n_unequal)
        count_beyond(a, b, n, tolerance, out);
}

void mt_compare_add(struct mt_compared *to, const struct mt_compared *block)
{
    if (!to->n_differ && block->n_differ)
        to->first = to->n + block->first;
    to->n += block->n;
    to->n_differ += block->n_differ;
    to->n_unequal += block->n_unequal;
    if (block->max_abs > to->max_abs || isnan(block->max_abs))
        to->max_abs = block->max_abs;
    to->squares += block->squares;
    to->ab += block->ab;
    to->aa += block->aa;
    to->bb += block->bb;
    if (block->max_ulp > to->max_ulp)
        to->max_ulp = block->max_ulp;
}

double mt_compared_rms(const struct mt_compared *c)
{
    return c->n ? mt_dsqrt(c->squares / (double)c->n) : 0;
}

double mt_compared_cosine(const struct mt_compared *c)
{
    double cosine = c->ab / (mt_dsqrt(c->aa) * mt_dsqrt(c->bb));

    return c->aa > 0 && c->bb > 0 && !isnan(cosine) ? cosine : (double)NAN;
}
