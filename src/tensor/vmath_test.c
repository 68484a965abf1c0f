/*
 * The elementary functions of kernels/vmath.h, reached through the kernels:
 * their error in units in the last place over the whole range of floats.
 *
 * The true maxima over all 2^32 floats, against libm in double:
 *
 *     exp       0.996 ulp at -5.88243     subnormal results 0.750 (of 2^-149)
 *     log       0.832 ulp at 1.41208
 *     tanh      1.330 ulp at 0.62831
 *     sigmoid   2.402 ulp at -4.15729     subnormal results 0.750
 *     erf       1.214 ulp at 0.998896     subnormal results 0.507
 *     softplus  1.990 ulp at -2.03031     subnormal results 0.750
 *     expm1     0.872 ulp at -0.346867    (by elu, so below 0)
 *
 * and, as |error| / max(1, |result|), of functions that lose digits where
 * their tails meet 0, as they do in torch:
 *
 *     gelu 1.24e-7    gelu_tanh 1.34e-7    silu 1.54e-7    mish 1.56e-7
 *
 * The tests below hold them on a sample, and on all floats around borders.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "tensor/kernels.h"

/* --- references --------------------------------------------------------- */

static double ref_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double ref_softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double ref_elu(double x) /* with alpha 1: expm1 below 0 */
{
    return x > 0 ? x : expm1(x);
}

static double ref_gelu(double x)
{
    return x * erfc(-x * M_SQRT1_2) / 2;
}

