/*
 * Means and variances where they are hard: far from 0, very long, of runs and
 * of columns, and put together from parts; the same bits from every table.
 */
#include "kernels/moments.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "kernels/dispatch.h"

enum { LONG = 30000 };

static float values[LONG];

static void make_values(double offset, double size)
{
    struct mt_philox_key key = mt_philox_key(3, "test", "moments");

    for (size_t i = 0; i < LONG; i++)
        values[i] =
            (float)(offset + size * (mt_philox_uniform(key, 0, i) - 0.5));
}

/* Two passes in double over values[first + i * step]. */
static struct mt_moments exact(size_t first, size_t step, size_t n)
{
    struct mt_moments m = { (double)n, 0, 0 };

    for (size_t i = 0; i < n; i++)
        m.mean += (double)values[first + i * step];
    m.mean /= m.n;
    for (size_t i = 0; i < n; i++) {
        double d = (double)values[first + i * step] - m.mean;

        m.m2 += d * d;
    }
    return m;
}

static void check_close(const struct mt_moments *got,
                        const struct mt_moments *want, double offset)
{
    ck_assert(got->n == want->n);
    ck_assert_msg(fabs(got->mean - want->mean) <= 1e-7 + 1e-8 * fabs(offset),
                  "mean %.12g, want %.12g", got->mean, want->mean);
    ck_assert_msg(fabs(got->m2 - want->m2) <= 3e-7 * want->m2,
                  "m2 %.12g, want %.12g", got->m2, want->m2);
}

static const double offsets[] = { 0, 1, -1000, 1e6 };

START_TEST(variances_do_not_cancel)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    const size_t sizes[] = { 1, 2, 17, 4095, 4096, 4097, LONG };

    make_values(offsets[_i], 2);
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct mt_moments got = { 0, 0, 0 }, want = exact(0, 1, sizes[k]);

            tables[t]->moments(&got, values, 1, sizes[k], sizes[k]);
            check_close(&got, &want, offsets[_i]);
        }
    }
}
END_TEST

/* 12 runs of 100 and 3 runs of 9000, among other values */
START_TEST(runs_count_what_they_hold)
{
    struct mt_moments got = { 0, 0, 0 }, want = { 0, 0, 0 };

    make_values(offsets[_i], 2);
    for (size_t i = 0; i < 12; i++) {
        struct mt_moments run = exact(i * 170, 1, 100);

        mt_moments_add(&want, run.n, run.mean, run.m2);
    }
    for (size_t i = 0; i < 3; i++) {
        struct mt_moments run = exact(i * 9500, 1, 9000);

        mt_moments_add(&want, run.n, run.mean, run.m2);
    }
    mt_kernels()->moments(&got, values, 12, 100, 170);
    mt_kernels()->moments(&got, values, 3, 9000, 9500);
    ck_assert(got.n == 28200);
    check_close(&got, &want, offsets[_i]);
}
END_TEST

START_TEST(columns_do_not_cancel)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    double mean[20], m2[20];

    make_values(offsets[_i], 2);
    for (size_t t = 0; t < n_tables; t++) {
        tables[t]->column_moments(mean, m2, values, 1000, 20, 30);
        for (size_t j = 0; j < 20; j++) {
            struct mt_moments want = exact(j, 30, 1000);
            struct mt_moments got = { 1000, mean[j], m2[j] };

            check_close(&got, &want, offsets[_i]);
        }
    }
}
END_TEST

static bool same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

/* Longer than a block, which kernels_test.c does not reach. */
START_TEST(long_rows_have_the_same_bits_everywhere)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables), n = LONG / 3 - 1;
    float *out = calloc(4 * LONG, sizeof *out);
    float *first = calloc(4 * LONG, sizeof *first);
    struct mt_moments m[2];
    double s[2][2];

    ck_assert(out && first);
    make_values(3, 2);
    for (size_t t = 0; t < n_tables; t++) {
        float *y = t ? out : first, *mean = y + LONG, *rstd = mean + 3;
        float *dw = y + 2 * LONG, *db = dw + n, *dx = y + 3 * LONG;
        struct mt_moments *mt = &m[t != 0];
        double *st = s[t != 0];

        *mt = (struct mt_moments){ 0, 0, 0 };
        st[0] = st[1] = 0;
        memset(dw, 0, 2 * n * sizeof *dw);
        tables[t]->moments(mt, values, 3, n, n);
        tables[t]->norm_sums(st, values, values + 1, 3, n, n, 3);
        tables[t]->layer_norm(y, mean, rstd, values, values, values, 3, n,
                              1e-5);
        tables[t]->layer_norm_grad(dx, dw, db, y, values, mean, rstd, values,
                                   values + 1, 3, n);
        if (t) {
            ck_assert(same(&m[0], &m[1], sizeof *m));
            ck_assert(same(s[0], s[1], sizeof *s));
            ck_assert(same(out, first, 4 * LONG * sizeof *out));
        }
    }
    free(out);
    free(first);
}
END_TEST

/* A row of equal values has variance 0, whatever the value. */
START_TEST(equal_values_have_no_variance)
{
    struct mt_moments m = { 0, 0, 0 };
    float y[100], mean, rstd;

    for (size_t i = 0; i < LONG; i++)
        values[i] = 12345.678f;
    mt_kernels()->moments(&m, values, 1, LONG, LONG);
    ck_assert(m.mean == (double)12345.678f);
    ck_assert(m.m2 == 0);
    for (size_t n = 1; n <= 100; n++) {
        mt_kernels()->layer_norm(y, &mean, &rstd, values, NULL, NULL, 1, n, 0);
        ck_assert(mean == values[0] && rstd == INFINITY);
    }
    mt_kernels()->layer_norm(y, &mean, &rstd, values, NULL, NULL, 1, 100, 1e-4);
    ck_assert(rstd == 100);
    for (size_t i = 0; i < 100; i++)
        ck_assert(y[i] == 0);
}
END_TEST

Suite *moments_suite(void);

Suite *moments_suite(void)
{
    Suite *s = suite_create("moments");
    TCase *t = tcase_create("core");
    int n = sizeof offsets / sizeof *offsets;

    tcase_add_loop_test(t, variances_do_not_cancel, 0, n);
    tcase_add_loop_test(t, runs_count_what_they_hold, 0, n);
    tcase_add_loop_test(t, columns_do_not_cancel, 0, n);
    tcase_add_test(t, long_rows_have_the_same_bits_everywhere);
    tcase_add_test(t, equal_values_have_no_variance);
    suite_add_tcase(s, t);
    return s;
}
