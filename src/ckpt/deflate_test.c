#include "ckpt/deflate.h"

#include "ckpt/deflate_testing.h"

enum { MOST = 270000, ROOM = MOST + 4096 };

static unsigned char in[MOST], back[MOST], theirs[ROOM];
static unsigned char out[ROOM + MT_DEFLATE_SLACK + 1];
static struct mt_deflater *deflater;

static const enum mt_deflate_way ways[] = { MT_DEFLATE_HUFFMAN, MT_DEFLATE_RUNS,
                                            MT_DEFLATE_TEXT };
enum { WAYS = sizeof ways / sizeof *ways };

static void enter(void)
{
    deflater = mt_deflater_new();
    ck_assert_ptr_nonnull(deflater);
}

static void leave(void)
{
    mt_deflater_free(deflater);
}

START_TEST(zlib_reads_it)
{
    static const size_t counts[] = { 1,     2,     3,        4,     5,
                                     257,   258,   259,      260,   1000,
                                     32768, 65535, 65536,    65537, 65539,
                                     98304, 98305, MOST - 1, MOST };

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];

        deflate_fills[_i % DEFLATE_FILLS](in, n);
        size_t size =
            mt_deflate(deflater, ways[_i / DEFLATE_FILLS], in, n, out, ROOM);

        ck_assert_uint_gt(size, 0);
        memset(back, 0xa5, n);
        ck_assert(deflate_reads(out, size, back, n));
        ck_assert(memcmp(back, in, n) == 0);
    }
}
END_TEST

START_TEST(keeps_to_its_room)
{
    for (size_t f = 0; f < DEFLATE_FILLS; f++) {
        deflate_fills[f](in, 70000);
        size_t size = mt_deflate(deflater, ways[_i], in, 70000, out, ROOM);

        for (size_t less = 0; less < 3; less++) {
            size_t room = size - less;

            memset(out, 0xa5, sizeof out);
            ck_assert_uint_eq(
                mt_deflate(deflater, ways[_i], in, 70000, out, room),
                less ? 0 : size);
            for (size_t i = room + MT_DEFLATE_SLACK; i < sizeof out; i++) {
                if (out[i] != 0xa5)
                    ck_abort_msg("byte %zu past the output was written",
                                 i - room);
            }
        }
        ck_assert_uint_eq(mt_deflate(deflater, ways[_i], in, 70000, out, 0), 0);
    }
}
END_TEST

/* As small as zlib's stream, or nearly. */
START_TEST(is_small)
{
    deflate_fill_uneven(in, MOST);
    ck_assert_uint_lt(
        100 * mt_deflate(deflater, MT_DEFLATE_HUFFMAN, in, MOST, out, ROOM),
        101 * deflate_zlib(1, Z_HUFFMAN_ONLY, in, MOST, theirs, ROOM));
    deflate_fill_runs(in, MOST);
    ck_assert_uint_lt(
        100 * mt_deflate(deflater, MT_DEFLATE_RUNS, in, MOST, out, ROOM),
        101 * deflate_zlib(1, Z_RLE, in, MOST, theirs, ROOM));
    deflate_fill_text(in, MOST);
    ck_assert_uint_lt(
        100 * mt_deflate(deflater, MT_DEFLATE_TEXT, in, MOST, out, ROOM),
        101 * deflate_zlib(6, Z_DEFAULT_STRATEGY, in, MOST, theirs, ROOM));
    deflate_fill_zeros(in, MOST);
    ck_assert_uint_lt(
        mt_deflate(deflater, MT_DEFLATE_RUNS, in, MOST, out, ROOM), 400);
}
END_TEST

/* The bytes are guaranteed: they may only change with the format's minor
 * version. */
START_TEST(the_same_bytes_for_ever)
{
    static const uint32_t expect[WAYS][DEFLATE_FILLS] = {
        { 0x748bdb64, 0xba5c6666, 0xfe350e0b, 0x8d640e3d, 0x5ce0a238 },
        { 0xb223d91f, 0xc75bf5b6, 0x7d90c82d, 0xba850b05, 0x83f92903 },
        { 0xb223d91f, 0x4938041a, 0x51dacb05, 0x41af5d29, 0x5579ab21 },
    };

    for (size_t w = 0; w < WAYS; w++) {
        for (size_t f = 0; f < DEFLATE_FILLS; f++) {
            deflate_fills[f](in, MOST);
            size_t n = mt_deflate(deflater, ways[w], in, MOST, out, ROOM);
            uint32_t crc = (uint32_t)crc32(0, out, (uInt)n);

            ck_assert_msg(crc == expect[w][f],
                          "way %zu, input %zu: %08x, expected %08x", w, f, crc,
                          expect[w][f]);
        }
    }
}
END_TEST

