#include "nn/init.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dmath.h"
#include "nn/draw.h"
#include "spec/testing.h"

enum { SEED = 42, MANY = 100000 };

/* A rule read from JSON, which may use ' for ". */
struct reading {
    struct mt_arena arena;
    struct mt_json *doc;
    struct mt_init init;
    struct mt_err err;
    mt_status status;
};

static struct reading read_rule(const char *json)
{
    struct reading r = { .arena = MT_ARENA_INIT,
                         .doc = mt_test_json(json),
                         .err = MT_ERR_INIT };

    r.status =
        mt_init_read(r.doc, mt_json_root(r.doc), &r.arena, &r.init, &r.err);
    return r;
}

static void release(struct reading *r)
{
    mt_json_free(r->doc);
    mt_arena_free(&r->arena);
}

/* Reads the rule `{"params": "*", <members>}` and fills a new tensor. */
static float *filled(const char *members, struct mt_shape shape,
                     const char *name)
{
    char json[512];
    size_t n = mt_shape_elements(&shape);
    float *out = calloc(n + 1, sizeof *out);

    ck_assert_ptr_nonnull(out);
    ck_assert_int_lt(
        snprintf(json, sizeof json, "{'params': '*', %s}", members),
        (int)sizeof json);
    out[n] = 12345;

    struct reading r = read_rule(json);

    ck_assert_msg(r.status == MT_OK, "%s", r.err.text);
    r.status = mt_init_fill(&r.init, &shape, SEED, name, NULL, out, &r.err);
    ck_assert_msg(r.status == MT_OK, "%s", r.err.text);
    ck_assert(out[n] == 12345);
    release(&r);
    return out;
}

static struct mt_shape shape1(size_t a)
{
    return mt_shape_of(1, a);
}

static struct mt_shape shape2(size_t a, size_t b)
{
    return mt_shape_of(2, a, b);
}

static double mean_of(const float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double std_of(const float *x, size_t n)
{
    double mean = mean_of(x, n), sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)n);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

struct distribution {
    double (*cdf)(const struct distribution *d, double x);
    double mean, std, a, b;
};

/* Sorts x; the Kolmogorov-Smirnov distance to d, times sqrt(n): above 1.95 for
 * one seed in a thousand. */
static double ks(const struct distribution *d, float *x, size_t n)
{
    double worst = 0;

    qsort(x, n, sizeof *x, by_value);
    for (size_t i = 0; i < n; i++) {
        double f = d->cdf(d, x[i]);

        worst = fmax(worst, fabs(f - (double)i / (double)n));
        worst = fmax(worst, fabs((double)(i + 1) / (double)n - f));
    }
    return worst * sqrt((double)n);
}

static double uniform_cdf(const struct distribution *d, double x)
{
    return (x - d->a) / (d->b - d->a);
}

/* P(z > x) for a standard normal z. */
static long double upper(long double x)
{
    return erfcl(x / sqrtl(2)) / 2;
}

static double normal_cdf(const struct distribution *d, double x)
{
    return (double)upper((d->mean - x) / d->std);
}

static double truncated_cdf(const struct distribution *d, double x)
{
    long double a = (d->a - d->mean) / d->std, b = (d->b - d->mean) / d->std;
    long double z = (x - d->mean) / d->std;

    if (a + b < 0) { /* mirrored, to lose no digits in the left tail */
        long double t = a;

        a = -b;
        b = -t;
        return (double)((upper(-z) - upper(b)) / (upper(a) - upper(b)));
    }
    return (double)((upper(a) - upper(z)) / (upper(a) - upper(b)));
}

START_TEST(uniform_is_uniform)
{
    static const struct distribution d = { uniform_cdf, 0, 0, -2, 3 };
    float *x = filled("'type': 'uniform_', 'a': -2, 'b': 3", shape1(MANY), "w");

    ck_assert_double_eq_tol(mean_of(x, MANY), 0.5, 0.02);
    ck_assert_double_eq_tol(std_of(x, MANY), 5 / sqrt(12), 0.02);
    ck_assert_double_lt(ks(&d, x, MANY), 1.95);
    ck_assert(x[0] >= -2 && x[MANY - 1] < 3);
    ck_assert_double_lt(x[0], -1.999);
    ck_assert_double_gt(x[MANY - 1], 2.999);
    free(x);
}
END_TEST

