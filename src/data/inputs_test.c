/* Inputs without targets: which columns are read, and what is refused. */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>

#include "data/testing.h"

static const char *const abc[] = { "a", "b", "c" };
static const char *const target[] = { "y" };

static struct mt_dataset *data;
static float got[64];
static size_t n_got;
static const char *path;

/* A model of samples of three, whose data has this spec: a table's features are
 * named or not. */
static void model(const char *spec, bool named)
{
    mt_json_free(test_doc);
    test_doc = mt_test_json(spec);
    test_fitted = (struct mt_fitted){
        .x = mt_shape_of(1, (size_t)3),
        .y = mt_shape_of(1, (size_t)1),
        .x_dtype = MT_F64,
        .norm = { .scale = 1 },
        .n_features = named ? 3 : 0,
        .feature_names = named ? abc : NULL,
        .target_names = named ? target : NULL,
    };
    test_request = (struct mt_data_request){
        .purpose = MT_DATA_PREDICT,
        .doc = test_doc,
        .spec = mt_json_root(test_doc),
        .fitted = &test_fitted,
        .inputs = &path,
        .n_inputs = 1,
    };
}

static mt_status open_it(const char *name)
{
    path = strcmp(name, "-") ? test_path(name) : "-";
    data = NULL;
    return mt_dataset_open(&test_request, &data, &test_err);
}

/* The rest of the samples, `most` at a time. */
static mt_status read_rest(size_t most)
{
    mt_status status = MT_OK;

    for (size_t n = 1; status == MT_OK && n > 0;) {
        struct mt_column column;

        status = mt_dataset_next(data, most, &column, &n, &test_err);
        ck_assert_uint_le(status == MT_OK ? n : 0, most);
        if (status == MT_OK)
            mt_gather_f32(&column, NULL, &(const struct mt_samples){ .n = n },
                          got + n_got, &test_err);
        n_got += status == MT_OK ? n * mt_shape_elements(&test_fitted.x) : 0;
    }
    return status;
}

