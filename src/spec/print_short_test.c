#include <check.h>
#include <string.h>

#include "spec/tree.h"

/* Prints text and reads it back: the same tree. */
static void check_print(const char *text, const char *expected)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc, *again;
    struct mt_strbuf out = MT_STRBUF_INIT, a = MT_STRBUF_INIT,
                     b = MT_STRBUF_INIT;

    ck_assert_int_eq(mt_json_parse("a", text, strlen(text), &doc, &err), MT_OK);
    mt_json_print_short(mt_json_root(doc), &out);
    ck_assert_str_eq(out.text, expected);
    ck_assert_int_eq(mt_json_parse("b", out.text, out.len, &again, &err),
                     MT_OK);
    mt_json_print_compact(mt_json_root(doc), &a);
    mt_json_print_compact(mt_json_root(again), &b);
    ck_assert_str_eq(a.text, b.text);
    mt_strbuf_free(&out);
    mt_strbuf_free(&a);
    mt_strbuf_free(&b);
    mt_json_free(doc);
    mt_json_free(again);
}

START_TEST(what_fits_stands_on_a_line)
{
    check_print("1.50", "1.5\n");
    check_print("{}", "{}\n");
    check_print("[1,[]]", "[\n  1,\n  []\n]\n");
    check_print("{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"\"}",
                "{\n  \"a\": {\"b\": [1, {\"c\": null}]},\n  \"d\": \"\"\n}\n");
}
END_TEST

/* {"k": ["xx...x"]} with a line of n columns */
static void check_width(size_t n, bool fits)
{
    struct mt_strbuf text = MT_STRBUF_INIT, expected = MT_STRBUF_INIT;
    char x[100];

    memset(x, 'x', sizeof x);
    x[n - strlen("  \"k\": [\"\"]")] = '\0';
    mt_strbuf_printf(&text, "{\"k\":[\"%s\"]}", x);
    mt_strbuf_printf(&expected, fits ? "{\n  \"k\": [\"%s\"]\n}\n"
                                     : "{\n  \"k\": [\n    \"%s\"\n  ]\n}\n", x);
    check_print(text.text, expected.text);
    mt_strbuf_free(&text);
    mt_strbuf_free(&expected);
}

START_TEST(lines_have_76_columns)
{
    check_width(75, true);
    check_width(76, true);
    check_width(77, false);
}
END_TEST

Suite *print_short_suite(void);
Suite *print_short_suite(void)
{
    Suite *suite = suite_create("print_short");
    TCase *tc = tcase_create("json_short");

    tcase_add_test(tc, what_fits_stands_on_a_line);
    tcase_add_test(tc, lines_have_76_columns);
    suite_add_tcase(suite, tc);
    return suite;
}
