/* The primitives of kernels/vec.h on every instruction set, bit for bit,
 * against one line of C each. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/philox.h"
#include "kernels/dispatch.h"
#include "kernels/probe.h"

extern const struct mt_probe mt_probe_generic;
#if defined __x86_64__
extern const struct mt_probe mt_probe_avx512, mt_probe_avx2;
#elif defined __aarch64__
extern const struct mt_probe mt_probe_neon;
#endif

static const struct mt_probe *const probes[] = {
#if defined __x86_64__
    &mt_probe_avx512,
    &mt_probe_avx2,
#elif defined __aarch64__
    &mt_probe_neon,
#endif
    &mt_probe_generic,
};

size_t mt_probes_available(const struct mt_probe *out[4])
{
    const struct mt_kernels *tables[4];
    size_t n = mt_kernels_available(tables);

    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        for (size_t k = 0; k < sizeof probes / sizeof *probes; k++) {
            if (strcmp(probes[k]->isa, tables[i]->isa) == 0)
                out[i] = probes[k];
        }
        if (!out[i])
            ck_abort_msg("no probe for %s", tables[i]->isa);
    }
    return n;
}

static float f_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t u_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* --- lane by lane ------------------------------------------------------- */

#define TOP  UINT32_C(0x80000000)
#define MASK(condition) ((condition) ? UINT32_MAX : 0)

/* One lane: u, v, w are the bits, x, y, z the floats, i, j, k the integers. */
#define LANE(name, expr)                                                       \
    static uint32_t ref_##name(uint32_t u, uint32_t v, uint32_t w)             \
    {                                                                          \
        float x = f_of(u), y = f_of(v), z = f_of(w);                           \
        int32_t i = (int32_t)u, j = (int32_t)v, k = (int32_t)w;                \
                                                                               \
        (void)x, (void)y, (void)z, (void)i, (void)j, (void)k;                  \
        return (expr);                                                         \
    }

LANE(vf_add, u_of(x + y))
LANE(vf_sub, u_of(x - y))
LANE(vf_mul, u_of(x * y))
LANE(vf_div, u_of(x / y))
LANE(vf_sqrt, u_of(sqrtf(x)))
LANE(vf_fma, u_of(fmaf(x, y, z)))
LANE(vf_fnma, u_of(fmaf(-x, y, z)))
LANE(vf_max, x > y ? u : v)
LANE(vf_min, x < y ? u : v)
LANE(vf_neg, u ^ TOP)
LANE(vf_abs, u & ~TOP)
LANE(vf_copysign, (u & ~TOP) | (v & TOP))
LANE(vf_flush, fabsf(x) < 0x1p-63f ? 0 : u)
LANE(vf_lt, MASK(x < y))
LANE(vf_le, MASK(x <= y))
LANE(vf_eq, MASK(x == y))
LANE(vf_sel, x < y ? w : u)
LANE(vm_and, MASK(x < y && j < k))
LANE(vm_or, MASK(x < y || j < k))
LANE(vf_round, (uint32_t)(int32_t)rintf(x))
LANE(vf_from, u_of((float)i))
LANE(vi_add, u + v)
LANE(vi_sub, u - v)
LANE(vi_and, (u & v))
LANE(vi_or, u | v)
LANE(vi_xor, u ^ v)
LANE(vi_eq, MASK(u == v))
LANE(vi_lt, MASK(i < j))
LANE(vi_shl_1, u << 1)
LANE(vi_shl_23, u << 23)
LANE(vi_shr_1, u >> 1)
LANE(vi_shr_9, u >> 9)
LANE(vi_sar_1, u >> 1 | (u & TOP))
LANE(vi_sar_23, u >> 23 | (u & TOP ? ~(UINT32_MAX >> 23) : 0))
LANE(vi_mul_hi, (uint32_t)((uint64_t)u * v >> 32))
LANE(vi_mul_lo, (u * v))

enum kind {
    BITS,  /* exactly these bits, a NaN's too: it is moved, not computed */
    FLOAT, /* these bits, or any NaN for a NaN: CPUs make their own */
    SMALL, /* the argument must be a float below 2^31 */
};

static enum kind kind_of(const char *name)
{
    static const char *const floats[] = { "vf_add", "vf_sub",  "vf_mul",
                                          "vf_div", "vf_sqrt", "vf_fma",
                                          "vf_fnma" };

    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        if (strcmp(name, floats[i]) == 0)
            return FLOAT;
    }
    return strcmp(name, "vf_round") == 0 ? SMALL : BITS;
}

typedef void lanes(uint32_t r[16], const uint32_t a[16], const uint32_t b[16],
                   const uint32_t c[16]);