static mt_status read_all(const char *text)
{
    mt_status status;

    test_puts("in.csv", text);
    n_got = 0;
    status = open_it("in.csv");
    return status == MT_OK ? read_rest(2) : status;
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
    mt_dataset_close(data);
    ck_assert_msg(strstr(test_err.text, place) && strstr(test_err.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", test_err.text, place,
                  cause);
}

static const float six[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

START_TEST(by_name)
{
    model("{'type':'csv','train':'t.csv','target':'y'}", true);
    reads("a,b,c,y\n1,2,3,0\n4,5,6,0\n7,8,9,0\n", 9, six);
    ck_assert_ptr_null(data->note);
    mt_dataset_close(data);
    reads("c,id,a,b\n3,x,1,2\n6,,4,5\n", 6, six);
    ck_assert_str_eq(data->note, "skipped the columns \"id\"");
    mt_dataset_close(data);
    reads("b,c,a\n", 0, six);
    mt_dataset_close(data);
    fails("a,c,y\n1,2,3\n", "in.csv:1:1: ", "no column is named \"b\"");
    reads("a,b,c,b\n1,2,3,4\n", 3, six);
    ck_assert_str_eq(data->note, "skipped the columns \"b.1\"");
    mt_dataset_close(data);
}
END_TEST

START_TEST(misspelled_name)
{
    static const char *const names[] = { "width", "height", "depth" };

    model("{'type':'csv','train':'t.csv'}", true);
    test_fitted.feature_names = names;
    fails("width,heigth,depth\n1,2,3\n", "in.csv:1:1: no column is named \"height\"",
          "did you mean \"heigth\"?");
}
END_TEST

START_TEST(names_that_are_numbers)
{
    static const char *const numbers[] = { "1", "2", "3" };

    model("{'type':'csv','train':'t.csv','header':true}", true);
    test_fitted.feature_names = numbers;
    reads("3,1,2\n3,1,2\n", 3, six);
    mt_dataset_close(data);
    reads("1,2,4\n4,5,6\n", 6, (const float[]){ 1, 2, 4, 4, 5, 6 });
    mt_dataset_close(data);
}
END_TEST

START_TEST(by_position)
{
    model("{'type':'csv','train':'t.csv'}", true);
    reads("1,2,3\n4,5,6\n", 6, six);
    mt_dataset_close(data);
    reads("1,2,3,x\n4,5,6,y\n", 6, six); /* the last one is the target */
    mt_dataset_close(data);
    fails("1,2\n", "in.csv:1:1: ", "2 columns; expected 3");
    fails("1,2,3,4,5\n", "in.csv:1:1: ", "5 columns; expected 3");

    model("{'type':'csv','train':'t.csv','target':0,'features':[3,-2,1],'"
          "header':false}",
          false);
    reads("9,3,2,1\n9,6,5,4\n", 6, six);
    mt_dataset_close(data);
    reads("1,2,3\n", 3, six);
    mt_dataset_close(data);

    model("{'type':'csv','train':'t.csv'}", false);
    reads("u,v,w\n1,2,3\n", 3, six); /* unknown names are ignored */
    mt_dataset_close(data);

    model("{'type':'csv','train':'t.csv','target':'y'}", true);
    fails("1,2,3,4\n", "in.csv:1:1: ", "4 columns without a header");
    fails("1,2\n", "in.csv:1:1: ", "2 columns; expected 3");

    model("{'type':'csv','train':'t.csv','target':3,'features':['c','b','a']}",
          true);
    fails("1,2,3,4\n", "in.csv:1:1: ", "or 3 columns, one for each of them");
}
END_TEST

START_TEST(another_delimiter)
{
    model("{'type':'csv','train':'t.csv'}", true);
    fails("a;b;c\n1;2;3\n", "in.csv:1:1: one column, \"a;b;c\"",
          "expected columns with \",\" between them");
    model("{'type':'csv','train':'t.csv','delimiter':'\\t'}", true);
    fails("a,b,c\n1,2,3\n", "in.csv:1:1: one column, \"a,b,c\"",
          "expected columns with \"\\t\" between them");
}
END_TEST

START_TEST(faults_of_fields)
{
    model("{'type':'csv','train':'t.csv','delimiter':';'}", true);
    reads("a;b;c\n1;2;3\n", 3, six);
    mt_dataset_close(data);
    fails("a;b;c\n1;2;3\n1;x;3\n", "in.csv:3:3: column \"b\"",
          "expected a number, got \"x\"");
    fails("a;b;c\n1;;3\n", "in.csv:2:3: column \"b\"", "empty");
    fails("a;b;c\n1;2;nan\n", "in.csv:2:5: column \"c\"", "NaN");
    fails("a;b;c\n1;2;1e39\n", "in.csv:2:5: ", "too large");
    fails("a;b;c\n1;2\n",
          "in.csv:2:", "expected 3 fields, as in the header, got 2");
    fails("a;b;c\n1;2;3;4\n",
          "in.csv:2:", "expected 3 fields, as in the header, got 4");
    fails("", "in.csv", "empty");
    model("{'type':'csv','train':'t.csv','delimiter':'ab'}", true);
    fails("a\n", "spec.json:1:", "one character");
    ck_assert_int_eq(open_it("none.csv"), MT_IO);
    ck_assert_ptr_nonnull(strstr(test_err.text, "none.csv"));
}
END_TEST

START_TEST(tokens)
{
    struct mt_column column;
    int32_t v[3];
    size_t n;

    model("{'type':'idx'}", false);
    test_request.tokens = 10;
    test_puts("in.csv", "1,2,9\n");
    ck_assert_int_eq(open_it("in.csv"), MT_OK);
    ck_assert_int_eq(mt_dataset_next(data, 4, &column, &n, &test_err), MT_OK);
    ck_assert_uint_eq(n, 1);
    mt_gather_i32(&column, &(const struct mt_samples){ .n = 1 }, v, &test_err);
    ck_assert(v[0] == 1 && v[2] == 9);
    mt_dataset_close(data);
    fails("1,2,10\n", "in.csv:1:5: column 2", "from 0 to 9, got 10");
    fails("1,2,-1\n", "in.csv:1:5: column 2", "got -1");
    fails("1,2.5,3\n", "in.csv:1:3: column 1", "got 2.5");
    fails("1,2,3,4\n", "in.csv:1:1: ", "one for each element of a sample");
}
END_TEST

/* A header of version 1.0 and the elements. */
static void write_npy(const char *descr, const char *shape, const void *bytes,
                      size_t n_bytes)
{
    char file[512] = "\x93NUMPY\x01";
    int n = snprintf(file + 10, 118, "{'descr': '%s', 'fortran_order': False, "
                                     "'shape': %s, }", descr, shape);

    memset(file + 10 + n, ' ', (size_t)(117 - n));
    file[127] = '\n';
    file[8] = 118;
    memcpy(file + 128, bytes, n_bytes);
    test_write("x.npy", file, 128 + n_bytes);
}

static void open_fails(const char *name, const char *place, const char *cause)
{
    ck_assert_int_ne(open_it(name), MT_OK);
    ck_assert_ptr_null(data);
    ck_assert_msg(strstr(test_err.text, place) && strstr(test_err.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", test_err.text, place,
                  cause);
}

START_TEST(arrays)
{
    static const float nan_at_4[] = { 1, 2, 3, 4, (float)NAN, 6 };
    static const int32_t whole[] = { 1, 2, 3, 4, 5, 99 };

    model("{'type':'npy'}", false);
    write_npy("<f4", "(3, 3)", six, 36);
    for (size_t resident = 0; resident < 2; resident++) {
        test_request.resident = resident; /* 1: it stays in its file */
        n_got = 0;
        ck_assert_int_eq(open_it("x.npy"), MT_OK);
        ck_assert_uint_eq(data->n_fingerprints, 0);
        ck_assert((data->val.x.data == NULL) == (resident == 1));
        ck_assert_int_eq(read_rest(2), MT_OK);
        ck_assert_uint_eq(n_got, 9);
        ck_assert_mem_eq(got, six, sizeof six);
        mt_dataset_close(data);

        write_npy("<f4", "(2, 3)", nan_at_4, 24);
        open_fails("x.npy", "x.npy: sample 1, element 1", "NaN");
        write_npy("<f4", "(3, 3)", six, 36);
    }

    write_npy("<f4", "(3, 2)", six, 24);
    open_fails("x.npy",
               "x.npy: ", "each sample has the shape [2]; expected [3]");
    write_npy("<f4", "(2, 3)", six, 20);
    open_fails("x.npy", "x.npy: ", "20 bytes of elements");
    test_request.tokens = 10;
    write_npy("<f4", "(2, 3)", six, 24);
    open_fails("x.npy", "x.npy: ", "float32; expected integers");
    write_npy("<i4", "(2, 3)", whole, 24);
    open_fails("x.npy", "x.npy: sample 1", "99");
    test_request.tokens = 0;
    test_request.ahead = true;
    open_fails("x.npy", "--horizon", "the input is an array");
}
END_TEST

static const unsigned char idx[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,
                                     1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };

START_TEST(images)
{
    unsigned char packed[256];
    size_t n = test_gzip(idx, sizeof idx, packed, sizeof packed);

    model("{'type':'idx','train':['x','y']}", false);
    for (int gz = 0; gz < 2; gz++) {
        test_write("images", gz ? packed : idx, gz ? n : sizeof idx);
        n_got = 0;
        ck_assert_int_eq(open_it("images"), MT_OK);
        ck_assert_int_eq(read_rest(8), MT_OK);
        ck_assert_uint_eq(n_got, 6);
        ck_assert_mem_eq(got, six, 6 * sizeof *six);
        mt_dataset_close(data);
    }
    test_write("images", idx, sizeof idx - 1);
    open_fails("images", "images", "cannot hold");
    test_write("images", packed, n - 3);
    open_fails("images", "images", "gzip");
}
END_TEST

/* Pictures that training crops are cropped in the middle; others must have the
 * model's size. */
START_TEST(cropped_images)
{
    unsigned char file[16 + 25] = { 0, 0, 8, 3, 0, 0, 0, 1,
                                    0, 0, 0, 5, 0, 0, 0, 5 };

    for (unsigned char i = 0; i < 25; i++)
        file[16 + i] = i;
    test_write("images", file, sizeof file);
    model("{'type':'idx','train':['x','y'],"
          "'augment':[{'type':'RandomCrop','size':3}]}",
          false);
    test_fitted.x = mt_shape_of(2, (size_t)3, (size_t)3);
    n_got = 0;
    ck_assert_msg(open_it("images") == MT_OK, "%s", test_err.text);
    ck_assert_int_eq(read_rest(8), MT_OK);
    ck_assert_uint_eq(n_got, 9);
    ck_assert(got[0] == 6 && got[4] == 12 && got[8] == 18);
    mt_dataset_close(data);
    test_fitted.x = mt_shape_of(2, (size_t)4, (size_t)4);
    open_fails("images", "images: ", "the shape [3, 3]; expected [4, 4]");
    test_fitted.x = mt_shape_of(1, (size_t)25); /* not cropped */
    n_got = 0;
    ck_assert_int_eq(open_it("images"), MT_OK);
    ck_assert_int_eq(read_rest(8), MT_OK);
    ck_assert_uint_eq(n_got, 25);
    mt_dataset_close(data);
}
END_TEST

/* The format is recognized by the first bytes, whatever the model's format. */
START_TEST(files_of_other_formats)
{
    static const char *const types[] = {
        "{'type':'csv','train':'t.csv','target':'y'}",
        "{'type':'npz','train':'x.npz','x':'pixels'}",
        "{'type':'synthetic','task':'regression','input':3}",
        "{'type':'of another version'}",
        "{}",
    };

    test_write("images", idx, sizeof idx);
    write_npy("<f4", "(2, 3)", six, 24);
    test_puts("in.csv", "1,2,3\n4,5,6\n");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        static const char *const names[] = { "images", "x.npy", "in.csv" };

        model(types[i], false);
        for (size_t k = 0; k < 3; k++) {
            n_got = 0;
            ck_assert_msg(open_it(names[k]) == MT_OK, "%s: %s", types[i],
                          test_err.text);
            ck_assert_int_eq(read_rest(8), MT_OK);
            ck_assert_uint_eq(n_got, 6);
            ck_assert_mem_eq(got, six, 6 * sizeof *six);
            mt_dataset_close(data);
        }
    }
    test_puts("cut.gz", "\x1f\x8b");
    open_fails("cut.gz", "cut.gz: ", "gzip");
}
END_TEST

/* With a window of two rows. */
START_TEST(series)
{
    static const float windows[] = { 1, 2, 2, 3, 3, 4 };
    static const char *const y[] = { "y" };
    struct mt_column column;
    size_t n;

    for (int named = 0; named < 2; named++) {
        model("{'type':'csv','train':'t.csv','window':{'steps':2},"
              "'features':'y','target':'y'}",
              false);
        test_fitted.x = mt_shape_of(2, (size_t)2, (size_t)1);
        test_fitted.n_features = (size_t)named;
        test_fitted.feature_names = named ? y : NULL;
        test_fitted.target_names = named ? y : NULL;
        reads("y\n1\n2\n3\n4\n", 6, windows);
        mt_dataset_close(data);
        fails("y\n1\n", "in.csv: 1 row; expected at least 2", "window");

        test_request.ahead = true;
        test_puts("in.csv", "y\n1\n2\n3\n4\n");
        ck_assert_msg(open_it("in.csv") == MT_OK, "%s", test_err.text);
        for (int i = 0; i < 100; i++) {
            double next = i + 5;

            ck_assert_int_eq(mt_dataset_next(data, 1, &column, &n, &test_err),
                             MT_OK);
            ck_assert_uint_eq(n, 1);
            ck_assert(test_element(&column, 1, 0) == (float)i + 3 &&
                      test_element(&column, 1, 1) == (float)i + 4);
            ck_assert_int_eq(mt_dataset_append(data, &next, &test_err), MT_OK);
        }
        ck_assert_int_eq(mt_dataset_append(data, &(double){ NAN }, &test_err),
                         MT_NON_FINITE);
        ck_assert_ptr_nonnull(strstr(test_err.text, "row 101 after"));
        mt_dataset_close(data);
        fails("y\n1\n", "in.csv: 1 row; expected at least 2", "window");
    }
    test_fitted.target_names = abc;
    fails("y\n1\n2\n", "the feature \"y\" is not predicted", "");
}
END_TEST

/* A checkpoint whose facts do not fit. */
START_TEST(facts_that_do_not_fit)
{
    model("{'type':'csv','train':'t.csv'}", true);
    test_fitted.n_features = 2;
    fails("a,b,c\n1,2,3\n", "spec/data.json: 2 names", "expected 3");
    model("{'type':'csv','train':'t.csv','window':{'steps':2}}", true);
    fails("a,b,c\n1,2,3\n", "spec/data.json: samples of [3]",
          "windows of 2 steps");
    model("{'type':'csv','train':'t.csv'}", true);
    test_fitted.format = "csv";
    test_fitted.facts = "{\"columns\":[]}";
    fails("a,b,c\n1,2,3\n", "spec/data.json: facts", "");
}
END_TEST

START_TEST(standard_input)
{
    int fd, saved = dup(STDIN_FILENO);

    test_puts("in.csv", "b,a,c\n2,1,3\n");
    fd = open(test_path("in.csv"), O_RDONLY);
    ck_assert_int_ge(fd, 0);
    dup2(fd, STDIN_FILENO);
    model("{'type':'csv','train':'t.csv'}", true);
    n_got = 0;
    ck_assert_int_eq(open_it("-"), MT_OK);
    ck_assert_int_eq(read_rest(8), MT_OK);
    ck_assert_uint_eq(n_got, 3);
    ck_assert_mem_eq(got, six, 3 * sizeof *six);
    mt_dataset_close(data);
    open_fails("-", "standard input: ", "empty"); /* all was read */
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
    tcase_add_test(tc, cropped_images);
    tcase_add_test(tc, files_of_other_formats);
    tcase_add_test(tc, series);
    tcase_add_test(tc, facts_that_do_not_fit);
    tcase_add_test(tc, standard_input);
    return suite;
}
