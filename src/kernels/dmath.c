/*
 * How it is done
 *
 * Numbers of extra precision are unevaluated sums hi + lo of two doubles
 * (struct dd), made by Knuth's exact sum and Dekker's exact product; there is
 * no fma here, so the bits depend on IEEE + - * / and sqrt alone.
 *
 * Coefficients written as fractions are plain Taylor terms. Those written in
 * hexadecimal are minimax polynomials: a Remez exchange in 200-bit arithmetic
 * for the relative error on the reduced interval, each then rounded to double.
 * The error of the polynomial alone, before rounding, is given next to each.
 *
 * Bounds of the errors against the true value, in units in the last place of
 * the result, held by dmath_test.c (doubles are too many to try them all; in
 * brackets the largest error at twenty million random points of each range):
 *     exp 0.63 (0.621), log 0.9 (0.826), log1p 0.9 (0.845), pow 0.63 (0.617),
 *     powi 0.55 (0.500) for n < 2^40, cospi 0.8 (0.781), sinpi 0.8 (0.782);
 *     one unit at most where the result is subnormal.
 */
#include "kernels/dmath.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "double must be evaluated as double");

/* ln 2 = LN2_A + LN2_B + LN2_C: 32, 32 and 53 bits, so that k * LN2_A and
 * k * LN2_B are exact for |k| < 2^21. */
#define LN2_A 0x1.62e42fee00000p-1
#define LN2_B 0x1.a39ef35600000p-33
#define LN2_C 0x1.93c7673007e5ep-65

#define SQRT2 0x1.6a09e667f3bcdp+0

struct dd {
    double hi, lo;
};

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for a normal result: -1022 <= k <= 1023. */
static double two_to(int k)
{
    return from_bits((uint64_t)(k + 1023) << 52);
}

/* x 2^k for x near 1, with a single rounding where it is subnormal. */
static double scale(double x, int k)
{
    if (k > 1023)
        return k > 1025 ? INFINITY : x * two_to(k - 2) * 4;
    if (k < -1021)
        return k < -1080 ? 0 : x * two_to(k + 60) * 0x1p-60;
    return x * two_to(k);
}

/* a + b exactly (Knuth). */
static struct dd two_sum(double a, double b)
{
    double s = a + b, t = s - a;

    return (struct dd){ s, (a - (s - t)) + (b - t) };
}

/* The same where |a| >= |b| or a == 0 (Dekker). */
static struct dd fast_sum(double a, double b)
{
    double s = a + b;

    return (struct dd){ s, b - (s - a) };
}

/* a * b exactly (Veltkamp, Dekker), for |a|, |b| < 2^990 and no underflow. */
static struct dd two_prod(double a, double b)
{
    double ca = 0x8000001p0 * a, cb = 0x8000001p0 * b, p = a * b;
    double ah = ca - (ca - a), al = a - ah;
    double bh = cb - (cb - b), bl = b - bh;

    return (struct dd){ p, ((ah * bh - p) + ah * bl + al * bh) + al * bl };
}

static struct dd dd_add(struct dd a, struct dd b)
{
    struct dd s = two_sum(a.hi, b.hi), t = two_sum(a.lo, b.lo);

    s = fast_sum(s.hi, s.lo + t.hi);
    return fast_sum(s.hi, s.lo + t.lo);
}

static struct dd dd_mul(struct dd a, struct dd b)
{
    struct dd p = two_prod(a.hi, b.hi);

