#include "ckpt/blockstream.h"

#include "ckpt/ckpt_testing.h"
#include "ckpt/statefile.h"

enum { BIG = 2 * MT_BLOCK + 777 };

static float weights[BIG];
static double doubles[BIG];
static uint16_t halves[5] = { 0x3c00, 0xbc00, 0x0001, 0x7c00, 0x8000 };

/* A large array, a scalar, an empty one, and a large one of doubles. */
static size_t fill(struct mt_array a[4])
{
    static int64_t step = 7;

    testing_weights("big", weights, BIG);
    for (size_t i = 0; i < BIG; i++)
        doubles[i] = (double)weights[i] * 1.000000001;
    a[0] = testing_array("model/big", MT_F32, mt_shape_of(1, (size_t)BIG),
                         weights);
    a[1] = testing_array("progress/step", MT_I64, mt_shape_of(0), &step);
    a[2] = testing_array("model/none", MT_F32, mt_shape_of(1, (size_t)0), NULL);
    a[3] = testing_array("model/wide", MT_F64, mt_shape_of(1, (size_t)BIG),
                         doubles);
    return 4;
}

/* The file's arrays, none in memory. */
static struct mt_statefile *open_arrays(const char *path, struct mt_array *a,
                                        struct mt_source *sources, size_t n)
{
    struct mt_statefile *f = NULL;

    ck_assert_msg(mt_statefile_open(path, NULL, &f, &err) == MT_OK, "%s", err.text);
    ck_assert_uint_eq(mt_statefile_count(f), n);
    for (size_t i = 0; i < n; i++) {
        sources[i] = (struct mt_source){ f, mt_statefile_array(f, i) };
        a[i] = *sources[i].entry;
        a[i].source = &sources[i];
        ck_assert_ptr_null(a[i].data);
    }
    return f;
}

/* Reads blocks in any order, and all of them in order. */
static void check_blocks(const struct mt_array *a, const void *should)
{
    struct mt_block_rooms *rooms = mt_block_rooms_new(1);
    size_t size = mt_dtype_size(a->dtype);
    unsigned char *all = malloc(mt_array_bytes(a));
    unsigned char *one = malloc(MT_BLOCK * size);
    struct mt_block_stream *s = NULL;

    ck_assert(rooms && all && one);
    ck_assert_int_eq(mt_block_stream_open(a, &s, &err), MT_OK);
    ck_assert_uint_eq(mt_block_stream_blocks(s), 3);
    ck_assert_uint_eq(mt_block_stream_elements(s, 0), MT_BLOCK);
    ck_assert_uint_eq(mt_block_stream_elements(s, 2), 777);
    ck_assert_uint_eq(mt_block_stream_room(s), MT_BLOCK * size);
    ck_assert(!mt_block_stream_is_serial(s));
    for (size_t k = 3; k-- > 0;) {
        ck_assert_int_eq(mt_block_stream_read(s, k, rooms, 0, one, &err),
                         MT_OK);
        ck_assert_mem_eq(one, (const char *)should + k * MT_BLOCK * size,
                         mt_block_stream_elements(s, k) * size);
    }
    mt_block_stream_close(s);
    mt_block_rooms_free(rooms);
    ck_assert_int_eq(mt_block_stream_read_all(a, NULL, all, &err), MT_OK);
    ck_assert_mem_eq(all, should, mt_array_bytes(a));
    free(one);
    free(all);
}

START_TEST(blocks_of_all)
{
    struct mt_array a[4], b[4];
    struct mt_source sources[4];
    size_t n = fill(a);

    check_blocks(&a[0], weights); /* in memory */
    testing_write("x.mtc", a, n);
    struct mt_statefile *f = open_arrays("x.mtc", b, sources, n);

    check_blocks(&b[0], weights);
    check_blocks(&b[3], doubles);
    mt_statefile_close(f);

    a[0].name = "big", a[2].name = "none", a[3].name = "wide";
    ck_assert_int_eq(
        mt_statefile_write("x.safetensors", a, n, NULL, NULL, &err), MT_OK);
    f = open_arrays("x.safetensors", b, sources, n);
    check_blocks(&b[1], weights); /* the text comes first */
    check_blocks(&b[3], doubles);
    mt_statefile_close(f);
}
END_TEST

/* A file written from another file has the same bytes as one from memory. */
START_TEST(copies)
{
    struct mt_array a[4], b[4];
    struct mt_source sources[4];
    size_t n = fill(a);
    struct mt_team *team = NULL;
    struct mt_statefile *f;

    ck_assert_int_eq(mt_team_new(3, &team, &err), MT_OK);
    testing_write("x.mtc", a, n);
    f = open_arrays("x.mtc", b, sources, n);
    ck_assert_msg(mt_ckpt_write("y.mtc", b, n, team, NULL, &err) == MT_OK, "%s",
                  err.text);
    ck_assert_msg(mt_statefile_write("y.safetensors", b, n, team, NULL, &err) ==
                      MT_OK,
                  "%s", err.text);
    mt_statefile_close(f);
    mt_team_free(team);
    ck_assert_int_eq(
        mt_statefile_write("x.safetensors", a, n, NULL, NULL, &err), MT_OK);
    static const char *const pairs[][2] = {
        { "x.mtc", "y.mtc" }, { "x.safetensors", "y.safetensors" }
    };

    for (size_t i = 0; i < 2; i++) {
        struct mt_bytes x = testing_get(pairs[i][0]);
        struct mt_bytes y = testing_get(pairs[i][1]);

        ck_assert_uint_eq(x.n, y.n);
        ck_assert_mem_eq(x.data, y.data, x.n);
        free(x.data);
        free(y.data);
    }
}
END_TEST

