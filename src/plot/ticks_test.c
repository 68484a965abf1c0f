#include "plot/ticks.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mt_scale scale_of(bool log, bool whole, double a, double b)
{
    struct mt_scale s;

    mt_scale_start(&s, log, whole);
    mt_scale_add(&s, a);
    mt_scale_add(&s, b);
    mt_scale_close(&s, 0);
    return s;
}

/* The texts, separated by blanks. */
static const char *texts(const struct mt_ticks *t)
{
    static char out[4096];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < t->n; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? " " : "",
                              mt_tick_text(&t->tick[i]).text);
    return out;
}

START_TEST(texts_are_round)
{
    static const struct {
        bool log, whole;
        double lo, hi;
        size_t max;
        const char *texts;
    } rows[] = {
        { false, false, 0, 1, 6, "0 0.2 0.4 0.6 0.8 1.0" },
        { false, false, 0, 1, 3, "0 0.5 1.0" },
        { false, false, 0.13, 0.71, 6, "0.2 0.3 0.4 0.5 0.6 0.7" },
        { false, false, -1, 1, 5, "-1.0 -0.5 0 0.5 1.0" },
        { false, false, -0.07, 0.02, 5, "-0.06 -0.04 -0.02 0 0.02" },
        { false, false, 0, 100000, 3, "0 50000 100000" },
        { false, false, 0, 3e6, 4, "0 1e6 2e6 3e6" },
        { false, false, 0, 1.5e7, 4, "0 0.5e7 1.0e7 1.5e7" },
        { false, false, 0, 3e-7, 4, "0 1e-7 2e-7 3e-7" },
        { false, false, 1e-5, 4e-5, 4, "0.00001 0.00002 0.00003 0.00004" },
        { false, false, 1000000.1, 1000000.4, 4,
          "1.0000001e6 1.0000002e6 1.0000003e6 1.0000004e6" },
        { false, true, 0.5, 3.5, 10, "1 2 3" },
        { false, true, 1, 30, 6, "5 10 15 20 25 30" },
        { false, true, 0, 1e7, 3, "0 0.5e7 1.0e7" },
        { true, false, 0.001, 1000, 7, "0.001 0.01 0.1 1 10 100 1000" },
        { true, false, 0.001, 1000, 4, "0.01 1 100" },
        { true, false, 0.09, 2.9, 6, "0.1 0.2 0.5 1 2" },
        { true, false, 0.09, 2.9, 4, "0.1 0.3 1" },
        { true, false, 1e-9, 1, 4, "1e-5 1" },
        { true, false, 1e-9, 1e-6, 5, "1e-9 1e-8 1e-7 1e-6" },
        { true, false, 2e-9, 9e-9, 5, "2e-9 4e-9 6e-9 8e-9" },
        { true, false, 0.31, 0.44, 4, "0.35 0.40" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_scale s = scale_of(rows[i].log, rows[i].whole, rows[i].lo,
                                     rows[i].hi);
        struct mt_ticks ticks;

        mt_ticks_choose(&s, rows[i].max, &ticks);
        ck_assert_msg(strcmp(texts(&ticks), rows[i].texts) == 0,
                      "row %zu: \"%s\", expected \"%s\"", i, texts(&ticks),
                      rows[i].texts);
    }
}
END_TEST

START_TEST(minor_ticks_fill_each_power)
{
    struct mt_scale s = scale_of(true, false, 1, 100);
    struct mt_ticks ticks;

    mt_ticks_choose(&s, 3, &ticks);
    ck_assert_str_eq(texts(&ticks), "1 10 100");
    ck_assert_uint_eq(ticks.n_minor, 16);
    ck_assert_double_eq(ticks.minor[0], 2);
    ck_assert_double_eq(ticks.minor[15], 90);
}
END_TEST

/* Texts give the right values; ticks ascend, lie on the axis, and are no more
 * than asked for. */
static void check_ticks(const struct mt_scale *s, size_t max)
{
    struct mt_ticks ticks;

    mt_ticks_choose(s, max, &ticks);
    ck_assert_uint_le(ticks.n, max);
    for (size_t i = 0; i < ticks.n; i++) {
        const char *text = mt_tick_text(&ticks.tick[i]).text;
        double value = ticks.tick[i].value, at = mt_scale_at(s, value);

        ck_assert_msg(strtod(text, NULL) == value, "%s is %.17g", text, value);
        ck_assert_msg(at > -1e-6 && at < 1 + 1e-6, "%s is at %g", text, at);
        ck_assert(i == 0 || ticks.tick[i - 1].value < value);
    }
}

START_TEST(any_range_has_ticks)
{
    static const double ends[] = { -DBL_MAX, -1e9, -3.7, -1e-300, 0, 5e-324,
                                   1e-300, 1e-7, 0.003, 0.1, 1, 1.0001, 7,
                                   99.5, 123456, 1e9, 1e300, DBL_MAX };
    const size_t n = sizeof ends / sizeof *ends;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = i; k < n; k++) {
            for (size_t max = 2; max < 40; max += 3) {
                struct mt_scale s = scale_of(false, false, ends[i], ends[k]);

                check_ticks(&s, max);
                s = scale_of(false, true, ends[i], ends[k]);
                check_ticks(&s, max);
                s = scale_of(true, false, ends[i], ends[k]);
                check_ticks(&s, max);
            }
        }
    }
}
END_TEST

START_TEST(there_are_enough)
{
    unsigned state = 7;

    for (int i = 0; i < 3000; i++) {
        struct mt_scale s;
        struct mt_ticks ticks;

        state = state * 1103515245u + 12345u;
        double lo = (double)(state >> 8) / 65536;
        state = state * 1103515245u + 12345u;
        s = scale_of(false, false, lo, lo + 1e-3 + (double)(state >> 8) / 999);
        mt_ticks_choose(&s, 8, &ticks);
        ck_assert_uint_ge(ticks.n, 3);
    }
}
END_TEST

Suite *ticks_suite(void);
Suite *ticks_suite(void)
{
    Suite *s = suite_create("ticks");
    TCase *t = tcase_create("core");

    tcase_add_test(t, texts_are_round);
    tcase_add_test(t, minor_ticks_fill_each_power);
    tcase_add_test(t, any_range_has_ticks);
    tcase_add_test(t, there_are_enough);
    suite_add_tcase(s, t);
    return s;
}