    return fast_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static struct dd dd_scale(struct dd a, double power_of_two)
{
    return (struct dd){ a.hi * power_of_two, a.lo * power_of_two };
}

/* x = m 2^e with sqrt(1/2) <= m < sqrt(2), for finite x > 0. */
static double split(double x, int *e)
{
    int bias = 1023;

    if (x < DBL_MIN) {
        x *= 0x1p54;
        bias += 54;
    }

    uint64_t bits = bits_of(x);
    double m = from_bits((bits & 0xfffffffffffff) | UINT64_C(1023) << 52);

    *e = (int)(bits >> 52) - bias;
    if (m >= SQRT2) {
        m *= 0.5;
        *e += 1;
    }
    return m;
}

static bool is_whole(double x)
{
    double a = x < 0 ? -x : x;

    return a >= 0x1p52 || (double)(int64_t)a == a;
}

static bool is_odd(double x)
{
    double a = x < 0 ? -x : x;

    return a < 0x1p53 && (double)(int64_t)a == a && ((int64_t)a & 1);
}

/*
 * e^(hi + lo), for |lo| <= ulp(hi) and |hi| < 800:
 *     k = round(hi / ln 2), r = hi + lo - k ln 2, e^r = 1 + r + r^2 P(r).
 * |r| <= 0.3466, and only the last sum rounds at the size of the result. The
 * Taylor series up to r^14 leaves 1e-19.
 */
static double exp_dd(double hi, double lo)
{
    static const double p[] = {
        1.0 / 87178291200.0, 1.0 / 6227020800.0, 1.0 / 479001600.0,
        1.0 / 39916800.0,    1.0 / 3628800.0,    1.0 / 362880.0,
        1.0 / 40320.0,       1.0 / 5040.0,       1.0 / 720.0,
        1.0 / 120.0,         1.0 / 24.0,         1.0 / 6.0,
        1.0 / 2.0,
    };
    double k = (hi * 0x1.71547652b82fep+0 + 0x1.8p52) - 0x1.8p52;
    struct dd r = two_sum(hi - k * LN2_A, -k * LN2_B);

    r = two_sum(r.hi, r.lo + (lo - k * LN2_C));

    double q = p[0];
    for (size_t i = 1; i < sizeof p / sizeof *p; i++)
        q = q * r.hi + p[i];

    struct dd s = fast_sum(1, r.hi);
    double y = s.hi + (s.lo + (r.lo * s.hi + r.hi * r.hi * q));

    return scale(y, (int)k);
}

double mt_dexp(double x)
{
    if (x != x)
        return x;
    if (x > 709.8)
        return INFINITY;
    if (x < -745.2)
        return 0;
    return exp_dd(x, 0);
}

/*
 * log(2^e (1 + f)) + tail, with s = f / (2 + f) and
 *     log(1 + f) = 2 s + s R(s^2) = f - (f^2/2 - s (f^2/2 + R)),
 * |s| <= 0.1716; R(z) = z Q(z) to 2^-66 of the logarithm.
 */
static double log_kernel(double f, int e, double tail)
{
    static const double q[] = {
        0x1.0f63139d9a3f3p-3, 0x1.0f5cc8e4dfde7p-3, 0x1.3b20ab901d6d4p-3,
        0x1.745cde35a1e27p-3, 0x1.c71c7258fd8aap-3, 0x1.249249242b417p-2,
        0x1.9999999999dffp-2, 0x1.5555555555555p-1,
    };
    double s = f / (2 + f), z = s * s, r = q[0];

    for (size_t i = 1; i < sizeof q / sizeof *q; i++)
        r = r * z + q[i];
    r *= z;

    double half = 0.5 * f * f, k = e;
    double low = s * (half + r) + (k * (LN2_B + LN2_C) + tail);

    return k * LN2_A - ((half - low) - f);
}

double mt_dlog(double x)
{
    int e;

    if (!(x > 0))
        return x == 0 ? -INFINITY : (double)NAN;
    if (x == INFINITY)
        return x;

    double m = split(x, &e);

    return log_kernel(m - 1, e, 0);
}

double mt_dlog1p(double x)
{
    int e;

    if (!(x > -1))
        return x == -1 ? -INFINITY : (double)NAN;
    if (x == INFINITY || (x < 0x1p-54 && x > -0x1p-54))
        return x;
    if (x > -0.29 && x < 0.41)
        return log_kernel(x, 0, 0);

    double u = 1 + x, lost = x >= 1 ? 1 - (u - x) : x - (u - 1);
    double m = split(u, &e);

    return log_kernel(m - 1, e, lost / u);
}

/*
 * log x to about 2^-68 of its value, for finite x > 0: with s as above,
 *     log m = 2 s (1 + z/3 + z^2/5 + ...), z = s^2 <= 0.0295;
 * the terms up to z^2 in extra precision, the others, at most 2^-18 of the
 * sum, in double.
 */
static struct dd log_dd(double x)
{
    static const double t[] = { 1.0 / 31, 1.0 / 29, 1.0 / 27, 1.0 / 25,
                                1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17,
                                1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9,
                                1.0 / 7 };
    static const struct dd third = { 0x1.5555555555555p-2,
                                     0x1.5555555555555p-56 };
    static const struct dd fifth = { 0x1.999999999999ap-3,
                                     -0x1.999999999999ap-57 };
    int e;
    double m = split(x, &e), f = m - 1;
    struct dd d = two_sum(m, 1), s, z, w;

