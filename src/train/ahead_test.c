/* Batches that are read from their file during the step before: the same bits
 * as from memory, also after stops, and the same errors. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/team.h"
#include "train/ahead.h"
#include "train/batch.h"
#include "train/state.h"
#include "train/testing.h"

enum { SAMPLES = 103, INPUT = 7, CLASSES = 3 };

static char dir[64];

static const char *path(const char *name)
{
    static char paths[4][128];
    static size_t i;
    char *out = paths[i++ % 4];

    snprintf(out, sizeof *paths, "%s/%s", dir, name);
    return out;
}

static void write_npy(const char *name, const char *head, const void *data,
                      size_t bytes)
{
    FILE *f = fopen(path(name), "wb");
    unsigned char start[10] = "\x93NUMPY\x01";

    ck_assert_ptr_nonnull(f);
    start[8] = (unsigned char)strlen(head);
    ck_assert_uint_eq(fwrite(start, 1, 10, f), 10);
    ck_assert_uint_eq(fwrite(head, 1, strlen(head), f), strlen(head));
    ck_assert_uint_eq(fwrite(data, 1, bytes, f), bytes);
    ck_assert_int_eq(fclose(f), 0);
}

static void write_files(void)
{
    static float x[SAMPLES][INPUT];
    static int32_t y[SAMPLES];

    for (int i = 0; i < SAMPLES; i++) {
        y[i] = i * 7 % 5 % CLASSES;
        for (int k = 0; k < INPUT; k++)
            x[i][k] = (float)((i * 31 + k * 17) % 29) / 29 + (float)y[i];
    }
    write_npy("x.npy",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (103, 7)}\n",
              x, sizeof x);
    write_npy("y.npy",
              "{'descr': '<i4', 'fortran_order': False, 'shape': (103,)}\n", y,
              sizeof y);
}

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/mtrain-ahead-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    write_files();
}

static void teardown(void)
{
    static const char *const names[] = { "x.npy", "y.npy", "a.mtc", "b.mtc" };

    for (size_t i = 0; i < 4; i++)
        unlink(path(names[i]));
    ck_assert_int_eq(rmdir(dir), 0);
}

static const char *const specs[][7] = {
    { "data.val_split", "0.2", NULL },
    { "data.val", "[\"x.npy\",\"y.npy\"]", "train.accumulate", "3", NULL },
    { "data.shuffle", "false", "data.drop_last", "true", NULL },
    { "data.batch_size", "200", NULL }, /* a single batch */
    { "data.scale", "0.5", "data.mean", "0.1", NULL },
};

enum { SPECS = sizeof specs / sizeof *specs };

/* resident: bytes of an array that stay in memory; 1: none. */
static struct mt_test_session open_spec(size_t i, size_t resident,
                                        struct mt_team *team)
{
    static const char *data =
        "{\"type\":\"npy\",\"train\":[\"x.npy\",\"y.npy\"],"
        "\"batch_size\":16}";
    struct mt_test_session t = { NULL, NULL };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_msg(mt_json_parse("test.json", MT_TEST_SPEC, strlen(MT_TEST_SPEC),
                                &t.doc, &err) == MT_OK &&
                      mt_json_set(t.doc, "data", data, "test", &err) == MT_OK,
                  "%s", err.text);
    for (const char *const *set = specs[i]; *set; set += 2)
        ck_assert(mt_json_set(t.doc, set[0], set[1], "test", &err) == MT_OK);

    struct mt_session_request request = {
        .doc = t.doc, .data_dir = dir, .team = team, .resident = resident
    };

    ck_assert_msg(mt_session_open(&request, &t.s, &err) == MT_OK &&
                      mt_session_init(t.s, &err) == MT_OK,
                  "%s", err.text);
    return t;
}

