#include "base/npyheader.h"

#include <check.h>
#include <string.h>

static struct mt_err err;

/* A header with this dictionary; returns its size. */
static size_t make(unsigned char *out, const char *dict)
{
    size_t length = strlen(dict);

    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)length;
    out[9] = 0;
    memcpy(out + 10, dict, length);
    return 10 + length;
}

static mt_status parse(const char *dict, enum mt_npy_use use,
                       struct mt_npy_header *out)
{
    unsigned char bytes[300];
    size_t n = make(bytes, dict);

    return mt_npy_header_parse("x", bytes, n, use, out, &err);
}

#define DICT(descr, order, shape)                                              \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

START_TEST(uses)
{
    struct mt_npy_header h;

    ck_assert_int_eq(parse(DICT("<f2", "False", "(3,)"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_F16 && !h.big_endian);
    ck_assert_int_eq(parse(DICT("<f2", "False", "(3,)"), MT_NPY_DATA, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_F32 && h.kind == 'f' && h.size == 2);
    ck_assert_int_eq(parse(DICT(">i8", "False", "()"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_I64 && h.big_endian && h.shape.rank == 0);
    ck_assert_int_eq(parse(DICT(">u1", "False", "()"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_U8 && !h.big_endian);
    ck_assert_int_eq(parse(DICT("|b1", "False", "()"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_BOOL);
    ck_assert_int_eq(parse(DICT(">i2", "True", "(2, 3)"), MT_NPY_DATA, &h),
                     MT_OK);
    ck_assert(h.dtype == MT_I32 && h.kind == 'i' && h.size == 2 &&
              h.big_endian && h.fortran);
    ck_assert_int_eq(parse(DICT("|O", "False", "()"), MT_NPY_DATA, &h),
                     MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "a pickle and never read"));
}
END_TEST

/* Types that cannot be read are named, in printable characters. */
START_TEST(others)
{
    static const struct {
        const char *dict, *type;
    } cases[] = {
        { DICT("<U5", "False", "(3,)"), "<U5" },
        { DICT("|O", "False", "()"), "|O" },
        { DICT("<c8", "False", "(2, 2)"), "<c8" },
        { DICT("<\\\"\x01", "False", "()"), "<???" },
        { "{'descr': [('a', '<f4'), ('b]', '<i4', (2,))], 'fortran_order': "
          "False, 'shape': (3,)}", "structured" },
        { DICT("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 2)"),
          "9 dimensions" },
    };
    struct mt_npy_header h;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(parse(cases[i].dict, MT_NPY_STATE, &h), MT_OK);
        ck_assert_int_eq(h.dtype, MT_OTHER);
        ck_assert_str_eq(h.type, cases[i].type);
        ck_assert_int_eq(parse(cases[i].dict, MT_NPY_DATA, &h), MT_INVALID);
    }
    ck_assert_int_eq(parse("{'descr': [('a', '<f4'), ", MT_NPY_STATE, &h),
                     MT_INVALID);
    ck_assert_int_eq(parse("{'descr': [('a", MT_NPY_STATE, &h), MT_INVALID);
}
END_TEST

/* Where both orders are the same, it is C order. */
START_TEST(fortran)
{
    struct mt_npy_header h;

    ck_assert_int_eq(parse(DICT("<f4", "True", "(1, 5, 1)"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(!h.fortran);
    ck_assert_int_eq(parse(DICT("<f4", "True", "(0, 1)"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(!h.fortran);
    ck_assert_int_eq(parse(DICT("<f4", "True", "(2, 1, 2)"), MT_NPY_STATE, &h),
                     MT_OK);
    ck_assert(h.fortran);
}
END_TEST

/* Headers are written as NumPy writes them, and can be read again. */
START_TEST(written)
{
    static const enum mt_dtype types[] = { MT_F32, MT_F64, MT_F16,
                                           MT_I32, MT_I64, MT_U8,  MT_BOOL,
                                           MT_I8,  MT_I16, MT_U16, MT_U32,
                                           MT_U64 };
    static const char numpys[] =
        "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(2, 3), }                                                          \n";
    struct mt_shape shape = mt_shape_of(2, (size_t)2, (size_t)3);
    char out[MT_NPY_WRITTEN];
    struct mt_npy_header h;

    ck_assert_uint_eq(mt_npy_header_write(MT_F32, &shape, out), 128);
    ck_assert_mem_eq(out, numpys, 128);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        ck_assert(mt_npy_has_dtype(types[i]));
        for (int rank = 0; rank <= MT_MAX_RANK; rank++) {
            size_t n;

            shape.rank = rank;
            for (int d = 0; d < rank; d++)
                shape.dim[d] = SIZE_MAX - (size_t)d;
            n = mt_npy_header_write(types[i], &shape, out);
            ck_assert_uint_eq(n % 64, 0);
            ck_assert_uint_le(n, sizeof out);
            ck_assert_uint_eq(mt_npy_header_size((unsigned char *)out), n);
            ck_assert_msg(
                mt_npy_header_parse("x", out, n, MT_NPY_STATE, &h, &err) == MT_OK,
                "%s", err.text);
            ck_assert_uint_eq(h.offset, n);
            ck_assert(h.dtype == types[i] && mt_shape_equal(&h.shape, &shape));
        }
    }
    ck_assert(!mt_npy_has_dtype(MT_BF16) && !mt_npy_has_dtype(MT_OTHER));
}
END_TEST

START_TEST(sizes)
{
    unsigned char p[MT_NPY_PREFIX] = "\x93NUMPY\2\0\0\1";

    ck_assert_uint_eq(mt_npy_header_size(p), 12 + 256);
    p[11] = 1; /* 16 MB */
    ck_assert_uint_eq(mt_npy_header_size(p), 0);
    p[6] = 1;
    ck_assert_uint_eq(mt_npy_header_size(p), 10 + 256);
    p[6] = 4;
    ck_assert_uint_eq(mt_npy_header_size(p), 0);
    p[6] = 1, p[0] = 0;
    ck_assert_uint_eq(mt_npy_header_size(p), 0);
}
END_TEST

Suite *npyheader_suite(void);

Suite *npyheader_suite(void)
{
    Suite *suite = suite_create("npyheader");
    TCase *tc = tcase_create("npyheader");

    tcase_add_test(tc, uses);
    tcase_add_test(tc, others);
    tcase_add_test(tc, fortran);
    tcase_add_test(tc, written);
    tcase_add_test(tc, sizes);
    suite_add_tcase(suite, tc);
    return suite;
}
