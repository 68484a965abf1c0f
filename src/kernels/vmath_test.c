/*
 * The elementary functions of kernels/vmath.h, reached through the kernels:
 * their error in units in the last place over the whole range of floats.
 *
 * The true maxima over all 2^32 floats, against libm in double, whose own error
 * is some 2^-28 of a float's last place (scripts/check-math finds them again):
 *
 *     exp       0.996 ulp at -5.88243     subnormal results 0.750 (of 2^-149)
 *     log       0.832 ulp at 1.41208
 *     tanh      1.330 ulp at 0.62831
 *     sigmoid   2.402 ulp at -4.15729     subnormal results 0.750
 *     erf       1.214 ulp at 0.998896     subnormal results 0.507
 *     softplus  1.990 ulp at -2.03031     subnormal results 0.750
 *     elu       0.872 ulp at -0.346867    (expm1 below 0)
 *     expm1     1.423 ulp at 16.9860
 *     log1p     1.437 ulp at -8.94070e-8
 *
 * As |error| / max(1, |result|), of functions whose last digits do not count
 * where their tails meet 0:
 *
 *     gelu 9.39e-8    gelu_tanh 9.39e-8    silu 1.54e-7    mish 1.56e-7
 *
 * and of the slopes, over every third float:
 *
 *     gelu_grad 1.04e-7    gelu_tanh_grad 1.07e-7    silu_grad 9.75e-7
 *     mish_grad 1.28e-6
 *
 * The tests below hold them on a sample of four million floats, and on all
 * floats around borders.
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dispatch.h"
#include "kernels/probe.h"

/* --- references --------------------------------------------------------- */

static double ref_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

/* cut where the code does, at -62 ln 2 */
static double ref_exp_cut(double x)
{
    return x < -(double)0x1.57cd0ep+5f ? 0 : exp(x > 88 ? 88 : x);
}

