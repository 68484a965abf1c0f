#include "ckpt/ckpt_testing.h"
#include "ckpt/safetensors.h"

/* Writes x.safetensors from a header and n bytes 0, 1, 2, ... of data. */
static void put_file(const char *header, size_t n)
{
    size_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + n);

    ck_assert_ptr_nonnull(bytes);
    put_u64(bytes, length);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < n; i++)
        bytes[8 + length + i] = (unsigned char)i;
    testing_put("x.safetensors", bytes, 8 + length + n);
    free(bytes);
}

static mt_status try_open(void)
{
    struct mt_safetensors *f = NULL;
    mt_status status = testing_open_safetensors("x.safetensors", &f);

    mt_safetensors_close(f);
    return status;
}

START_TEST(reads_tensors)
{
    struct mt_safetensors *f = NULL;
    unsigned char out[8];

    put_file("{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[6,14]},"
             "\"a.w\":{\"data_offsets\":[0,6],\"shape\":[1,3],"
             "\"dtype\":\"F16\"},"
             "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],"
             "\"data_offsets\":[6,6]}}   ",
             14);
    ck_assert_msg(testing_open_safetensors("x.safetensors", &f) == MT_OK, "%s",
                  err.text);
    ck_assert_uint_eq(mt_safetensors_count(f), 3);
    const struct mt_array *a = mt_safetensors_array(f, 0);

    ck_assert_str_eq(a->name, "b");
    ck_assert_int_eq(a->dtype, MT_I64);
    ck_assert_int_eq(a->shape.rank, 0);
    ck_assert_int_eq(mt_safetensors_read(f, a, out, &err), MT_OK);
    ck_assert_mem_eq(out, "\6\7\10\11\12\13\14\15", 8);
    a = mt_safetensors_array(f, 1);
    ck_assert_str_eq(a->name, "a.w");
    ck_assert_int_eq(a->dtype, MT_F16);
    ck_assert_str_eq(mt_shape_text(&a->shape).text, "[1, 3]");
    ck_assert_int_eq(mt_safetensors_read(f, a, out, &err), MT_OK);
    ck_assert_mem_eq(out, "\0\1\2\3\4\5", 6);
    a = mt_safetensors_array(f, 2);
    ck_assert_str_eq(mt_shape_text(&a->shape).text, "[0, 4]");
    ck_assert_int_eq(mt_safetensors_read(f, a, out, &err), MT_OK);
    mt_safetensors_close(f);
    mt_safetensors_close(NULL);
}
END_TEST

#define T(name, dtype, shape, offsets)                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape                   \
    ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    const char *cause;
} bad[] = {
    { "[]", 0, "expected an object" },
    { "{\"a\":1}", 0, "expected an object" },
    { "{", 0, "header:1:" },
    { "{} x", 0, "header:1:" },
    { "{\"__metadata__\":3}", 0, "expected an object" },
    { "{\"__metadata__\":{\"a\":1}}", 0, "expected a string" },
    { "{\"a\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4, "\"dtype\"" },
    { "{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,4]}}", 4,
      "\"dtype\"" },
    { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "\"shape\"" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "\"data_offsets\"" },
    { "{" T("a", "F32", "[-1]", "[0,4]") "}", 4, "whole number" },
    { "{" T("a", "F32", "[1.5]", "[0,4]") "}", 4, "whole number" },
    { "{" T("a", "F32", "[1e300]", "[0,4]") "}", 4, "whole number" },
    { "{" T("a", "F32", "[\"1\"]", "[0,4]") "}", 4, "whole number" },
    { "{" T("a", "F32", "[1099511627776,1099511627776]", "[0,4]") "}", 4,
      "too large" },
    { "{" T("a", "F32", "[1099511627776,1099511627776,0]", "[0,0]") "}", 0,
      "too large" },
    { "{" T("a", "F32", "[1]", "[0]") "}", 4, "two offsets" },
    { "{" T("a", "F32", "[1]", "[0,4,4]") "}", 4, "two offsets" },
    { "{" T("a", "F32", "[1]", "[-4,0]") "}", 4, "two offsets" },
    { "{" T("a", "F32", "[1]", "{}") "}", 4, "two offsets" },
    { "{" T("a", "F32", "[1]", "[4,0]") "}", 4, "outside the data" },
    { "{" T("a", "F32", "[1]", "[4,8]") "}", 4, "outside the data" },
    { "{" T("a", "F32", "[2]", "[0,4]") "}", 4, "4 bytes, expected 8" },
    { "{" T("a", "F32", "[1]", "[0,4]") "}", 5,
      "end at byte 4 of the data, which has 5" },
    { "{" T("a", "F32", "[1]", "[1,5]") "}", 5, "begin at 1, expected 0" },
    { "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[5,9]") "}",
      9, "begin at 5, expected 4" },
    { "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[3,7]") "}",
      7, "begin at 3, expected 4" },
    { "{" T("a", "F32", "[1]", "[0,4]") "," T("b", "F32", "[1]", "[0,4]") "}",
      4, "begin at 0, expected 4" },
    { "{" T("a", "F32", "[1]", "[0,4]") "," T("a", "F32", "[1]", "[4,8]") "}",
      8, "a" },
};

