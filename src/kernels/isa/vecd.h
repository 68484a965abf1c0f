/*
 * Doubles, for the few kernels that compute in them: a register of VD lanes,
 * so that a kernel goes through the 16 lanes of vec.h in VL / VD parts. Each
 * lane is a number of its own and all arithmetic is IEEE's, so that VD changes
 * no bit.
 *
 * These are the vector types of GCC and Clang: + - * / & | are lane by lane,
 * with scalars too, and casts between vd and vu keep the bits.
 */
#ifndef MT_KERNELS_ISA_VECD_H
#define MT_KERNELS_ISA_VECD_H

#include "kernels/isa/vec.h"

#if defined MT_ISA_avx512
enum { VD = 8 };
#elif defined MT_ISA_avx2
enum { VD = 4 };
#else
enum { VD = 2 };
#endif

typedef double vd __attribute__((vector_size(8 * VD)));
typedef uint64_t vu __attribute__((vector_size(8 * VD)));

VINLINE vd vd_set1(double x)
{
    return x - (vd){ 0 };
}

/* Masks: all bits of a lane, or none. */
VINLINE vu vd_lt(vd a, vd b)
{
    return (vu)(a < b);
}
VINLINE vd vd_sel(vu m, vd a, vd b)
{
    return (vd)((m & (vu)a) | (~m & (vu)b));
}

/* VD numbers of 32 bits. */
VINLINE vu vu_load32(const uint32_t *p)
{
    typedef uint32_t half __attribute__((vector_size(4 * VD)));
    half x;

    memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, vu);
}

/* Whole numbers below 2^52, exactly: as the last bits of 2^52 + x. */
VINLINE vd vd_from(vu x)
{
    return (vd)(x | UINT64_C(0x4330000000000000)) - 0x1p52;
}

/* Rounded to float. */
VINLINE void vd_store_float(float *p, vd v)
{
    typedef float half __attribute__((vector_size(4 * VD)));
    half x = __builtin_convertvector(v, half);

    memcpy(p, &x, sizeof x);
}

/* exact by IEEE */
VINLINE vd vd_sqrt(vd v)
{
#if defined MT_ISA_avx512
    return _mm512_sqrt_pd(v);
#elif defined MT_ISA_avx2
    return _mm256_sqrt_pd(v);
#elif defined MT_ISA_neon
    return vsqrtq_f64(v);
#else
    for (int i = 0; i < VD; i++)
        v[i] = __builtin_sqrt(v[i]);
    return v;
#endif
}

#endif
