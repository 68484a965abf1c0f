#include <fcntl.h>
#include <math.h>

#include "base/npyheader.h"
#include "data/stream.h"
#include "data/testing.h"

#define NPY "{'type':'npy','train':['x.npy','y.npy']"

/* Writes version `major` with this dictionary, then the elements. */
static void write_npy(const char *name, int major, const char *dict,
                      const void *elements, size_t n)
{
    unsigned char file[8192];
    size_t length = strlen(dict), head = major == 1 ? 10 : 12;

    memcpy(file, "\x93NUMPY\0\0\0\0\0", 12);
    file[6] = (unsigned char)major;
    file[8] = (unsigned char)length;
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + head, dict, length);
    if (n)
        memcpy(file + head + length, elements, n);
    test_write(name, file, head + length + n);
}

static void write_large(const char *name, const char *dict,
                        const void *elements, size_t n)
{
    unsigned char *file = malloc(n + 1024);
    size_t length = strlen(dict);

    ck_assert_ptr_nonnull(file);
    memcpy(file, "\x93NUMPY\1\0\0\0", 10);
    file[8] = (unsigned char)length;
    memcpy(file + 10, dict, length);
    memcpy(file + 10 + length, elements, n);
    test_write(name, file, 10 + length + n);
    free(file);
}

#define DICT(descr, shape)                                                     \
    "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }\n"

static const float floats[] = { 1, 2, 3, 4, 5, 6 };
static const int32_t ints[] = { 0, 2, 1 };

static void write_y(void)
{
    write_npy("y.npy", 1, DICT("<i4", "(3,)"), ints, sizeof ints);
}

/* Every type, every version; offsets that are not aligned. */
START_TEST(test_types)
{
    static const double f8[] = { 1, 2, 3, 4, 5, 6 };
    static const int32_t i4[] = { 1, 2, 3, 4, 5, 6 };
    static const int64_t i8[] = { 1, 2, 3, 4, 5, 6 };
    static const unsigned char u1[] = { 1, 2, 3, 4, 5, 6 };
    static const struct {
        const char *dict;
        const void *data;
        size_t size;
        enum mt_dtype dtype;
        size_t vocab;
    } rows[] = { { DICT("<f4", "(3, 2)"), floats, 24, MT_F32, 0 },
                 { DICT("<f8", "(3, 2)"), f8, 48, MT_F64, 0 },
                 { DICT("<i4", "(3, 2)"), i4, 24, MT_I32, 7 },
                 { DICT("<i8", "(3, 2)"), i8, 48, MT_I64, 7 },
                 { DICT("|u1", "(3, 2)"), u1, 6, MT_U8, 7 } };

    test_request.classification = true;
    write_y();
    for (int major = 1; major <= 3; major++) {
        for (size_t i = 0; i < 5; i++) {
            struct mt_dataset *data;
            float x[6];
            int32_t tokens[6];

            write_npy("x.npy", major, rows[i].dict, rows[i].data, rows[i].size);
            data = test_open(NPY "}");
            ck_assert_uint_eq(data->train.samples, 3);
            ck_assert_int_eq(data->train.x.dtype, rows[i].dtype);
            ck_assert_int_eq(data->train.x.shape.rank, 1);
            ck_assert_uint_eq(data->train.x.shape.dim[0], 2);
            ck_assert_uint_eq(data->fitted.vocab, rows[i].vocab);
            ck_assert_uint_eq(data->fitted.classes, 3);
            mt_gather_f32(&data->train.x, NULL,
                          &(const struct mt_samples){ NULL, 0, 3 }, x, &test_err);
            mt_gather_i32(&data->train.x,
                          &(const struct mt_samples){ NULL, 0, 3 }, tokens,
                          &test_err);
            for (int j = 0; j < 6; j++)
                ck_assert(x[j] == (float)(j + 1) && tokens[j] == j + 1);
            mt_dataset_close(data);
        }
    }
}
END_TEST

/* An array that stays in its file has the same batches as one in memory, in any
 * order, also if they are longer than one read. */
