#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* The first samples in the seed's order are held out, sorted. */
START_TEST(test_split)
{
    struct mt_dataset *data = test_open(BIG ",'val_split':0.2}");
    struct mt_philox_key key = mt_philox_key(1, "split", "");
    uint32_t order[1000];
    unsigned char held[1000] = { 0 };

    const uint32_t *val = data->subset[MT_SPLIT_VAL].rows;
    uint32_t room[800];
    const uint32_t *train =
        mt_subset_rows(&data->subset[MT_SPLIT_TRAIN], 0, 800, room);

    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 800);
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, 200);
    ck_assert_uint_eq(data->subset[MT_SPLIT_TEST].n, 0);
    ck_assert_uint_eq(data->val.samples, 0);
    mt_philox_permutation(key, 0, 1000, order);
    for (size_t i = 0; i < 200; i++)
        held[order[i]] = 1;
    for (size_t i = 0; i < 200; i++) {
        ck_assert(i == 0 || val[i] > val[i - 1]);
        ck_assert(held[val[i]]);
    }
    for (size_t i = 0; i < 800; i++) {
        ck_assert(i == 0 || train[i] > train[i - 1]);
        ck_assert(!held[train[i]]);
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
    test_fails(BIG ",'val_split':0.6,'test_split':0.4}", MT_INVALID,
               "test_split: ", "leaves none for training, together with val");
    test_fails(BIG ",'split':'last'}", MT_INVALID, "split: ", "\"tail\"");
    test_request.purpose = MT_DATA_EVAL;
    test_request.split = MT_SPLIT_TEST;
    test_fails("{'type':'csv','train':'t.csv','val':'none.csv'}", MT_INVALID,
               "spec.json:1:1: ", "no test data: expected \"test_split\"");
    test_request.split = MT_SPLIT_VAL;
    test_fails("{'type':'csv','train':'t.csv'}", MT_INVALID, "spec.json:1:1: ",
               "no validation data: expected \"val\" or \"val_split\"");
}
END_TEST

/* Test follows validation in the order, so that validation stays the same. */
START_TEST(test_test_split)
{
    struct mt_dataset *data =
        test_open(BIG ",'val_split':0.2,'test_split':0.1}");
    struct mt_philox_key key = mt_philox_key(1, "split", "");
    const struct mt_subset *set = data->subset;
    uint32_t order[1000];
    unsigned char held[1000] = { 0 };

    ck_assert_uint_eq(set[MT_SPLIT_TRAIN].n, 700);
    ck_assert_uint_eq(set[MT_SPLIT_VAL].n, 200);
    ck_assert_uint_eq(set[MT_SPLIT_TEST].n, 100);
    mt_philox_permutation(key, 0, 1000, order);
    for (size_t i = 0; i < 300; i++)
        held[order[i]] = i < 200 ? MT_SPLIT_VAL : MT_SPLIT_TEST;
    for (int s = 0; s < MT_SPLITS; s++)
        for (size_t i = 0; i < set[s].n; i++) {
            ck_assert(i == 0 ||
                      test_row(&set[s], i) > test_row(&set[s], i - 1));
            ck_assert_int_eq(held[test_row(&set[s], i)], s);
        }
    for (size_t first = 0; first + 37 <= 700; first += 13) {
        uint32_t room[37];
        const uint32_t *rows = mt_subset_rows(set, first, 37, room);

        for (size_t i = 0; i < 37; i++)
            ck_assert_uint_eq(rows[i], test_row(set, first + i));
    }
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_split_tail)
{
    struct mt_dataset *data =
        test_open(BIG ",'val_split':0.2,'test_split':0.1,'split':'tail'}");
    const struct mt_subset *set = data->subset;

    for (size_t i = 0; i < 1000; i++) {
        int s = i < 700   ? MT_SPLIT_TRAIN
                : i < 900 ? MT_SPLIT_VAL
                          : MT_SPLIT_TEST;

        ck_assert_uint_eq(test_row(&set[s], i - (i < 700   ? 0
                                                 : i < 900 ? 700
                                                           : 900)),
                          i);
    }
    mt_dataset_close(data);
}
END_TEST

/* 70, 20, 9 samples of a, b, c and one of d, mixed. */
static void put_classes(void)
{
    char text[1000], *at = text;

    for (int i = 0; i < 100; i++)
        at += sprintf(at, "%d,%c\n", i,
                      i * 37 % 100 < 70   ? 'a'
                      : i * 37 % 100 < 90 ? 'b'
                      : i * 37 % 100 < 99 ? 'c'
                                          : 'd');
    test_puts("t.csv", text);
}

static void count_classes(const struct mt_subset *set, size_t *count)
{
    const int32_t *y = set->part->y.data;

    memset(count, 0, 4 * sizeof *count);
    for (size_t i = 0; i < set->n; i++)
        count[y[test_row(set, i)]]++;
}

#define STRATIFIED "{'type':'csv','train':'t.csv','split':'stratified'"

