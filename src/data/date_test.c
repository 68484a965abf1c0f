#include "data/date.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

/* Seconds by Python's datetime. */
static const struct {
    const char *text;
    double seconds;
    bool time;
} dates[] = {
    { "1970-01-01", 0.0, false },
    { "2024-02-29", 1709164800.0, false },
    { "2000-02-29", 951782400.0, false },
    { "1949-12", -633830400.0, false },
    { " 1899-03-01\t", -2235427200.0, false },
    { "0001-01-01", -62135596800.0, false },
    { "9999-12-31", 253402214400.0, false },
    { "2024-01-31T12:30", 1706704200.0, true },
    { "2024-01-31 12:30:15", 1706704215.0, true },
    { "2024-01-31t12:30:15.250z", 1706704215.25, true },
    { "2024-01-31 12:30:15,5 +02:30", 1706695215.5, true },
    { "2024-01-31T00:30-0200", 1706668200.0, true },
    { "2024-01-01T00:30+01", 1704065400.0, true },
    { "2024-01-31T24:00", 1706745600.0, true },
    { "2016-12-31T23:59:60Z", 1483228800.0, true },
};

START_TEST(dates_are_seconds)
{
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        double v = -1;
        bool time = false;

        ck_assert_msg(
            mt_date_parse(dates[i].text, strlen(dates[i].text), &v, &time),
            "%s", dates[i].text);
        ck_assert_msg(v == dates[i].seconds, "%s: %.17g", dates[i].text, v);
        ck_assert_msg(time == dates[i].time, "%s", dates[i].text);
    }
}
END_TEST

START_TEST(all_else_is_none)
{
    static const char *const texts[] = {
        "",
        "2024",
        "20240131",
        "2024-1-31",
        "2024-00-01",
        "2024-13-01",
        "2023-02-29",
        "1900-02-29",
        "2024-04-31",
        "2024-01-00",
        "0000-01-01",
        "2024-01-31T",
        "2024-01-31T12",
        "2024-01-31T12:60",
        "2024-01-31T25:00",
        "2024-01-31T24:01",
        "2024-01-31T12:30:",
        "2024-01-31T12:30:61",
        "2024-01-31T12:30:15.",
        "2024-01-31T12:30 ",
        "2024-01-31T12:30+",
        "2024-01-31T12:30+2",
        "2024-01-31T12:30+24:00",
        "2024-01-31x12:30",
        "2024-01-31T12:30Zx",
        "2024-01-",
        "2024/01/31",
        "31.01.2024",
        "0001-01-01T00:00+01:00",
    };
    double v;
    bool time;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool date = mt_date_parse(texts[i], strlen(texts[i]), &v, &time);

        /* spaces around it do not matter */
        ck_assert_msg(date == !strcmp(texts[i], "2024-01-31T12:30 "), "%s",
                      texts[i]);
    }
}
END_TEST

START_TEST(other_forms_are_recognised)
{
    static const char *const yes[] = { "01/02/2024", "1/2/24", "31.12.2024",
                                       "2024/01/31", "1-2-2024 12:30" };
    static const char *const no[] = { "1.2.3", "555-123-4567", "12/2024",
                                      "1/2/",  "a/b/c",        "1/2/2024x",
                                      "1.5",   "1/2/345" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        ck_assert_msg(mt_date_is_other(yes[i], strlen(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        ck_assert_msg(!mt_date_is_other(no[i], strlen(no[i])), "%s", no[i]);
}
END_TEST

/* Every day of 400 years, one after the other. */
START_TEST(days_run_through_their_years)
{
    int64_t day = -719162; /* 0001-01-01 */

    for (int year = 1; year <= 401; year++) {
        int n =
            year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365;

        for (int d = 0; d < n; d++, day++) {
            double t = (double)day * 86400;

            ck_assert(mt_date_of_year(t) == (double)d / n);
            ck_assert(mt_date_of_year(t + 86399.5) == (double)d / n);
        }
    }
    ck_assert(mt_date_of_day(-0.5) == 86399.5 / 86400);
    ck_assert(mt_date_of_day(43200) == 0.5);
}
END_TEST

Suite *date_suite(void);

Suite *date_suite(void)
{
    Suite *suite = suite_create("date");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, dates_are_seconds);
    tcase_add_test(tc, all_else_is_none);
    tcase_add_test(tc, other_forms_are_recognised);
    tcase_add_test(tc, days_run_through_their_years);
    suite_add_tcase(suite, tc);
    return suite;
}
