#include "base/arena.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_full_of(const unsigned char *p, size_t n, unsigned value)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

static bool is_zero(const unsigned char *p, size_t n)
{
    return is_full_of(p, n, 0);
}

/* Sizes around every limit: alignment, large pieces, blocks. */
static const size_t sizes[] = { 0,     1,     15,     16,    17,
                                63,    64,    65,     100,   4096,
                                16383, 16384, 16385,  65471, 65472,
                                65473, 65536, 200000, 3 };

enum { N_SIZES = sizeof sizes / sizeof *sizes, PIECES = 40 * N_SIZES };

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct mt_arena arena = MT_ARENA_INIT;
    unsigned char *piece[PIECES];

    for (size_t i = 0; i < PIECES; i++) {
        size_t n = sizes[i * 7 % N_SIZES];

        piece[i] = mt_arena_alloc(&arena, n);
        ck_assert_ptr_nonnull(piece[i]);
        ck_assert_uint_eq((uintptr_t)piece[i] % (n >= 64 ? 64 : 16), 0);
        ck_assert_msg(is_zero(piece[i], n), "piece %zu of %zu bytes", i, n);
        memset(piece[i], (int)(i % 255 + 1), n);
    }
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = sizes[i * 7 % N_SIZES];

        ck_assert_msg(is_full_of(piece[i], n, i % 255 + 1),
                      "piece %zu of %zu bytes was written over", i, n);
    }
    mt_arena_free(&arena);
    ck_assert_ptr_null(arena.blocks);
}
END_TEST

START_TEST(it_can_be_used_again_after_free)
{
    struct mt_arena arena = MT_ARENA_INIT;

    mt_arena_free(&arena);
    for (int round = 0; round < 3; round++) {
        unsigned char *small = mt_arena_alloc(&arena, 100);
        unsigned char *large = mt_arena_alloc(&arena, 100000);

        ck_assert_ptr_nonnull(small);
        ck_assert_ptr_nonnull(large);
        ck_assert(is_zero(small, 100) && is_zero(large, 100000));
        memset(small, 1, 100);
        memset(large, 1, 100000);
        mt_arena_free(&arena);
    }
}
END_TEST

START_TEST(impossible_sizes_give_null)
{
    struct mt_arena arena = MT_ARENA_INIT;
    const size_t huge[] = { SIZE_MAX,       SIZE_MAX - 1,    SIZE_MAX - 63,
                            SIZE_MAX - 64,  SIZE_MAX - 127,  SIZE_MAX - 128,
                            SIZE_MAX - 200, SIZE_MAX / 2 + 1 };

    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        ck_assert_ptr_null(mt_arena_alloc(&arena, huge[i]));
        ck_assert_ptr_null(mt_arena_calloc(&arena, huge[i], 1));
        ck_assert_ptr_null(mt_arena_calloc(&arena, huge[i], 16));
    }
    /* the product alone would be 16 or 0 bytes */
    ck_assert_ptr_null(mt_arena_calloc(&arena, SIZE_MAX / 16 + 2, 16));
    ck_assert_ptr_null(
        mt_arena_calloc(&arena, (size_t)1 << 32, (size_t)1 << 32));
    ck_assert_ptr_nonnull(mt_arena_alloc(&arena, 1));
    mt_arena_free(&arena);
}
END_TEST

/* Small and large, among other pieces. */
START_TEST(reserved_memory_is_zeroed_and_aligned)
{
    struct mt_arena arena = MT_ARENA_INIT;
    const size_t sizes_of[] = { 0, 1, 1000, (size_t)5 << 20 };

    for (size_t i = 0; i < sizeof sizes_of / sizeof *sizes_of; i++) {
        size_t n = sizes_of[i];
        unsigned char *p = mt_arena_reserve(&arena, n, 4);
        unsigned char *other = mt_arena_alloc(&arena, 100);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        ck_assert(is_zero(p, 4 * n));
        memset(p, 5, 4 * n);
        ck_assert(is_zero(other, 100));
        ck_assert_uint_ge(mt_arena_bytes(&arena), 4 * n + 100);
    }
    ck_assert_ptr_null(mt_arena_reserve(&arena, SIZE_MAX / 4 + 1, 4));
    ck_assert_ptr_null(mt_arena_reserve(&arena, SIZE_MAX - 1, 1));
    mt_arena_free(&arena);
}
END_TEST

START_TEST(calloc_gives_count_times_size)
{
    struct mt_arena arena = MT_ARENA_INIT;
    unsigned char *p = mt_arena_calloc(&arena, 1000, 24);

    ck_assert_ptr_nonnull(p);
    ck_assert(is_zero(p, 24000));
    memset(p, 7, 24000);
    ck_assert_ptr_nonnull(mt_arena_calloc(&arena, 0, 24));
    ck_assert_ptr_nonnull(mt_arena_calloc(&arena, 24, 0));
    mt_arena_free(&arena);
}
END_TEST

START_TEST(strings_are_copies)
{
    struct mt_arena arena = MT_ARENA_INIT;
    char text[] = "fc1.weight";
    char *whole = mt_arena_strdup(&arena, text);
    char *part = mt_arena_strndup(&arena, text, 3);
    char *none = mt_arena_strndup(&arena, text, 0);
    char *empty = mt_arena_strdup(&arena, "");

    text[0] = 'X';
    ck_assert_str_eq(whole, "fc1.weight");
    ck_assert_str_eq(part, "fc1");
    ck_assert_str_eq(none, "");
    ck_assert_str_eq(empty, "");
    mt_arena_free(&arena);
}
END_TEST

START_TEST(printf_gives_text_of_any_length)
{
    struct mt_arena arena = MT_ARENA_INIT;

    for (int n = 0; n < 70000; n = n * 2 + 1) {
        char *text = mt_arena_printf(&arena, "%*d.%s", n, 5, "weight");

        ck_assert_ptr_nonnull(text);
        ck_assert_uint_eq(strlen(text), (size_t)(n > 1 ? n : 1) + 7);
        ck_assert_str_eq(text + strlen(text) - 8, "5.weight");
    }
    mt_arena_free(&arena);
}
END_TEST

Suite *arena_suite(void);

Suite *arena_suite(void)
{
    Suite *s = suite_create("arena");
    TCase *t = tcase_create("core");

    tcase_add_test(t, pieces_are_zeroed_aligned_and_apart);
    tcase_add_test(t, it_can_be_used_again_after_free);
    tcase_add_test(t, impossible_sizes_give_null);
    tcase_add_test(t, calloc_gives_count_times_size);
    tcase_add_test(t, reserved_memory_is_zeroed_and_aligned);
    tcase_add_test(t, strings_are_copies);
    tcase_add_test(t, printf_gives_text_of_any_length);
    suite_add_tcase(s, t);
    return s;
}
