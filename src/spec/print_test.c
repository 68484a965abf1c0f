#include "spec/tree_internal.h"
#include "base/utf8.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mt_json *parse(const char *text)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    mt_status status = mt_json_parse("s", text, strlen(text), &doc, &err);

    ck_assert_msg(status == MT_OK, "%s", err.text);
    return doc;
}

static void assert_printed(const char *text, const char *pretty,
                           const char *compact)
{
    struct mt_json *doc = parse(text);
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_json_print(mt_json_root(doc), &out);
    ck_assert_str_eq(out.text, pretty);
    mt_strbuf_free(&out);
    mt_json_print_compact(mt_json_root(doc), &out);
    ck_assert_str_eq(out.text, compact);
    mt_strbuf_free(&out);
    mt_json_free(doc);
}

START_TEST(texts_are_canonical)
{
    assert_printed(" null ", "null\n", "null");
    assert_printed("\"a\"", "\"a\"\n", "\"a\"");
    assert_printed("[ ]", "[]\n", "[]");
    assert_printed("{ }", "{}\n", "{}");
    assert_printed("[1,2.50,\"x\",true,false,null]",
                   "[1, 2.5, \"x\", true, false, null]\n",
                   "[1,2.5,\"x\",true,false,null]");
    assert_printed("[[],[1],{}]", "[\n  [],\n  [1],\n  {}\n]\n", "[[],[1],{}]");
    assert_printed("{\"b\":{\"c\":[{\"d\":1}]},\"a\":[0.001]}",
                   "{\n"
                   "  \"b\": {\n"
                   "    \"c\": [\n"
                   "      {\n"
                   "        \"d\": 1\n"
                   "      }\n"
                   "    ]\n"
                   "  },\n"
                   "  \"a\": [0.001]\n"
                   "}\n",
                   "{\"b\":{\"c\":[{\"d\":1}]},\"a\":[0.001]}");
}
END_TEST

/* A list under the key "k" whose line has the given number of columns. */
static void print_list_of_width(size_t columns, const char *letter,
                                struct mt_strbuf *out)
{
    const char *empty = "  \"k\": [1, \"\"]";
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_strbuf_puts(&text, "{\"k\":[1,\"");
    for (size_t i = strlen(empty); i < columns; i++)
        mt_strbuf_puts(&text, letter);
    mt_strbuf_puts(&text, "\"]}");
    struct mt_json *doc = parse(text.text);

    mt_json_print(mt_json_root(doc), out);
    mt_json_free(doc);
    mt_strbuf_free(&text);
}

START_TEST(lists_break_beyond_76_columns)
{
    static const char *const letters[] = { "x", "\xc3\xa9" };

    for (size_t i = 0; i < 2; i++) {
        struct mt_strbuf out = MT_STRBUF_INIT;

        print_list_of_width(76, letters[i], &out);
        ck_assert_ptr_nonnull(strstr(out.text, "  \"k\": [1, \""));
        mt_strbuf_free(&out);
        print_list_of_width(77, letters[i], &out);
        ck_assert_ptr_nonnull(strstr(out.text, "  \"k\": [\n    1,\n    \""));
        ck_assert_ptr_nonnull(strstr(out.text, "\"\n  ]\n}\n"));
        mt_strbuf_free(&out);
    }
}
END_TEST

START_TEST(print_appends)
{
    struct mt_json *doc = parse("{\"a\":[1,2]}");
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_puts(&out, "a very long line of text that stands before what is "
                         "printed, 76 columns of it");
    size_t before = out.len;

    mt_json_print(mt_json_get(mt_json_root(doc), "a"), &out);
    ck_assert_str_eq(out.text + before, "[1, 2]\n");
    mt_strbuf_free(&out);
    mt_json_free(doc);
}
END_TEST

