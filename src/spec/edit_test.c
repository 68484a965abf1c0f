#include "spec/tree.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct mt_json *parse(const char *text)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    mt_status status = mt_json_parse("s", text, strlen(text), &doc, &err);

    ck_assert_msg(status == MT_OK, "%s", err.text);
    return doc;
}

static void assert_tree(const struct mt_json *doc, const char *text)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_json_print_compact(mt_json_root(doc), &out);
    ck_assert_str_eq(out.text, text);
    mt_strbuf_free(&out);
}

static const char base[] =
    "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":null}";

START_TEST(set_changes_one_value)
{
    static const struct {
        const char *path, *value, *tree;
    } rows[] = {
        { "a", "5",
          "{\"a\":5,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":null}" },
        { "b.c", "[1,2]",
          "{\"a\":1,\"b\":{\"c\":[1,2],\"d\":[10,{\"e\":3},12]},\"z\":null}" },
        { "b", "relu", "{\"a\":1,\"b\":\"relu\",\"z\":null}" },
        { "b.d.0", "null",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[null,{\"e\":3},12]},\"z\":null}" },
        { "b.d.1.e", "01",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":\"01\"},12]},"
          "\"z\":null}" },
        { "b.d[1].e", "true",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":true},12]},"
          "\"z\":null}" },
        { "b.d[1]", "{\"x\":{}}",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"x\":{}},12]},\"z\":null}" },
        { "b.d.-1", "0",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},0]},\"z\":null}" },
        { "b.d.-3", "0",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[0,{\"e\":3},12]},\"z\":null}" },
        { "b.d.-2.f.g", "0",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3,\"f\":{\"g\":0}},12]},"
          "\"z\":null}" },
        { "new", "",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":null,"
          "\"new\":\"\"}" },
        { "A", "{\"x\":1,\"x\":2}",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":null,"
          "\"A\":\"{\\\"x\\\":1,\\\"x\\\":2}\"}" },
        { "x.y.z", "\"s\"",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":null,"
          "\"x\":{\"y\":{\"z\":\"s\"}}}" },
        { "z", "-0.5",
          "{\"a\":1,\"b\":{\"c\":2,\"d\":[10,{\"e\":3},12]},\"z\":-0.5}" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_json *doc = parse(base);
        mt_status status =
            mt_json_set(doc, rows[i].path, rows[i].value, "K=V", &err);

        ck_assert_msg(status == MT_OK, "%s: %s", rows[i].path, err.text);
        assert_tree(doc, rows[i].tree);
        mt_json_free(doc);
    }
}
END_TEST

START_TEST(wrong_sets_change_nothing)
{
    static const struct {
        const char *path, *value, *message;
    } rows[] = {
        { "", "1", "K=V: \"\": an empty part in the path, expected" },
        { ".", "1", "K=V: \".\": an empty part" },
        { ".a", "1", "K=V: \".a\": an empty part" },
        { "a.", "1", "K=V: \"a.\": an empty part" },
        { "b..c", "1", "K=V: \"b..c\": an empty part" },
        { "b.d[]", "1", "K=V: \"b.d[]\": an empty part" },
        { "b.d[1", "1", "K=V: \"b.d[1\": '[' in the path, expected ']'" },
        { "b.d[1]e", "1", "K=V: \"b.d[1]e\": expected '.' or '['" },
        { "a.x", "1",
          "K=V: a: is 1, expected an object or a list that can "
          "hold \"x\"" },
        { "a.x.y", "1", "K=V: a: is 1, expected an object" },
        { "z.x", "1", "K=V: z: is null, expected an object" },
        { "b.d.3", "1",
          "K=V: b.d.3: no such member, expected an index in "
          "0 ... 2 or -3 ... -1" },
        { "b.d.-4", "1", "K=V: b.d.-4: no such member, expected" },
        { "b.d.99999999999999999999", "1", "no such member, expected" },
        { "b.d.4294967296", "1", "K=V: b.d.4294967296: no such member" },
        { "b.d.x", "1",
          "K=V: b.d: is a list of 3, expected an index into it, "
          "got \"x\"" },
        { "b.d.1x", "1", "expected an index into it, got \"1x\"" },
        { "b.d.-", "1", "expected an index into it, got \"-\"" },
        { "b.d.0.q", "1", "K=V: b.d.0: is 10, expected an object" },
        { "a\xff", "1", "K=V: the path is not valid UTF-8" },
        { "b.c", "x\xff", "K=V: b.c: the value is not valid UTF-8" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_json *doc = parse(base);
        mt_status status =
            mt_json_set(doc, rows[i].path, rows[i].value, "K=V", &err);

        ck_assert_msg(status == MT_INVALID, "%s", rows[i].path);
        ck_assert_int_eq(err.status, MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].message), "%s: %s", rows[i].path,
                      err.text);
        assert_tree(doc, base);
        mt_json_free(doc);
    }
}
END_TEST

START_TEST(set_items_carry_their_origin)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse(base);
    char origin[] = "b.d.1.f.g=[0]";
    const struct mt_item *f;

    ck_assert_int_eq(mt_json_set(doc, "b.d.1.f.g", "[0]", origin, &err), MT_OK);
    memset(origin, '#', strlen(origin)); /* it was copied */
    ck_assert_int_eq(mt_json_set(doc, "a", "7", "a=7", &err), MT_OK);
    f = mt_json_get(
        mt_item_at(
            mt_json_get(mt_json_get(mt_json_root(doc), "b"), "d"), 1),
        "f");
    mt_json_fail(doc, f, &err, "bad");
    ck_assert_str_eq(err.text, "b.d.1.f.g=[0]: b.d[1].f: bad");
    mt_json_fail(doc, f->child->child, &err, "bad");
    ck_assert_str_eq(err.text, "b.d.1.f.g=[0]: b.d[1].f.g[0]: bad");
    mt_json_fail(doc, mt_json_get(mt_json_root(doc), "a"), &err, "bad");
    ck_assert_str_eq(err.text, "a=7: a: bad");
    /* other values keep their place in the file */
    mt_json_fail(doc, mt_json_get(mt_json_root(doc), "z"), &err, "bad");
    ck_assert_str_eq(err.text, "s:1:40: z: bad");
    mt_json_free(doc);
}
END_TEST