START_TEST(test_stratified)
{
    static const size_t shares[MT_SPLITS][4] = { { 49, 14, 6, 1 },
                                                 { 14, 4, 2, 0 },
                                                 { 7, 2, 1, 0 } };
    struct mt_dataset *data;
    size_t count[4];
    uint32_t first;

    put_classes();
    test_request.classification = true;
    data = test_open(STRATIFIED ",'val_split':0.2,'test_split':0.1}");
    for (int s = 0; s < MT_SPLITS; s++) {
        count_classes(&data->subset[s], count);
        ck_assert_mem_eq(count, shares[s], sizeof count);
    }
    first = data->subset[MT_SPLIT_VAL].rows[0];
    mt_dataset_close(data);
    /* another seed, others; without test_split, the same */
    data = test_open(STRATIFIED ",'val_split':0.2}");
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].rows[0], first);
    mt_dataset_close(data);
    test_request.seed = 2;
    data = test_open(STRATIFIED ",'val_split':0.2}");
    count_classes(&data->subset[MT_SPLIT_VAL], count);
    ck_assert_mem_eq(count, shares[MT_SPLIT_VAL], sizeof count);
    ck_assert_uint_ne(data->subset[MT_SPLIT_VAL].rows[0], first);
    mt_dataset_close(data);
}
END_TEST

/* 1000 classes of three samples each: one of each is held out, the first in the
 * random order, and 20 more, of the lowest classes. */
START_TEST(test_stratified_many)
{
    enum { CLASSES = 1000, N = 3 * CLASSES };
    char *text = malloc(N * 16), *at = text;
    size_t taken[CLASSES] = { 0 };
    unsigned char held[N] = { 0 };
    struct mt_dataset *data;
    uint32_t order[N];

    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < N; i++)
        at += sprintf(at, "%d,%d\n", i, i * 7919 % CLASSES);
    test_puts("t.csv", text);
    free(text);
    test_request.classification = true;
    data = test_open(STRATIFIED ",'val_split':0.34}");
    mt_philox_permutation(mt_philox_key(1, "split", ""), 0, N, order);
    for (int i = 0; i < N; i++) {
        size_t class = order[i] * 7919 % CLASSES;

        held[order[i]] = taken[class]++ < 1 + (class < 20);
    }
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, CLASSES + 20);
    for (size_t i = 0; i < CLASSES + 20; i++)
        ck_assert(held[data->subset[MT_SPLIT_VAL].rows[i]]);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_stratified_refused)
{
    test_puts("p.csv", "1,0\n2,1\n3,0.5\n4,1\n");
    test_fails("{'type':'csv','train':'p.csv','split':'stratified',"
               "'val_split':0.5}",
               MT_INVALID, "split: ",
               "needs targets that are classes, but the loss takes numbers");
    test_request.probabilities = true;
    test_fails("{'type':'csv','train':'p.csv','split':'stratified',"
               "'val_split':0.5}",
               MT_INVALID, "split: ", "sample 2: the target is 0.5");
    test_request.classification = true;
    test_puts("s.csv", "1,a\n2,b\n3,c\n4,d\n");
    test_fails("{'type':'csv','train':'s.csv','split':'stratified',"
               "'val_split':0.25}",
               MT_INVALID, "split: ",
               "leaves none for validation, because one sample of each class");
}
END_TEST

/* Only of training samples; a target that never changes has the spread 1. */
START_TEST(test_target_norm)
{
    static const char *const spec =
        "{'type':'csv','train':'t.csv','features':'a','target':['p','q'],"
        "'target_normalize':'standard','val_split':0.25,'split':'tail'}";
    const struct mt_normalization *norm;
    struct mt_dataset *data;

    test_puts("t.csv", "a,p,q\n0,1e9,5\n0,1000000003,5\n0,1000000008,5\n"
                       "0,9,9\n");
    data = test_open(spec);
    norm = &data->fitted.y_norm;
    ck_assert_uint_eq(norm->n, 2);
    ck_assert(norm->mean[0] == 1e9 + 11 / 3. && norm->mean[1] == 5);
    ck_assert(fabs(norm->std[0] - sqrt(98 / 9.)) < 1e-9 && norm->std[1] == 1);
    mt_dataset_close(data);
    test_request.classification = true;
    test_fails("{'type':'csv','train':'t.csv','target_normalize':'standard'}",
               MT_INVALID, "target_normalize: ", "but the loss takes classes");
    test_request.classification = false;
    test_request.probabilities = true;
    test_fails(spec, MT_INVALID,
               "target_normalize: ", "but the loss takes probabilities");
    test_request.probabilities = false;
    test_fitted.x = test_fitted.y = mt_shape_of(1, 1);
    test_request.fitted = &test_fitted;
    test_fails(spec, MT_INVALID, "target_normalize: ",
               "the model was trained without target_normalize");
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
    tcase_add_test(tc, test_test_split);
    tcase_add_test(tc, test_split_tail);
    tcase_add_test(tc, test_stratified);
    tcase_add_test(tc, test_stratified_many);
    tcase_add_test(tc, test_stratified_refused);
    tcase_add_test(tc, test_target_norm);
    tcase_add_test(tc, test_norm);
    tcase_add_test(tc, test_norm_refused);
    tcase_add_test(tc, test_folder);
    tcase_add_test(tc, test_peek);
    tcase_add_test(tc, test_count);
    return suite;
}