START_TEST(strings_are_escaped)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_json_add_string(&out, "a\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa9\xf0\x9f"
                             "\x98\x80");
    ck_assert_str_eq(out.text,
                     "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f "
                     "\xc3\xa9\xf0\x9f\x98\x80\"");
    mt_strbuf_free(&out);
    mt_json_add_string(&out, "a\xff"
                             "b\xe2\x82");
    ck_assert_str_eq(out.text, "\"a\xef\xbf\xbd"
                               "b\xef\xbf\xbd\xef\xbf\xbd\"");
    mt_strbuf_free(&out);
    mt_json_add_string(&out, "");
    ck_assert_str_eq(out.text, "\"\"");
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(numbers_are_short)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { -17, "-17" },
        { 100000, "100000" },
        { 1e15, "1000000000000000" },
        { 9007199254740991.0, "9007199254740991" },
        { -9007199254740991.0, "-9007199254740991" },
        { 9007199254740992.0, "9007199254740992" },
        { 9007199254740994.0, "9007199254740994" },
        { 1e16, "1e16" },
        { 1e30, "1e30" },
        { -1e100, "-1e100" },
        { 0.1, "0.1" },
        { 0.5, "0.5" },
        { 1.5, "1.5" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" },
        { 0.001, "0.001" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-5" },
        { 1e-8, "1e-8" },
        { 0.00392156862745098, "0.00392156862745098" },
        { 123456.789, "123456.789" },
        { DBL_MAX, "1.7976931348623157e308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 4.9406564584124654e-324, "5e-324" },
        { 1e-310, "1e-310" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_strbuf out = MT_STRBUF_INIT;

        mt_json_add_number(&out, rows[i].value);
        ck_assert_str_eq(out.text, rows[i].text);
        mt_strbuf_free(&out);
    }
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double random_double(uint64_t *state)
{
    double value;

    do {
        uint64_t bits = next_random(state) * 0x9e3779b97f4a7c15u;

        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

START_TEST(random_doubles_survive)
{
    uint64_t state = 1;

    for (int i = 0; i < 10000; i++) {
        double value = random_double(&state);
        struct mt_strbuf out = MT_STRBUF_INIT;

        if (i % 4 == 1) /* a subnormal */
            value = ldexp(value, -1040 - ilogb(value));
        if (i % 4 == 2) /* of ordinary size */
            value = ldexp(value, (i % 100) - 50 - ilogb(value));
        mt_json_add_number(&out, value);
        struct mt_json *doc = parse(out.text);
        double back = mt_json_root(doc)->number;

        ck_assert_msg(!memcmp(&back, &value, sizeof value), "%a became %s",
                      value, out.text);
        mt_json_free(doc);
        mt_strbuf_free(&out);
    }
}
END_TEST

static struct mt_item *random_scalar(struct mt_arena *arena, const char *key,
                                     uint64_t *state)
{
    static const char *const strings[] = { "", "conv1.*", "\xc3\xa9\"\\\n\x01",
                                           "auto", "\xf0\x9f\x98\x80" };
    static const enum mt_item_kind kinds[] = {
        MT_ITEM_NULL,   MT_ITEM_BOOL,   MT_ITEM_NUMBER,
        MT_ITEM_NUMBER, MT_ITEM_STRING, MT_ITEM_STRING,
    };
    uint64_t r = next_random(state);
    struct mt_item *node = mt_item_new(arena, kinds[r % 6], key);

    node->truth = (r >> 8) & 1;
    node->text = strings[(r >> 8) % 5];
    node->number =
        r % 6 == 2 ? (double)((r >> 8) % 2000) - 1000 : random_double(state);
    return node;
}

static bool same_tree(const struct mt_item *a, const struct mt_item *b)
{
    const struct mt_item *x = a->child, *y = b->child;

    if (a->kind != b->kind || !a->key != !b->key ||
        (a->key && strcmp(a->key, b->key) != 0) ||
        (mt_is_string(a) && strcmp(a->text, b->text) != 0) ||
        (mt_is_number(a) && a->number != b->number) ||
        mt_is_true(a) != mt_is_true(b))
        return false;
    for (; x && y; x = x->next, y = y->next)
        if (!same_tree(x, y))
            return false;
    return !x && !y;
}

static struct mt_item *random_tree(struct mt_arena *arena, const char *name,
                                   uint64_t *state, int depth)
{
    uint64_t r = next_random(state);
    bool object = (r >> 8) & 1;

    if (!depth || r % 3 == 0)
        return random_scalar(arena, name, state);
    struct mt_item *tree =
        mt_item_new(arena, object ? MT_ITEM_OBJECT : MT_ITEM_LIST, name);

    for (uint64_t i = 0; i < (r >> 16) % 6; i++) {
        char key[32];

        snprintf(key, sizeof key, "k\xc3\xa9 %llu",
                 (unsigned long long)(i * 7));
        mt_item_add(tree, random_tree(arena, object ? key : NULL, state,
                                      depth - 1));
    }
    return tree;
}

START_TEST(random_trees_survive)
{
    uint64_t state = 7;

    for (int i = 0; i < 500; i++) {
        struct mt_arena arena = MT_ARENA_INIT;
        struct mt_item *tree = random_tree(&arena, NULL, &state, 6);
        struct mt_strbuf one = MT_STRBUF_INIT, two = MT_STRBUF_INIT;

        mt_json_print(tree, &one);
        struct mt_json *doc = parse(one.text);

        mt_json_print(mt_json_root(doc), &two);
        ck_assert_str_eq(one.text, two.text);
        ck_assert(same_tree(tree, mt_json_root(doc)));
        mt_json_free(doc);

        mt_strbuf_free(&one);
        mt_strbuf_free(&two);
        mt_json_print_compact(tree, &one);
        ck_assert_ptr_null(strchr(one.text, '\n'));
        doc = parse(one.text);
        mt_json_print_compact(mt_json_root(doc), &two);
        ck_assert_str_eq(one.text, two.text);
        mt_json_free(doc);
        mt_strbuf_free(&one);
        mt_strbuf_free(&two);
        mt_arena_free(&arena);
    }
}
END_TEST

START_TEST(values_are_described)
{
    struct mt_json *doc =
        parse("[\"three\", 1.5, true, false, null, [], [1], {}, {\"a\":1}]");
    static const char *const texts[] = {
        "\"three\"",     "1.5",    "true",      "false",    "null",
        "an empty list", "a list", "an object", "an object"
    };
    const struct mt_item *item = mt_json_root(doc)->child;

    for (size_t i = 0; item; item = item->next, i++)
        ck_assert_str_eq(mt_json_text(item).text, texts[i]);
    mt_json_free(doc);
}
END_TEST

START_TEST(long_strings_are_cut_between_characters)
{
    char text[201] = "a";
    struct mt_json_text quoted;

    for (size_t i = 1; i < 199; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    quoted = mt_json_quoted(text);
    ck_assert_uint_lt(strlen(quoted.text), 70);
    ck_assert(mt_utf8_valid(quoted.text, strlen(quoted.text)));
    ck_assert_ptr_nonnull(strstr(quoted.text, "\xc3\xa9...\""));

    memset(text, 1, 200);
    text[200] = '\0';
    quoted = mt_json_quoted(text);
    ck_assert_uint_eq(strlen(quoted.text), 60 * 6 + 5);
    ck_assert_str_eq(quoted.text + 60 * 6 - 5, "\\u0001...\"");
}
END_TEST

Suite *print_suite(void);
Suite *print_suite(void)
{
    Suite *suite = suite_create("print");
    TCase *tc = tcase_create("json_print");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, texts_are_canonical);
    tcase_add_test(tc, lists_break_beyond_76_columns);
    tcase_add_test(tc, print_appends);
    tcase_add_test(tc, strings_are_escaped);
    tcase_add_test(tc, numbers_are_short);
    tcase_add_test(tc, random_doubles_survive);
    tcase_add_test(tc, random_trees_survive);
    tcase_add_test(tc, values_are_described);
    tcase_add_test(tc, long_strings_are_cut_between_characters);
    suite_add_tcase(suite, tc);
    return suite;
}
