/* Every reason has a text of its own. */
#include <check.h>
#include <string.h>

#include "train/reason.h"

Suite *reason_suite(void);

START_TEST(texts)
{
    ck_assert_str_eq(mt_reason_text(MT_NO_REASON), "");
    for (int i = MT_NO_REASON + 1; i < MT_REASONS; i++) {
        const char *text = mt_reason_text((enum mt_reason)i);

        ck_assert_msg(text && *text, "reason %d has no text", i);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(text, mt_reason_text((enum mt_reason)k));
    }
}
END_TEST

Suite *reason_suite(void)
{
    Suite *suite = suite_create("reason");
    TCase *reasons = tcase_create("reasons");

    tcase_add_test(reasons, texts);
    suite_add_tcase(suite, reasons);
    return suite;
}
