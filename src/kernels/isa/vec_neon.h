/* vec.h on AArch64's Advanced SIMD: four registers. */
#ifndef MT_KERNELS_ISA_VEC_NEON_H
#define MT_KERNELS_ISA_VEC_NEON_H

#include <arm_neon.h>

typedef struct { float32x4_t q[4]; } vf;
typedef struct { int32x4_t q[4]; } vi;
typedef struct { uint32x4_t q[4]; } vm;

/* One expression in i for each quarter. */
#define QUARTERS(type, expr)                             \
    type r;                                              \
    for (int i = 0; i < 4; i++)                          \
        r.q[i] = (expr);                                 \
    return r

VINLINE vf vf_set1(float x) { QUARTERS(vf, vdupq_n_f32(x)); }
VINLINE vf vf_zero(void) { QUARTERS(vf, vdupq_n_f32(0)); }
VINLINE vf vf_load(const float *p) { QUARTERS(vf, vld1q_f32(p + 4 * i)); }
VINLINE void vf_store(float *p, vf a)
{
    for (int i = 0; i < 4; i++)
        vst1q_f32(p + 4 * i, a.q[i]);
}
VINLINE vf vf_load_halves(const float *p, const float *q)
{
    return (vf){ { vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(q),
                   vld1q_f32(q + 4) } };
}
VINLINE vf vf_load_cut(const float *p, const float *q, size_t n)
{
    static const uint32_t ones[32] = { -1u, -1u, -1u, -1u, -1u, -1u, -1u, -1u,
                                       -1u, -1u, -1u, -1u, -1u, -1u, -1u, -1u };
    const uint32_t *first = ones + 16 - n;

    QUARTERS(vf, vbslq_f32(vld1q_u32(first + 4 * i), vld1q_f32(p + 4 * i),
                           vld1q_f32(q + 4 * i)));
}
VINLINE vf vf_load_n(const float *p, size_t n)
{
    float t[VL] = { 0 };

    memcpy(t, p, n * sizeof *t);
    return vf_load(t);
}
VINLINE void vf_store_n(float *p, vf a, size_t n)
{
    float t[VL];

    vf_store(t, a);
    memcpy(p, t, n * sizeof *t);
}
VINLINE vf vf_add(vf a, vf b) { QUARTERS(vf, vaddq_f32(a.q[i], b.q[i])); }
VINLINE vf vf_sub(vf a, vf b) { QUARTERS(vf, vsubq_f32(a.q[i], b.q[i])); }
VINLINE vf vf_mul(vf a, vf b) { QUARTERS(vf, vmulq_f32(a.q[i], b.q[i])); }
VINLINE vf vf_div(vf a, vf b) { QUARTERS(vf, vdivq_f32(a.q[i], b.q[i])); }
VINLINE vf vf_sqrt(vf a) { QUARTERS(vf, vsqrtq_f32(a.q[i])); }
VINLINE vf vf_fma(vf a, vf b, vf c)
{
    QUARTERS(vf, vfmaq_f32(c.q[i], a.q[i], b.q[i]));
}
VINLINE vf vf_fnma(vf a, vf b, vf c)
{
    QUARTERS(vf, vfmsq_f32(c.q[i], a.q[i], b.q[i]));
}
VINLINE vm vf_lt(vf a, vf b) { QUARTERS(vm, vcltq_f32(a.q[i], b.q[i])); }
VINLINE vm vf_le(vf a, vf b) { QUARTERS(vm, vcleq_f32(a.q[i], b.q[i])); }
VINLINE vm vf_eq(vf a, vf b) { QUARTERS(vm, vceqq_f32(a.q[i], b.q[i])); }
VINLINE vf vf_sel(vm m, vf a, vf b)
{
    QUARTERS(vf, vbslq_f32(m.q[i], a.q[i], b.q[i]));
}
/* Not vmaxq: that gives NaN where x86 gives its second operand. */
VINLINE vf vf_max(vf a, vf b) { return vf_sel(vf_lt(b, a), a, b); }
VINLINE vf vf_min(vf a, vf b) { return vf_sel(vf_lt(a, b), a, b); }
VINLINE vm vm_and(vm a, vm b) { QUARTERS(vm, vandq_u32(a.q[i], b.q[i])); }
VINLINE vm vm_or(vm a, vm b) { QUARTERS(vm, vorrq_u32(a.q[i], b.q[i])); }

