#include "data/testing.h"

#define IDX "{'type':'idx','train':['x','y']"

/* 3 images of 2 by 2, and 3 labels. */
static const unsigned char images[] = { 0, 0, 8, 3, 0, 0,  0,  3,  0, 0,
                                        0, 2, 0, 0, 0, 2,  1,  2,  3, 4,
                                        5, 6, 7, 8, 9, 10, 11, 255 };
static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 4 };

static void check_loaded(const char *spec)
{
    struct mt_dataset *data = test_open(spec);
    float x[12];
    int32_t y[3];

    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_int_eq(data->train.x.dtype, MT_U8);
    ck_assert_int_eq(data->train.x.shape.rank, 2);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 2);
    ck_assert_uint_eq(data->train.x.shape.dim[1], 2);
    ck_assert_int_eq(data->train.y.shape.rank, 0);
    ck_assert_uint_eq(data->fitted.classes, 5);
    ck_assert_ptr_null(data->fitted.class_names);
    ck_assert_int_eq(data->label_min, 0);
    ck_assert_int_eq(data->label_max, 4);
    ck_assert_uint_eq(data->fitted.vocab, 0);
    mt_gather_f32(&data->train.x, &data->fitted.norm,
                  &(const struct mt_samples){ NULL, 0, 3 }, x, &test_err);
    mt_gather_i32(&data->train.y, &(const struct mt_samples){ NULL, 0, 3 }, y,
                  &test_err);
    ck_assert(x[0] == 0.5f && x[11] == 127.5f);
    ck_assert(y[0] == 2 && y[1] == 0 && y[2] == 4);
    if (test_request.purpose == MT_DATA_CHECK) {
        ck_assert_uint_eq(data->n_fingerprints, 0);
    } else {
        ck_assert_uint_eq(data->n_fingerprints, 2);
        ck_assert_str_eq(data->fingerprints[0].role, "train[0]");
        ck_assert_str_eq(data->fingerprints[1].role, "train[1]");
    }
    mt_dataset_close(data);
}

START_TEST(test_plain)
{
    test_request.classification = true;
    test_write("x", images, sizeof images);
    test_write("y", labels, sizeof labels);
    check_loaded(IDX ",'scale':0.5}");
}
END_TEST

/* For a check, images stay in their file, unless it is gzipped. */
START_TEST(test_check)
{
    unsigned char gz[400];
    struct mt_dataset *data;

    test_request.classification = true;
    test_request.purpose = MT_DATA_CHECK;
    for (int packed = 0; packed < 2; packed++) {
        if (packed)
            test_write("x", gz,
                       test_gzip(images, sizeof images, gz, sizeof gz));
        else
            test_write("x", images, sizeof images);
        test_write("y", labels, sizeof labels);
        check_loaded(IDX ",'scale':0.5}");
        data = test_open(IDX "}");
        ck_assert((data->train.x.data == NULL) == !packed);
        ck_assert_uint_eq(data->held, 12 + 3);
        mt_dataset_close(data);
    }
}
END_TEST

/* The name does not matter; several members are one stream. */
START_TEST(test_gzipped)
{
    unsigned char gz[400];
    size_t n;
    struct mt_dataset *data;

    test_request.classification = true;
    n = test_gzip(images, 7, gz, sizeof gz);
    n += test_gzip(NULL, 0, gz + n, sizeof gz - n);
    n += test_gzip(images + 7, sizeof images - 7, gz + n, sizeof gz - n);
    test_write("x", gz, n);
    n = test_gzip(labels, sizeof labels, gz, sizeof gz);
    memset(gz + n, 0, 99); /* padding, which gzip ignores */
    test_write("y", gz, n + 99);
    check_loaded(IDX ",'scale':0.5}");
    data = test_open(IDX ",'scale':0.5}");
    ck_assert_uint_eq(data->fingerprints[1].bytes, n + 99);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_damaged_gzip)
{
    unsigned char gz[400], bad[400];
    size_t n = test_gzip(images, sizeof images, gz, sizeof gz);

    test_write("y", labels, sizeof labels);
    memcpy(bad, gz, n);
    memcpy(bad + n, "\0\0\0x", 4);
    test_write("x", bad, n + 4);
    test_fails(IDX "}", MT_INVALID, "/x: damaged gzip data at byte ",
               "nothing but zeros");
    for (size_t cut = 2; cut < n; cut++) {
        test_write("x", gz, cut);
        test_fails(IDX "}", MT_INVALID, "/x: ", "cut short");
    }
    memcpy(bad, gz, n);
    bad[n - 5] ^= 1; /* the checksum */
    test_write("x", bad, n);
    test_fails(IDX "}", MT_INVALID, "/x: damaged gzip data at byte ",
               "incorrect data check");
    memcpy(bad, gz, n);
    bad[n - 1] ^= 1; /* the length */
    test_write("x", bad, n);
    test_fails(IDX "}", MT_INVALID, "/x: damaged gzip data at byte ",
               "incorrect length check");
    memcpy(bad, gz, n);
    memcpy(bad + n, "junk", 4);
    test_write("x", bad, n + 4);
    test_fails(IDX "}", MT_INVALID, "/x: damaged gzip data at byte ", "header");
    /* No bit that matters can change unnoticed. (The header's time and name,
     * and the last bits before the checksum, do not matter.) */
    for (size_t at = 10; at < n; at++) {
        struct mt_dataset *data;

        memcpy(bad, gz, n);
        bad[at] ^= 0x10;
        test_write("x", bad, n);
        if (test_try(IDX "}", &data) == MT_OK) {
            ck_assert_mem_eq(data->train.x.data, images + 16, 12);
            mt_dataset_close(data);
        }
    }
}
END_TEST