/* Cases in which rounding to float would reach b, or go below a. */
START_TEST(uniform_keeps_its_bounds_in_float)
{
    static const double bounds[][2] = {
        { 0, 1 },
        { 1, 1 + 0x1p-23 },
        { 1, 1 + 0x1p-22 },
        { 0.1, 0.2 },
        { 0.1, 0.10000001 },
        { -0x1p-149, 0x1p-149 },
        { 16777216, 16777219 },
        { -FLT_MAX, FLT_MAX },
        { -1, -1 + 0x1p-24 },
    };

    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double a = bounds[i][0], b = bounds[i][1];
        static float x[4000];

        mt_draw_uniform(NULL, mt_philox_key(SEED, "t", ""), a, b, 4000, x);
        for (int j = 0; j < 4000; j++)
            ck_assert_msg(x[j] >= a && x[j] < b, "%a not in [%a, %a)", x[j], a,
                          b);
    }
}
END_TEST

START_TEST(uniform_without_room_is_constant)
{
    float x[3] = { 9, 9, 9 };

    mt_draw_uniform(NULL, mt_philox_key(SEED, "t", ""), 0.5, 0.5, 3, x);
    ck_assert(x[0] == 0.5f && x[1] == 0.5f && x[2] == 0.5f);
    mt_draw_uniform(NULL, mt_philox_key(SEED, "t", ""), 0.1, 0.1 + 1e-12, 3, x);
    ck_assert(x[0] == 0.1f && x[1] == 0.1f && x[2] == 0.1f);
    mt_draw_uniform(NULL, mt_philox_key(SEED, "t", ""), -0.0, 0, 3, x);
    ck_assert(x[0] == 0 && !signbit(x[0]));
}
END_TEST

START_TEST(normal_is_normal)
{
    static const struct distribution d = { normal_cdf, 1, 2, 0, 0 };
    float *x =
        filled("'type': 'normal_', 'mean': 1, 'std': 2", shape1(MANY), "w");
    double fourth = 0, neighbours = 0;

    ck_assert_double_eq_tol(mean_of(x, MANY), 1, 0.025);
    ck_assert_double_eq_tol(std_of(x, MANY), 2, 0.02);
    for (size_t i = 0; i < MANY; i++)
        fourth += pow((x[i] - 1) / 2, 4) / MANY;
    for (size_t i = 0; i < MANY; i += 2)
        neighbours += (x[i] - 1) * (x[i + 1] - 1) / (4 * MANY / 2.0);
    ck_assert_double_eq_tol(fourth, 3, 0.15);
    ck_assert_double_eq_tol(neighbours, 0, 0.015);
    ck_assert_double_lt(ks(&d, x, MANY), 1.95);
    free(x);
}
END_TEST

static const struct distribution truncated[] = {
    { truncated_cdf, 0, 1, -2, 2 },       { truncated_cdf, 0.5, 0.02, -2, 2 },
    { truncated_cdf, 0, 1, 0, 2 },        { truncated_cdf, 0, 1, -0.1, 9 },
    { truncated_cdf, 0, 1, 0.3, 8 },      { truncated_cdf, 0, 1, 0.3, 0.5 },
    { truncated_cdf, 0, 1, 0.49, 2.9 },   { truncated_cdf, 0, 1, 0.6, 9 },
    { truncated_cdf, 0, 1, 0.6, 1 },      { truncated_cdf, 0, 1, 3, 1e30 },
    { truncated_cdf, 0, 1, 3, 3.2 },      { truncated_cdf, 0, 1, -1e30, -4 },
    { truncated_cdf, 5, 2, -9, 0 },       { truncated_cdf, 0, 1, 30, 40 },
    { truncated_cdf, -1, 0.1, -3, -2.2 }, { truncated_cdf, 0, 1, -9, 0.1 },
};

START_TEST(trunc_normal_is_truncated)
{
    enum { N = 8000 };
    const struct distribution *d = &truncated[_i];
    char members[256];

    snprintf(members, sizeof members,
             "'type': 'trunc_normal_', 'mean': %g, 'std': %g, 'a': %g,"
             " 'b': %g",
             d->mean, d->std, d->a, d->b);

    float *x = filled(members, shape1(N), "w");

    for (int i = 0; i < N; i++)
        ck_assert_msg(x[i] >= d->a && x[i] <= d->b, "%g", x[i]);
    ck_assert_double_lt(ks(d, x, N), 1.95);
    free(x);
}
END_TEST

