#include "data/csvdialect.h"

#include <check.h>
#include <string.h>

static const struct mt_csv_dialect comma = { ';', ',', 0, 0 },
                                   english = { ';', '.', ',', 0 },
                                   european = { ';', ',', '.', 0 },
                                   spaces = { ';', '.', ' ', 0 };

START_TEST(numbers)
{
    static const struct {
        const struct mt_csv_dialect *dialect;
        const char *text;
        double value; /* -1: it is none */
    } rows[] = {
        { &mt_csv_plain, "1234.5", 1234.5 },
        { &mt_csv_plain, "1,234.5", -1 },
        { &comma, "1,5", 1.5 },
        { &comma, " +0,25e2 ", 25 },
        { &comma, "12", 12 },
        { &comma, "1.5", -1 },
        { &comma, "1,2,3", -1 },
        { &comma, "1,2.3", -1 },
        { &english, "1,234,567.5", 1234567.5 },
        { &english, "387,333", 387333 },
        { &english, "387333", 387333 },
        { &english, "1,23", -1 },
        { &english, "1,2345", -1 },
        { &english, "1,234,56", -1 },
        { &english, "1234,567", -1 },
        { &english, ",123", -1 },
        { &english, "0.1,234", -1 },
        { &european, "1.234,5", 1234.5 },
        { &european, "1.234", 1234 },
        { &european, "13.97364", -1 },
        { &european, "1.5", -1 },
        { &spaces, "1 234 567", 1234567 },
        { &spaces, "1 2", -1 },
        { &european, "", -1 },
        { &european, "-", -1 },
        { &european, "NaN", -1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = -1;
        enum mt_number got = mt_csv_parse(rows[i].dialect, rows[i].text,
                                          strlen(rows[i].text), &v);

        ck_assert_msg((got == MT_NUMBER_OK) == (rows[i].value != -1) &&
                          v == rows[i].value,
                      "\"%s\": %g, expected %g", rows[i].text, v,
                      rows[i].value);
    }
}
END_TEST

START_TEST(advice)
{
    ck_assert_str_eq(mt_csv_advise("1,5", 3).text,
                     "; it is 1.5 with data.decimal: \",\"");
    ck_assert_str_eq(mt_csv_advise("1,234,567", 9).text,
                     "; it is 1234567 with data.thousands: \",\"");
    ck_assert_str_eq(mt_csv_advise("1.234,5", 7).text,
                     "; it is 1234.5 with data.decimal: \",\" and "
                     "data.thousands: \".\"");
    ck_assert_str_eq(mt_csv_advise("abc", 3).text, "");
}
END_TEST

Suite *csvdialect_suite(void);

Suite *csvdialect_suite(void)
{
    Suite *suite = suite_create("csvdialect");
    TCase *tc = tcase_create("csvdialect");

    tcase_add_test(tc, numbers);
    tcase_add_test(tc, advice);
    suite_add_tcase(suite, tc);
    return suite;
}
