#include "ckpt/ckpt_testing.h"

enum { MAX_DAMAGE = 16, BIG = 7 * CKPT_CHUNK_ELEMENTS / 2 }; /* 4 chunks */

static char damage[MAX_DAMAGE][4096];
static size_t n_damage;

static void note(void *ctx, const char *what)
{
    ck_assert_ptr_eq(ctx, &n_damage);
    if (n_damage < MAX_DAMAGE)
        snprintf(damage[n_damage], sizeof damage[0], "%s", what);
    n_damage++;
}

static mt_status verify(const char *path, struct mt_team *team)
{
    n_damage = 0;
    return mt_ckpt_verify(path, note, &n_damage, team, &err);
}

#define FOUND(i, place, cause)                                                 \
    do {                                                                       \
        ck_assert_uint_lt(i, n_damage);                                        \
        ck_assert_msg(strstr(damage[i], place) && strstr(damage[i], cause),    \
                      "\"%s\" does not say \"%s\", \"%s\"", damage[i], place,  \
                      cause);                                                  \
    } while (0)

static struct mt_bytes write_big(void)
{
    static unsigned char bytes[BIG];
    static float small = 3;
    struct mt_array a[3] = {
        testing_array("a/first", MT_F32, mt_shape_of(0), &small),
        testing_array("b/big", MT_U8, mt_shape_of(1, (size_t)BIG), bytes),
        testing_array("c/last", MT_F32, mt_shape_of(0), &small),
    };

    memset(bytes, 7, sizeof bytes);
    testing_write("run.mtc", a, 3);
    return testing_get("run.mtc");
}

/* Where chunk k of array i begins. */
static size_t chunk_at(struct mt_bytes b, uint32_t i, uint32_t k)
{
    for (size_t at = 64; at < b.n; at += 64) {
        if (memcmp(b.data + at, mt_ckpt_chunk_magic, 4) == 0 &&
            get_u32(b.data + at + CHUNK_ARRAY) == i &&
            get_u32(b.data + at + CHUNK_NUMBER) == k)
            return at;
    }
    ck_abort_msg("no chunk %u", k);
    return 0;
}

START_TEST(whole_files)
{
    struct mt_team *team = NULL;

    testing_write_small("small.mtc");
    ck_assert_int_eq(verify("small.mtc", NULL), MT_OK);
    free(write_big().data);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_OK);
    ck_assert_int_eq(mt_team_new(3, &team, &err), MT_OK);
    ck_assert_int_eq(verify("run.mtc", team), MT_OK);
    mt_team_free(team);
    ck_assert_uint_eq(n_damage, 0);
    ck_assert_int_eq(mt_ckpt_verify("run.mtc", NULL, NULL, NULL, &err), MT_OK);
}
END_TEST

START_TEST(goes_on_behind_damage)
{
    struct mt_bytes b = write_big();
    struct mt_team *team = NULL;

    b.data[chunk_at(b, 0, 0) + 65] ^= 1;
    b.data[chunk_at(b, 1, 1) + 66] ^= 1;
    b.data[chunk_at(b, 1, 3) + 66] ^= 1;
    b.data[chunk_at(b, 2, 0) + 64 + 50] ^= 1; /* the padding */
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(mt_team_new(2, &team, &err), MT_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(verify("run.mtc", i ? team : NULL), MT_DAMAGED);
        ck_assert_uint_eq(n_damage, 4);
        FOUND(0, "run.mtc: damaged: array \"a/first\", chunk 0", "CRC-32");
        FOUND(1, "array \"b/big\", chunk 1 at offset", "CRC-32");
        FOUND(2, "array \"b/big\", chunk 3 at offset", "CRC-32");
        FOUND(3, "array \"c/last\", chunk 0 at offset", "padding");
        ck_assert_str_eq(err.text, damage[0]);
    }
    mt_team_free(team);
    ck_assert_int_eq(mt_ckpt_verify("run.mtc", NULL, NULL, NULL, &err),
                     MT_DAMAGED);
    free(b.data);
}
END_TEST