START_TEST(trunc_normal_takes_any_interval)
{
    static const double v[][4] = { /* mean, std, a, b */
                                   { 0, 1, 2, 2 },
                                   { 0, 1e-30, 1, 2 },
                                   { 0, 1e-38, 1e30, 2e30 },
                                   { 1e38, 1e-38, -3e38, -2e38 },
                                   { 0, 1e30, 1, 2 },
                                   { 0, 1, 1, 1 + 1e-12 },
                                   { 0, 1, -FLT_MAX, FLT_MAX },
                                   { 0, 1, 0.1, 0.1 }
    };

    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        float x[64];

        mt_draw_truncated(NULL, mt_philox_key(SEED, "t", ""), v[i][0], v[i][1],
                          v[i][2], v[i][3], 64, x);
        for (int j = 0; j < 64; j++)
            ck_assert_msg(x[j] >= (float)v[i][2] && x[j] <= (float)v[i][3],
                          "%zu: %a", i, x[j]);
    }
}
END_TEST

START_TEST(simple_types_fill)
{
    float *x = filled("'type': 'constant_', 'val': -2.5", shape1(3), "w");

    ck_assert(x[0] == -2.5f && x[1] == -2.5f && x[2] == -2.5f);
    free(x);
    x = filled("'type': 'ones_'", mt_shape_of(0), "scalar");
    ck_assert(x[0] == 1);
    free(x);
    x = filled("'type': 'zeros_'", shape2(1, 2), "w");
    ck_assert(x[0] == 0 && x[1] == 0);
    free(x);
}
END_TEST

START_TEST(eye_is_the_identity)
{
    static const size_t sizes[][2] = { { 3, 3 }, { 2, 4 }, { 4, 2 } };

    for (int s = 0; s < 3; s++) {
        size_t rows = sizes[s][0], cols = sizes[s][1];
        float *x = filled("'type': 'eye_'", shape2(rows, cols), "w");

        for (size_t i = 0; i < rows * cols; i++)
            ck_assert(x[i] == (i / cols == i % cols ? 1 : 0));
        free(x);
    }
}
END_TEST

/* The positions that torch.nn.init.dirac_ sets. */
START_TEST(dirac_passes_channels_on)
{
    float *x = filled("'type': 'dirac_'",
                      mt_shape_of(3, (size_t)2, (size_t)4, (size_t)5), "w");
    size_t found = 0;

    for (size_t i = 0; i < 40; i++) /* w[d, d, 2] */
        ck_assert(x[i] == (i == 2 || i == 20 + 5 + 2 ? 1 : 0));
    free(x);

    /* w[g * 2 + d, d, 1], d < 1 or 2 of 1 channel: only d = 0 */
    x = filled("'type': 'dirac_', 'groups': 2",
               mt_shape_of(3, (size_t)4, (size_t)1, (size_t)3), "w");
    for (size_t i = 0; i < 12; i++)
        ck_assert(x[i] == (i == 1 || i == 7 ? 1 : 0));
    free(x);

    x = filled(
        "'type': 'dirac_', 'groups': 3",
        mt_shape_of(5, (size_t)6, (size_t)2, (size_t)2, (size_t)3, (size_t)4),
        "w");
    for (size_t i = 0; i < 6 * 2 * 24; i++) {
        size_t row = i / 48, channel = i / 24 % 2, at = i % 24;
        bool one = row % 2 == channel && at == (1 * 3 + 1) * 4 + 2;

        ck_assert(x[i] == (one ? 1 : 0));
        found += one;
    }
    ck_assert_uint_eq(found, 6);
    free(x);
}
END_TEST

/* Types whose spread follows from the shape (20, 30, 5, 7); the standard
 * deviations are those of torch.nn.init's formulas. fan_in is 1050, fan_out
 * 700. */
