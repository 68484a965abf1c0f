#include "plot/raster.h"

#include <check.h>
#include <math.h>
#include <string.h>

static struct mt_raster start(double w, double h, double density)
{
    struct mt_raster r;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_raster_start(&r, w, h, density, &err) == MT_OK, "%s",
                  err.text);
    return r;
}

static const unsigned char *at(const struct mt_raster *r, size_t x, size_t y)
{
    return r->rgb + 3 * (y * r->columns + x);
}

/* How much ink there is, in dots of full black. */
static double ink(const struct mt_raster *r)
{
    double sum = 0;

    for (size_t i = 0; i < r->columns * r->rows; i++)
        sum += (255 - r->rgb[3 * i]) / 255.0;
    return sum;
}

START_TEST(it_starts_white)
{
    struct mt_raster r = start(10.2, 4, 2);

    ck_assert_uint_eq(r.columns, 21);
    ck_assert_uint_eq(r.rows, 8);
    ck_assert_double_eq(ink(&r), 0);
    mt_raster_free(&r);
}
END_TEST

START_TEST(too_many_dots_are_refused)
{
    struct mt_raster r;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_raster_start(&r, 16384, 16384, 8, &err), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "131072 x 131072 dots"));
    ck_assert_int_eq(mt_raster_start(&r, NAN, 1, 1, &err), MT_INVALID);
}
END_TEST

/* A line's ink is its length times its width, in any direction. */
START_TEST(lines_have_their_width)
{
    for (int i = 0; i < 16; i++) {
        double a = 3.14159 * i / 16;
        struct mt_raster r = start(200, 200, 1);
        const struct mt_point p[] = {
            { 100 - 80 * cos(a), 100 - 80 * sin(a) },
            { 100 + 80 * cos(a), 100 + 80 * sin(a) },
        };

        r.canvas.ops->line(&r.canvas, p, 2, &(struct mt_pen){ 0, 3, 0, 0 });
        ck_assert_double_eq_tol(ink(&r), 160 * 3 + 3.14159 * 2.25, 12);
        mt_raster_free(&r);
    }
}
END_TEST

START_TEST(dashes_leave_gaps)
{
    struct mt_raster r = start(120, 20, 1);
    const struct mt_point p[] = { { 10, 10.5 }, { 60, 10.5 }, { 110, 10.5 } };

    r.canvas.ops->line(&r.canvas, p, 3, &(struct mt_pen){ 0, 2, 6, 4 });
    ck_assert_double_gt(ink(&r), 200 * 0.55);
    ck_assert_double_lt(ink(&r), 200 * 0.70);
    mt_raster_free(&r);
}
END_TEST

START_TEST(shapes_are_filled)
{
    const struct mt_point p[] = { { 10, 10 }, { 30, 10 }, { 30, 40 },
                                  { 10, 40 } };
    const struct mt_point back[] = { p[3], p[2], p[1], p[0] };
    struct mt_raster r = start(50, 50, 1);

    r.canvas.ops->fill(&r.canvas, p, 4, 0x112233);
    ck_assert_int_eq(memcmp(at(&r, 20, 20), "\x11\x22\x33", 3), 0);
    ck_assert_int_eq(at(&r, 9, 20)[0], 255);
    ck_assert_int_eq(at(&r, 30, 20)[0], 255);
    r.canvas.ops->fill(&r.canvas, p, 4, 0xFFFFFF);
    ck_assert_double_eq(ink(&r), 0);
    r.canvas.ops->fill(&r.canvas, back, 4, 0);
    ck_assert_double_eq_tol(ink(&r), 600, 1e-9);
    mt_raster_free(&r);
    r = start(50, 50, 1);
    r.canvas.ops->disc(&r.canvas, (struct mt_point){ 25, 25 }, 10, 0);
    ck_assert_double_eq_tol(ink(&r), 314.159, 3);
    mt_raster_free(&r);
}
END_TEST

/* Anything outside the picture is cut off. */
START_TEST(nothing_is_drawn_outside)
{
    const struct mt_point p[] = { { -1e9, -50 }, { 1e9, 80 } };
    const struct mt_point far[] = { { 900, 900 }, { 950, 900 }, { 950, 950 } };
    struct mt_type type = { 30, 0, MT_ANCHOR_END, false };
    struct mt_raster r = start(40, 30, 2);

    r.canvas.ops->line(&r.canvas, p, 2, &(struct mt_pen){ 0, 2, 0, 0 });
    ck_assert_double_gt(ink(&r), 300);
    double before = ink(&r);

    r.canvas.ops->fill(&r.canvas, far, 3, 0);
    r.canvas.ops->disc(&r.canvas, far[0], 5, 0);
    r.canvas.ops->text(&r.canvas, (struct mt_point){ -5, -40 }, "far", "away",
                       &type);
    ck_assert_double_eq(ink(&r), before);
    r.canvas.ops->text(&r.canvas, (struct mt_point){ 20, 20 }, "WWWWWW", NULL,
                       &type);
    ck_assert_double_gt(ink(&r), before);
    mt_raster_free(&r);
}
END_TEST

/* The same text across and upward has as much ink, in a turned box. */
START_TEST(texts_turn)
{
    struct mt_type type = { 20, 0, MT_ANCHOR_MIDDLE, false };
    struct mt_raster a = start(100, 100, 2), b = start(100, 100, 2);

    a.canvas.ops->text(&a.canvas, (struct mt_point){ 50, 50 }, "loss", "2",
                       &type);
    type.upward = true;
    b.canvas.ops->text(&b.canvas, (struct mt_point){ 50, 50 }, "loss", "2",
                       &type);
    ck_assert_double_gt(ink(&a), 300);
    ck_assert_double_eq_tol(ink(&a), ink(&b), 1e-6);
    for (size_t y = 0; y < a.rows; y++) {
        for (size_t x = 0; x < a.columns; x++)
            ck_assert_int_eq(at(&a, x, y)[0], at(&b, y, b.rows - 1 - x)[0]);
    }
    mt_raster_free(&a);
    mt_raster_free(&b);
}
END_TEST

Suite *raster_suite(void);
Suite *raster_suite(void)
{
    Suite *s = suite_create("raster");
    TCase *t = tcase_create("core");

    tcase_add_test(t, it_starts_white);
    tcase_add_test(t, too_many_dots_are_refused);
    tcase_add_test(t, lines_have_their_width);
    tcase_add_test(t, dashes_leave_gaps);
    tcase_add_test(t, shapes_are_filled);
    tcase_add_test(t, nothing_is_drawn_outside);
    tcase_add_test(t, texts_turn);
    suite_add_tcase(s, t);
    return s;
}
