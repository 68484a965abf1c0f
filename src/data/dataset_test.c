#include "base/philox.h"
#include "data/testing.h"

#define SYN "{'type':'synthetic','task':'regression','samples':10,'input':"
#define BIG "{'type':'synthetic','task':'regression','samples':1000"

START_TEST(test_type)
{
    test_fails("{}", MT_INVALID, "spec.json:1:1: ", "\"type\"");
    test_fails("{'type':3}", MT_INVALID, "type: ", "expected a string");
    test_fails("{'type':'scv'}", MT_INVALID, "spec.json:1:2: type: ",
               "unknown data format \"scv\"; did you mean \"csv\"?");
    test_fails("{'type':'parquet'}", MT_INVALID,
               "type: ", "expected one of \"csv\", \"idx\"");
    test_fails(BIG ",'valsplit':0.1}", MT_INVALID,
               "spec.json:1:", "did you mean \"val_split\"?");
    test_fails(BIG ",'val_split':1}", MT_INVALID, "val_split: ", "got 1");
    test_fails(BIG ",'val_split':-0.1}", MT_INVALID, "val_split: ", "got -0.1");
    test_fails("{'type':'csv','train':7}", MT_INVALID,
               "train: ", "expected a string");
}
END_TEST

START_TEST(test_batching)
{
    struct mt_batching b;
    struct mt_dataset *data = test_open(BIG "}");

    ck_assert_int_eq(
        mt_batching_read(test_doc, test_request.spec, &b, &test_err), MT_OK);
    ck_assert(b.batch_size == 32 && b.shuffle && !b.drop_last);
    mt_dataset_close(data);
    data = test_open(BIG ",'batch_size':7,'shuffle':false,'drop_last':true}");
    ck_assert_int_eq(
        mt_batching_read(test_doc, test_request.spec, &b, &test_err), MT_OK);
    ck_assert(b.batch_size == 7 && !b.shuffle && b.drop_last);
    mt_dataset_close(data);
    test_fails(BIG ",'batch_size':0}", MT_INVALID, "batch_size: ", "got 0");
    ck_assert_int_eq(
        mt_batching_read(test_doc, test_request.spec, &b, &test_err),
        MT_INVALID);
}
END_TEST

/* The first n_held of the seed's order are held out, sorted. */
START_TEST(test_split)
{
    struct mt_dataset *data = test_open(BIG ",'val_split':0.2}");
    struct mt_philox_key key = mt_philox_key(1, "split", "");
    uint32_t order[1000];
    unsigned char held[1000] = { 0 };

    ck_assert_uint_eq(data->n_train, 800);
    ck_assert_uint_eq(data->n_held, 200);
    ck_assert_uint_eq(data->val.samples, 0);
    mt_philox_permutation(key, 0, 1000, order);
    for (size_t i = 0; i < 200; i++)
        held[order[i]] = 1;
    for (size_t i = 0; i < 200; i++) {
        ck_assert(i == 0 || data->held_rows[i] > data->held_rows[i - 1]);
        ck_assert(held[data->held_rows[i]]);
    }
    for (size_t i = 0; i < 800; i++) {
        ck_assert(i == 0 || data->train_rows[i] > data->train_rows[i - 1]);
        ck_assert(!held[data->train_rows[i]]);
    }
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_split_refused)
{
    test_fails(SYN "1,'val_split':0.04}", MT_INVALID,
               "val_split: ", "0.04 of 10 samples leaves none for validation");
    test_fails(SYN "1,'val_split':0.95}", MT_INVALID,
               "val_split: ", "0.95 of 10 samples leaves none for training");
    test_puts("t.csv", "1,2\n3,4\n");
    test_fails("{'type':'csv','train':'t.csv','val':'t.csv',"
               "'val_split':0.5}",
               MT_INVALID,
               "val_split: ", "expected only one of \"val\" and \"val_split\"");
    test_fails("{'type':'csv','train':'t.csv','val':[]}", MT_INVALID,
               "val: ", "the list is empty");
    test_request.purpose = MT_DATA_EVAL;
    test_fails("{'type':'csv','train':'t.csv'}", MT_INVALID, "spec.json:1:1: ",
               "no validation data: expected \"val\" or \"val_split\"");
}
END_TEST

