#include "ckpt/byteplanes.h"

#include "ckpt/ckpt_testing.h"

enum { MOST = 5000, MOST_BYTES = 8 * MOST };

static unsigned char in[MOST_BYTES], payload[MOST_BYTES], back[MOST_BYTES + 1];
static struct mt_packer packer;
static struct mt_unpacker unpacker;

static void enter(void)
{
    ck_assert_int_eq(mt_packer_init(&packer, MOST_BYTES, &err), MT_OK);
    ck_assert_int_eq(mt_unpacker_init(&unpacker, MOST_BYTES, &err), MT_OK);
}

static void leave(void)
{
    mt_packer_free(&packer);
    mt_unpacker_free(&unpacker);
}

typedef void fill(size_t bytes);

static void fill_zero(size_t bytes)
{
    memset(in, 0, bytes);
}

static void fill_noise(size_t bytes)
{
    struct mt_philox_key key = mt_philox_key(2, "test", "noise");

    for (size_t i = 0; i < bytes; i++)
        in[i] = (unsigned char)mt_philox_word(key, 0, i);
}

static void fill_weights(size_t bytes)
{
    static float weights[MOST * 2];

    testing_weights("planes", weights, (bytes + 3) / 4);
    memcpy(in, weights, bytes);
}

static void fill_count(size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        in[i] = i % 8 == 0 ? (unsigned char)(i / 8) : 0;
}

static fill *const fills[] = { fill_zero, fill_noise, fill_weights,
                               fill_count };
static const enum mt_dtype dtypes[] = { MT_F32, MT_F64, MT_I32, MT_I64, MT_U8 };

START_TEST(packs_and_unpacks)
{
    static const size_t counts[] = { 1,    2,    31,   32,   33,  1023,
                                     1024, 1025, 2048, 3000, MOST };
    enum mt_dtype dtype = dtypes[_i];
    size_t size = mt_dtype_size(dtype);

    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t n = counts[c];
            struct mt_byte_planes planes;

            fills[f](n * size);
            back[n * size] = 0xa5;
            mt_pack(&packer, dtype, in, n, NULL, &planes, payload);
            ck_assert_ptr_null(mt_planes_fault(&planes, dtype, n));
            ck_assert_uint_le(mt_planes_stored(&planes), n * size);
            ck_assert_msg(
                mt_unpack(&unpacker, &planes, payload, n, back, &err) == MT_OK,
                "%s", err.text);
            ck_assert_mem_eq(back, in, n * size);
            ck_assert_uint_eq(back[n * size], 0xa5);
        }
    }
}
END_TEST

START_TEST(finds_what_shrinks)
{
    struct mt_byte_planes p;

    fill_weights(4 * MOST);
    mt_pack(&packer, MT_F32, in, MOST, NULL, &p, payload);
    ck_assert(p.rotate);
    ck_assert_uint_eq(p.n, 4);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(p.method[i], MT_PLANE_STORED);
    ck_assert_int_eq(p.method[3], MT_PLANE_DEFLATE);
    ck_assert_uint_lt(p.stored[3], MOST * 45 / 100);

    fill_zero(4 * MOST);
    mt_pack(&packer, MT_F32, in, MOST, NULL, &p, payload);
    ck_assert_uint_lt(mt_planes_stored(&p), 200);

    fill_noise(8 * MOST);
    mt_pack(&packer, MT_I64, in, MOST, NULL, &p, payload);
    ck_assert_uint_eq(mt_planes_stored(&p), 8 * MOST);
}
END_TEST

START_TEST(planes_are_by_significance)
{
    float x[3] = { -1.0f, 0.5f, 1.5f }; /* bf800000 3f000000 3fc00000 */
    struct mt_byte_planes p;

    mt_pack(&packer, MT_F32, x, 3, NULL, &p, payload);
    /* rotated: 7f000001 7e000000 7f800000 */
    ck_assert_mem_eq(payload,
                     "\x01\x00\x00"
                     "\x00\x00\x00"
                     "\x00\x00\x80"
                     "\x7f\x7e\x7f",
                     12);
}
END_TEST

