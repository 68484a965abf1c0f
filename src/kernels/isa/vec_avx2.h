/* vec.h on AVX2 and FMA: two registers. */
#ifndef MT_KERNELS_ISA_VEC_AVX2_H
#define MT_KERNELS_ISA_VEC_AVX2_H

#include <immintrin.h>

typedef struct { __m256 a, b; } vf;
typedef struct { __m256i a, b; } vi;
typedef struct { __m256 a, b; } vm;

/* Each half of an operation, once. */
#define VF2(op, x, y) ((vf){ op((x).a, (y).a), op((x).b, (y).b) })
#define VI2(op, x, y) ((vi){ op((x).a, (y).a), op((x).b, (y).b) })

VINLINE __m256i half_mask(size_t n)
{
    static const int32_t ones[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

    return _mm256_loadu_si256((const __m256i *)(ones + 8 - n));
}
VINLINE size_t low_half(size_t n) { return n < 8 ? n : 8; }
VINLINE size_t high_half(size_t n) { return n < 8 ? 0 : n - 8; }

VINLINE vf vf_set1(float x)
{
    return (vf){ _mm256_set1_ps(x), _mm256_set1_ps(x) };
}
VINLINE vf vf_zero(void)
{
    return (vf){ _mm256_setzero_ps(), _mm256_setzero_ps() };
}
VINLINE vf vf_load(const float *p)
{
    return (vf){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) };
}
VINLINE void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}
VINLINE vf vf_load_halves(const float *p, const float *q)
{
    return (vf){ _mm256_loadu_ps(p), _mm256_loadu_ps(q) };
}
VINLINE vf vf_load_cut(const float *p, const float *q, size_t n)
{
    __m256 first = _mm256_castsi256_ps(half_mask(n % 8));

    if (n < 8)
        return (vf){ _mm256_blendv_ps(_mm256_loadu_ps(q), _mm256_loadu_ps(p),
                                      first),
                     _mm256_loadu_ps(q + 8) };
    return (vf){ _mm256_loadu_ps(p),
                 _mm256_blendv_ps(_mm256_loadu_ps(q + 8),
                                  _mm256_loadu_ps(p + 8), first) };
}
VINLINE vf vf_load_n(const float *p, size_t n)
{
    return (vf){ _mm256_maskload_ps(p, half_mask(low_half(n))),
                 n > 8 ? _mm256_maskload_ps(p + 8, half_mask(high_half(n)))
                       : _mm256_setzero_ps() };
}
VINLINE void vf_store_n(float *p, vf v, size_t n)
{
    _mm256_maskstore_ps(p, half_mask(low_half(n)), v.a);
    if (n > 8)
        _mm256_maskstore_ps(p + 8, half_mask(high_half(n)), v.b);
}
VINLINE vf vf_add(vf x, vf y) { return VF2(_mm256_add_ps, x, y); }
VINLINE vf vf_sub(vf x, vf y) { return VF2(_mm256_sub_ps, x, y); }
VINLINE vf vf_mul(vf x, vf y) { return VF2(_mm256_mul_ps, x, y); }
VINLINE vf vf_div(vf x, vf y) { return VF2(_mm256_div_ps, x, y); }
VINLINE vf vf_sqrt(vf x)
{
    return (vf){ _mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b) };
}
VINLINE vf vf_fma(vf x, vf y, vf z)
{
    return (vf){ _mm256_fmadd_ps(x.a, y.a, z.a),
                 _mm256_fmadd_ps(x.b, y.b, z.b) };
}
VINLINE vf vf_fnma(vf x, vf y, vf z)
{
    return (vf){ _mm256_fnmadd_ps(x.a, y.a, z.a),
                 _mm256_fnmadd_ps(x.b, y.b, z.b) };
}
VINLINE vf vf_max(vf x, vf y) { return VF2(_mm256_max_ps, x, y); }
VINLINE vf vf_min(vf x, vf y) { return VF2(_mm256_min_ps, x, y); }
VINLINE vm vf_lt(vf x, vf y)
{
    return (vm){ _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ),
                 _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ) };
}
VINLINE vm vf_le(vf x, vf y)
{
    return (vm){ _mm256_cmp_ps(x.a, y.a, _CMP_LE_OQ),
                 _mm256_cmp_ps(x.b, y.b, _CMP_LE_OQ) };
}
VINLINE vm vf_eq(vf x, vf y)
{
    return (vm){ _mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ),
                 _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ) };
}
VINLINE vf vf_sel(vm m, vf x, vf y)
{
    return (vf){ _mm256_blendv_ps(y.a, x.a, m.a),
                 _mm256_blendv_ps(y.b, x.b, m.b) };
}
VINLINE vm vm_and(vm x, vm y)
{
    return (vm){ _mm256_and_ps(x.a, y.a), _mm256_and_ps(x.b, y.b) };
}
VINLINE vm vm_or(vm x, vm y)
{
    return (vm){ _mm256_or_ps(x.a, y.a), _mm256_or_ps(x.b, y.b) };
}

