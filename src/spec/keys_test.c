#include "spec/keys.h"

#include <check.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct args {
    bool bias;
    size_t out, units;
    int64_t dim;
    double p, eps, lr, gain, top;
    const char *mode, *name;
    struct mt_sizes kernel;
    struct mt_reals scale;
    struct mt_strings metrics;
    const struct mt_item *groups;
};

#define AT(member) offsetof(struct args, member)

static const char *const modes[] = { "mean", "sum", "none", NULL };
static const char *const metrics[] = { "accuracy", "top5", "mae", NULL };

/* One row for each type and each kind of range. */
static const struct mt_key keys[] = {
    { "bias", MT_KEY_BOOL, AT(bias), .def = "true",
      .doc = "add a learned bias" },
    { "out_features", MT_KEY_SIZE, AT(out), .min = 1,
      .flags = MT_KEY_REQUIRED | MT_KEY_AUTO,
      .doc = "size of each output sample" },
    { "units", MT_KEY_SIZE, AT(units), .min = 2, .max = 8, .flags = MT_KEY_NULL,
      .doc = "units" },
    { "dim", MT_KEY_INT, AT(dim), .def = "-1", .min = -2, .doc = "axis" },
    { "p", MT_KEY_REAL, AT(p), .def = "0.5", .min = 0, .max = 1,
      .flags = MT_KEY_OPEN_MAX, .doc = "probability" },
    { "eps", MT_KEY_REAL, AT(eps), .def = "1e-5", .flags = MT_KEY_OPEN_MIN,
      .doc = "for \"stability\"" },
    { "lr", MT_KEY_REAL, AT(lr), .flags = MT_KEY_MIN | MT_KEY_NULL,
      .def = "0.1", .doc = "rate" },
    { "gain", MT_KEY_REAL, AT(gain), .doc = "any number" },
    { "top", MT_KEY_REAL, AT(top), .min = -INFINITY, .max = 3,
      .doc = "bounded above" },
    { "mode", MT_KEY_STRING, AT(mode), .def = "\"mean\"", .choices = modes,
      .doc = "how to reduce" },
    { "name", MT_KEY_STRING, AT(name), .flags = MT_KEY_NULL, .doc = "a name" },
    { "kernel_size", MT_KEY_SIZES, AT(kernel), .min = 1, .def = "[3, 3]",
      .doc = "window" },
    { "scale", MT_KEY_REALS, AT(scale), .flags = MT_KEY_OPEN_MIN,
      .doc = "factors" },
    { "metrics", MT_KEY_STRINGS, AT(metrics), .choices = metrics,
      .def = "\"mae\"", .doc = "what to report" },
    { "groups", MT_KEY_JSON, AT(groups), .def = "[]", .doc = "groups" },
    { .name = NULL },
};

static struct mt_json *parse(const char *text)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;
    mt_status status = mt_json_parse("s", text, strlen(text), &doc, &err);

    ck_assert_msg(status == MT_OK, "%s: %s", text, err.text);
    return doc;
}

START_TEST(absent_keys_get_their_defaults)
{
    struct mt_json *doc = parse("{\"out_features\": 10}");
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct args a;

    memset(&a, 0x5a, sizeof a);
    ck_assert_int_eq(
        mt_keys_read(doc, mt_json_root(doc), keys, &a, &arena, &err), MT_OK);
    mt_json_free(doc); /* only JSON keys may point into it */
    ck_assert(a.bias);
    ck_assert_uint_eq(a.out, 10);
    ck_assert_uint_eq(a.units, MT_SIZE_ABSENT);
    ck_assert_int_eq(a.dim, -1);
    ck_assert_double_eq(a.p, 0.5);
    ck_assert_double_eq(a.eps, 1e-5);
    ck_assert_double_eq(a.lr, 0.1);
    ck_assert_double_nan(a.gain);
    ck_assert_double_nan(a.top);
    ck_assert_str_eq(a.mode, "mean");
    ck_assert_ptr_null(a.name);
    ck_assert_uint_eq(a.kernel.n, 2);
    ck_assert_uint_eq(a.kernel.v[1], 3);
    ck_assert(a.kernel.list);
    ck_assert_uint_eq(a.scale.n, 0);
    ck_assert(!a.scale.list);
    ck_assert_uint_eq(a.metrics.n, 1);
    ck_assert_str_eq(a.metrics.v[0], "mae");
    ck_assert(!a.metrics.list);
    ck_assert_ptr_null(a.groups);
    mt_arena_free(&arena);
}
END_TEST

