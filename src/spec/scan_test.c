#include "spec/tree_internal.h"
#include "base/utf8.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parses from a block of exactly n bytes, so that a sanitizer finds reads
 * beyond it. */
static mt_status parse(const char *text, size_t n, struct mt_json **doc,
                       struct mt_err *err)
{
    char *copy = malloc(n ? n : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, n);
    mt_status status = mt_json_parse("s", copy, n, doc, err);

    free(copy);
    return status;
}

static void assert_good(const char *text, size_t n)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    mt_status status = parse(text, n, &doc, &err);

    ck_assert_msg(status == MT_OK, "%.*s: %s", (int)n, text, err.text);
    ck_assert_ptr_nonnull(doc);
    mt_json_free(doc);
}

/* The message must start with "s:" place ": " and contain part. */
static void assert_bad(const char *text, size_t n, const char *place,
                       const char *part)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    char start[64];
    mt_status status = parse(text, n, &doc, &err);

    snprintf(start, sizeof start, "s:%s: ", place);
    ck_assert_msg(status == MT_INVALID, "%.*s: accepted", (int)n, text);
    ck_assert_int_eq(err.status, MT_INVALID);
    ck_assert_ptr_null(doc);
    ck_assert_msg(!strncmp(err.text, start, strlen(start)),
                  "%.*s: expected %s..., got %s", (int)n, text, start,
                  err.text);
    ck_assert_msg(strstr(err.text, part), "%.*s: expected ...%s..., got %s",
                  (int)n, text, part, err.text);
    ck_assert_msg(strstr(err.text, "expected") || strstr(err.text, "mean"),
                  "%s", err.text);
}