START_TEST(finds_the_way_behind_a_lost_header)
{
    struct mt_bytes b = write_big();

    b.data[chunk_at(b, 1, 1)] ^= 1; /* chunk 1 cannot be found */
    b.data[chunk_at(b, 2, 0) + 65] ^= 1;
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_DAMAGED);
    ck_assert_uint_eq(n_damage, 2);
    FOUND(0, "array \"b/big\", chunk 1 at offset", "there is no chunk");
    FOUND(1, "array \"c/last\", chunk 0", "CRC-32");
    free(b.data);

    /* two in a row, and the last */
    b = write_big();
    b.data[chunk_at(b, 1, 0)] ^= 1;
    b.data[chunk_at(b, 1, 1)] ^= 1;
    size_t last = chunk_at(b, 1, 3);

    b.data[last] ^= 1;
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_DAMAGED);
    ck_assert_uint_eq(n_damage, 2);
    FOUND(0, "chunk 0 at offset", "no chunk; chunks 0 to 1 are lost");
    FOUND(1, "chunk 3 at offset", "there is no chunk");
    free(b.data);
}
END_TEST

START_TEST(a_wrong_size_hides_nothing)
{
    struct mt_bytes b = write_big();
    size_t at = chunk_at(b, 1, 0);
    uint32_t stored = get_u32(b.data + at + CHUNK_STORED);

    put_u32(b.data + at + CHUNK_STORED, stored + 64);
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_DAMAGED);
    ck_assert_uint_eq(n_damage, 1); /* chunks 1 to 3 are found again */
    FOUND(0, "array \"b/big\", chunk 0", "CRC-32");
    free(b.data);
}
END_TEST

START_TEST(hashes_are_compared)
{
    struct mt_bytes b = write_big();
    unsigned char *p = b.data + chunk_at(b, 0, 0), place[8];

    /* a changed value with the right checksum */
    p[CKPT_CHUNK_HEADER + 3] ^= 1;
    put_u64(place, (uint64_t)(p - b.data));
    put_u32(
        p + CHUNK_CRC,
        (uint32_t)crc32(crc32(crc32(0, p + CKPT_CHUNK_HEADER, 4), p, CHUNK_CRC),
                        place, 8));
    testing_put("run.mtc", b.data, b.n);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_DAMAGED);
    ck_assert_uint_eq(n_damage, 1);
    FOUND(0, "run.mtc: damaged: array \"a/first\" at offset", "SHA-256 is");
    free(b.data);
}
END_TEST

START_TEST(what_cannot_be_opened)
{
    testing_put("x.json", "{}", 2);
    ck_assert_int_eq(verify("x.json", NULL), MT_INVALID);
    testing_says(err, "x.json: ", "not an mtrain checkpoint");
    ck_assert_uint_eq(n_damage, 0);
    ck_assert_int_eq(verify("none", NULL), MT_IO);
    ck_assert_uint_eq(n_damage, 0);

    struct mt_bytes b = write_big();

    testing_put("run.mtc", b.data, b.n - 1);
    ck_assert_int_eq(verify("run.mtc", NULL), MT_DAMAGED);
    ck_assert_uint_eq(n_damage, 1);
    FOUND(0, "run.mtc: damaged: ", "cut short");
    free(b.data);
}
END_TEST

START_TEST(every_bit_counts)
{
    testing_write_small("run.mtc");
    struct mt_bytes b = testing_get("run.mtc");
    int fd = open("run.mtc", O_WRONLY | O_CLOEXEC);

    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        unsigned char byte = (unsigned char)(b.data[bit / 8] ^ 1 << bit % 8);

        ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
        mt_status status = verify("run.mtc", NULL);

        ck_assert_msg(status == MT_DAMAGED ? n_damage == 1
                                           : bit < 32 && status == MT_INVALID,
                      "bit %zu of byte %zu: %zu found", bit % 8, bit / 8,
                      n_damage);
        ck_assert_int_eq(pwrite(fd, &b.data[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    close(fd);
    free(b.data);
}
END_TEST

Suite *ckpt_verify_suite(void);
Suite *ckpt_verify_suite(void)
{
    Suite *s = suite_create("ckpt_verify");
    TCase *tc = tcase_create("ckpt_verify");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, whole_files);
    tcase_add_test(tc, goes_on_behind_damage);
    tcase_add_test(tc, finds_the_way_behind_a_lost_header);
    tcase_add_test(tc, a_wrong_size_hides_nothing);
    tcase_add_test(tc, hashes_are_compared);
    tcase_add_test(tc, what_cannot_be_opened);
    tcase_add_test(tc, every_bit_counts);
    suite_add_tcase(s, tc);
    return s;
}
