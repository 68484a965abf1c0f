/*
 * Functions of kernels/dmath.h on vectors, for the arguments that drawing has:
 * the same operations in the same order, so the same bits (the tests of drawing
 * compare them). How they are done and how exact they are is said there.
 */
#ifndef MT_KERNELS_ISA_VDMATH_H
#define MT_KERNELS_ISA_VDMATH_H

#include "kernels/isa/vecd.h"

/* An unevaluated sum. */
struct vdd {
    vd hi, lo;
};

VINLINE struct vdd vd_fast_sum(vd a, vd b)
{
    vd s = a + b;

    return (struct vdd){ s, b - (s - a) };
}

VINLINE struct vdd vd_two_prod(vd a, vd b)
{
    vd ca = 0x8000001p0 * a, cb = 0x8000001p0 * b, p = a * b;
    vd ah = ca - (ca - a), al = a - ah;
    vd bh = cb - (cb - b), bl = b - bh;

    return (struct vdd){ p, ((ah * bh - p) + ah * bl + al * bh) + al * bl };
}

VINLINE struct vdd vdd_mul(struct vdd a, struct vdd b)
{
    struct vdd p = vd_two_prod(a.hi, b.hi);

    return vd_fast_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* c[0] z^(n-1) + ... + c[n-1] */
VINLINE vd vd_poly(const double *c, size_t n, vd z)
{
    vd s = vd_set1(c[0]);

    for (size_t i = 1; i < n; i++)
        s = s * z + c[i];
    return s;
}

/* mt_dlog(x) for normal x in (0, 1) */
VINLINE vd vd_log(vd x)
{
    static const double q[] = {
        0x1.0f63139d9a3f3p-3, 0x1.0f5cc8e4dfde7p-3, 0x1.3b20ab901d6d4p-3,
        0x1.745cde35a1e27p-3, 0x1.c71c7258fd8aap-3, 0x1.249249242b417p-2,
        0x1.9999999999dffp-2, 0x1.5555555555555p-1,
    };
    const double ln2_a = 0x1.62e42fee00000p-1, ln2_b = 0x1.a39ef35600000p-33,
                 ln2_c = 0x1.93c7673007e5ep-65, sqrt2 = 0x1.6a09e667f3bcdp+0;
    vu bits = (vu)x;
    vd m = (vd)((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52);
    vd k = vd_from(bits >> 52) - 1023.0;
    vu small = vd_lt(m, vd_set1(sqrt2));

    m = vd_sel(small, m, m * 0.5);
    k = vd_sel(small, k, k + 1.0);

    vd f = m - 1.0, s = f / (2.0 + f), z = s * s;
    vd r = vd_poly(q, sizeof q / sizeof *q, z) * z;
    vd half = 0.5 * f * f;
    vd low = s * (half + r) + k * (ln2_b + ln2_c);

    return k * ln2_a - ((half - low) - f);
}

/* sin(pi t) for 2^-900 <= t <= 1/4 */
VINLINE vd vd_sinpi_kernel(vd t)
{
    static const double c[] = {
        -0x1.6c63cbae54e84p-16, 0x1.e8eef00a9227cp-12, -0x1.e3074b7df5feap-8,
        0x1.50783485eeb5cp-4,   -0x1.32d2cce62ade5p-1, 0x1.466bc6775aadbp+1,
        -0x1.4abbce625be53p+2,
    };
    vd z = t * t, s = vd_poly(c, sizeof c / sizeof *c, z);
    struct vdd p = vd_two_prod(t, vd_set1(0x1.921fb54442d18p+1));

    return p.hi + (p.lo + (t * 0x1.1a62633145c07p-53 + t * z * s));
}

/* cos(pi t) for 2^-400 <= t <= 1/4; 1 below 2^-30 without asking */
VINLINE vd vd_cospi_kernel(vd t)
{
    static const double c[] = {
        0x1.1e46a52a231ebp-18, -0x1.b6dde2403c844p-14, 0x1.f9d3860f60ad5p-10,
        -0x1.a6d1f29fce7e4p-6, 0x1.e1f506891a5aep-3,   -0x1.55d3c7e3cbff4p+0,
        0x1.03c1f081b5ac4p+2,
    };
    struct vdd half_pi2 = { vd_set1(0x1.3bd3cc9be45dep+2),
                            vd_set1(0x1.692b71366cc04p-52) };
    struct vdd z = vd_two_prod(t, t), p = vdd_mul(z, half_pi2);
    vd s = vd_poly(c, sizeof c / sizeof *c, z.hi);
    struct vdd r = vd_fast_sum(vd_set1(1), -p.hi);

    return r.hi + (r.lo - p.lo + z.hi * z.hi * s);
}

/* mt_dcospi(x) and mt_dsinpi(x) for x in (0, 2) that is not a multiple of
 * 1/2 */
VINLINE void vd_cossinpi(vd x, vd *cos, vd *sin)
{
    vu sign = (vu)vd_set1(-0.0);
    vu first = vd_lt(x, vd_set1(1)); /* half of the circle */
    vd t = vd_sel(first, x, x - 1.0);
    vu right = vd_lt(t, vd_set1(0.5)); /* quarter of that half */
    vd u = vd_sel(right, t, 1.0 - t);
    vu near = vd_lt(vd_set1(0.25), u); /* nearer to 1/2 than to 0 */
    vd r = vd_sel(near, 0.5 - u, u);
    vd c = vd_cospi_kernel(r), s = vd_sinpi_kernel(r);

    *cos = (vd)((vu)vd_sel(near, s, c) ^ ((first ^ right) & sign));
    *sin = (vd)((vu)vd_sel(near, c, s) ^ (~first & sign));
}

#endif
