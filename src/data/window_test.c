#include "data/testing.h"
#include "data/window.h"

/* 7 rows: steps 3 and horizon 2 give 7 - 3 - 2 + 1 windows. */
START_TEST(test_windows)
{
    static const double first[] = { 0, 10, 1, 11, 2, 12 };
    struct mt_dataset *data;
    const struct mt_column *x;
    double v[6], y;
    const char *spec = "{'type':'csv','train':'t.csv','target':'b',"
                       "'window':{'steps':3,'horizon':2}}";

    test_puts("t.csv", "a,b\n0,10\n1,11\n2,12\n3,13\n4,14\n5,15\n6,16\n");
    data = test_open(spec);
    x = &data->train.x;
    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_str_eq(mt_shape_text(&x->shape).text, "[3, 2]");
    ck_assert_uint_eq(x->stride, 2 * sizeof(double)); /* rows are shared */
    for (size_t i = 0; i < 3; i++) {
        struct mt_samples one = { .first = i, .n = 1 };

        mt_gather_f64(x, &one, v, &test_err);
        for (size_t k = 0; k < 6; k++)
            ck_assert(v[k] == first[k] + (double)i);
        mt_gather_f64(&data->train.y, &one, &y, &test_err);
        ck_assert(y == 14 + (double)i);
    }
    mt_dataset_close(data);
}
END_TEST

/* Statistics are of the rows that training windows are in: 0 ... 3 here. */
START_TEST(test_statistics)
{
    struct mt_dataset *data;
    const struct mt_normalization *norm;

    test_puts("t.csv", "a\n1\n3\n5\n7\n100\n200\n300\n400\n");
    data = test_open("{'type':'csv','train':'t.csv','target':'a',"
                     "'window':{'steps':2},'normalize':'standard',"
                     "'target_normalize':'standard','val_split':0.5}");
    norm = &data->fitted.norm;
    ck_assert_uint_eq(data->subset[MT_SPLIT_TRAIN].n, 3);
    ck_assert_uint_eq(data->subset[MT_SPLIT_VAL].n, 3);
    ck_assert_uint_eq(norm->n, 2);
    ck_assert(norm->mean[0] == 4 && norm->mean[1] == 4);
    ck_assert(norm->std[0] == norm->std[1] &&
              norm->std[0] * norm->std[0] > 4.99);
    ck_assert(data->fitted.y_norm.mean[0] == 112 / 3.);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_counts)
{
    struct mt_window none = { 0 }, w = { .steps = 24, .horizon = 1 };

    ck_assert_uint_eq(mt_window_count(&w, 100), 76);
    ck_assert_uint_eq(mt_window_count(&w, 25), 1);
    ck_assert_uint_eq(mt_window_count(&w, 24), 0);
    ck_assert_uint_eq(mt_window_rows(&w, 76), 100);
    ck_assert_uint_eq(mt_window_input_rows(&w, 76), 99);
    ck_assert_uint_eq(mt_window_rows(&w, 0), 0);
    ck_assert_uint_eq(mt_window_count(&none, 7), 7);
    ck_assert_uint_eq(mt_window_rows(&none, 7), 7);
    ck_assert_uint_eq(mt_window_input_rows(&none, 7), 7);
}
END_TEST

Suite *window_suite(void);

Suite *window_suite(void)
{
    Suite *suite = suite_create("window");
    TCase *tc = test_case(suite, "window");

    tcase_add_test(tc, test_windows);
    tcase_add_test(tc, test_statistics);
    tcase_add_test(tc, test_counts);
    return suite;
}
