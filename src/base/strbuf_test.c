#include "base/strbuf.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

START_TEST(it_starts_with_nothing)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;

    ck_assert_ptr_null(buf.text);
    ck_assert_uint_eq(buf.len, 0);
    mt_strbuf_puts(&buf, "");
    ck_assert_str_eq(buf.text, "");
    mt_strbuf_free(&buf);
    ck_assert_ptr_null(buf.text);
    mt_strbuf_free(&buf);
}
END_TEST

START_TEST(pieces_follow_one_another)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;

    mt_strbuf_puts(&buf, "a");
    mt_strbuf_putc(&buf, '-');
    mt_strbuf_printf(&buf, "%d/%s", 7, "x");
    mt_strbuf_add(&buf, "yz__", 2);
    mt_strbuf_printf(&buf, "%s", "");
    ck_assert_str_eq(buf.text, "a-7/xyz");
    ck_assert_uint_eq(buf.len, 7);
    ck_assert(!buf.failed);
    mt_strbuf_free(&buf);
}
END_TEST

START_TEST(bytes_may_be_nul)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;

    mt_strbuf_add(&buf, "a\0b", 3);
    mt_strbuf_putc(&buf, '\0');
    mt_strbuf_add(&buf, NULL, 0);
    ck_assert_uint_eq(buf.len, 4);
    ck_assert_int_eq(memcmp(buf.text, "a\0b\0", 5), 0);
    mt_strbuf_free(&buf);
}
END_TEST

START_TEST(it_grows_and_stays_terminated)
{
    struct mt_strbuf buf = MT_STRBUF_INIT;

    for (size_t i = 0; i < 5000; i++) {
        mt_strbuf_putc(&buf, (char)('a' + i % 26));
        ck_assert_uint_eq(buf.len, i + 1);
        ck_assert_uint_gt(buf.size, buf.len);
        ck_assert_int_eq(buf.text[buf.len], '\0');
    }
    for (size_t i = 0; i < 5000; i++)
        ck_assert_int_eq(buf.text[i], (int)('a' + i % 26));
    mt_strbuf_free(&buf);
}
END_TEST

/* Lengths around the sizes that the buffer grows to. */
START_TEST(printf_fits_exactly)
{
    for (int n = 1; n < 300; n++) {
        struct mt_strbuf buf = MT_STRBUF_INIT;

        mt_strbuf_printf(&buf, "%*d", n, 3);
        ck_assert_uint_eq(buf.len, (size_t)n);
        ck_assert_uint_eq(strlen(buf.text), (size_t)n);
        ck_assert_int_eq(buf.text[n - 1], '3');
        mt_strbuf_free(&buf);
    }
}
END_TEST

/* A failed addition leaves the text as it was, and nothing is added after
 * it. */
START_TEST(exhausted_memory_sticks)
{
    const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 3, SIZE_MAX - 4,
                             SIZE_MAX / 2 + 1 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct mt_strbuf buf = MT_STRBUF_INIT;

        mt_strbuf_puts(&buf, "kept");
        mt_strbuf_add(&buf, "never read", sizes[i]);
        ck_assert(buf.failed);
        mt_strbuf_puts(&buf, "lost");
        mt_strbuf_printf(&buf, "%d", 1);
        mt_strbuf_putc(&buf, 'c');
        ck_assert_str_eq(buf.text, "kept");
        ck_assert_uint_eq(buf.len, 4);
        mt_strbuf_free(&buf);
        ck_assert(!buf.failed);
    }
}
END_TEST

START_TEST(endings_leave_a_stem)
{
    ck_assert(mt_ends_with("a.mtc", ".mtc"));
    ck_assert(!mt_ends_with(".mtc", ".mtc"));
    ck_assert(!mt_ends_with("mtc", ".mtc"));
    ck_assert(!mt_ends_with("a.mtc.npz", ".mtc"));
    ck_assert_uint_eq(mt_stem_length("dir/a.mtc", ".mtc"), 5);
    ck_assert_uint_eq(mt_stem_length("dir/a.npz", ".mtc"), 9);
    ck_assert_uint_eq(mt_stem_length(".mtc", ".mtc"), 4);
}
END_TEST

START_TEST(one_is_no_plural)
{
    ck_assert_str_eq(mt_count(0, "tensor").text, "0 tensors");
    ck_assert_str_eq(mt_count(1, "tensor").text, "1 tensor");
    ck_assert_str_eq(mt_count(UINT64_MAX, "array").text,
                     "18446744073709551615 arrays");
}
END_TEST

Suite *strbuf_suite(void);

Suite *strbuf_suite(void)
{
    Suite *s = suite_create("strbuf");
    TCase *t = tcase_create("core");

    tcase_add_test(t, it_starts_with_nothing);
    tcase_add_test(t, pieces_follow_one_another);
    tcase_add_test(t, bytes_may_be_nul);
    tcase_add_test(t, it_grows_and_stays_terminated);
    tcase_add_test(t, printf_fits_exactly);
    tcase_add_test(t, exhausted_memory_sticks);
    tcase_add_test(t, endings_leave_a_stem);
    tcase_add_test(t, one_is_no_plural);
    suite_add_tcase(s, t);
    return s;
}