START_TEST(given_keys_are_read)
{
    struct mt_json *doc =
        parse("{\"bias\": false, \"out_features\": \"auto\", \"units\": 8.0,"
              "\"dim\": -2, \"p\": 0, \"eps\": 5e-324, \"lr\": 0,"
              "\"gain\": -3, \"top\": -1e300, \"mode\": \"none\","
              "\"name\": \"x\", \"kernel_size\": 7, \"scale\": [1, 0.5, 2],"
              "\"metrics\": [\"top5\", \"accuracy\"],"
              "\"groups\": {\"a\": 1}, \"unknown\": 1}");
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct args a;

    ck_assert_int_eq(
        mt_keys_read(doc, mt_json_root(doc), keys, &a, &arena, &err), MT_OK);
    ck_assert(!a.bias);
    ck_assert_uint_eq(a.out, MT_SIZE_AUTO);
    ck_assert_uint_eq(a.units, 8);
    ck_assert_int_eq(a.dim, -2);
    ck_assert_double_eq(a.p, 0);
    ck_assert_double_eq(a.eps, 4.9406564584124654e-324);
    ck_assert_double_eq(a.lr, 0);
    ck_assert_double_eq(a.gain, -3);
    ck_assert_double_eq(a.top, -1e300);
    ck_assert_str_eq(a.mode, "none");
    ck_assert_str_eq(a.name, "x");
    ck_assert_uint_eq(a.kernel.n, 1);
    ck_assert_uint_eq(a.kernel.v[0], 7);
    ck_assert(!a.kernel.list);
    ck_assert_uint_eq(a.scale.n, 3);
    ck_assert_double_eq(a.scale.v[1], 0.5);
    ck_assert(a.scale.list);
    ck_assert_uint_eq(a.metrics.n, 2);
    ck_assert_str_eq(a.metrics.v[1], "accuracy");
    ck_assert_ptr_eq(a.groups, mt_json_get(mt_json_root(doc), "groups"));
    mt_json_free(doc);
    mt_arena_free(&arena);
}
END_TEST

START_TEST(null_means_none)
{
    struct mt_json *doc =
        parse("{\"out_features\": 1, \"units\": null, \"lr\": null,"
              "\"name\": null, \"scale\": [], \"metrics\": []}");
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct args a;

    ck_assert_int_eq(
        mt_keys_read(doc, mt_json_root(doc), keys, &a, &arena, &err), MT_OK);
    ck_assert_uint_eq(a.units, MT_SIZE_ABSENT);
    ck_assert_double_nan(a.lr);
    ck_assert_ptr_null(a.name);
    ck_assert_uint_eq(a.scale.n, 0);
    ck_assert(a.scale.list);
    ck_assert_uint_eq(a.metrics.n, 0);
    ck_assert(a.metrics.list);
    mt_json_free(doc);
    mt_arena_free(&arena);
}
END_TEST