static const struct {
    const char *members;
    bool uniform;
    double std;
} spreads[] = {
    { "'type': 'xavier_uniform_'", true, 0.033806170189140665 },
    { "'type': 'xavier_uniform_', 'gain': 3", true, 0.10141851056742199 },
    { "'type': 'xavier_normal_', 'gain': 0.5", false, 0.016903085094570332 },
    { "'type': 'kaiming_uniform_'", true, 0.043643578047198484 },
    { "'type': 'kaiming_uniform_', 'a': 2.23606797749979", true,
      0.017817416127494958 },
    { "'type': 'kaiming_uniform_', 'mode': 'fan_out'", true,
      0.053452248382484885 },
    { "'type': 'kaiming_normal_', 'nonlinearity': 'relu'", false,
      0.043643578047198484 },
    { "'type': 'kaiming_normal_', 'nonlinearity': 'tanh', 'a': 9", false,
      0.051434449987363975 },
    { "'type': 'kaiming_normal_', 'nonlinearity': 'selu'", false,
      0.02314550249431379 },
    { "'type': 'kaiming_normal_', 'nonlinearity': 'sigmoid'", false,
      0.030860669992418384 },
    { "'type': 'kaiming_normal_', 'nonlinearity': 'conv_transpose2d',"
      " 'mode': 'fan_out'",
      false, 0.03779644730092272 },
};

START_TEST(fans_and_gains_are_those_of_torch)
{
    struct mt_shape shape =
        mt_shape_of(4, (size_t)20, (size_t)30, (size_t)5, (size_t)7);
    size_t n = mt_shape_elements(&shape), in, out;
    double std = spreads[_i].std;
    float *x = filled(spreads[_i].members, shape, "conv.weight");

    ck_assert(mt_init_fans(&shape, &in, &out));
    ck_assert_uint_eq(in, 1050);
    ck_assert_uint_eq(out, 700);
    ck_assert_double_eq_tol(mean_of(x, n) / std, 0, 0.03);
    ck_assert_double_eq_tol(std_of(x, n) / std, 1, 0.02);
    if (spreads[_i].uniform) {
        struct distribution d = { uniform_cdf, 0, 0, -sqrt(3) * std,
                                  sqrt(3) * std };

        ck_assert_double_lt(ks(&d, x, n), 1.95);
        ck_assert_double_eq_tol(x[0] / d.a, 1, 1e-3);
        ck_assert_double_eq_tol(x[n - 1] / d.b, 1, 1e-3);
    } else {
        struct distribution d = { normal_cdf, 0, std, 0, 0 };

        ck_assert_double_lt(ks(&d, x, n), 1.95);
    }
    free(x);
}
END_TEST

START_TEST(orthogonal_is_orthogonal)
{
    static const size_t sizes[][2] = { { 1, 1 },   { 5, 5 },   { 3, 7 },
                                       { 7, 3 },   { 64, 64 }, { 100, 40 },
                                       { 40, 96 }, { 1, 9 },   { 9, 1 } };
    size_t rows = sizes[_i][0], cols = sizes[_i][1];
    bool tall = rows > cols;
    size_t k = tall ? cols : rows, n = tall ? rows : cols;
    size_t step = tall ? cols : 1, next = tall ? 1 : cols;
    float *x =
        filled("'type': 'orthogonal_', 'gain': 2", shape2(rows, cols), "w");
    double *z = malloc(rows * cols * sizeof *z);

    ck_assert_ptr_nonnull(z);
    mt_draw_normal_f64(NULL, mt_philox_key(SEED, "init", "w"), rows * cols, z);
    for (size_t i = 0; i < k; i++) {
        double r = 0;

        for (size_t j = 0; j < k; j++) {
            double dot = 0;

            for (size_t e = 0; e < n; e++)
                dot += (double)x[i * next + e * step] *
                       (double)x[j * next + e * step];
            ck_assert_double_eq_tol(dot, i == j ? 4 : 0, 1e-6);
        }
        /* R's diagonal is positive: that makes Q uniform. */
        for (size_t e = 0; e < n; e++)
            r += x[i * next + e * step] * z[i * next + e * step];
        ck_assert_double_gt(r, 0);
    }
    free(z);
    free(x);
}
END_TEST

START_TEST(orthogonal_flattens_the_rest)
{
    float *a = filled("'type': 'orthogonal_'",
                      mt_shape_of(3, (size_t)4, (size_t)3, (size_t)2), "w");
    float *b = filled("'type': 'orthogonal_'", shape2(4, 6), "w");

    ck_assert_mem_eq(a, b, 24 * sizeof *a);
    free(a);
    free(b);
}
END_TEST

