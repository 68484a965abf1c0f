#include "train/compare.h"

#include <float.h>

#include "ckpt/blockstream.h"
#include "ckpt/ckpt_testing.h"
#include "ckpt/statefile.h"

static const struct mt_tolerance exact;

static struct mt_compared compare(enum mt_dtype dtype, const void *a,
                                  const void *b, size_t n, double atol,
                                  double rtol)
{
    struct mt_tolerance t = { atol, rtol };
    struct mt_compared c;

    mt_compare_block(dtype, a, b, n, &t, &c);
    return c;
}

START_TEST(floats)
{
    float a[19], b[19];
    struct mt_compared c;

    for (int i = 0; i < 19; i++)
        a[i] = b[i] = (float)i;
    c = compare(MT_F32, a, b, 19, 0, 0);
    ck_assert(c.n == 19 && c.n_differ == 0 && c.n_unequal == 0);
    ck_assert(c.max_abs == 0 && c.squares == 0 && c.max_ulp == 0);
    ck_assert(c.aa == 2109 && c.ab == 2109 && c.bb == 2109);
    ck_assert(fabs(mt_compared_cosine(&c) - 1) < 1e-15);
    for (int at = 0; at < 19; at++) { /* in the lanes and after them */
        b[at] += 0.5f;
        c = compare(MT_F32, a, b, 19, 0, 0);
        ck_assert(c.n_differ == 1 && c.first == (size_t)at);
        ck_assert(c.max_abs == 0.5 && c.squares == 0.25);
        ck_assert(compare(MT_F32, a, b, 19, 0.5, 0).n_differ == 0);
        ck_assert(compare(MT_F32, a, b, 19, 0.499, 0).n_differ == 1);
        ck_assert(compare(MT_F32, a, b, 19, 0.499, 0).first == (size_t)at);
        ck_assert(compare(MT_F32, a, b, 19, 0, 1).n_differ == 0);
        b[at] = a[at];
    }
}
END_TEST

