#include "plot/chart.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot/raster.h"
#include "plot/svg.h"
#include "plot/term.h"

enum { N = 40 };

static double x[N], falling[N], rising[N];

static const struct mt_key keys[] = { { "run, train", 0, true, false },
                                      { "run, validation", 0, false, false } };

static void fill(void)
{
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)(i + 1);
        falling[i] = 2.0 / (double)(i + 1);
        rising[i] = 2 - falling[i];
    }
}

static struct mt_chart chart_of(const struct mt_panel *panels, size_t n)
{
    return (struct mt_chart){ .title = "t", .x_title = "epoch",
                              .panels = panels, .n_panels = n, .keys = keys,
                              .n_keys = 2 };
}

static struct mt_strbuf draw_svg(const struct mt_chart *chart, double w,
                                 double h)
{
    struct mt_svg svg;
    struct mt_err err = MT_ERR_INIT;

    mt_svg_start(&svg, w, h, chart->title);
    ck_assert_int_eq(mt_chart_draw(chart, &svg.canvas, &err), MT_OK);
    mt_svg_end(&svg);
    ck_assert(!svg.out.failed);
    return svg.out;
}

START_TEST(columns_suit_the_shape)
{
    ck_assert_uint_eq(mt_chart_columns(1, 1.5), 1);
    ck_assert_uint_eq(mt_chart_columns(2, 3), 2);
    ck_assert_uint_eq(mt_chart_columns(2, 0.7), 1);
    ck_assert_uint_eq(mt_chart_columns(4, 1.5), 2);
    ck_assert_uint_eq(mt_chart_columns(6, 2.2), 3);
    ck_assert_uint_eq(mt_chart_columns(3, 0.3), 1);
}
END_TEST

/* With a falling curve, and with a rising one as well, the legend is in an
 * empty corner; with a curve through every corner it is above. */
START_TEST(legends_avoid_curves)
{
    double zigzag[N];
    struct mt_curve curves[] = { { "a", x, falling, N, 0, true },
                                 { "b", x, falling, N, 0, false } };
    struct mt_panel panel = { "loss", curves, 2 };
    struct mt_chart chart = chart_of(&panel, 1);
    struct mt_strbuf inside = draw_svg(&chart, 640, 420);

    for (size_t i = 0; i < N; i++)
        zigzag[i] = i % 2 ? 0 : 2;
    curves[1].y = zigzag;
    struct mt_strbuf above = draw_svg(&chart, 640, 420);

    /* a box has a frame; rows have none */
    ck_assert_ptr_nonnull(strstr(inside.text, "#cccccc"));
    ck_assert_ptr_null(strstr(above.text, "#cccccc"));
    ck_assert_ptr_nonnull(strstr(above.text, ">run, validation</text>"));
    mt_strbuf_free(&inside);
    mt_strbuf_free(&above);
}
END_TEST

START_TEST(panels_have_titles)
{
    struct mt_curve curves[] = { { "a", x, falling, N, 0, true },
                                 { "b", x, rising, N, 1, false } };
    struct mt_panel panels[] = { { "loss", curves, 1 },
                                 { "<accuracy>", curves + 1, 1 } };
    struct mt_chart chart = chart_of(panels, 2);
    struct mt_strbuf out = draw_svg(&chart, 900, 400);

    ck_assert_ptr_nonnull(strstr(out.text, ">loss</text>"));
    ck_assert_ptr_nonnull(strstr(out.text, ">&lt;accuracy&gt;</text>"));
    mt_strbuf_free(&out);
}
END_TEST

