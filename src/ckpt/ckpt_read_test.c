#include "ckpt/ckpt_testing.h"

START_TEST(reads_what_was_written)
{
    struct mt_array a[SMALL_ARRAYS];
    size_t n = testing_small(a);
    struct mt_ckpt *c = NULL;

    testing_write("run.mtc", a, n);
    ck_assert_int_eq(mt_ckpt_open("run.mtc", &c, &err), MT_OK);
    for (size_t i = n; i-- > 0;) { /* in any order */
        size_t bytes = mt_array_bytes(&a[i]);
        unsigned char *out = malloc(bytes + 1);

        out[bytes] = 0xa5;
        ck_assert_msg(mt_ckpt_read(c, mt_ckpt_array(c, i), out, NULL, &err) ==
                          MT_OK,
                      "%s", err.text);
        if (bytes)
            ck_assert_mem_eq(out, a[i].data, bytes);
        ck_assert_uint_eq(out[bytes], 0xa5);
        free(out);
    }
    mt_ckpt_close(c);
}
END_TEST

enum { BIG = 5 * CKPT_CHUNK_ELEMENTS / 2 }; /* three chunks */

static int32_t *big;

/* A checkpoint with an array of three chunks between two small ones. */
static struct mt_bytes write_big(void)
{
    static float small[2] = { 1, 2 };
    struct mt_array a[3] = {
        testing_array("model/first", MT_F32, mt_shape_of(0), &small[0]),
        testing_array("model/big", MT_I32, mt_shape_of(1, (size_t)BIG), big),
        testing_array("model/last", MT_F32, mt_shape_of(0), &small[1]),
    };

    for (int32_t i = 0; i < BIG; i++)
        big[i] = i * 7;
    testing_write("run.mtc", a, 3);
    return testing_get("run.mtc");
}

static void enter_big(void)
{
    testing_enter();
    big = malloc(BIG * sizeof *big);
    ck_assert_ptr_nonnull(big);
}

static void leave_big(void)
{
    free(big);
    testing_leave();
}

/* Reads array "model/big" of run.mtc with so many threads. */
static mt_status read_big(size_t threads)
{
    struct mt_team *team = NULL;
    struct mt_ckpt *c = NULL;
    int32_t *out = malloc(BIG * sizeof *out);
    mt_status status = mt_ckpt_open("run.mtc", &c, &err);

    ck_assert_msg(status == MT_OK, "%s", err.text);
    if (threads)
        ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
    status = mt_ckpt_read(c, mt_ckpt_find(c, "model/big"), out, team, &err);
    if (status == MT_OK)
        ck_assert(memcmp(out, big, BIG * sizeof *out) == 0);
    mt_team_free(team);
    mt_ckpt_close(c);
    free(out);
    return status;
}

START_TEST(reads_chunks)
{
    struct mt_bytes b = write_big();

    free(b.data);
    ck_assert_msg(read_big(0) == MT_OK, "%s", err.text);
    ck_assert_msg(read_big(3) == MT_OK, "%s", err.text);
}
END_TEST

/* Where chunk k of array 1 begins. */
static size_t chunk_at(struct mt_bytes b, uint32_t k)
{
    for (size_t at = 64; at < b.n; at += 64) {
        if (memcmp(b.data + at, mt_ckpt_chunk_magic, 4) == 0 &&
            get_u32(b.data + at + CHUNK_ARRAY) == 1 &&
            get_u32(b.data + at + CHUNK_NUMBER) == k)
            return at;
    }
    ck_abort_msg("no chunk %u", k);
    return 0;
}

START_TEST(damage_has_a_place)
{
    struct mt_bytes b = write_big();
    size_t at = chunk_at(b, 1);
    char place[128];

    b.data[chunk_at(b, 2) + 70] ^= 1; /* later damage is not named first */
    b.data[at + 100] ^= 16;
    testing_put("run.mtc", b.data, b.n);
    for (size_t threads = 0; threads < 3; threads++) {
        ck_assert_int_eq(read_big(threads), MT_DAMAGED);
        snprintf(place, sizeof place,
                 "run.mtc: damaged: array \"model/big\", chunk 1 at offset "
                 "%zu: CRC-32 is ",
                 at);
        testing_says(err, place, ", should be ");
    }
    free(b.data);
}
END_TEST

