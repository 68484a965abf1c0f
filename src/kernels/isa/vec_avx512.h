/* vec.h on AVX-512 (F, DQ, BW, VL): one register. */
#ifndef MT_KERNELS_ISA_VEC_AVX512_H
#define MT_KERNELS_ISA_VEC_AVX512_H

#include <immintrin.h>

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

VINLINE vm vm_first(size_t n)
{
    return (vm)((1u << n) - 1);
}

VINLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
VINLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
VINLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
VINLINE void vf_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
VINLINE vf vf_load_halves(const float *p, const float *q)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)),
                              _mm256_loadu_ps(q), 1);
}
VINLINE vf vf_load_cut(const float *p, const float *q, size_t n)
{
    return _mm512_mask_loadu_ps(_mm512_loadu_ps(q), vm_first(n), p);
}
VINLINE vf vf_load_n(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(vm_first(n), p);
}
VINLINE void vf_store_n(float *p, vf a, size_t n)
{
    _mm512_mask_storeu_ps(p, vm_first(n), a);
}
VINLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VINLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VINLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VINLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VINLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VINLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VINLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
VINLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
VINLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
VINLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VINLINE vm vf_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
VINLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VINLINE vf vf_sel(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
VINLINE vm vm_and(vm a, vm b) { return (vm)(a & b); }
VINLINE vm vm_or(vm a, vm b) { return (vm)(a | b); }

VINLINE vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
VINLINE vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
VINLINE void vi_store(int32_t *p, vi a) { _mm512_storeu_si512(p, a); }
VINLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
VINLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
VINLINE vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
VINLINE vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
VINLINE vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
#define vi_shl(a, n) _mm512_slli_epi32((a), (n))
#define vi_shr(a, n) _mm512_srli_epi32((a), (n))
#define vi_sar(a, n) _mm512_srai_epi32((a), (n))
VINLINE vm vi_eq(vi a, vi b) { return _mm512_cmpeq_epi32_mask(a, b); }
VINLINE vm vi_lt(vi a, vi b) { return _mm512_cmplt_epi32_mask(a, b); }
VINLINE vi vf_bits(vf a) { return _mm512_castps_si512(a); }
VINLINE vf vi_float(vi a) { return _mm512_castsi512_ps(a); }
VINLINE vf vf_flush(vf a)
{
    vm kept = _mm512_test_epi32_mask(vf_bits(a), vi_set1(FLUSH_BITS));

    return _mm512_maskz_mov_ps(kept, a);
}
VINLINE vi vf_round(vf a) { return _mm512_cvtps_epi32(a); }
VINLINE vf vf_from(vi a) { return _mm512_cvtepi32_ps(a); }

VINLINE void vi_mul_wide(vi a, vi b, vi *hi, vi *lo)
{
    vi even = _mm512_mul_epu32(a, b);
    vi odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32),
                              _mm512_srli_epi64(b, 32));
    const __mmask16 odds = 0xaaaa;

    *lo = _mm512_mask_blend_epi32(odds, even, _mm512_slli_epi64(odd, 32));
    *hi = _mm512_mask_blend_epi32(odds, _mm512_srli_epi64(even, 32), odd);
}

VINLINE void vf_unzip(vf a, vf b, vf *even, vf *odd)
{
    vi i = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                             28, 30);

    *even = _mm512_permutex2var_ps(a, i, b);
    *odd = _mm512_permutex2var_ps(a, vi_add(i, vi_set1(1)), b);
}

VINLINE void vf_zip(vf even, vf odd, vf *a, vf *b)
{
    vi i = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7,
                             23);

    *a = _mm512_permutex2var_ps(even, i, odd);
    *b = _mm512_permutex2var_ps(even, vi_add(i, vi_set1(8)), odd);
}

VINLINE void vf_transpose(vf r[16])
{
    vf t[16];

#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        vf a = _mm512_unpacklo_ps(r[i], r[i + 1]);
        vf b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        vf c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]);
        vf d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);

        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        vf a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
        vf b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        vf c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        vf d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);

        r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#endif
