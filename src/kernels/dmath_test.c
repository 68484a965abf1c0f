#include "kernels/dmath.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

/* The reference is the long double libm where it has more bits than double;
 * elsewhere (some CPUs, valgrind) only the exact cases are tested. */
static bool have_reference(void)
{
    volatile long double tiny = 0x1p-60L, sum = 1 + tiny;

    return sum != 1;
}

/* How many points are sampled: what the environment says, or 20000. */
static uint64_t n_points(void)
{
    const char *text = getenv("MT_TEST_POINTS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;

    if (!have_reference())
        return 0;
    return n > 0 ? n : 20000;
}

static double random_in(const char *name, uint64_t i, double a, double b)
{
    double u = mt_philox_uniform(mt_philox_key(7, "test", name), 0, i);

    return a + (b - a) * u;
}

/* Any bit pattern: subnormal, huge, negative, infinite, NaN. */
static double random_bits(const char *name, uint64_t i)
{
    uint32_t w[4];
    uint64_t bits;
    double x;

    mt_philox_block(mt_philox_key(7, "bits", name), 0, i, w);
    bits = (uint64_t)w[0] << 32 | w[1];
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* |got - want| in units in the last place of a double at want. */
static double ulps(double got, long double want)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (fabsl(want) >= 0x1.fffffffffffff8p1023L) /* rounds to infinity */
        return got == (want > 0 ? INFINITY : -INFINITY) ? 0 : INFINITY;
    if (isinf(got))
        return INFINITY;

    int e;

    frexpl(want, &e);
    if (want == 0 || e < DBL_MIN_EXP)
        e = DBL_MIN_EXP;
    return (double)(fabsl(got - want) / ldexpl(1, e - DBL_MANT_DIG));
}

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void assert_same(double got, double want)
{
    ck_assert_msg(bits_of(got) == bits_of(want) || (isnan(got) && isnan(want)),
                  "got %a, want %a", got, want);
}

struct unary {
    const char *name;
    double (*f)(double);
    long double (*reference)(long double);
    double a, b;  /* where it is sampled */
    double bound; /* ulps for a normal result */
};

/* sin(pi x) and cos(pi x) after an exact reduction to |angle| <= pi / 4. */
static long double turn(long double x, int quarter_turns)
{
    const long double pi = 3.14159265358979323846264338327950288L;
    long double r = fmodl(x, 2), q = rintl(2 * r);
    long double angle = (r - q / 2) * pi;
    int k = ((int)q + quarter_turns + 8) % 4;
    long double y = k % 2 ? cosl(angle) : sinl(angle);

    return k >= 2 ? -y : y;
}

static long double sinpi_reference(long double x)
{
    return isfinite(x) ? turn(x, 0) : NAN;
}

static long double cospi_reference(long double x)
{
    return isfinite(x) ? turn(x, 1) : NAN;
}

static const struct unary unary[] = {
    { "exp", mt_dexp, expl, -746, 710, 0.63 },
    { "exp near 0", mt_dexp, expl, -1, 1, 0.63 },
    { "log", mt_dlog, logl, 0, 1000, 0.9 },
    { "log near 1", mt_dlog, logl, 0.5, 2, 0.9 },
    { "log1p", mt_dlog1p, log1pl, -1, 10, 0.9 },
    { "log1p near 0", mt_dlog1p, log1pl, -0.3, 0.42, 0.9 },
    { "log1p large", mt_dlog1p, log1pl, 0, 1e17, 0.9 },
    { "sinpi", mt_dsinpi, sinpi_reference, -3, 3, 0.8 },
    { "sinpi far", mt_dsinpi, sinpi_reference, -1e6, 1e6, 0.8 },
    { "cospi", mt_dcospi, cospi_reference, -3, 3, 0.8 },
    { "cospi far", mt_dcospi, cospi_reference, -1e6, 1e6, 0.8 },
    { "sqrt", mt_dsqrt, sqrtl, 0, 1e10, 0.5001 },
};

static void check_unary(const struct unary *u, double x)
{
    long double want = u->reference(x);
    double error = ulps(u->f(x), want);
    double bound = fabsl(want) < DBL_MIN ? 1 : u->bound;

    if (!(error <= bound))
        ck_abort_msg("%s(%a): %.3f ulp, got %a", u->name, x, error, u->f(x));
}

START_TEST(unary_functions_stay_within_their_bounds)
{
    const struct unary *u = &unary[_i];
    uint64_t n = n_points();

    for (uint64_t i = 0; i < n; i++)
        check_unary(u, random_in(u->name, i, u->a, u->b));
    for (uint64_t i = 0; i < n / 4; i++)
        check_unary(u, random_bits(u->name, i));
}
END_TEST

START_TEST(unary_functions_take_special_values)
{
    static const double x[] = { 0.0,      -0.0,      INFINITY,   -INFINITY,
                                NAN,      DBL_MAX,   -DBL_MAX,   DBL_MIN,
                                -DBL_MIN, 0x1p-1074, -0x1p-1074, 1.0,
                                -1.0,     0x1p52,    0x1p53,     0x1p53 - 1 };
    const struct unary *u = &unary[_i];
    size_t n = have_reference() ? sizeof x / sizeof *x : 0;

    for (size_t i = 0; i < n; i++)
        check_unary(u, x[i]);
}
END_TEST

START_TEST(exact_cases_are_exact)
{
    assert_same(mt_dexp(0), 1);
    assert_same(mt_dexp(-0.0), 1);
    assert_same(mt_dexp(INFINITY), INFINITY);
    assert_same(mt_dexp(-INFINITY), 0);
    assert_same(mt_dexp(710), INFINITY);
    assert_same(mt_dexp(-746), 0);
    assert_same(mt_dexp(-745), 0x1p-1074);
    assert_same(mt_dlog(1), 0);
    assert_same(mt_dlog(0), -INFINITY);
    assert_same(mt_dlog(-1), NAN);
    assert_same(mt_dlog(INFINITY), INFINITY);
    assert_same(mt_dlog(0x1p-1074), -0x1.74385446d71c3p+9);
    assert_same(mt_dlog1p(-0.0), -0.0);
    assert_same(mt_dlog1p(0x1p-60), 0x1p-60);
    assert_same(mt_dlog1p(-1), -INFINITY);
    assert_same(mt_dlog1p(-1.5), NAN);
    assert_same(mt_dcospi(0), 1);
    assert_same(mt_dcospi(0.5), 0);
    assert_same(mt_dcospi(-1.5), 0);
    assert_same(mt_dcospi(1), -1);
    assert_same(mt_dcospi(2), 1);
    assert_same(mt_dcospi(0x1p53 - 1), -1);
    assert_same(mt_dcospi(1e300), 1);
    assert_same(mt_dcospi(INFINITY), NAN);
    assert_same(mt_dsinpi(0), 0);
    assert_same(mt_dsinpi(-0.0), -0.0);
    assert_same(mt_dsinpi(3), 0);
    assert_same(mt_dsinpi(-3), -0.0);
    assert_same(mt_dsinpi(0.5), 1);
    assert_same(mt_dsinpi(-0.5), -1);
    assert_same(mt_dsinpi(1.5), -1);
    assert_same(mt_dsinpi(NAN), NAN);
    assert_same(mt_dsqrt(2), 0x1.6a09e667f3bcdp+0);
}
END_TEST

START_TEST(pow_stays_within_its_bound)
{
    uint64_t n = n_points();

    for (uint64_t i = 0; i < n; i++) {
        double x = mt_dexp(random_in("pow x", i, -30, 30));
        double y = random_in("pow y", i, -24, 24);

        if (i % 4 == 1)
            x = random_in("pow near 1", i, 0.9, 1.1), y *= 1000;
        if (i % 4 == 2)
            y = (double)(int)y, x = -x;
        if (i % 4 == 3)
            x = random_bits("pow x", i), y = random_bits("pow y", i);

        long double want = powl(x, y);
        double error = ulps(mt_dpow(x, y), want);
        double bound = fabsl(want) < DBL_MIN ? 1 : 0.63;

        if (!(error <= bound))
            ck_abort_msg("pow(%a, %a): %.3f ulp, got %a", x, y, error,
                         mt_dpow(x, y));
    }
}
END_TEST

/* All pairs of the values on which C's pow has a rule of its own. */
START_TEST(pow_takes_special_values)
{
    static const double v[] = { 0.0,       -0.0,      1.0,  -1.0,  0.5,
                                -0.5,      2.0,       -2.0, 3.0,   -3.0,
                                INFINITY,  -INFINITY, NAN,  1e300, -1e300,
                                0x1p-1074, 0x1p53,    2.5 };
    enum { N = sizeof v / sizeof *v };

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double got = mt_dpow(v[i], v[j]), want = pow(v[i], v[j]);

            ck_assert_msg(ulps(got, want) <= 1 &&
                              (isnan(want) || signbit(got) == signbit(want)),
                          "pow(%g, %g): got %a, want %a", v[i], v[j], got,
                          want);
        }
    }
}
END_TEST