/* Equal values with different bits, and equal bits that are no values. */
START_TEST(odd_floats)
{
    static const struct {
        float a, b;
        uint64_t ulp;
        bool unequal, beyond; /* with a tolerance */
        double max;
    } rows[] = {
        { 0.0f, -0.0f, 0, true, false, 0 },
        { NAN, NAN, 0, false, false, 0 },
        { INFINITY, INFINITY, 0, false, false, 0 },
        { INFINITY, FLT_MAX, 1, true, true, (double)INFINITY },
        { -0x1p-149f, 0x1p-149f, 2, true, false, 0x1p-148 },
        { 1, 0x1.000002p0f, 1, true, false, 0x1p-23 },
        { -FLT_MAX, FLT_MAX, 0xfefffffe, true, true, 0x1.fffffep128 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mt_compared c = compare(MT_F32, &rows[i].a, &rows[i].b, 1, 0, 0);

        ck_assert_uint_eq(c.n_unequal, rows[i].unequal);
        ck_assert_uint_eq(c.n_differ, rows[i].unequal);
        ck_assert_uint_eq(c.max_ulp, rows[i].ulp);
        ck_assert_msg(c.max_abs == rows[i].max, "%zu: %g", i, c.max_abs);
        c = compare(MT_F32, &rows[i].a, &rows[i].b, 1, 1e-3, 1e-3);
        ck_assert_uint_eq(c.n_differ, rows[i].beyond);
        c = compare(MT_F32, &rows[i].b, &rows[i].a, 1, 1e-3, 1e-3);
        ck_assert_uint_eq(c.n_differ, rows[i].beyond);
    }
    float one = 1, none = NAN;
    struct mt_compared c = compare(MT_F32, &one, &none, 1, 1e30, 0);

    ck_assert(c.n_differ == 1 && isnan(c.max_abs));
    ck_assert(isnan(mt_compared_cosine(&c)) && isnan(mt_compared_rms(&c)));
}
END_TEST

START_TEST(other_types)
{
    double d[2][2] = { { 1, 2 }, { 1, 0x1.0000000000002p1 } };
    uint16_t h[2][2] = { { 0x3c00, 0x8001 }, { 0x3c02, 0x0001 } };
    int64_t i[2][2] = { { INT64_MAX, 5 }, { INT64_MAX - 1, 5 } };
    uint8_t u[2][2] = { { 3, 4 }, { 3, 6 } };
    struct mt_compared c = compare(MT_F64, d[0], d[1], 2, 0, 0);

    ck_assert(c.n_differ == 1 && c.first == 1 && c.max_ulp == 2);
    c = compare(MT_F16, h[0], h[1], 2, 0, 0);
    ck_assert(c.n_differ == 2 && c.max_ulp == 2 && c.max_abs == 0x1p-9);
    c = compare(MT_I64, i[0], i[1], 2, 0, 0);
    ck_assert(c.n_differ == 1 && c.first == 0 && c.max_ulp == 0);
    c = compare(MT_U8, u[0], u[1], 2, 0, 0);
    ck_assert(c.n_differ == 1 && c.max_abs == 2 && c.squares == 4);
}
END_TEST

START_TEST(sums)
{
    struct mt_compared all = { 0 };
    struct mt_compared first = { .n = 10, .aa = 1, .bb = 4, .ab = 2 };
    struct mt_compared second = { .n = 10,
                                  .n_differ = 2,
                                  .n_unequal = 3,
                                  .first = 4,
                                  .max_abs = 7,
                                  .squares = 98,
                                  .aa = 3,
                                  .bb = 12,
                                  .ab = 6,
                                  .max_ulp = 9 };

    mt_compare_add(&all, &first);
    mt_compare_add(&all, &second);
    mt_compare_add(&all, &second);
    ck_assert(all.n == 30 && all.n_differ == 4 && all.n_unequal == 6);
    ck_assert(all.first == 14 && all.max_abs == 7 && all.max_ulp == 9);
    ck_assert(fabs(mt_compared_rms(&all) - sqrt(196.0 / 30)) < 1e-15);
    ck_assert(fabs(mt_compared_cosine(&all) - 1) < 1e-15);
    second.max_abs = (double)NAN;
    mt_compare_add(&all, &second);
    mt_compare_add(&all, &first);
    ck_assert(isnan(all.max_abs));
}
END_TEST

enum { BIG = MT_BLOCK * 2 + 100, ARRAYS = 5 };

static float values[2][BIG];

/* Five arrays of different sizes, of which one differs in its last block. */
static void write_two(void)
{
    static float small[ARRAYS][10];

    testing_weights("v", values[0], BIG);
    memcpy(values[1], values[0], sizeof values[0]);
    values[1][MT_BLOCK * 2 + 7] += 1;
    for (int side = 0; side < 2; side++) {
        struct mt_array a[ARRAYS];

        for (size_t i = 0; i < ARRAYS; i++) {
            static char names[ARRAYS][8];

            snprintf(names[i], sizeof names[i], "a%zu", i);
            a[i] = testing_array(names[i], MT_F32, mt_shape_of(1, i), small[i]);
        }
        a[2] = testing_array("a2", MT_F32, mt_shape_of(1, (size_t)BIG),
                             values[side]);
        a[4] =
            testing_array("a4", MT_F32, mt_shape_of(1, (size_t)BIG), values[0]);
        testing_write(side ? "b.mtc" : "a.mtc", a, ARRAYS);
        ck_assert_int_eq(mt_statefile_write(side ? "b.npz" : "a.npz", a, ARRAYS,
                                            NULL, NULL, &err),
                         MT_OK);
    }
}

struct opened {
    struct mt_statefile *file;
    struct mt_array arrays[ARRAYS];
    struct mt_source sources[ARRAYS];
};

static void open_file(const char *path, struct opened *o)
{
    ck_assert_msg(mt_statefile_open(path, NULL, &o->file, &err) == MT_OK, "%s",
                  err.text);
    for (size_t i = 0; i < ARRAYS; i++) {
        const struct mt_array *e = mt_statefile_array(o->file, i);

        o->sources[i] = (struct mt_source){ o->file, e };
        o->arrays[i] = *e;
        o->arrays[i].source = &o->sources[i];
    }
}

static mt_status compare_files(const char *a, const char *b, size_t threads,
                               struct mt_compare_pair pairs[ARRAYS])
{
    struct mt_team *team = NULL;
    struct opened x, y;
    mt_status status;

    open_file(a, &x);
    open_file(b, &y);
    for (size_t i = 0; i < ARRAYS; i++) {
        pairs[i].a = &x.arrays[i];
        pairs[i].b = &y.arrays[i];
    }
    ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
    status = mt_compare_pairs(pairs, ARRAYS, &exact, team, &err);
    mt_team_free(team);
    mt_statefile_close(x.file);
    mt_statefile_close(y.file);
    return status;
}

/* The same answer for all formats and any number of workers. */
START_TEST(pairs_of_files)
{
    static const char *const files[][2] = { { "a.mtc", "b.mtc" },
                                            { "a.npz", "b.npz" },
                                            { "a.mtc", "b.npz" },
                                            { "a.npz", "b.mtc" } };
    struct mt_compare_pair first[ARRAYS], again[ARRAYS];

    write_two();
    ck_assert_int_eq(compare_files("a.mtc", "b.mtc", 1, first), MT_OK);
    for (size_t i = 0; i < ARRAYS; i++)
        ck_assert_uint_eq(first[i].result.n_differ, i == 2);
    ck_assert_uint_eq(first[2].result.first, MT_BLOCK * 2 + 7);
    ck_assert_uint_eq(first[2].result.n, BIG);
    ck_assert_uint_eq(first[4].result.n, BIG);
    ck_assert(fabs(first[2].result.max_abs - 1) < 1e-6);
    for (size_t f = 0; f < 4; f++) {
        for (size_t threads = 1; threads <= 3; threads++) {
            ck_assert_msg(compare_files(files[f][0], files[f][1], threads,
                                        again) == MT_OK,
                          "%s", err.text);
            ck_assert_mem_eq(&first[2].result, &again[2].result,
                             sizeof again[2].result);
            for (size_t i = 0; i < ARRAYS; i++)
                ck_assert_uint_eq(again[i].result.n_differ, i == 2);
        }
    }
}
END_TEST

/* Damage is refused on either side, and on both. */
START_TEST(damaged_files)
{
    struct mt_compare_pair pairs[ARRAYS];

    write_two();
    struct mt_bytes bytes = testing_get("b.mtc");

    bytes.data[bytes.n / 3] ^= 1; /* in the large array */
    testing_put("c.mtc", bytes.data, bytes.n);
    free(bytes.data);
    ck_assert_int_eq(compare_files("a.mtc", "c.mtc", 2, pairs), MT_DAMAGED);
    testing_says(err, "c.mtc: damaged: array \"a2\"", "CRC-32");
    ck_assert_int_eq(compare_files("c.mtc", "a.mtc", 2, pairs), MT_DAMAGED);
    testing_says(err, "c.mtc: damaged: array \"a2\"", "CRC-32");
    ck_assert_int_eq(compare_files("c.mtc", "c.mtc", 2, pairs), MT_DAMAGED);
    bytes = testing_get("a.npz");
    bytes.data[bytes.n / 3] ^= 1;
    testing_put("c.npz", bytes.data, bytes.n);
    free(bytes.data);
    ck_assert_int_eq(compare_files("a.mtc", "c.npz", 2, pairs), MT_DAMAGED);
    testing_says(err, "c.npz: damaged: member \"a2.npy\"", "CRC-32");
    ck_assert_int_eq(compare_files("c.npz", "c.npz", 2, pairs), MT_DAMAGED);
}
END_TEST

Suite *compare_suite(void);

Suite *compare_suite(void)
{
    Suite *suite = suite_create("compare");
    TCase *tc = tcase_create("compare");

    tcase_add_checked_fixture(tc, testing_enter, testing_leave);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, floats);
    tcase_add_test(tc, odd_floats);
    tcase_add_test(tc, other_types);
    tcase_add_test(tc, sums);
    tcase_add_test(tc, pairs_of_files);
    tcase_add_test(tc, damaged_files);
    suite_add_tcase(suite, tc);
    return suite;
}