START_TEST(many_sets_keep_their_origins)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse("{\"a\":{}}");

    for (int i = 0; i < 300; i++) {
        char path[32], text[64], want[128];

        snprintf(path, sizeof path, "a.k%d", i % 50);
        snprintf(text, sizeof text, "%s=%d", path, i);
        ck_assert_int_eq(mt_json_set(doc, path, "[1]", text, &err), MT_OK);
        snprintf(want, sizeof want, "%s: %s: bad", text, path);
        snprintf(path, sizeof path, "k%d", i % 50);
        mt_json_fail(doc,
                     mt_json_get(mt_json_get(mt_json_root(doc), "a"), path),
                     &err, "bad");
        ck_assert_str_eq(err.text, want);
    }
    mt_json_free(doc);
}
END_TEST

START_TEST(set_keeps_the_depth_bounded)
{
    struct mt_strbuf path = MT_STRBUF_INIT, value = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse("{}");

    for (int i = 0; i < 40; i++)
        mt_strbuf_puts(&path, i ? ".a" : "a");
    for (int i = 0; i < 25; i++)
        mt_strbuf_putc(&value, '[');
    for (int i = 0; i < 25; i++)
        mt_strbuf_putc(&value, ']');
    ck_assert_int_eq(mt_json_set(doc, path.text, value.text, "K=V", &err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "a.a: the value is nested"));
    assert_tree(doc, "{}");

    value.text[24] = ']'; /* [..[]] with 24 pairs */
    value.text[48] = '\0';
    ck_assert_int_eq(mt_json_set(doc, path.text, value.text, "K=V", &err),
                     MT_OK);
    for (int i = 0; i < 60; i++)
        mt_strbuf_puts(&path, ".a");
    ck_assert_int_eq(mt_json_set(doc, path.text, "1", "K=V", &err), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "too deep, expected at most 64"));
    mt_json_free(doc);
    mt_strbuf_free(&path);
    mt_strbuf_free(&value);
}
END_TEST