static double ref_gelu_tanh(double x)
{
    return x * ref_sigmoid(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}

static double ref_silu(double x)
{
    return x * ref_sigmoid(x);
}

static double ref_mish(double x)
{
    double e = exp(x < 20 ? x : 20), a = e * (e + 2);

    return x < 20 ? x * (a / (a + 2)) : x;
}

struct function {
    const char *name;
    size_t kernel; /* offset in struct mt_kernels */
    double (*reference)(double x);
    float p[2];
    double ulps;      /* bound for normal results; 0: see absolute */
    double subnormal; /* bound for subnormal ones, in units of 2^-149 */
    double absolute;  /* bound relative to the larger of 1 and the result */
};

#define KERNEL(name) #name, offsetof(struct mt_kernels, name)

static const struct function functions[] = {
    { KERNEL(exp), exp, { 0 }, 1.0, 0.76, 0 },
    { KERNEL(log), log, { 0 }, 0.84, 0.5, 0 },
    { KERNEL(tanh), tanh, { 0 }, 1.34, 0.5, 0 },
    { KERNEL(sigmoid), ref_sigmoid, { 0 }, 2.41, 0.76, 0 },
    { KERNEL(erf), erf, { 0 }, 1.22, 0.51, 0 },
    { KERNEL(softplus), ref_softplus, { 1, FLT_MAX }, 2.0, 0.76, 0 },
    { KERNEL(elu), ref_elu, { 1 }, 0.88, 0.5, 0 },
    { KERNEL(gelu), ref_gelu, { 0 }, 0, 0, 1.25e-7 },
    { KERNEL(gelu_tanh), ref_gelu_tanh, { 0 }, 0, 0, 1.35e-7 },
    { KERNEL(silu), ref_silu, { 0 }, 0, 0, 1.55e-7 },
    { KERNEL(mish), ref_mish, { 0 }, 0, 0, 1.57e-7 },
};

enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static mt_unary *kernel_of(const struct mt_kernels *table,
                           const struct function *f)
{
    mt_unary *kernel;

    memcpy(&kernel, (const char *)table + f->kernel, sizeof kernel);
    return kernel;
}

/* --- errors ------------------------------------------------------------- */

/* Is got within f's bounds of want, the true value? */
static bool is_close(const struct function *f, double got, double want)
{
    double error = fabs(got - want);
    int e;

    if (isnan(want))
        return isnan(got);
    if (fabs(want) >= 0x1.ffffffp127) /* rounds to infinity */
        return got == (want > 0 ? INFINITY : -INFINITY);
    if (f->ulps == 0)
        return error <= f->absolute * fmax(1, fabs(want));
    if (fabs(want) < (double)FLT_MIN)
        return error <= f->subnormal * 0x1p-149;
    frexp(want, &e);
    return error <= ldexp(f->ulps, e - FLT_MANT_DIG);
}

enum { BATCH = 4096 };

static void check_batch(const struct function *f, const float *x, size_t n)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    double want[BATCH];
    float y[BATCH];

    for (size_t i = 0; i < n; i++)
        want[i] = f->reference((double)x[i]);
    for (size_t t = 0; t < n_tables; t++) {
        kernel_of(tables[t], f)(y, x, n, f->p);
        for (size_t i = 0; i < n; i++) {
            if (!is_close(f, (double)y[i], want[i]))
                ck_abort_msg("%s(%a) is %a, want %a (%s)", f->name,
                             (double)x[i], (double)y[i], want[i],
                             tables[t]->isa);
        }
    }
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* silu(-Inf) and its like are 0 times infinity: NaN in torch too. */
static bool is_defined(const struct function *f, float x)
{
    return !isinf(x) || f->ulps > 0;
}

/* Every 10007th float (a prime), of both signs, NaNs included. */
START_TEST(errors_stay_in_bounds_over_all_floats)
{
    const struct function *f = &functions[_i];
    uint64_t bits = (uint64_t)_i * 977;
    float x[BATCH];
    size_t n = 0;

    for (; bits >> 32 == 0; bits += 10007) {
        x[n] = float_of((uint32_t)bits);
        n += is_defined(f, x[n]);
        if (n == BATCH) {
            check_batch(f, x, n);
            n = 0;
        }
    }
    check_batch(f, x, n);
}
END_TEST

/* Where the code changes its way, or the result its kind. */
static const float borders[] = {
    0x1.62e42ep6f,  /* exp overflows */
    -0x1.5d589ep6f, /* exp becomes subnormal */
    -0x1.9fe368p6f, /* exp becomes 0 */
    90,
    -105,
    -20,
    0.34657359f, /* ln 2 / 2 */
    0.625f,
    1,
    4,
    9.01f,
    20,
    17,
    16.6f,
    0x1p-126f,
    0x1p-24f,
    0x1p-25f,
    0x1.6a09e6p-1f, /* sqrt(1/2) */
    0x1.6a09e6p0f,
    5.2f,
    3,
    2.71828f,
    0.5f,
    2,
    0x1p-60f,
    FLT_MAX,
};

/* 2048 floats on either side of each. */
START_TEST(errors_stay_in_bounds_around_the_borders)
{
    const struct function *f = &functions[_i];

    for (size_t b = 0; b < sizeof borders / sizeof *borders; b++) {
        for (int sign = 0; sign < 2; sign++) {
            uint32_t at = bits_of(borders[b]) ^ (uint32_t)sign << 31;
            float x[BATCH];
            size_t n = 0;

            for (uint32_t i = 0; i < BATCH; i++) {
                x[n] = float_of(at - BATCH / 2 + i);
                n += is_defined(f, x[n]);
            }
            check_batch(f, x, n);
        }
    }
}
END_TEST

/* --- special values ----------------------------------------------------- */

#define INF INFINITY

static const struct {
    const char *function;
    float x, y; /* exactly, the sign of 0 too */
} special[] = {
    { "exp", 0, 1 },
    { "exp", -0.0f, 1 },
    { "exp", INF, INF },
    { "exp", -INF, 0 },
    { "exp", NAN, NAN },
    { "exp", 88.73f, INF },
    { "exp", FLT_MAX, INF },
    { "exp", -104, 0 },
    { "exp", -FLT_MAX, 0 },
    { "exp", 0x1p-149f, 1 },
    { "exp", -103.97f, 0x1p-149f },
    { "log", 1, 0 },
    { "log", 0, -INF },
    { "log", -0.0f, -INF },
    { "log", INF, INF },
    { "log", -INF, NAN },
    { "log", -1, NAN },
    { "log", -0x1p-149f, NAN },
    { "log", NAN, NAN },
    { "log", 0x1p-149f, -103.27893f },
    { "log", FLT_MAX, 88.722839f },
    { "tanh", 0, 0 },
    { "tanh", -0.0f, -0.0f },
    { "tanh", INF, 1 },
    { "tanh", -INF, -1 },
    { "tanh", NAN, NAN },
    { "tanh", 10, 1 },
    { "tanh", -10, -1 },
    { "tanh", 0x1p-149f, 0x1p-149f },
    { "sigmoid", 0, 0.5f },
    { "sigmoid", INF, 1 },
    { "sigmoid", -INF, 0 },
    { "sigmoid", NAN, NAN },
    { "sigmoid", 20, 1 },
    { "sigmoid", -FLT_MAX, 0 },
    { "erf", 0, 0 },
    { "erf", -0.0f, -0.0f },
    { "erf", INF, 1 },
    { "erf", -INF, -1 },
    { "erf", NAN, NAN },
    { "erf", 4, 1 },
    { "erf", -4, -1 },
    { "erf", FLT_MAX, 1 },
    { "softplus", INF, INF },
    { "softplus", -INF, 0 },
    { "softplus", NAN, NAN },
    { "softplus", 0, 0.69314718f },
    { "softplus", 100, 100 },
    { "softplus", -200, 0 },
    { "elu", 0, 0 },
    { "elu", -0.0f, -0.0f },
    { "elu", INF, INF },
    { "elu", -INF, -1 },
    { "elu", NAN, NAN },
    { "elu", -20, -1 },
    { "elu", -0x1p-149f, -0x1p-149f },
    { "gelu", 0, 0 },
    { "gelu", NAN, NAN },
    { "gelu", 100, 100 },
    { "gelu", INF, INF },
    { "silu", 0, 0 },
    { "silu", NAN, NAN },
    { "silu", 100, 100 },
    { "silu", INF, INF },
    { "mish", 0, 0 },
    { "mish", NAN, NAN },
    { "mish", 100, 100 },
    { "mish", INF, INF },
};

static const struct function *find_function(const char *name)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    }
    ck_abort_msg("no function %s", name);
    return NULL;
}

START_TEST(special_values_are_exact)
{
    const struct function *f = find_function(special[_i].function);
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    float want = special[_i].y;

    for (size_t t = 0; t < n_tables; t++) {
        float got;

        kernel_of(tables[t], f)(&got, &special[_i].x, 1, f->p);
        ck_assert_msg(
            bits_of(got) == bits_of(want) || (isnan(got) && isnan(want)),
            "%s(%a) is %a, want %a (%s)", f->name, (double)special[_i].x,
            (double)got, (double)want, tables[t]->isa);
    }
}
END_TEST

Suite *vmath_suite(void);

Suite *vmath_suite(void)
{
    Suite *s = suite_create("vmath");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, errors_stay_in_bounds_over_all_floats, 0,
                        N_FUNCTIONS);
    tcase_add_loop_test(t, errors_stay_in_bounds_around_the_borders, 0,
                        N_FUNCTIONS);
    tcase_add_loop_test(t, special_values_are_exact, 0,
                        sizeof special / sizeof *special);
    suite_add_tcase(s, t);
    return s;
}
