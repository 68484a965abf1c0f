/* Inputs without targets: which columns are read, and what is refused. */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>

#include "data/inputs.h"
#include "data/testing.h"

static const char *const abc[] = { "a", "b", "c" };
static const char *const target[] = { "y" };

static struct mt_inputs_request request;
static struct mt_inputs *inputs;
static float got[64];
static size_t n_got;

/* A table of three features, named or not, whose spec is `spec`. */
static void table(const char *spec, bool named)
{
    char text[512];

    snprintf(text, sizeof text, "%s", spec);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    ck_assert_int_eq(mt_json_parse("spec.json", text, strlen(text), &test_doc,
                                   &test_err),
                     MT_OK);
    request = (struct mt_inputs_request){
        .doc = test_doc, .spec = mt_json_root(test_doc),
        .shape = mt_shape_of(1, (size_t)3), .n_targets = 1,
        .feature_names = named ? abc : NULL,
        .target_names = named ? target : NULL,
    };
}

/* Reads all of the file in batches of two. */
static mt_status read_all(const char *text)
{
    mt_status status;
    size_t n = 1;

    test_puts("in.csv", text);
    request.path = test_path("in.csv");
    n_got = 0;
    inputs = NULL;
    status = mt_inputs_open(&request, &inputs, &test_err);
    while (status == MT_OK && n > 0) {
        struct mt_column column;

        status = mt_inputs_next(inputs, 2, &column, &n, &test_err);
        ck_assert_uint_le(n, 2);
        if (status == MT_OK)
            mt_gather_f32(&column, NULL,
                          &(const struct mt_samples){ NULL, 0, n }, got + n_got, &test_err);
        n_got += status == MT_OK ? 3 * n : 0;
    }
    return status;
}