START_TEST(sparse_zeroes_its_part_of_each_column)
{
    enum { ROWS = 33, COLS = 400 };
    float *x =
        filled("'type': 'sparse_', 'sparsity': 0.1", shape2(ROWS, COLS), "w");
    int in_row[ROWS] = { 0 };

    for (int col = 0; col < COLS; col++) {
        int zeros = 0;

        for (int row = 0; row < ROWS; row++) {
            zeros += x[row * COLS + col] == 0;
            in_row[row] += x[row * COLS + col] == 0;
        }
        ck_assert_int_eq(zeros, 4); /* ceil(3.3) */
    }
    for (int row = 0; row < ROWS; row++) /* 48.5 expected, sigma 6.5 */
        ck_assert(in_row[row] > 20 && in_row[row] < 80);
    ck_assert_double_eq_tol(std_of(x, ROWS * COLS), 0.01 * sqrt(29.0 / 33),
                            3e-4);
    free(x);
    x = filled("'type': 'sparse_', 'sparsity': 0.5", shape2(50, 2), "a");

    float *y = filled("'type': 'sparse_', 'sparsity': 0.5", shape2(50, 2), "b");
    int same = 0;

    for (int i = 0; i < 100; i++)
        same += (x[i] == 0) == (y[i] == 0);
    ck_assert_int_lt(same, 80); /* each tensor has different zeros */
    free(x);
    free(y);
    x = filled("'type': 'sparse_', 'sparsity': 1", shape2(3, 2), "w");
    for (int i = 0; i < 6; i++)
        ck_assert(x[i] == 0);
    free(x);
    x = filled("'type': 'sparse_', 'sparsity': 0", shape2(3, 2), "w");
    for (int i = 0; i < 6; i++)
        ck_assert(x[i] != 0);
    free(x);
}
END_TEST

/* Number i of block b, in double. */
static double normal_of(struct mt_philox_key key, uint32_t step, uint64_t b,
                        int i)
{
    double u = mt_philox_uniform(key, step, 2 * b);
    double v = mt_philox_uniform(key, step, 2 * b + 1);
    double r = mt_dsqrt(-2 * mt_dlog(u));

    return r * (i ? mt_dsinpi(2 * v) : mt_dcospi(2 * v));
}

/* The first number in [-1.5, 1.5] of the element's own blocks. */
static double truncated_of(struct mt_philox_key key, uint64_t element)
{
    for (uint32_t step = 0;; step++) {
        for (int i = 0; i < 2; i++) {
            double z = normal_of(key, step, element, i);

            if (z >= -1.5 && z <= 1.5)
                return z;
        }
    }
}

enum { DRAWN = 150003 }; /* more than two tasks, and not whole vectors */

/* The team's vectors are the same as one thread's single numbers. */
START_TEST(draws_are_those_of_the_definition)
{
    struct mt_philox_key key = mt_philox_key(SEED, "t", "");
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;
    float *x = malloc(3 * DRAWN * sizeof *x);
    double *z = malloc(DRAWN * sizeof *z);

    ck_assert(x && z);
    ck_assert_int_eq(mt_team_new(_i ? 3 : 1, &team, &err), MT_OK);
    mt_draw_uniform(team, key, -0.25, 0.5, DRAWN, x);
    mt_draw_normal(team, key, 2, 0.5, DRAWN, x + DRAWN);
    mt_draw_truncated(team, key, 2, 0.5, 1.25, 2.75, DRAWN, x + 2 * DRAWN);
    mt_draw_normal_f64(team, key, DRAWN, z);
    for (size_t i = 0; i < DRAWN; i++) {
        double u = ((double)mt_philox_word(key, 0, i) + 0.5) * 0x1p-32;
        double normal = normal_of(key, 0, i / 2, i % 2);

        ck_assert(x[i] == (float)(-0.25 + 0.75 * u));
        ck_assert(z[i] == normal);
        ck_assert(x[DRAWN + i] == (float)(2 + 0.5 * normal));
        ck_assert(x[2 * DRAWN + i] == (float)(2 + 0.5 * truncated_of(key, i)));
    }
    mt_team_free(team);
    free(z);
    free(x);
}
END_TEST

/* A tensor's values depend only on seed, name and index. */
START_TEST(elements_are_pure)
{
    static const char *const types[] = { "'type': 'uniform_'",
                                         "'type': 'normal_'",
                                         "'type': 'trunc_normal_'" };

    for (int i = 0; i < 3; i++) {
        float *a = filled(types[i], shape1(1000), "fc1.weight");
        float *b = filled(types[i], shape2(3, 7), "fc1.weight");
        float *other = filled(types[i], shape1(1000), "fc2.weight");

        ck_assert_mem_eq(a, b, 21 * sizeof *a);
        for (int j = 0; j < 21; j++)
            ck_assert(a[j] != other[j]);
        free(other);
        other = filled(types[i], shape1(1000), "fc1.weight");
        ck_assert_mem_eq(a, other, 1000 * sizeof *a);
        free(a);
        free(b);
        free(other);
    }
}
END_TEST

