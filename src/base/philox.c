#include "base/philox.h"

#include <stddef.h>

/* FNV-1a, 64 bits: only to turn names into numbers. */
static uint64_t hash_name(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The finalizer of MurmurHash3: every input bit reaches every output bit. */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

struct mt_philox_key mt_philox_key(uint64_t seed, const char *purpose,
                                   const char *name)
{
    const uint64_t basis = UINT64_C(0xcbf29ce484222325);
    uint64_t p = mix(hash_name(basis, purpose) ^ mix(seed));
    uint64_t n = mix(hash_name(basis, name) + seed);

    return (struct mt_philox_key){ (uint32_t)p, (uint32_t)(p >> 32),
                                   (uint32_t)(n ^ (n >> 32)) };
}

void mt_philox_block(struct mt_philox_key key, uint32_t step, uint64_t index,
                     uint32_t out[4])
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32);
    uint32_t c2 = step, c3 = key.c3, k0 = key.k0, k1 = key.k1;

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c0 * 0xD2511F53u;
        uint64_t p1 = (uint64_t)c2 * 0xCD9E8D57u;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t mt_philox_word(struct mt_philox_key key, uint32_t step, uint64_t i)
{
    uint32_t block[4];

    mt_philox_block(key, step, i / 4, block);
    return block[i % 4];
}

double mt_philox_uniform(struct mt_philox_key key, uint32_t step, uint64_t i)
{
    uint32_t block[4];

    mt_philox_block(key, step, i / 2, block);

    uint64_t high = block[i % 2 * 2], low = block[i % 2 * 2 + 1];
    uint64_t bits = (high << 32 | low) >> 12; /* 52 bits */

    return ((double)bits + 0.5) * 0x1p-52;
}

/* Random places in a long array are not in the cache, so they are prefetched
 * AHEAD swaps early. */
enum { AHEAD = 64 };

void mt_philox_shuffle(struct mt_philox_key key, uint32_t step, uint32_t n,
                       uint32_t *values)
{
    uint64_t next = 0;
    uint32_t block[4], picks[AHEAD];

    for (uint32_t left = n, k; left > 1; left -= k) {
        k = left - 1 < AHEAD ? left - 1 : AHEAD;
        for (uint32_t i = 0; i < k; i++) {
            uint32_t bound = left - i, low;
            uint64_t product;

            do { /* until low is at least 2^32 mod bound */
                if (next % 4 == 0)
                    mt_philox_block(key, step, next / 4, block);
                product = (uint64_t)block[next++ % 4] * bound;
                low = (uint32_t)product;
            } while (low < bound && low < -bound % bound);
            picks[i] = (uint32_t)(product >> 32);
            __builtin_prefetch(&values[picks[i]], 1);
        }
        for (uint32_t i = 0; i < k; i++) {
            uint32_t pick = picks[i], last = left - i - 1;
            uint32_t was = values[pick];

            values[pick] = values[last];
            values[last] = was;
        }
    }
}

void mt_philox_permutation(struct mt_philox_key key, uint32_t step, uint32_t n,
                           uint32_t *order)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    mt_philox_shuffle(key, step, n, order);
}
