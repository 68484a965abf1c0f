#include "nn/draw.h"

#include <math.h>
#include <stdbool.h>

#include "base/size.h"
#include "kernels/dispatch.h"
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

struct interval;

/* --- tasks ---------------------------------------------------------------- */

/* Elements of a task; the kernels need whole vectors of blocks. */
enum { SPAN = 1 << 16 };

/* The arguments of one of the functions of draw.h. */
struct drawing {
    void (*draw)(const struct drawing *d, size_t first, size_t n);
    struct mt_philox_key key;
    size_t n;
    float *out;
    double *out_f64;
    double mean, std;          /* normal */
    double a, width;           /* uniform */
    float low, high;           /* bounds of the result */
    const struct interval *in; /* truncated */
};

static void draw_span(void *ctx, size_t task, size_t worker)
{
    const struct drawing *d = ctx;
    size_t first = task * SPAN;

    (void)worker;
    d->draw(d, first, mt_size_min(d->n - first, SPAN));
}

static void draw_all(struct mt_team *team, struct drawing *d)
{
    mt_team_run(team, mt_size_ceil_div(d->n, SPAN), draw_span, d);
}

/* --- uniform and normal --------------------------------------------------- */

static void draw_uniform(const struct drawing *d, size_t first, size_t n)
{
    mt_kernels()->draw_uniform(d->out + first, n, first, d->key, d->a, d->width,
                               d->low, d->high);
}

void mt_draw_uniform(struct mt_team *team, struct mt_philox_key key, double a,
                     double b, size_t n, float *out)
{
    struct drawing d = { .draw = draw_uniform,
                         .key = key,
                         .n = n,
                         .out = out,
                         .a = a,
                         .width = b - a,
                         .low = float_at_least(a),
                         .high = float_at_most(b) };

    if ((double)d.high == b)
        d.high = nextafterf(d.high, -INFINITY);
    if (d.low > d.high)
        d.low = d.high = (float)a + 0.0f; /* never -0 */
    draw_all(team, &d);
}

static void draw_normal(const struct drawing *d, size_t first, size_t n)
{
    mt_kernels()->draw_normal(d->out + first, n, first, d->key, d->mean,
                              d->std);
}

void mt_draw_normal(struct mt_team *team, struct mt_philox_key key, double mean,
                    double std, size_t n, float *out)
{
    draw_all(team, &(struct drawing){ .draw = draw_normal,
                                      .key = key,
                                      .n = n,
                                      .out = out,
                                      .mean = mean,
                                      .std = std });
}

static void draw_normal_f64(const struct drawing *d, size_t first, size_t n)
{
    double *out = d->out_f64 + first, last[2];

    mt_kernels()->normals(out, n / 2, first / 2, d->key, 0);
    if (n % 2) {
        mt_kernels()->normals(last, 1, (first + n) / 2, d->key, 0);
        out[n - 1] = last[0];
    }
}

void mt_draw_normal_f64(struct mt_team *team, struct mt_philox_key key,
                        size_t n, double *out)
{
    draw_all(team,
             &(struct drawing){
                 .draw = draw_normal_f64, .key = key, .n = n, .out_f64 = out });
}

/* --- truncated ------------------------------------------------------------ */

static float clamp(double x, float low, float high)
{
    float f = (float)x;

    if (f < low)
        return low;
    return f > high ? high : f;
}

/* The two numbers of mt_philox_uniform in block w. */
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

/*
 * A standard normal z given low <= z <= high: rejection, with the proposal that
 * suits the interval (after Robert, "Simulation of truncated normal variables",
 * 1995). Each accepts at least about one in three.
 *
 * An interval on the left is mirrored, so that low >= 0 or low < 0 < high.
 */
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

/* z uniform, accepted with exp((m^2 - z^2) / 2), m being the point nearest
 * 0. */
static bool propose_uniform(const struct interval *in, const uint32_t w[4],
                            double *z)
{
    double m = in->low > 0 ? in->low : 0, u[2];

    two_uniforms(w, u);
    *z = in->low + (in->high - in->low) * u[0];
    return u[1] <= mt_dexp((m - *z) * (*z + m) * 0.5);
}

/* z - low exponential of rate low, truncated at high - low, accepted with
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

/* 0.7^ATTEMPTS is below 1e-39: the limit only shows that the loop ends. */
enum { ATTEMPTS = 256 };

enum { SOME = 256 }; /* a multiple of the vector */

/* Draws element i, from this attempt on. */
static double draw_in(const struct interval *in, struct mt_philox_key key,
                      size_t i, uint32_t attempt)
{
    double z = in->low;
    uint32_t w[4];

    for (; attempt < ATTEMPTS; attempt++) {
        mt_philox_block(key, attempt, i, w);
        if (in->propose(in, w, &z))
            break;
    }
    return z;
}

/* Which of the two normal numbers of a block is in the interval; 2: none. */
static int which_is_in(const struct interval *in, const double z[2])
{
    for (int i = 0; i < 2; i++) {
        if (z[i] >= in->low && z[i] <= in->high)
            return i;
    }
    return 2;
}

/* Fills z; if normal numbers are proposed, the first attempts of many elements
 * are made at once. */
static void draw_some(const struct interval *in, struct mt_philox_key key,
                      size_t first, size_t n, double *z)
{
    double pairs[2 * SOME];
    bool normal = in->propose == propose_normal;

    if (normal)
        mt_kernels()->normals(pairs, n, first, key, 0);
    for (size_t i = 0; i < n; i++) {
        int which = normal ? which_is_in(in, pairs + 2 * i) : 2;

        z[i] = which < 2 ? pairs[2 * i + (size_t)which]
                         : draw_in(in, key, first + i, normal);
    }
}

static void draw_truncated(const struct drawing *d, size_t first, size_t n)
{
    for (size_t end = first + n; first < end; first += SOME) {
        size_t some = mt_size_min(end - first, SOME);
        double z[SOME];

        draw_some(d->in, d->key, first, some, z);
        for (size_t i = 0; i < some; i++) {
            double x = d->in->mirrored ? -z[i] : z[i];

            d->out[first + i] = clamp(d->mean + d->std * x, d->low, d->high);
        }
    }
}

void mt_draw_truncated(struct mt_team *team, struct mt_philox_key key,
                       double mean, double std, double a, double b, size_t n,
                       float *out)
{
    struct interval in = make_interval((a - mean) / std, (b - mean) / std);
    struct drawing d = { .draw = draw_truncated,
                         .key = key,
                         .n = n,
                         .out = out,
                         .mean = mean,
                         .std = std,
                         .low = float_at_least(a),
                         .high = float_at_most(b),
                         .in = &in };

    if (d.low > d.high)
        d.low = d.high = (float)a + 0.0f; /* never -0 */
    draw_all(team, &d);
}
