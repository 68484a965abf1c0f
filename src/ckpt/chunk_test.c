#include "ckpt/chunk.h"

#include "ckpt/ckpt_testing.h"

enum { N = 100, OFFSET = 4096 };

static float weights[N], back[N + 1];
static unsigned char bytes[CKPT_CHUNK_HEADER + 4 * N + CKPT_ALIGN];
static size_t size;
static struct mt_chunk chunk;
static struct mt_packer packer;
static struct mt_unpacker unpacker;

static void enter(void)
{
    struct mt_array a =
        testing_array("w", MT_F32, mt_shape_of(1, (size_t)N), weights);

    testing_weights("chunk", weights, N);
    chunk = mt_chunk_of(&a, 3, 0);
    ck_assert_uint_eq(mt_chunk_room(sizeof weights), 64 + 448);
    ck_assert_uint_le(mt_chunk_room(sizeof weights), sizeof bytes);
    ck_assert_int_eq(mt_packer_init(&packer, sizeof weights, &err), MT_OK);
    ck_assert_int_eq(mt_unpacker_init(&unpacker, sizeof weights, &err), MT_OK);
    memset(bytes, 0xa5, sizeof bytes);
    mt_chunk_encode(&chunk, weights, NULL, &packer, bytes, &size);
    mt_chunk_place(bytes, mt_chunk_payload_crc(bytes), OFFSET);
}

static void leave(void)
{
    mt_packer_free(&packer);
    mt_unpacker_free(&unpacker);
}

static mt_status decode(const struct mt_chunk *as, size_t room, uint64_t offset)
{
    return mt_chunk_decode(as, bytes, room, offset, &unpacker, back, &err);
}

START_TEST(goes_there_and_back)
{
    back[N] = 7;
    ck_assert_uint_eq(size % CKPT_ALIGN, 0);
    ck_assert_msg(decode(&chunk, size, OFFSET) == MT_OK, "%s", err.text);
    ck_assert_mem_eq(back, weights, sizeof weights);
    ck_assert(back[N] == 7);
}
END_TEST

START_TEST(knows_who_and_where_it_is)
{
    struct mt_chunk other = chunk;

    ck_assert_int_eq(decode(&chunk, size, OFFSET + 64), MT_DAMAGED);
    testing_says(err, "CRC-32 is ", ", should be ");
    ck_assert_int_eq(decode(&chunk, size + 64, OFFSET), MT_DAMAGED);
    testing_says(err, "the chunk takes", "there is room for");
    other.array++;
    ck_assert_int_eq(decode(&other, size, OFFSET), MT_DAMAGED);
    testing_says(err, "another array's", "");
    other = chunk;
    other.number++;
    ck_assert_int_eq(decode(&other, size, OFFSET), MT_DAMAGED);
    testing_says(err, "another one of this array", "");
    other = chunk;
    other.dtype = MT_I32;
    ck_assert_int_eq(decode(&other, size, OFFSET), MT_DAMAGED);
    testing_says(err, "transform", "");
    other = chunk;
    other.elements--;
    ck_assert_int_eq(decode(&other, size, OFFSET), MT_DAMAGED);
    testing_says(err, "array's shape", "");
}
END_TEST

START_TEST(padding_is_zero)
{
    ck_assert_uint_eq(bytes[size - 1], 0);
    bytes[size - 1] = 1;
    ck_assert_int_eq(decode(&chunk, size, OFFSET), MT_DAMAGED);
    testing_says(err, "padding is not zero", "");
}
END_TEST

Suite *chunk_suite(void);
Suite *chunk_suite(void)
{
    Suite *s = suite_create("chunk");
    TCase *tc = tcase_create("chunk");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_test(tc, goes_there_and_back);
    tcase_add_test(tc, knows_who_and_where_it_is);
    tcase_add_test(tc, padding_is_zero);
    suite_add_tcase(s, tc);
    return s;
}