START_TEST(test_streamed)
{
    enum { SAMPLES = 7, EACH = 30000 };
    static float file[SAMPLES * EACH], got[2][SAMPLES * EACH];
    static int64_t labels[SAMPLES] = { 4, 0, -9, 2, 6, 5, 3 };
    static const uint32_t rows[] = { 3, 4, 5, 0, 6, 1, 2 };
    const struct mt_normalization norm = { .scale = 0.5f };
    char spec[64] = NPY "}", sha[2][65];
    int32_t y[2][SAMPLES];

    for (size_t i = 0; i < SAMPLES * EACH; i++)
        file[i] = (float)i / 3;
    write_npy("y.npy", 1, DICT("<i8", "(7,)"), labels, sizeof labels);
    write_large("x.npy", DICT("<f4", "(7, 30000)"), file, sizeof file);
    for (int i = 0; i < 2; i++) {
        struct mt_dataset *data;

        test_request.resident = i ? 1 : 0;
        data = test_open(spec);
        ck_assert_int_eq(data->train.x.data == NULL, i);
        ck_assert_int_eq(data->train.y.data == NULL, i);
        ck_assert_int_eq(data->label_min, -9);
        ck_assert_int_eq(data->label_max, 6);
        memcpy(sha[i], data->fingerprints[0].sha256, 65);
        ck_assert_int_eq(
            mt_gather_f32(&data->train.x, &norm,
                          &(const struct mt_samples){ rows, 0, SAMPLES },
                          got[i], &test_err),
            MT_OK);
        ck_assert_int_eq(
            mt_gather_i32(&data->train.y,
                          &(const struct mt_samples){ rows, 0, SAMPLES }, y[i],
                          &test_err),
            MT_OK);
        mt_dataset_close(data);
    }
    ck_assert_mem_eq(got[0], got[1], sizeof *got);
    ck_assert_mem_eq(y[0], y[1], sizeof *y);
    ck_assert_str_eq(sha[0], sha[1]);
    ck_assert(got[0][EACH] == file[4 * EACH] * 0.5f);
    ck_assert_int_eq(y[0][6], -9);
}
END_TEST

/* Targets far from 0 lose no digits, in memory or in their file. */
START_TEST(test_streamed_targets)
{
    static const float x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    static const double y[4] = { 1.7e9, 1.7e9 + 1, 1.7e9 + 2, 1.7e9 + 3 };
    const double std = sqrt(1.25);

    write_npy("x.npy", 1, DICT("<f4", "(4, 2)"), x, sizeof x);
    write_npy("y.npy", 1, DICT("<f8", "(4,)"), y, sizeof y);
    for (int i = 0; i < 2; i++) {
        const struct mt_normalization *norm;
        struct mt_dataset *data;
        float got[4];

        test_request.resident = i ? 1 : 0;
        data = test_open(NPY ",'target_normalize':'standard'}");
        norm = &data->fitted.y_norm;
        ck_assert_int_eq(data->train.y.data == NULL, i);
        ck_assert_uint_eq(norm->n, 1);
        ck_assert(norm->mean[0] == 1.7e9 + 1.5 && norm->std[0] == std);
        ck_assert_int_eq(
            mt_gather_f32(&data->train.y, norm,
                          &(const struct mt_samples){ NULL, 0, 4 }, got,
                          &test_err),
            MT_OK);
        for (int k = 0; k < 4; k++)
            ck_assert(got[k] == (float)((k - 1.5) / std));
        mt_dataset_close(data);
    }
}
END_TEST

