/*
 * The numbers that most fields of a table are, without a branch on their
 * characters, which cannot be predicted: at most 8 characters, a minus sign or
 * none, digits, and perhaps a point among them. They are read as one word, in
 * which each character is a byte and the first is the lowest.
 */
#ifndef MT_DATA_NUMBER_SHORT_H
#define MT_DATA_NUMBER_SHORT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number is digits / 10^places, or less than 0: minus is 0 or 1. */
struct mt_short {
    uint64_t digits, minus;
    unsigned places;
};

/* Eight digits of a byte each, two at a time, then four, then all. */
static inline uint64_t mt_short_join(uint64_t x)
{
    x = x * (10 * 256 + 1) >> 8;
    x = (x & UINT64_C(0x00ff00ff00ff00ff)) * (100 * 65536 + 1) >> 16;
    return (x & UINT64_C(0x0000ffff0000ffff)) * (UINT64_C(10000) << 32 | 1) >>
           32;
}

/* text: the word; characters from number n (1 to 8) on are anything. false: the
 * first n are something else. */
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
    x ^= (x ^ x << 8) & upto & (0 - any); /* those before it move up */
    out->digits = mt_short_join(x);
    return !((x | (x + ones * (128 - 10))) & high) && n > out->minus + any;
}

/* The word of a text from which on 8 bytes can be read. */
static inline uint64_t mt_short_load(const char *text)
{
    uint64_t x;

    memcpy(&x, text, sizeof x);
    return le64toh(x);
}

enum { MT_DECIMAL = 24 }; /* characters */

/* The same of 1 to MT_DECIMAL characters, perhaps with an exponent, where
 * digits are at most 2^53 and places at most 15: both are exact doubles, so
 * that their quotient is the nearest one. 8 bytes after the text can be read.
 */
bool mt_number_decimal(const char *text, size_t n, struct mt_short *out);

#endif
