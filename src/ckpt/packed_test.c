/* Arrays that grow from one checkpoint to the next: the file is the same as
 * from a writer that keeps nothing. */
#include "base/inject_testing.h"
#include "base/team.h"
#include "ckpt/ckpt_testing.h"
#include "ckpt/packed_internal.h"

enum {
    P = MT_PLANES_PIECE,
    C = CKPT_CHUNK_ELEMENTS,
    COLUMNS = 6,
    MOST = C + P + 1,
};

static const size_t sizes[] = { 1,     P - 1, P, P + 1, P + 1, 2 * P, 2 * P + 1,
                                C - P, C - 1, C, C + 1, C + P, MOST };
enum { SIZES = sizeof sizes / sizeof *sizes };

static uint64_t column[COLUMNS][MOST];
static struct mt_packed packed[COLUMNS];
static struct mt_team *team;

static uint64_t noise(size_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    return x ^ x >> 27;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Counts, a constant, noise, a loss that becomes constant, one that stops being
 * constant, a loss of few digits. */
static void enter(void)
{
    double scale = 0x1p-64;

    for (size_t i = 0; i < MOST; i++) {
        column[0][i] = 7 * i;
        column[1][i] = bits_of(0.001);
        column[2][i] = noise(i);
        column[3][i] = i < 3 * P / 2 ? noise(i) : bits_of(0.25);
        column[4][i] = i < 2 * P ? 0 : noise(i);
        column[5][i] = bits_of((double)(noise(i) >> 54) + scale);
    }
    ck_assert_int_eq(mt_team_new(3, &team, &err), MT_OK);
    testing_enter_memory();
}

static void leave(void)
{
    for (size_t c = 0; c < COLUMNS; c++)
        mt_packed_free(&packed[c]);
    mt_team_free(team);
    testing_leave();
}

static void write_file(const char *path, size_t n, bool remember)
{
    static const char *const names[COLUMNS] = { "a", "b", "c", "d", "e", "f" };
    struct mt_array a[COLUMNS];

    for (size_t c = 0; c < COLUMNS; c++) {
        a[c] = testing_array(names[c], c == 0 ? MT_I64 : MT_F64,
                             mt_shape_of(1, n), column[c]);
        a[c].packed = remember ? &packed[c] : NULL;
    }
    ck_assert_msg(mt_ckpt_write(path, a, COLUMNS, team, NULL, &err) == MT_OK,
                  "%s", err.text);
}

/* The file of n elements is the same as without keeping anything. */
static void assert_right(size_t n)
{
    write_file("plain.mtc", n, false);
    write_file("grown.mtc", n, true);
    struct mt_bytes plain = testing_get("plain.mtc");
    struct mt_bytes grown = testing_get("grown.mtc");

    ck_assert_uint_eq(plain.n, grown.n);
    ck_assert(memcmp(plain.data, grown.data, plain.n) == 0);
    free(plain.data);
    free(grown.data);
}

/* From its first element on, or from what a checkpoint had. */
START_TEST(a_grown_array_is_written_as_any)
{
    for (size_t i = (size_t)_i * 3; i < SIZES; i++)
        assert_right(sizes[i]);
    ck_assert_uint_eq(packed[0].n, 2);
    for (size_t c = 0; c < COLUMNS; c++) {
        ck_assert_uint_eq(packed[c].chunk[0].planes.done, C - P);
        ck_assert_uint_eq(packed[c].chunk[0].hashed, C);
        ck_assert_uint_eq(packed[c].chunk[1].planes.done, P);
        ck_assert_uint_eq(packed[c].chunk[1].hashed, P + 1);
    }
}
END_TEST

/* The pieces are guaranteed, like the bytes of each (deflate_test.c). */
START_TEST(the_same_bytes_for_ever)
{
    static const struct {
        size_t n;
        uint32_t crc;
    } expect[] = { { P, 0x116a0368 },
                   { P + 1, 0x1e592600 },
                   { 5 * P + 99, 0x291e3dc3 } };

    for (size_t i = 0; i < sizeof expect / sizeof *expect; i++) {
        write_file("a.mtc", expect[i].n, false);
        struct mt_bytes b = testing_get("a.mtc");
        uint32_t crc = (uint32_t)crc32(0, b.data, (uInt)b.n);

        free(b.data);
        ck_assert_msg(crc == expect[i].crc, "%zu elements: %08x, expected %08x",
                      expect[i].n, crc, expect[i].crc);
    }
}
END_TEST

START_TEST(it_reads_as_it_was)
{
    struct mt_ckpt *ckpt;
    uint64_t *back = malloc(MOST * sizeof *back);

    ck_assert_ptr_nonnull(back);
    for (size_t i = 0; i < SIZES; i += 4) {
        write_file("a.mtc", sizes[i], true);
        ck_assert_int_eq(mt_ckpt_verify("a.mtc", NULL, NULL, team, &err),
                         MT_OK);
        ck_assert_int_eq(mt_ckpt_open("a.mtc", &ckpt, &err), MT_OK);
        for (size_t c = 0; c < COLUMNS; c++) {
            ck_assert_int_eq(
                mt_ckpt_read(ckpt, mt_ckpt_array(ckpt, c), back, team, &err),
                MT_OK);
            ck_assert(memcmp(back, column[c], 8 * sizes[i]) == 0);
        }
        mt_ckpt_close(ckpt);
    }
    free(back);
}
END_TEST

/* All elements from n on change. */
static void change(size_t n)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        for (size_t i = n; i < MOST; i++)
            column[c][i] = column[c][i] * 3 + c;
        mt_packed_cut(&packed[c], n);
    }
}