START_TEST(good_texts_are_taken)
{
    static const char *const texts[] = {
        "null",
        "true",
        " false ",
        "0",
        "-0",
        "-0.0",
        "1",
        "10",
        "1.5",
        "1e5",
        "1E+5",
        "1e-5",
        "1.25e2",
        "9007199254740992",
        "9007199254740994",
        "9007199254740993.0",
        "18446744073709551616",
        "1.7976931348623157e308",
        "5e-324",
        "0e999",
        "0.0e-999",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0001\\u00e9\\ud83d\\ude00\"",
        "\"\\uD83D\\uDE00\"",
        "\"\\u0022\"",
        "\"\x7f\"",
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"",
        "\"\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[1,2]",
        "\t\r\n[ 1 , [ 2 ] , { } ]\n",
        "{\"a\":1,\"A\":2,\"b\":{\"a\":1}}",
        "{\"\":1}",
        "[\"\xef\xbb\xbf\"]",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_good(texts[i], strlen(texts[i]));
}
END_TEST

static const struct bad {
    const char *text, *place, *part;
} bad_texts[] = {
    /* not a value */
    { "", "1:1", "empty" },
    { " \n \n  ", "3:3", "empty" },
    { "\xef\xbb\xbf{}", "1:1", "byte order mark" },
    { "\xef\xbb\xbf", "1:1", "byte order mark" },
    { "nul", "1:1", "\"nul\"" },
    { "True", "1:1", "did you mean true" },
    { "NULL", "1:1", "did you mean null" },
    { "truee", "1:1", "did you mean true" },
    { "nan", "1:1", "\"nan\"" },
    { "NaN", "1:1", "\"NaN\"" },
    { "Infinity", "1:1", "\"Infinity\"" },
    { "[1, None]", "1:5", "\"None\"" },
    { "'a'", "1:1", "double quotes" },
    { "// c\n1", "1:1", "no comments" },
    { "[1, /* c */ 2]", "1:5", "no comments" },
    { "@", "1:1", "'@'" },
    { "\x01", "1:1", "0x01" },
    { "\xc3\xa9", "1:1", "'\xc3\xa9'" },
    { "\f1", "1:1", "0x0c" },
    { "\xff", "1:1", "0xff" },
    { "\xc2\xa0{}", "1:1", "expected a value" },
    /* trailing text */
    { "1 2", "1:3", "end of the text" },
    { "{} x", "1:4", "\"x\"" },
    { "[]]", "1:3", "']'" },
    { "{}\n\n}", "3:1", "'}'" },
    { "1,", "1:2", "','" },
    /* numbers */
    { "01", "1:1", "no leading zero" },
    { "[-012]", "1:2", "no leading zero" },
    { "+1", "1:1", "no \"+\"" },
    { "-", "1:1", "digit after the \"-\"" },
    { "--1", "1:1", "digit after the \"-\"" },
    { "-Infinity", "1:1", "digit after the \"-\"" },
    { "[1, .5]", "1:5", "digit before the point" },
    { "-.5", "1:1", "digit before the point" },
    { "1.", "1:1", "digit after the point" },
    { "1.e3", "1:1", "digit after the point" },
    { "1e", "1:1", "digit in the exponent" },
    { "1e+", "1:1", "digit in the exponent" },
    { "1.5e5.5", "1:1", "exponent only" },
    { "0x10", "1:1", "\"0x10\"" },
    { "1_000", "1:1", "\"1_000\"" },
    { "1-2", "1:1", "\"1-2\"" },
    { "1e999", "1:1", "1e999" },
    { "[0, -1e309]", "1:5", "at most 1.797" },
    { "1e-400", "1:1", "at least 5e-324" },
    { "9007199254740993", "1:1", "9007199254740993" },
    { "-9007199254740993", "1:1", "hold exactly" },
    { "18446744073709551615", "1:1", "hold exactly" },
    { "1.00000000000000000000000000000000000000000000000000000000000000000",
      "1:1", "at most 63" },
    /* strings */
    { "\"", "1:2", "starts at 1:1" },
    { "\"abc", "1:5", "'\"'" },
    { "\"a\nb\"", "1:3", "0x0a" },
    { "[\n  \"a\tb\"]", "2:5", "0x09" },
    { "\"\x1f\"", "1:2", "\\u001f" },
    { "\"\\x\"", "1:2", "\\x" },
    { "\"\\", "1:2", "unknown escape" },
    { "\"\\\n\"", "1:2", "unknown escape" },
    { "\"\\u12\"", "1:2", "four hexadecimal" },
    { "\"\\u12g4\"", "1:2", "four hexadecimal" },
    { "\"\\u", "1:2", "four hexadecimal" },
    { "\"\\u0000\"", "1:2", "\\u0000" },
    { "\"ab\\ud800\"", "1:4", "\\ud800" },
    { "\"\\ud800x\"", "1:2", "first half" },
    { "\"\\ud800\\n\"", "1:2", "first half" },
    { "\"\\ud83d\\u0041\"", "1:2", "\\ud83d" },
    { "\"\\ud800\\ud800\"", "1:2", "first half" },
    { "\"\\ude00\"", "1:2", "second half" },
    { "\"\xc3\xa9\xc3\xa9\\q\"", "1:4", "\\q" }, /* columns are characters */
    /* UTF-8 */
    { "\"a\x80\"", "1:3", "0x80" },
    { "\"\xc0\xaf\"", "1:2", "0xc0" },
    { "\"\xc1\xbf\"", "1:2", "0xc1" },
    { "\"\xe0\x80\xaf\"", "1:2", "0xe0" },
    { "\"\xe0\x9f\xbf\"", "1:2", "UTF-8" },
    { "\"\xed\xa0\x80\"", "1:2", "0xed" },
    { "\"\xed\xbf\xbf\"", "1:2", "UTF-8" },
    { "\"\xf0\x80\x80\xaf\"", "1:2", "0xf0" },
    { "\"\xf0\x8f\xbf\xbf\"", "1:2", "UTF-8" },
    { "\"\xf4\x90\x80\x80\"", "1:2", "0xf4" },
    { "\"\xf5\x80\x80\x80\"", "1:2", "0xf5" },
    { "\"\xff\"", "1:2", "0xff" },
    { "\"\xc3\"", "1:2", "0xc3" },
    { "\"\xe2\x82\"", "1:2", "0xe2" },
    { "\"\xf0\x9f\x98\"", "1:2", "0xf0" },
    { "\"\xf0\x9f\x98", "1:2", "0xf0" },
    { "[\"\xe2\x82\xac\", \xe2\x82\xac]", "1:7", "'\xe2\x82\xac'" },
    { "{\"\xfe\":1}", "1:3", "0xfe" },
    /* lists */
    { "[", "1:2", "end of the text" },
    { "[1", "1:3", "',' or ']'" },
    { "[1,", "1:4", "expected a value" },
    { "[1,]", "1:4", "']'" },
    { "[,1]", "1:2", "','" },
    { "[1 2]", "1:4", "\"2\"" },
    { "[1\n\n 2]", "3:2", "',' or ']'" },
    { "[1}", "1:3", "'}'" },
    { "[1:2]", "1:3", "':'" },
    /* objects */
    { "{", "1:2", "a key in double quotes, or '}'" },
    { "{a:1}", "1:2", "\"a\"" },
    { "{'a':1}", "1:2", "double quotes" },
    { "{1:1}", "1:2", "double quotes" },
    { "{\"a\"}", "1:5", "':'" },
    { "{\"a\" 1}", "1:6", "':'" },
    { "{\"a\":}", "1:6", "expected a value" },
    { "{\"a\":1", "1:7", "',' or '}'" },
    { "{\"a\":1,}", "1:8", "after ','" },
    { "{\"a\":1 \"b\":2}", "1:8", "',' or '}'" },
    { "{\"a\":1]", "1:7", "']'" },
    { "{,}", "1:2", "','" },
    /* duplicate keys are reported at the second one */
    { "{\"a\":1,\"a\":2}", "1:8", "\"a\"" },
    { "{\"a\":1,\n \"b\":2,\n  \"a\":3}", "3:3", "1:2" },
    { "{\"a\":1,\"\\u0061\":2}", "1:8", "duplicate key \"a\"" },
    { "{\"\xc3\xa9\":1,\"\\u00e9\":2}", "1:8", "duplicate" },
    { "{\"z\":1,\"b\":1,\"z\":1,\"b\":1}", "1:14", "\"z\"" },
    { "{\"a\":1,\"a\":2,\"a\":3}", "1:8", "1:2" },
    { "[{\"x\":{\"\":1,\"\":2}}]", "1:13", "[0].x[\"\"]" },
};

START_TEST(bad_texts_are_refused_at_their_place)
{
    size_t n = sizeof bad_texts / sizeof *bad_texts;

    ck_assert_uint_ge(n, 60);
    for (size_t i = 0; i < n; i++)
        assert_bad(bad_texts[i].text, strlen(bad_texts[i].text),
                   bad_texts[i].place, bad_texts[i].part);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
    assert_bad("\"a\0b\"", 5, "1:3", "0x00");
    assert_bad("1\0", 2, "1:2", "0x00");
    assert_bad("\0", 1, "1:1", "0x00");
    assert_bad("{\"a\0\":1}", 8, "1:4", "0x00");
}
END_TEST

static const char document[] =
    "{\"model\": {\"layers\": [{\"type\": \"Linear\", \"p\": -1.5e-3},\n"
    "  {\"type\": \"\\ud83d\\ude00 \xc3\xa9\", \"bias\": true, \"n\": null}],\n"
    "  \"empty\": [], \"none\": {}}, \"list\": [1, 2, 3.25, \"\\u00e9\"]}";

START_TEST(every_truncation_is_refused)
{
    for (size_t n = 0; n < sizeof document - 1; n++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_json *doc;

        ck_assert_int_eq(parse(document, n, &doc, &err), MT_INVALID);
        ck_assert_ptr_null(doc);
        ck_assert_ptr_nonnull(strstr(err.text, "expected"));
    }
    assert_good(document, sizeof document - 1);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whatever is accepted must survive printing and reading. */
static void try_mutant(const char *text, size_t n)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc, *again;
    struct mt_strbuf one = MT_STRBUF_INIT, two = MT_STRBUF_INIT;

    if (parse(text, n, &doc, &err) != MT_OK) {
        ck_assert_int_eq(err.status, MT_INVALID);
        ck_assert_int_eq(strncmp(err.text, "s:", 2), 0);
        return;
    }
    mt_json_print(mt_json_root(doc), &one);
    ck_assert_msg(parse(one.text, one.len, &again, &err) == MT_OK, "%s: %s",
                  err.text, one.text);
    mt_json_print(mt_json_root(again), &two);
    ck_assert_str_eq(one.text, two.text);
    mt_strbuf_free(&one);
    mt_strbuf_free(&two);
    mt_json_free(doc);
    mt_json_free(again);
}

START_TEST(random_mutations_do_no_harm)
{
    static const char pieces[] = "{}[]\",:\\u0019eE+-.tfn \n\xc3\xa9\xf0\xff";
    uint64_t state = 88172645463325252u;

    for (int round = 0; round < 5000; round++) {
        char text[sizeof document + 8];
        size_t n = sizeof document - 1;

        memcpy(text, document, n);
        for (uint64_t k = next_random(&state) % 4 + 1; k; k--) {
            size_t at = next_random(&state) % n;
            uint64_t r = next_random(&state);

            if (r % 4 == 0) {
                text[at] = (char)(r >> 8);
            } else if (r % 4 == 1) {
                text[at] = pieces[(r >> 8) % (sizeof pieces - 1)];
            } else if (r % 4 == 2 && n > 1) {
                memmove(text + at, text + at + 1, n - at - 1);
                n--;
            } else {
                memmove(text + at + 1, text + at, n - at);
                text[at] = pieces[(r >> 8) % (sizeof pieces - 1)];
                n++;
            }
        }
        try_mutant(text, n);
    }
}
END_TEST

static void nest(struct mt_strbuf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        mt_strbuf_puts(out, i % 2 ? "{\"a\":" : "[");
    mt_strbuf_putc(out, '1');
    for (int i = depth; i-- > 0;)
        mt_strbuf_putc(out, i % 2 ? '}' : ']');
}

START_TEST(depth_is_bounded)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    nest(&text, MT_JSON_MAX_DEPTH);
    assert_good(text.text, text.len);
    mt_strbuf_free(&text);

    nest(&text, MT_JSON_MAX_DEPTH + 1);
    assert_bad(text.text, text.len, "1:193", "at most 64 levels");
    mt_strbuf_free(&text);

    for (int i = 0; i < 1000000; i++)
        mt_strbuf_putc(&text, '[');
    assert_bad(text.text, text.len, "1:65", "nested too deeply");
    mt_strbuf_free(&text);
}
END_TEST

