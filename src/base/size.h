/*
 * Ranges, and checked arithmetic on sizes. Every product or sum of sizes that
 * depends on an input is computed with these before memory is allocated. They
 * return false, and leave *out alone, if the exact result does not fit.
 */
#ifndef MT_BASE_SIZE_H
#define MT_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* [first, end) */
struct mt_range {
    size_t first, end;
};

static inline bool mt_size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool mt_size_add(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

/* The smallest multiple of unit (a power of two) that is >= n; n must be at
 * least unit below the largest size_t. */
static inline size_t mt_size_align(size_t n, size_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

static inline size_t mt_size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t mt_size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* a / b, rounded up; b is not 0. */
static inline size_t mt_size_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

#endif
