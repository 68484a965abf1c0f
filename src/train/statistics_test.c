#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/file_testing.h"
#include "train/bundle.h"
#include "train/statistics.h"

static struct mt_statistics take(enum mt_dtype dtype, void *data, size_t n)
{
    struct mt_array a = { "x", dtype, mt_shape_of(1, n), data };
    struct mt_statistics s;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_statistics_take(&a, NULL, &s, &err), MT_OK);
    return s;
}

START_TEST(knows_simple_values)
{
    float x[] = { 4, 0, -2, 1, -0.0f };
    struct mt_statistics s = take(MT_F32, x, 5);

    ck_assert_uint_eq(s.n, 5);
    ck_assert_uint_eq(s.zeros, 2);
    ck_assert_double_eq(s.min, -2);
    ck_assert_double_eq(s.max, 4);
    ck_assert_double_eq_tol(s.mean, 0.6, 1e-15);
    ck_assert_double_eq_tol(s.norm, sqrt(21), 1e-15);
    ck_assert_double_eq_tol(s.std, sqrt(21.0 / 5 - 0.36), 1e-15);
    ck_assert_double_eq(s.quantile[2], 0);
    ck_assert_double_eq(s.quantile[3], 1);
}
END_TEST

/* torch.quantile(torch.arange(10.)**2, [.01, .25, .5, .75, .99]) */
START_TEST(interpolates_quantiles_as_torch)
{
    const double expected[] = { 0.09, 5.25, 20.5, 45.75, 79.47 };
    double x[10];

    for (int i = 0; i < 10; i++)
        x[9 - i] = i * i;
    struct mt_statistics s = take(MT_F64, x, 10);

    for (int i = 0; i < MT_QUANTILES; i++)
        ck_assert_double_eq_tol(s.quantile[i], expected[i], 1e-12);
}
END_TEST

