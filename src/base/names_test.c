#include "base/names.h"

#include <check.h>
#include <stdio.h>

enum { MANY = 1000 };

static char text[MANY][8];

static size_t looked_at;

static const char *name_of(const void *ctx, size_t i)
{
    (void)ctx;
    looked_at++;
    return text[i];
}

START_TEST(finds_what_was_added)
{
    struct mt_names t = MT_NAMES_INIT;

    ck_assert_uint_eq(mt_names_find(&t, "n0", name_of, NULL), SIZE_MAX);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "n%zu", i);
        ck_assert(mt_names_add(&t, name_of, NULL));
        ck_assert_uint_ge(t.size, 2 * t.n);
    }
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(mt_names_find(&t, text[i], name_of, NULL), i);
    ck_assert_uint_eq(mt_names_find(&t, "n1000", name_of, NULL), SIZE_MAX);
    ck_assert_uint_eq(mt_names_find(&t, "", name_of, NULL), SIZE_MAX);
    mt_names_free(&t);
    ck_assert_uint_eq(mt_names_find(&t, "n0", name_of, NULL), SIZE_MAX);
}
END_TEST

START_TEST(the_first_of_a_name_counts)
{
    struct mt_names t = MT_NAMES_INIT;

    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "n%zu", i % 300);
        ck_assert(mt_names_add(&t, name_of, NULL));
    }
    for (size_t i = 0; i < 300; i++)
        ck_assert_uint_eq(mt_names_find(&t, text[i], name_of, NULL), i);
    mt_names_free(&t);
}
END_TEST

/* Names that all fall on one slot with FNV-1a, the usual hash. */
START_TEST(names_made_to_collide)
{
    struct mt_names t = MT_NAMES_INIT;
    unsigned next = 0;

    for (size_t i = 0; i < MANY; i++) {
        uint64_t hash;

        do {
            hash = 0xcbf29ce484222325u;
            snprintf(text[i], sizeof text[i], "%x", next++);
            for (const char *p = text[i]; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
        } while ((hash ^ hash >> 32) & 2047);
        ck_assert(mt_names_add(&t, name_of, NULL));
    }
    looked_at = 0;
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(mt_names_find(&t, text[i], name_of, NULL), i);
    ck_assert_uint_le(looked_at, 4 * MANY);
    mt_names_free(&t);
}
END_TEST

Suite *names_suite(void);

Suite *names_suite(void)
{
    Suite *s = suite_create("names");
    TCase *tc = tcase_create("names");

    tcase_add_test(tc, finds_what_was_added);
    tcase_add_test(tc, the_first_of_a_name_counts);
    tcase_add_test(tc, names_made_to_collide);
    suite_add_tcase(s, tc);
    return s;
}