START_TEST(pow_is_exact_where_the_result_is)
{
    assert_same(mt_dpow(0.9, 3), 0x1.753f7ced91688p-1);
    assert_same(mt_dpow(NAN, 0), 1);
    assert_same(mt_dpow(1, NAN), 1);
    assert_same(mt_dpow(-8, 1.0 / 3), NAN);
    for (int i = -1074; i <= 1023; i++)
        assert_same(mt_dpow(2, i), ldexp(1, i));
    for (int i = 1; i <= 33; i++) {
        double cube = (double)i * i * i;

        assert_same(mt_dpow(i, 3), cube);
        assert_same(mt_dpow(-i, 3), -cube);
        assert_same(mt_dpow(cube * cube, 0.5), cube);
    }
}
END_TEST

START_TEST(powi_stays_within_its_bound)
{
    uint64_t points = n_points() / 4;

    for (uint64_t i = 0; i < points; i++) {
        double x = mt_dexp(random_in("powi x", i, -3, 3));
        uint64_t n = (uint64_t)random_in("powi n", i, 0, 300);

        if (i % 2)
            x = 1 - mt_dexp(random_in("powi x", i, -20, -1)), n *= n;
        if (i % 3 == 0)
            x = -x;

        long double want = powl(x, n);
        double error = ulps(mt_dpowi(x, n), want);
        double bound = fabsl(want) < DBL_MIN ? 1 : 0.55;

        if (!(error <= bound))
            ck_abort_msg("powi(%a, %lu): %.3f ulp", x, (unsigned long)n, error);
    }
}
END_TEST

