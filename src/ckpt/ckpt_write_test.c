#include <signal.h>
#include <sys/resource.h>

#include "ckpt/ckpt_testing.h"

/* A file of version 1.0 as described in the manual, made by another program.
 * Bytes between the pieces are zero. Nothing in it is deflated. */
static const struct {
    size_t at, n;
    const char *bytes;
} golden[] = {
    { 0, 9, "\x89\x4d\x54\x43\x0d\x0a\x1a\x0a\x01" },
    { 60, 8, "\xe8\xe6\x27\x69\x89\x4d\x54\x4b" },
    { 76, 1, "\x02" },
    { 80, 1, "\x01" },
    { 92, 1, "\x02" },
    { 124, 6, "\xc2\x1d\xf3\x7b\x7b\x7d" },
    { 192, 5, "\x89\x4d\x54\x4b\x01" },
    { 204, 1, "\x0c" },
    { 208, 2, "\x04\x01" },
    { 220, 1, "\x03" },
    { 224, 1, "\x03" },
    { 228, 1, "\x03" },
    { 232, 1, "\x03" },
    { 252, 5, "\xcd\x5e\x79\x49\x01" },
    { 264, 4, "\x80\x7f\x7e\x7f" },
    { 320, 5, "\x89\x4d\x54\x4b\x03" },
    { 332, 1, "\x08" },
    { 336, 1, "\x08" },
    { 348, 1, "\x01" },
    { 352, 1, "\x01" },
    { 356, 1, "\x01" },
    { 360, 1, "\x01" },
    { 364, 1, "\x01" },
    { 368, 1, "\x01" },
    { 372, 1, "\x01" },
    { 376, 1, "\x01" },
    { 380, 12, "\x4f\xa2\x0f\xbd\xfe\xff\xff\xff\xff\xff\xff\xff" },
    { 448, 1, "\x04" },
    { 456, 19,
      "\x09\x00\x73\x70\x65\x63\x2f\x6a\x73\x6f\x6e\x05\x75\x69"
      "\x6e\x74\x38\x01\x02" },
    { 482, 34,
      "\xc7\x4f\x30\x08\xfd\xd2\xf7\xc5\xae\x54\x46\xab\x2e\x52"
      "\x26\x29\xf6\x33\x46\xf6\x8a\x40\x26\xb4\xf7\x2b\x91\xb3"
      "\x93\x47\x5f\xf6\x00\x40" },
    { 523, 1, "\x80" },
    { 531, 19,
      "\x07\x00\x6d\x6f\x64\x65\x6c\x2f\x77\x07\x66\x6c\x6f\x61"
      "\x74\x33\x32\x02\x01" },
    { 557, 1, "\x03" },
    { 565, 34,
      "\x9d\x38\xbd\x09\xf8\x41\x7a\x5b\x5e\xcb\xde\xa8\x1b\xb5"
      "\xd9\x88\x96\x6c\x6d\x50\x42\x41\x5c\xce\x5e\xfe\x50\x5e"
      "\xb1\x1e\xd7\x46\x00\xc0" },
    { 606, 1, "\x80" },
    { 614, 25,
      "\x0e\x00\x6f\x70\x74\x69\x6d\x69\x7a\x65\x72\x2f\x6e\x6f"
      "\x6e\x65\x07\x66\x6c\x6f\x61\x74\x36\x34\x02" },
    { 647, 1, "\x04" },
    { 655, 35,
      "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f"
      "\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b"
      "\x78\x52\xb8\x55\x00\x40\x01" },
    { 704, 57,
      "\x0d\x00\x70\x72\x6f\x67\x72\x65\x73\x73\x2f\x73\x74\x65"
      "\x70\x05\x69\x6e\x74\x36\x34\x00\x98\x5e\x42\x7d\xf1\x2b"
      "\x6e\x0c\x34\x31\x3d\xba\xb2\xfd\x2b\x12\xd7\xa5\xb5\x55"
      "\x0a\xb6\x2f\x1b\x70\xd3\x68\x27\xb2\xfc\x05\xb8\x00\x40"
      "\x01" },
    { 767, 1, "\x80" },
    { 832, 10, "\x89\x4d\x54\x43\x45\x4e\x44\x0a\xc0\x01" },
    { 848, 2, "\x47\x01" },
    { 856, 2, "\xc0\x03" },
    { 864, 1, "\x04" },
    { 872, 36,
      "\x89\x71\x8f\x8d\x53\x74\x73\x96\xcb\xe8\x13\xa8\x00\xde"
      "\x60\xc8\x65\x93\xdf\x82\x93\x2b\x7f\x30\x72\x3c\x29\x64"
      "\x0c\xd2\xcb\xe8\x08\xcb\x5c\x83" },
    { 956, 4, "\x4a\x23\xf0\x99" },
};

enum { GOLDEN_SIZE = 960 };

