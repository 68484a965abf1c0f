#include "base/status.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* n times the same letter; to be freed. */
static char *long_text(size_t n)
{
    char *text = malloc(n + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', n);
    text[n] = '\0';
    return text;
}

START_TEST(fail_writes_the_message_and_returns_the_status)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_fail(&err, MT_DAMAGED, "%s: %d of %d", "a", 2, 3),
                     MT_DAMAGED);
    ck_assert_int_eq(err.status, MT_DAMAGED);
    ck_assert_str_eq(err.text, "a: 2 of 3");
    ck_assert_int_eq(mt_fail(&err, MT_IO, "again"), MT_IO);
    ck_assert_str_eq(err.text, "again");
}
END_TEST

#ifndef NDEBUG
static void fail_without_err(int how)
{
    switch (how) {
    case 0: mt_fail(NULL, MT_INVALID, "%d", 1); break;
    case 1: mt_fail_memory(NULL); break;
    case 2: mt_fail_errno(NULL, ENOENT, "f", "open"); break;
    default: mt_context(NULL, "layer %d", 1);
    }
}

START_TEST(err_is_never_null)
{
    fclose(stderr); /* the assertion's message is expected */
    fail_without_err(_i);
}
END_TEST
#endif

START_TEST(long_messages_are_cut_and_say_so)
{
    const size_t room = sizeof((struct mt_err *)NULL)->text - 1;

    for (size_t n = room - 2; n < room + 3; n++) {
        struct mt_err err = MT_ERR_INIT;
        char *text = long_text(n);

        mt_fail(&err, MT_INVALID, "%s", text);
        if (n <= room) {
            ck_assert_str_eq(err.text, text);
        } else {
            ck_assert_uint_eq(strlen(err.text), room);
            ck_assert_str_eq(err.text + room - 4, "x...");
        }
        free(text);
    }
}
END_TEST

START_TEST(exhausted_memory_has_its_own_status)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_fail_memory(&err), MT_NO_MEMORY);
    ck_assert_int_eq(err.status, MT_NO_MEMORY);
    ck_assert_ptr_nonnull(strstr(err.text, "memory"));
}
END_TEST

START_TEST(errno_names_the_file_the_act_and_the_cause)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_fail_errno(&err, ENOENT, "a/b.json", "cannot open"),
                     MT_IO);
    ck_assert_str_eq(err.text,
                     "a/b.json: cannot open: No such file or directory");
    ck_assert_int_eq(mt_fail_errno(&err, ENOMEM, "a", "cannot map"),
                     MT_NO_MEMORY);
    ck_assert_int_eq(err.status, MT_NO_MEMORY);
}
END_TEST

START_TEST(context_goes_in_front)
{
    struct mt_err err = MT_ERR_INIT;

    mt_fail(&err, MT_MISMATCH, "out_features: must be at least 1");
    ck_assert_int_eq(mt_context(&err, "layers[%d]", 2), MT_MISMATCH);
    ck_assert_int_eq(mt_context(&err, "model"), MT_MISMATCH);
    ck_assert_str_eq(err.text,
                     "model: layers[2]: out_features: must be at least 1");
    ck_assert_int_eq(err.status, MT_MISMATCH);
}
END_TEST

/* With its context, a message may just fill the buffer, or be longer. */
START_TEST(context_cuts_what_no_longer_fits)
{
    const size_t room = sizeof((struct mt_err *)NULL)->text - 1;

    for (size_t n = room - 5; n <= room; n++) {
        struct mt_err err = MT_ERR_INIT;
        char *text = long_text(n);

        mt_fail(&err, MT_INVALID, "%s", text);
        mt_context(&err, "abc");
        ck_assert_int_eq(strncmp(err.text, "abc: xxx", 8), 0);
        ck_assert_uint_eq(strlen(err.text), room);
        ck_assert_str_eq(err.text + room - 3, n + 5 > room ? "..." : "xxx");
        free(text);
    }
}
END_TEST

START_TEST(a_context_is_not_repeated)
{
    struct mt_err err = MT_ERR_INIT;

    mt_fail(&err, MT_DAMAGED, "a.mtc: damaged");
    ck_assert_int_eq(mt_context(&err, "%s", "a.mtc"), MT_DAMAGED);
    ck_assert_str_eq(err.text, "a.mtc: damaged");
    mt_context(&err, "a");
    ck_assert_str_eq(err.text, "a: a.mtc: damaged");
    mt_context(&err, "a: a.mtc: dam");
    ck_assert_str_eq(err.text, "a: a.mtc: dam: a: a.mtc: damaged");
}
END_TEST

START_TEST(long_contexts_leave_room_for_the_cause)
{
    struct mt_err err = MT_ERR_INIT;
    char *text = long_text(100000);

    mt_fail(&err, MT_INVALID, "the cause");
    mt_context(&err, "%s", text);
    ck_assert_ptr_nonnull(strstr(err.text, "x: the cause"));
    for (int i = 0; i < 8; i++) {
        text[0] = (char)('a' + i);
        mt_context(&err, "%s", text);
    }
    ck_assert_uint_lt(strlen(err.text), sizeof err.text);
    free(text);
}
END_TEST

Suite *status_suite(void);

Suite *status_suite(void)
{
    Suite *s = suite_create("status");
    TCase *t = tcase_create("core");

    tcase_add_test(t, fail_writes_the_message_and_returns_the_status);
#ifndef NDEBUG
    tcase_add_loop_test_raise_signal(t, err_is_never_null, SIGABRT, 0, 4);
#endif
    tcase_add_test(t, long_messages_are_cut_and_say_so);
    tcase_add_test(t, exhausted_memory_has_its_own_status);
    tcase_add_test(t, errno_names_the_file_the_act_and_the_cause);
    tcase_add_test(t, context_goes_in_front);
    tcase_add_test(t, context_cuts_what_no_longer_fits);
    tcase_add_test(t, a_context_is_not_repeated);
    tcase_add_test(t, long_contexts_leave_room_for_the_cause);
    suite_add_tcase(s, t);
    return s;
}
