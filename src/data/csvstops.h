/*
 * Where plain fields end, for 64 bytes at a time. Searching for the end of each
 * field from the end of the one before makes each search wait for the last;
 * this finds all ends in a block at once.
 */
#ifndef MT_DATA_CSVSTOPS_H
#define MT_DATA_CSVSTOPS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#if defined __SSE2__
#include <emmintrin.h>
#endif

/* Which of 64 bytes are the delimiter or a control character: bit i is for byte
 * i. Eight at a time; exact, as no carry goes from byte to byte. */
static inline uint64_t mt_csv_stops_words(const char *at, char delimiter)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = ones * 127;
    const uint64_t gather = UINT64_C(0x0102040810204080);
    uint64_t stops = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t x, d, others;

        memcpy(&x, at + 8 * i, sizeof x);
        x = le64toh(x);
        d = x ^ ones * (unsigned char)delimiter;
        others = (((d & low) + low) | d) & (x | x << 1 | x << 2);
        stops |= ((~others >> 7 & ones) * gather >> 56) << 8 * i;
    }
    return stops;
}

/* The same, with SSE2 where there is. */
static inline uint64_t mt_csv_stops(const char *at, char delimiter)
{
#if defined __SSE2__
    const __m128i delimiters = _mm_set1_epi8(delimiter);
    const __m128i controls = _mm_set1_epi8(' ' - 1);
    uint64_t stops = 0;

    for (unsigned i = 0; i < 64; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        __m128i is = _mm_or_si128(_mm_cmpeq_epi8(x, delimiters),
                                  _mm_cmpeq_epi8(_mm_min_epu8(x, controls), x));

        stops |= (uint64_t)(uint32_t)_mm_movemask_epi8(is) << i;
    }
    return stops;
#else
    return mt_csv_stops_words(at, delimiter);
#endif
}

#endif
