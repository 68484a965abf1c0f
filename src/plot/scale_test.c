#include "plot/scale.h"

#include <check.h>
#include <float.h>
#include <math.h>

static struct mt_scale scale_of(bool log, bool whole, double a, double b,
                                double margin)
{
    struct mt_scale s;

    mt_scale_start(&s, log, whole);
    mt_scale_add(&s, b);
    mt_scale_add(&s, a);
    mt_scale_close(&s, margin);
    return s;
}

START_TEST(log10_is_near)
{
    static const struct {
        double x, y;
    } rows[] = { { 1, 0 },           { 10, 1 },
                 { 1e300, 300 },     { 1e-300, -300 },
                 { 5e-324, -323.30621534311580859 }, { DBL_MAX, 308.2547155599167 } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_double_eq_tol(mt_log10(rows[i].x), rows[i].y, 1e-12);
}
END_TEST

START_TEST(ends_map_to_0_and_1)
{
    struct mt_scale s = scale_of(false, false, -3, 5, 0);

    ck_assert_double_eq(mt_scale_at(&s, -3), 0);
    ck_assert_double_eq(mt_scale_at(&s, 5), 1);
    ck_assert_double_eq(mt_scale_at(&s, 1), 0.5);
    s = scale_of(true, false, 0.01, 100, 0);
    ck_assert_double_eq_tol(mt_scale_at(&s, 1), 0.5, 1e-15);
}
END_TEST

START_TEST(margins_do_not_cross_0)
{
    struct mt_scale s = scale_of(false, false, 0.1, 10.1, 0.1);

    ck_assert_double_eq(s.lo, 0);
    ck_assert_double_eq_tol(s.hi, 11.1, 1e-12);
    s = scale_of(false, false, -10.1, -0.1, 0.1);
    ck_assert_double_eq(s.hi, 0);
    s = scale_of(false, false, -1, 1, 0.1);
    ck_assert_double_eq_tol(s.lo, -1.2, 1e-12);
}
END_TEST

START_TEST(what_cannot_be_shown_is_not)
{
    struct mt_scale s;

    mt_scale_start(&s, true, false);
    mt_scale_add(&s, 0);
    mt_scale_add(&s, -1);
    mt_scale_add(&s, NAN);
    mt_scale_add(&s, INFINITY);
    ck_assert(s.empty);
    mt_scale_close(&s, 0.05);
    ck_assert(s.lo < s.hi);
    mt_scale_start(&s, false, false);
    mt_scale_add(&s, NAN);
    mt_scale_add(&s, -INFINITY);
    ck_assert(s.empty);
    mt_scale_add(&s, 0);
    ck_assert(!s.empty);
}
END_TEST

/* A constant has a range around it, whatever its size. */
START_TEST(constants_have_a_range)
{
    static const double values[] = { 0, 1, -2.5, 1e308, -DBL_MAX, 5e-324,
                                     1e-300, 0.1 };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (int log = 0; log <= (values[i] > 0); log++) {
            struct mt_scale s = scale_of(log, false, values[i], values[i],
                                         0.05);
            double at = mt_scale_at(&s, values[i]);

            ck_assert_msg(s.lo < s.hi && isfinite(s.lo) && isfinite(s.hi),
                          "%g", values[i]);
            ck_assert_msg(at >= 0 && at <= 1, "%g is at %g", values[i], at);
        }
    }
}
END_TEST

START_TEST(the_whole_range_of_doubles_fits)
{
    struct mt_scale s = scale_of(false, false, -DBL_MAX, DBL_MAX, 0.05);

    ck_assert_double_eq(mt_scale_at(&s, -DBL_MAX), 0);
    ck_assert_double_eq(mt_scale_at(&s, DBL_MAX), 1);
    ck_assert_double_eq(mt_scale_at(&s, 0), 0.5);
    s = scale_of(true, false, 5e-324, DBL_MAX, 0);
    ck_assert_double_eq_tol(mt_scale_at(&s, 5e-324), 0, 1e-12);
    ck_assert_double_eq_tol(mt_scale_at(&s, DBL_MAX), 1, 1e-12);
}
END_TEST

Suite *scale_suite(void);
Suite *scale_suite(void)
{
    Suite *s = suite_create("scale");
    TCase *t = tcase_create("core");

    tcase_add_test(t, log10_is_near);
    tcase_add_test(t, ends_map_to_0_and_1);
    tcase_add_test(t, margins_do_not_cross_0);
    tcase_add_test(t, what_cannot_be_shown_is_not);
    tcase_add_test(t, constants_have_a_range);
    tcase_add_test(t, the_whole_range_of_doubles_fits);
    suite_add_tcase(s, t);
    return s;
}