    s.hi = f / d.hi;
    w = two_prod(s.hi, d.hi);
    s.lo = ((f - w.hi) - w.lo - s.hi * d.lo) / d.hi;
    z = dd_mul(s, s);

    double tail = t[0];
    for (size_t i = 1; i < sizeof t / sizeof *t; i++)
        tail = tail * z.hi + t[i];

    w = dd_add(fifth, (struct dd){ tail * z.hi, 0 });
    w = dd_mul(dd_add(third, dd_mul(w, z)), z);
    w = dd_scale(dd_add(s, dd_mul(s, w)), 2);

    struct dd ln2 = two_sum(e * LN2_A, e * LN2_B);

    ln2.lo += e * LN2_C;
    return dd_add(ln2, w);
}

/* x^y for finite x > 0 and finite y != 0: e^(y log x). */
static double pow_positive(double x, double y)
{
    struct dd l = log_dd(x);
    double size = y * l.hi;

    if (size > 720)
        return INFINITY;
    if (size < -760)
        return 0;
    if (size < 0x1p-60 && size > -0x1p-60)
        return 1 + size;

    struct dd p = two_prod(y, l.hi);

    p = fast_sum(p.hi, p.lo + y * l.lo);
    return exp_dd(p.hi, p.lo);
}

/* x^y where x or y is infinite or x is zero, for x >= 0, x != 1, y != 0. */
static double pow_edge(double x, double y)
{
    bool grows = y > 0;

    if (y == INFINITY || y == -INFINITY)
        return (x > 1) == grows ? INFINITY : 0;
    return (x > 0) == grows ? INFINITY : 0;
}

double mt_dpow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (x != x || y != y)
        return x + y;

    bool negative = bits_of(x) >> 63, odd = is_odd(y);
    double a = negative ? -x : x;

    if (x < 0 && x > -INFINITY && !is_whole(y))
        return (double)NAN;
    if (a == 1)
        return negative && odd ? -1 : 1;

    bool edge = a == 0 || a > DBL_MAX || y > DBL_MAX || y < -DBL_MAX;
    double r = edge ? pow_edge(a, y) : pow_positive(a, y);

    return negative && odd ? -r : r;
}

/* A number m 2^e in extra precision, kept with m.hi near 1. Exponents stop at
 * +-EXPONENT_LIMIT: what gets there overflows or vanishes for sure. */
struct scaled {
    struct dd m;
    int64_t e;
};

#define EXPONENT_LIMIT (INT64_C(1) << 40)

static struct scaled scaled_mul(struct scaled a, struct scaled b)
{
    struct scaled r = { dd_mul(a.m, b.m), a.e + b.e };
    int e;
    double m = split(r.m.hi, &e);

    r.m = (struct dd){ m, r.m.lo * two_to(-e) };
    r.e += e;
    if (r.e > EXPONENT_LIMIT)
        r.e = EXPONENT_LIMIT;
    if (r.e < -EXPONENT_LIMIT)
        r.e = -EXPONENT_LIMIT;
    return r;
}

