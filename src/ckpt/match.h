/*
 * Finds repeated bytes for deflate: turns bytes into tokens, each of which is a
 * byte, or "the `length` bytes from `distance` bytes back". The tokens depend
 * only on the bytes.
 *
 *     struct mt_matcher *m = ...;
 *     mt_matcher_start(m, in, n, MT_MATCH_TEXT);
 *     while (m->at < n) {
 *         size_t tokens = mt_matcher_next(m, token, max);
 *         ... tokens of the bytes up to m->at
 *     }
 */
#ifndef MT_CKPT_MATCH_H
#define MT_CKPT_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MT_MATCH_LEAST = 3, /* bytes of a match */
    MT_MATCH_MOST = 258,
    MT_MATCH_WINDOW = 32768, /* the largest distance */
};

enum mt_match_way {
    MT_MATCH_RUNS, /* only repeats of one byte: distance 1 */
    MT_MATCH_TEXT, /* any that a bounded search finds */
};

/* length << 16 | distance, or the byte itself. */
typedef uint32_t mt_token;

static inline size_t mt_token_length(mt_token t)
{
    return t >> 16; /* 0: a byte */
}

static inline size_t mt_token_distance(mt_token t)
{
    return t & 0xffff;
}

struct mt_matcher {
    const unsigned char *in;
    size_t n, at; /* bytes: all, and those that have tokens */
    enum mt_match_way way;
    bool looked_ahead;
    mt_token ahead; /* the longest match at `at`, if looked_ahead */

    /* chains of places whose first bytes have the same hash, newest first;
     * places count from 1, and 0 ends a chain */
    uint32_t head[MT_MATCH_WINDOW], before[MT_MATCH_WINDOW];
};

/* n < 2^32; `in` must stay valid. */
void mt_matcher_start(struct mt_matcher *m, const unsigned char *in, size_t n,
                      enum mt_match_way way);

/* The next tokens, at most max, at least one if bytes are left. */
size_t mt_matcher_next(struct mt_matcher *m, mt_token *token, size_t max);

#endif