static double ref_sigmoid_cut(double x)
{
    return x < -(double)0x1.57cd0ep+5f ? 0 : ref_sigmoid(x);
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

static double ref_normal_pdf(double x)
{
    return exp(-x * x / 2) / sqrt(2 * M_PI);
}

static double ref_gelu_grad(double x)
{
    return erfc(-x * M_SQRT1_2) / 2 + x * ref_normal_pdf(x);
}

static double ref_gelu_tanh_grad(double x)
{
    double b = sqrt(2 / M_PI), u = b * (x + 0.044715 * x * x * x);
    double s = ref_sigmoid(2 * u), du = b * (1 + 3 * 0.044715 * x * x);

    return fabs(x) > 40 ? x > 0 : s + 2 * x * s * ref_sigmoid(-2 * u) * du;
}

static double ref_silu_grad(double x)
{
    double s = ref_sigmoid(x);

    return s + (fabs(x) > 800 ? 0 : x * s * ref_sigmoid(-x));
}

/* 1 - w^2 = 4 (e^2 + 2 e + 1) / (e^2 + 2 e + 2)^2 with e = e^x */
static double ref_mish_grad(double x)
{
    double e = exp(x < 20 ? x : 20), a = e * (e + 2);
    double w = a / (a + 2), rest = 4 * (a + 1) / ((a + 2) * (a + 2));

    if (x > 40)
        return 1;
    return w + (x < -800 ? 0 : x * ref_sigmoid(x) * rest);
}

enum table {
    KERNELS,   /* a row of mt_kernels: y = f(x) */
    GRADIENTS, /* a row of mt_kernels: dx = g f'(x), with g = 1 */
    PROBES,    /* a function of vmath.h that no kernel shows as it is */
};

struct function {
    const char *name;
    enum table table;
    size_t at; /* offset in the table */
    double (*reference)(double x);
    float p[2];
    double ulps;      /* bound for normal results; 0: see absolute */
    double subnormal; /* bound for subnormal ones, in units of 2^-149 */
    double absolute;  /* bound relative to the larger of 1 and the result */
};

#define KERNEL(name) #name, KERNELS, offsetof(struct mt_kernels, name)
#define GRAD(name)   #name, GRADIENTS, offsetof(struct mt_kernels, name)
#define PROBE(name)  #name, PROBES, offsetof(struct mt_probe, name)

static const struct function functions[] = {
    { KERNEL(exp), exp, { 0 }, 1.0, 0.76, 0 },
    { PROBE(exp_cut), ref_exp_cut, { 0 }, 1.0, 0.5, 0 },
    { PROBE(expm1), expm1, { 0 }, 1.43, 0.5, 0 },
    { KERNEL(log), log, { 0 }, 0.84, 0.5, 0 },
    { PROBE(log1p), log1p, { 0 }, 1.44, 0.5, 0 },
    { KERNEL(tanh), tanh, { 0 }, 1.34, 0.5, 0 },
    { KERNEL(sigmoid), ref_sigmoid, { 0 }, 2.41, 0.76, 0 },
    { PROBE(sigmoid_cut), ref_sigmoid_cut, { 0 }, 2.41, 0.5, 0 },
    { KERNEL(erf), erf, { 0 }, 1.22, 0.51, 0 },
    { KERNEL(softplus), ref_softplus, { 1, FLT_MAX }, 2.0, 0.76, 0 },
    { KERNEL(elu), ref_elu, { 1 }, 0.88, 0.5, 0 },
    { KERNEL(gelu), ref_gelu, { 0 }, 0, 0, 9.5e-8 },
    { KERNEL(gelu_tanh), ref_gelu_tanh, { 0 }, 0, 0, 9.5e-8 },
    { KERNEL(silu), ref_silu, { 0 }, 0, 0, 1.55e-7 },
    { KERNEL(mish), ref_mish, { 0 }, 0, 0, 1.57e-7 },
    { GRAD(gelu_grad), ref_gelu_grad, { 0 }, 0, 0, 1.05e-7 },
    { GRAD(gelu_tanh_grad), ref_gelu_tanh_grad, { 0 }, 0, 0, 1.08e-7 },
    { GRAD(silu_grad), ref_silu_grad, { 0 }, 0, 0, 9.9e-7 },
    { GRAD(mish_grad), ref_mish_grad, { 0 }, 0, 0, 1.3e-6 },
};

enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

enum { BATCH = 4096 };

/* y = f(x) by instruction set t of those available */
static void evaluate(const struct function *f, size_t t, float *y,
                     const float *x, size_t n)
{
    const struct mt_kernels *tables[4];
    const struct mt_probe *probes[4];
    void (*probe)(float *, const float *, size_t);
    float ones[BATCH];
    mt_unary *unary;
    mt_unary_grad *grad;

    mt_kernels_available(tables);
    switch (f->table) {
    case KERNELS:
        memcpy(&unary, (const char *)tables[t] + f->at, sizeof unary);
        unary(y, x, n, f->p);
        break;
    case GRADIENTS:
        for (size_t i = 0; i < n; i++)
            ones[i] = 1;
        memcpy(&grad, (const char *)tables[t] + f->at, sizeof grad);
        grad(y, ones, x, n, f->p);
        break;
    case PROBES:
        mt_probes_available(probes);
        memcpy(&probe, (const char *)probes[t] + f->at, sizeof probe);
        probe(y, x, n);
        break;
    }
}

/* --- errors ------------------------------------------------------------- */

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The unit in the last place of a float, 2^(e - 23), at the size 2^e of x:
 * 1 divided by it. |x| is normal as a float. */
static double per_ulp(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    bits = (1023 + 23 + 1023 - (bits >> 52 & 0x7ff)) << 52;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The error of got, where want is true, in parts of f's bound for it. */
static double part_of_bound(const struct function *f, double got, double want)
{
    double error = fabs(got - want);

    if (isnan(want))
        return isnan(got) ? 0 : INFINITY;
    if (fabs(want) >= 0x1.ffffffp127) /* rounds to infinity */
        return got == (want > 0 ? INFINITY : -INFINITY) ? 0 : INFINITY;
    if (isnan(got))
        return INFINITY;
    if (f->ulps == 0)
        return error / fmax(1, fabs(want)) / f->absolute;
    if (fabs(want) < (double)FLT_MIN)
        return error * 0x1p149 / f->subnormal;
    return error * per_ulp(want) / f->ulps;
}

struct worst {
    double normal, subnormal; /* parts of the bounds */
    float normal_at, subnormal_at;
};

static void note(struct worst *w, const struct function *f, float x,
                 double want, double part)
{
    if (f->ulps != 0 && fabs(want) < (double)FLT_MIN) {
        if (part > w->subnormal)
            w->subnormal = part, w->subnormal_at = x;
    } else if (part > w->normal) {
        w->normal = part, w->normal_at = x;
    }
}

static void same_bits(const struct function *f, const char *isa, const float *x,
                      const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bits_of(got[i]) != bits_of(want[i]) &&
            !(isnan(got[i]) && isnan(want[i])))
            ck_abort_msg("%s(%a) is %a, but %a by %s", f->name, (double)x[i],
                         (double)want[i], (double)got[i], isa);
    }
}

/* The best instruction set is held to the bounds, the others to its bits. */
static void check_batch(const struct function *f, const float *x, size_t n,
                        bool plain_c, struct worst *w)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    float y[BATCH], other[BATCH];

    evaluate(f, 0, y, x, n);
    for (size_t i = 0; i < n; i++) {
        double want = f->reference((double)x[i]);
        double part = part_of_bound(f, (double)y[i], want);

        if (!(part <= 1))
            ck_abort_msg("%s(%a) is %a, want %a", f->name, (double)x[i],
                         (double)y[i], want);
        note(w, f, x[i], want, part);
    }
    for (size_t t = 1; t < n_tables; t++) {
        if (t == n_tables - 1 && !plain_c)
            continue;
        evaluate(f, t, other, x, n);
        same_bits(f, tables[t]->isa, x, other, y, n);
    }
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* silu(-Inf) and its like are 0 times infinity: NaN in torch too. */
static bool is_defined(const struct function *f, float x)
{
    return !isinf(x) || f->ulps > 0;
}