static const char golden_digest[] =
    "89718f8d53747396cbe813a800de60c86593df82932b7f30723c29640cd2cbe8";

static void make_golden(unsigned char out[GOLDEN_SIZE])
{
    memset(out, 0, GOLDEN_SIZE);
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        memcpy(out + golden[i].at, golden[i].bytes, golden[i].n);
}

static size_t golden_arrays(struct mt_array out[4])
{
    static char spec[2] = { '{', '}' };
    static float w[3] = { -1.0f, 0.5f, 1.5f };
    static int64_t step = -2;

    out[0] = testing_array("spec/json", MT_U8, mt_shape_of(1, (size_t)2), spec);
    out[1] = testing_array("model/w", MT_F32,
                           mt_shape_of(2, (size_t)1, (size_t)3), w);
    out[2] = testing_array("optimizer/none", MT_F64,
                           mt_shape_of(2, (size_t)0, (size_t)4), NULL);
    out[3] = testing_array("progress/step", MT_I64, mt_shape_of(0), &step);
    return 4;
}

START_TEST(writes_the_format)
{
    struct mt_array a[4];
    struct mt_ckpt_info info;
    unsigned char expect[GOLDEN_SIZE];

    make_golden(expect);
    ck_assert_int_eq(
        mt_ckpt_write("x.mtc", a, golden_arrays(a), NULL, &info, &err), MT_OK);
    struct mt_bytes b = testing_get("x.mtc");

    ck_assert_uint_eq(b.n, GOLDEN_SIZE);
    for (size_t i = 0; i < b.n; i++)
        ck_assert_msg(b.data[i] == expect[i], "byte %zu is %02x, expected %02x",
                      i, b.data[i], expect[i]);
    free(b.data);
    ck_assert_uint_eq(info.bytes, GOLDEN_SIZE);
    ck_assert_uint_eq(info.raw_bytes, 2 + 12 + 8);
    ck_assert_str_eq(info.digest, golden_digest);
}
END_TEST

START_TEST(reads_the_format)
{
    unsigned char bytes[GOLDEN_SIZE];
    struct mt_array a[4];
    struct mt_ckpt *c = NULL;
    char out[16];

    make_golden(bytes);
    testing_put("x.mtc", bytes, sizeof bytes);
    ck_assert_msg(mt_ckpt_open("x.mtc", &c, &err) == MT_OK, "%s", err.text);
    ck_assert_uint_eq(mt_ckpt_count(c), golden_arrays(a));
    for (size_t i = 0; i < 4; i++) {
        const struct mt_array *is = mt_ckpt_array(c, i);

        ck_assert_str_eq(is->name, a[i].name);
        ck_assert_int_eq(is->dtype, a[i].dtype);
        ck_assert(mt_shape_equal(&is->shape, &a[i].shape));
        ck_assert_int_eq(mt_ckpt_read(c, is, out, NULL, &err), MT_OK);
        if (a[i].data)
            ck_assert_mem_eq(out, a[i].data, mt_array_bytes(&a[i]));
    }
    ck_assert_str_eq(mt_ckpt_info(c).digest, golden_digest);
    mt_ckpt_close(c);
}
END_TEST

START_TEST(any_team_gives_the_same_bytes)
{
    static const size_t threads[] = { 1, 2, 3, 7 };
    size_t n = 2 * (size_t)CKPT_CHUNK_ELEMENTS + 1000;
    float *weights = malloc(n * sizeof *weights);
    struct mt_array a[SMALL_ARRAYS + 1];
    struct mt_ckpt_info info, first;
    struct mt_bytes expect;

    ck_assert_ptr_nonnull(weights);
    for (size_t i = 0; i < n; i += 1000)
        testing_weights("big", weights + i, n - i < 1000 ? n - i : 1000);
    testing_small(a);
    a[SMALL_ARRAYS] = a[0];
    a[0] = testing_array("model/big", MT_F32, mt_shape_of(1, n), weights);
    ck_assert_int_eq(
        mt_ckpt_write("x.mtc", a, SMALL_ARRAYS + 1, NULL, &first, &err), MT_OK);
    expect = testing_get("x.mtc");
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct mt_team *team = NULL;

        ck_assert_int_eq(mt_team_new(threads[t], &team, &err), MT_OK);
        ck_assert_int_eq(
            mt_ckpt_write("y.mtc", a, SMALL_ARRAYS + 1, team, &info, &err),
            MT_OK);
        mt_team_free(team);
        struct mt_bytes b = testing_get("y.mtc");

        ck_assert_uint_eq(b.n, expect.n);
        ck_assert(memcmp(b.data, expect.data, b.n) == 0);
        ck_assert_str_eq(info.digest, first.digest);
        free(b.data);
    }
    free(expect.data);
    free(weights);
}
END_TEST