START_TEST(set_needs_an_object_at_the_root)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse("3");

    ck_assert_int_eq(mt_json_set(doc, "a", "1", "a=1", &err), MT_INVALID);
    ck_assert_str_eq(err.text, "a=1: is 3, expected an object or a list that "
                               "can hold \"a\"");
    mt_json_free(doc);

    doc = parse("[]");
    ck_assert_int_eq(mt_json_set(doc, "0", "1", "0=1", &err), MT_INVALID);
    ck_assert_str_eq(err.text, "0=1: 0: no such member, the list is empty");
    mt_json_free(doc);
}
END_TEST

START_TEST(replace_swaps_keys_in_place)
{
    static const struct {
        const char *before, *path, *old, *key, *after;
    } rows[] = {
        { "{\"t\":{\"epochs\":3,\"seed\":1}}", "t", "epochs", "steps",
          "{\"t\":{\"steps\":9,\"seed\":1}}" },
        { "{\"t\":{\"seed\":1}}", "t", "epochs", "steps",
          "{\"t\":{\"seed\":1,\"steps\":9}}" },
        { "{\"t\":{\"steps\":1,\"seed\":1}}", "t", "epochs", "steps",
          "{\"t\":{\"steps\":9,\"seed\":1}}" },
        { "{\"t\":{\"epochs\":3,\"seed\":1,\"steps\":1}}", "t", "epochs",
          "steps", "{\"t\":{\"seed\":1,\"steps\":9}}" },
        { "{\"t\":{\"steps\":1,\"epochs\":3}}", "t", "epochs", "steps",
          "{\"t\":{\"steps\":9}}" },
        { "{\"t\":{\"steps\":3}}", "t", "steps", "steps",
          "{\"t\":{\"steps\":9}}" },
        { "{\"epochs\":3,\"x\":1}", "", "epochs", "a.b",
          "{\"a.b\":9,\"x\":1}" },
        { "{}", "t.u", "epochs", "steps", "{\"t\":{\"u\":{\"steps\":9}}}" },
        { "[{\"epochs\":1}]", "0", "epochs", "steps", "[{\"steps\":9}]" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_json *doc = parse(rows[i].before);
        mt_status status = mt_json_replace(doc, rows[i].path, rows[i].old,
                                           rows[i].key, "9", "--steps 9", &err);

        ck_assert_msg(status == MT_OK, "%zu: %s", i, err.text);
        assert_tree(doc, rows[i].after);
        mt_json_free(doc);
    }
}
END_TEST

START_TEST(replaced_items_carry_their_origin)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse("{\"t\":{\"epochs\":3}}");

    ck_assert_int_eq(
        mt_json_replace(doc, "t", "epochs", "steps", "9", "--steps 9", &err),
        MT_OK);
    mt_json_fail(doc, mt_json_root(doc)->child->child, &err, "bad");
    ck_assert_str_eq(err.text, "--steps 9: t.steps: bad");
    mt_json_free(doc);
}
END_TEST

START_TEST(wrong_replaces_change_nothing)
{
    static const struct {
        const char *path, *message;
    } rows[] = {
        { "a", "--x: a: is 1, expected an object" },
        { "b.d", "--x: b.d: is a list, expected an object" },
        { "b.d.7", "--x: b.d.7: no such member" },
        { "b..c", "an empty part" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_json *doc = parse(base);

        ck_assert_int_eq(
            mt_json_replace(doc, rows[i].path, "1", "0", "9", "--x", &err),
            MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].message), "%s", err.text);
        assert_tree(doc, base);
        mt_json_free(doc);
    }
}
END_TEST

Suite *edit_suite(void);
Suite *edit_suite(void)
{
    Suite *suite = suite_create("edit");
    TCase *tc = tcase_create("json_edit");

    tcase_add_test(tc, set_changes_one_value);
    tcase_add_test(tc, wrong_sets_change_nothing);
    tcase_add_test(tc, set_items_carry_their_origin);
    tcase_add_test(tc, many_sets_keep_their_origins);
    tcase_add_test(tc, set_keeps_the_depth_bounded);
    tcase_add_test(tc, set_needs_an_object_at_the_root);
    tcase_add_test(tc, replace_swaps_keys_in_place);
    tcase_add_test(tc, replaced_items_carry_their_origin);
    tcase_add_test(tc, wrong_replaces_change_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