static const struct primitive {
    const char *name;
    size_t probe; /* offset in struct mt_probe */
    uint32_t (*reference)(uint32_t u, uint32_t v, uint32_t w);
} primitives[] = {
#define X(name) { #name, offsetof(struct mt_probe, name), ref_##name },
    MT_PROBE_LANES(X)
#undef X
};

enum { N_PRIMITIVES = sizeof primitives / sizeof *primitives };

/* Zeros, borders of subnormals and of int32, halves, infinities, NaNs quiet and
 * signalling. */
static const uint32_t special[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000,
    0x80800000, 0x33800000, 0x3f000000, 0xbf000000, 0x3effffff, 0x3f800000,
    0xbf800000, 0x3f800001, 0x3f7fffff, 0x3fc00000, 0x40200000, 0xc0200000,
    0x4b000000, 0x4b000001, 0x4b800001, 0x4effffff, 0xcf000000, 0x4f000000,
    0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
    0x7fa00001, 0x7fffffff, 0xffffffff, 0x20000000, 0xa0000000, 0x1fffffff,
    0x9fffffff,
};

enum { N_SPECIAL = sizeof special / sizeof *special };

/* Word i of the inputs: special, any bits, or a float of a usual size. */
static uint32_t word(const char *stream, uint64_t i)
{
    uint32_t w[4];

    mt_philox_block(mt_philox_key(3, "vec", stream), 0, i, w);
    switch (w[0] % 4) {
    case 0: return special[w[1] % N_SPECIAL];
    case 1: return w[1];
    default:
        return (w[1] & UINT32_C(0x807fffff)) | (w[2] % 40 + 107) << 23;
    }
}

static void fill(uint32_t x[16], const char *stream, uint64_t batch)
{
    for (int i = 0; i < 16; i++)
        x[i] = word(stream, batch * 16 + (uint64_t)i);
}

static bool agrees(enum kind kind, uint32_t got, uint32_t want, uint32_t a)
{
    if (kind == SMALL && !(fabsf(f_of(a)) < 0x1p31f))
        return true;
    if (kind == FLOAT && isnan(f_of(want)))
        return isnan(f_of(got));
    return got == want;
}

static void check_lanes(const struct primitive *p, const struct mt_probe *probe,
                        const uint32_t a[16], const uint32_t b[16],
                        const uint32_t c[16])
{
    enum kind kind = kind_of(p->name);
    uint32_t r[16];
    lanes *f;

    memcpy(&f, (const char *)probe + p->probe, sizeof f);
    f(r, a, b, c);
    for (int i = 0; i < 16; i++) {
        bool small = kind != SMALL || fabsf(f_of(a[i])) < 0x1p31f;
        uint32_t want = small ? p->reference(a[i], b[i], c[i]) : 0;

        if (!agrees(kind, r[i], want, a[i]))
            ck_abort_msg("%s(%#x, %#x, %#x) in lane %d is %#x, want %#x (%s)",
                         p->name, a[i], b[i], c[i], i, r[i], want, probe->isa);
    }
}

START_TEST(primitives_are_exact)
{
    const struct primitive *p = &primitives[_i];
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (uint64_t batch = 0; batch < 4096; batch++) {
        uint32_t a[16], b[16], c[16];

        fill(a, "a", batch);
        fill(b, "b", batch);
        fill(c, "c", batch);
        for (size_t k = 0; k < n; k++)
            check_lanes(p, found[k], a, b, c);
    }
}
END_TEST

/* Every pair of special values. */
START_TEST(primitives_are_exact_on_special_values)
{
    const struct primitive *p = &primitives[_i];
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (int first = 0; first < N_SPECIAL * N_SPECIAL; first += 16) {
        uint32_t a[16], b[16], c[16];

        for (int i = 0; i < 16; i++) {
            a[i] = special[(first + i) / N_SPECIAL % N_SPECIAL];
            b[i] = special[(first + i) % N_SPECIAL];
            c[i] = special[(first + 7 * i) % N_SPECIAL];
        }
        for (size_t k = 0; k < n; k++)
            check_lanes(p, found[k], a, b, c);
    }
}
END_TEST

/* --- across lanes ------------------------------------------------------- */

/* Lane i is the number i + first; all are different. */
static void count_from(float *x, size_t n, float first)
{
    for (size_t i = 0; i < n; i++)
        x[i] = first + (float)i;
}

START_TEST(parts_are_read_and_written_alone)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (size_t k = 0; k < n; k++) {
        for (size_t count = 1; count <= 16; count++) {
            float x[16], y[16];

            count_from(x, 16, 1);
            count_from(y, 16, 100);
            found[k]->copy_n(y, x, count);
            for (size_t i = 0; i < 16; i++) {
                float want = (float)i + (i < count ? 1 : 100);

                ck_assert_msg(y[i] == want, "%s: %zu of 16: [%zu] is %g",
                              found[k]->isa, count, i, (double)y[i]);
            }
        }
    }
}
END_TEST