static void write_fails(const struct mt_array *a, size_t n, const char *place,
                        const char *cause)
{
    testing_put("x.mtc", "old", 3);
    ck_assert_int_eq(mt_ckpt_write("x.mtc", a, n, NULL, NULL, &err),
                     MT_INVALID);
    testing_says(err, "x.mtc: ", cause);
    testing_says(err, place, cause);
    testing_holds("x.mtc", "old");
    ck_assert_int_eq(testing_count("."), 1);
}

START_TEST(refuses_arrays)
{
    struct mt_array good[SMALL_ARRAYS], a[SMALL_ARRAYS];
    size_t n = testing_small(good), huge = (size_t)1 << 40;

#define REFUSED(change, place, cause)                                          \
    do {                                                                       \
        memcpy(a, good, sizeof a);                                             \
        change;                                                                \
        write_fails(a, n, place, cause);                                       \
    } while (0)
    REFUSED(a[1].name = "", "array 1", "is empty");
    REFUSED(a[1].name = "model/../x", "array 1", "\".\" or \"..\"");
    REFUSED(a[1].name = "model/a\nb", "array 1", "control character");
    REFUSED(a[5].name = a[1].name, "model/fc1.weight", "is there twice");
    REFUSED(a[1].dtype = MT_F16, "model/fc1.weight", "cannot hold float16");
    REFUSED(a[1].dtype = MT_BF16, "model/fc1.weight", "cannot hold bfloat16");
    REFUSED(a[1].shape.rank = 9, "model/fc1.weight", "9 dimensions");
    REFUSED(a[1].shape = mt_shape_of(2, huge, huge), "model/fc1.weight",
            "[1099511627776, 1099511627776] is too large");
    REFUSED(a[1].data = NULL, "model/fc1.weight", "has no data");
#undef REFUSED
}
END_TEST

START_TEST(refuses_too_large_an_index)
{
    enum { N = (CKPT_MAX_INDEX >> 10) + 1 };
    struct mt_array *a = calloc(N, sizeof *a);
    char *names = malloc((size_t)N * (MT_CKPT_MAX_NAME + 1));

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(names);
    for (size_t i = 0; i < N; i++) {
        char *name = names + i * (MT_CKPT_MAX_NAME + 1);

        snprintf(name, MT_CKPT_MAX_NAME + 1, "%01024zu", i);
        a[i] = testing_array(name, MT_F32, mt_shape_of(1, (size_t)0), NULL);
    }
    write_fails(a, N, "too many arrays", "at most 67108864");
    write_fails(NULL, MT_CKPT_MAX_ARRAYS + 1, "arrays", "at most 1048576");
    free(names);
    free(a);
}
END_TEST

START_TEST(a_state_without_arrays)
{
    struct mt_ckpt_info info;
    struct mt_ckpt *c = NULL;

    ck_assert_int_eq(mt_ckpt_write("x.mtc", NULL, 0, NULL, &info, &err), MT_OK);
    ck_assert_uint_eq(info.bytes, 256);
    ck_assert_int_eq(mt_ckpt_open("x.mtc", &c, &err), MT_OK);
    ck_assert_uint_eq(mt_ckpt_count(c), 0);
    ck_assert_ptr_null(mt_ckpt_find(c, "x"));
    ck_assert_str_eq(mt_ckpt_info(c).digest, info.digest);
    mt_ckpt_close(c);
}
END_TEST

START_TEST(a_full_disk_keeps_the_old_file)
{
    struct rlimit old, limit;
    struct mt_array a[SMALL_ARRAYS];
    size_t n = testing_small(a);

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    testing_put("x.mtc", "old", 3);
    for (limit.rlim_cur = 10; limit.rlim_cur < 2000; limit.rlim_cur += 200) {
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        mt_status status = mt_ckpt_write("x.mtc", a, n, NULL, NULL, &err);

        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
        ck_assert_int_eq(status, MT_IO);
        testing_says(err, "x.mtc: ", "cannot write: File too large");
        testing_holds("x.mtc", "old");
        ck_assert_int_eq(testing_count("."), 1);
    }
    ck_assert_int_eq(mt_ckpt_write("none/x", a, n, NULL, NULL, &err), MT_IO);
    testing_says(err, "none/x: ", "does not exist");
}
END_TEST

Suite *ckpt_write_suite(void);
Suite *ckpt_write_suite(void)
{
    Suite *s = suite_create("ckpt_write");
    TCase *tc = tcase_create("ckpt_write");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_add_test(tc, writes_the_format);
    tcase_add_test(tc, reads_the_format);
    tcase_add_test(tc, any_team_gives_the_same_bytes);
    tcase_add_test(tc, refuses_arrays);
    tcase_add_test(tc, refuses_too_large_an_index);
    tcase_add_test(tc, a_state_without_arrays);
    tcase_add_test(tc, a_full_disk_keeps_the_old_file);
    suite_add_tcase(s, tc);
    return s;
}