START_TEST(counts_what_is_not_finite)
{
    float x[] = { NAN, 1, INFINITY, -INFINITY, 3, -NAN };
    struct mt_statistics s = take(MT_F32, x, 6);

    ck_assert_uint_eq(s.nan, 2);
    ck_assert_uint_eq(s.inf, 2);
    ck_assert_uint_eq(s.finite, 2);
    ck_assert_double_eq(s.mean, 2);
    ck_assert_double_eq(s.quantile[2], 2);
    s = take(MT_F32, x, 1);
    ck_assert_uint_eq(s.finite, 0);
    ck_assert_double_eq(s.mean, 0);
    s = take(MT_F32, x, 0);
    ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(every_value_has_a_bin)
{
    double x[100];
    size_t sum = 0;

    for (int i = 0; i < 100; i++)
        x[i] = i;
    struct mt_statistics s = take(MT_F64, x, 100);

    for (size_t i = 0; i < MT_BINS; i++) {
        sum += s.bin[i];
        ck_assert_uint_ge(s.bin[i], 6);
        ck_assert_uint_le(s.bin[i], 7);
    }
    ck_assert_uint_eq(sum, 100);
    ck_assert_double_eq(mt_statistics_edge(&s, 0), 0);
    ck_assert_double_eq(mt_statistics_edge(&s, MT_BINS), 99);
}
END_TEST

START_TEST(survives_the_ends_of_the_range)
{
    double x[] = { -DBL_MAX, DBL_MAX, 0, 4e-324 };
    struct mt_statistics s = take(MT_F64, x, 4);

    ck_assert_double_eq(s.min, -DBL_MAX);
    ck_assert_double_eq(s.max, DBL_MAX);
    ck_assert_uint_eq(s.bin[0], 1);
    ck_assert_uint_eq(s.bin[MT_BINS / 2], 2);
    ck_assert_uint_eq(s.bin[MT_BINS - 1], 1);
    ck_assert(isfinite(mt_statistics_edge(&s, 8)));
}
END_TEST

START_TEST(equal_values_fill_one_bin)
{
    int64_t x[] = { -7, -7, -7 };
    struct mt_statistics s = take(MT_I64, x, 3);

    ck_assert_uint_eq(s.bin[0], 3);
    ck_assert_double_eq(s.std, 0);
    for (int i = 0; i < MT_QUANTILES; i++)
        ck_assert_double_eq(s.quantile[i], -7);
}
END_TEST

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

START_TEST(sorts_as_qsort)
{
    enum { N = 10001 };
    double *x = malloc(N * sizeof *x);
    uint64_t state = 1;

    for (int i = 0; i < N; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = ((double)(state >> 11) - 0x1p52) * (i % 3 ? 1 : 1e-30);
    }
    struct mt_statistics s = take(MT_F64, x, N);

    qsort(x, N, sizeof *x, by_value);
    for (int i = 0; i < MT_QUANTILES; i++)
        ck_assert_double_eq(s.quantile[i],
                            x[(int)(mt_quantile_at[i] * (N - 1))]);
    free(x);
}
END_TEST

/* Values of one type, from a file in several blocks, against those in memory
 * and against sorting. */
static const enum mt_dtype types[] = { MT_F32, MT_F64, MT_I32, MT_I64, MT_U8 };

START_TEST(reads_from_files_in_pieces)
{
    enum { N = 600000 };
    enum mt_dtype dtype = types[_i];
    double *x = malloc(N * sizeof *x);
    int64_t *values = malloc(N * sizeof *values); /* room for any type */
    struct mt_array a = { "model/x", dtype, mt_shape_of(1, (size_t)N), values };
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b;
    struct mt_statistics s, streamed;
    uint64_t state = 1;

    for (size_t i = 0; i < N; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        switch (dtype) {
        case MT_F32:
            ((float *)values)[i] = (float)(int32_t)(state >> 32);
            break;
        case MT_F64:
            ((double *)values)[i] = 1 / (double)(int64_t)state;
            break;
        case MT_I32:
            ((int32_t *)values)[i] = (int32_t)(state >> 32);
            break;
        case MT_I64:
            values[i] = (int64_t)state;
            break;
        default:
            ((uint8_t *)values)[i] = (uint8_t)(state >> 56);
            break;
        }
        x[i] = mt_array_value(&a, i);
    }
    ck_assert_int_eq(mt_statistics_take(&a, NULL, &s, &err), MT_OK);
    ck_assert_msg(mt_ckpt_write("x.mtc", &a, 1, NULL, NULL, &err) == MT_OK &&
                      mt_bundle_open("x.mtc", NULL, &b, &err) == MT_OK,
                  "%s", err.text);
    ck_assert_ptr_null(b.arrays[0].data);
    ck_assert_int_eq(mt_statistics_take(&b.arrays[0], NULL, &streamed, &err),
                     MT_OK);
    ck_assert_int_eq(memcmp(&s, &streamed, sizeof s), 0);
    mt_bundle_free(&b);

    qsort(x, N, sizeof *x, by_value);
    ck_assert_double_eq(s.min, x[0]);
    ck_assert_double_eq(s.max, x[N - 1]);
    for (int i = 0; i < MT_QUANTILES; i++) {
        double place = mt_quantile_at[i] * (N - 1);
        size_t below = (size_t)place;

        ck_assert_double_ge(s.quantile[i], x[below]);
        ck_assert_double_le(s.quantile[i], x[below + 1]);
    }
    free(values);
    free(x);
}
END_TEST

Suite *statistics_suite(void);

Suite *statistics_suite(void)
{
    Suite *suite = suite_create("statistics");
    TCase *tc = tcase_create("statistics");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, knows_simple_values);
    tcase_add_test(tc, interpolates_quantiles_as_torch);
    tcase_add_test(tc, counts_what_is_not_finite);
    tcase_add_test(tc, every_value_has_a_bin);
    tcase_add_test(tc, survives_the_ends_of_the_range);
    tcase_add_test(tc, equal_values_fill_one_bin);
    tcase_add_test(tc, sorts_as_qsort);
    tcase_add_loop_test(tc, reads_from_files_in_pieces, 0,
                        sizeof types / sizeof *types);
    suite_add_tcase(suite, tc);
    return suite;
}
