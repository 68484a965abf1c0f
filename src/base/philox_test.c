#include "base/philox.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

/* --- the generator ------------------------------------------------------ */

/* The known answers of the authors' Random123. */
static const struct {
    uint32_t counter[4], key[2], out[4];
} known[] = {
    { { 0, 0, 0, 0 },
      { 0, 0 },
      { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
      { 0xffffffff, 0xffffffff },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

START_TEST(blocks_are_those_of_philox4x32_10)
{
    const uint32_t *c = known[_i].counter;
    struct mt_philox_key key = { known[_i].key[0], known[_i].key[1], c[3] };
    uint64_t index = (uint64_t)c[1] << 32 | c[0];
    uint32_t out[4];

    mt_philox_block(key, c[2], index, out);
    for (int k = 0; k < 4; k++)
        ck_assert_uint_eq(out[k], known[_i].out[k]);
}
END_TEST

START_TEST(words_are_those_of_the_blocks)
{
    struct mt_philox_key key = mt_philox_key(1, "init", "fc1.weight");
    const uint64_t starts[] = { 0, 1000, (UINT64_C(1) << 34) - 8,
                                UINT64_MAX - 15 };

    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        for (uint64_t i = starts[s]; i - starts[s] < 16; i++) {
            uint32_t block[4];

            mt_philox_block(key, 3, i / 4, block);
            ck_assert_uint_eq(mt_philox_word(key, 3, i), block[i % 4]);
        }
    }
}
END_TEST

/* --- keys --------------------------------------------------------------- */

static bool same_key(struct mt_philox_key a, struct mt_philox_key b)
{
    return a.k0 == b.k0 && a.k1 == b.k1 && a.c3 == b.c3;
}

/* Any two of these must give different streams: close seeds, and names that are
 * equal once purpose and name are joined. */
START_TEST(other_arguments_give_other_keys)
{
    const struct mt_philox_key keys[] = {
        mt_philox_key(0, "init", "a"),
        mt_philox_key(1, "init", "a"),
        mt_philox_key(2, "init", "a"),
        mt_philox_key(UINT64_MAX, "init", "a"),
        mt_philox_key(UINT64_C(1) << 32, "init", "a"),
        mt_philox_key(0, "init", "b"),
        mt_philox_key(0, "init", ""),
        mt_philox_key(0, "ini", "ta"),
        mt_philox_key(0, "", "inita"),
        mt_philox_key(0, "inita", ""),
        mt_philox_key(0, "a", "init"),
        mt_philox_key(0, "init", "aa"),
        mt_philox_key(0, "", ""),
        mt_philox_key(0, "shuffle", "a"),
    };
    const size_t n = sizeof keys / sizeof *keys;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(!same_key(keys[i], keys[k]), "%zu and %zu", i, k);
    }
    ck_assert(same_key(keys[0], mt_philox_key(0, "init", "a")));
}
END_TEST

/* Old checkpoints must draw the same numbers as ever. */
START_TEST(keys_stay_the_same)
{
    struct mt_philox_key key = mt_philox_key(42, "dropout", "drop1");

    ck_assert_msg(key.k0 == 0x4a39c625 && key.k1 == 0x1b5a5e57 &&
                      key.c3 == 0x4e3a964a,
                  "%#x %#x %#x", key.k0, key.k1, key.c3);
}
END_TEST

/* --- uniform numbers ---------------------------------------------------- */

START_TEST(uniform_numbers_are_inside_the_open_interval)
{
    struct mt_philox_key key = mt_philox_key(3, "test", "uniform");
    double sum = 0, squares = 0;
    unsigned bins[16] = { 0 };
    const int n = 64000;
    int inside = 0;

    for (int i = 0; i < n; i++) {
        double u = mt_philox_uniform(key, 1, (uint64_t)i);

        inside += u > 0 && u < 1;
        sum += u;
        squares += (u - 0.5) * (u - 0.5);
        bins[(int)(u * 16) % 16]++;
    }
    ck_assert_int_eq(inside, n);
    ck_assert_double_eq_tol(sum / n, 0.5, 0.005);
    ck_assert_double_eq_tol(squares / n, 1.0 / 12, 0.002);
    for (int b = 0; b < 16; b++)
        ck_assert_msg(bins[b] > 3700 && bins[b] < 4300, "bin %d: %u", b,
                      bins[b]);
}
END_TEST

START_TEST(uniform_numbers_are_52_bits_of_two_words)
{
    struct mt_philox_key key = mt_philox_key(3, "test", "");

    for (uint64_t i = 0; i < 100; i++) {
        uint64_t high = mt_philox_word(key, 9, 2 * i);
        uint64_t low = mt_philox_word(key, 9, 2 * i + 1);
        double want = ((double)((high << 32 | low) >> 12) + 0.5) / 0x1p52;

        ck_assert(mt_philox_uniform(key, 9, i) == want);
    }
}
END_TEST

/* --- permutations ------------------------------------------------------- */

START_TEST(permutations_hold_every_number_once)
{
    struct mt_philox_key key = mt_philox_key(5, "shuffle", "");
    const uint32_t sizes[] = { 0, 1, 2, 3, 5, 64, 100, 4097 };

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s], order[4098];
        bool seen[4098] = { false };

        order[n] = 12345;
        mt_philox_permutation(key, 7, n, order);
        ck_assert_uint_eq(order[n], 12345);
        for (uint32_t i = 0; i < n; i++) {
            ck_assert_uint_lt(order[i], n);
            ck_assert(!seen[order[i]]);
            seen[order[i]] = true;
        }
    }
}
END_TEST