START_TEST(refuses)
{
    put_file(bad[_i].header, bad[_i].data);
    ck_assert_msg(try_open() == MT_INVALID, "%s", bad[_i].header);
    testing_says(err, "x.safetensors: ", bad[_i].cause);
}
END_TEST

/* The metadata's places for tensors: a tensor that is missing, in another
 * order, or not an array of the position takes none. */
START_TEST(places_for_tensors)
{
    static const char *const order[] = { "progress/a", "progress/x", "w",
                                         "progress/b", "progress/d", "c" };
    struct mt_safetensors *f = NULL;

    put_file(
        "{\"__metadata__\":{\"c\":\"tensor\",\"progress/a\":\"tensor\","
        "\"progress/none\":\"tensor\",\"progress/b\":\"tensor\","
        "\"progress/x\":\"uint8 [1] 07\",\"progress/\\u0001\":\"tensor\"}," T(
            "w", "U8", "[1]",
            "[0,1]") "," T("progress/a", "U8", "[1]",
                           "[1,2]") "," T("progress/b", "U8", "[1]",
                                          "[2,3]") "," T("progress/d", "U8",
                                                         "[1]",
                                                         "[3,4]") "," T("c",
                                                                        "U8",
                                                                        "[1]",
                                                                        "[4,5]") "}",
        5);
    ck_assert_msg(testing_open_safetensors("x.safetensors", &f) == MT_OK, "%s",
                  err.text);
    ck_assert_uint_eq(mt_safetensors_count(f), 6);
    for (size_t i = 0; i < 6; i++) {
        const struct mt_array *a = mt_safetensors_array(f, i);
        unsigned char out;

        ck_assert_str_eq(a->name, order[i]);
        ck_assert_ptr_null(a->type);
        ck_assert_int_eq(mt_safetensors_read(f, a, &out, &err), MT_OK);
        ck_assert_int_eq(out, "\1\7\0\2\3\4"[i]);
    }
    mt_safetensors_close(f);
}
END_TEST

