#include "plot/label.h"

#include <check.h>
#include <string.h>

START_TEST(characters_are_read)
{
    static const struct {
        const char *text;
        uint32_t codes[5];
    } rows[] = {
        { "", { 0 } },
        { "ab", { 'a', 'b' } },
        { "\xC3\xA9", { 0xE9 } },
        { "\xE2\x82\xAC", { 0x20AC } },
        { "\xF0\x9F\x98\x80", { 0x1F600 } },
        { "a\x80z", { 'a', MT_REPLACEMENT, 'z' } },
        { "\xC0\x80", { MT_REPLACEMENT, MT_REPLACEMENT } },      /* overlong */
        { "\xE0\x80\x80x", { MT_REPLACEMENT, 'x' } },            /* overlong */
        { "\xED\xA0\x80x", { MT_REPLACEMENT, 'x' } },            /* surrogate */
        { "\xF4\x90\x80\x80x", { MT_REPLACEMENT, 'x' } },        /* too large */
        { "\xE2\x82", { MT_REPLACEMENT } },                      /* cut */
        { "\xE2\x82x", { MT_REPLACEMENT, 'x' } },
        { "\x1B[0m", { MT_REPLACEMENT, '[', '0', 'm' } },        /* controls */
        { "\xC2\x9B" "1", { MT_REPLACEMENT, '1' } },
        { "\xE2\x80\xAE" "a", { MT_REPLACEMENT, 'a' } },
        { "\xFF", { MT_REPLACEMENT } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *p = rows[i].text;

        for (size_t k = 0; k < 5; k++) {
            uint32_t c = mt_label_next(&p);

            ck_assert_msg(c == rows[i].codes[k], "row %zu, %zu: U+%04X", i, k,
                          c);
            if (c == 0)
                break;
        }
    }
}
END_TEST

START_TEST(characters_are_written)
{
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    struct mt_strbuf out = MT_STRBUF_INIT;
    uint32_t c;

    for (const char *p = text; (c = mt_label_next(&p));)
        mt_label_add(&out, c);
    ck_assert_str_eq(out.text, text);
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    static const struct {
        const char *text;
        size_t max;
        int ascii;
        const char *expected;
    } rows[] = {
        { "abc", 3, 0, "abc" },
        { "abcd", 3, 0, "ab\xE2\x80\xA6" },
        { "abcd", 3, 1, "ab." },
        { "\xC3\xA9\xC3\xA9", 2, 1, "??" },
        { "\xC3\xA9\xC3\xA9", 2, 0, "\xC3\xA9\xC3\xA9" },
        { "ab", 1, 1, "." },
        { "a\nb\x1B", 9, 1, "a?b?" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_strbuf out = MT_STRBUF_INIT;

        mt_label_cut(&out, rows[i].text, rows[i].max, rows[i].ascii);
        ck_assert_str_eq(out.text, rows[i].expected);
        mt_strbuf_free(&out);
    }
}
END_TEST

Suite *label_suite(void);
Suite *label_suite(void)
{
    Suite *s = suite_create("label");
    TCase *t = tcase_create("core");

    tcase_add_test(t, characters_are_read);
    tcase_add_test(t, characters_are_written);
    tcase_add_test(t, long_texts_are_cut);
    suite_add_tcase(s, t);
    return s;
}
