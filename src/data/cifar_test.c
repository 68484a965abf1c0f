#include "data/testing.h"

enum { PIXELS = 3 * 32 * 32 };

/* n records: labels, then pixels that depend on the record and their place. */
static void write_records(const char *name, size_t n, size_t labels, int first)
{
    uint8_t *bytes = malloc(n * (labels + PIXELS) + 1), *p = bytes;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < n; i++) {
        *p++ = (uint8_t)(first + (int)i);
        if (labels == 2)
            *p++ = (uint8_t)(90 + i);
        for (size_t k = 0; k < PIXELS; k++)
            *p++ = (uint8_t)(k / 1024 * 80 + k % 1024 / 32 + i);
    }
    test_write(name, bytes, (size_t)(p - bytes));
    free(bytes);
}

static void check_sample(const struct mt_dataset *data, size_t i, int plus,
                         int label)
{
    static float x[PIXELS];
    const struct mt_samples one = { NULL, i, 1 };
    int32_t y;

    ck_assert_int_eq(mt_gather_f32(&data->train.x, &data->fitted.norm, &one, x,
                                   &test_err), MT_OK);
    for (size_t k = 0; k < PIXELS; k++)
        ck_assert_int_eq((int)x[k], (int)(k / 1024 * 80 + k % 1024 / 32) + plus);
    ck_assert_int_eq(mt_gather_i32(&data->train.y, &one, &y, &test_err), MT_OK);
    ck_assert_int_eq(y, label);
}

START_TEST(test_cifar10)
{
    struct mt_dataset *data;

    test_request.classification = true;
    write_records("a", 3, 1, 2);
    write_records("b", 2, 1, 8);
    data = test_open("{'type':'cifar','train':['a','b'],'val':'b'}");
    ck_assert_uint_eq(data->train.samples, 5);
    ck_assert_uint_eq(data->val.samples, 2);
    ck_assert_int_eq(data->train.x.shape.rank, 3);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 3);
    ck_assert_uint_eq(data->train.x.shape.dim[1], 32);
    ck_assert_uint_eq(data->train.x.shape.dim[2], 32);
    ck_assert_uint_eq(data->fitted.classes, 10);
    for (int i = 0; i < 3; i++)
        check_sample(data, (size_t)i, i, 2 + i);
    for (int i = 0; i < 2; i++)
        check_sample(data, (size_t)(3 + i), i, 8 + i);
    ck_assert_uint_eq(data->n_fingerprints, 3);
    ck_assert_str_eq(data->fingerprints[1].role, "train[1]");
    ck_assert_uint_eq(data->fingerprints[1].bytes, 2 * 3073);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_cifar100)
{
    struct mt_dataset *data;

    test_request.classification = true;
    write_records("a", 4, 2, 5);
    data = test_open("{'type':'cifar','train':'a'}");
    ck_assert_uint_eq(data->train.samples, 4);
    check_sample(data, 3, 3, 93);
    mt_dataset_close(data);
    data = test_open("{'type':'cifar','train':'a','labels':'coarse'}");
    check_sample(data, 3, 3, 8);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_sizes)
{
    test_request.classification = true;
    test_puts("a", "");
    test_fails("{'type':'cifar','train':'a'}", MT_INVALID, "/a: 0 bytes",
               "3073 bytes (CIFAR-10) or 3074 (CIFAR-100)");
    test_puts("a", "0123456789");
    test_fails("{'type':'cifar','train':'a'}", MT_INVALID, "/a: 10 bytes",
               "expected records of");
    write_records("a", 2, 1, 0);
    write_records("b", 2, 2, 0);
    test_fails("{'type':'cifar','train':['a','b']}", MT_INVALID, "/b: ",
               "3073 bytes, as in the file before");
    test_fails("{'type':'cifar','train':['b','a']}", MT_INVALID, "/a: ",
               "3074 bytes, as in the file before");
    test_fails("{'type':'cifar','train':[]}", MT_INVALID, "spec.json:1",
               "the list is empty");
    test_fails("{'type':'cifar'}", MT_INVALID, "spec.json:1", "train");
    test_fails("{'type':'cifar','train':'none'}", MT_IO, "none", "No such");
    test_fails("{'type':'cifar','train':'a','labels':'all'}", MT_INVALID,
               "labels: ", "expected one of \"fine\", \"coarse\"");
}
END_TEST

Suite *cifar_suite(void);

Suite *cifar_suite(void)
{
    Suite *suite = suite_create("cifar");
    TCase *tc = test_case(suite, "cifar");

    tcase_add_test(tc, test_cifar10);
    tcase_add_test(tc, test_cifar100);
    tcase_add_test(tc, test_sizes);
    return suite;
}