double mt_dpowi(double x, uint64_t n)
{
    if (n == 0 || x == 1)
        return 1;
    if (x != x)
        return x;

    bool negative = bits_of(x) >> 63 && (n & 1);
    double a = bits_of(x) >> 63 ? -x : x;

    if (a == 0 || a > DBL_MAX)
        return negative ? -a : a;

    int e;
    double m = split(a, &e);
    struct scaled base = { { m, 0 }, e }, r = { { 1, 0 }, 0 };

    for (;; base = scaled_mul(base, base)) {
        if (n & 1)
            r = scaled_mul(r, base);
        n >>= 1;
        if (!n)
            break;
    }
    if (r.e > 2000 || r.e < -2000)
        r.e = r.e > 0 ? 2000 : -2000;
    a = scale(r.m.hi + r.m.lo, (int)r.e);
    return negative ? -a : a;
}

/* sin(pi t) = pi t + t^3 S(t^2), 0 <= t <= 1/4, S to 2^-68. pi t is made in
 * extra precision, so that only the last sum rounds at the result's size. */
static double sinpi_kernel(double t)
{
    static const double c[] = {
        -0x1.6c63cbae54e84p-16, 0x1.e8eef00a9227cp-12, -0x1.e3074b7df5feap-8,
        0x1.50783485eeb5cp-4,   -0x1.32d2cce62ade5p-1, 0x1.466bc6775aadbp+1,
        -0x1.4abbce625be53p+2,
    };

    if (t < 0x1p-900) /* the exact product must not underflow */
        return t == 0 ? 0 : sinpi_kernel(t * 0x1p200) * 0x1p-200;

    double z = t * t, s = c[0];
    struct dd p = two_prod(t, 0x1.921fb54442d18p+1);

    for (size_t i = 1; i < sizeof c / sizeof *c; i++)
        s = s * z + c[i];
    return p.hi + (p.lo + (t * 0x1.1a62633145c07p-53 + t * z * s));
}

/* cos(pi t) = 1 - pi^2/2 t^2 + t^4 C(t^2), 0 <= t <= 1/4, C to 2^-75; the
 * first two terms in extra precision. */
static double cospi_kernel(double t)
{
    static const double c[] = {
        0x1.1e46a52a231ebp-18, -0x1.b6dde2403c844p-14, 0x1.f9d3860f60ad5p-10,
        -0x1.a6d1f29fce7e4p-6, 0x1.e1f506891a5aep-3,   -0x1.55d3c7e3cbff4p+0,
        0x1.03c1f081b5ac4p+2,
    };
    static const struct dd half_pi2 = { 0x1.3bd3cc9be45dep+2,
                                        0x1.692b71366cc04p-52 };

    if (t < 0x1p-30)
        return 1;

    struct dd z = two_prod(t, t), p = dd_mul(z, half_pi2);
    double s = c[0];

    for (size_t i = 1; i < sizeof c / sizeof *c; i++)
        s = s * z.hi + c[i];

    struct dd r = fast_sum(1, -p.hi);

    return r.hi + (r.lo - p.lo + z.hi * z.hi * s);
}

/* |x| = whole + t exactly, 0 <= t < 1; returns t and whether whole is odd. */
static double fraction(double x, bool *odd)
{
    double a = x < 0 ? -x : x;

    *odd = false;
    if (a >= 0x1p53)
        return 0;

    int64_t whole = (int64_t)a;

    *odd = whole & 1;
    return a - (double)whole;
}

double mt_dcospi(double x)
{
    bool odd;

    if (!(x <= DBL_MAX && x >= -DBL_MAX))
        return (double)NAN;

    double t = fraction(x, &odd);

    if (t == 0.5)
        return 0;
    if (t > 0.5) {
        t = 1 - t;
        odd = !odd;
    }

    double y = t > 0.25 ? sinpi_kernel(0.5 - t) : cospi_kernel(t);

    return odd ? -y : y;
}

double mt_dsinpi(double x)
{
    bool odd;

    if (!(x <= DBL_MAX && x >= -DBL_MAX))
        return (double)NAN;

    double t = fraction(x, &odd);

    if (t == 0)
        return x < 0 ? -0.0 : x * 0;
    if (t > 0.5)
        t = 1 - t;

    double y = t > 0.25 ? cospi_kernel(0.5 - t) : sinpi_kernel(t);

    return odd != (x < 0) ? -y : y;
}

double mt_dsqrt(double x)
{
    return __builtin_sqrt(x);
}
