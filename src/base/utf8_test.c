#include "base/utf8.h"

#include <check.h>
#include <string.h>

START_TEST(test_round_trip)
{
    char text[5];
    uint32_t back = 0, wrong = 0;

    for (uint32_t code = 0; code < MT_UTF8_CODES; code++) {
        size_t n = mt_utf8_encode(code, text);
        bool surrogate = code >= 0xd800 && code < 0xe000;

        wrong += mt_utf8_decode(text, n, &back) != (surrogate ? 0 : n);
        wrong += !surrogate && back != code;
        wrong += n > 1 && mt_utf8_decode(text, n - 1, &back) != 0;
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(test_invalid)
{
    static const char *const texts[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80",
        "\xff",
        "\xc3(",
        "\xed\xa0\x80",
        "ab\xe2\x82",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(!mt_utf8_valid(texts[i], strlen(texts[i])), "%zu", i);
    ck_assert(mt_utf8_valid("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
    ck_assert(mt_utf8_valid("", 0));
}
END_TEST

START_TEST(test_excerpt)
{
    char text[100];

    ck_assert_str_eq(mt_excerpt("a\nb\x7f\xff\xc3\xa9", 7).text,
                     "a?b??\xc3\xa9");
    ck_assert_str_eq(mt_excerpt("x\0y", 3).text, "x?y");
    memset(text, 'a', sizeof text);
    ck_assert_str_eq(mt_excerpt(text, 40).text,
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    ck_assert_str_eq(mt_excerpt(text, 41).text,
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...");
    /* A character is not cut. */
    memcpy(text + 39, "\xc3\xa9", 2);
    ck_assert_str_eq(mt_excerpt(text, 50).text,
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...");
}
END_TEST

Suite *utf8_suite(void);

Suite *utf8_suite(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tc = tcase_create("utf8");

    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_invalid);
    tcase_add_test(tc, test_excerpt);
    suite_add_tcase(suite, tc);
    return suite;
}