/* Errors of a stream are reported as for an array in memory. */
START_TEST(test_streamed_faults)
{
    static float x[6] = { 1, 2, 3, 4, NAN, 6 };
    int64_t wide[] = { 0, 5000000000, 1 };
    int32_t labels[] = { 0, 7, 2 };
    struct mt_dataset *data;

    test_request.resident = 1;
    test_request.classification = true;
    write_y();
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), x, sizeof x);
    test_fails(NPY "}", MT_INVALID,
               "x.npy: sample 2, element 0: ", "NaN is not allowed");
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_npy("y.npy", 1, DICT("<i8", "(3,)"), wide, sizeof wide);
    test_fails(NPY "}", MT_INVALID,
               "y.npy: sample 1: ", "label 5000000000 is out of range");
    write_npy("y.npy", 1, DICT("<i4", "(3,)"), labels, sizeof labels);
    data = test_open(NPY "}");
    ck_assert_int_eq(mt_dataset_check_labels(data, 5, NULL, &test_err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "y.npy: sample 1: label 7 is "
                                                "out of range: expected 0 to "
                                                "4"));
    mt_dataset_close(data);
    /* floats are not read then, integers are */
    test_request.purpose = MT_DATA_CHECK;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), x, sizeof x);
    data = test_open(NPY "}");
    ck_assert_uint_eq(data->fitted.classes, 8);
    ck_assert_int_eq(
        mt_data_scan("x.npy",
                     (struct mt_stream *)(uintptr_t)data->train.x.reader, 3,
                     true, NULL, &test_err),
        MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "sample 2, element 0: NaN"));
    mt_dataset_close(data);
}
END_TEST

/* A file that is truncated or written to while it is in use is an error; it
 * does not kill the process, and no index is used unchecked. */
START_TEST(test_changed_meanwhile)
{
    struct mt_dataset *data;
    int32_t y[3], evil = 1000000;
    float x[6];
    int fd;

    test_request.resident = 1;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_y();
    data = test_open(NPY "}");
    ck_assert_int_eq(truncate(test_path("x.npy"), 90), 0);
    ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL,
                                   &(const struct mt_samples){ NULL, 0, 3 }, x,
                                   &test_err),
                     MT_IO);
    ck_assert_ptr_nonnull(strstr(test_err.text, "x.npy: ends at byte 90"));
    fd = open(test_path("y.npy"), O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, &evil, 4, lseek(fd, 0, SEEK_END) - 4), 4);
    close(fd);
    ck_assert_int_eq(mt_gather_i32(&data->train.y,
                                   &(const struct mt_samples){ NULL, 0, 3 }, y,
                                   &test_err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text,
                                 "y.npy: sample 2, element 0: the file was "
                                 "changed while it was in use: 1000000; "
                                 "expected 0 to 2"));
    mt_dataset_close(data);
}
END_TEST

/* In memory, later changes of the file do not matter. */
START_TEST(test_read_at_once)
{
    struct mt_dataset *data;
    float x[6];

    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_y();
    data = test_open(NPY "}");
    ck_assert_int_eq(truncate(test_path("x.npy"), 0), 0);
    ck_assert_int_eq(mt_gather_f32(&data->train.x, NULL,
                                   &(const struct mt_samples){ NULL, 0, 3 }, x,
                                   &test_err),
                     MT_OK);
    ck_assert_mem_eq(x, floats, sizeof floats);
    mt_dataset_close(data);
}
END_TEST

