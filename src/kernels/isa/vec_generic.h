/* vec.h in plain C: arrays of 16, one lane after the other. */
#ifndef MT_KERNELS_ISA_VEC_GENERIC_H
#define MT_KERNELS_ISA_VEC_GENERIC_H

typedef struct { float v[16]; } vf;
typedef struct { int32_t v[16]; } vi;
typedef struct { int32_t v[16]; } vm; /* -1 or 0 */

/* One expression in i for each lane. */
#define LANES(type, expr)                                \
    type r;                                              \
    for (int i = 0; i < 16; i++)                         \
        r.v[i] = (expr);                                 \
    return r

VINLINE vf vf_set1(float x) { LANES(vf, x); }
VINLINE vf vf_zero(void) { LANES(vf, 0); }
VINLINE vf vf_load(const float *p) { LANES(vf, p[i]); }
VINLINE void vf_store(float *p, vf a) { memcpy(p, a.v, sizeof a.v); }
VINLINE vf vf_load_halves(const float *p, const float *q)
{
    LANES(vf, i < 8 ? p[i] : q[i - 8]);
}
VINLINE vf vf_load_cut(const float *p, const float *q, size_t n)
{
    LANES(vf, (size_t)i < n ? p[i] : q[i]);
}
VINLINE vf vf_load_n(const float *p, size_t n)
{
    LANES(vf, (size_t)i < n ? p[i] : 0);
}
VINLINE void vf_store_n(float *p, vf a, size_t n)
{
    memcpy(p, a.v, n * sizeof *p);
}
VINLINE vf vf_add(vf a, vf b) { LANES(vf, a.v[i] + b.v[i]); }
VINLINE vf vf_sub(vf a, vf b) { LANES(vf, a.v[i] - b.v[i]); }
VINLINE vf vf_mul(vf a, vf b) { LANES(vf, a.v[i] * b.v[i]); }
VINLINE vf vf_div(vf a, vf b) { LANES(vf, a.v[i] / b.v[i]); }
VINLINE vf vf_sqrt(vf a) { LANES(vf, sqrtf(a.v[i])); }
VINLINE vf vf_fma(vf a, vf b, vf c) { LANES(vf, fmaf(a.v[i], b.v[i], c.v[i])); }
VINLINE vf vf_fnma(vf a, vf b, vf c)
{
    LANES(vf, fmaf(-a.v[i], b.v[i], c.v[i]));
}
VINLINE vf vf_max(vf a, vf b) { LANES(vf, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
VINLINE vf vf_min(vf a, vf b) { LANES(vf, a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
VINLINE vm vf_lt(vf a, vf b) { LANES(vm, -(a.v[i] < b.v[i])); }
VINLINE vm vf_le(vf a, vf b) { LANES(vm, -(a.v[i] <= b.v[i])); }
VINLINE vm vf_eq(vf a, vf b) { LANES(vm, -(a.v[i] == b.v[i])); }
VINLINE vf vf_sel(vm m, vf a, vf b) { LANES(vf, m.v[i] ? a.v[i] : b.v[i]); }
VINLINE vm vm_and(vm a, vm b) { LANES(vm, a.v[i] & b.v[i]); }
VINLINE vm vm_or(vm a, vm b) { LANES(vm, a.v[i] | b.v[i]); }

/* Unsigned arithmetic: wrapping is meant. */
#define U(x) ((uint32_t)(x))
VINLINE vi vi_set1(int32_t x) { LANES(vi, x); }
VINLINE vi vi_load(const int32_t *p) { LANES(vi, p[i]); }
VINLINE void vi_store(int32_t *p, vi a) { memcpy(p, a.v, sizeof a.v); }
VINLINE vi vi_add(vi a, vi b) { LANES(vi, (int32_t)(U(a.v[i]) + U(b.v[i]))); }
VINLINE vi vi_sub(vi a, vi b) { LANES(vi, (int32_t)(U(a.v[i]) - U(b.v[i]))); }
VINLINE vi vi_and(vi a, vi b) { LANES(vi, a.v[i] & b.v[i]); }
VINLINE vi vi_or(vi a, vi b) { LANES(vi, a.v[i] | b.v[i]); }
VINLINE vi vi_xor(vi a, vi b) { LANES(vi, a.v[i] ^ b.v[i]); }
VINLINE vi vi_shl(vi a, int n) { LANES(vi, (int32_t)(U(a.v[i]) << n)); }
VINLINE vi vi_shr(vi a, int n) { LANES(vi, (int32_t)(U(a.v[i]) >> n)); }
VINLINE vi vi_sar(vi a, int n) { LANES(vi, a.v[i] >> n); }
VINLINE vm vi_eq(vi a, vi b) { LANES(vm, -(a.v[i] == b.v[i])); }
VINLINE vm vi_lt(vi a, vi b) { LANES(vm, -(a.v[i] < b.v[i])); }
VINLINE vi vf_bits(vf a)
{
    vi r;

    memcpy(&r, &a, sizeof r);
    return r;
}
VINLINE vf vi_float(vi a)
{
    vf r;

    memcpy(&r, &a, sizeof r);
    return r;
}
VINLINE vf vf_flush(vf a)
{
    vi bits = vf_bits(a);

    LANES(vf, bits.v[i] & FLUSH_BITS ? a.v[i] : 0);
}
/* Out of range (and NaN) is INT32_MIN, as on x86; such lanes are never used,
 * but must not be undefined behaviour. */
VINLINE int32_t round1(float x)
{
    return x >= -0x1p31f && x < 0x1p31f ? (int32_t)rintf(x) : INT32_MIN;
}
VINLINE vi vf_round(vf a) { LANES(vi, round1(a.v[i])); }
VINLINE vf vf_from(vi a) { LANES(vf, (float)a.v[i]); }
VINLINE void vi_mul_wide(vi a, vi b, vi *hi, vi *lo)
{
    for (int i = 0; i < 16; i++) {
        uint64_t p = (uint64_t)U(a.v[i]) * U(b.v[i]);

        hi->v[i] = (int32_t)U(p >> 32);
        lo->v[i] = (int32_t)U(p);
    }
}

VINLINE void vf_unzip(vf a, vf b, vf *even, vf *odd)
{
    for (int i = 0; i < 16; i++) {
        even->v[i] = i < 8 ? a.v[2 * i] : b.v[2 * i - 16];
        odd->v[i] = i < 8 ? a.v[2 * i + 1] : b.v[2 * i - 15];
    }
}

VINLINE void vf_zip(vf even, vf odd, vf *a, vf *b)
{
    for (int i = 0; i < 8; i++) {
        a->v[2 * i] = even.v[i];
        a->v[2 * i + 1] = odd.v[i];
        b->v[2 * i] = even.v[i + 8];
        b->v[2 * i + 1] = odd.v[i + 8];
    }
}

VINLINE void vf_transpose(vf r[16])
{
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < i; j++) {
            float t = r[i].v[j];

            r[i].v[j] = r[j].v[i];
            r[j].v[i] = t;
        }
    }
}

#endif