/* Initial weights are guaranteed: these bits must never change. */
START_TEST(the_bits_stay)
{
    static const struct {
        struct mt_init init;
        float first[3];
    } golden[] = {
        { { .type = "uniform_", .b = 1 },
          { 0x1.80729p-1f, 0x1.e3162p-1f, 0x1.f603f2p-2f } },
        { { .type = "normal_", .std = 1 },
          { -0x1.82da1ep-1f, 0x1.7bae38p-5f, 0x1.1b08f8p+0f } },
        { { .type = "trunc_normal_", .std = 1, .a = 3, .b = 9 },
          { 0x1.bb4c4ap+1f, 0x1.a1622p+1f, 0x1.8d0b2ep+1f } },
        { { .type = "orthogonal_", .gain = 1 },
          { -0x1.cc8452p-4f, 0x1.c3fad4p-8f, 0x1.50ee5p-3f } },
        { { .type = "sparse_", .sparsity = 0.5, .std = 1 },
          { 0, 0x1.7bae38p-5f, 0x1.1b08f8p+0f } },
    };
    static float x[64 * 64];
    struct mt_shape shape = shape2(64, 64);
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        mt_init_fill(&golden[i].init, &shape, SEED, "w", NULL, x, &err);
        ck_assert_msg(memcmp(x, golden[i].first, 3 * sizeof *x) == 0,
                      "%s: %a %a %a", golden[i].init.type, x[0], x[1], x[2]);
    }
}
END_TEST

START_TEST(the_seed_matters)
{
    struct mt_init init = { .type = "kaiming_uniform_" };
    struct mt_shape shape = shape2(2, 8);
    struct mt_err err = MT_ERR_INIT;
    float a[16], b[16];

    ck_assert_int_eq(mt_init_fill(&init, &shape, 1, "w", NULL, a, &err), MT_OK);
    ck_assert_int_eq(mt_init_fill(&init, &shape, 2, "w", NULL, b, &err), MT_OK);
    for (int i = 0; i < 16; i++)
        ck_assert(a[i] != b[i]);
}
END_TEST

START_TEST(empty_tensors_are_left_alone)
{
    for (size_t i = 0; mt_init_kind.at(i); i++) {
        const struct mt_init_type *t =
            (const struct mt_init_type *)mt_init_kind.at(i);
        struct mt_init init = { .type = t->name, .std = 1, .groups = 1 };
        struct mt_shape shape = { .rank = t->min_rank > 1 ? t->min_rank : 1 };
        struct mt_err err = MT_ERR_INIT;

        ck_assert_msg(mt_init_fill(&init, &shape, 1, "w", NULL, NULL, &err) ==
                          MT_OK,
                      "%s: %s", t->name, err.text);
    }
}
END_TEST

START_TEST(defaults_are_those_of_torch)
{
    struct reading r = read_rule("{'params': ['a.*', 'b'], 'type':"
                                 " 'trunc_normal_'}");

    ck_assert_msg(r.status == MT_OK, "%s", r.err.text);
    ck_assert_str_eq(r.init.type, "trunc_normal_");
    ck_assert_uint_eq(r.init.params.n, 2);
    ck_assert_str_eq(r.init.params.v[0], "a.*");
    ck_assert_str_eq(r.init.params.v[1], "b");
    ck_assert_double_eq(r.init.mean, 0);
    ck_assert_double_eq(r.init.std, 1);
    ck_assert_double_eq(r.init.a, -2);
    ck_assert_double_eq(r.init.b, 2);
    release(&r);
    r = read_rule("{'params': 'w', 'type': 'kaiming_normal_'}");
    ck_assert_double_eq(r.init.a, 0);
    ck_assert_int_eq(r.init.mode, MT_FAN_IN);
    ck_assert_int_eq(r.init.nonlinearity, MT_GAIN_LEAKY_RELU);
    release(&r);
    r = read_rule("{'params': 'w', 'type': 'sparse_', 'sparsity': 0.5}");
    ck_assert_double_eq(r.init.std, 0.01);
    release(&r);
    r = read_rule("{'params': 'w', 'type': 'uniform_'}");
    ck_assert_double_eq(r.init.a, 0);
    ck_assert_double_eq(r.init.b, 1);
    release(&r);
}
END_TEST