START_TEST(permutations_depend_on_key_and_step_alone)
{
    struct mt_philox_key key = mt_philox_key(5, "shuffle", "");
    struct mt_philox_key other = mt_philox_key(6, "shuffle", "");
    uint32_t a[200], b[200], c[200], d[200];

    mt_philox_permutation(key, 7, 200, a);
    mt_philox_permutation(key, 8, 200, b);
    mt_philox_permutation(other, 7, 200, c);
    mt_philox_permutation(key, 7, 200, d);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
    ck_assert_int_ne(memcmp(a, c, sizeof a), 0);
    ck_assert_int_eq(memcmp(a, d, sizeof a), 0);
}
END_TEST

/* The definition, one word at a time. */
START_TEST(permutations_are_those_of_fisher_and_yates)
{
    struct mt_philox_key key = mt_philox_key(5, "shuffle", "");
    const uint32_t sizes[] = { 2, 3, 63, 64, 65, 66, 128, 129, 1000, 65537 };
    static uint32_t got[65537], expected[65537];

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s];
        uint64_t word = 0;

        for (uint32_t i = 0; i < n; i++)
            expected[i] = got[i] = 7 * i + 3;
        for (uint32_t left = n; left > 1; left--) {
            uint64_t product;
            uint32_t was;

            do
                product = (uint64_t)mt_philox_word(key, 9, word++) * left;
            while ((uint32_t)product < (UINT64_C(1) << 32) % left);
            was = expected[product >> 32];
            expected[product >> 32] = expected[left - 1];
            expected[left - 1] = was;
        }
        mt_philox_shuffle(key, 9, n, got);
        ck_assert_mem_eq(got, expected, n * sizeof *got);
    }
}
END_TEST

/* Chi-square over the 24 orders of 4: 23 degrees of freedom, whose 0.9999
 * quantile is 54; a swap with any place ("naive" shuffling) gives thousands. */
START_TEST(permutations_are_close_to_uniform)
{
    struct mt_philox_key key = mt_philox_key(5, "shuffle", "");
    unsigned count[256] = { 0 };
    const int n = 48000;
    double chi = 0, expected = n / 24.0;
    int kinds = 0;

    for (int step = 0; step < n; step++) {
        uint32_t o[4];

        mt_philox_permutation(key, (uint32_t)step, 4, o);
        count[o[0] << 6 | o[1] << 4 | o[2] << 2 | o[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        kinds += count[i] != 0;
        if (count[i])
            chi += (count[i] - expected) * (count[i] - expected) / expected;
    }
    ck_assert_int_eq(kinds, 24);
    ck_assert_msg(chi < 54, "chi-square %f", chi);
    ck_assert_msg(chi > 5, "chi-square %f: too even", chi);
}
END_TEST

Suite *philox_suite(void);

Suite *philox_suite(void)
{
    Suite *s = suite_create("philox");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, blocks_are_those_of_philox4x32_10, 0,
                        sizeof known / sizeof *known);
    tcase_add_test(t, words_are_those_of_the_blocks);
    tcase_add_test(t, other_arguments_give_other_keys);
    tcase_add_test(t, keys_stay_the_same);
    tcase_add_test(t, uniform_numbers_are_inside_the_open_interval);
    tcase_add_test(t, uniform_numbers_are_52_bits_of_two_words);
    tcase_add_test(t, permutations_hold_every_number_once);
    tcase_add_test(t, permutations_depend_on_key_and_step_alone);
    tcase_add_test(t, permutations_are_those_of_fisher_and_yates);
    tcase_add_test(t, permutations_are_close_to_uniform);
    suite_add_tcase(s, t);
    return s;
}