static void finish(struct mt_test_session *t, const char *name)
{
    struct mt_ckpt_info info;
    struct mt_err err = MT_ERR_INIT;

    mt_test_steps(t->s, t->s->total_steps - t->s->at.step);
    ck_assert_msg(mt_session_save(t->s, path(name), &info, &err) == MT_OK, "%s",
                  err.text);
    mt_test_close(t);
}

static void assert_same_files(void)
{
    struct mt_bytes a, b;
    struct mt_err err = MT_ERR_INIT;

    ck_assert(mt_file_read(path("a.mtc"), 1 << 20, &a, &err) == MT_OK);
    ck_assert(mt_file_read(path("b.mtc"), 1 << 20, &b, &err) == MT_OK);
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.data, b.data, a.n);
    free(a.data);
    free(b.data);
}

START_TEST(same_bytes_as_from_memory)
{
    size_t i = (size_t)_i % SPECS;
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;

    if ((size_t)_i >= SPECS)
        ck_assert(mt_team_new(3, &team, &err) == MT_OK);

    struct mt_test_session memory = open_spec(i, 0, team);
    struct mt_test_session file = open_spec(i, 1, team);

    finish(&memory, "a.mtc");
    mt_test_steps(file.s, 1);
    ck_assert_ptr_nonnull(file.s->ahead);
    finish(&file, "b.mtc");
    assert_same_files();
    mt_team_free(team);
}
END_TEST

/* No threads if there is nothing to read. */
START_TEST(memory_needs_no_thread)
{
    struct mt_test_session t = open_spec(0, 0, NULL);

    mt_test_steps(t.s, 1);
    ck_assert_ptr_null(t.s->ahead);
    mt_test_close(&t);
}
END_TEST

/* Stopped after every step, in mid-epoch too. */
START_TEST(resumes_anywhere)
{
    struct mt_test_session whole = open_spec(0, 0, NULL);
    uint64_t total = whole.s->total_steps;

    finish(&whole, "a.mtc");
    for (uint64_t k = 0; k < total; k++) {
        struct mt_test_session first = open_spec(0, 1, NULL);
        struct mt_test_session then = open_spec(0, 1, NULL);
        struct mt_bundle b;

        mt_test_steps(first.s, k);
        b = mt_test_save(first.s);
        mt_test_restore(then.s, &b);
        mt_bundle_free(&b);
        mt_test_close(&first);
        finish(&then, "b.mtc");
        assert_same_files();
    }
}
END_TEST

