#include "data/testing.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/file.h"

/* A folder with two classes in the test's folder: b/1, b/2, b/3, a/1, a/2, and
 * hidden files that are not pictures. */
enum { N = 5, SIDE = 6, EACH = 3 * SIDE * SIDE };

static const char *const files[N] = { "b/1", "b/2", "b/3", "a/1", "a/2" };
static const char *const from[N] = { "rgb.png", "grey.png", "rgb.jpg",
                                     "rgba.png", "palette.png" };

#define SPEC "{'type':'images','size':6,'train':"

static bool built(void)
{
    struct mt_dataset *data;
    float x[EACH];
    bool missing = false;

    data = test_open(SPEC "'.'}");
    for (size_t i = 0; i < N && !missing; i++)
        missing = mt_gather_f32(&data->train.x, NULL,
                                &(const struct mt_samples){ NULL, i, 1 }, x,
                                &test_err) != MT_OK &&
                  strstr(test_err.text, "was built without");
    mt_dataset_close(data);
    return !missing;
}

static void copy_picture(const char *picture, const char *to)
{
    struct mt_bytes in;
    char path[100];

    snprintf(path, sizeof path, "testdata/pictures/%s", picture);
    ck_assert_msg(mt_file_read(path, 1 << 20, &in, &test_err) == MT_OK, "%s",
                  test_err.text);
    test_write(to, in.data, in.n);
    free(in.data);
}

static void setup(void)
{
    test_setup();
    test_request.classification = true;
    ck_assert_int_eq(mkdir(test_path("a"), 0777), 0);
    ck_assert_int_eq(mkdir(test_path("b"), 0777), 0);
    for (int i = 0; i < N; i++)
        copy_picture(from[i], files[i]);
    test_puts(".hidden", "x");
    test_puts("a/.hidden", "x");
}

static void teardown(void)
{
    for (size_t i = 0; i < test_n_files; i++)
        unlink(test_files[i]);
    rmdir(test_path("a"));
    rmdir(test_path("b"));
    rmdir(test_path("c"));
    test_teardown();
}

static void check_ends(const char *path, const char *end)
{
    ck_assert_msg(strlen(path) >= strlen(end) &&
                      !strcmp(path + strlen(path) - strlen(end), end),
                  "%s, expected .../%s", path, end);
}

static int label(const struct mt_part *part, size_t i)
{
    int32_t y;

    ck_assert_int_eq(mt_gather_i32(&part->y,
                                   &(const struct mt_samples){ NULL, i, 1 }, &y,
                                   &test_err), MT_OK);
    return y;
}

START_TEST(test_folder)
{
    static const char *const order[] = { "/a/1", "/a/2", "/b/1", "/b/2",
                                         "/b/3" };
    struct mt_dataset *data = test_open(SPEC "'.','val':'.'}");

    ck_assert_uint_eq(data->train.samples, N);
    ck_assert_uint_eq(data->val.samples, N);
    ck_assert_uint_eq(data->fitted.classes, 2);
    ck_assert_str_eq(data->fitted.class_names[0], "a");
    ck_assert_str_eq(data->fitted.class_names[1], "b");
    ck_assert_int_eq(data->train.x.shape.rank, 3);
    ck_assert_uint_eq(data->train.x.shape.dim[0], 3);
    ck_assert_uint_eq(data->train.x.shape.dim[2], SIDE);
    for (size_t i = 0; i < N; i++) {
        check_ends(data->train.names[i], order[i]);
        ck_assert_int_eq(label(&data->train, i), i >= 2);
    }
    ck_assert_uint_eq(data->n_fingerprints, 2);
    ck_assert_str_eq(data->fingerprints[0].sha256,
                     data->fingerprints[1].sha256);
    mt_dataset_close(data);
}
END_TEST

/* Paths are relative to the table; a first line whose path is not a file is a
 * header; classes are in byte order, not in that of the lines. */
