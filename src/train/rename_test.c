#include <check.h>
#include <string.h>

#include "train/transfer.h"

static void renames(const char *from, const char *to, const char *name,
                    const char *expect)
{
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_rename r = { from, to };
    const char *got;

    ck_assert_msg(mt_rename_check(&r, &err) == MT_OK, "%s", err.text);
    got = mt_rename_apply(&r, name, &arena);
    if (expect)
        ck_assert_msg(got && strcmp(got, expect) == 0, "%s=%s on %s: %s", from,
                      to, name, got ? got : "(no match)");
    else
        ck_assert_msg(!got, "%s=%s on %s: %s", from, to, name, got);
    mt_arena_free(&arena);
}

START_TEST(matches)
{
    renames("a", "b", "a", "b");
    renames("a", "b", "aa", NULL);
    renames("a", "b", "", NULL);
    renames("*", "x.*", "fc1.weight", "x.fc1.weight");
    renames("*", "*", "", "");
    renames("*.weight", "body.*.w", "fc1.weight", "body.fc1.w");
    renames("*.weight", "body.*.w", "a.b.weight", "body.a.b.w");
    renames("*.*", "*-*", "a.b.c", "a-b.c"); /* the shortest first */
    renames("*.*.weight", "*.*", "a.b.c.weight", "a.b.c");
    renames("a*b*c", "[*][*]", "aXbYbZc", "[X][YbZ]");
    renames("*ab", "*", "aab", "a");
    renames("*", "gone", "x", "gone");
    renames("layer?.*", "l.*", "layer7.w", "l.w");
    renames("layer?.*", "l.*", "layer10.w", NULL);
    renames("layer[0-4].*", "low.*", "layer3.w", "low.w");
    renames("layer[!0-4].*", "high.*", "layer3.w", NULL);
    renames("a[", "b", "a[", "b");
}
END_TEST

START_TEST(references)
{
    renames("*.*", "\\2.\\1", "a.b", "b.a");
    renames("*.*", "\\1\\1.*", "a.b", "aa.a"); /* * counts on its own */
    renames("*.*", "\\1.\\x", "a.b", "a.\\x");
    renames("*", "\\1\\", "a", "a\\");
}
END_TEST

START_TEST(checks)
{
    static const struct {
        struct mt_rename r;
        const char *what;
    } rows[] = {
        { { "a", "*" }, "which has 0" },
        { { "*", "*.*" }, "has 2 * for what \"*\" takes, which has 1" },
        { { "*.*", "\\3" }, "refers to * number 3" },
        { { "[*]", "*" }, "which has 0" },
        { { "*****************", "x" }, "at most 16" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_err err = MT_ERR_INIT;

        ck_assert_int_eq(mt_rename_check(&rows[i].r, &err), MT_INVALID);
        ck_assert_msg(strstr(err.text, rows[i].what) != NULL, "%s", err.text);
    }
}
END_TEST

/* A pattern that would take years if every * tried all lengths. */
START_TEST(no_explosion)
{
    char name[1024];

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    renames("*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", "x", name, NULL);
}
END_TEST

Suite *rename_suite(void);

Suite *rename_suite(void)
{
    Suite *suite = suite_create("rename");
    TCase *tc = tcase_create("rename");

    tcase_add_test(tc, matches);
    tcase_add_test(tc, references);
    tcase_add_test(tc, checks);
    tcase_add_test(tc, no_explosion);
    suite_add_tcase(suite, tc);
    return suite;
}
