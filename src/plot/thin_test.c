#include "plot/thin.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const struct mt_rect area = { 10, 20, 100, 50 };

static struct mt_lines thin(const double *x, const double *y, size_t n)
{
    struct mt_curve curve = { "", x, y, n, 0, false };
    struct mt_scale sx, sy;
    struct mt_lines lines;
    struct mt_err err = MT_ERR_INIT;

    mt_scale_start(&sx, false, false);
    mt_scale_start(&sy, false, false);
    for (size_t i = 0; i < n; i++) {
        mt_scale_add(&sx, x[i]);
        mt_scale_add(&sy, y[i]);
    }
    mt_scale_close(&sx, 0);
    mt_scale_close(&sy, 0);
    ck_assert_int_eq(mt_thin(&curve, &sx, &sy, &area, &lines, &err), MT_OK);
    return lines;
}

START_TEST(few_points_stay)
{
    const double x[] = { 0, 1, 2 }, y[] = { 5, 10, 0 };
    struct mt_lines l = thin(x, y, 3);

    ck_assert_uint_eq(l.n, 1);
    ck_assert_uint_eq(l.n_points, 3);
    ck_assert_double_eq(l.p[0].x, 10);
    ck_assert_double_eq(l.p[0].y, 45);
    ck_assert_double_eq(l.p[1].x, 60);
    ck_assert_double_eq(l.p[1].y, 20); /* up is less */
    ck_assert_double_eq(l.p[2].y, 70);
    mt_lines_free(&l);
}
END_TEST

START_TEST(gaps_end_lines)
{
    const double x[] = { 0, 1, 2, 3, 4, 5 };
    const double y[] = { NAN, 1, INFINITY, 2, 3, NAN };
    struct mt_lines l = thin(x, y, 6);

    ck_assert_uint_eq(l.n, 2);
    ck_assert_uint_eq(l.start[1], 1);
    ck_assert_uint_eq(l.start[2], 3);
    mt_lines_free(&l);
    l = thin(x, (double[]){ NAN, NAN, NAN }, 3);
    ck_assert_uint_eq(l.n, 0);
    mt_lines_free(&l);
}
END_TEST

/* Of many points few remain, among them the extremes of each column. */
START_TEST(many_points_keep_their_extremes)
{
    enum { N = 100000 };
    double *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y);
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i;
        y[i] = (double)(i * 7919 % 1000);
    }
    y[33333] = 5000;
    y[66666] = -5000;
    y[50000] = NAN;
    struct mt_lines l = thin(x, y, N);

    ck_assert_uint_le(l.n_points, 4 * 2 * 102);
    for (size_t i = 0; i < l.n_points; i++) {
        low = fmin(low, l.p[i].y);
        high = fmax(high, l.p[i].y);
        ck_assert(i == 0 || lround(2 * l.p[i - 1].x) <= lround(2 * l.p[i].x));
    }
    ck_assert_double_eq(low, area.y);
    ck_assert_double_eq(high, area.y + area.h);
    mt_lines_free(&l);
    free(x);
    free(y);
}
END_TEST

START_TEST(lines_enter_rectangles)
{
    const double x[] = { 0, 100, 200 }, y[] = { 0, 50, 50 };
    struct mt_lines l = thin(x, y, 3); /* (10,70) (60,20) (110,20) */
    const struct {
        struct mt_rect r;
        bool enters;
    } rows[] = {
        { { 30, 40, 10, 10 }, true },   /* crossed, without a point inside */
        { { 10, 20, 20, 20 }, false },
        { { 90, 30, 20, 40 }, false },
        { { 90, 10, 20, 20 }, true },
        { { 0, 0, 200, 200 }, true },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(mt_lines_enter(&l, &rows[i].r) == rows[i].enters,
                      "row %zu", i);
    mt_lines_free(&l);
}
END_TEST

Suite *thin_suite(void);
Suite *thin_suite(void)
{
    Suite *s = suite_create("thin");
    TCase *t = tcase_create("core");

    tcase_add_test(t, few_points_stay);
    tcase_add_test(t, gaps_end_lines);
    tcase_add_test(t, many_points_keep_their_extremes);
    tcase_add_test(t, lines_enter_rectangles);
    suite_add_tcase(s, t);
    return s;
}
