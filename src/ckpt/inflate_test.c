#include "ckpt/inflate.h"

#include <stdlib.h>

#include "ckpt/deflate_testing.h"

enum { MOST = 150000, ROOM = MOST + 4096, GUARD = 0xa5 };

static unsigned char in[MOST], stream[ROOM + MT_DEFLATE_SLACK];
static unsigned char out[MOST + 1], theirs[MOST];
static struct mt_inflater inflater;
static struct mt_deflater *deflater;

static void enter(void)
{
    deflater = mt_deflater_new();
    ck_assert_ptr_nonnull(deflater);
}

static void leave(void)
{
    mt_deflater_free(deflater);
}

/* Copies the stream so that its last byte is the last readable one. */
static bool inflates(const unsigned char *from, size_t size, size_t n)
{
    unsigned char *copy = malloc(size ? size : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, from, size);
    memset(out, GUARD, sizeof out);
    bool done = mt_inflate(&inflater, copy, size, out, n);

    for (size_t i = n; i < sizeof out; i++) {
        if (out[i] != GUARD)
            ck_abort_msg("byte %zu past the output was written", i - n);
    }
    free(copy);
    return done;
}

START_TEST(reads_what_deflate_wrote)
{
    static const size_t counts[] = { 1,     2,     19,    20,    21,     4096,
                                     65535, 65536, 65537, 65600, 131072, MOST };

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];

        deflate_fills[_i](in, n);
        size_t size =
            mt_deflate(deflater, MT_DEFLATE_HUFFMAN, in, n, stream, ROOM);

        ck_assert(inflates(stream, size, n));
        ck_assert(memcmp(out, in, n) == 0);
        ck_assert(!inflates(stream, size, n - 1));
        if (n < MOST)
            ck_assert(!inflates(stream, size, n + 1));
        ck_assert(!inflates(stream, size - 1, n));
        stream[size] = 0;
        ck_assert(!inflates(stream, size + 1, n));
    }
}
END_TEST

START_TEST(leaves_all_others_to_zlib)
{
    size_t size;

    deflate_fill_uneven(in, MOST);
    size = deflate_zlib(0, Z_DEFAULT_STRATEGY, in, MOST, stream, ROOM);
    ck_assert(!inflates(stream, size, MOST)); /* stored */
    size = deflate_zlib(1, Z_FIXED, in, MOST, stream, ROOM);
    ck_assert(!inflates(stream, size, MOST));
    size = deflate_zlib(6, Z_DEFAULT_STRATEGY, in, MOST, stream, ROOM);
    ck_assert(!inflates(stream, size, MOST));
    size = deflate_zlib(1, Z_HUFFMAN_ONLY, in, MOST, stream, ROOM);
    ck_assert(!inflates(stream, size, MOST)); /* with a distance code */
    deflate_fill_runs(in, MOST);
    size = mt_deflate(deflater, MT_DEFLATE_RUNS, in, MOST, stream, ROOM);
    ck_assert(!inflates(stream, size, MOST));
    ck_assert(!inflates(stream, 0, MOST));
}
END_TEST

START_TEST(ends_early)
{
    deflate_fill_uneven(in, 5000);
    size_t size =
        mt_deflate(deflater, MT_DEFLATE_HUFFMAN, in, 5000, stream, ROOM);

    for (size_t less = 1; less <= size; less++)
        ck_assert(!inflates(stream, size - less, 5000));
}
END_TEST

/* zlib accepts all streams that it accepts, with the same result: with each bit
 * of the codes flipped, and some others. */
START_TEST(agrees_with_zlib)
{
    enum { N = 6000 };
    size_t taken = 0;

    deflate_fills[_i](in, N);
    size_t size = mt_deflate(deflater, MT_DEFLATE_HUFFMAN, in, N, stream, ROOM);

    for (size_t bit = 0; bit < 8 * size; bit += bit < 2000 ? 1 : 13) {
        stream[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (inflates(stream, size, N)) {
            taken++;
            ck_assert_msg(deflate_reads(stream, size, theirs, N),
                          "zlib does not take it with bit %zu changed", bit);
            ck_assert(memcmp(theirs, out, N) == 0);
        }
        stream[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    if (deflate_fills[_i] == deflate_fill_noise)
        ck_assert_uint_gt(taken, 0);
}
END_TEST

/* Noise that starts like a block. */
START_TEST(agrees_with_zlib_on_noise)
{
    for (size_t k = 0; k < 20000; k++) {
        size_t size = 20 + k % 60, n = 1 + k % 97;

        for (size_t i = 0; i < size; i++)
            stream[i] = (unsigned char)deflate_random(100 * k + i);
        stream[0] = (unsigned char)((stream[0] & ~7) | 5);
        stream[1] &= 0xe0; /* one distance code */
        if (inflates(stream, size, n)) {
            ck_assert(deflate_reads(stream, size, theirs, n));
            ck_assert(memcmp(theirs, out, n) == 0);
        }
    }
}
END_TEST

/* Making a table for few bytes costs time: many small blocks are left to
 * zlib. */
START_TEST(many_small_blocks)
{
    size_t size, n = 0, whole = 0;

    /* one block of the byte 0, made the first of two by clearing a bit, when
     * it ends with a byte */
    for (size_t k = 1; k < 9; k++) {
        memset(in, 0, k);
        size = mt_deflate(deflater, MT_DEFLATE_HUFFMAN, in, k, stream, ROOM);
        stream[0] &= (unsigned char)~1;
        memcpy(stream + size, stream, size);
        stream[size] |= 1;
        if (deflate_reads(stream, 2 * size, theirs, 2 * k)) {
            n = k;
            whole = size;
            break;
        }
    }
    ck_assert_uint_gt(n, 0);
    ck_assert(inflates(stream + whole, whole, n));
    ck_assert(!inflates(stream, 2 * whole, 2 * n));
}
END_TEST

Suite *inflate_suite(void);
Suite *inflate_suite(void)
{
    Suite *s = suite_create("inflate");
    TCase *tc = tcase_create("inflate");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reads_what_deflate_wrote, 0, DEFLATE_FILLS);
    tcase_add_test(tc, leaves_all_others_to_zlib);
    tcase_add_test(tc, ends_early);
    tcase_add_loop_test(tc, agrees_with_zlib, 0, DEFLATE_FILLS);
    tcase_add_test(tc, agrees_with_zlib_on_noise);
    tcase_add_test(tc, many_small_blocks);
    suite_add_tcase(s, tc);
    return s;
}