START_TEST(size_is_bounded)
{
    size_t n = MT_JSON_MAX_BYTES + 1;
    char *text = malloc(n);

    ck_assert_ptr_nonnull(text);
    memset(text, 'a', n);
    text[0] = text[n - 1] = text[n - 2] = '"';
    assert_bad(text, n, "1:1", "at most 16777216");
    assert_good(text, n - 1);
    free(text);
}
END_TEST

START_TEST(number_of_values_is_bounded)
{
    size_t n = 2 * MT_JSON_MAX_VALUES + 1;
    char *text = malloc(n);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 ? '1' : ',';
    text[0] = '[';
    text[n - 1] = ']';
    assert_bad(text, n, "1:2097152", "at most 1048576");
    free(text);
}
END_TEST

START_TEST(many_keys_take_little_time)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_strbuf_putc(&text, '{');
    for (int i = 0; i < 100000; i++)
        mt_strbuf_printf(&text, "\"key%d\":1,\n", i);
    mt_strbuf_puts(&text, "\"last\":1}");
    assert_good(text.text, text.len);
    text.len -= strlen("\"last\":1}");
    mt_strbuf_puts(&text, "\"key77\":1}");
    assert_bad(text.text, text.len, "100001:1", "78:1");
    mt_strbuf_free(&text);
}
END_TEST