/* The payload does not depend on what the packer did before. */
START_TEST(has_no_memory)
{
    static unsigned char again[MOST_BYTES];
    struct mt_byte_planes p, q;

    fill_weights(4 * MOST);
    mt_pack(&packer, MT_F32, in, MOST, NULL, &p, payload);
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        fills[f](MOST);
        mt_pack(&packer, MT_U8, in, MOST, NULL, &q, again);
        mt_pack(&packer, MT_F64, in, MOST / 8, NULL, &q, again);
    }
    fill_weights(4 * MOST);
    mt_pack(&packer, MT_F32, in, MOST, NULL, &q, again);
    ck_assert_mem_eq(&p, &q, sizeof p);
    ck_assert_mem_eq(payload, again, mt_planes_stored(&p));
}
END_TEST

START_TEST(faults)
{
    struct mt_byte_planes good, p;

    fill_weights(4 * MOST);
    mt_pack(&packer, MT_F32, in, MOST, NULL, &good, payload);
#define FAULT(change, text)                                                    \
    do {                                                                       \
        p = good;                                                              \
        change;                                                                \
        const char *is = mt_planes_fault(&p, MT_F32, MOST);                    \
        ck_assert_msg(is &&strstr(is, text), "%s", is ? is : "(none)");        \
    } while (0)
    FAULT(p.n = 8, "number of planes");
    FAULT(p.n = 0, "number of planes");
    FAULT(p.rotate = false, "transform");
    FAULT(p.method[1] = 2, "method is unknown");
    FAULT(p.method[5] = 1, "does not exist");
    FAULT(p.stored[4] = 1, "does not exist");
    FAULT(p.stored[0] = MOST - 1, "size is impossible");
    FAULT(p.stored[0] = UINT32_MAX, "size is impossible");
    FAULT(p.stored[3] = MOST, "size is impossible");
    FAULT(p.stored[3] = 0, "size is impossible");
#undef FAULT
    ck_assert_ptr_nonnull(mt_planes_fault(&good, MT_F64, MOST));
    ck_assert_ptr_nonnull(mt_planes_fault(&good, MT_I32, MOST));
    ck_assert_ptr_nonnull(mt_planes_fault(&good, MT_F32, MOST - 1));
}
END_TEST

static void unpack_fails(const struct mt_byte_planes *p, size_t n, const char *cause)
{
    back[n] = 0xa5;
    ck_assert_int_eq(mt_unpack(&unpacker, p, payload, n, back, &err),
                     MT_DAMAGED);
    testing_says(err, "plane 0: ", cause);
    ck_assert_uint_eq(back[n], 0xa5);
}

START_TEST(both_ends_must_meet)
{
    struct mt_byte_planes p;

    memset(in, 'a', 1000);
    mt_pack(&packer, MT_U8, in, 1000, NULL, &p, payload);
    ck_assert_int_eq(p.method[0], MT_PLANE_DEFLATE);
    unpack_fails(&p, 999, "does not unpack to exactly 999 bytes");
    unpack_fails(&p, 1001, "does not unpack to exactly 1001 bytes");
    payload[p.stored[0]] = 0;
    p.stored[0]++;
    unpack_fails(&p, 1000, "1 bytes follow its deflate stream");
    p.stored[0] -= 2;
    unpack_fails(&p, 1000, "does not unpack to exactly 1000 bytes");
    payload[0] = 0x07; /* a block of a type that does not exist */
    unpack_fails(&p, 1000, "not a valid deflate stream");
}
END_TEST

Suite *byteplanes_suite(void);
Suite *byteplanes_suite(void)
{
    Suite *s = suite_create("planes");
    TCase *tc = tcase_create("planes");

    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_loop_test(tc, packs_and_unpacks, 0,
                        sizeof dtypes / sizeof *dtypes);
    tcase_add_test(tc, finds_what_shrinks);
    tcase_add_test(tc, planes_are_by_significance);
    tcase_add_test(tc, has_no_memory);
    tcase_add_test(tc, faults);
    tcase_add_test(tc, both_ends_must_meet);
    suite_add_tcase(s, tc);
    return s;
}