/* Values of all sizes, few or many. */
static const struct {
    const char *name;
    size_t n;
    double y[4];
} odd[] = {
    { "one point", 1, { 0.5 } },
    { "constant", 3, { 1, 1, 1 } },
    { "zero", 3, { 0, 0, 0 } },
    { "gaps", 4, { 1, NAN, 2, INFINITY } },
    { "huge", 3, { -DBL_MAX, 0, DBL_MAX } },
    { "tiny", 3, { 5e-324, 1e-323, 2e-323 } },
    { "far apart", 3, { 1e-300, 1, 1e300 } },
    { "nearly constant", 3, { 0.1, 0.1 + 2e-17, 0.1 } },
    { "only gaps", 2, { NAN, -INFINITY } },
    { "none", 0, { 0 } },
};

static void check_numbers(const char *name, const char *text)
{
    ck_assert_msg(!strstr(text, "nan") && !strstr(text, "inf"), "%s", name);
}

START_TEST(odd_values_are_drawn)
{
    for (size_t i = 0; i < 2 * sizeof odd / sizeof *odd; i++) {
        struct mt_curve curve = { "a", x, odd[i / 2].y, odd[i / 2].n, 3,
                                  false };
        struct mt_panel panel = { "loss", &curve, 1 };
        struct mt_chart chart = chart_of(&panel, 1);
        struct mt_raster raster;
        struct mt_term term = { 60, 14, true, false };
        struct mt_strbuf text = MT_STRBUF_INIT;
        struct mt_err err = MT_ERR_INIT;

        chart.log_y = i % 2;
        chart.marked = i % 2;
        struct mt_strbuf out = draw_svg(&chart, 200, 200);

        check_numbers(odd[i / 2].name, out.text);
        mt_strbuf_free(&out);
        ck_assert_int_eq(mt_raster_start(&raster, 200, 200, 1, &err), MT_OK);
        ck_assert_int_eq(mt_chart_draw(&chart, &raster.canvas, &err), MT_OK);
        mt_raster_free(&raster);
        ck_assert_int_eq(mt_term_draw(&chart, &panel, &term, &text, &err),
                         MT_OK);
        check_numbers(odd[i / 2].name, text.text);
        mt_strbuf_free(&text);
    }
}
END_TEST

/* A lone point is a disc. */
START_TEST(one_point_shows)
{
    const double y[] = { 1, NAN, 2 };
    struct mt_curve curve = { "a", x, y, 3, 0, false };
    struct mt_panel panel = { "loss", &curve, 1 };
    struct mt_chart chart = chart_of(&panel, 1);
    struct mt_strbuf out = draw_svg(&chart, 300, 200);
    size_t discs = 0;

    for (const char *p = out.text; (p = strstr(p, "<circle")); p++)
        discs++;
    ck_assert_uint_eq(discs, 2);
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(many_points_make_small_files)
{
    enum { MANY = 100000 };
    double *at = calloc(MANY, sizeof *at), *y = calloc(MANY, sizeof *y);
    struct mt_curve curve = { "a", at, y, MANY, 0, false };
    struct mt_panel panel = { "loss", &curve, 1 };
    struct mt_chart chart = chart_of(&panel, 1);

    for (size_t i = 0; i < MANY; i++) {
        at[i] = (double)i;
        y[i] = (double)(i * 7919 % 1000);
    }
    struct mt_strbuf a = draw_svg(&chart, 640, 420);
    struct mt_strbuf b = draw_svg(&chart, 640, 420);

    ck_assert_uint_lt(a.len, 100000);
    ck_assert_str_eq(a.text, b.text);
    mt_strbuf_free(&a);
    mt_strbuf_free(&b);
    free(at);
    free(y);
}
END_TEST

Suite *chart_suite(void);
Suite *chart_suite(void)
{
    Suite *s = suite_create("chart");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, fill, NULL);
    tcase_add_test(t, columns_suit_the_shape);
    tcase_add_test(t, legends_avoid_curves);
    tcase_add_test(t, panels_have_titles);
    tcase_add_test(t, odd_values_are_drawn);
    tcase_add_test(t, one_point_shows);
    tcase_add_test(t, many_points_make_small_files);
    suite_add_tcase(s, t);
    return s;
}