VINLINE vi vi_set1(int32_t x)
{
    return (vi){ _mm256_set1_epi32(x), _mm256_set1_epi32(x) };
}
VINLINE vi vi_load(const int32_t *p)
{
    return (vi){ _mm256_loadu_si256((const __m256i *)p),
                 _mm256_loadu_si256((const __m256i *)(p + 8)) };
}
VINLINE void vi_store(int32_t *p, vi v)
{
    _mm256_storeu_si256((__m256i *)p, v.a);
    _mm256_storeu_si256((__m256i *)(p + 8), v.b);
}
VINLINE vi vi_add(vi x, vi y) { return VI2(_mm256_add_epi32, x, y); }
VINLINE vi vi_sub(vi x, vi y) { return VI2(_mm256_sub_epi32, x, y); }
VINLINE vi vi_and(vi x, vi y) { return VI2(_mm256_and_si256, x, y); }
VINLINE vi vi_or(vi x, vi y) { return VI2(_mm256_or_si256, x, y); }
VINLINE vi vi_xor(vi x, vi y) { return VI2(_mm256_xor_si256, x, y); }
#define vi_shl(x, n) \
    ((vi){ _mm256_slli_epi32((x).a, (n)), _mm256_slli_epi32((x).b, (n)) })
#define vi_shr(x, n) \
    ((vi){ _mm256_srli_epi32((x).a, (n)), _mm256_srli_epi32((x).b, (n)) })
#define vi_sar(x, n) \
    ((vi){ _mm256_srai_epi32((x).a, (n)), _mm256_srai_epi32((x).b, (n)) })
VINLINE vm vi_eq(vi x, vi y)
{
    return (vm){ _mm256_castsi256_ps(_mm256_cmpeq_epi32(x.a, y.a)),
                 _mm256_castsi256_ps(_mm256_cmpeq_epi32(x.b, y.b)) };
}
VINLINE vm vi_lt(vi x, vi y)
{
    return (vm){ _mm256_castsi256_ps(_mm256_cmpgt_epi32(y.a, x.a)),
                 _mm256_castsi256_ps(_mm256_cmpgt_epi32(y.b, x.b)) };
}
VINLINE vi vf_bits(vf x)
{
    return (vi){ _mm256_castps_si256(x.a), _mm256_castps_si256(x.b) };
}
VINLINE vf vi_float(vi x)
{
    return (vf){ _mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b) };
}
VINLINE vf vf_flush(vf x)
{
    vi upper = vi_and(vf_bits(x), vi_set1(FLUSH_BITS));
    vm dropped = vi_eq(upper, vi_set1(0));

    return VF2(_mm256_andnot_ps, dropped, x);
}
VINLINE vi vf_round(vf x)
{
    return (vi){ _mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b) };
}
VINLINE vf vf_from(vi x)
{
    return (vf){ _mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b) };
}

VINLINE void half_mul_wide(__m256i x, __m256i y, __m256i *hi, __m256i *lo)
{
    __m256i even = _mm256_mul_epu32(x, y);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32),
                                   _mm256_srli_epi64(y, 32));

    *lo = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    *hi = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}