/* Tensors with odd types and names are listed; others can be read. */
START_TEST(lists_what_is_odd)
{
    static const struct {
        const char *header, *name, *type;
    } rows[] = {
        { T("a", "F8_E4M3", "[1]", "[0,1]"), "a", "F8_E4M3" },
        { T("a", "F4", "[2]", "[0,1]"), "a", "F4" },
        { T("a", "F8_E5M2", "[0]", "[0,0]"), "a", "F8_E5M2" },
        { T("a", "C64", "[0,2]", "[0,0]"), "a", "C64" },
        { T("a", "f32", "[1]", "[0,1]"), "a", "f32" },
        { T("a", "x\\n\\\"y", "[1]", "[0,1]"), "a", "x??y" },
        { T("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), "a", "9 dimensions" },
        { T("", "BOOL", "[1]", "[0,1]"), "(no name)", "bool" },
        { T("a\\u001b[2J", "I8", "[1]", "[0,1]"), "a\\x1b[2J", "int8" },
    };
    char header[300];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool empty = strstr(rows[i].header, "[0,0]") != NULL;
        struct mt_safetensors *f = NULL;
        unsigned char out[2] = { 9, 9 };

        snprintf(header, sizeof header, "{%s,%s}", rows[i].header,
                 empty ? T("b", "U8", "[2]", "[0,2]")
                       : T("b", "U8", "[2]", "[1,3]"));
        put_file(header, empty ? 2 : 3);
        ck_assert_msg(testing_open_safetensors("x.safetensors", &f) == MT_OK,
                      "%s", err.text);
        const struct mt_array *a = mt_safetensors_array(f, 0);

        ck_assert_str_eq(a->name, rows[i].name);
        ck_assert_str_eq(mt_array_type(a), rows[i].type);
        ck_assert_int_eq(
            mt_safetensors_read(f, mt_safetensors_array(f, 1), out, &err),
            MT_OK);
        ck_assert(out[0] == !empty && out[1] == !empty + 1);
        mt_safetensors_close(f);
    }
}
END_TEST

START_TEST(shortens_names_that_are_too_long)
{
    char name[MT_CKPT_MAX_NAME + 2], header[2 * MT_CKPT_MAX_NAME + 400];
    struct mt_safetensors *f = NULL;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(header, sizeof header,
             "{" T("%s", "U8", "[]", "[0,1]") "," T("%sx", "U8", "[]", "[1,2]")
             "}", name, name);
    put_file(header, 2);
    ck_assert_int_eq(testing_open_safetensors("x.safetensors", &f), MT_OK);
    for (size_t i = 0; i < 2; i++) {
        const char *given = mt_safetensors_array(f, i)->name;

        ck_assert_ptr_null(mt_ckpt_text_fault(given, strlen(given)));
        ck_assert_str_eq(given + strlen(given) - 5, i ? "n...1" : "n...0");
    }
    mt_safetensors_close(f);
}
END_TEST

START_TEST(refuses_every_cut)
{
    put_file("{" T("a", "F32", "[2]", "[0,8]") "}", 8);
    struct mt_bytes b = testing_get("x.safetensors");

    ck_assert_int_eq(try_open(), MT_OK);
    for (size_t n = 0; n < b.n; n++) {
        testing_put("x.safetensors", b.data, n);
        ck_assert_int_eq(try_open(), MT_INVALID);
        testing_says(err, "x.safetensors: ", "");
    }
    free(b.data);
}
END_TEST

START_TEST(headers_are_bounded)
{
    unsigned char bytes[16] = { 0 };

    bytes[8] = '{';
    put_u64(bytes, MT_SAFETENSORS_MAX_HEADER + 1);
    testing_put("x.safetensors", bytes, sizeof bytes);
    ck_assert_int_eq(try_open(), MT_INVALID);
    testing_says(err,
                 "x.safetensors: ", "length is 16777217, at most 16777216");
    put_u64(bytes, UINT64_MAX);
    testing_put("x.safetensors", bytes, sizeof bytes);
    ck_assert_int_eq(try_open(), MT_INVALID);
    testing_says(err, "x.safetensors: ", "18446744073709551615");
    put_u64(bytes, 9);
    testing_put("x.safetensors", bytes, sizeof bytes);
    ck_assert_int_eq(try_open(), MT_INVALID);
    testing_says(err, "x.safetensors: ", "cut short");
}
END_TEST

START_TEST(white_space_comes_first)
{
    put_file(" \t\n\r{" T("a", "F32", "[2]", "[0,8]") "}\n", 8);
    ck_assert_int_eq(try_open(), MT_OK);
    ck_assert(mt_safetensors_is("\x02\0\0\0\0\0\0\0 {", 10));
}
END_TEST

START_TEST(is_known_by_its_start)
{
    ck_assert(mt_safetensors_is("\x02\0\0\0\0\0\0\0{}", 10));
    ck_assert(!mt_safetensors_is("\x02\0\0\0\0\0\0\0", 8));
    ck_assert(!mt_safetensors_is("{ \"abc\":{\"", 10));
    ck_assert(!mt_safetensors_is("\x02\0\0\0\0\0\0\0[]", 10));
}
END_TEST

Suite *safetensors_read_suite(void);
Suite *safetensors_read_suite(void)
{
    Suite *s = suite_create("safetensors_read");
    TCase *tc = tcase_create("safetensors_read");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, reads_tensors);
    tcase_add_test(tc, places_for_tensors);
    tcase_add_loop_test(tc, refuses, 0, sizeof bad / sizeof *bad);
    tcase_add_test(tc, lists_what_is_odd);
    tcase_add_test(tc, shortens_names_that_are_too_long);
    tcase_add_test(tc, refuses_every_cut);
    tcase_add_test(tc, headers_are_bounded);
    tcase_add_test(tc, white_space_comes_first);
    tcase_add_test(tc, is_known_by_its_start);
    suite_add_tcase(s, tc);
    return s;
}
