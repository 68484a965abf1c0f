#include <check.h>

#include "kernels/fetch.h"

/* Every cache line of all blocks is prefetched, in order, and then the tile's
 * own operand. */
START_TEST(all_lines_are_prefetched)
{
    enum { STEPS = 7, TILES = 11, LINE = MT_FETCH_LINE };
    static float first[100 * LINE], second[3 * LINE], own[1];
    struct mt_fetch f = { .n = 0 };
    const float *next = first;

    mt_fetch_add(&f, first, 100 * LINE);
    mt_fetch_add(&f, NULL, 5);
    mt_fetch_add(&f, second, 3 * LINE);
    ck_assert_uint_eq(f.n, 2);
    mt_fetch_begin(&f, STEPS * TILES);
    for (int i = 0; i < TILES + 1; i++) {
        struct mt_soon soon = mt_fetch_take(&f, STEPS, own);

        if (soon.at == second)
            next = second;
        if (soon.pace == 0)
            break;
        ck_assert_ptr_eq(soon.at, next);
        next = soon.at + STEPS * soon.pace;
    }
    ck_assert(next >= second + 3 * LINE);
    ck_assert_ptr_eq(mt_fetch_take(&f, STEPS, own).at, own);
    ck_assert_uint_eq(mt_fetch_take(&f, STEPS, own).pace, 0);
}
END_TEST

/* A tile prefetches a row or a part of one; the next tile goes on from there.
 */
START_TEST(rows_are_prefetched_one_by_one)
{
    enum { ROWS = 3, N = 40, STRIDE = 1000, STEPS = 16 };
    static const float x[ROWS * STRIDE];
    struct mt_fetch f = { .n = 0 };
    size_t tiles[ROWS] = { 0 };

    mt_fetch_rows(&f, x, ROWS, N, STRIDE);
    mt_fetch_begin(&f, 10 * STEPS);
    for (size_t i = 0; i < 10 && f.now < f.n; i++) {
        struct mt_soon soon = mt_fetch_take(&f, STEPS, x);
        size_t at = (size_t)(soon.at - x);

        ck_assert_uint_lt(at % STRIDE, N);
        ck_assert_uint_eq(at % STRIDE, tiles[at / STRIDE] * STEPS * f.pace);
        tiles[at / STRIDE]++;
    }
    ck_assert_uint_eq(f.now, f.n);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_uint_ge(tiles[i] * STEPS * f.pace, N);
}
END_TEST

/* Rows without a gap are one. */
START_TEST(rows_in_one_piece_are_one_row)
{
    static const float x[64];
    struct mt_fetch f = { .n = 0 };

    mt_fetch_rows(&f, x, 4, 16, 16);
    ck_assert_uint_eq(f.block[0].rows, 1);
    ck_assert_uint_eq(f.block[0].n, 64);
}
END_TEST

/* What there is no room for is left out. */
START_TEST(blocks_are_limited)
{
    static const float x[16];
    struct mt_fetch f = { .n = 0 };

    for (size_t i = 0; i < MT_FETCH_BLOCKS + 2; i++)
        mt_fetch_add(&f, x, 16);
    ck_assert_uint_eq(f.n, MT_FETCH_BLOCKS);
}
END_TEST

START_TEST(nothing_to_fetch)
{
    static const float own[1] = { 0 };
    struct mt_fetch f = { .n = 0 };

    mt_fetch_begin(&f, 0);
    ck_assert_ptr_eq(mt_fetch_take(&f, 5, own).at, own);
    ck_assert_uint_eq(mt_fetch_take(&f, 5, own).pace, 0);
}
END_TEST

/* A tile of k steps goes through all of some rows, whatever k, and hardly
 * further. */
START_TEST(a_tile_prefetches_several_rows)
{
    enum { ROWS = 6, N = 256, STRIDE = 1000 };
    static const float x[ROWS * STRIDE];
    const size_t ks[] = { 6, 7, 41, 64, 255, 256 };

    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        struct mt_soon soon = mt_fetch_each(x, ROWS, N, STRIDE, ks[i]);
        size_t row = 0;

        for (size_t p = 0; p < ks[i]; p++) {
            if (p && p % soon.steps == 0) {
                ck_assert_uint_ge((size_t)(soon.at - x), row * STRIDE + N);
                soon.at += soon.skip;
                row++;
                ck_assert_ptr_eq(soon.at, x + row * STRIDE);
            }
            ck_assert_uint_le((size_t)(soon.at - x),
                              row * STRIDE + N + soon.steps);
            soon.at += soon.pace;
        }
        ck_assert_uint_lt(row, ROWS);
        ck_assert_uint_ge((row + 1) * soon.steps, ks[i]);
    }
}
END_TEST

Suite *fetch_suite(void);

Suite *fetch_suite(void)
{
    Suite *s = suite_create("fetch");
    TCase *t = tcase_create("core");

    tcase_add_test(t, all_lines_are_prefetched);
    tcase_add_test(t, rows_are_prefetched_one_by_one);
    tcase_add_test(t, rows_in_one_piece_are_one_row);
    tcase_add_test(t, blocks_are_limited);
    tcase_add_test(t, nothing_to_fetch);
    tcase_add_test(t, a_tile_prefetches_several_rows);
    suite_add_tcase(s, t);
    return s;
}