START_TEST(test_table)
{
    struct mt_dataset *data;

    test_puts("list.csv", "path,label\nb/2,zebra\na/1,\"a, b\"\nb/2,zebra\n");
    data = test_open(SPEC "'list.csv'}");
    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_uint_eq(data->fitted.classes, 2);
    ck_assert_str_eq(data->fitted.class_names[0], "a, b");
    ck_assert_str_eq(data->fitted.class_names[1], "zebra");
    check_ends(data->train.names[1], "/a/1");
    ck_assert_int_eq(label(&data->train, 0), 1);
    ck_assert_int_eq(label(&data->train, 1), 0);
    mt_dataset_close(data);
    test_puts("list.csv", "b/2,10\na/1,9\nb/1,10");
    data = test_open(SPEC "'list.csv'}");
    ck_assert_uint_eq(data->train.samples, 3);
    ck_assert_uint_eq(data->fitted.classes, 2);
    ck_assert_str_eq(data->fitted.class_names[0], "9");
    ck_assert_int_eq(label(&data->train, 0), 1);
    ck_assert_int_eq(label(&data->train, 1), 0);
    mt_dataset_close(data);
    test_puts("list.csv", "b/2,0\na/1,1\n");
    data = test_open(SPEC "'list.csv'}");
    ck_assert_uint_eq(data->fitted.classes, 2);
    ck_assert_int_eq(label(&data->train, 1), 1);
    mt_dataset_close(data);
    test_puts("list.csv", "b/2,x\na/1\n");
    test_fails(SPEC "'list.csv'}", MT_INVALID, "list.csv:2:",
               "expected two fields, path and label, got 1");
    test_puts("list.csv", "b/2,x\na/1,\n");
    test_fails(SPEC "'list.csv'}", MT_INVALID, "list.csv:2:5",
               "expected a label");
    test_puts("list.csv", "b/2,x\na/9,y\n");
    test_fails(SPEC "'list.csv'}", MT_IO, "a/9", "No such file");
    test_puts("list.csv", "path,label\n");
    test_fails(SPEC "'list.csv'}", MT_INVALID, "list.csv", "names no pictures");
}
END_TEST

START_TEST(test_refused)
{
    test_puts("a/3", "no picture at all");
    test_fails(SPEC "'.'}", MT_INVALID, "/a/3: ",
               "is neither a PNG nor a JPEG file");
    test_puts("a/3", "x");
    test_fails(SPEC "'.'}", MT_INVALID, "/a/3: ",
               "is neither a PNG nor a JPEG file");
    unlink(test_path("a/3"));
    ck_assert_int_eq(mkdir(test_path("c"), 0777), 0);
    test_fails(SPEC "'.'}", MT_INVALID, "/c: ", "holds no pictures");
    test_fails(SPEC "'c'}", MT_INVALID, "c: ", "it is empty");
    test_fails(SPEC "'a'}", MT_INVALID, "a/1: ",
               "expected a folder for each class");
    rmdir(test_path("c"));
    test_fails("{'type':'images','size':[1,2,3],'train':'.'}", MT_INVALID,
               "size: ", "got 3 numbers");
    test_fails("{'type':'images','size':6,'channels':2,'train':'.'}",
               MT_INVALID, "channels: ", "expected 1 (grey) or 3 (RGB)");
    test_fails("{'type':'images','size':5000,'train':'.'}", MT_INVALID,
               "size: ", "4096");
    test_request.classification = false;
    test_fails(SPEC "'.'}", MT_INVALID, "spec.json:1", "classes as targets");
}
END_TEST

START_TEST(test_classes_of_training)
{
    static const char *const names[] = { "a", "b", "c" };
    struct mt_dataset *data;

    test_puts("train.csv", "a/1,a\nb/1,b\n");
    test_puts("val.csv", "a/1,c\n");
    test_fails(SPEC "'train.csv','val':'val.csv'}", MT_MISMATCH,
               "/a/1: ", "class \"c\" is not one of the 2 classes");
    test_fitted.classes = 3;
    test_fitted.class_names = names;
    test_fitted.x = (struct mt_shape){ .rank = 3, .dim = { 3, SIDE, SIDE } };
    test_fitted.x_dtype = MT_U8;
    test_request.fitted = &test_fitted;
    test_request.purpose = MT_DATA_EVAL;
    data = test_open(SPEC "'train.csv','val':'val.csv'}");
    ck_assert_int_eq(label(&data->val, 0), 2);
    mt_dataset_close(data);
    /* a checkpoint of another kind of data: its classes have no names */
    test_fitted.class_names = NULL;
    test_fails(SPEC "'train.csv','val':'val.csv'}", MT_MISMATCH,
               "/a/1: ", "class \"c\" is not one of the 3 classes");
}
END_TEST

/* Each sample alone, from a new data set. */
static void read_singly(float *x)
{
    for (size_t i = 0; i < N; i++) {
        struct mt_dataset *data = test_open(SPEC "'.'}");

        ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL,
                                       &(const struct mt_samples){ NULL, i, 1 },
                                       x + i * EACH, &test_err), MT_OK);
        mt_dataset_close(data);
    }
}