/* An evaluation between two steps does not disturb them. */
START_TEST(evaluates_between)
{
    struct mt_test_session whole = open_spec(0, 0, NULL);
    struct mt_test_session t = open_spec(0, 1, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_scores a, b;

    mt_test_steps(whole.s, 3);
    mt_test_steps(t.s, 3);
    ck_assert(mt_session_evaluate(whole.s, &a, &err) == MT_OK);
    ck_assert(mt_session_evaluate(t.s, &b, &err) == MT_OK);
    ck_assert_uint_gt(a.samples, 16);
    ck_assert_uint_eq(a.samples, b.samples);
    ck_assert(a.loss == b.loss);
    finish(&whole, "a.mtc");
    finish(&t, "b.mtc");
    assert_same_files();
}
END_TEST

/* --- unexpected changes -------------------------------------------------- */

/* Checks that `ahead` yields the same samples as gathering without it. */
static void assert_takes(struct mt_session *s, const struct mt_rows *rows)
{
    static float x[SAMPLES * INPUT], t[SAMPLES];
    struct mt_err err = MT_ERR_INIT;

    ck_assert(mt_rows_gather(s, rows, x, t, &err) == MT_OK);
    ck_assert(mt_ahead_take(s->ahead, rows, &s->x, &s->t, &err) == MT_OK);
    ck_assert_mem_eq(s->x, x, rows->n * INPUT * sizeof *x);
    ck_assert_mem_eq(s->t, t, rows->n * sizeof *t);
}

/* If another batch than the one read is needed, or the order was drawn anew,
 * the right samples are returned. */
START_TEST(another_batch_is_wanted)
{
    struct mt_test_session t = open_spec(0, 1, NULL);

    mt_test_steps(t.s, 1);

    struct mt_rows some = mt_session_batch(t.s, 2);
    struct mt_rows other = mt_session_batch(t.s, 4), fewer = some;
    struct mt_rows in_a_row = { &t.s->data->train, NULL, 5, 16 };

    fewer.n--;
    mt_ahead_start(t.s->ahead, &some);
    assert_takes(t.s, &other);
    mt_ahead_start(t.s->ahead, &some);
    assert_takes(t.s, &fewer);
    mt_ahead_start(t.s->ahead, &in_a_row);
    assert_takes(t.s, &in_a_row);
    assert_takes(t.s, &some);
    mt_ahead_start(t.s->ahead, &some);
    for (size_t i = 0; i < some.n; i++)
        t.s->order[2 * 16 + i] = (uint32_t)(50 + i);
    assert_takes(t.s, &some);
    mt_test_close(&t);
}
END_TEST

/* Where the elements of x.npy begin. */
static long x_start(void)
{
    return 10 + (long)strlen("{'descr': '<f4', 'fortran_order': False, "
                             "'shape': (103, 7)}\n");
}

/* A file cut after the second batch: the step that reads ahead does not fail,
 * the one that needs the third batch does, as often as it is tried. Once the
 * file is whole again, training continues as if nothing had happened. */
START_TEST(file_is_cut)
{
    struct mt_test_session whole = open_spec(2, 0, NULL);
    struct mt_test_session t = open_spec(2, 1, NULL);
    long cut = x_start() + 32 * INPUT * 4 + 5;
    struct mt_err err = MT_ERR_INIT;
    struct mt_step_info info;
    char expected[256];

    snprintf(expected, sizeof expected,
             "%s: ends at byte %ld, expected %d more", path("x.npy"), cut,
             16 * INPUT * 4 - 5);
    finish(&whole, "a.mtc");
    mt_test_steps(t.s, 1);
    ck_assert_int_eq(truncate(path("x.npy"), cut), 0);
    mt_test_steps(t.s, 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(mt_session_step(t.s, false, &info, &err), MT_IO);
        ck_assert_str_eq(err.text, expected);
        ck_assert_uint_eq(t.s->at.step, 2);
    }
    write_files();
    finish(&t, "b.mtc");
    assert_same_files();
}
END_TEST

/* Wrong labels that are written to the file later are refused. */
START_TEST(labels_are_changed)
{
    struct mt_test_session t = open_spec(2, 1, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_step_info info;
    FILE *f;
    int32_t label = 9;

    mt_test_steps(t.s, 1);
    f = fopen(path("y.npy"), "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, -(SAMPLES - 40) * 4, SEEK_END), 0);
    ck_assert_uint_eq(fwrite(&label, sizeof label, 1, f), 1);
    ck_assert_int_eq(fclose(f), 0);
    mt_test_steps(t.s, 1);
    ck_assert_int_eq(mt_session_step(t.s, false, &info, &err), MT_INVALID);
    ck_assert_msg(strstr(err.text, "y.npy: sample 40, element 0: the file was "
                                   "changed while it was in use: 9; expected "
                                   "0 to 2"),
                  "%s", err.text);
    mt_test_close(&t);
}
END_TEST

Suite *ahead_suite(void);

Suite *ahead_suite(void)
{
    Suite *suite = suite_create("ahead");
    TCase *tc = tcase_create("ahead");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, same_bytes_as_from_memory, 0, 2 * SPECS);
    tcase_add_test(tc, memory_needs_no_thread);
    tcase_add_test(tc, resumes_anywhere);
    tcase_add_test(tc, evaluates_between);
    tcase_add_test(tc, another_batch_is_wanted);
    tcase_add_test(tc, file_is_cut);
    tcase_add_test(tc, labels_are_changed);
    suite_add_tcase(suite, tc);
    return suite;
}
