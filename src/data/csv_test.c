#include <math.h>

#include "data/testing.h"

#define CSV "{'type':'csv','train':'t.csv'"

static float x_at(const struct mt_part *part, size_t i)
{
    return test_element(&part->x, part->samples, i);
}

static float y_at(const struct mt_part *part, size_t i)
{
    return test_element(&part->y, part->samples, i);
}

static const int32_t *labels(const struct mt_part *part)
{
    return part->y.data;
}

START_TEST(test_regression)
{
    struct mt_dataset *data;

    test_puts("t.csv", "a,b,c\n1,2,3\n-4.5,5e1, 6 \n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->train.samples, 2);
    ck_assert_int_eq(data->train.x.dtype, MT_F64);
    ck_assert_int_eq(data->train.x.shape.rank, 1);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 2);
    ck_assert_uint_eq(data->train.x.stride, 16);
    ck_assert_uint_eq(data->train.y.shape.dim[0], 1);
    ck_assert(x_at(&data->train, 0) == 1 && x_at(&data->train, 1) == 2);
    ck_assert(x_at(&data->train, 2) == -4.5f && x_at(&data->train, 3) == 50);
    ck_assert(y_at(&data->train, 0) == 3 && y_at(&data->train, 1) == 6);
    ck_assert_uint_eq(data->fitted.classes, 0);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 2);
    ck_assert_ptr_null(data->subset[MT_SPLIT_TRAIN].rows);
    ck_assert_str_eq(data->train.source, test_path("t.csv"));
    ck_assert_uint_eq(data->n_fingerprints, 1);
    ck_assert_str_eq(data->fingerprints[0].role, "train");
    ck_assert_uint_eq(data->fingerprints[0].bytes, 25);
    /* printf 'a,b,c\n1,2,3\n-4.5,5e1, 6 \n' | sha256sum */
    ck_assert_str_eq(data->fingerprints[0].sha256,
                     "c865b726668dbc2f9a517caca501eb2a"
                     "398e127330351af46c8ac04657354ebf");
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_columns)
{
    struct mt_dataset *data;

    test_puts("t.csv", "a;b;c;d\n1;x;3;4\n5;;7;8\n");
    data = test_open(CSV ",'delimiter':';','target':['d','a'],"
                         "'features':[2]}");
    ck_assert_uint_eq(data->train.x.shape.dim[0], 1);
    ck_assert_uint_eq(data->train.y.shape.dim[0], 2);
    ck_assert(x_at(&data->train, 0) == 3 && x_at(&data->train, 1) == 7);
    ck_assert(y_at(&data->train, 0) == 4 && y_at(&data->train, 1) == 1 && y_at(&data->train, 2) == 8 && y_at(&data->train, 3) == 5);
    mt_dataset_close(data);

    test_puts("t.csv", "1\t2\t3\n4\t5\t6\n");
    data = test_open(CSV ",'delimiter':'\\t','target':-3}");
    ck_assert(x_at(&data->train, 0) == 2 && x_at(&data->train, 3) == 6);
    ck_assert(y_at(&data->train, 0) == 1 && y_at(&data->train, 1) == 4);
    mt_dataset_close(data);
    /* as typed in a shell */
    data = test_open(CSV ",'delimiter':'\\\\t','target':0}");
    ck_assert(x_at(&data->train, 0) == 2);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_header)
{
    static const struct {
        const char *text, *key;
        size_t rows;
    } rows[] = {
        { "a,b\n1,2\n", "", 1 },     /* text above numbers */
        { "1,2\n3,4\n", "", 2 },     /* numbers above numbers */
        { "5,label\n1,2\n", "", 1 }, /* one is enough */
        { "1,2\n", "", 1 },          /* nothing below */
        { "1,2\n3,4\n", ",'header':true", 1 },
        { "1,2\n3,4\n", ",'header':false", 2 },
        { "a,b\n1,2\n", ",'header':'auto'", 1 },
        { "\xef\xbb\xbf"
          "a,b\r\n1,2\r\n3,4\r\n\r\n",
          "", 2 },
        { "\"a\nb\",\"c\"\n\"1\",\"2\"\n", "", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char spec[200];
        struct mt_dataset *data;

        test_puts("t.csv", rows[i].text);
        snprintf(spec, sizeof spec, CSV "%s}", rows[i].key);
        data = test_open(spec);
        ck_assert_msg(data->train.samples == rows[i].rows, "case %zu: %zu", i,
                      data->train.samples);
        mt_dataset_close(data);
    }
}
END_TEST

/* Rows of only texts: the first is a header if no text in it is repeated. */
START_TEST(test_header_text)
{
    struct mt_dataset *data;

    test_request.classification = true;
    test_puts("t.csv", "x,kind\n1,red\n2,blue\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->train.samples, 2);
    mt_dataset_close(data);
    test_puts("t.csv", "1,red\n2,blue\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->train.samples, 2);
    mt_dataset_close(data);
    test_puts("t.csv", "a,b\nc,d\n");
    test_fails(CSV "}", MT_INVALID,
               "t.csv:2:1:", "column \"a\": expected a number, got \"c\"");
    test_puts("t.csv", "a,a\nc,d\n");
    test_fails(CSV "}", MT_INVALID,
               "t.csv:1:1:", "column 0: expected a number, got \"a\"");
}
END_TEST

START_TEST(test_classes)
{
    struct mt_dataset *data;

    test_request.classification = true;
    test_puts("t.csv", "x,y\n1,dog\n2, cat \n3,dog\n4,\"a \"\"b\"\"\"\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->fitted.classes, 3);
    ck_assert_str_eq(data->fitted.class_names[0], "a \"b\"");
    ck_assert_str_eq(data->fitted.class_names[1], "cat");
    ck_assert_str_eq(data->fitted.class_names[2], "dog");
    ck_assert_int_eq(data->train.y.dtype, MT_I32);
    ck_assert_int_eq(data->train.y.shape.rank, 0);
    ck_assert_int_eq(labels(&data->train)[0], 2);
    ck_assert_int_eq(labels(&data->train)[1], 1);
    ck_assert_int_eq(labels(&data->train)[2], 2);
    ck_assert_int_eq(labels(&data->train)[3], 0);
    ck_assert_int_eq(data->label_min, 0);
    ck_assert_int_eq(data->label_max, 2);
    mt_dataset_close(data);

    /* Numbers: by value, and 7 is 7.0. */
    test_puts("t.csv", "x,y\n1,10\n2,9\n3,-1\n4,7.0\n5,7\n6,1e1\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->fitted.classes, 4);
    ck_assert_str_eq(data->fitted.class_names[0], "-1");
    ck_assert_str_eq(data->fitted.class_names[1], "7.0");
    ck_assert_str_eq(data->fitted.class_names[2], "9");
    ck_assert_str_eq(data->fitted.class_names[3], "10");
    ck_assert_int_eq(labels(&data->train)[0], 3);
    ck_assert_int_eq(labels(&data->train)[4], 1);
    ck_assert_int_eq(labels(&data->train)[5], 3);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_class_numbers)
{
    struct mt_dataset *data;

    /* Beyond 2^53 numbers of one double stay apart. */
    test_request.classification = true;
    test_puts("t.csv", "x,y\n1,9007199254740993\n2,9007199254740992\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->fitted.classes, 2);
    mt_dataset_close(data);

    test_puts("t.csv", "x,y\n1,0\n2,1\n");
    test_puts("v.csv", "x,y\n1,1.0\n2,+0\n3,1\n");
    data = test_open(CSV ",'val':'v.csv'}");
    ck_assert_uint_eq(data->val.samples, 3);
    ck_assert_int_eq(labels(&data->val)[0], 1);
    ck_assert_int_eq(labels(&data->val)[1], 0);
    mt_dataset_close(data);
    test_puts("v.csv", "x,y\n1,1\n2,2\n");
    test_fails(CSV ",'val':'v.csv'}", MT_INVALID, "v.csv:3:3:",
               "column \"y\": \"2\" is not among the 2 classes of");
    ck_assert_ptr_nonnull(strstr(test_err.text, "t.csv"));
}
END_TEST

/* A checkpoint's names are used, whatever the file has. */
START_TEST(test_saved_classes)
{
    static const char *const names[] = { "b", "c", "a" };
    struct mt_dataset *data;

    test_request.classification = true;
    test_request.fitted = &test_fitted;
    test_fitted.class_names = names;
    test_fitted.classes = 3;
    test_puts("t.csv", "x,y\n1,a\n2,b\n");
    data = test_open(CSV "}");
    ck_assert_uint_eq(data->fitted.classes, 3);
    ck_assert_str_eq(data->fitted.class_names[2], "a");
    ck_assert_ptr_ne(data->fitted.class_names[2], names[2]);
    ck_assert_int_eq(labels(&data->train)[0], 2);
    ck_assert_int_eq(labels(&data->train)[1], 0);
    mt_dataset_close(data);
    test_puts("t.csv", "x,y\n1,a\n2,z\n");
    test_fails(CSV "}", MT_INVALID, "t.csv:3:3:",
               "\"z\" is not among the 3 classes of the checkpoint");

    test_fitted.class_names = (const char *const[]){ "a", "b", "a" };
    test_fails(CSV "}", MT_INVALID, "the 3 saved class names",
               "not different from each other");
    test_fitted.class_names = names;

    /* eval: train need not exist. */
    test_request.purpose = MT_DATA_EVAL;
    test_puts("v.csv", "x,y\n1,c\n");
    data = test_open("{'type':'csv','train':'none.csv','val':'v.csv'}");
    ck_assert_uint_eq(data->train.samples, 0);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 0);
    ck_assert_int_eq(labels(&data->val)[0], 1);
    mt_dataset_close(data);
    test_request.fitted = NULL;
    test_fails("{'type':'csv','train':'none.csv','val':'v.csv',"
               "'normalize':'minmax'}",
               MT_INVALID, "normalize: ", "no training rows");
}
END_TEST

START_TEST(test_bad_fields)
{
    static const struct {
        const char *text, *place, *cause;
    } rows[] = {
        { "a,age\n1,2\n3,abc\n",
          "t.csv:3:3: ", "column \"age\": expected a number, got \"abc\"" },
        { "a,b,y\n1,x,2\n", "t.csv:2:3: ",
          "got \"x\"; to leave columns out, name the others as" },
        { "1,2\n3,\n",
          "t.csv:2:3: ", "column 1: the field is empty; expected a number" },
        { "a,b\n1,2\nnan,2\n",
          "t.csv:3:1: ", "column \"a\": \"nan\" is a missing value" },
        { "a,b\n1,2\n1,-Inf\n", "t.csv:3:3: ", "got \"-Inf\"" },
        { "a,b\n1,2\n1,1e99\n", "t.csv:3:3: ", "1e99 is too large" },
        { "a,b\n1,2\n1,0x10\n", "t.csv:3:3: ", "got \"0x10\"" },
        { "a,b\n1,2\n3\n",
          "t.csv:3:1: ", "expected 2 fields, as in the header, got 1" },
        { "a,b\n1,2\n3,4,5\n",
          "t.csv:3:5: ", "expected 2 fields, as in the header, got 3" },
        { "a,b\n1,2\n\n3,4,5\n",
          "t.csv:4:5: ", "expected 2 fields, as in the header, got 3" },
        { "a,b,\n1,2,\n3,4\n", "t.csv:3:1: ", "and a delimiter at the end" },
        { "a,b,\n1,2,\n3,4,5\n", "t.csv:3:5: ", "after the last delimiter" },
        { "a,b\n", "t.csv: ", "no rows of data" },
        { "", "t.csv: ", "the file is empty" },
        { "\n\n", "t.csv: ", "the file is empty" },
        { "y\n1\n", "t.csv: ", "no column is left for features" },
        { "a,b\n1,\"2\n", "t.csv:2:3: ", "the quote is never closed" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_puts("t.csv", rows[i].text);
        test_fails(CSV "}", MT_INVALID, rows[i].place, rows[i].cause);
    }
    test_puts("t.csv", "a,b,y\n1,x,2\n");
    test_fails(CSV ",'features':['a','b']}", MT_INVALID, "t.csv:2:3: ",
               "expected a number, got \"x\"");
    ck_assert_ptr_null(strstr(test_err.text, "data.features"));
    test_write("t.csv", "a,b\n1,\0\n", 8);
    test_fails(CSV "}", MT_INVALID, "t.csv:2:3: ", "a NUL byte");
}
END_TEST

START_TEST(test_bad_classes)
{
    test_request.classification = true;
    test_puts("t.csv", "a,b\n1, \n");
    test_fails(CSV "}", MT_INVALID, "t.csv:2:3: ",
               "column \"b\": the field is empty; expected a class");
    test_puts("t.csv", "a,b\n1,\xff\n");
    test_fails(CSV "}", MT_INVALID, "t.csv:2:3: ", "not valid UTF-8");
    test_puts("t.csv", "a,b\n1,2\n");
    test_fails(CSV ",'target':['a','b'],'features':['a']}", MT_INVALID,
               "spec.json:1:", "already in \"target\"");
    test_puts("t.csv", "a,b,c\n1,2,3\n");
    test_fails(CSV ",'target':['a','b']}", MT_INVALID, "target",
               "expected one column, the class");
}
END_TEST

START_TEST(test_many_classes)
{
    char *text = malloc(70000 * 10), *p = text;

    ck_assert_ptr_nonnull(text);
    p += sprintf(p, "x,y\n");
    for (int i = 0; i < 70000; i++)
        p += sprintf(p, "1,%d\n", i);
    test_request.classification = true;
    test_write("t.csv", text, (size_t)(p - text));
    test_fails(CSV "}", MT_INVALID,
               "t.csv:65538:3: ", "more than 65536 different classes");
    free(text);
}
END_TEST

START_TEST(test_bad_keys)
{
    static const struct {
        const char *keys, *place, *cause;
    } rows[] = {
        { "'target':'agee'",
          "target: ", "has no column \"agee\"; did you mean \"age\"?" },
        { "'features':['age','zzzzzzzz']",
          "features[1]: ", "has no column \"zzzzzzzz\"" },
        { "'target':3", "target: ", "expected an index from -3 to 2" },
        { "'target':-4", "target: ", "got -4" },
        { "'target':1.5", "target: ", "got 1.5" },
        { "'target':true", "target: ", "the name or the index of a column" },
        { "'target':[]", "target: ", "the list is empty" },
        { "'features':['age',0]",
          "features[1]: ", "column \"age\" is already in \"features\"" },
        { "'features':['age','y']",
          "features: ", "the last column is the target" },
        { "'target':[0,1,2]", "t.csv: ", "no column is left for features" },
        { "'header':3", "header: ", "expected true, false or \"auto\"" },
        { "'header':false,'target':'age'", "target: ", "has no header" },
        { "'delimiter':'ab'", "delimiter: ", "expected one character" },
        { "'delimiter':''", "delimiter: ", "expected one character" },
        { "'delimiter':'.'", "delimiter: ", "expected one character" },
        { "'normalize':'standart'", "normalize: ", "\"standard\"" },
        { "'normalize':'minmax','scale':2",
          "scale: ", "only one of this and \"normalize\"" },
        { "'normalize':'minmax','mean':2", "mean: ", "only one of" },
        { "'normalize':'minmax','std':2", "std: ", "only one of" },
        { "'featuers':1", "spec.json:1:", "\"features\"" },
        { "'val':['a','b']", "val: ", "expected one CSV file, got 2 files" },
        { "'val':'none.csv'",
          "val: ", "none.csv: cannot open: No such file or directory" },
    };

    test_puts("t.csv", "age,b,y\n1,2,3\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char spec[300];

        snprintf(spec, sizeof spec, CSV ",%s}", rows[i].keys);
        test_fails(spec,
                   strstr(rows[i].cause, "cannot open") ? MT_IO : MT_INVALID,
                   rows[i].place, rows[i].cause);
    }
    test_fails("{'type':'csv'}", MT_INVALID, "spec.json:1:1",
               "\"train\" is missing: expected one CSV file");
    test_puts("t.csv", "a,a,y\n1,2,3\n");
    test_fails(CSV ",'target':'a.2'}", MT_INVALID,
               "target: ", "has no column \"a.2\"");
}
END_TEST

/* Numbers with a fault are not classes, unless the spec says so. */
START_TEST(test_faulty_classes)
{
    char many[512] = "x,y\n";
    struct mt_dataset *data;

    test_request.classification = true;
    test_puts("t.csv", "x,y\n1,1.5\n2,2.5\n3,\"3,5\"\n4,1.5\n");
    test_fails(CSV "}", MT_INVALID, "t.csv:4: column \"y\": ",
               "expected a number as in 3 of 4 rows, got \"3,5\"");
    data = test_open(CSV ",'types':{'y':'category'}}");
    ck_assert_uint_eq(data->fitted.classes, 3);
    mt_dataset_close(data);
    test_fails(CSV ",'types':{'y':'date'}}", MT_INVALID, "types.y: ",
               "\"y\" is a target");
    for (int i = 0; i < 21; i++)
        sprintf(many + strlen(many), "%d,%d.5\n", i, i);
    test_puts("t.csv", many);
    test_fails(CSV "}", MT_INVALID, "t.csv: column \"y\": ",
               "more than 20 different numbers, with fractions");
    test_request.classification = false;
    test_puts("t.csv", "x,y\n1,1.5\n2,no\n");
    test_fails(CSV "}", MT_INVALID, "t.csv:3:3: column \"y\": ",
               "expected a number, got \"no\"");
}
END_TEST

/* By name, in any order and beside others. */
START_TEST(test_val_columns)
{
    struct mt_dataset *data;

    test_puts("t.csv", "a,b,y\n1,2,3\n");
    test_puts("v.csv", "y,b,id,a\n6,5,9,4\n");
    data = test_open(CSV ",'val':'v.csv'}");
    ck_assert(x_at(&data->val, 0) == 4 && x_at(&data->val, 1) == 5);
    ck_assert(y_at(&data->val, 0) == 6);
    mt_dataset_close(data);
    test_puts("v.csv", "a,y\n1,2\n");
    test_fails(CSV ",'val':'v.csv'}", MT_MISMATCH,
               "v.csv:1:1: ", "no column is named \"b\"");
    test_puts("v.csv", "a,b,b,y\n1,2,3,4\n");
    data = test_open(CSV ",'val':'v.csv'}"); /* b and b.1 */
    ck_assert(x_at(&data->val, 1) == 2);
    mt_dataset_close(data);
    test_puts("v.csv", "1,2\n3,4\n");
    test_fails(CSV ",'val':'v.csv'}", MT_MISMATCH,
               "v.csv: ", "has the shape [1]; expected [2] as in");
}
END_TEST

/* A column's name takes precedence over its place. */
START_TEST(test_number_names)
{
    struct mt_dataset *data;

    test_puts("t.csv", "a,2,0\n1,2,3\n");
    data = test_open(CSV ",'header':true,'target':0,'features':[2,'a']}");
    ck_assert(y_at(&data->train, 0) == 3);
    ck_assert(x_at(&data->train, 0) == 2);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_normalize)
{
    struct mt_dataset *data;
    float x[8];

    test_puts("t.csv", "a,b,y\n1,0.1,0\n2,0.1,0\n3,0.1,0\n6,0.1,0\n");
    data = test_open(CSV ",'normalize':'standard'}");
    ck_assert_uint_eq(data->fitted.norm.n, 2);
    ck_assert(data->fitted.norm.scale == 1);
    ck_assert(data->fitted.norm.mean[0] == 3);
    ck_assert(data->fitted.norm.std[0] == sqrt(3.5));
    ck_assert(data->fitted.norm.mean[1] == 0.1);
    ck_assert(data->fitted.norm.std[1] == 1);
    mt_gather_f32(&data->train.x, &data->fitted.norm,
                  &(const struct mt_samples){ NULL, 0, 4 }, x, &test_err);
    ck_assert(x[0] == (float)((1 - 3) / sqrt(3.5)) && x[1] == 0 && x[4] == 0);
    mt_dataset_close(data);
    data = test_open(CSV ",'normalize':'minmax'}");
    ck_assert(data->fitted.norm.mean[0] == 1 && data->fitted.norm.std[0] == 5);
    ck_assert(data->fitted.norm.mean[1] == 0.1);
    ck_assert(data->fitted.norm.std[1] == 1);
    mt_dataset_close(data);
    test_puts("t.csv", "a,y\n3e38,0\n-3e38,0\n");
    test_fails(CSV ",'normalize':'minmax'}", MT_INVALID, "t.csv: feature 0",
               "too far apart");
}
END_TEST

/* Unix times, ids of ten digits, prices. The numbers are those of scikit-learn
 * 1.2: StandardScaler().fit_transform(x) of float64, as float32. */
START_TEST(test_large_numbers)
{
    static const float expected[][3] = {
        { -1.41421354f, -0.708365381f, 0.116247632f },
        { -0.707106769f, -0.272448212f, -0.464990556f },
        { 0, 1.96162713f, 1.27872407f },
        { 0.707106769f, -0.272448212f, -1.62746692f },
        { 1.41421354f, -0.708365381f, 0.697485805f },
    };
    struct mt_dataset *data;
    float *x;

    test_puts("t.csv", "time,id,price,y\n"
                       "1700000000,4000000001,99999999.25,0\n"
                       "1700000001,4000000017,99999999.00,0\n"
                       "1700000002,4000000099,99999999.75,0\n"
                       "1700000003,4000000017,99999998.50,0\n"
                       "1700000004,4000000001,99999999.50,0\n");
    data = test_open(CSV ",'normalize':'standard'}");
    x = test_gather(&data->train.x, &data->fitted.norm, 5);
    for (size_t i = 0; i < 15; i++)
        ck_assert_msg(x[i] == expected[i / 3][i % 3], "%zu: %.9g, not %.9g", i,
                      (double)x[i], (double)expected[i / 3][i % 3]);
    free(x);
    mt_dataset_close(data);
}
END_TEST

/* Held-out rows are not part of the statistics. */
START_TEST(test_normalize_split)
{
    const char *spec = CSV ",'normalize':'minmax','val_split':0.4}";
    struct mt_normalization *saved = &test_fitted.norm;
    struct mt_dataset *data;
    double low = 1e9, high = -1e9;

    test_puts("t.csv", "a,y\n1,0\n2,0\n4,0\n8,0\n16,0\n");
    data = test_open(spec);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 3);
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, 2);
    for (size_t i = 0; i < 3; i++) {
        double v = (double)x_at(&data->train,
                                test_row(&data->subset[MT_SPLIT_TRAIN], i));

        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    ck_assert((double)data->fitted.norm.mean[0] == low);
    ck_assert((double)data->fitted.norm.std[0] == high - low);
    ck_assert(high - low < 15);
    mt_dataset_close(data);

    *saved = (struct mt_normalization){ 2, 1, (const double[]){ 5 },
                                        (const double[]){ 4 } };
    test_request.fitted = &test_fitted;
    data = test_open(spec);
    ck_assert(data->fitted.norm.scale == 2 && data->fitted.norm.n == 1);
    ck_assert(data->fitted.norm.mean[0] == 5 && data->fitted.norm.std[0] == 4);
    mt_dataset_close(data);
    saved->n = 3;
    saved->mean = saved->std = (const double[]){ 1, 2, 3 };
    test_fails(spec, MT_MISMATCH, "t.csv: ", "expected 3 features");
}
END_TEST

/* A file of more than one chunk. */
START_TEST(test_large)
{
    enum { ROWS = 60000 };
    char *text = malloc(ROWS * 16), *p = text;
    struct mt_dataset *data;
    float *x, *y;

    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < ROWS; i++)
        p += sprintf(p, "%d,%d.5\n", i, -i);
    test_write("t.csv", text, (size_t)(p - text));
    data = test_open(CSV "}");
    x = test_gather(&data->train.x, NULL, ROWS);
    y = test_gather(&data->train.y, NULL, ROWS);
    ck_assert_uint_eq(data->train.samples, ROWS);
    ck_assert_uint_eq(data->fingerprints[0].bytes, (size_t)(p - text));
    for (int i = 0; i < ROWS; i++)
        if (x[i] != (float)i || y[i] != (float)-i - (i ? 0.5f : -0.5f))
            ck_abort_msg("row %d", i);
    free(x);
    free(y);
    mt_dataset_close(data);
    strcpy(p - 8, "x");
    test_write("t.csv", text, strlen(text));
    test_fails(CSV "}", MT_INVALID, "t.csv:60000:", "");
    free(text);
}
END_TEST

START_TEST(test_given_data)
{
    struct mt_dataset *data;

    test_request.dir = "testdata/data";
    test_request.classification = true;
    data = test_open("{'type':'csv','train':'blobs.csv',"
                     "'normalize':'standard'}");
    ck_assert_uint_eq(data->train.samples, 120);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 4);
    ck_assert_uint_eq(data->fitted.classes, 3);
    ck_assert_str_eq(data->fitted.class_names[0], "circle");
    mt_dataset_close(data);
    test_request.classification = false;
    data = test_open("{'type':'csv','train':'line.csv'}");
    ck_assert_uint_eq(data->train.samples, 100);
    mt_dataset_close(data);
}
END_TEST

Suite *csv_suite(void);

Suite *csv_suite(void)
{
    Suite *suite = suite_create("csv");
    TCase *good = test_case(suite, "good"), *bad = test_case(suite, "bad");

    tcase_add_test(good, test_regression);
    tcase_add_test(good, test_columns);
    tcase_add_test(good, test_header);
    tcase_add_test(good, test_header_text);
    tcase_add_test(good, test_classes);
    tcase_add_test(good, test_class_numbers);
    tcase_add_test(good, test_saved_classes);
    tcase_add_test(good, test_normalize);
    tcase_add_test(good, test_large_numbers);
    tcase_add_test(good, test_normalize_split);
    tcase_add_test(good, test_large);
    tcase_add_test(good, test_given_data);
    tcase_add_test(bad, test_bad_fields);
    tcase_add_test(bad, test_bad_classes);
    tcase_add_test(bad, test_many_classes);
    tcase_add_test(bad, test_bad_keys);
    tcase_add_test(bad, test_faulty_classes);
    tcase_add_test(bad, test_val_columns);
    tcase_add_test(bad, test_number_names);
    return suite;
}
