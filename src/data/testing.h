/*
 * Shared by the tests of this folder: a temporary folder with files, and data
 * sets opened from the text of a spec. For *_test.c only.
 */
#ifndef MT_DATA_TESTING_H
#define MT_DATA_TESTING_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/csvscan.h"
#include "data/dataset.h"
#include "data/format.h"
#include "spec/testing.h"

static char test_dir[64];
static char test_files[32][160]; /* to be removed */
static size_t test_n_files;
static struct mt_json *test_doc; /* of the last spec */
static struct mt_data_request test_request;
static struct mt_fitted test_fitted; /* for test_request.fitted */
static struct mt_err test_err;

static inline void test_setup(void)
{
    snprintf(test_dir, sizeof test_dir, "/tmp/mtrain-data-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(test_dir));
    test_n_files = 0;
    test_doc = NULL;
    test_request = (struct mt_data_request){ .dir = test_dir,
                                             .seed = 1,
                                             .split = MT_SPLIT_VAL };
    test_fitted = (struct mt_fitted){ .norm = { .scale = 1 } };
}

static inline void test_teardown(void)
{
    for (size_t i = 0; i < test_n_files; i++)
        unlink(test_files[i]);
    rmdir(test_dir);
    mt_json_free(test_doc);
}

static inline const char *test_path(const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", test_dir, name);
    return path;
}

static inline void test_write(const char *name, const void *bytes, size_t n)
{
    const char *path = test_path(name);
    FILE *f = fopen(path, "wb");
    size_t i = 0;

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    while (i < test_n_files && strcmp(test_files[i], path))
        i++;
    ck_assert_uint_lt(i, 32);
    if (i == test_n_files)
        snprintf(test_files[test_n_files++], sizeof *test_files, "%s", path);
}

static inline void test_puts(const char *name, const char *text)
{
    test_write(name, text, strlen(text));
}

/* Opens a table of n bytes, which need not be text, in an unnamed file. */
static inline mt_status test_csv(const char *bytes, size_t n,
                                 const struct mt_csv_dialect *dialect,
                                 struct mt_csv **csv, struct mt_err *err)
{
    FILE *f = tmpfile();
    int fd;

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fflush(f), 0);
    fd = dup(fileno(f));
    fclose(f);
    return mt_csv_open("t.csv", fd, n, dialect, csv, err);
}

/* One gzip member; returns its length. */
static inline size_t test_gzip(const void *bytes, size_t n, void *out,
                               size_t room)
{
    z_stream z = { 0 };

    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

/* spec is a "data" object with ' for ". */
static inline mt_status test_try(const char *spec, struct mt_dataset **data)
{
    mt_json_free(test_doc);
    test_doc = mt_test_json(spec);
    test_err = (struct mt_err)MT_ERR_INIT;
    test_request.doc = test_doc;
    test_request.spec = mt_json_root(test_doc);
    *data = NULL;
    return mt_dataset_open(&test_request, data, &test_err);
}

static inline struct mt_dataset *test_open(const char *spec)
{
    struct mt_dataset *data;
    mt_status status = test_try(spec, &data);

    ck_assert_msg(status == MT_OK, "%s", test_err.text);
    return data;
}

/* Checks that opening fails, with place and cause in the message. */
static inline void test_fails(const char *spec, mt_status expected,
                              const char *place, const char *cause)
{
    struct mt_dataset *data;
    mt_status status = test_try(spec, &data);

    ck_assert_msg(status != MT_OK, "opened: %s (expected: %s)", spec, cause);
    ck_assert_ptr_null(data);
    ck_assert_msg(strstr(test_err.text, place) && strstr(test_err.text, cause),
                  "\"%s\"\nlacks \"%s\" or \"%s\"", test_err.text, place,
                  cause);
    ck_assert_int_eq(status, expected);
    ck_assert_int_eq(test_err.status, expected);
}

/* All samples of a column as a model sees them; the caller frees them. */
static inline float *test_gather(const struct mt_column *column,
                                 const struct mt_normalization *norm, size_t n)
{
    size_t each = mt_shape_elements(&column->shape);
    float *x = malloc((n * each + 1) * sizeof *x);

    ck_assert_ptr_nonnull(x);
    ck_assert_msg(mt_gather_f32(column, norm,
                                &(const struct mt_samples){ NULL, 0, n }, x,
                                &test_err) == MT_OK,
                  "%s", test_err.text);
    return x;
}

/* Element i of them. */
static inline float test_element(const struct mt_column *column, size_t n,
                                 size_t i)
{
    float *x = test_gather(column, NULL, n), v = x[i];

    free(x);
    return v;
}

/* The number of a subset's sample i. */
static inline size_t test_row(const struct mt_subset *set, size_t i)
{
    uint32_t room;
    const uint32_t *row = mt_subset_rows(set, i, 1, &room);

    return row ? *row : i;
}

/* A test case with a temporary folder. */
static inline TCase *test_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, test_setup, test_teardown);
    suite_add_tcase(suite, tc);
    return tc;
}

#endif