/* The object is read as "layer", with a good out_features after it. */
static const struct {
    const char *member, *message;
} wrong[] = {
    { "\"bias\": 1", "s:1:12: layer.bias: expected true or false, got 1" },
    { "\"bias\": null", "expected true or false, got null" },
    { "\"units\": \"three\"",
      "s:1:12: layer.units: expected a whole number or null, got \"three\"" },
    { "\"units\": 2.5", "expected a whole number or null, got 2.5" },
    { "\"units\": true", "expected a whole number or null, got true" },
    { "\"units\": 1", "layer.units: expected 2 <= units <= 8, got 1" },
    { "\"units\": 9", "expected 2 <= units <= 8, got 9" },
    { "\"units\": 1e30", "expected 2 <= units <= 8, got 1e30" },
    { "\"dim\": -3", "layer.dim: must be at least -2, got -3" },
    { "\"dim\": 0.5", "expected a whole number, got 0.5" },
    { "\"dim\": 1e16", "must be at most 9007199254740992, got 1e16" },
    { "\"p\": 1.5", "s:1:12: layer.p: expected 0 <= p < 1, got 1.5" },
    { "\"p\": 1", "expected 0 <= p < 1, got 1" },
    { "\"p\": -0.1", "expected 0 <= p < 1, got -0.1" },
    { "\"p\": \"x\"", "expected a number, got \"x\"" },
    { "\"p\": [0]", "expected a number, got a list" },
    { "\"p\": {}", "expected a number, got an object" },
    { "\"eps\": 0", "layer.eps: must be greater than 0, got 0" },
    { "\"eps\": -0.0", "must be greater than 0, got -0" },
    { "\"lr\": -1", "layer.lr: must be at least 0, got -1" },
    { "\"lr\": \"\"", "expected a number or null, got \"\"" },
    { "\"top\": 3.5", "layer.top: must be at most 3, got 3.5" },
    { "\"mode\": 3", "layer.mode: expected a string, got 3" },
    { "\"mode\": \"menn\"",
      "layer.mode: expected one of \"mean\", \"sum\", \"none\", got "
      "\"menn\"; did you mean \"mean\"?" },
    { "\"mode\": \"Sum\"", "did you mean \"sum\"?" },
    { "\"mode\": \"xyz\"",
      "expected one of \"mean\", \"sum\", \"none\", got \"xyz\"" },
    { "\"name\": []", "expected a string or null, got an empty list" },
    { "\"kernel_size\": 0", "layer.kernel_size: must be at least 1, got 0" },
    { "\"kernel_size\": [3, 0]",
      "s:1:31: layer.kernel_size[1]: must be at least 1, got 0" },
    { "\"kernel_size\": [3, \"x\"]", "kernel_size[1]: expected a whole number "
                                     "or a list of them, got \"x\"" },
    { "\"kernel_size\": [[3]]", "[0]: expected a whole number or a list" },
    { "\"kernel_size\": []", "expected a list of 1 to 8 whole numbers, got 0" },
    { "\"kernel_size\": [1,2,3,4,5,6,7,8,9]",
      "expected a list of 1 to 8 whole numbers, got 9" },
    { "\"kernel_size\": {}", "expected a whole number or a list of them, got "
                             "an object" },
    { "\"scale\": [1, 0]", "layer.scale[1]: must be greater than 0, got 0" },
    { "\"scale\": \"x\"", "expected a number or a list of them, got \"x\"" },
    { "\"metrics\": [\"mae\", 1]",
      "layer.metrics[1]: expected a string or a list of them, got 1" },
    { "\"metrics\": [\"acuracy\"]",
      "layer.metrics[0]: expected one of \"accuracy\", \"top5\", \"mae\", "
      "got \"acuracy\"; did you mean \"accuracy\"?" },
};

static void assert_wrong(const char *text, const char *message)
{
    struct mt_json *doc = parse(text);
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct args a;
    mt_status status = mt_keys_read(
        doc, mt_json_get(mt_json_root(doc), "layer"), keys, &a, &arena, &err);

    ck_assert_msg(status == MT_INVALID, "%s: accepted", text);
    ck_assert_int_eq(err.status, MT_INVALID);
    ck_assert_msg(!strncmp(err.text, "s:1:", 4), "%s", err.text);
    ck_assert_msg(strstr(err.text, message), "%s: expected %s, got %s", text,
                  message, err.text);
    mt_json_free(doc);
    mt_arena_free(&arena);
}

START_TEST(wrong_values_are_named)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];

        snprintf(text, sizeof text, "{\"layer\": {%s, \"out_features\": 4}}",
                 wrong[i].member);
        assert_wrong(text, wrong[i].message);
    }
}
END_TEST

START_TEST(required_keys_are_required)
{
    assert_wrong("{\"layer\": {\"p\": 0}}",
                 "s:1:2: layer: missing \"out_features\" (size of each output "
                 "sample)");
    assert_wrong("{\"layer\": {\"out_features\": null}}",
                 "expected a whole number or \"auto\", got null");
    assert_wrong("{\"layer\": {\"out_features\": \"Auto\"}}",
                 "expected a whole number or \"auto\", got \"Auto\"");
    assert_wrong("{\"layer\": {\"out_features\": 0}}",
                 "s:1:12: layer.out_features: must be at least 1, got 0");
    assert_wrong("{\"layer\": [1]}", "s:1:2: layer: expected an object, got a "
                                     "list");
}
END_TEST