/* Rows in any order, more than once, kept in memory or not. */
START_TEST(test_any_order)
{
    static const uint32_t rows[] = { 4, 0, 4, 3, 1, 1, 2, 0 };
    enum { ROWS = sizeof rows / sizeof *rows };
    static const size_t resident[] = { 0, 1, N * EACH - 1, N * EACH };
    float singly[N * EACH], x[ROWS * EACH];
    int32_t whole[EACH];

    if (!built())
        return;
    read_singly(singly);
    ck_assert_int_ne(memcmp(singly, singly + EACH, EACH * sizeof *x), 0);
    for (size_t r = 0; r < 4; r++) {
        struct mt_dataset *data;

        test_request.resident = resident[r];
        data = test_open(SPEC "'.'}");
        for (int again = 0; again < 2; again++) {
            ck_assert_int_eq(mt_gather_f32(
                &data->train.x, NULL,
                &(const struct mt_samples){ rows, 0, ROWS }, x, &test_err),
                MT_OK);
            for (size_t i = 0; i < ROWS; i++)
                ck_assert_mem_eq(x + i * EACH, singly + rows[i] * EACH,
                                 EACH * sizeof *x);
        }
        ck_assert_int_eq(mt_gather_i32(&data->train.x,
                                       &(const struct mt_samples){ NULL, 2, 1 },
                                       whole, &test_err), MT_OK);
        for (size_t i = 0; i < EACH; i++)
            ck_assert_int_eq(whole[i], (int)singly[2 * EACH + i]);
        mt_dataset_close(data);
    }
}
END_TEST

struct worker {
    const struct mt_column *column;
    pthread_t thread;
    size_t from;
    float x[N * EACH];
    mt_status status;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < N && w->status == MT_OK; i++) {
        size_t row = (w->from + i) % N;

        w->status = mt_gather_f32(w->column, NULL,
                                  &(const struct mt_samples){ NULL, row, 1 },
                                  w->x + row * EACH, &err);
    }
    return NULL;
}

START_TEST(test_threads)
{
    enum { THREADS = 4 };
    static struct worker workers[THREADS];
    static float singly[N * EACH];

    if (!built())
        return;
    read_singly(singly);
    for (int round = 0; round < 20; round++) {
        struct mt_dataset *data;

        test_request.resident = round % 2;
        data = test_open(SPEC "'.'}");
        for (size_t t = 0; t < THREADS; t++) {
            workers[t] = (struct worker){ .column = &data->train.x,
                                          .from = t % 2 };
            ck_assert_int_eq(pthread_create(&workers[t].thread, NULL, work,
                                            &workers[t]), 0);
        }
        for (size_t t = 0; t < THREADS; t++) {
            pthread_join(workers[t].thread, NULL);
            ck_assert_int_eq(workers[t].status, MT_OK);
            ck_assert_mem_eq(workers[t].x, singly, sizeof singly);
        }
        mt_dataset_close(data);
    }
}
END_TEST

/* A damaged picture whose first bytes are right is refused by name each time it
 * is decoded; others are read. */
START_TEST(test_damaged)
{
    struct mt_dataset *data;
    float x[EACH];

    if (!built())
        return;
    test_write("a/2", "\x89PNG\r\n\x1a\n.", 9);
    data = test_open(SPEC "'.'}");
    for (int again = 0; again < 2; again++) {
        test_err = (struct mt_err)MT_ERR_INIT;
        ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL,
                                       &(const struct mt_samples){ NULL, 1, 1 },
                                       x, &test_err), MT_INVALID);
        ck_assert_ptr_nonnull(strstr(test_err.text, "/a/2: damaged PNG file"));
        ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL,
                                       &(const struct mt_samples){ NULL, 0, 1 },
                                       x, &test_err), MT_OK);
    }
    mt_dataset_close(data);
}
END_TEST

Suite *images_suite(void);

Suite *images_suite(void)
{
    Suite *suite = suite_create("images");
    TCase *tc = tcase_create("images");

    tcase_add_checked_fixture(tc, setup, teardown);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_folder);
    tcase_add_test(tc, test_table);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_classes_of_training);
    tcase_add_test(tc, test_any_order);
    tcase_add_test(tc, test_threads);
    tcase_add_test(tc, test_damaged);
    return suite;
}
