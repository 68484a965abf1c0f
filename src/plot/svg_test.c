#include "plot/svg.h"

#include <check.h>
#include <string.h>

static const struct mt_type type = { 12, 0x0072B2, MT_ANCHOR_END, false };

static void holds(const struct mt_svg *svg, const char *text)
{
    ck_assert_msg(strstr(svg->out.text, text) != NULL, "no %s in\n%s", text,
                  svg->out.text);
}

START_TEST(shapes_become_elements)
{
    const struct mt_point p[] = { { 0.005, 1 }, { 2.5, -0.001 }, { 3, 100 } };
    struct mt_svg svg;

    mt_svg_start(&svg, 640, 420.5, NULL);
    svg.canvas.ops->line(&svg.canvas, p, 3,
                         &(struct mt_pen){ 0xD55E00, 1.25, 4, 2.5 });
    svg.canvas.ops->fill(&svg.canvas, p, 3, 0xFFFFFF);
    svg.canvas.ops->disc(&svg.canvas, p[2], 2, 0);
    mt_svg_end(&svg);
    holds(&svg, "width=\"640\" height=\"420.5\" viewBox=\"0 0 640 420.5\"");
    holds(&svg, "<path d=\"M0.01,1 2.5,0 3,100\" fill=\"none\"");
    holds(&svg, "stroke=\"#d55e00\" stroke-width=\"1.25\" "
                "stroke-dasharray=\"4 2.5\"/>");
    holds(&svg, "3,100Z\" fill=\"#ffffff\"/>");
    holds(&svg, "<circle cx=\"3\" cy=\"100\" r=\"2\" fill=\"#000000\"/>");
    ck_assert_ptr_null(strstr(svg.out.text, "<title>"));
    mt_strbuf_free(&svg.out);
}
END_TEST

START_TEST(texts_are_escaped)
{
    struct mt_type upward = { 12, 0, MT_ANCHOR_MIDDLE, true };
    struct mt_svg svg;

    mt_svg_start(&svg, 10, 10, "a<b>&\x01");
    svg.canvas.ops->text(&svg.canvas, (struct mt_point){ 1, 2 },
                         "</text><script>\"&\xFF", "-7", &type);
    svg.canvas.ops->text(&svg.canvas, (struct mt_point){ 1, 2 }, "x", NULL,
                         &upward);
    mt_svg_end(&svg);
    holds(&svg, "<title>a&lt;b&gt;&amp;\xEF\xBF\xBD</title>");
    holds(&svg, "text-anchor=\"end\">&lt;/text&gt;&lt;script&gt;\"&amp;"
                "\xEF\xBF\xBD<tspan dy=\"-5.04\" font-size=\"8.4\">-7</tspan>"
                "</text>");
    holds(&svg, "transform=\"rotate(-90 1 2)\">x</text>");
    ck_assert_ptr_null(strstr(svg.out.text, "<script"));
    ck_assert(!svg.out.failed);
    mt_strbuf_free(&svg.out);
}
END_TEST

Suite *svg_suite(void);
Suite *svg_suite(void)
{
    Suite *s = suite_create("svg");
    TCase *t = tcase_create("core");

    tcase_add_test(t, shapes_become_elements);
    tcase_add_test(t, texts_are_escaped);
    suite_add_tcase(s, t);
    return s;
}