static const struct {
    const char *json, *place, *cause;
} errors[] = {
    { "3", "spec.json:1:1:", "expected an object" },
    { "{'params': 'w'}", "spec.json:1:1:", "missing \"type\"" },
    { "{'params': 'w', 'type': 1}", "type:", "expected a string" },
    { "{'params': 'w', 'type': 'normal'}",
      "type:", "did you mean \"normal_\"?" },
    { "{'params': 'w', 'type': 'qqqqqq'}",
      "type:", "expected one of \"uniform_\", \"normal_\"" },
    { "{'type': 'ones_'}", "spec.json:1:1:", "params" },
    { "{'params': [], 'type': 'ones_'}", "params:", "at least one glob" },
    { "{'params': 3, 'type': 'ones_'}", "params:", "got 3" },
    { "{'params': 'w', 'type': 'ones_', 'val': 1}", "1:34:", "unknown key" },
    { "{'params': 'w', 'type': 'normal_', 'sdt': 1}", "sdt",
      "did you mean \"std\"?" },
    { "{'params': 'w', 'type': 'xavier_normal_', 'gian': 1}", "gian",
      "did you mean \"gain\"?" },
    { "{'params': 'w', 'type': 'constant_'}", "spec.json:1:1:", "val" },
    { "{'params': 'w', 'type': 'constant_', 'val': 1e39}", "val:", "got 1e39" },
    { "{'params': 'w', 'type': 'normal_', 'std': -1}", "std:", "-1" },
    { "{'params': 'w', 'type': 'trunc_normal_', 'std': 0}", "std:", "0" },
    { "{'params': 'w', 'type': 'uniform_', 'a': 2}",
      "spec.json:1:1:", "uniform_: a must not be greater than b" },
    { "{'params': 'w', 'type': 'trunc_normal_', 'b': -3}",
      "spec.json:1:1:", "trunc_normal_: a must not be greater than b" },
    { "{'params': 'w', 'type': 'dirac_', 'groups': 0}",
      "groups:", "at least 1" },
    { "{'params': 'w', 'type': 'sparse_'}", "spec.json:1:1:", "sparsity" },
    { "{'params': 'w', 'type': 'sparse_', 'sparsity': 1.5}",
      "sparsity:", "1.5" },
    { "{'params': 'w', 'type': 'xavier_uniform_', 'gain': -1}", "gain:", "-1" },
    { "{'params': 'w', 'type': 'kaiming_uniform_', 'mode': 'fan'}",
      "mode:", "\"fan_in\"" },
    { "{'params': 'w', 'type': 'kaiming_uniform_', 'nonlinearity': 'ReLU'}",
      "nonlinearity:", "\"relu\"" },
};

enum { N_ERRORS = sizeof errors / sizeof *errors };

START_TEST(errors_say_where_and_what)
{
    struct reading r = read_rule(errors[_i].json);

    ck_assert_int_eq(r.status, MT_INVALID);
    ck_assert_msg(strstr(r.err.text, errors[_i].place) != NULL,
                  "no place \"%s\" in: %s", errors[_i].place, r.err.text);
    ck_assert_msg(strstr(r.err.text, errors[_i].cause) != NULL,
                  "no cause \"%s\" in: %s", errors[_i].cause, r.err.text);
    release(&r);
}
END_TEST