START_TEST(converts)
{
    static const float as_floats[5] = { 1, -1, 0x1p-24f, INFINITY, -0.0f };
    struct mt_array a[2] = {
        testing_array("h", MT_F16, mt_shape_of(1, (size_t)5), halves),
        testing_array("i", MT_I32, mt_shape_of(1, (size_t)5),
                      (int32_t[]){ 1, 2, 3, 4, 5 }),
    };
    struct mt_array b[2];
    struct mt_source sources[2];
    struct mt_block_stream *s = NULL;
    float out[5];

    ck_assert_int_eq(
        mt_statefile_write("h.safetensors", a, 2, NULL, NULL, &err), MT_OK);
    struct mt_statefile *f = open_arrays("h.safetensors", b, sources, 2);

    b[0].dtype = b[1].dtype = MT_F32;
    ck_assert_int_eq(mt_block_stream_read_all(&b[0], NULL, out, &err), MT_OK);
    ck_assert_mem_eq(out, as_floats, sizeof out);
    ck_assert_int_eq(mt_block_stream_open(&b[1], &s, &err), MT_MISMATCH);
    testing_says(err, "h.safetensors: tensor \"i\"",
                 "is int32, expected a floating-point type");
    mt_statefile_close(f);
}
END_TEST

/* Compares block k of two files without unpacking it. */
static mt_status compare(const char *a, const char *b, size_t k, bool *same)
{
    struct mt_array x[4], y[4];
    struct mt_source sx[4], sy[4];
    struct mt_statefile *f = open_arrays(a, x, sx, 4);
    struct mt_statefile *g = open_arrays(b, y, sy, 4);
    struct mt_block_rooms *rooms = mt_block_rooms_new(1);
    struct mt_block_stream *s = NULL, *t = NULL;
    mt_status status;

    *same = false;
    ck_assert_int_eq(mt_block_stream_open(&x[0], &s, &err), MT_OK);
    ck_assert_int_eq(mt_block_stream_open(&y[0], &t, &err), MT_OK);
    ck_assert(mt_block_streams_alike(s, t));
    status = mt_block_streams_same(s, t, k, rooms, 0, same, &err);
    mt_block_stream_close(s);
    mt_block_stream_close(t);
    mt_block_rooms_free(rooms);
    mt_statefile_close(f);
    mt_statefile_close(g);
    return status;
}

/* A bit that is flipped in the same place of both is found. */
START_TEST(stored_bytes)
{
    struct mt_array a[4];
    size_t n = fill(a);
    bool same;

    testing_write("a.mtc", a, n);
    weights[MT_BLOCK] += 1;
    testing_write("b.mtc", a, n);
    ck_assert_int_eq(compare("a.mtc", "b.mtc", 0, &same), MT_OK);
    ck_assert(same);
    ck_assert_int_eq(compare("a.mtc", "b.mtc", 1, &same), MT_OK);
    ck_assert(!same);

    struct mt_bytes bytes = testing_get("a.mtc");

    bytes.data[CKPT_HEADER + CKPT_CHUNK_HEADER + 100] ^= 4;
    testing_put("c.mtc", bytes.data, bytes.n);
    testing_put("d.mtc", bytes.data, bytes.n);
    free(bytes.data);
    ck_assert_int_eq(compare("c.mtc", "d.mtc", 0, &same), MT_DAMAGED);
    testing_says(err, "c.mtc: damaged: array \"model/big\", chunk 0 at offset ",
                 "CRC-32");
    ck_assert_int_eq(compare("a.mtc", "c.mtc", 0, &same), MT_OK);
    ck_assert(!same);
    ck_assert_int_eq(compare("c.mtc", "d.mtc", 1, &same), MT_OK);
    ck_assert(same);
}
END_TEST

/* Damage that is found while a copy is being made ends the copy. */
START_TEST(damage)
{
    struct mt_array a[4], b[4];
    struct mt_source sources[4];
    size_t n = fill(a);

    testing_write("x.mtc", a, n);
    struct mt_bytes bytes = testing_get("x.mtc");

    bytes.data[CKPT_HEADER + CKPT_CHUNK_HEADER + 100] ^= 4;
    testing_put("x.mtc", bytes.data, bytes.n);
    free(bytes.data);
    struct mt_statefile *f = open_arrays("x.mtc", b, sources, n);

    ck_assert_int_eq(mt_ckpt_write("y.mtc", b, n, NULL, NULL, &err),
                     MT_DAMAGED);
    testing_says(err, "x.mtc: damaged: array \"model/big\"", "CRC-32");
    ck_assert_int_eq(
        mt_statefile_write("y.safetensors", b, n, NULL, NULL, &err),
        MT_DAMAGED);
    mt_statefile_close(f);
    ck_assert_int_eq(testing_count("."), 1);
}
END_TEST

Suite *blockstream_suite(void);

Suite *blockstream_suite(void)
{
    Suite *suite = suite_create("blockstream");
    TCase *tc = tcase_create("blockstream");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, blocks_of_all);
    tcase_add_test(tc, copies);
    tcase_add_test(tc, converts);
    tcase_add_test(tc, stored_bytes);
    tcase_add_test(tc, damage);
    suite_add_tcase(suite, tc);
    return suite;
}
