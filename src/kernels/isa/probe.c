/* See kernels/probe.h. */
#include "kernels/probe.h"

#include "kernels/isa/vec.h"
#include "kernels/isa/vmath.h"

VINLINE vi from_bits(const uint32_t *p)
{
    int32_t t[VL];

    memcpy(t, p, sizeof t);
    return vi_load(t);
}

VINLINE void to_bits(uint32_t *p, vi a)
{
    int32_t t[VL];

    vi_store(t, a);
    memcpy(p, t, sizeof t);
}

VINLINE vi of_mask(vm m)
{
    vf ones = vi_float(vi_set1(-1));

    return vf_bits(vf_sel(m, ones, vf_zero()));
}

VINLINE vi mul_half(vi a, vi b, int high)
{
    vi hi, lo;

    vi_mul_wide(a, b, &hi, &lo);
    return high ? hi : lo;
}

/* i, j, k are the arguments as integers, x, y, z as floats. */
#define LANES_OF(name, expr)                                                   \
    static void probe_##name(uint32_t r[16], const uint32_t a[16],             \
                             const uint32_t b[16], const uint32_t c[16])       \
    {                                                                          \
        vi i = from_bits(a), j = from_bits(b), k = from_bits(c);               \
        vf x = vi_float(i), y = vi_float(j), z = vi_float(k);                  \
                                                                               \
        (void)x, (void)y, (void)z;                                             \
        to_bits(r, (expr));                                                    \
    }

LANES_OF(vf_add, vf_bits(vf_add(x, y)))
LANES_OF(vf_sub, vf_bits(vf_sub(x, y)))
LANES_OF(vf_mul, vf_bits(vf_mul(x, y)))
LANES_OF(vf_div, vf_bits(vf_div(x, y)))
LANES_OF(vf_sqrt, vf_bits(vf_sqrt(x)))
LANES_OF(vf_fma, vf_bits(vf_fma(x, y, z)))
LANES_OF(vf_fnma, vf_bits(vf_fnma(x, y, z)))
LANES_OF(vf_max, vf_bits(vf_max(x, y)))
LANES_OF(vf_min, vf_bits(vf_min(x, y)))
LANES_OF(vf_neg, vf_bits(vf_neg(x)))
LANES_OF(vf_abs, vf_bits(vf_abs(x)))
LANES_OF(vf_copysign, vf_bits(vf_copysign(x, y)))
LANES_OF(vf_flush, vf_bits(vf_flush(x)))
LANES_OF(vf_lt, of_mask(vf_lt(x, y)))
LANES_OF(vf_le, of_mask(vf_le(x, y)))
LANES_OF(vf_eq, of_mask(vf_eq(x, y)))
LANES_OF(vf_sel, vf_bits(vf_sel(vf_lt(x, y), z, x)))
LANES_OF(vm_and, of_mask(vm_and(vf_lt(x, y), vi_lt(j, k))))
LANES_OF(vm_or, of_mask(vm_or(vf_lt(x, y), vi_lt(j, k))))
LANES_OF(vf_round, vf_round(x))
LANES_OF(vf_from, vf_bits(vf_from(i)))
LANES_OF(vi_add, vi_add(i, j))
LANES_OF(vi_sub, vi_sub(i, j))
LANES_OF(vi_and, vi_and(i, j))
LANES_OF(vi_or, vi_or(i, j))
LANES_OF(vi_xor, vi_xor(i, j))
LANES_OF(vi_eq, of_mask(vi_eq(i, j)))
LANES_OF(vi_lt, of_mask(vi_lt(i, j)))
LANES_OF(vi_shl_1, vi_shl(i, 1))
LANES_OF(vi_shl_23, vi_shl(i, 23))
LANES_OF(vi_shr_1, vi_shr(i, 1))
LANES_OF(vi_shr_9, vi_shr(i, 9))
LANES_OF(vi_sar_1, vi_sar(i, 1))
LANES_OF(vi_sar_23, vi_sar(i, 23))
LANES_OF(vi_mul_hi, mul_half(i, j, 1))
LANES_OF(vi_mul_lo, mul_half(i, j, 0))

#define X(name)                                                                \
    static void probe_##name(float *y, const float *x, size_t n)               \
    {                                                                          \
        for (size_t i = 0; i < n; i += VL) {                                   \
            size_t m = n - i < VL ? n - i : VL;                                \
                                                                               \
            vf_store_n(y + i, v##name(vf_load_n(x + i, m)), m);                \
        }                                                                      \
    }
MT_PROBE_MATH(X)
#undef X

/* What load_n puts after the values is added to them: it has to be 0. */
static void probe_copy_n(float *y, const float *x, size_t n)
{
    float t[VL];
    vf v = vf_load_n(x, n);

    vf_store(t, v);
    for (size_t i = n; i < VL; i++)
        t[0] += t[i] * 1e30f;
    vf_store_n(y, vf_load(t), n);
}

static void probe_halves(float y[16], const float first[8],
                         const float second[8])
{
    vf_store(y, vf_load_halves(first, second));
}

static void probe_cut(float y[16], const float first[16],
                      const float second[16], size_t n)
{
    vf_store(y, vf_load_cut(first, second, n));
}

static void probe_turn(float *y, size_t y_row, const float *x, size_t x_row,
                       size_t n)
{
    vf_turn(y, y_row, x, x_row, n);
}

static void probe_zip(float y[32], const float even[16], const float odd[16])
{
    vf a, b;

    vf_zip(vf_load(even), vf_load(odd), &a, &b);
    vf_store(y, a);
    vf_store(y + VL, b);
}

static void probe_unzip(float even[16], float odd[16], const float x[32])
{
    vf a, b;

    vf_unzip(vf_load(x), vf_load(x + VL), &a, &b);
    vf_store(even, a);
    vf_store(odd, b);
}

static void probe_transpose(float x[256])
{
    vf r[VL];

    for (int i = 0; i < VL; i++)
        r[i] = vf_load(x + VL * i);
    vf_transpose(r);
    for (int i = 0; i < VL; i++)
        vf_store(x + VL * i, r[i]);
}

static float probe_sum(const float x[16])
{
    return vf_sum(vf_load(x));
}

static float probe_hmax(const float x[16])
{
    return vf_hmax(vf_load(x));
}

#define ISA_NAME_(isa) #isa
#define ISA_NAME(isa)  ISA_NAME_(isa)
#define PROBE_TABLE    MT_FN(mt_probe)

extern const struct mt_probe PROBE_TABLE;

const struct mt_probe PROBE_TABLE = {
    .isa = ISA_NAME(MT_ISA),
#define X(name) .name = probe_##name,
    MT_PROBE_LANES(X) MT_PROBE_MATH(X)
#undef X
        .copy_n = probe_copy_n,
    .halves = probe_halves,
    .turn = probe_turn,
    .cut = probe_cut,
    .zip = probe_zip,
    .unzip = probe_unzip,
    .transpose = probe_transpose,
    .sum = probe_sum,
    .hmax = probe_hmax,
};
