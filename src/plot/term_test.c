#include "plot/term.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "plot/label.h"

static const double x[] = { 1, 2, 3, 4, 5 };
static const double up[] = { 0, 1, 2, 3, 4 }, down[] = { 4, 3, 2, 1, 0 };

static const struct mt_curve curves[] = {
    { "run\x1B[31m, train", x, up, 5, 0, true },
    { "run, validation", x, down, 5, 0, false },
};

static struct mt_strbuf draw(const struct mt_panel *panel,
                             const struct mt_term *term)
{
    struct mt_chart chart = { .x_title = "epoch", .panels = panel,
                              .n_panels = 1 };
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_term_draw(&chart, panel, term, &out, &err), MT_OK);
    return out;
}

/* A line from corner to corner, inside the margins. */
START_TEST(dots_stand_where_braille_has_them)
{
    const double ends_x[] = { 1, 2 }, ends_y[] = { 1, 2 };
    struct mt_curve curve = { "a", ends_x, ends_y, 2, 0, false };
    struct mt_panel panel = { "loss", &curve, 1 };
    struct mt_term term = { 24, 8, true, false };
    struct mt_strbuf out = draw(&panel, &term);

    ck_assert_str_eq(out.text,
                     "    loss\n"
                     " 2 \u2524               \u2880\u28C0\u2824\u2814\u2802\n"
                     "   \u2502          \u28C0\u2860\u2824\u2812\u280A\u2801\n"
                     "   \u2502    \u2880\u2860\u2824\u2812\u280A\u2809\n"
                     " 1 \u2524\u2820\u2814\u2812\u2809\u2801\n"
                     "   \u2514\u252C\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
                     "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u252C\n"
                     "    1                  2\n"
                     "           epoch\n"
                     "    \u2812\u2812\u2812 a\n");
    mt_strbuf_free(&out);
}
END_TEST

/* For any size, no line is longer, and there are as many as asked for, and the
 * legend. */
START_TEST(it_keeps_to_its_size)
{
    struct mt_panel panel = { "loss", curves, 2 };

    for (size_t w = MT_TERM_LEAST_WIDTH; w < 150; w += 7) {
        for (size_t h = MT_TERM_LEAST_HEIGHT; h < 40; h += 5) {
            struct mt_term term = { w, h, w % 2, false };
            struct mt_strbuf out = draw(&panel, &term);
            size_t lines = 0;

            for (char *line = strtok(out.text, "\n"); line;
                 line = strtok(NULL, "\n")) {
                ck_assert_msg(mt_label_count(line) <= w, "%zu x %zu: %s", w, h,
                              line);
                lines++;
            }
            ck_assert_msg(lines == h + 1 || lines == h + 2, "%zu for %zu",
                          lines, h);
            mt_strbuf_free(&out);
        }
    }
}
END_TEST

/* Without color there is no escape, not even from a label. */
START_TEST(escapes_are_for_color_only)
{
    struct mt_panel panel = { "loss", curves, 2 };
    struct mt_strbuf plain = draw(&panel, &(struct mt_term){ 80, 18, true,
                                                              false });
    struct mt_strbuf color = draw(&panel, &(struct mt_term){ 80, 18, true,
                                                              true });
    struct mt_strbuf ascii = draw(&panel, &(struct mt_term){ 80, 18, false,
                                                              false });

    ck_assert_ptr_null(strchr(plain.text, '\x1B'));
    ck_assert_ptr_nonnull(strstr(color.text, "\x1B[38;5;32m"));
    ck_assert_ptr_null(strstr(color.text, "\x1B[31m"));
    for (const char *p = ascii.text; *p; p++)
        ck_assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
    mt_strbuf_free(&plain);
    mt_strbuf_free(&color);
    mt_strbuf_free(&ascii);
}
END_TEST

/* Without color, letters distinguish two curves, in the legend and on them. */
START_TEST(letters_stand_for_colors)
{
    struct mt_panel panel = { "q", curves, 2 };

    for (int unicode = 0; unicode < 2; unicode++) {
        struct mt_strbuf out = draw(&panel, &(struct mt_term){ 80, 18, unicode,
                                                                false });
        char *legend = strstr(out.text, "run");

        ck_assert_ptr_nonnull(legend);
        *legend = '\0';
        ck_assert_ptr_nonnull(strchr(out.text, 'a'));
        ck_assert_ptr_nonnull(strchr(out.text, 'b'));
        mt_strbuf_free(&out);
    }
}
END_TEST

START_TEST(a_line_in_ascii)
{
    struct mt_curve curve = { "a", x, up, 5, 0, false };
    struct mt_panel panel = { "loss", &curve, 1 };
    struct mt_strbuf out = draw(&panel, &(struct mt_term){ 24, 10, false,
                                                            false });

    ck_assert_str_eq(out.text, "    loss\n"
                               " 4 +                 aaa\n"
                               "   |             aaaa\n"
                               "   |           aa\n"
                               " 2 +        aaa\n"
                               "   |   aaaaa\n"
                               " 0 +aaa\n"
                               "   +-----+--------+-----\n"
                               "         2        4\n"
                               "           epoch\n"
                               "    aaa a\n");
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(titles_are_centered_and_cut)
{
    struct mt_term term = { 24, 10, true, false };
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_term_title(NULL, &term, &out);
    mt_term_title("", &term, &out);
    ck_assert_uint_eq(out.len, 0);
    mt_term_title("four", &term, &out);
    mt_term_title("a title that is longer than that", &term, &out);
    ck_assert_str_eq(out.text, "          four\n"
                               "a title that is longer \u2026\n");
    mt_strbuf_free(&out);
}
END_TEST

Suite *term_suite(void);
Suite *term_suite(void)
{
    Suite *s = suite_create("term");
    TCase *t = tcase_create("core");

    tcase_add_test(t, dots_stand_where_braille_has_them);
    tcase_add_test(t, it_keeps_to_its_size);
    tcase_add_test(t, escapes_are_for_color_only);
    tcase_add_test(t, letters_stand_for_colors);
    tcase_add_test(t, a_line_in_ascii);
    tcase_add_test(t, titles_are_centered_and_cut);
    suite_add_tcase(s, t);
    return s;
}
