#include "base/nearest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(distance_is_optimal_string_alignment)
{
    static const struct {
        const char *a, *b;
        size_t d;
    } rows[] = {
        { "", "", 0 },
        { "abc", "abc", 0 },
        { "", "abc", 3 },
        { "abc", "", 3 },
        { "kitten", "sitting", 3 },
        { "ab", "ba", 1 },
        { "ca", "abc", 3 }, /* 2 without the restriction of OSA */
        { "flaw", "lawn", 2 },
        { "Adam", "adam", 1 },
        { "out_feature", "out_features", 1 },
        { "lerning_rate", "learning_rate", 1 },
        { "abcdef", "badcfe", 3 },
        { "aaaa", "aa", 2 },
        { "xaby", "xbay", 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_uint_eq(mt_edit_distance(rows[i].a, rows[i].b), rows[i].d);
        ck_assert_uint_eq(mt_edit_distance(rows[i].b, rows[i].a), rows[i].d);
    }
}
END_TEST

/* The definition, without shortcuts, to compare with. */
static size_t slow_distance(const char *a, size_t i, const char *b, size_t j)
{
    size_t d, other;

    if (!i || !j)
        return i + j;
    d = slow_distance(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]);
    other = slow_distance(a, i - 1, b, j) + 1;
    d = other < d ? other : d;
    other = slow_distance(a, i, b, j - 1) + 1;
    d = other < d ? other : d;
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        other = slow_distance(a, i - 2, b, j - 2) + 1;
        d = other < d ? other : d;
    }
    return d;
}

START_TEST(distance_agrees_with_the_definition)
{
    unsigned state = 1;

    for (int round = 0; round < 500; round++) {
        char text[2][7] = { "", "" };

        for (int k = 0; k < 2; k++) {
            state = state * 1103515245u + 12345u;
            size_t n = (state >> 16) % 7;

            for (size_t i = 0; i < n; i++) {
                state = state * 1103515245u + 12345u;
                text[k][i] = (char)('a' + (state >> 16) % 3);
            }
        }
        ck_assert_uint_eq(
            mt_edit_distance(text[0], text[1]),
            slow_distance(text[0], strlen(text[0]), text[1], strlen(text[1])));
    }
}
END_TEST

static const char *const keys[] = { "out_features", "in_features", "bias",
                                    "kernel_size",  "padding",     "p",
                                    "lr",           "Adam",        "AdamW" };

START_TEST(nearest_finds_what_was_meant)
{
    static const struct {
        const char *name, *near;
    } rows[] = {
        { "out_feature", "out_features" },
        { "outfeatures", "out_features" },
        { "infeatures", "in_features" },
        { "in_fetaures", "in_features" },
        { "bais", "bias" },
        { "BIAS", "bias" },
        { "Bia", "bias" },
        { "kernel", "kernel_size" },
        { "KERNEL", "kernel_size" },
        { "kernelsize", "kernel_size" },
        { "padding_mode", "padding" },
        { "P", "p" },
        { "rl", "lr" },
        { "adam", "Adam" },
        { "adamw", "AdamW" },
        { "bias", "bias" },
        { "stride", NULL },
        { "x", NULL },
        { "q", NULL },
        { "", NULL },
        { "momentum", NULL },
        { "lrxx", NULL },
        { "o", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *near =
            mt_nearest(rows[i].name, keys, sizeof keys / sizeof *keys);

        if (rows[i].near)
            ck_assert_pstr_eq(near, rows[i].near);
        else
            ck_assert_msg(!near, "%s: got %s", rows[i].name, near);
    }
}
END_TEST

START_TEST(nearest_breaks_ties)
{
    static const char *const by_case[] = { "RELU", "ReLU", "relu" };
    static const char *const equals[] = { "cat", "bat", "hat" };

    ck_assert_str_eq(mt_nearest("ReLu", by_case, 3), "ReLU");
    ck_assert_str_eq(mt_nearest("rat", equals, 3), "cat");
    ck_assert_ptr_null(mt_nearest("rat", equals, 0));
}
END_TEST

START_TEST(nearest_ignores_huge_names)
{
    size_t n = 2000000;
    char *huge = malloc(n + 1);

    ck_assert_ptr_nonnull(huge);
    memset(huge, 'b', n);
    huge[n] = '\0';
    const char *const candidates[] = { huge, "bias" };

    ck_assert_ptr_null(mt_nearest(huge, candidates, 2));
    ck_assert_str_eq(mt_nearest("bia", candidates, 2), "bias");
    free(huge);
}
END_TEST

Suite *nearest_suite(void);
Suite *nearest_suite(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tc = tcase_create("nearest");

    tcase_add_test(tc, distance_is_optimal_string_alignment);
    tcase_add_test(tc, distance_agrees_with_the_definition);
    tcase_add_test(tc, nearest_finds_what_was_meant);
    tcase_add_test(tc, nearest_breaks_ties);
    tcase_add_test(tc, nearest_ignores_huge_names);
    suite_add_tcase(suite, tc);
    return suite;
}
