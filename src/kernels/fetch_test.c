#include <check.h>

#include "kernels/fetch.h"

/* Every cache line of all runs is asked for, in order, and then the tile's own
 * operand. */
START_TEST(all_lines_are_asked_for)
{
    enum { STEPS = 7, TILES = 11, LINE = 16 };
    static float first[100 * LINE], second[3 * LINE], own[1];
    struct mt_fetch a = { .n = 0 };
    const float *next = first;

    mt_fetch_add(&a, first, 100 * LINE);
    mt_fetch_add(&a, NULL, 5);
    mt_fetch_add(&a, second, 3 * LINE);
    ck_assert_uint_eq(a.n, 2);
    mt_fetch_begin(&a, STEPS * TILES);
    for (int i = 0; i < TILES + 1; i++) {
        struct mt_soon soon = mt_fetch_take(&a, STEPS, own);

        if (soon.at == second)
            next = second;
        if (soon.pace == 0)
            break;
        ck_assert_ptr_eq(soon.at, next);
        next = soon.at + STEPS * soon.pace;
    }
    ck_assert(next >= second + 3 * LINE);
    ck_assert_ptr_eq(mt_fetch_take(&a, STEPS, own).at, own);
    ck_assert_uint_eq(mt_fetch_take(&a, STEPS, own).pace, 0);
}
END_TEST

START_TEST(nothing_ahead)
{
    static const float own[1] = { 0 };
    struct mt_fetch a = { .n = 0 };

    mt_fetch_begin(&a, 0);
    ck_assert_ptr_eq(mt_fetch_take(&a, 5, own).at, own);
    ck_assert_uint_eq(mt_fetch_take(&a, 5, own).pace, 0);
}
END_TEST

Suite *fetch_suite(void);

Suite *fetch_suite(void)
{
    Suite *s = suite_create("fetch");
    TCase *t = tcase_create("core");

    tcase_add_test(t, all_lines_are_asked_for);
    tcase_add_test(t, nothing_ahead);
    suite_add_tcase(s, t);
    return s;
}