VINLINE vi vi_set1(int32_t x) { QUARTERS(vi, vdupq_n_s32(x)); }
VINLINE vi vi_load(const int32_t *p) { QUARTERS(vi, vld1q_s32(p + 4 * i)); }
VINLINE void vi_store(int32_t *p, vi a)
{
    for (int i = 0; i < 4; i++)
        vst1q_s32(p + 4 * i, a.q[i]);
}
VINLINE vi vi_add(vi a, vi b) { QUARTERS(vi, vaddq_s32(a.q[i], b.q[i])); }
VINLINE vi vi_sub(vi a, vi b) { QUARTERS(vi, vsubq_s32(a.q[i], b.q[i])); }
VINLINE vi vi_and(vi a, vi b) { QUARTERS(vi, vandq_s32(a.q[i], b.q[i])); }
VINLINE vi vi_or(vi a, vi b) { QUARTERS(vi, vorrq_s32(a.q[i], b.q[i])); }
VINLINE vi vi_xor(vi a, vi b) { QUARTERS(vi, veorq_s32(a.q[i], b.q[i])); }
VINLINE vi vi_shl(vi a, int n)
{
    QUARTERS(vi, vshlq_s32(a.q[i], vdupq_n_s32(n)));
}
VINLINE vi vi_shr(vi a, int n)
{
    QUARTERS(vi, vreinterpretq_s32_u32(vshlq_u32(
                     vreinterpretq_u32_s32(a.q[i]), vdupq_n_s32(-n))));
}
VINLINE vi vi_sar(vi a, int n)
{
    QUARTERS(vi, vshlq_s32(a.q[i], vdupq_n_s32(-n)));
}
VINLINE vm vi_eq(vi a, vi b) { QUARTERS(vm, vceqq_s32(a.q[i], b.q[i])); }
VINLINE vm vi_lt(vi a, vi b) { QUARTERS(vm, vcltq_s32(a.q[i], b.q[i])); }
VINLINE vi vf_bits(vf a) { QUARTERS(vi, vreinterpretq_s32_f32(a.q[i])); }
VINLINE vf vi_float(vi a) { QUARTERS(vf, vreinterpretq_f32_s32(a.q[i])); }
VINLINE vf vf_flush(vf a)
{
    vi bits = vf_bits(a);
    int32x4_t upper = vdupq_n_s32(FLUSH_BITS);

    QUARTERS(
        vf, vreinterpretq_f32_u32(vandq_u32(vtstq_s32(bits.q[i], upper),
                                            vreinterpretq_u32_s32(bits.q[i]))));
}
VINLINE vi vf_round(vf a) { QUARTERS(vi, vcvtnq_s32_f32(a.q[i])); }
VINLINE vf vf_from(vi a) { QUARTERS(vf, vcvtq_f32_s32(a.q[i])); }

VINLINE void vi_mul_wide(vi a, vi b, vi *hi, vi *lo)
{
    for (int i = 0; i < 4; i++) {
        uint32x4_t x = vreinterpretq_u32_s32(a.q[i]);
        uint32x4_t y = vreinterpretq_u32_s32(b.q[i]);
        uint32x4_t low = vreinterpretq_u32_u64(
            vmull_u32(vget_low_u32(x), vget_low_u32(y)));
        uint32x4_t high = vreinterpretq_u32_u64(vmull_high_u32(x, y));

        lo->q[i] = vreinterpretq_s32_u32(vuzp1q_u32(low, high));
        hi->q[i] = vreinterpretq_s32_u32(vuzp2q_u32(low, high));
    }
}

VINLINE void vf_unzip(vf a, vf b, vf *even, vf *odd)
{
    for (int i = 0; i < 2; i++) {
        even->q[i] = vuzp1q_f32(a.q[2 * i], a.q[2 * i + 1]);
        even->q[i + 2] = vuzp1q_f32(b.q[2 * i], b.q[2 * i + 1]);
        odd->q[i] = vuzp2q_f32(a.q[2 * i], a.q[2 * i + 1]);
        odd->q[i + 2] = vuzp2q_f32(b.q[2 * i], b.q[2 * i + 1]);
    }
}

VINLINE void vf_zip(vf even, vf odd, vf *a, vf *b)
{
    for (int i = 0; i < 2; i++) {
        a->q[2 * i] = vzip1q_f32(even.q[i], odd.q[i]);
        a->q[2 * i + 1] = vzip2q_f32(even.q[i], odd.q[i]);
        b->q[2 * i] = vzip1q_f32(even.q[i + 2], odd.q[i + 2]);
        b->q[2 * i + 1] = vzip2q_f32(even.q[i + 2], odd.q[i + 2]);
    }
}

VINLINE void transpose4(float32x4_t r[4])
{
    float32x4x2_t a = vtrnq_f32(r[0], r[1]), b = vtrnq_f32(r[2], r[3]);

    r[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    r[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    r[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    r[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

VINLINE void vf_transpose(vf r[16])
{
    vf t[16];

    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            float32x4_t q[4] = { r[4 * i].q[j], r[4 * i + 1].q[j],
                                 r[4 * i + 2].q[j], r[4 * i + 3].q[j] };

            transpose4(q);
            for (int k = 0; k < 4; k++)
                t[4 * j + k].q[i] = q[k];
        }
    }
    memcpy(r, t, sizeof t);
}

#endif
