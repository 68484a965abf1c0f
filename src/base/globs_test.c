#include "base/globs.h"

#include <check.h>
#include <fnmatch.h>
#include <stdio.h>

static const char *const globs[] = { "fc1.weight", "*.bias", "fc?.weight",
                                     "fc1.bias",   "a\\*",   "fc1.weight",
                                     "[ab]",       "a",      "",
                                     "*.*.*" };
static const char *const names[] = { "fc1.weight", "fc2.weight", "fc1.bias",
                                     "a*",         "a\\*",       "a",
                                     "b",          "c",          "",
                                     "x.y.z",      "fc10.weight" };

enum {
    N_GLOBS = sizeof globs / sizeof *globs,
    N_NAMES = sizeof names / sizeof *names,
};

/* With all globs from each one on; every two have the same number. */
START_TEST(the_first_that_matches_is_found)
{
    for (size_t from = 0; from <= N_GLOBS; from++) {
        struct mt_globs g = MT_GLOBS_INIT;

        for (size_t i = from; i < N_GLOBS; i++)
            ck_assert(mt_globs_add(&g, globs[i], i / 2));
        for (size_t n = 0; n < N_NAMES; n++) {
            size_t want = SIZE_MAX;

            for (size_t i = N_GLOBS; i-- > from;) {
                if (fnmatch(globs[i], names[n], 0) == 0)
                    want = i / 2;
            }
            ck_assert_uint_eq(mt_globs_find(&g, names[n]), want);
        }
        mt_globs_free(&g);
    }
}
END_TEST

START_TEST(many_names_are_found)
{
    enum { MANY = 1000 };
    static char text[MANY][16];
    struct mt_globs g = MT_GLOBS_INIT;

    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "l%zu", i);
        ck_assert(mt_globs_add(&g, text[i], i));
    }
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(mt_globs_find(&g, text[i]), i);
    ck_assert_uint_eq(mt_globs_find(&g, "l1000"), SIZE_MAX);
    mt_globs_free(&g);
}
END_TEST

Suite *globs_suite(void);

Suite *globs_suite(void)
{
    Suite *s = suite_create("globs");
    TCase *t = tcase_create("core");

    tcase_add_test(t, the_first_that_matches_is_found);
    tcase_add_test(t, many_names_are_found);
    suite_add_tcase(s, t);
    return s;
}
