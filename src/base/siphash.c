#include "base/siphash.h"

#include "base/endian.h"

static uint64_t turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[1] = turn(v[1], 13) ^ v[0];
        v[0] = turn(v[0], 32);
        v[2] += v[3];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = turn(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = turn(v[1], 17) ^ v[2];
        v[2] = turn(v[2], 32);
    }
}

static void take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

uint64_t mt_siphash(const unsigned char key[16], const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t k0 = get_u64(key), k1 = get_u64(key + 8);
    uint64_t last = (uint64_t)n << 56;
    uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
                      k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };

    for (size_t i = 0; i < n / 8; i++, p += 8)
        take(v, get_u64(p));
    for (size_t i = 0; i < n % 8; i++)
        last |= (uint64_t)p[i] << 8 * i;
    take(v, last);
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