/* Headers as Python could write them, and others. */
START_TEST(test_headers)
{
    static const struct {
        const char *dict;
        const char *fault; /* NULL: accepted */
    } rows[] = {
        { "{\"shape\":(3,2),\"fortran_order\":False,\"descr\":\"<f4\"}", NULL },
        { "{'descr':'<f4','fortran_order':False,'shape':(3,2,),}   \n", NULL },
        { "", "byte 10 of the header: expected \"{\"" },
        { "{}", "the header has no \"descr\"" },
        { "{'descr':'<f4','fortran_order':False}", "has no \"shape\"" },
        { "{'descr':'<f4','descr':'<f4'", "repeated key \"descr\"" },
        { "{'evil':'<f4'}", "unknown key \"evil\"" },
        { "{'descr':'<f4' 'shape':(3,2)}", "expected \",\" or \"}\"" },
        { "{'descr':'<f4','fortran_order':Maybe", "expected True or False" },
        { DICT("<f4", "3"), "expected a shape such as (3, 4)" },
        { DICT("<f4", "(3)"), "expected \",\"" },
        { DICT("<f4", "(3, -2)"), "expected a dimension or \")\"" },
        { DICT("<f4", "(3L, 2L)"), NULL },
        { DICT("=f4", "(3, 2)"), NULL },
        { DICT("<f4", "(3, 2"), "expected a dimension or \")\"" },
        { DICT("<f4", "(3 2)"), "expected \",\"" },
        { DICT("<f4", "(99999999999999999999999, 2)"), "is too large" },
        { DICT("<f4", "(1,1,1,1,1,1,1,1,1)"), "more than 8 dimensions" },
        { DICT("<f4", "(3, 2)") "x", "expected the end of the header" },
        { DICT("<c8", "(3, 2)"), "elements of type \"<c8\"; expected bool, an" },
        { DICT("<f16", "(3, 2)"), "elements of type \"<f16\"" },
        { DICT("<U4", "(3, 2)"), "elements of type \"<U4\"" },
        { DICT("|O", "(3, 2)"), "elements of type \"|O\"" },
        { DICT("", "(3, 2)"), "elements of type \"\"" },
        { "{'descr': [('a', '<f4')], 'fortran", "elements of type \"structured\"" },
        { "{'descr': 5", "expected a type such as '<f4'" },
        { "{'descr': '<f4", "expected a type such as '<f4'" },
        { DICT("<f4", "()"), "the array has no dimensions" },
        { DICT("<f4", "(0, 2)"), "the shape is [0, 2]" },
        { DICT("<f4", "(3, 0)"), "the shape is [3, 0]" },
        { DICT("<f4", "(3, 3)"), "24 bytes of elements; expected [3, 3] of 4" },
        { DICT("<f8", "(3, 2)"), "24 bytes of elements; expected [3, 2] of 8" },
        { DICT("<f4", "(4611686018427387904, 4)"), "24 bytes of elements" },
        { DICT("<f4", "(4294967296, 4294967296)"), "24 bytes of elements" },
    };

    write_y();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_npy("x.npy", 1, rows[i].dict, floats, sizeof floats);
        if (rows[i].fault)
            test_fails(NPY "}", MT_INVALID, "x.npy: ", rows[i].fault);
        else
            mt_dataset_close(test_open(NPY "}"));
    }
    /* Fortran order of one dimension is C order. */
    write_npy("y.npy", 2,
              "{'descr': '<i4', 'fortran_order': True, 'shape': (3,)}", ints,
              sizeof ints);
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    mt_dataset_close(test_open(NPY "}"));
}
END_TEST

