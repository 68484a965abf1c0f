#include "plot/font.h"

#include <check.h>
#include <math.h>
#include <string.h>

struct bounds {
    double left, right, top, bottom;
    size_t lines;
};

static void measure(void *ctx, const struct mt_point *p, size_t n)
{
    struct bounds *b = ctx;

    b->lines++;
    for (size_t i = 0; i < n; i++) {
        b->left = fmin(b->left, p[i].x);
        b->right = fmax(b->right, p[i].x);
        b->top = fmax(b->top, p[i].y);
        b->bottom = fmin(b->bottom, p[i].y);
    }
}

static struct bounds bounds_of(const char *text)
{
    struct bounds b = { INFINITY, -INFINITY, -INFINITY, INFINITY, 0 };

    mt_font_draw(text, 20, measure, &b);
    return b;
}

/* Each character has strokes, and they stay within its width and height. */
START_TEST(strokes_keep_to_their_box)
{
    for (char c = '!'; c <= '~'; c++) {
        const char text[] = { c, '\0' };
        struct bounds b = bounds_of(text);

        ck_assert_msg(b.lines > 0, "%c", c);
        ck_assert_msg(b.left >= 0 && b.right <= mt_font_width(text, 20),
                      "%c: from %g to %g", c, b.left, b.right);
        ck_assert_msg(b.bottom >= -4.2 && b.top <= 15, "%c: from %g to %g", c,
                      b.bottom, b.top);
    }
}
END_TEST

START_TEST(capitals_stand_on_the_line)
{
    for (const char *c = "ABDEFHIKLMNPRTUVWXYZ"; *c; c++) {
        const char text[] = { *c, '\0' };

        ck_assert_double_eq_tol(bounds_of(text).bottom, 0, 1e-9);
        ck_assert_double_eq_tol(bounds_of(text).top, 20 * MT_FONT_CAPITAL,
                                1e-9);
    }
}
END_TEST

START_TEST(widths_add_up)
{
    ck_assert_double_eq_tol(mt_font_width("loss", 13),
                            mt_font_width("lo", 13) + mt_font_width("ss", 13),
                            1e-9);
    ck_assert_double_eq(mt_font_width("", 13), 0);
    ck_assert_double_eq_tol(mt_font_width_raised("10", "7", 10),
                            mt_font_width("10", 10) + mt_font_width("7", 7),
                            1e-9);
    /* all digits have the same width */
    for (char c = '1'; c <= '9'; c++)
        ck_assert_double_eq(mt_font_width((char[]){ c, '\0' }, 20),
                            mt_font_width("0", 20));
}
END_TEST

START_TEST(accents_are_added)
{
    struct bounds plain = bounds_of("o"), accent = bounds_of("\xC3\xB6");

    ck_assert_uint_gt(accent.lines, plain.lines);
    ck_assert_double_gt(accent.top, plain.top + 2);
    ck_assert_double_eq(mt_font_width("\xC3\xB6", 9), mt_font_width("o", 9));
    ck_assert_double_gt(bounds_of("\xC3\x96").top, accent.top);
}
END_TEST

/* Characters that the font lacks are boxes, and so are invalid bytes. */
START_TEST(unknown_characters_are_boxes)
{
    ck_assert_uint_eq(bounds_of("\xE4\xB8\xAD").lines, 1);
    ck_assert_uint_eq(bounds_of("\xFF\x01").lines, 2);
}
END_TEST

Suite *font_suite(void);
Suite *font_suite(void)
{
    Suite *s = suite_create("font");
    TCase *t = tcase_create("core");

    tcase_add_test(t, strokes_keep_to_their_box);
    tcase_add_test(t, capitals_stand_on_the_line);
    tcase_add_test(t, widths_add_up);
    tcase_add_test(t, accents_are_added);
    tcase_add_test(t, unknown_characters_are_boxes);
    suite_add_tcase(s, t);
    return s;
}