START_TEST(what_changed_is_packed_anew)
{
    static const size_t cuts[] = { C + 1, C, C - 1, C - P, P + 1, P, P - 1, 0 };

    assert_right(MOST);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        change(cuts[i]);
        assert_right(cuts[i] + 1);
        assert_right(cuts[i] < P ? cuts[i] + P + 1 : MOST);
    }
}
END_TEST

/* One element fewer: then a piece that was packed is no longer complete. */
START_TEST(a_cut_without_a_change_is_allowed)
{
    for (size_t n = 3 * P + 1; n > 2 * P - 2; n--) {
        if (n % P < 3 || n % P > P - 3)
            assert_right(n);
        for (size_t c = 0; c < COLUMNS; c++)
            mt_packed_cut(&packed[c], n - 1);
    }
}
END_TEST

/* If memory runs out, the file is still right, or not written. */
START_TEST(memory_runs_out)
{
    struct mt_team *many = team;
    bool done = false;

    team = NULL; /* calls are counted in one order */
    for (size_t at = 1; !done; at++) {
        for (size_t c = 0; c < COLUMNS; c++)
            mt_packed_free(&packed[c]);
        write_file("a.mtc", P, true);
        struct mt_array a = testing_array(
            "c", MT_F64, mt_shape_of(1, (size_t)(3 * P)), column[2]);

        a.packed = &packed[2];
        inject_start((struct inject){ .kind = INJECT_MEMORY, .at = at });
        mt_status status = mt_ckpt_write("c.mtc", &a, 1, NULL, NULL, &err);

        done = inject_stop() < at;
        ck_assert(status == MT_OK || status == MT_NO_MEMORY);
        assert_right(3 * P + 1);
    }
    team = many;
}
END_TEST

Suite *packed_suite(void);
Suite *packed_suite(void)
{
    Suite *s = suite_create("packed");
    TCase *tc = tcase_create("packed");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, enter, leave);
    tcase_add_loop_test(tc, a_grown_array_is_written_as_any, 0, SIZES / 3);
    tcase_add_test(tc, the_same_bytes_for_ever);
    tcase_add_test(tc, it_reads_as_it_was);
    tcase_add_test(tc, what_changed_is_packed_anew);
    tcase_add_test(tc, a_cut_without_a_change_is_allowed);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(s, tc);
    return s;
}
