#include "spec/tree.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mt_json *parse(const char *text)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    mt_status status =
        mt_json_parse("digits.json", text, strlen(text), &doc, &err);

    ck_assert_msg(status == MT_OK, "%s", err.text);
    return doc;
}

/* The item at a path of keys and indices, ended by NULL. */
static const struct mt_item *find(const struct mt_json *doc, const char *const *steps)
{
    const struct mt_item *item = mt_json_root(doc);

    for (; item && *steps; steps++)
        item = mt_is_list(item) ? mt_item_at(item, atoi(*steps))
                                   : mt_json_get(item, *steps);
    return item;
}

static const char spec[] = "{\n"
                           "  \"model\": {\n"
                           "    \"layers\": [\n"
                           "      {\"type\": \"Linear\"},\n"
                           "      {\"\xc3\xa9\": 1, \"p\": 1.5},\n"
                           "      [1, [2, 3]]],\n"
                           "    \"tie\": {\"head.weight\": \"x\"}},\n"
                           "  \"\": true}";

static const struct {
    const char *steps[6];
    const char *where;
} items[] = {
    { { NULL }, "digits.json:1:1: bad" },
    { { "model", NULL }, "digits.json:2:3: model: bad" },
    { { "model", "layers", NULL }, "digits.json:3:5: model.layers: bad" },
    { { "model", "layers", "0", NULL },
      "digits.json:4:7: model.layers[0]: bad" },
    { { "model", "layers", "0", "type", NULL },
      "digits.json:4:8: model.layers[0].type: bad" },
    { { "model", "layers", "1", "\xc3\xa9", NULL },
      "digits.json:5:8: model.layers[1][\"\xc3\xa9\"]: bad" },
    { { "model", "layers", "1", "p", NULL },
      "digits.json:5:16: model.layers[1].p: bad" },
    { { "model", "layers", "2", "1", "0", NULL },
      "digits.json:6:12: model.layers[2][1][0]: bad" },
    { { "model", "layers", "2", "1", "1", NULL },
      "digits.json:6:15: model.layers[2][1][1]: bad" },
    { { "model", "tie", "head.weight", NULL },
      "digits.json:7:13: model.tie[\"head.weight\"]: bad" },
    { { "", NULL }, "digits.json:8:3: [\"\"]: bad" },
};

START_TEST(failures_name_place_and_path)
{
    struct mt_json *doc = parse(spec);

    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        struct mt_err err = MT_ERR_INIT;
        const struct mt_item *item = find(doc, items[i].steps);

        ck_assert_ptr_nonnull(item);
        ck_assert_int_eq(mt_json_fail(doc, item, &err, "%s", "bad"),
                         MT_INVALID);
        ck_assert_int_eq(err.status, MT_INVALID);
        ck_assert_str_eq(err.text, items[i].where);
    }
    mt_json_free(doc);
}
END_TEST

START_TEST(failures_stand_strange_items)
{
    struct mt_json *doc = parse(spec);
    struct mt_err err = MT_ERR_INIT;
    const struct mt_item strange = { .kind = MT_ITEM_NULL };

    ck_assert_int_eq(mt_json_fail(doc, &strange, &err, "bad"), MT_INVALID);
    ck_assert_str_eq(err.text, "digits.json: bad");
    mt_json_fail(doc, NULL, &err, "bad");
    ck_assert_str_eq(err.text, "digits.json: bad");
    mt_json_free(doc);
}
END_TEST

START_TEST(long_paths_are_cut)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;

    mt_strbuf_puts(&text, "{\"");
    for (int i = 0; i < 10000; i++)
        mt_strbuf_putc(&text, 'k');
    mt_strbuf_puts(&text, "\":{\"p\":0}}");
    struct mt_json *doc = parse(text.text);

    mt_json_fail(doc, mt_json_root(doc)->child->child, &err, "the cause");
    ck_assert_uint_lt(strlen(err.text), 600);
    ck_assert_ptr_nonnull(strstr(err.text, "kkk.p: the cause"));
    mt_json_free(doc);
    mt_strbuf_free(&text);
}
END_TEST

START_TEST(path_appends)
{
    struct mt_json *doc = parse(spec);
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *const steps[] = { "model", "layers", "1", "p", NULL };

    mt_strbuf_puts(&out, "at ");
    mt_json_path(mt_json_root(doc), &out);
    ck_assert_str_eq(out.text, "at ");
    mt_json_path(find(doc, steps), &out);
    ck_assert_str_eq(out.text, "at model.layers[1].p");
    mt_strbuf_free(&out);
    mt_json_free(doc);
}
END_TEST

START_TEST(get_is_strict)
{
    struct mt_json *doc = parse("{\"Ab\":1,\"ab\":2,\"list\":[1]}");
    const struct mt_item *root = mt_json_root(doc);

    ck_assert_double_eq(mt_json_get(root, "ab")->number, 2);
    ck_assert_double_eq(mt_json_get(root, "Ab")->number, 1);
    ck_assert_ptr_null(mt_json_get(root, "AB"));
    ck_assert_ptr_null(mt_json_get(root, ""));
    ck_assert_ptr_null(mt_json_get(mt_json_get(root, "list"), "ab"));
    ck_assert_ptr_null(mt_json_get(mt_json_get(root, "ab"), "ab"));
    ck_assert_ptr_null(mt_json_get(NULL, "ab"));
    mt_json_free(doc);
    mt_json_free(NULL);
}
END_TEST

START_TEST(values_are_unescaped)
{
    struct mt_json *doc =
        parse("{\"\\u0061\\n\":\"\\ud83d\\ude00\\u00e9\\/\",\"n\":-1.25e-2}");
    const struct mt_item *root = mt_json_root(doc);

    ck_assert_str_eq(mt_json_get(root, "a\n")->text,
                     "\xf0\x9f\x98\x80\xc3\xa9/");
    ck_assert_double_eq(mt_json_get(root, "n")->number, -0.0125);
    mt_json_free(doc);
}
END_TEST

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(files_are_read)
{
    char dir[] = "/tmp/mtrain-json-XXXXXX", path[64], start[96];
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.json", dir);
    ck_assert_int_eq(mt_json_read_file(path, &doc, &err), MT_IO);
    ck_assert_ptr_null(doc);
    ck_assert_ptr_nonnull(strstr(err.text, path));

    write_file(path, "{\"a\":1}", 7);
    ck_assert_int_eq(mt_json_read_file(path, &doc, &err), MT_OK);
    ck_assert_double_eq(mt_json_get(mt_json_root(doc), "a")->number, 1);
    mt_json_free(doc);

    write_file(path, "{\"a\":\n1", 7);
    ck_assert_int_eq(mt_json_read_file(path, &doc, &err), MT_INVALID);
    ck_assert_ptr_null(doc);
    snprintf(start, sizeof start, "%s:2:2: unexpected end", path);
    ck_assert_msg(!strncmp(err.text, start, strlen(start)), "%s", err.text);
    unlink(path);
    rmdir(dir);
}
END_TEST

Suite *tree_suite(void);
Suite *tree_suite(void)
{
    Suite *suite = suite_create("tree");
    TCase *tc = tcase_create("json");

    tcase_add_test(tc, failures_name_place_and_path);
    tcase_add_test(tc, failures_stand_strange_items);
    tcase_add_test(tc, long_paths_are_cut);
    tcase_add_test(tc, path_appends);
    tcase_add_test(tc, get_is_strict);
    tcase_add_test(tc, values_are_unescaped);
    tcase_add_test(tc, files_are_read);
    suite_add_tcase(suite, tc);
    return suite;
}
