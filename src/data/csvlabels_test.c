#include "data/csvlabels.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/philox.h"

/* Recalls what was remembered last for the same text; texts that begin or end
 * alike differ. */
START_TEST(test_recall)
{
    enum { TEXTS = 400 };
    static int32_t meaning[TEXTS];
    char texts[TEXTS][32];
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_labels labels;
    size_t known = 0;
    uint32_t index;

    memset(texts, 0, sizeof texts);
    for (size_t i = 0; i < TEXTS; i++)
        snprintf(texts[i], sizeof texts[i], "%.*s%zu", (int)(i % 18),
                 "aaaaaaaaaaaaaaaaaa", i % 40);
    mt_labels_init(&labels, &arena);
    ck_assert_int_eq(mt_labels_recall(&labels, texts[1], 2), -1);
    ck_assert_int_eq(mt_labels_add(&labels, "a", 1, &index), MT_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t w = mt_philox_word(mt_philox_key(1, "test", "labels"), 0, i);
        size_t t = w % TEXTS, n = strlen(texts[t]), same = 0;
        int32_t got = mt_labels_recall(&labels, texts[t], n);

        while (strcmp(texts[same], texts[t]))
            same++;
        if (got >= 0) {
            ck_assert_uint_le(n, 16);
            ck_assert_int_eq(got, meaning[same]);
            known++;
        }
        meaning[same] = (int32_t)i;
        mt_labels_remember(&labels, texts[t], n, (int32_t)i);
        ck_assert_int_eq(mt_labels_recall(&labels, texts[t], n),
                         n <= 16 ? (int32_t)i : -1);
    }
    ck_assert_uint_gt(known, 1000);
    ck_assert_int_eq(mt_labels_recall(&labels, texts[0], 0), -1);
    mt_labels_remember(&labels, "1234567\0", 7, 3);
    ck_assert_int_eq(mt_labels_finish(&labels), MT_OK);
    ck_assert_int_eq(mt_labels_recall(&labels, "1234567\0", 7), -1);
    mt_labels_free(&labels);
    mt_arena_free(&arena);
}
END_TEST

Suite *csvlabels_suite(void);

Suite *csvlabels_suite(void)
{
    Suite *suite = suite_create("csvlabels");
    TCase *tc = tcase_create("csvlabels");

    tcase_add_test(tc, test_recall);
    suite_add_tcase(suite, tc);
    return suite;
}