/* The element types that columns do not have: 3 samples of 2 elements each. */
START_TEST(test_converted)
{
    static const struct {
        const char *descr;
        bool fortran;
        const char *bytes;
        size_t n;
        float want[6];
    } rows[] = {
        { "|b1", false, "\0\1\0\1\1\7", 6, { 0, 1, 0, 1, 1, 1 } },
        { "|i1", false, "\0\1\377\200\177\2", 6, { 0, 1, -1, -128, 127, 2 } },
        { "<u1", true, "\1\2\3\4\5\6", 6, { 1, 4, 2, 5, 3, 6 } },
        { "<i2", false, "\1\0\377\377\0\200\2\0\3\0\4\0", 12,
          { 1, -1, -32768, 2, 3, 4 } },
        { ">i2", false, "\0\1\377\377\200\0\0\2\0\3\0\4", 12,
          { 1, -1, -32768, 2, 3, 4 } },
        { ">u2", true, "\0\1\377\377\200\0\0\2\0\3\0\4", 12,
          { 1, 2, 65535, 3, 32768, 4 } },
        { "<u4", false,
          "\1\0\0\0\0\0\0\200\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0", 24,
          { 1, 2147483648.0f, 2, 3, 4, 5 } },
        { "<f2", false, "\0\74\0\300\1\0\377\173\0\0\0\200", 12,
          { 1, -2, 0x1p-24f, 65504, 0, -0.0f } },
        { ">f2", false, "\74\0\300\0\0\1\173\377\0\0\200\0", 12,
          { 1, -2, 0x1p-24f, 65504, 0, -0.0f } },
        { ">f4", true,
          "\77\200\0\0\100\0\0\0\100\100\0\0\100\200\0\0\100\240\0\0"
          "\100\300\0\0", 24, { 1, 4, 2, 5, 3, 6 } },
    };

    write_y();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_dataset *data;
        char dict[128];
        float x[6];

        snprintf(dict, sizeof dict,
                 "{'descr': '%s', 'fortran_order': %s, 'shape': (3, 2)}",
                 rows[i].descr, rows[i].fortran ? "True" : "False");
        write_npy("x.npy", 1, dict, rows[i].bytes, rows[i].n);
        data = test_open(NPY "}");
        ck_assert_int_eq(
            mt_gather_f32(&data->train.x, NULL,
                          &(const struct mt_samples){ NULL, 0, 3 }, x,
                          &test_err),
            MT_OK);
        for (int k = 0; k < 6; k++)
            ck_assert_msg(x[k] == rows[i].want[k], "%s: element %d is %g",
                          rows[i].descr, k, (double)x[k]);
        mt_dataset_close(data);
    }
    write_npy("x.npy", 1, DICT("<u8", "(3, 1)"),
              "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\200\1\0\0\0\0\0\0\0", 24);
    test_fails(NPY "}", MT_INVALID, "x.npy: sample 1, element 0: ",
               "9223372036854775808 is beyond int64");
    write_npy("x.npy", 1, DICT("<f2", "(3, 2)"),
              "\0\74\0\174\0\0\0\0\0\0\0\0", 12);
    test_fails(NPY "}", MT_INVALID, "x.npy: sample 0, element 1", "");
}
END_TEST

START_TEST(test_magic)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *fault;
    } rows[] = {
        { "", 0, "the file is empty" },
        { "\x93NUMPY\1\0\0", 9, "not an .npy file" },
        { "PK\3\4aaaaaaaa", 12, "not an .npy file" },
        { "\x93NUMPY\0\0\0\0\0\0", 12, ".npy version 0.0" },
        { "\x93NUMPY\4\0\0\0\0\0", 12, ".npy version 4.0" },
        { "\x93NUMPY\1\1\0\0\0\0", 12, ".npy version 1.1" },
        { "\x93NUMPY\1\0\x10\0{}", 12, "ends within its header of 16 bytes" },
        { "\x93NUMPY\2\0\0\0", 10, "ends within its header" },
        { "\x93NUMPY\2\0\xff\xff\xff\xff{}", 14, "a header of 4294967295" },
        { "\x93NUMPY\2\0\1\0\1\0{}", 14, "a header of 65537 bytes" },
    };

    write_y();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_write("x.npy", rows[i].bytes, rows[i].n);
        test_fails(NPY "}", MT_INVALID, "x.npy: ", rows[i].fault);
    }
}
END_TEST

/* Any prefix, and any changed byte, is read or refused. */
START_TEST(test_mangled_header)
{
    const char *dict = DICT("<f4", "(3, 2)");
    unsigned char file[256] = "\x93NUMPY\1";
    size_t n = 10 + strlen(dict);
    struct mt_npy_header head;
    struct mt_err err;

    file[7] = 0;
    file[8] = (unsigned char)strlen(dict);
    memcpy(file + 10, dict, strlen(dict));
    ck_assert_int_eq(mt_npy_header_parse("s", file, n, 0, &head, &err), MT_OK);
    ck_assert_uint_eq(head.offset, n);
    for (size_t cut = 0; cut < n; cut++) {
        unsigned char *copy = malloc(cut + 1); /* for the address sanitizer */

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, file, cut);
        ck_assert_int_eq(mt_npy_header_parse("s", copy, cut, 0, &head, &err),
                         MT_INVALID);
        free(copy);
    }
    for (size_t at = 0; at < n; at++) {
        for (int byte = 0; byte < 256; byte += 3) {
            unsigned char *copy = malloc(n);

            ck_assert_ptr_nonnull(copy);
            memcpy(copy, file, n);
            copy[at] = (unsigned char)byte;
            mt_npy_header_parse("s", copy, n, 0, &head, &err);
            free(copy);
        }
    }
}
END_TEST