static void reads(const char *text, size_t n, const float *expected)
{
    ck_assert_msg(read_all(text) == MT_OK, "%s", test_err.text);
    ck_assert_uint_eq(n_got, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(got[i] == expected[i], "%s: %zu: %g", text, i,
                      (double)got[i]);
}

static void fails(const char *text, const char *place, const char *cause)
{
    ck_assert_msg(read_all(text) != MT_OK, "read: %s", text);
    mt_inputs_close(inputs);
    ck_assert_msg(strstr(test_err.text, place) && strstr(test_err.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", test_err.text, place,
                  cause);
}

static const float six[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

START_TEST(by_name)
{
    table("{'type':'csv','target':'y'}", true);
    reads("a,b,c,y\n1,2,3,0\n4,5,6,0\n7,8,9,0\n", 9, six);
    ck_assert_ptr_null(mt_inputs_ignored(inputs));
    mt_inputs_close(inputs);
    reads("c,id,a,b\n3,x,1,2\n6,,4,5\n", 6, six);
    ck_assert_str_eq(mt_inputs_ignored(inputs), "\"id\"");
    mt_inputs_close(inputs);
    reads("b,c,a\n", 0, six);
    mt_inputs_close(inputs);
    fails("a,c,y\n1,2,3\n", "in.csv:1:1: ", "no column is named \"b\"");
    reads("a,b,c,b\n1,2,3,4\n", 3, six);
    ck_assert_str_eq(mt_inputs_ignored(inputs), "\"b.1\"");
    mt_inputs_close(inputs);
}
END_TEST

START_TEST(misspelled_name)
{
    static const char *const names[] = { "width", "height", "depth" };

    table("{'type':'csv'}", true);
    request.feature_names = names;
    fails("width,heigth,depth\n1,2,3\n", "in.csv:1:1: no column is named \"height\"",
          "did you mean \"heigth\"?");
}
END_TEST

START_TEST(names_that_are_numbers)
{
    static const char *const numbers[] = { "1", "2", "3" };

    table("{'type':'csv','header':true}", true);
    request.feature_names = numbers;
    reads("3,1,2\n3,1,2\n", 3, six);
    mt_inputs_close(inputs);
    reads("1,2,4\n4,5,6\n", 6, (const float[]){ 1, 2, 4, 4, 5, 6 });
    mt_inputs_close(inputs);
}
END_TEST

START_TEST(by_position)
{
    table("{'type':'csv'}", true);
    reads("1,2,3\n4,5,6\n", 6, six);
    mt_inputs_close(inputs);
    reads("1,2,3,x\n4,5,6,y\n", 6, six); /* the last one is the target */
    mt_inputs_close(inputs);
    fails("1,2\n", "in.csv:1:1: ", "2 columns; expected 3");
    fails("1,2,3,4,5\n", "in.csv:1:1: ", "5 columns; expected 3");

    mt_json_free(test_doc);
    table("{'type':'csv','target':0,'features':[3,-2,1],'header':false}",
          false);
    reads("9,3,2,1\n9,6,5,4\n", 6, six);
    mt_inputs_close(inputs);
    reads("1,2,3\n", 3, six);
    mt_inputs_close(inputs);

    mt_json_free(test_doc);
    table("{'type':'csv'}", false);
    reads("u,v,w\n1,2,3\n", 3, six); /* names unknown: passed over */
    mt_inputs_close(inputs);

    mt_json_free(test_doc);
    table("{'type':'csv','target':'y'}", true);
    fails("1,2,3,4\n", "in.csv:1:1: ", "4 columns without a header");
    fails("1,2\n", "in.csv:1:1: ", "2 columns; expected 3");

    mt_json_free(test_doc);
    table("{'type':'csv','target':3,'features':['c','b','a']}", true);
    fails("1,2,3,4\n", "in.csv:1:1: ", "or 3 columns, one for each of them");
}
END_TEST

START_TEST(another_delimiter)
{
    table("{'type':'csv'}", true);
    fails("a;b;c\n1;2;3\n", "in.csv:1:1: one column, \"a;b;c\"",
          "expected columns with \",\" between them");
    mt_json_free(test_doc);
    table("{'type':'csv','delimiter':'\\t'}", true);
    fails("a,b,c\n1,2,3\n", "in.csv:1:1: one column, \"a,b,c\"",
          "expected columns with \"\\t\" between them");
}
END_TEST

START_TEST(faults_of_fields)
{
    table("{'type':'csv','delimiter':';'}", true);
    reads("a;b;c\n1;2;3\n", 3, six);
    mt_inputs_close(inputs);
    fails("a;b;c\n1;2;3\n1;x;3\n", "in.csv:3:3: column \"b\"",
          "expected a number, got \"x\"");
    fails("a;b;c\n1;;3\n", "in.csv:2:3: column \"b\"", "empty");
    fails("a;b;c\n1;2;nan\n", "in.csv:2:5: column \"c\"", "NaN");
    fails("a;b;c\n1;2;1e39\n", "in.csv:2:5: ", "too large");
    fails("a;b;c\n1;2\n", "in.csv:2:", "expected 3 fields, got 2");
    fails("a;b;c\n1;2;3;4\n", "in.csv:2:", "expected 3 fields, got 4");
    fails("", "in.csv", "empty");
    mt_json_free(test_doc);
    table("{'type':'csv','delimiter':'ab'}", true);
    fails("a\n", "spec.json:1:", "one character");
    request.path = test_path("none.csv");
    ck_assert_int_eq(mt_inputs_open(&request, &inputs, &test_err), MT_IO);
    ck_assert_ptr_nonnull(strstr(test_err.text, "none.csv"));
}
END_TEST

START_TEST(tokens)
{
    struct mt_column column;
    size_t n;

    table("{'type':'csv'}", false);
    request.n_targets = 0;
    request.tokens = 10;
    test_puts("in.csv", "1,2,9\n");
    request.path = test_path("in.csv");
    ck_assert_int_eq(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
    ck_assert_int_eq(mt_inputs_next(inputs, 4, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(column.dtype, MT_I32);
    ck_assert_int_eq(((const int32_t *)column.data)[2], 9);
    mt_inputs_close(inputs);
    fails("1,2,10\n", "in.csv:1:5: column 2", "from 0 to 9, got 10");
    fails("1,2,-1\n", "in.csv:1:5: column 2", "got -1");
    fails("1,2.5,3\n", "in.csv:1:3: column 1", "got 2.5");
    fails("1,2,3,4\n", "in.csv:1:1: ", "one for each element of a sample");
}
END_TEST

/* A header of version 1.0 and the elements. */
static void write_npy(const char *descr, const char *shape, const void *data,
                      size_t bytes)
{
    char file[512] = "\x93NUMPY\x01";
    int n = snprintf(file + 10, 118, "{'descr': '%s', 'fortran_order': False, "
                                     "'shape': %s, }", descr, shape);

    memset(file + 10 + n, ' ', (size_t)(117 - n));
    file[127] = '\n';
    file[8] = 118;
    memcpy(file + 128, data, bytes);
    test_write("x.npy", file, 128 + bytes);
    request.path = test_path("x.npy");
}

static void array_fails(const char *place, const char *cause)
{
    ck_assert_int_ne(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
    ck_assert_msg(strstr(test_err.text, place) && strstr(test_err.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", test_err.text, place,
                  cause);
}

START_TEST(arrays)
{
    static const float nan_at_4[] = { 1, 2, 3, 4, (float)NAN, 6 };
    static const int32_t whole[] = { 1, 2, 3, 4, 5, 99 };
    struct mt_column column;
    size_t n;

    table("{'type':'npy'}", false);
    request.n_targets = 0;
    write_npy("<f4", "(2, 3)", six, 24);
    ck_assert_int_eq(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
    ck_assert_int_eq(mt_inputs_next(inputs, 1, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(mt_inputs_next(inputs, 5, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 1);
    mt_gather_f32(&column, NULL,
                  &(const struct mt_samples){ NULL, 0, 1 }, got, &test_err);
    ck_assert(got[0] == 4 && got[2] == 6);
    ck_assert_int_eq(mt_inputs_next(inputs, 5, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 0);
    mt_inputs_close(inputs);

    write_npy("<f4", "(3, 2)", six, 24);
    array_fails("x.npy: ", "each sample has the shape [2]; expected [3]");
    write_npy("<f4", "(2, 3)", nan_at_4, 24);
    array_fails("x.npy: sample 1, element 1", "NaN");
    write_npy("<f4", "(2, 3)", six, 20);
    array_fails("x.npy: ", "20 bytes of elements");
    request.tokens = 10;
    write_npy("<f4", "(2, 3)", six, 24);
    array_fails("x.npy: ", "float32; expected integers");
    write_npy("<i4", "(2, 3)", whole, 24);
    array_fails("x.npy: sample 1", "99");
}
END_TEST

START_TEST(images)
{
    static const unsigned char idx[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,
                                         1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
    unsigned char packed[256];
    struct mt_column column;
    size_t n = test_gzip(idx, sizeof idx, packed, sizeof packed);

    table("{'type':'idx'}", false);
    request.n_targets = 0;
    for (int gz = 0; gz < 2; gz++) {
        test_write("images", gz ? packed : idx, gz ? n : sizeof idx);
        request.path = test_path("images");
        ck_assert_int_eq(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
        size_t k;

        ck_assert_int_eq(mt_inputs_next(inputs, 8, &column, &k, &test_err),
                         MT_OK);
        ck_assert_uint_eq(k, 2);
        mt_gather_f32(&column, NULL,
                      &(const struct mt_samples){ NULL, 0, 2 }, got, &test_err);
        ck_assert(got[0] == 1 && got[5] == 6);
        mt_inputs_close(inputs);
    }
    test_write("images", idx, sizeof idx - 1);
    request.path = test_path("images");
    array_fails("images", "cannot hold");
    test_write("images", packed, n - 3);
    request.path = test_path("images");
    ck_assert_int_ne(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
}
END_TEST

START_TEST(standard_input)
{
    struct mt_column column;
    size_t n;
    int fd, saved = dup(STDIN_FILENO);

    test_puts("in.csv", "b,a,c\n2,1,3\n");
    fd = open(test_path("in.csv"), O_RDONLY);
    ck_assert_int_ge(fd, 0);
    dup2(fd, STDIN_FILENO);
    table("{'type':'csv'}", true);
    request.path = "-";
    ck_assert_int_eq(mt_inputs_open(&request, &inputs, &test_err), MT_OK);
    ck_assert_int_eq(mt_inputs_next(inputs, 8, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert(test_element(&column, 1, 0) == 1);
    mt_inputs_close(inputs);
    array_fails("standard input: ", "empty"); /* all was read */
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
}
END_TEST

Suite *inputs_suite(void);
Suite *inputs_suite(void)
{
    Suite *suite = suite_create("inputs");
    TCase *tc = test_case(suite, "all");

    tcase_add_test(tc, by_name);
    tcase_add_test(tc, misspelled_name);
    tcase_add_test(tc, names_that_are_numbers);
    tcase_add_test(tc, by_position);
    tcase_add_test(tc, another_delimiter);
    tcase_add_test(tc, faults_of_fields);
    tcase_add_test(tc, tokens);
    tcase_add_test(tc, arrays);
    tcase_add_test(tc, images);
    tcase_add_test(tc, standard_input);
    return suite;
}