START_TEST(powi_takes_special_values)
{
    assert_same(mt_dpowi(0.9, 3), 0x1.753f7ced91688p-1);
    assert_same(mt_dpowi(NAN, 0), 1);
    assert_same(mt_dpowi(NAN, 1), NAN);
    assert_same(mt_dpowi(0, 5), 0);
    assert_same(mt_dpowi(-0.0, 5), -0.0);
    assert_same(mt_dpowi(-0.0, 4), 0);
    assert_same(mt_dpowi(-INFINITY, 3), -INFINITY);
    assert_same(mt_dpowi(-1, UINT64_MAX), -1);
    assert_same(mt_dpowi(1, UINT64_MAX), 1);
    assert_same(mt_dpowi(2, UINT64_MAX), INFINITY);
    assert_same(mt_dpowi(-2, UINT64_MAX), -INFINITY);
    assert_same(mt_dpowi(0.5, UINT64_MAX), 0);
    assert_same(mt_dpowi(0.5, 1074), 0x1p-1074);
    assert_same(mt_dpowi(0x1p-1074, 1), 0x1p-1074);
    assert_same(mt_dpowi(DBL_MAX, 1), DBL_MAX);
    assert_same(mt_dpowi(10, 22), 1e22);
}
END_TEST

/* The same on every CPU, by every compiler, for ever: checkpoints rest on it.
 * An FNV-1a hash over the bits of some thousand results. */
START_TEST(the_bits_stay)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (int i = 0; i < 2000; i++) {
        double x = i * 0.37 + 0.001, y = (i - 1000) * 0.0071;
        double results[] = { mt_dexp(100 * y),
                             mt_dlog(x),
                             mt_dlog1p(x / 9 - 0.5 * (x < 9)),
                             mt_dpow(x, y),
                             mt_dpowi(y, (uint64_t)i),
                             mt_dcospi(y),
                             mt_dsinpi(y),
                             mt_dsqrt(x) };

        for (size_t j = 0; j < sizeof results / sizeof *results; j++)
            hash = (hash ^ bits_of(results[j])) * UINT64_C(0x100000001b3);
    }
    ck_assert_msg(hash == UINT64_C(0xca71f43d37473641), "hash %#lx",
                  (unsigned long)hash);
}
END_TEST

Suite *dmath_suite(void);

Suite *dmath_suite(void)
{
    Suite *s = suite_create("dmath");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, unary_functions_stay_within_their_bounds, 0,
                        sizeof unary / sizeof *unary);
    tcase_add_loop_test(t, unary_functions_take_special_values, 0,
                        sizeof unary / sizeof *unary);
    tcase_add_test(t, exact_cases_are_exact);
    tcase_add_test(t, pow_stays_within_its_bound);
    tcase_add_test(t, pow_takes_special_values);
    tcase_add_test(t, pow_is_exact_where_the_result_is);
    tcase_add_test(t, powi_stays_within_its_bound);
    tcase_add_test(t, powi_takes_special_values);
    tcase_add_test(t, the_bits_stay);
    suite_add_tcase(s, t);
    return s;
}
