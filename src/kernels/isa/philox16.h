/* Random numbers on vectors: Philox4x32-10, 16 blocks at a time. */
#ifndef MT_KERNELS_ISA_PHILOX16_H
#define MT_KERNELS_ISA_PHILOX16_H

#include "base/philox.h"
#include "kernels/isa/vec.h"

/* The blocks with index base + lane (base a multiple of 16), see philox.h;
 * w[k] is word k of each lane's block. */
VINLINE void philox16(struct mt_philox_key key, uint32_t step, uint64_t base,
                      vi w[4])
{
    vi c0 = vi_add(vi_set1((int32_t)(uint32_t)base), vi_lanes());
    vi c1 = vi_set1((int32_t)(uint32_t)(base >> 32));
    vi c2 = vi_set1((int32_t)step), c3 = vi_set1((int32_t)key.c3);
    vi m0 = vi_set1((int32_t)0xD2511F53u), m1 = vi_set1((int32_t)0xCD9E8D57u);
    uint32_t k0 = key.k0, k1 = key.k1;

    for (int round = 0; round < 10; round++) {
        vi hi0, lo0, hi1, lo1;

        vi_mul_wide(c0, m0, &hi0, &lo0);
        vi_mul_wide(c2, m1, &hi1, &lo1);
        c0 = vi_xor(vi_xor(hi1, c1), vi_set1((int32_t)k0));
        c1 = lo1;
        c2 = vi_xor(vi_xor(hi0, c3), vi_set1((int32_t)k1));
        c3 = lo0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    w[0] = c0;
    w[1] = c1;
    w[2] = c2;
    w[3] = c3;
}

#endif
