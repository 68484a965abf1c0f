/* Cuts and trees, and sums of gradients by them. */
#include "train/shards.h"

#include <check.h>

#include "train/reduce.h"

START_TEST(cuts_tile)
{
    for (size_t n = 0; n < 40; n++) {
        for (size_t pieces = 1; pieces < 20; pieces++) {
            size_t at = 0;

            for (size_t i = 0; i < pieces; i++) {
                struct mt_range r = mt_cut(n, pieces, i);
                size_t size = r.end - r.first;

                ck_assert_uint_eq(r.first, at);
                ck_assert(size == n / pieces || size == n / pieces + 1);
                ck_assert_uint_le(size, mt_cut_most(n, pieces, 1));
                at = r.end;
            }
            ck_assert_uint_eq(at, n);
        }
    }
}
END_TEST

START_TEST(cuts_in_units)
{
    struct mt_range r = mt_cut_units(100, 16, 3, 0);

    ck_assert(r.first == 0 && r.end == 32);
    r = mt_cut_units(100, 16, 3, 1);
    ck_assert(r.first == 32 && r.end == 64);
    r = mt_cut_units(100, 16, 3, 2);
    ck_assert(r.first == 64 && r.end == 100);
    r = mt_cut_units(10, 16, 3, 1);
    ck_assert(r.first == r.end);
}
END_TEST

/* (((0 1) (2 3)) ((4 5) 6)) */
START_TEST(the_tree_of_seven)
{
    static const size_t nodes[][3] = { { 0, 1, 2 }, { 2, 3, 4 }, { 0, 2, 4 },
                                       { 4, 5, 6 }, { 4, 6, 7 }, { 0, 4, 7 } };
    size_t found = 0;

    for (size_t first = 0; first < 7; first++)
        for (size_t mid = first + 1; mid < 7; mid++)
            for (size_t end = mid + 1; end <= 7; end++)
                found += mt_tree_joins(7, first, mid, end);
    ck_assert_uint_eq(found, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert(mt_tree_joins(7, nodes[i][0], nodes[i][1], nodes[i][2]));
    ck_assert(!mt_tree_joins(1, 0, 0, 1));
}
END_TEST

/* --- the sum of one process ------------------------------------------- */

/* Numbers of very different sizes, so that the order of their sum matters. */
static float gradient(size_t part)
{
    return part % 3 ? 1 + (float)part * 0x1p-20f : 0x1p24f;
}

static float tree(size_t shards, size_t first, size_t end, const bool *counts,
                  bool *any)
{
    float left, right;
    bool any_left, any_right;

    if (end - first == 1) {
        *any = counts[first];
        return gradient(first);
    }
    for (size_t mid = first + 1; mid < end; mid++) {
        if (!mt_tree_joins(shards, first, mid, end))
            continue;
        left = tree(shards, first, mid, counts, &any_left);
        right = tree(shards, mid, end, counts, &any_right);
        *any = any_left || any_right;
        return any_left && any_right ? left + right : any_left ? left : right;
    }
    ck_abort_msg("no tree");
}

START_TEST(sums_follow_the_tree)
{
    enum { N = 50, MOST = 20 };

    for (size_t shards = 1; shards < MOST; shards++) {
        for (unsigned skip = 0; skip < 64; skip++) {
            struct mt_arena arena = MT_ARENA_INIT;
            struct mt_err err = MT_ERR_INIT;
            float grads[N];
            struct mt_store store = { .flat = N, .grads = grads };
            struct mt_reduce_request request = { &store, shards, NULL, &arena };
            struct mt_reduce *r;
            bool counts[MOST], any = false;

            for (size_t i = 0; i < shards; i++)
                counts[i] = i == shards / 2 || !(skip >> i % 6 & 1);
            ck_assert(mt_reduce_new(&request, &r, &err) == MT_OK);
            mt_reduce_begin(r);
            for (size_t i = 0; i < shards; i++) {
                for (size_t k = 0; k < N; k++)
                    grads[k] = counts[i] ? gradient(i) : 7;
                if (i + 1 < shards)
                    mt_reduce_add(r, NULL, i, counts[i]);
                else
                    mt_reduce_last(r, NULL, counts);
            }
            ck_assert(mt_reduce_finish(r, NULL, &err) == MT_OK);
            ck_assert(grads[N - 1] == tree(shards, 0, shards, counts, &any));
            ck_assert(any && grads[0] == grads[N - 1]);
            mt_arena_free(&arena);
        }
    }
}
END_TEST

Suite *shards_suite(void);

Suite *shards_suite(void)
{
    Suite *s = suite_create("shards");
    TCase *t = tcase_create("shards");

    tcase_add_test(t, cuts_tile);
    tcase_add_test(t, cuts_in_units);
    tcase_add_test(t, the_tree_of_seven);
    tcase_add_test(t, sums_follow_the_tree);
    suite_add_tcase(s, t);
    return s;
}
