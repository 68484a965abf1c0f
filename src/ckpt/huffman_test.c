#include "ckpt/huffman.h"

#include <check.h>

/* Does every sequence of bits begin with exactly one code? */
static void is_complete(const uint8_t *length, size_t n, unsigned limit)
{
    uint32_t places = 0;

    for (size_t s = 0; s < n; s++) {
        ck_assert_uint_le(length[s], limit);
        if (length[s])
            places += 1u << (limit - length[s]);
    }
    ck_assert_uint_eq(places, 1u << limit);
}

static uint64_t bits_of(const uint32_t *count, const uint8_t *length, size_t n)
{
    uint64_t bits = 0;

    for (size_t s = 0; s < n; s++)
        bits += (uint64_t)count[s] * length[s];
    return bits;
}

START_TEST(known_lengths)
{
    static const uint32_t count[6] = { 5, 9, 12, 13, 16, 45 };
    static const uint8_t expect[6] = { 4, 4, 3, 3, 3, 1 };
    uint8_t length[6];

    mt_huffman_lengths(count, 6, 15, length);
    ck_assert_mem_eq(length, expect, 6);
    mt_huffman_lengths(count, 6, 3, length); /* 224 bits become 239 */
    is_complete(length, 6, 3);
    ck_assert_uint_eq(bits_of(count, length, 6), 239);
}
END_TEST

START_TEST(rare_symbols_have_long_codes)
{
    uint32_t count[MT_HUFFMAN_SYMBOLS];
    uint8_t length[MT_HUFFMAN_SYMBOLS];

    for (size_t s = 0; s < MT_HUFFMAN_SYMBOLS; s++)
        count[s] = (uint32_t)(s * s % 289 * (s % 7));
    for (unsigned limit = 9; limit <= MT_HUFFMAN_BITS; limit++) {
        mt_huffman_lengths(count, MT_HUFFMAN_SYMBOLS, limit, length);
        is_complete(length, MT_HUFFMAN_SYMBOLS, limit);
        for (size_t s = 1; s < MT_HUFFMAN_SYMBOLS; s++) {
            ck_assert_int_eq(length[s] == 0, count[s] == 0);
            if (count[s] > count[s - 1] && count[s - 1])
                ck_assert_uint_le(length[s], length[s - 1]);
        }
    }
}
END_TEST

/* Fibonacci numbers make the deepest tree. */
START_TEST(deep_trees_are_limited)
{
    enum { N = 27 };
    uint32_t count[N] = { 1, 1 };
    uint8_t length[N];

    for (size_t s = 2; s < N; s++)
        count[s] = count[s - 1] + count[s - 2];
    for (unsigned limit = 5; limit <= MT_HUFFMAN_BITS; limit++) {
        mt_huffman_lengths(count, N, limit, length);
        is_complete(length, N, limit);
        ck_assert_uint_le(length[N - 1], limit < 8 ? 3 : 2);
    }
}
END_TEST

START_TEST(two_codes_at_least)
{
    uint32_t count[30] = { 0 };
    uint8_t length[30];

    mt_huffman_lengths(count, 30, 15, length);
    is_complete(length, 30, 15);
    ck_assert_uint_eq(length[0], 1);
    ck_assert_uint_eq(length[1], 1);
    count[0] = 7;
    mt_huffman_lengths(count, 30, 15, length);
    is_complete(length, 30, 15);
    ck_assert_uint_eq(length[0], 1);
    count[0] = 0;
    count[29] = MT_HUFFMAN_COUNT;
    mt_huffman_lengths(count, 30, 7, length);
    is_complete(length, 30, 7);
    ck_assert_uint_eq(length[29], 1);
}
END_TEST

/* The example of RFC 1951, 3.2.2, with the bits reversed. */
START_TEST(known_codes)
{
    static const uint8_t length[8] = { 3, 3, 3, 3, 3, 2, 4, 4 };
    static const uint16_t expect[8] = { 2, 6, 1, 5, 3, 0, 7, 15 };
    uint16_t code[8];

    mt_huffman_codes(length, 8, code);
    for (size_t s = 0; s < 8; s++)
        ck_assert_uint_eq(code[s], expect[s]);
}
END_TEST

/* Codes of every length: one of each except the longest, of which there are
 * two. */
START_TEST(codes_are_reversed)
{
    for (unsigned longest = 1; longest <= MT_HUFFMAN_BITS; longest++) {
        uint8_t length[MT_HUFFMAN_BITS + 1];
        uint16_t code[MT_HUFFMAN_BITS + 1];

        for (unsigned s = 0; s <= longest; s++)
            length[s] = (uint8_t)(s < longest ? s + 1 : longest);
        mt_huffman_codes(length, longest + 1, code);
        for (unsigned s = 0; s < longest; s++) /* ones, and at last a zero */
            ck_assert_uint_eq(code[s], (1u << s) - 1);
        ck_assert_uint_eq(code[longest], (1u << longest) - 1);
    }
}
END_TEST

Suite *huffman_suite(void);
Suite *huffman_suite(void)
{
    Suite *s = suite_create("huffman");
    TCase *tc = tcase_create("huffman");

    tcase_add_test(tc, known_lengths);
    tcase_add_test(tc, rare_symbols_have_long_codes);
    tcase_add_test(tc, deep_trees_are_limited);
    tcase_add_test(tc, two_codes_at_least);
    tcase_add_test(tc, known_codes);
    tcase_add_test(tc, codes_are_reversed);
    suite_add_tcase(s, tc);
    return s;
}