START_TEST(sizes_are_whole_numbers_up_to_2_53)
{
    static const struct mt_key size[] = {
        { "n", MT_KEY_SIZE, 0, .doc = "a size" },
        { .name = NULL },
    };
    static const struct {
        const char *value;
        size_t n;
        const char *message;
    } rows[] = {
        { "0", 0, NULL },
        { "-0", 0, NULL },
        { "1.0", 1, NULL },
        { "12e2", 1200, NULL },
        { "9007199254740992", (size_t)1 << 53, NULL },
        { "9007199254740994", 0,
          "must be at most 9007199254740992, got "
          "9007199254740994" },
        { "1e30", 0, "must be at most 9007199254740992, got 1e30" },
        { "-1", 0, "must be at least 0, got -1" },
        { "1.5", 0, "expected a whole number, got 1.5" },
        { "\"auto\"", 0, "expected a whole number, got \"auto\"" },
        { "null", 0, "expected a whole number, got null" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_arena arena = MT_ARENA_INIT;
        struct mt_err err = MT_ERR_INIT;
        char text[64];
        size_t n = 77;

        snprintf(text, sizeof text, "{\"n\": %s}", rows[i].value);
        struct mt_json *doc = parse(text);
        mt_status status =
            mt_keys_read(doc, mt_json_root(doc), size, &n, &arena, &err);

        if (rows[i].message) {
            ck_assert_int_eq(status, MT_INVALID);
            ck_assert_msg(strstr(err.text, rows[i].message), "%s", err.text);
        } else {
            ck_assert_msg(status == MT_OK, "%s", err.text);
            ck_assert_uint_eq(n, rows[i].n);
        }
        mt_json_free(doc);
        mt_arena_free(&arena);
    }
}
END_TEST

/* Reads value as a REAL key "v" with these bounds. */
static mt_status read_bounded(double min, double max, unsigned flags,
                              const char *value, struct mt_err *err)
{
    const struct mt_key real[] = {
        { "v", MT_KEY_REAL, 0, .min = min, .max = max, .flags = flags },
        { .name = NULL },
    };
    struct mt_arena arena = MT_ARENA_INIT;
    char text[64];
    double v;

    snprintf(text, sizeof text, "{\"v\": %s}", value);
    struct mt_json *doc = parse(text);
    mt_status status =
        mt_keys_read(doc, mt_json_root(doc), real, &v, &arena, err);

    mt_json_free(doc);
    mt_arena_free(&arena);
    return status;
}

START_TEST(ranges_are_what_the_manual_says)
{
    const double inf = INFINITY;
    const struct {
        double min, max;
        unsigned flags;
        const char *good, *bad, *message;
    } rows[] = {
        { 1, 0, 0, "1", "0.5", "must be at least 1" },
        { 1, 0, MT_KEY_OPEN_MIN, "1.5", "1", "must be greater than 1" },
        { 0, 0, MT_KEY_MIN, "0", "-1", "must be at least 0" },
        { 0, 0, MT_KEY_OPEN_MIN, "1e300", "0", "must be greater than 0" },
        { 0, 0, MT_KEY_MAX, "-5", "1", "must be at most 0" },
        { 0, 0, MT_KEY_OPEN_MAX, "-5", "0", "must be less than 0" },
        { 0, 1, 0, "1", "-0.5", "expected 0 <= v <= 1" },
        { 0, 1, MT_KEY_OPEN_MIN, "1", "0", "expected 0 < v <= 1" },
        { 0, 1, MT_KEY_OPEN_MIN | MT_KEY_OPEN_MAX, "0.5", "1",
          "expected 0 < v < 1" },
        { -1, 0, 0, "7", "-2", "must be at least -1" },
        { -1, 0, MT_KEY_MAX, "0", "0.5", "expected -1 <= v <= 0" },
        { -1, 1, 0, "-1", "-1.5", "expected -1 <= v <= 1" },
        { -inf, 1, 0, "-9", "2", "must be at most 1" },
        { -inf, 1, MT_KEY_OPEN_MAX, "-9", "1", "must be less than 1" },
        { 2, inf, 0, "1e9", "1", "must be at least 2" },
        { 0, -1, 0, "-1", "0", "must be at most -1" },
    };
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(read_bounded(rows[i].min, rows[i].max, rows[i].flags,
                                   rows[i].good, &err) == MT_OK,
                      "%zu: %s", i, err.text);
        ck_assert_int_eq(read_bounded(rows[i].min, rows[i].max, rows[i].flags,
                                      rows[i].bad, &err),
                         MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].message), "%zu: %s", i,
                      err.text);
    }
    ck_assert_int_eq(read_bounded(0, 0, 0, "-1e308", &err), MT_OK);
    ck_assert_int_eq(read_bounded(-inf, inf, 0, "1e308", &err), MT_OK);
}
END_TEST