START_TEST(test_not_finite)
{
    float x[6] = { 1, 2, 3, 4, 5, 6 };
    double d[6] = { 1, 2, 3, 4, 5, 1e39 };

    write_y();
    x[5] = NAN;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), x, sizeof x);
    test_fails(NPY "}", MT_INVALID,
               "x.npy: sample 2, element 1: ", "NaN is not allowed");
    x[5] = 0;
    x[0] = -INFINITY;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), x, sizeof x);
    test_fails(NPY "}", MT_INVALID,
               "x.npy: sample 0, element 0: ", "infinity is not allowed");
    write_npy("x.npy", 1, DICT("<f8", "(3, 2)"), d, sizeof d);
    test_fails(NPY "}", MT_INVALID, "x.npy: sample 2, element 1: ",
               "1e+39 is too large for float32");
    d[5] = 0;
    d[2] = NAN;
    write_npy("x.npy", 1, DICT("<f8", "(3, 2)"), d, sizeof d);
    test_fails(NPY "}", MT_INVALID, "x.npy: sample 1, element 0: ", "NaN");
    /* Targets too. */
    x[0] = INFINITY;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_npy("y.npy", 1, DICT("<f4", "(3,)"), x, 12);
    test_fails(NPY "}", MT_INVALID, "y.npy: sample 0, element 0: ", "infinity");
}
END_TEST

START_TEST(test_labels)
{
    int32_t negative[] = { 0, -100, 5 }, all[] = { -1, -1, -1 };
    int64_t wide[] = { 0, 5000000000, 1 };
    struct mt_dataset *data;
    long long ignore = -100;

    test_request.classification = true;
    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_npy("y.npy", 1, DICT("<f4", "(3,)"), floats, 12);
    test_fails(NPY "}", MT_INVALID,
               "y.npy: ", "targets are float32; expected integers");
    write_npy("y.npy", 1, DICT("<i4", "(3,)"), all, sizeof all);
    test_fails(NPY "}", MT_INVALID, "y.npy: ", "every label is negative");
    write_npy("y.npy", 1, DICT("<i8", "(3,)"), wide, sizeof wide);
    test_fails(NPY "}", MT_INVALID,
               "y.npy: sample 1: ", "label 5000000000 is out of range");

    write_npy("y.npy", 1, DICT("<i4", "(3,)"), negative, sizeof negative);
    data = test_open(NPY "}");
    ck_assert_uint_eq(data->fitted.classes, 6);
    ck_assert_int_eq(data->label_min, -100);
    ck_assert_int_eq(data->label_max, 5);
    ck_assert_int_eq(mt_dataset_check_labels(data, 6, &ignore, &test_err),
                     MT_OK);
    ck_assert_int_eq(mt_dataset_check_labels(data, 6, NULL, &test_err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "y.npy: sample 1: label -100 "
                                                "is out of range: expected 0 "
                                                "to 5"));
    ck_assert_int_eq(mt_dataset_check_labels(data, 5, &ignore, &test_err),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text, "sample 2: label 5"));
    mt_dataset_close(data);

    test_request.classification = false;
    write_npy("y.npy", 1, DICT("<i8", "(3,)"), wide, sizeof wide);
    data = test_open(NPY "}");
    ck_assert_uint_eq(data->fitted.classes, 0);
    ck_assert_int_eq(data->label_max, 5000000000);
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_sequences)
{
    static const int32_t tokens[] = { 0, 1, 2, 3, 4, 9 };
    struct mt_dataset *data;

    test_request.classification = true;
    write_npy("x.npy", 1, DICT("<i4", "(3, 2)"), tokens, sizeof tokens);
    write_npy("y.npy", 1, DICT("<i4", "(3, 2)"), tokens, sizeof tokens);
    data = test_open(NPY "}");
    ck_assert_int_eq(data->train.y.shape.rank, 1);
    ck_assert_uint_eq(data->fitted.classes, 10);
    ck_assert_uint_eq(data->fitted.vocab, 10);
    ck_assert_int_eq(data->token_max, 9);
    ck_assert_int_eq(mt_dataset_check_tokens(data, 10, &test_err), MT_OK);
    ck_assert_int_eq(mt_dataset_check_tokens(data, 9, &test_err), MT_INVALID);
    ck_assert_ptr_nonnull(strstr(test_err.text,
                                 "x.npy: sample 2, element 1: token 9 is out "
                                 "of range: expected 0 to 8"));
    mt_dataset_close(data);
}
END_TEST

