/*
 * Reads the numbers in most fields of a table without branches on characters,
 * which would be mispredicted: at most 8 characters, an optional minus sign,
 * digits, and perhaps a point. The characters are one word, the first in the
 * lowest byte.
 */
#ifndef MT_DATA_NUMBER_SHORT_H
#define MT_DATA_NUMBER_SHORT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number digits / 10^places, negative if minus (0 or 1). */
struct mt_short {
    uint64_t digits, minus;
    unsigned places;
};

/* The value of eight digits in a byte each: joined in twos, fours, then all. */
static inline uint64_t mt_short_join(uint64_t x)
{
    x = x * (10 * 256 + 1) >> 8;
    x = (x & UINT64_C(0x00ff00ff00ff00ff)) * (100 * 65536 + 1) >> 16;
    return (x & UINT64_C(0x0000ffff0000ffff)) * (UINT64_C(10000) << 32 | 1) >>
           32;
}

/* text: the word; only the first n (1 to 8) characters count. false: they are
 * not such a number. */
static inline bool mt_short_parse(uint64_t text, size_t n, struct mt_short *out)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    const uint64_t minus = '-' ^ '0', point = '.' ^ '0';
    uint64_t x = text ^ ones * '0', points, upto, any;

    out->minus = (x & 255) == minus;
    x ^= minus & (0 - out->minus);
    x <<= (64 - 8 * n) & 63; /* the last one highest, zeros before the first */
    points = x ^ ones * point;
    points = (points - ones) & ~points & high;
    any = points != 0;
    upto = points ^ (points - 1); /* the bytes up to the first point, or all */
    out->places = (unsigned)__builtin_clzll(upto) >> 3;
    x ^= (x ^ x << 8) & upto & (0 - any); /* close the gap of the point */
    out->digits = mt_short_join(x);
    return !((x | (x + ones * (128 - 10))) & high) && n > out->minus + any;
}

/* The word of a text; 8 bytes from it on must be readable. */
static inline uint64_t mt_short_load(const char *text)
{
    uint64_t x;

    memcpy(&x, text, sizeof x);
    return le64toh(x);
}

enum { MT_DECIMAL = 24 }; /* characters */

/* The same for 1 to MT_DECIMAL characters, perhaps with an exponent, if digits
 * are at most 2^53 and places at most 15: then both are exact doubles, and
 * their quotient is the nearest double. 8 bytes after the text must be
 * readable. */
bool mt_number_decimal(const char *text, size_t n, struct mt_short *out);

#endif
