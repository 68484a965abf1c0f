/*
 * The one vector type of every kernel: 16 floats (vf), 16 int32 (vi) and a
 * mask of 16 lanes (vm), whatever the CPU: one AVX-512 register, two of AVX2,
 * four of NEON, or plain C. A kernel is written once on the primitives below
 * and compiled once per instruction set (MT_ISA); since each primitive is
 * exact IEEE arithmetic lane by lane, all of them give the same bits.
 *
 *   load, store      vf_load(p) vf_store(p, v); with a count n < 16:
 *                    vf_load_n(p, n) gives zeros past n, vf_store_n(p, v, n);
 *                    vf_load_halves(p, q): 8 from each;
 *                    vf_load_cut(p, q, n): lanes below n from p, others from
 *                    the same lanes of q; both are read whole
 *   arithmetic       vf_add vf_sub vf_mul vf_div vf_sqrt
 *                    vf_fma(a, b, c) = a b + c, vf_fnma(a, b, c) = c - a b,
 *                    rounded once
 *   min, max         vf_max(a, b) is a > b ? a : b, vf_min likewise, so that
 *                    the second argument wins where one is NaN
 *   masks            vf_lt vf_le vf_eq vi_eq vi_lt -> vm; vf_sel(m, a, b) is
 *                    m ? a : b; vm_and vm_or
 *   flushing         vf_flush(a): +0 where |a| < 2^-63, else a; those are the
 *                    numbers whose exponent has none of FLUSH_BITS
 *   bits             vf_bits (vf -> vi) and vi_float (vi -> vf) reinterpret
 *   conversion       vf_round (to the nearest even int32, for |x| < 2^31) and
 *                    vf_from (int32 to float, rounded)
 *   integers         vi_add vi_sub vi_and vi_or vi_xor, shifts by a constant:
 *                    vi_shl vi_shr (logical) vi_sar (arithmetic);
 *                    vi_mul_wide(a, b, &hi, &lo) is unsigned 32 x 32 -> 64
 *   across lanes     vf_sum: the fixed tree over distances 8, 4, 2, 1
 *                    vf_hmax: the maximum; vf_transpose: 16 x 16;
 *                    vf_turn(y, y_row, x, x_row, n): the same in memory, the
 *                    rows of x from n <= 16 on taken as zeros; if n <= 8,
 *                    y_row may be less than 16: each row of y overwrites what
 *                    the one before has written past its n values
 */
#ifndef MT_KERNELS_ISA_VEC_H
#define MT_KERNELS_ISA_VEC_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/flush.h"

#if defined __FAST_MATH__ || FLT_EVAL_METHOD != 0
#error "kernels need exact IEEE arithmetic: no -ffast-math, -Ofast or x87"
#endif

/* MT_FN(name) is name_avx512, name_avx2, ...: one symbol per compilation. */
#define MT_PASTE_(a, b) a##_##b
#define MT_PASTE(a, b)  MT_PASTE_(a, b)
#define MT_FN(name)     MT_PASTE(name, MT_ISA)

/* In plain C a vector is an array: everything inlined into everything would
 * take compilers minutes. */
#if defined MT_ISA_generic
#define VINLINE static inline __attribute__((unused))
#else
#define VINLINE static inline __attribute__((always_inline, unused))
#endif

enum {
    VL = 16, /* lanes */
    FLUSH_BITS = 0x60000000, /* the upper two of the exponent */
};

#if defined MT_ISA_avx512
#include "kernels/isa/vec_avx512.h"
#elif defined MT_ISA_avx2
#include "kernels/isa/vec_avx2.h"
#elif defined MT_ISA_neon
#include "kernels/isa/vec_neon.h"
#else
#include "kernels/isa/vec_generic.h"
#endif

/* What follows is the same for all. */

VINLINE vf vf_neg(vf a)
{
    return vi_float(vi_xor(vf_bits(a), vi_set1(INT32_MIN)));
}

VINLINE vf vf_abs(vf a)
{
    return vi_float(vi_and(vf_bits(a), vi_set1(INT32_MAX)));
}

/* x to the nearest multiple of a unit: one of MT_UNIT_... */
VINLINE vf vf_unit(vf x, vf unit)
{
    return vf_sub(vf_add(x, unit), unit);
}

#ifndef MT_ISA_avx2 /* has its own, which needs fewer registers */
VINLINE void vf_turn(float *y, size_t y_row, const float *x, size_t x_row,
                     size_t n)
{
    vf r[VL];

#pragma GCC unroll 16
    for (size_t j = 0; j < VL; j++)
        r[j] = j < n ? vf_load(x + j * x_row) : vf_zero();
    vf_transpose(r);
#pragma GCC unroll 16
    for (size_t i = 0; i < VL; i++)
        vf_store(y + i * y_row, r[i]);
}
#endif

/* 0, 1, ... 15 */
VINLINE vi vi_lanes(void)
{
    static const int32_t lanes[VL] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                       8, 9, 10, 11, 12, 13, 14, 15 };

    return vi_load(lanes);
}

/* The first n lanes of a, and the others of b. */
VINLINE vf vf_join(size_t n, vf a, vf b)
{
    return vf_sel(vi_lt(vi_lanes(), vi_set1((int32_t)n)), a, b);
}

/* |magnitude| with the sign of sign */
VINLINE vf vf_copysign(vf magnitude, vf sign)
{
    vi top = vi_set1(INT32_MIN);

    return vi_float(vi_or(vf_bits(vf_abs(magnitude)),
                          vi_and(vf_bits(sign), top)));
}

/* The sum of the tree over distances 4, 2, 1 that ends every vf_sum. */
VINLINE float sum8(const float *s)
{
    float s0 = s[0] + s[4], s1 = s[1] + s[5];
    float s2 = s[2] + s[6], s3 = s[3] + s[7];

    return (s0 + s2) + (s1 + s3);
}

VINLINE float vf_sum(vf a)
{
    float s[VL], t[8];

    vf_store(s, a);
    for (int i = 0; i < 8; i++)
        t[i] = s[i] + s[i + 8];
    return sum8(t);
}

VINLINE float vf_hmax(vf a)
{
    float s[VL], m;

    vf_store(s, a);
    m = s[0];
    for (int i = 1; i < VL; i++)
        m = s[i] > m ? s[i] : m;
    return m;
}

VINLINE float scalar_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}

#endif
