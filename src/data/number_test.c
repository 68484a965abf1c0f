#include "data/number.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/number_short.h"

static size_t decimals; /* that mt_number_decimal has read */

static void same_decimal(const char *padded, size_t n, double expected)
{
    struct mt_short s;
    double v;

    if (n > MT_DECIMAL || !mt_number_decimal(padded, n, &s))
        return;
    ck_assert(s.digits <= UINT64_C(1) << 53 && s.places <= 15);
    v = (double)s.digits / pow(10, s.places);
    ck_assert_msg((s.minus ? -v : v) == expected, "%.*s", (int)n, padded);
    decimals++;
}

/* The results of strtod in the C locale are the reference. */
static void same_as_libc(const char *text)
{
    double d = -1, want_d = strtod(text, NULL);
    enum mt_number in_f32 =
        isinf((float)want_d) ? MT_NUMBER_TOO_LARGE : MT_NUMBER_OK;

    ck_assert_int_eq(mt_number_in_f32(text, strlen(text), &d), in_f32);
    if (strlen(text) < 64) {
        char padded[72] = "";
        double p = -1;

        strcpy(padded, text);
        memset(padded + strlen(text), '7', 8);
        ck_assert_int_eq(mt_number_padded(padded, strlen(text), &p), in_f32);
        ck_assert(in_f32 != MT_NUMBER_OK || !memcmp(&p, &d, sizeof d));
        same_decimal(padded, strlen(text), want_d);
    }
    if (isinf(want_d)) {
        ck_assert_int_eq(mt_number_f64(text, strlen(text), &d),
                         MT_NUMBER_TOO_LARGE);
    } else {
        ck_assert_int_eq(mt_number_f64(text, strlen(text), &d), MT_NUMBER_OK);
        ck_assert_msg(!memcmp(&d, &want_d, sizeof d), "%s: %a, expected %a",
                      text, d, want_d);
    }
}

START_TEST(test_values)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "+1",
        "1.",
        ".5",
        "-.5e1",
        "0.1",
        "123456789",
        "16777217",
        "16777219",
        "1e10",
        "1E+22",
        "1e23",
        "9007199254740993",
        "1.17549435e-38",
        "1e-45",
        "7e-46",
        "7.1e-46",
        "1e-400",
        "3.4028235e38",
        "3.4028236e38",
        "3.402823567797336e38",
        "3.4028235677973366e38",
        "1e39",
        "1e309",
        "1e999999999999",
        "1e-999999999999",
        "0e999999999999",
        "0000000000000000000000000000001.5",
        "99999999999999999999999999999999",
        "18446744073709551616",
        "0.000000000000000000000000000000000001",
        /* 1 + 2^-24 is the middle between two floats; then just above it */
        "1.000000059604644775390625",
        "1.00000005960464477539062500000000000000000000000001",
        "1.00000005960464477539062499999999999999999999999999",
        "1.00000005960464480000",
        "0.50000002980232238769531250",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        same_as_libc(texts[i]);
}
END_TEST

START_TEST(test_random)
{
    struct mt_philox_key key = mt_philox_key(1, "test", "number");
    char text[64];

    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t w[4];
        float f;

        mt_philox_block(key, 0, i, w);
        memcpy(&f, &w[0], sizeof f);
        snprintf(text, sizeof text, "%.*g", (int)(w[1] % 20 + 1), (double)f);
        if (isfinite(f))
            same_as_libc(text);
        snprintf(text, sizeof text, "%s%u.%0*ue%d", w[3] & 1 ? "-" : "", w[0],
                 (int)(w[2] % 12), w[1], (int)(w[2] >> 8) % 48 - 24);
        same_as_libc(text);
        snprintf(text, sizeof text, "%d.%03u", (int)(w[1] % 2000) - 1000,
                 w[2] % 1000);
        same_as_libc(text);
        snprintf(text, sizeof text, "%s%.*s.%.*s", w[3] & 1 ? "-" : "",
                 (int)(w[3] >> 1) % 9, "98765432109", (int)(w[3] >> 5) % 12,
                 "012345678901");
        if (text[1] && strcmp(text, "-."))
            same_as_libc(text);
    }
}
END_TEST

/* 13 to 19 digits, with the point or the exponent anywhere; and midpoints
 * between two doubles, and their neighbours. */
START_TEST(test_digits)
{
    struct mt_philox_key key = mt_philox_key(1, "test", "digits");
    char text[64];

    decimals = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t w[4];
        uint64_t n;
        int digits, point, shift;

        mt_philox_block(key, 0, i, w);
        n = (uint64_t)w[0] << 32 | w[1];
        digits = snprintf(text, sizeof text, "%llu",
                          (unsigned long long)(n >> w[2] % 20));
        snprintf(text + digits, sizeof text - (size_t)digits, "e%d",
                 (int)(w[3] % 64) - 32);
        same_as_libc(text);
        text[digits] = '\0';
        point = (int)(w[3] >> 6) % digits;
        memmove(text + point + 1, text + point, (size_t)(digits - point) + 1);
        text[point] = '.';
        same_as_libc(text);
        shift = (int)(w[2] % 10);
        n = ((UINT64_C(1) << 52 | (n & 0xfffffffffffff)) << 1 | 1) << shift;
        snprintf(text, sizeof text, "%llu%s",
                 (unsigned long long)(n + (uint64_t)(w[3] % 3) - 1),
                 w[3] & 64 ? "" : "e-7");
        same_as_libc(text);
        snprintf(text, sizeof text, "%llu.%03u",
                 (unsigned long long)(n >> shift) / 8,
                 (unsigned)((n >> shift) % 8 * 125 + w[3] / 128 % 3 - 1) %
                     1000);
        same_as_libc(text);
    }
    ck_assert_uint_gt(decimals, 10000);
}
END_TEST

