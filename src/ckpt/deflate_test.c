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

/* As small as zlib makes it, or nearly. */
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

/* The bytes are a promise: they may change with the format's minor version, and
 * never by chance. */
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

Suite *deflate_suite(void);
Suite *deflate_suite(void)
{
    Suite *s = suite_create("deflate");
    TCase *tc = tcase_create("deflate");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_loop_test(tc, zlib_reads_it, 0, WAYS * DEFLATE_FILLS);
    tcase_add_loop_test(tc, keeps_to_its_room, 0, WAYS);
    tcase_add_test(tc, is_small);
    tcase_add_test(tc, the_same_bytes_for_ever);
    suite_add_tcase(s, tc);
    return s;
}
