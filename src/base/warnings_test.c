#include "base/warnings.h"

#include <check.h>
#include <string.h>

Suite *warnings_suite(void);

START_TEST(in_order)
{
    struct mt_warnings list = MT_WARNINGS_INIT;
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    mt_warnings_add(&list, "data", "%d rows", 3);
    mt_warnings_add(&list, "loss", "%s", text);
    mt_warnings_add(&list, "loss", "%s", "");
    ck_assert(!list.failed);
    ck_assert_str_eq(list.first->about, "data");
    ck_assert_str_eq(list.first->text, "3 rows");
    ck_assert_str_eq(list.first->next->text, text);
    ck_assert_str_eq(list.last->text, "");
    ck_assert_ptr_eq(list.first->next->next, list.last);
    ck_assert_ptr_null(list.last->next);
    mt_warnings_free(&list);
    ck_assert_ptr_null(list.first);
    mt_warnings_free(&list);
}
END_TEST

Suite *warnings_suite(void)
{
    Suite *s = suite_create("warnings");
    TCase *t = tcase_create("warnings");

    tcase_add_test(t, in_order);
    suite_add_tcase(s, t);
    return s;
}