START_TEST(wrong_defaults_are_found)
{
    static const struct {
        const char *def, *message;
    } rows[] = {
        { "oops", "the default of a key: lr:1:1: unexpected \"oops\"" },
        { "\"x\"", "the default of a key: lr:1:1: expected a number" },
        { "2", "the default of a key: lr:1:1: expected 0 <= lr <= 1, got 2" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct mt_key real[] = {
            { "lr", MT_KEY_REAL, 0, .def = rows[i].def, .max = 1 },
            { .name = NULL },
        };
        struct mt_json *doc = parse("{}");
        struct mt_arena arena = MT_ARENA_INIT;
        struct mt_err err = MT_ERR_INIT;
        double v;

        ck_assert_int_eq(
            mt_keys_read(doc, mt_json_root(doc), real, &v, &arena, &err),
            MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].message), "%s", err.text);
        mt_json_free(doc);
        mt_arena_free(&arena);
    }
}
END_TEST

static const struct mt_key common[] = {
    { "type", MT_KEY_STRING, .doc = "its type" },
    { .name = NULL },
};
static const struct mt_key special[] = {
    { "out_features", MT_KEY_SIZE, .doc = "its size" },
    { "bias", MT_KEY_BOOL, .doc = "its bias" },
    { .name = NULL },
};
static const struct mt_key nothing[] = { { .name = NULL } };

START_TEST(unknown_keys_are_named)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "{\"type\": 1, \"out_feature\": 2}",
          "s:1:13: out_feature: unknown key \"out_feature\"; did you mean "
          "\"out_features\"?" },
        { "{\"Bias\": 1}",
          "s:1:2: Bias: unknown key \"Bias\"; did you mean \"bias\"?" },
        { "{\"bias\": 1,\n \"zebra\": 2, \"quux\": 3}",
          "s:2:2: zebra: unknown key \"zebra\"; expected one of \"type\", "
          "\"out_features\", \"bias\"" },
        { "[]", "s:1:1: expected an object, got an empty list" },
    };
    const struct mt_key *const tables[] = { common, special };
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_json *doc = parse(rows[i].text);

        ck_assert_int_eq(mt_keys_check(doc, mt_json_root(doc), tables, 2, &err),
                         MT_INVALID);
        ck_assert_str_eq(err.text, rows[i].message);
        mt_json_free(doc);
    }
}
END_TEST

START_TEST(known_keys_pass)
{
    const struct mt_key *const tables[] = { common, nothing, special };
    const struct mt_key *const none[] = { nothing };
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = parse("{\"bias\": 1, \"type\": 2}");

    ck_assert_int_eq(mt_keys_check(doc, mt_json_root(doc), tables, 3, &err),
                     MT_OK);
    ck_assert_int_eq(mt_keys_check(doc, mt_json_root(doc), none, 1, &err),
                     MT_INVALID);
    ck_assert_str_eq(err.text,
                     "s:1:2: bias: unknown key \"bias\"; expected none");
    mt_json_free(doc);
    doc = parse("{}");
    ck_assert_int_eq(mt_keys_check(doc, mt_json_root(doc), NULL, 0, &err),
                     MT_OK);
    mt_json_free(doc);
}
END_TEST