/* More digits than any buffer. */
START_TEST(test_long)
{
    enum { N = 5000 };
    char text[N + 20];
    double f;

    memset(text, '0', N);
    memcpy(text, "1.000000059604644775390625", 26);
    text[N] = '\0';
    same_as_libc(text);
    text[N - 1] = '1';
    same_as_libc(text);
    memset(text, '0', N);
    memcpy(text, "0.", 2);
    snprintf(text + N, 20, "25e%d", N);
    ck_assert_int_eq(mt_number_in_f32(text, strlen(text), &f), MT_NUMBER_OK);
    ck_assert(f == 25);
    memset(text, '9', N);
    snprintf(text + N, 20, "e-%d", N);
    ck_assert_int_eq(mt_number_in_f32(text, strlen(text), &f), MT_NUMBER_OK);
    ck_assert(f == 1);
}
END_TEST

/* [-]digits[.digits], one digit or more, the point anywhere */
static bool is_plain(const char *text)
{
    size_t before, after = 0;

    text += *text == '-';
    before = strspn(text, "0123456789");
    text += before;
    if (*text == '.')
        after = strspn(++text, "0123456789");
    return before + after > 0 && !text[after];
}

static void check_short(const char *text)
{
    struct mt_short s;
    char padded[16];
    size_t n = strlen(text);
    bool is = is_plain(text);

    memset(padded, '.', sizeof padded);
    memcpy(padded, text, n);
    ck_assert_msg(mt_short_parse(mt_short_load(padded), n, &s) == is, "%s",
                  text);
    if (!is)
        return;
    ck_assert_msg(fabs(strtod(text, NULL)) ==
                      (double)s.digits / pow(10, (double)s.places),
                  "%s", text);
    ck_assert_uint_eq(s.minus, *text == '-');
    same_as_libc(text);
}

/* All texts of up to five of these characters, which are next to digits and
 * signs, or differ from them in a bit; and texts of six to eight. */
START_TEST(test_short)
{
    static const char some[] = "09-.,/:e \xb0";
    enum { N = sizeof some - 1 };
    char text[9];

    for (size_t n = 1, all = N; n <= 5; n++, all *= N)
        for (size_t i = 0; i < all; i++) {
            size_t rest = i;

            for (size_t k = 0; k < n; k++, rest /= N)
                text[k] = some[rest % N];
            text[n] = '\0';
            check_short(text);
        }
    for (uint32_t i = 0; i < 100000; i++) {
        size_t n = 6 + i % 3;
        uint32_t w[4];

        mt_philox_block(mt_philox_key(1, "test", "short"), 0, i, w);
        for (size_t k = 0; k < n; k++)
            text[k] = (char)('0' + (w[k / 3] >> (k % 3 * 8)) % 10);
        text[n] = '\0';
        text[0] = w[3] & 1 ? '-' : text[0];
        if (w[3] & 2)
            text[w[3] / 64 % n] = '.';
        if (!(w[3] >> 2 & 7))
            text[w[3] / 1024 % n] = (char)(1 + (w[3] >> 20) % 255);
        check_short(text);
    }
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *text;
        enum mt_number result;
    } rows[] = {
        { "", MT_NUMBER_EMPTY },
        { "  \t", MT_NUMBER_EMPTY },
        { "abc", MT_NUMBER_BAD },
        { "1x", MT_NUMBER_BAD },
        { "0x10", MT_NUMBER_BAD },
        { "1,5", MT_NUMBER_BAD },
        { "1e", MT_NUMBER_BAD },
        { "1e+", MT_NUMBER_BAD },
        { ".", MT_NUMBER_BAD },
        { "-", MT_NUMBER_BAD },
        { "+-1", MT_NUMBER_BAD },
        { "1 2", MT_NUMBER_BAD },
        { "1.2.3", MT_NUMBER_BAD },
        { "1_000", MT_NUMBER_BAD },
        { "e5", MT_NUMBER_BAD },
        { "nan", MT_NUMBER_SPECIAL },
        { "-NaN", MT_NUMBER_SPECIAL },
        { "Inf", MT_NUMBER_SPECIAL },
        { " -infinity ", MT_NUMBER_SPECIAL },
        { "nano", MT_NUMBER_BAD },
        { "1e39", MT_NUMBER_TOO_LARGE },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double f = 7;

        ck_assert_msg(mt_number_in_f32(rows[i].text, strlen(rows[i].text), &f) ==
                          rows[i].result,
                      "\"%s\"", rows[i].text);
        ck_assert(f == 7);
    }
}
END_TEST

START_TEST(test_bounds)
{
    double f;

    ck_assert_int_eq(mt_number_in_f32(" 42 ", 4, &f), MT_NUMBER_OK);
    ck_assert(f == 42);
    /* Nothing after n characters is read. */
    ck_assert_int_eq(mt_number_in_f32("123456", 3, &f), MT_NUMBER_OK);
    ck_assert(f == 123);
    ck_assert_int_eq(mt_number_in_f32("1e5", 1, &f), MT_NUMBER_OK);
    ck_assert(f == 1);
    ck_assert_int_eq(mt_number_in_f32("1\0"
                                   "2",
                                   3, &f),
                     MT_NUMBER_BAD);
}
END_TEST

Suite *number_suite(void);

Suite *number_suite(void)
{
    Suite *suite = suite_create("number");
    TCase *tc = tcase_create("number");

    tcase_add_test(tc, test_values);
    tcase_add_test(tc, test_random);
    tcase_add_test(tc, test_digits);
    tcase_add_test(tc, test_long);
    tcase_add_test(tc, test_short);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_bounds);
    suite_add_tcase(suite, tc);
    return suite;
}