/* Every how-many-th float is taken: a prime that makes four million of them, or
 * what the environment says. 1 takes minutes for each function. */
static uint64_t stride(bool *given)
{
    const char *text = getenv("MT_TEST_STRIDE");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    *given = n > 0;
    return n > 0 ? n : 1021;
}

static void report(const struct function *f, const struct worst *w)
{
    if (f->ulps == 0)
        printf("%-15s %.3g at %.9g\n", f->name, w->normal * f->absolute,
               (double)w->normal_at);
    else
        printf("%-15s %.3f ulp at %.9g, subnormal results %.3f at %.9g\n",
               f->name, w->normal * f->ulps, (double)w->normal_at,
               w->subnormal * f->subnormal, (double)w->subnormal_at);
    fflush(stdout);
}

/* Both signs, infinities and NaNs included. Plain C takes every 16th batch. */
START_TEST(errors_stay_in_bounds_over_all_floats)
{
    const struct function *f = &functions[_i];
    struct worst worst = { 0 };
    bool given;
    uint64_t step = stride(&given), batches = 0;
    float x[BATCH];
    size_t n = 0;

    for (uint64_t bits = (uint64_t)_i * 977 % step; bits >> 32 == 0;
         bits += step) {
        x[n] = float_of((uint32_t)bits);
        n += is_defined(f, x[n]);
        if (n == BATCH) {
            check_batch(f, x, n, batches++ % 16 == 0, &worst);
            n = 0;
        }
    }
    check_batch(f, x, n, true, &worst);
    if (given)
        report(f, &worst);
}
END_TEST

/* Where the code changes its way, or the result its kind. */
static const float borders[] = {
    0x1.62e42ep6f,  /* exp overflows */
    -0x1.5d589ep6f, /* exp becomes subnormal */
    -0x1.9fe368p6f, /* exp becomes 0 */
    0x1.57cd0ep+5f, /* exp_cut does */
    88,
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
    struct worst worst = { 0 };

    for (size_t b = 0; b < sizeof borders / sizeof *borders; b++) {
        for (int sign = 0; sign < 2; sign++) {
            uint32_t at = bits_of(borders[b]) ^ (uint32_t)sign << 31;
            float x[BATCH];
            size_t n = 0;

            for (uint32_t i = 0; i < BATCH; i++) {
                x[n] = float_of(at - BATCH / 2 + i);
                n += is_defined(f, x[n]);
            }
            check_batch(f, x, n, true, &worst);
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
    { "exp_cut", 0, 1 },
    { "exp_cut", NAN, NAN },
    { "exp_cut", -INF, 0 },
    { "exp_cut", -42.5f, 0x1.9bb404p-62f },
    { "exp_cut", -43, 0 },
    { "expm1", -0.0f, -0.0f },
    { "expm1", INF, INF },
    { "expm1", -INF, -1 },
    { "expm1", NAN, NAN },
    { "expm1", 89, INF },
    { "expm1", 0x1p-149f, 0x1p-149f },
    { "log1p", -0.0f, -0.0f },
    { "log1p", INF, INF },
    { "log1p", -INF, NAN },
    { "log1p", -1, -INF },
    { "log1p", -1.5f, NAN },
    { "log1p", NAN, NAN },
    { "log1p", 0x1p-149f, 0x1p-149f },
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
    { "gelu", -0.0f, -0.0f },
    { "gelu", -0x1p-149f, -0.0f },
    { "gelu", -10, 0 },
    { "gelu", -INF, 0 },
    { "gelu_tanh", 0, 0 },
    { "gelu_tanh", -0.0f, -0.0f },
    { "gelu_tanh", NAN, NAN },
    { "gelu_tanh", 100, 100 },
    { "gelu_tanh", INF, INF },
    { "gelu_tanh", -10, 0 },
    { "gelu_tanh", -INF, 0 },
    { "gelu_grad", 0, 0.5f },
    { "gelu_grad", NAN, NAN },
    { "gelu_grad", -10, 0 },
    { "gelu_grad", INF, 1 },
    { "gelu_grad", -INF, 0 },
    { "gelu_tanh_grad", 0, 0.5f },
    { "gelu_tanh_grad", NAN, NAN },
    { "gelu_tanh_grad", -10, 0 },
    { "gelu_tanh_grad", FLT_MAX, 1 },
    { "gelu_tanh_grad", INF, 1 },
    { "gelu_tanh_grad", -INF, 0 },
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

        evaluate(f, t, &got, &special[_i].x, 1);
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
    TCase *special_values = tcase_create("special values");

    /* a case for each function, so that CK_RUN_CASE can choose it */
    for (int i = 0; i < N_FUNCTIONS; i++) {
        TCase *t = tcase_create(functions[i].name);

        tcase_add_loop_test(t, errors_stay_in_bounds_over_all_floats, i, i + 1);
        tcase_add_loop_test(t, errors_stay_in_bounds_around_the_borders, i,
                            i + 1);
        suite_add_tcase(s, t);
    }
    tcase_add_loop_test(special_values, special_values_are_exact, 0,
                        sizeof special / sizeof *special);
    suite_add_tcase(s, special_values);
    return s;
}