/* Fixes the checksum of the chunk at `at`, as if it were at `offset`. */
static void seal_chunk(struct mt_bytes b, size_t at, uint64_t offset)
{
    unsigned char *p = b.data + at, place[8];
    uLong crc, stored = 0;

    for (size_t i = 0; i < CKPT_MAX_PLANES; i++)
        stored += get_u32(p + CHUNK_STORED + 4 * i);
    crc = crc32(0, p + CKPT_CHUNK_HEADER, (uInt)stored);
    crc = crc32(crc, p, CHUNK_CRC);
    put_u64(place, offset);
    put_u32(p + CHUNK_CRC, (uint32_t)crc32(crc, place, 8));
}

static void chunk_fails(size_t field, uint32_t value, const char *cause)
{
    struct mt_bytes b = write_big();
    size_t at = chunk_at(b, 1);

    put_u32(b.data + at + field, value);
    seal_chunk(b, at, at);
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(read_big(2), MT_DAMAGED);
    testing_says(err, "array \"model/big\", chunk 1 at offset", cause);
    free(b.data);
}

START_TEST(chunks_that_lie)
{
    chunk_fails(0, 0, "there is no chunk");
    chunk_fails(CHUNK_ARRAY, 0, "another array's");
    chunk_fails(CHUNK_NUMBER, 2, "another one of this array");
    chunk_fails(CHUNK_RAW, 4, "not what the array's shape needs");
    chunk_fails(CHUNK_RAW, UINT32_MAX, "not what the array's shape needs");
    chunk_fails(CHUNK_PLANES, 8, "number of planes");
    chunk_fails(CHUNK_PLANES, 0x0104, "transform does not fit");
    chunk_fails(CHUNK_PLANES, 0x0204, "transform is unknown");
    chunk_fails(CHUNK_PLANES, 0x01000004, "reserved bytes");
    chunk_fails(CHUNK_METHOD, 0x02020202, "method is unknown");
    chunk_fails(CHUNK_STORED, UINT32_MAX, "size is impossible");
    chunk_fails(CHUNK_STORED + 28, 1, "does not exist");
    /* a valid header with an invalid stream */
    chunk_fails(CKPT_CHUNK_HEADER + CKPT_CHUNK_ELEMENTS, 0xffffffff,
                "plane 1: not a valid deflate stream");
}
END_TEST

START_TEST(chunks_in_the_wrong_place)
{
    struct mt_bytes b = write_big();
    size_t at = chunk_at(b, 1);

    seal_chunk(b, at, at + 64); /* as if moved from another place */
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(read_big(1), MT_DAMAGED);
    testing_says(err, "chunk 1 at offset", "CRC-32 is");
    free(b.data);
}
END_TEST

START_TEST(every_bit_counts)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");
    int fd = open("run.mtc", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(testing_read_all("run.mtc"), MT_OK);
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        unsigned char byte = (unsigned char)(b.data[bit / 8] ^ 1 << bit % 8);

        ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
        mt_status status = testing_read_all("run.mtc");

        /* with a changed magic it is not a checkpoint */
        ck_assert_msg(status == MT_DAMAGED ||
                          (bit < 32 && status == MT_INVALID),
                      "bit %zu of byte %zu: %s", bit % 8, bit / 8,
                      status == MT_OK ? "not found" : err.text);
        ck_assert_int_eq(pwrite(fd, &b.data[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    ck_assert_int_eq(testing_read_all("run.mtc"), MT_OK);
    close(fd);
    free(b.data);
}
END_TEST

Suite *ckpt_read_suite(void);
Suite *ckpt_read_suite(void)
{
    Suite *s = suite_create("ckpt_read");
    TCase *tc = tcase_create("small"), *large = tcase_create("large");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_what_was_written);
    tcase_add_test(tc, every_bit_counts);
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(large, enter_big, leave_big);
    tcase_set_timeout(large, 60);
    tcase_add_test(large, reads_chunks);
    tcase_add_test(large, damage_has_a_place);
    tcase_add_test(large, chunks_that_lie);
    tcase_add_test(large, chunks_in_the_wrong_place);
    suite_add_tcase(s, large);
    return s;
}
