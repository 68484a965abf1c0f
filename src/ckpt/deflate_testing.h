/*
 * For tests only: inputs for deflate, and zlib to check the output.
 */
#ifndef MT_CKPT_DEFLATE_TESTING_H
#define MT_CKPT_DEFLATE_TESTING_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/philox.h"
#include "ckpt/deflate.h"

typedef void deflate_fill(unsigned char *out, size_t n);

static inline uint32_t deflate_random(size_t i)
{
    return mt_philox_word(mt_philox_key(3, "test", "deflate"), 0, i);
}

static inline void deflate_fill_zeros(unsigned char *out, size_t n)
{
    memset(out, 0, n);
}

static inline void deflate_fill_noise(unsigned char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)deflate_random(i);
}

/* Like exponents: each byte half as frequent as the next, down to very rare
 * ones. */
static inline void deflate_fill_uneven(unsigned char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] =
            (unsigned char)(126 - __builtin_ctz(deflate_random(i) | 1u << 24));
}

/* Runs of all lengths. */
static inline void deflate_fill_runs(unsigned char *out, size_t n)
{
    for (size_t i = 0, k = 0; i < n; k++) {
        size_t run = deflate_random(k) % 600, room = n - i;

        run = run < room ? run : room;
        memset(out + i, (int)(k % 3), run);
        i += run;
    }
}

/* Words, many of which occurred before, at distances of all sizes. */
static inline void deflate_fill_text(unsigned char *out, size_t n)
{
    for (size_t i = 0, k = 0; i < n; k++) {
        size_t word = 1 + deflate_random(2 * k) % 40;
        size_t back = 1 + deflate_random(2 * k + 1) % 40000;

        if (back <= i && k % 3)
            for (; word && i < n; word--, i++)
                out[i] = out[i - back];
        else
            for (; word && i < n; word--, i++)
                out[i] = (unsigned char)('a' + deflate_random(i) % 26);
    }
}

static deflate_fill *const deflate_fills[] = {
    deflate_fill_zeros, deflate_fill_noise, deflate_fill_uneven,
    deflate_fill_runs,  deflate_fill_text,
};

enum { DEFLATE_FILLS = sizeof deflate_fills / sizeof *deflate_fills };

/* The size to which zlib packs the same input. */
static inline size_t deflate_zlib(int level, int strategy,
                                  const unsigned char *in, size_t n,
                                  unsigned char *out, size_t room)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in,
                   .avail_in = (uInt)n,
                   .next_out = out,
                   .avail_out = (uInt)room };

    ck_assert_int_eq(deflateInit2(&z, level, Z_DEFLATED, -15, 8, strategy),
                     Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

/* Does zlib inflate exactly `size` bytes to exactly n? */
static inline bool deflate_reads(const unsigned char *in, size_t size,
                                 unsigned char *out, size_t n)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in,
                   .avail_in = (uInt)size,
                   .next_out = out,
                   .avail_out = (uInt)n };

    ck_assert_int_eq(inflateInit2(&z, -15), Z_OK);
    int result = inflate(&z, Z_FINISH);

    inflateEnd(&z);
    return result == Z_STREAM_END && !z.avail_in && !z.avail_out;
}

#endif