/* Bytes of block i of a stream of n. */
static size_t block_of(size_t i, size_t left)
{
    static const size_t sizes[] = { 8192, 1, 5, MT_DEFLATE_BLOCK, 300 };
    size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];

    return n < left ? n : left;
}

/* Adds blocks from byte `at` on, where block i begins. */
static void add_blocks(struct mt_deflate_stream *s, enum mt_deflate_way way,
                       size_t at, size_t i, size_t n)
{
    for (size_t part; at < n; at += part, i++) {
        unsigned char *from = s->out;

        part = block_of(i, n - at);
        mt_deflate_block(deflater, s, way, in + at, part, at + part == n);
        ck_assert_uint_le((size_t)(s->out - from), part + MT_DEFLATE_OVERHEAD);
    }
}

START_TEST(blocks_make_a_stream)
{
    static const size_t counts[] = { 1, 8192, 8193, 41290, 41291, MOST };
    enum mt_deflate_way way =
        (enum mt_deflate_way)(MT_DEFLATE_HUFFMAN + _i / DEFLATE_FILLS);

    deflate_fills[_i % DEFLATE_FILLS](in, MOST);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct mt_deflate_stream s = { .out = out };
        size_t n = counts[c];

        add_blocks(&s, way, 0, 0, n);
        ck_assert_uint_lt(s.out - out, ROOM);
        memset(back, 0xa5, n);
        ck_assert(deflate_reads(out, (size_t)(s.out - out), back, n));
        ck_assert(memcmp(back, in, n) == 0);
    }
}
END_TEST

/* After any block a copy of the stream continues like the stream itself. */
START_TEST(a_stream_goes_on_from_a_copy)
{
    enum mt_deflate_way way =
        (enum mt_deflate_way)(MT_DEFLATE_HUFFMAN + _i / DEFLATE_FILLS);
    struct mt_deflate_stream whole = { .out = out }, first = { .out = theirs };
    size_t n = 50000, at = 0;

    deflate_fills[_i % DEFLATE_FILLS](in, n);
    add_blocks(&whole, way, 0, 0, n);
    for (size_t i = 0; at + block_of(i, n - at) < n; i++) {
        size_t part = block_of(i, n - at);

        mt_deflate_block(deflater, &first, way, in + at, part, false);
        at += part;
        struct mt_deflate_stream then = first;

        add_blocks(&then, way, at, i + 1, n);
        ck_assert_int_eq(then.out - theirs, whole.out - out);
        ck_assert_mem_eq(theirs, out, whole.out - out);
    }
    ck_assert_uint_gt(at, 41000);
}
END_TEST

/* A block is stored if its way does not make it smaller. */
START_TEST(blocks_of_noise_are_stored)
{
    for (int way = MT_DEFLATE_HUFFMAN; way <= MT_DEFLATE_STORED; way++) {
        struct mt_deflate_stream s = { .out = out };

        deflate_fill_noise(in, 8192);
        mt_deflate_block(deflater, &s, (enum mt_deflate_way)way, in, 8192,
                         true);
        ck_assert_int_eq(s.out - out, 5 + 8192);
        ck_assert_mem_eq(out, "\x01\x00\x20\xff\xdf", 5);
        ck_assert_mem_eq(out + 5, in, 8192);
    }
}
END_TEST

Suite *deflate_suite(void);
Suite *deflate_suite(void)
{
    Suite *s = suite_create("deflate");
    TCase *tc = tcase_create("deflate");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_loop_test(tc, zlib_reads_it, 0, WAYS * DEFLATE_FILLS);
    tcase_add_loop_test(tc, keeps_to_its_room, 0, WAYS);
    tcase_add_test(tc, is_small);
    tcase_add_loop_test(tc, blocks_make_a_stream, 0,
                        (WAYS + 1) * DEFLATE_FILLS);
    tcase_add_loop_test(tc, a_stream_goes_on_from_a_copy, 0,
                        (WAYS + 1) * DEFLATE_FILLS);
    tcase_add_test(tc, blocks_of_noise_are_stored);
    tcase_add_test(tc, the_same_bytes_for_ever);
    suite_add_tcase(s, tc);
    return s;
}
