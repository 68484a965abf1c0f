#include "ckpt/ckpt_format.h"

#include "ckpt/ckpt_testing.h"

START_TEST(names)
{
    static const struct {
        const char *name, *fault;
    } cases[] = {
        { "a", NULL },
        { "model/fc1.weight", NULL },
        { "model/..a/b..", NULL },
        { "model/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", NULL },
        { "model/has space", NULL },
        { "", "is empty" },
        { "/", "an empty part" },
        { "/a", "an empty part" },
        { "a/", "an empty part" },
        { "a//b", "an empty part" },
        { ".", "\".\" or \"..\"" },
        { "a/..", "\".\" or \"..\"" },
        { "../a", "\".\" or \"..\"" },
        { "a/./b", "\".\" or \"..\"" },
        { "a\nb", "control character" },
        { "a\x7f", "control character" },
        { "a\x1b[31m", "control character" },
        { "a\xc2\x9b", "control character" }, /* U+009B */
        { "a\xff", "not valid UTF-8" },
        { "a\xc3", "not valid UTF-8" },
        { "\x80", "not valid UTF-8" },
        { "\xc0\xaf", "not valid UTF-8" },         /* '/' in too long a form */
        { "\xed\xa0\x80", "not valid UTF-8" },     /* a surrogate */
        { "\xf4\x90\x80\x80", "not valid UTF-8" }, /* beyond U+10FFFF */
        { "\xe2\x82", "not valid UTF-8" },
    };
    char longest[MT_CKPT_MAX_NAME + 1];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *is =
            mt_ckpt_name_fault(cases[i].name, strlen(cases[i].name));

        if (cases[i].fault)
            ck_assert_msg(is && strstr(is, cases[i].fault), "%zu: %s", i,
                          is ? is : "(none)");
        else
            ck_assert_msg(!is, "%zu: %s", i, is);
    }
    ck_assert_ptr_nonnull(mt_ckpt_name_fault("a\0b", 3));
    memset(longest, 'x', sizeof longest);
    ck_assert_ptr_null(mt_ckpt_name_fault(longest, MT_CKPT_MAX_NAME));
    ck_assert_ptr_nonnull(strstr(
        mt_ckpt_name_fault(longest, MT_CKPT_MAX_NAME + 1), "longer than 1024"));
}
END_TEST

START_TEST(sizes)
{
    size_t huge = (size_t)1 << 40;
    uint64_t bytes = 7;
    struct mt_array a = { "a", MT_F64, mt_shape_of(2, huge, huge), NULL };

    ck_assert(!mt_ckpt_array_bytes(&a, &bytes));
    a.shape = mt_shape_of(3, huge, huge, (size_t)0);
    ck_assert(!mt_ckpt_array_bytes(&a, &bytes));
    a.shape = mt_shape_of(2, huge, (size_t)0);
    ck_assert(mt_ckpt_array_bytes(&a, &bytes));
    ck_assert_uint_eq(bytes, 0);
    ck_assert_uint_eq(mt_ckpt_chunk_count(&a), 0);
    a.shape = mt_shape_of(0);
    ck_assert(mt_ckpt_array_bytes(&a, &bytes));
    ck_assert_uint_eq(bytes, 8);
    ck_assert_uint_eq(mt_ckpt_chunk_count(&a), 1);
    a.shape = mt_shape_of(1, (size_t)2 * CKPT_CHUNK_ELEMENTS + 3);
    ck_assert_uint_eq(mt_ckpt_chunk_count(&a), 3);
    ck_assert_uint_eq(mt_ckpt_chunk_elements(&a, 1), CKPT_CHUNK_ELEMENTS);
    ck_assert_uint_eq(mt_ckpt_chunk_elements(&a, 2), 3);
    ck_assert_uint_eq(mt_ckpt_chunk_max(&a), 8 * CKPT_CHUNK_ELEMENTS);
    ck_assert(!mt_ckpt_dtype_allowed(MT_F16));
    ck_assert(!mt_ckpt_dtype_allowed(MT_BF16));
    ck_assert(mt_ckpt_dtype_allowed(MT_U8));
}
END_TEST

START_TEST(integers_are_little_endian)
{
    unsigned char p[8];

    put_u64(p, 0x0102030405060708);
    ck_assert_mem_eq(p, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    ck_assert_uint_eq(get_u64(p), 0x0102030405060708);
    ck_assert_uint_eq(get_u32(p), 0x05060708);
    ck_assert_uint_eq(get_u16(p), 0x0708);
    put_u32(p, 0xfffefdfc);
    put_u16(p + 4, 0xfbfa);
    ck_assert_mem_eq(p, "\xfc\xfd\xfe\xff\xfa\xfb", 6);
    ck_assert_uint_eq(mt_ckpt_align(0), 0);
    ck_assert_uint_eq(mt_ckpt_align(1), 64);
    ck_assert_uint_eq(mt_ckpt_align(64), 64);
}
END_TEST

Suite *ckpt_format_suite(void);
Suite *ckpt_format_suite(void)
{
    Suite *s = suite_create("ckpt_format");
    TCase *tc = tcase_create("ckpt_format");

    tcase_add_test(tc, names);
    tcase_add_test(tc, sizes);
    tcase_add_test(tc, integers_are_little_endian);
    suite_add_tcase(s, tc);
    return s;
}