START_TEST(test_norm)
{
    struct mt_dataset *data = test_open(SYN "[3,4]}");

    ck_assert(data->fitted.norm.scale == 1 && data->fitted.norm.n == 0);
    mt_dataset_close(data);
    data = test_open(SYN "[3,4],'scale':0.5,'mean':2}");
    ck_assert(data->fitted.norm.scale == 0.5f && data->fitted.norm.n == 1);
    ck_assert(data->fitted.norm.mean[0] == 2 && data->fitted.norm.std[0] == 1);
    mt_dataset_close(data);
    data = test_open(SYN "[3,4],'mean':[1,2,3],'std':4}");
    ck_assert_uint_eq(data->fitted.norm.n, 3);
    ck_assert(data->fitted.norm.mean[2] == 3 && data->fitted.norm.std[2] == 4);
    mt_dataset_close(data);
    data = test_open(SYN "[2,2],'std':[1,2,3,4]}");
    ck_assert_uint_eq(data->fitted.norm.n, 4);
    ck_assert(data->fitted.norm.mean[3] == 0 && data->fitted.norm.std[3] == 4);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_norm_refused)
{
    test_fails(SYN "[3,4],'mean':[1,2]}", MT_INVALID, "mean: ",
               "got 2 numbers for samples of shape [3, 4]; expected 1, one per "
               "element, or one per index of the first dimension");
    test_fails(SYN "[3,4],'std':[1,2,3,4]}", MT_INVALID,
               "std: ", "got 4 numbers");
    test_fails(SYN "[3,4],'mean':[1,2,3],'std':[1,2]}", MT_INVALID,
               "std: ", "expected 3 numbers as in \"mean\", got 2");
    test_fails(SYN "3,'std':[1,0,2]}", MT_INVALID,
               "std[1]: ", "must be greater than 0, got 0");
    test_fails(SYN "3,'std':-1}", MT_INVALID, "std: ", "got -1");
    test_fails(SYN "3,'std':1e-60}", MT_INVALID,
               "std: ", "not 0 in float32, got 1e-60");
    test_fails(SYN "3,'mean':[0,1e60,0]}", MT_INVALID,
               "mean[1]: ", "1e+60 is too large for float32");
    test_fails(SYN "3,'scale':0}", MT_INVALID, "scale: ", "not 0");
    test_fails(SYN "3,'scale':1e40}", MT_INVALID, "scale: ", "too large");
    test_fails(SYN "3,'mean':[]}", MT_INVALID, "mean: ", "the list is empty");
    test_fails(SYN "3,'std':[]}", MT_INVALID, "std: ", "the list is empty");
}
END_TEST

/* Paths: below dir, or as they are if they are absolute or dir is NULL. */
START_TEST(test_folder)
{
    char spec[300];

    test_puts("t.csv", "1,2\n");
    snprintf(spec, sizeof spec, "{'type':'csv','train':'%s'}",
             test_path("t.csv"));
    test_request.dir = "/nowhere";
    mt_dataset_close(test_open(spec));
    test_request.dir = NULL;
    mt_dataset_close(test_open(spec));
    test_fails("{'type':'csv','train':'no/t.csv'}", MT_IO,
               "spec.json:1:15: train: no/t.csv: ",
               "cannot open: No such file or directory");
    test_request.dir = "no/";
    test_fails("{'type':'csv','train':'t.csv'}", MT_IO,
               "train: no/t.csv: ", "cannot open");
    test_request.dir = "no";
    test_fails("{'type':'csv','train':'t.csv'}", MT_IO,
               "train: no/t.csv: ", "cannot open");
}
END_TEST

START_TEST(test_peek)
{
    struct mt_dataset *data;

    test_puts("t.csv", "1,2\n");
    test_request.purpose = MT_DATA_CHECK;
    data = test_open("{'type':'csv','train':'t.csv'}");
    ck_assert_uint_eq(data->n_fingerprints, 0);
    ck_assert_uint_eq(data->train.samples, 1);
    mt_dataset_close(data);
    mt_dataset_close(NULL);
}
END_TEST

START_TEST(test_count)
{
    ck_assert_int_eq(mt_data_check_count("x", UINT32_MAX, &test_err), MT_OK);
    ck_assert_int_eq(
        mt_data_check_count("x", (size_t)UINT32_MAX + 1, &test_err),
        MT_INVALID);
    ck_assert_str_eq(test_err.text, "x: 4294967296 samples; expected at most "
                                    "4294967295");
}
END_TEST

Suite *dataset_suite(void);

Suite *dataset_suite(void)
{
    Suite *suite = suite_create("dataset");
    TCase *tc = test_case(suite, "dataset");

    tcase_add_test(tc, test_type);
    tcase_add_test(tc, test_batching);
    tcase_add_test(tc, test_split);
    tcase_add_test(tc, test_split_refused);
    tcase_add_test(tc, test_norm);
    tcase_add_test(tc, test_norm_refused);
    tcase_add_test(tc, test_folder);
    tcase_add_test(tc, test_peek);
    tcase_add_test(tc, test_count);
    return suite;
}