START_TEST(schema_says_what_is_read)
{
    static const struct {
        const char *key, *schema;
    } rows[] = {
        { "bias", "{\"type\":\"boolean\",\"default\":true,"
                  "\"description\":\"add a learned bias\"}" },
        { "out_features", "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},"
                          "{\"const\":\"auto\"}],"
                          "\"description\":\"size of each output sample\"}" },
        { "units", "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":2,"
                   "\"maximum\":8},{\"type\":\"null\"}],"
                   "\"description\":\"units\"}" },
        { "p", "{\"type\":\"number\",\"minimum\":0,\"exclusiveMaximum\":1,"
               "\"default\":0.5,\"description\":\"probability\"}" },
        { "eps", "{\"type\":\"number\",\"exclusiveMinimum\":0,"
                 "\"default\":1e-5,"
                 "\"description\":\"for \\\"stability\\\"\"}" },
        { "gain", "{\"type\":\"number\",\"description\":\"any number\"}" },
        { "top", "{\"type\":\"number\",\"maximum\":3,"
                 "\"description\":\"bounded above\"}" },
        { "mode", "{\"type\":\"string\",\"enum\":[\"mean\",\"sum\","
                  "\"none\"],\"default\":\"mean\","
                  "\"description\":\"how to reduce\"}" },
        { "kernel_size", "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},"
                         "{\"type\":\"array\",\"items\":{\"type\":\"integer\","
                         "\"minimum\":1},\"minItems\":1,\"maxItems\":8}],"
                         "\"default\":[3,3],\"description\":\"window\"}" },
        { "metrics",
          "{\"anyOf\":[{\"type\":\"string\",\"enum\":[\"accuracy\",\"top5\","
          "\"mae\"]},{\"type\":\"array\",\"items\":{\"type\":\"string\","
          "\"enum\":[\"accuracy\",\"top5\",\"mae\"]}}],"
          "\"default\":\"mae\",\"description\":\"what to report\"}" },
        { "groups", "{\"$comment\":\"JSON\",\"default\":[],"
                    "\"description\":\"groups\"}" },
    };
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_putc(&out, '{');
    mt_keys_schema(keys, &out);
    mt_strbuf_putc(&out, '}');
    struct mt_json *doc = parse(out.text);

    ck_assert_int_eq(mt_item_count(mt_json_root(doc)),
                     sizeof keys / sizeof *keys - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_strbuf one = MT_STRBUF_INIT;

        mt_json_print_compact(mt_json_get(mt_json_root(doc), rows[i].key),
                              &one);
        ck_assert_str_eq(one.text, rows[i].schema);
        mt_strbuf_free(&one);
    }
    mt_json_free(doc);
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(schema_of_no_keys_is_empty)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_keys_schema(nothing, &out);
    ck_assert_uint_eq(out.len, 0);
    mt_strbuf_free(&out);
}
END_TEST

START_TEST(schema_of_an_object_says_what_it_needs)
{
    static const struct mt_key own[] = {
        { "size", MT_KEY_SIZE, 0, .flags = MT_KEY_REQUIRED, .min = 1,
          .doc = "size" },
        { "name", MT_KEY_STRING, 0, .doc = "name",
          .schema = "\"pattern\":\"^a\"" },
        { NULL },
    };
    static const struct mt_key others[] = {
        { "list", MT_KEY_JSON, 0, .flags = MT_KEY_REQUIRED, .doc = "list",
          .schema = "\"type\":\"array\"" },
        { NULL },
    };
    const struct mt_key *const tables[] = { nothing, own, others };
    static const char properties[] =
        "{\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"integer\","
        "\"minimum\":1,\"description\":\"size\"},\"name\":{\"type\":\"string\","
        "\"pattern\":\"^a\",\"description\":\"name\"},\"list\":{\"$comment\":"
        "\"JSON\",\"type\":\"array\",\"description\":\"list\"}}";
    static const char *const needed[] = {
        "", "", ",\"required\":[\"size\"]",
        ",\"required\":[\"size\",\"list\"]",
    };

    for (size_t i = 0; i < 4; i++) {
        struct mt_strbuf out = MT_STRBUF_INIT, expected = MT_STRBUF_INIT;

        mt_strbuf_putc(&out, '{');
        mt_keys_schema_object(tables, 3, i, &out);
        mt_strbuf_putc(&out, '}');
        mt_strbuf_printf(&expected, "%s%s,\"additionalProperties\":false}",
                         properties, needed[i]);
        ck_assert_str_eq(out.text, expected.text);
        mt_json_free(parse(out.text));
        mt_strbuf_free(&out);
        mt_strbuf_free(&expected);
    }
}
END_TEST

Suite *keys_suite(void);
Suite *keys_suite(void)
{
    Suite *suite = suite_create("keys");
    TCase *tc = tcase_create("keys");

    tcase_add_test(tc, absent_keys_get_their_defaults);
    tcase_add_test(tc, given_keys_are_read);
    tcase_add_test(tc, null_means_none);
    tcase_add_test(tc, wrong_values_are_named);
    tcase_add_test(tc, required_keys_are_required);
    tcase_add_test(tc, sizes_are_whole_numbers_up_to_2_53);
    tcase_add_test(tc, ranges_are_what_the_manual_says);
    tcase_add_test(tc, wrong_defaults_are_found);
    tcase_add_test(tc, unknown_keys_are_named);
    tcase_add_test(tc, known_keys_pass);
    tcase_add_test(tc, schema_says_what_is_read);
    tcase_add_test(tc, schema_of_no_keys_is_empty);
    tcase_add_test(tc, schema_of_an_object_says_what_it_needs);
    suite_add_tcase(suite, tc);
    return suite;
}