START_TEST(halves_come_from_two_places)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (size_t k = 0; k < n; k++) {
        float x[8], y[8], both[16];

        count_from(x, 8, 100);
        count_from(y, 8, 200);
        found[k]->halves(both, x, y);
        ck_assert_mem_eq(both, x, sizeof x);
        ck_assert_mem_eq(both + 8, y, sizeof y);
    }
}
END_TEST

START_TEST(cuts_come_from_two_places)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);
    float x[16], y[16], both[16];

    count_from(x, 16, 100);
    count_from(y, 16, 200);
    for (size_t k = 0; k < n; k++) {
        for (size_t cut = 1; cut < 16; cut++) {
            found[k]->cut(both, x, y, cut);
            ck_assert_mem_eq(both, x, cut * sizeof *x);
            ck_assert_mem_eq(both + cut, y + cut, (16 - cut) * sizeof *x);
        }
    }
}
END_TEST

static void check_turn(const struct mt_probe *probe, size_t n, size_t y_row)
{
    float x[16 * 20], y[16 * 20];

    count_from(x, 16 * 20, 1);
    probe->turn(y, y_row, x, 20, n);
    for (size_t i = 0; i < 16; i++) {
        for (size_t j = 0; j < (y_row < 16 ? n : 16); j++)
            ck_assert(y[i * y_row + j] == (j < n ? x[j * 20 + i] : 0));
    }
}

START_TEST(turned_rows_are_columns)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (size_t k = 0; k < n; k++) {
        for (size_t rows = 1; rows <= 16; rows++) {
            check_turn(found[k], rows, 16);
            check_turn(found[k], rows, 18);
            if (rows <= 8)
                check_turn(found[k], rows, rows);
        }
    }
}
END_TEST

START_TEST(zip_and_unzip_interleave)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (size_t k = 0; k < n; k++) {
        float x[32], even[16], odd[16], y[32];

        count_from(x, 32, 0);
        found[k]->unzip(even, odd, x);
        for (int i = 0; i < 16; i++)
            ck_assert(even[i] == (float)(2 * i) &&
                      odd[i] == (float)(2 * i + 1));
        found[k]->zip(y, even, odd);
        ck_assert_mem_eq(x, y, sizeof x);
    }
}
END_TEST

START_TEST(transpose_swaps_rows_and_columns)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (size_t k = 0; k < n; k++) {
        float x[256];

        count_from(x, 256, 0);
        found[k]->transpose(x);
        for (int i = 0; i < 256; i++)
            ck_assert_msg(x[i] == (float)(i % 16 * 16 + i / 16), "%s: [%d]",
                          found[k]->isa, i);
    }
}
END_TEST

static float tree(const float *x, int n)
{
    float half[8];

    if (n == 1)
        return x[0];
    for (int i = 0; i < n / 2; i++)
        half[i] = x[i] + x[i + n / 2];
    return tree(half, n / 2);
}

/* Sums of numbers of very different sizes, so that the order shows. */
START_TEST(sums_and_maxima_have_one_order)
{
    const struct mt_probe *found[4];
    size_t n = mt_probes_available(found);

    for (uint64_t batch = 0; batch < 4096; batch++) {
        uint32_t a[16];
        float x[16], max;

        fill(a, "sum", batch);
        for (int i = 0; i < 16; i++)
            x[i] = isfinite(f_of(a[i])) ? f_of(a[i]) : 1;
        max = x[0];
        for (int i = 1; i < 16; i++)
            max = x[i] > max ? x[i] : max;
        for (size_t k = 0; k < n; k++) {
            uint32_t got = u_of(found[k]->sum(x)), want = u_of(tree(x, 16));

            ck_assert_msg(got == want || isnan(f_of(want)), "%s: %#x, want %#x",
                          found[k]->isa, got, want);
            ck_assert(u_of(found[k]->hmax(x)) == u_of(max));
        }
    }
}
END_TEST

Suite *vec_suite(void);

Suite *vec_suite(void)
{
    Suite *s = suite_create("vec");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, primitives_are_exact, 0, N_PRIMITIVES);
    tcase_add_loop_test(t, primitives_are_exact_on_special_values, 0,
                        N_PRIMITIVES);
    tcase_add_test(t, parts_are_read_and_written_alone);
    tcase_add_test(t, halves_come_from_two_places);
    tcase_add_test(t, cuts_come_from_two_places);
    tcase_add_test(t, turned_rows_are_columns);
    tcase_add_test(t, zip_and_unzip_interleave);
    tcase_add_test(t, transpose_swaps_rows_and_columns);
    tcase_add_test(t, sums_and_maxima_have_one_order);
    suite_add_tcase(s, t);
    return s;
}