/* Fillings that are refused: the message names tensor, shape and cause. */
static const struct {
    struct mt_init init;
    struct mt_shape shape;
    mt_status status;
    const char *shape_text, *cause;
} refusals[] = {
    { { .type = "eye_" },
      { 3, { 2, 2, 2 } },
      MT_MISMATCH,
      "[2, 2, 2]",
      "eye_ needs 2 dimensions, got 3" },
    { { .type = "xavier_uniform_", .gain = 1 },
      { 1, { 10 } },
      MT_MISMATCH,
      "[10]",
      "xavier_uniform_ needs at least 2 dimensions, got 1" },
    { { .type = "kaiming_normal_" },
      { 0, { 0 } },
      MT_MISMATCH,
      "[]",
      "kaiming_normal_ needs at least 2 dimensions, got 0" },
    { { .type = "orthogonal_", .gain = 1 },
      { 1, { 3 } },
      MT_MISMATCH,
      "[3]",
      "at least 2" },
    { { .type = "sparse_" }, { 1, { 3 } }, MT_MISMATCH, "[3]", "needs 2" },
    { { .type = "dirac_", .groups = 1 },
      { 2, { 3, 3 } },
      MT_MISMATCH,
      "[3, 3]",
      "dirac_ needs 3 to 5 dimensions, got 2" },
    { { .type = "dirac_", .groups = 2 },
      { 3, { 3, 3, 3 } },
      MT_MISMATCH,
      "[3, 3, 3]",
      "divisible by groups, got groups 2" },
    { { .type = "dirac_" },
      { 3, { 3, 3, 3 } },
      MT_INVALID,
      "[3, 3, 3]",
      "groups must be at least 1" },
    { { .type = "normal_", .std = -1 },
      { 1, { 3 } },
      MT_INVALID,
      "[3]",
      "std must be at least 0" },
    { { .type = "trunc_normal_", .b = 1 },
      { 1, { 3 } },
      MT_INVALID,
      "[3]",
      "std must be greater than 0" },
    { { .type = "uniform_", .a = 1 },
      { 1, { 3 } },
      MT_INVALID,
      "[3]",
      "a must not be greater than b" },
    { { .type = "xavier_normal_", .gain = -1 },
      { 2, { 3, 3 } },
      MT_INVALID,
      "[3, 3]",
      "gain must be at least 0" },
    { { .type = "sparse_", .sparsity = 2 },
      { 2, { 3, 3 } },
      MT_INVALID,
      "[3, 3]",
      "sparsity must be from 0 to 1" },
    { { .type = "magic_" }, { 1, { 3 } }, MT_INVALID, "[3]", "\"magic_\"" },
    { { .type = "zeros_" },
      { 2, { SIZE_MAX, 2 } },
      MT_INVALID,
      "[18446744073709551615, 2]",
      "too many elements" },
    { { .type = "sparse_" },
      { 2, { (size_t)1 << 33, 1 } },
      MT_MISMATCH,
      "[8589934592, 1]",
      "at most 4294967295 rows" },
};

enum { N_REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(refusals_name_tensor_and_shape)
{
    struct mt_err err = MT_ERR_INIT;
    mt_status status = mt_init_fill(&refusals[_i].init, &refusals[_i].shape,
                                    SEED, "fc1.bias", NULL, NULL, &err);
    char place[256];

    snprintf(place, sizeof place,
             "tensor fc1.bias of shape %s: ", refusals[_i].shape_text);
    ck_assert_int_eq(status, refusals[_i].status);
    ck_assert_msg(strncmp(err.text, place, strlen(place)) == 0, "%s", err.text);
    ck_assert_msg(strstr(err.text, refusals[_i].cause) != NULL, "%s", err.text);
}
END_TEST

Suite *init_suite(void);

Suite *init_suite(void)
{
    Suite *s = suite_create("init");
    TCase *t = tcase_create("core");

    tcase_add_test(t, uniform_is_uniform);
    tcase_add_test(t, uniform_keeps_its_bounds_in_float);
    tcase_add_test(t, uniform_without_room_is_constant);
    tcase_add_test(t, normal_is_normal);
    tcase_add_loop_test(t, trunc_normal_is_truncated, 0,
                        sizeof truncated / sizeof *truncated);
    tcase_add_test(t, trunc_normal_takes_any_interval);
    tcase_add_test(t, simple_types_fill);
    tcase_add_test(t, eye_is_the_identity);
    tcase_add_test(t, dirac_passes_channels_on);
    tcase_add_loop_test(t, fans_and_gains_are_those_of_torch, 0,
                        sizeof spreads / sizeof *spreads);
    tcase_add_loop_test(t, orthogonal_is_orthogonal, 0, 9);
    tcase_add_test(t, orthogonal_flattens_the_rest);
    tcase_add_test(t, sparse_zeroes_its_part_of_each_column);
    tcase_add_loop_test(t, draws_are_those_of_the_definition, 0, 2);
    tcase_add_test(t, elements_are_pure);
    tcase_add_test(t, the_bits_stay);
    tcase_add_test(t, the_seed_matters);
    tcase_add_test(t, empty_tensors_are_left_alone);
    tcase_add_test(t, defaults_are_those_of_torch);
    tcase_add_loop_test(t, errors_say_where_and_what, 0, N_ERRORS);
    tcase_add_loop_test(t, refusals_name_tensor_and_shape, 0, N_REFUSALS);
    suite_add_tcase(s, t);
    return s;
}