START_TEST(test_parts)
{
    struct mt_dataset *data;

    write_npy("x.npy", 1, DICT("<f4", "(3, 2)"), floats, sizeof floats);
    write_npy("y.npy", 1, DICT("<i4", "(2,)"), ints, 8);
    test_fails(NPY "}", MT_MISMATCH, "y.npy: ", "2 samples; expected 3 as in");
    write_y();
    test_fails("{'type':'npy','train':'x.npy'}", MT_INVALID,
               "train: ", "expected two files, [x.npy, y.npy], got 1 file");
    test_fails("{'type':'npy','train':['x.npy','z.npy']}", MT_IO,
               "train[1]: ", "z.npy: cannot open: No such file or directory");
    write_npy("v.npy", 1, DICT("<f4", "(3, 1)"), floats, 12);
    test_fails(NPY ",'val':['v.npy','y.npy']}", MT_MISMATCH, "v.npy: ",
               "each sample's input has the shape [1]; expected [2]");
    write_npy("v.npy", 1, DICT("<i4", "(1, 2)"), ints, 8);
    write_npy("w.npy", 1, DICT("<i4", "(1,)"), ints, 4);
    test_fails(NPY ",'val':['v.npy','w.npy']}", MT_MISMATCH,
               "v.npy: ", "inputs are int32; expected float32");
    write_npy("v.npy", 1, DICT("<f4", "(1, 2)"), floats, 8);
    data = test_open(NPY ",'val':['v.npy','w.npy']}");
    ck_assert_uint_eq(data->val.samples, 1);
    ck_assert_str_eq(data->fingerprints[2].role, "val[0]");
    mt_dataset_close(data);
    test_request.purpose = MT_DATA_CHECK;
    data = test_open(NPY "}");
    ck_assert_uint_eq(data->n_fingerprints, 0);
    mt_dataset_close(data);
    test_request.dir = "testdata/data";
    test_request.classification = true;
    data = test_open("{'type':'npy','train':['xy-x.npy','xy-y.npy']}");
    ck_assert_uint_eq(data->train.samples, 64);
    ck_assert_uint_eq(data->fitted.classes, 4);
    mt_dataset_close(data);
}
END_TEST

Suite *npy_suite(void);

Suite *npy_suite(void)
{
    Suite *suite = suite_create("npy");
    TCase *tc = test_case(suite, "npy");

    tcase_add_test(tc, test_types);
    tcase_add_test(tc, test_streamed);
    tcase_add_test(tc, test_streamed_targets);
    tcase_add_test(tc, test_streamed_faults);
    tcase_add_test(tc, test_changed_meanwhile);
    tcase_add_test(tc, test_read_at_once);
    tcase_add_test(tc, test_headers);
    tcase_add_test(tc, test_converted);
    tcase_add_test(tc, test_magic);
    tcase_add_test(tc, test_mangled_header);
    tcase_add_test(tc, test_not_finite);
    tcase_add_test(tc, test_labels);
    tcase_add_test(tc, test_sequences);
    tcase_add_test(tc, test_parts);
    return suite;
}