START_TEST(long_things_are_cut_in_messages)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;

    mt_strbuf_puts(&text, "{\"");
    for (int i = 0; i < 5000; i++)
        mt_strbuf_puts(&text, "\xc3\xa9");
    mt_strbuf_puts(&text, "\": [nonsense");
    for (int i = 0; i < 5000; i++)
        mt_strbuf_putc(&text, 'e');
    assert_bad(text.text, text.len, "1:5007", "nonsenseee");
    ck_assert_int_eq(parse(text.text, text.len, &doc, &err), MT_INVALID);
    ck_assert_uint_lt(strlen(err.text), 300);
    ck_assert_int_eq(mt_json_parse(text.text, "x", 1, &doc, &err), MT_INVALID);
    ck_assert_uint_lt(strlen(err.text), 1200);
    ck_assert_ptr_nonnull(strstr(err.text, "..."));
    ck_assert(mt_utf8_valid(err.text, strlen(err.text)));
    mt_strbuf_free(&text);
}
END_TEST

Suite *scan_suite(void);
Suite *scan_suite(void)
{
    Suite *suite = suite_create("scan");
    TCase *tc = tcase_create("json_scan");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, good_texts_are_taken);
    tcase_add_test(tc, bad_texts_are_refused_at_their_place);
    tcase_add_test(tc, nul_bytes_are_refused);
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, random_mutations_do_no_harm);
    tcase_add_test(tc, depth_is_bounded);
    tcase_add_test(tc, size_is_bounded);
    tcase_add_test(tc, number_of_values_is_bounded);
    tcase_add_test(tc, many_keys_take_little_time);
    tcase_add_test(tc, long_things_are_cut_in_messages);
    suite_add_tcase(suite, tc);
    return suite;
}