VINLINE void vi_mul_wide(vi x, vi y, vi *hi, vi *lo)
{
    half_mul_wide(x.a, y.a, &hi->a, &lo->a);
    half_mul_wide(x.b, y.b, &hi->b, &lo->b);
}

VINLINE __m256 half_order(__m256 x)
{
    return _mm256_castpd_ps(
        _mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}
VINLINE void vf_unzip(vf x, vf y, vf *even, vf *odd)
{
    *even = (vf){ half_order(_mm256_shuffle_ps(x.a, x.b, 0x88)),
                  half_order(_mm256_shuffle_ps(y.a, y.b, 0x88)) };
    *odd = (vf){ half_order(_mm256_shuffle_ps(x.a, x.b, 0xdd)),
                 half_order(_mm256_shuffle_ps(y.a, y.b, 0xdd)) };
}
VINLINE vf half_zip(__m256 even, __m256 odd)
{
    __m256 low = _mm256_unpacklo_ps(even, odd);
    __m256 high = _mm256_unpackhi_ps(even, odd);

    return (vf){ _mm256_permute2f128_ps(low, high, 0x20),
                 _mm256_permute2f128_ps(low, high, 0x31) };
}
VINLINE void vf_zip(vf even, vf odd, vf *x, vf *y)
{
    *x = half_zip(even.a, odd.a);
    *y = half_zip(even.b, odd.b);
}

VINLINE void transpose8(__m256 r[8])
{
    __m256 t[8];

    for (int i = 0; i < 8; i += 4) {
        __m256 a = _mm256_unpacklo_ps(r[i], r[i + 1]);
        __m256 b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
        __m256 d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);

        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

VINLINE void vf_transpose(vf r[16])
{
    __m256 q[4][8];

    for (int i = 0; i < 8; i++) {
        q[0][i] = r[i].a;
        q[1][i] = r[i].b;
        q[2][i] = r[i + 8].a;
        q[3][i] = r[i + 8].b;
    }
    for (int i = 0; i < 4; i++)
        transpose8(q[i]);
    for (int i = 0; i < 8; i++) {
        r[i] = (vf){ q[0][i], q[2][i] };
        r[i + 8] = (vf){ q[1][i], q[3][i] };
    }
}

/* Four values of row i and, in the upper half, of row i + 4. */
VINLINE __m256 two_rows(const float *x, size_t row, size_t i, size_t n)
{
    __m128 low = i < n ? _mm_loadu_ps(x + i * row) : _mm_setzero_ps();
    __m128 high =
        i + 4 < n ? _mm_loadu_ps(x + (i + 4) * row) : _mm_setzero_ps();

    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

/* Eight rows and four columns at a time. */
VINLINE void vf_turn(float *y, size_t y_row, const float *x, size_t x_row,
                     size_t n)
{
    size_t rows = y_row < 16 ? 8 : 16;

    for (size_t j = 0; j < rows; j += 8) {
#pragma GCC unroll 4
        for (size_t i = 0; i < 16; i += 4) {
            __m256 r0 = two_rows(x + i, x_row, j, n);
            __m256 r1 = two_rows(x + i, x_row, j + 1, n);
            __m256 r2 = two_rows(x + i, x_row, j + 2, n);
            __m256 r3 = two_rows(x + i, x_row, j + 3, n);
            __m256 a = _mm256_unpacklo_ps(r0, r1);
            __m256 b = _mm256_unpackhi_ps(r0, r1);
            __m256 c = _mm256_unpacklo_ps(r2, r3);
            __m256 d = _mm256_unpackhi_ps(r2, r3);
            float *out = y + i * y_row + j;

            _mm256_storeu_ps(out, _mm256_shuffle_ps(a, c, 0x44));
            _mm256_storeu_ps(out + y_row, _mm256_shuffle_ps(a, c, 0xee));
            _mm256_storeu_ps(out + 2 * y_row, _mm256_shuffle_ps(b, d, 0x44));
            _mm256_storeu_ps(out + 3 * y_row, _mm256_shuffle_ps(b, d, 0xee));
        }
    }
}

#endif