START_TEST(test_hostile_headers)
{
    static const struct {
        unsigned char bytes[40];
        size_t n;
        const char *cause;
    } rows[] = {
        { { 0 }, 0, "the header end after 0 of 4 bytes" },
        { { 0, 0, 8 }, 3, "the header end after 3 of 4 bytes" },
        { { 'P', 'K', 3, 4 }, 4, "not an IDX file: it begins with 50 4b" },
        { { 0, 0, 0x0d, 1, 0, 0, 0, 0 }, 8, "of type 0x0d (32-bit floats)" },
        { { 0, 0, 0x77, 1, 0, 0, 0, 0 }, 8, "of type 0x77 (no known type)" },
        { { 0, 0, 8, 0 }, 4, "0 dimensions; expected 1 to 8" },
        { { 0, 0, 8, 9 }, 40, "9 dimensions; expected 1 to 8" },
        { { 0, 0, 8, 255 }, 4, "255 dimensions; expected 1 to 8" },
        { { 0, 0, 8, 3, 0, 0, 0, 3, 0 },
          9,
          "the dimensions end after 5 of 12 bytes" },
        { { 0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 2 },
          12,
          "dimension 0 is 0; expected at least 1" },
        { { 0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0 }, 12, "dimension 1 is 0" },
        { { 0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
          12,
          "[4294967295, 4294967295] bytes, but the file cannot hold" },
        { { 0,    0,    8,    4,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
          20,
          "but the file cannot hold more than 20" },
        { { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3 },
          15,
          "[2, 2] bytes, but the file cannot hold" },
        { { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5 },
          17,
          "more bytes than the header says: expected [2, 2]" },
    };

    test_write("y", labels, sizeof labels);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_write("x", rows[i].bytes, rows[i].n);
        test_request.purpose = MT_DATA_TRAIN;
        test_fails(IDX "}", MT_INVALID, "/x: ", rows[i].cause);
        test_request.purpose = MT_DATA_CHECK;
        test_fails(IDX "}", MT_INVALID, "/x: ", rows[i].cause);
    }
}
END_TEST

/* The size in a gzipped header is compared with what the file could inflate
 * to. */
START_TEST(test_gzip_bomb)
{
    unsigned char head[16] = { 0, 0,    8, 3, 0, 0x10, 0, 0,
                               0, 0x10, 0, 0, 0, 0,    0, 1 };
    unsigned char *zeros = calloc(1, 1 << 20), gz[4000];
    size_t n = test_gzip(head, sizeof head, gz, sizeof gz);

    ck_assert_ptr_nonnull(zeros);
    test_write("y", labels, sizeof labels);
    test_write("x", gz, n);
    test_fails(IDX "}", MT_INVALID, "/x: ", "but the file cannot hold");
    /* A stream that continues after the size in its header is not read
     * further. */
    memcpy(zeros, images, 16);
    n = test_gzip(zeros, 1 << 20, gz, sizeof gz);
    test_write("x", gz, n);
    test_fails(IDX "}", MT_INVALID, "/x: ", "more bytes than the header says");
    memset(head + 4, 0, 12);
    head[6] = 0x10; /* 4096 images of 16 by 4 */
    head[11] = 16;
    head[15] = 4;
    memcpy(zeros, head, 16);
    n = test_gzip(zeros, 1000, gz, 1000);
    for (int i = 0; i < 10; i++)
        n += test_gzip(zeros, 1, gz + n, sizeof gz - n);
    memset(gz + n, 0, sizeof gz - n);
    test_write("x", gz, n);
    test_fails(IDX "}", MT_INVALID, "/x: ", "");
    free(zeros);
}
END_TEST

START_TEST(test_parts)
{
    unsigned char four[] = { 0, 0, 8, 1, 0, 0, 0, 4, 2, 0, 4, 1 };
    struct mt_dataset *data;

    test_write("x", images, sizeof images);
    test_write("y", labels, sizeof labels);
    test_fails("{'type':'idx','train':['y','x']}", MT_INVALID, "/y: ",
               "expected [images, rows, columns], because the files are "
               "[images, labels] in this order");
    test_fails("{'type':'idx','train':['x','x']}", MT_INVALID,
               "/x: ", "expected [labels]");
    test_fails("{'type':'idx','train':'x'}", MT_INVALID, "spec.json:1:",
               "train: expected two files, [images, labels], got 1 file");
    test_fails("{'type':'idx','train':['x','y','z']}", MT_INVALID,
               "train: ", "got 3 files");
    test_fails("{'type':'idx','train':[]}", MT_INVALID,
               "train: ", "got 0 files");
    test_fails("{'type':'idx','train':['x','']}", MT_INVALID,
               "train[1]: ", "expected the name of a file");
    test_fails("{'type':'idx','train':['images.gz','y']}", MT_IO,
               "spec.json:1:24: train[0]: ",
               "images.gz: cannot open: No such file or directory");
    test_fails("{'type':'idx','train':['x','.']}", MT_IO,
               "train[1]: ", "is a directory");
    test_write("four", four, sizeof four);
    test_fails("{'type':'idx','train':['x','four']}", MT_MISMATCH,
               "/four: ", "4 labels; expected 3, because");
    data = test_open(IDX ",'val':['x','y']}");
    ck_assert_uint_eq(data->val.samples, 3);
    ck_assert_uint_eq(data->fitted.classes, 0);
    ck_assert_uint_eq(data->n_fingerprints, 4);
    ck_assert_str_eq(data->fingerprints[3].role, "val[1]");
    mt_dataset_close(data);
}
END_TEST

/* Files of more than one chunk that cannot be compressed. */
START_TEST(test_large)
{
    enum { N = 300000, HEAD = 12 };
    unsigned char *file = malloc(HEAD + N), *gz = malloc(2 * N);
    unsigned char y[8 + 1000] = { 0, 0, 8, 1, 0, 0, 3, 0xe8 };
    uint32_t word = 1;
    size_t n;

    ck_assert(file && gz);
    memcpy(file, "\0\0\10\2\0\0\3\xe8\0\0\1\x2c", HEAD);
    for (size_t i = HEAD; i < HEAD + N; i++) {
        word = word * 1664525 + 1013904223;
        file[i] = (unsigned char)(word >> 24);
    }
    test_write("y", y, sizeof y);
    n = test_gzip(file, HEAD + N, gz, 2 * N);
    ck_assert_uint_gt(n, 256 << 10);
    for (int plain = 0; plain < 2; plain++) {
        struct mt_dataset *data;

        test_write("x", plain ? file : gz, plain ? HEAD + N : n);
        data = test_open(IDX "}");
        ck_assert_uint_eq(data->train.samples, 1000);
        ck_assert_mem_eq(data->train.x.data, file + HEAD, N);
        mt_dataset_close(data);
    }
    test_write("x", gz, n - 1000);
    test_fails(IDX "}", MT_INVALID, "/x: ", "cut short");
    free(file);
    free(gz);
}
END_TEST

START_TEST(test_given_data)
{
    struct mt_dataset *data;

    test_request.dir = "testdata/data/";
    test_request.classification = true;
    data = test_open("{'type':'idx','train':['digits-images.gz',"
                     "'digits-labels.gz'],'val':['digits-val-images',"
                     "'digits-val-labels']}");
    ck_assert_uint_eq(data->train.samples, 200);
    ck_assert_uint_eq(data->val.samples, 50);
    ck_assert_uint_eq(data->fitted.classes, 10);
    mt_dataset_close(data);
}
END_TEST

Suite *idx_suite(void);

Suite *idx_suite(void)
{
    Suite *suite = suite_create("idx");
    TCase *tc = test_case(suite, "idx");

    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_check);
    tcase_add_test(tc, test_gzipped);
    tcase_add_test(tc, test_damaged_gzip);
    tcase_add_test(tc, test_hostile_headers);
    tcase_add_test(tc, test_gzip_bomb);
    tcase_add_test(tc, test_parts);
    tcase_add_test(tc, test_large);
    tcase_add_test(tc, test_given_data);
    return suite;
}
