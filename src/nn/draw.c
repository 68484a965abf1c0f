#include "nn/draw.h"

#include <math.h>
#include <stdbool.h>

#include "kernels/dmath.h"

/* The smallest float >= x. */
static float float_at_least(double x)
{
    float f = (float)x;

    return (double)f < x ? nextafterf(f, INFINITY) : f;
}

/* The largest float <= x. */
static float float_at_most(double x)
{
    float f = (float)x;

    return (double)f > x ? nextafterf(f, -INFINITY) : f;
}

static float clamp(double x, float low, float high)
{
    float f = (float)x;

    if (f < low)
        return low;
    return f > high ? high : f;
}

void mt_draw_uniform(struct mt_philox_key key, double a, double b, size_t n,
                     float *out)
{
    float low = float_at_least(a), high = float_at_most(b);
    double width = b - a;
    uint32_t w[4] = { 0 };

    if ((double)high == b)
        high = nextafterf(high, -INFINITY);
    if (low > high)
        low = high = (float)a + 0.0f; /* never -0 */
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            mt_philox_block(key, 0, i / 4, w);
        out[i] =
            clamp(a + width * (((double)w[i % 4] + 0.5) * 0x1p-32), low, high);
    }
}

/* The two numbers of mt_philox_uniform that block w holds. */
static void two_uniforms(const uint32_t w[4], double u[2])
{
    for (int i = 0; i < 2; i++) {
        uint64_t bits = ((uint64_t)w[2 * i] << 32 | w[2 * i + 1]) >> 12;

        u[i] = ((double)bits + 0.5) * 0x1p-52;
    }
}

/* z0 = sqrt(-2 log u) cos(2 pi v), z1 = sqrt(-2 log u) sin(2 pi v) */
static void two_normals(const uint32_t w[4], double z[2])
{
    double u[2];

    two_uniforms(w, u);

    double r = mt_dsqrt(-2 * mt_dlog(u[0]));

    z[0] = r * mt_dcospi(2 * u[1]);
    z[1] = r * mt_dsinpi(2 * u[1]);
}

void mt_draw_normal(struct mt_philox_key key, double mean, double std, size_t n,
                    float *out)
{
    uint32_t w[4];
    double z[2] = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (i % 2 == 0) {
            mt_philox_block(key, 0, i / 2, w);
            two_normals(w, z);
        }
        out[i] = (float)(mean + std * z[i % 2]);
    }
}

void mt_draw_normal_f64(struct mt_philox_key key, size_t n, double *out)
{
    uint32_t w[4];
    double z[2] = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (i % 2 == 0) {
            mt_philox_block(key, 0, i / 2, w);
            two_normals(w, z);
        }
        out[i] = z[i % 2];
    }
}

/*
 * A standard normal z given low <= z <= high: rejection, with the proposal
 * that fits the interval (after Robert, "Simulation of truncated normal
 * variables", 1995). Each accepts about one in three at least.
 *
 * An interval on the left is mirrored, so that low >= 0 or low < 0 < high.
 */
struct interval;

typedef bool proposal(const struct interval *in, const uint32_t w[4],
                      double *z);

struct interval {
    double low, high;
    bool mirrored;
    proposal *propose;
};

/* z from the whole normal distribution, if it is in the interval. */
static bool propose_normal(const struct interval *in, const uint32_t w[4],
                           double *z)
{
    double pair[2];

    two_normals(w, pair);
    for (int i = 0; i < 2; i++) {
        *z = pair[i];
        if (*z >= in->low && *z <= in->high)
            return true;
    }
    return false;
}

/* z uniform, accepted with exp((m^2 - z^2) / 2), m the point next to 0. */
static bool propose_uniform(const struct interval *in, const uint32_t w[4],
                            double *z)
{
    double m = in->low > 0 ? in->low : 0, u[2];

    two_uniforms(w, u);
    *z = in->low + (in->high - in->low) * u[0];
    return u[1] <= mt_dexp((m - *z) * (*z + m) * 0.5);
}

/* z - low exponential of rate low, cut at high - low, accepted with
 * exp(-(z - low)^2 / 2). */
static bool propose_exponential(const struct interval *in, const uint32_t w[4],
                                double *z)
{
    double u[2];

    two_uniforms(w, u);

    double mass = 1 - mt_dexp(-in->low * (in->high - in->low));
    double beyond = -mt_dlog1p(-u[0] * mass) / in->low;

    *z = in->low + beyond;
    return u[1] <= mt_dexp(-0.5 * beyond * beyond);
}

static struct interval make_interval(double low, double high)
{
    struct interval in = { low, high, false, propose_normal };
    const double wide = 2.5;

    if (high < 0)
        in = (struct interval){ -high, -low, true, propose_normal };

    double width = in.high - in.low;

    if (in.low > 0.5 && in.low * width > 1)
        in.propose = propose_exponential;
    else if (in.low > 0.5 || width < wide)
        in.propose = propose_uniform;
    return in;
}

/* 0.7^ATTEMPTS is below 1e-39: the loop's end is there for proof only. */
enum { ATTEMPTS = 256 };

static double draw_in(const struct interval *in, struct mt_philox_key key,
                      size_t i)
{
    double z = in->low;
    uint32_t w[4];

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        mt_philox_block(key, attempt, i, w);
        if (in->propose(in, w, &z))
            break;
    }
    return in->mirrored ? -z : z;
}

void mt_draw_truncated(struct mt_philox_key key, double mean, double std,
                       double a, double b, size_t n, float *out)
{
    struct interval in = make_interval((a - mean) / std, (b - mean) / std);
    float low = float_at_least(a), high = float_at_most(b);

    if (low > high)
        low = high = (float)a + 0.0f; /* never -0 */
    for (size_t i = 0; i < n; i++)
        out[i] = clamp(mean + std * draw_in(&in, key, i), low, high);
}
