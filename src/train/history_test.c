/* Histories of many epochs: saving, stopping and resuming a run changes nothing
 * in its later checkpoints. */
#include "train/history.h"

#include "base/file_testing.h"
#include "ckpt/byteplanes.h"
#include "train/kept.h"
#include "train/state.h"
#include "train/testing.h"

enum { N = MT_PLANES_PIECE, END = 2 * N + 3 };

/* An epoch is one step of a few numbers. */
#define SPEC                                                                   \
    "{\"model\":{\"layers\":[{\"type\":\"Linear\",\"out_features\":1}]},"      \
    "\"loss\":{\"type\":\"MSELoss\"},"                                         \
    "\"optimizer\":{\"type\":\"SGD\",\"lr\":0.01},"                            \
    "\"data\":{\"type\":\"synthetic\",\"task\":\"regression\","                \
    "\"samples\":6,\"input\":2,\"output\":1,\"val_split\":0.3,"                \
    "\"batch_size\":4},"                                                       \
    "\"train\":{\"epochs\":20000,\"seed\":3,\"metrics\":[\"r2\"]}}"

static struct mt_err err = MT_ERR_INIT;

static struct mt_test_session start(const char *key, const char *value)
{
    const char *set[] = { key, value, NULL };

    return mt_test_open(SPEC, key ? set : NULL);
}

static void save(struct mt_session *s, const char *path)
{
    ck_assert_msg(mt_session_save(s, path, NULL, &err) == MT_OK, "%s",
                  err.text);
}

/* A session resumed from a checkpoint. */
static struct mt_test_session resumed(const char *path, const char *key,
                                      const char *value)
{
    struct mt_test_session t = start(key, value);
    struct mt_bundle b;

    ck_assert_int_eq(mt_bundle_open(path, NULL, &b, &err), MT_OK);
    ck_assert_msg(mt_state_restore(t.s, &b, &err) == MT_OK, "%s", err.text);
    mt_bundle_free(&b);
    return t;
}

static void assert_same_files(const char *a, const char *b)
{
    struct mt_bytes x = testing_get(a), y = testing_get(b);

    ck_assert_uint_eq(x.n, y.n);
    ck_assert(memcmp(x.data, y.data, x.n) == 0);
    free(x.data);
    free(y.data);
}

START_TEST(stops_leave_no_trace)
{
    static const uint64_t stops[] = { 0, 1, N - 1, N, N + 1, 2 * N, 2 * N + 1 };
    enum { STOPS = sizeof stops / sizeof *stops };
    struct mt_test_session whole = start(NULL, NULL), saved = start(NULL, NULL);
    char path[32];

    mt_test_steps(whole.s, END);
    save(whole.s, "whole.mtc");
    mt_test_close(&whole);
    for (size_t i = 0; i < STOPS; i++) {
        mt_test_steps(saved.s, stops[i] - saved.s->at.epoch);
        snprintf(path, sizeof path, "%zu.mtc", i);
        save(saved.s, path);
    }
    mt_test_steps(saved.s, END - saved.s->at.epoch);
    save(saved.s, "saved.mtc");
    mt_test_close(&saved);
    assert_same_files("saved.mtc", "whole.mtc");
    for (size_t i = 0; i < STOPS; i++) {
        snprintf(path, sizeof path, "%zu.mtc", i);
        struct mt_test_session t = resumed(path, NULL, NULL);

        ck_assert_uint_eq(t.s->history.n, stops[i]);
        save(t.s, "again.mtc");
        assert_same_files("again.mtc", path);
        for (size_t k = i + 1; k < STOPS; k++) {
            char next[32];

            mt_test_steps(t.s, stops[k] - t.s->at.epoch);
            save(t.s, "again.mtc");
            snprintf(next, sizeof next, "%zu.mtc", k);
            assert_same_files("again.mtc", next);
        }
        mt_test_steps(t.s, END - t.s->at.epoch);
        save(t.s, "again.mtc");
        assert_same_files("again.mtc", "whole.mtc");
        mt_test_close(&t);
    }
}
END_TEST

/* A session that has packed columns before writes the same file as one that has
 * not. */
static void assert_saved_right(struct mt_session *s, const char *key,
                               const char *value)
{
    save(s, "much.mtc");
    struct mt_test_session t = resumed("much.mtc", key, value);

    ck_assert_uint_eq(t.s->history.n, s->history.n);
    save(t.s, "little.mtc");
    assert_same_files("much.mtc", "little.mtc");
    mt_test_close(&t);
}

/* Back to the best epoch, which is before the end of what was packed. */
START_TEST(what_is_brought_back_is_saved_right)
{
    const char *key = "train.early_stopping",
               *value = "{\"patience\":100000,\"restore_best\":true,"
                        "\"monitor\":\"val_loss\",\"min_delta\":0.001}";
    struct mt_test_session t = start(key, value);

    mt_test_steps(t.s, t.s->total_steps);
    ck_assert_uint_eq(t.s->history.n, 20000);
    assert_saved_right(t.s, key, value);
    ck_assert(mt_session_restore_best(t.s));
    ck_assert_uint_lt(t.s->history.n, 20000);
    assert_saved_right(t.s, key, value);
    mt_test_close(&t);
}
END_TEST

START_TEST(what_is_replaced_is_saved_right)
{
    struct mt_test_session t = start(NULL, NULL);

    for (uint64_t n = N; n <= N + 2; n++) {
        mt_test_steps(t.s, n - t.s->at.epoch);
        assert_saved_right(t.s, NULL, NULL);
        struct mt_epoch last = t.s->history.last;

        last.val = (struct mt_scores){ 0 };
        mt_epochs_replace_last(&t.s->history, &last);
        assert_saved_right(t.s, NULL, NULL);
    }
    mt_test_close(&t);
}
END_TEST

START_TEST(a_hundred_thousand_epochs)
{
    const char *key = "train.epochs", *value = "100000";
    struct mt_test_session t = start(key, value);

    for (int i = 0; i < 100; i++) {
        mt_test_steps(t.s, 1000);
        save(t.s, "t.mtc");
    }
    ck_assert_uint_eq(t.s->history.n, 100000);
    assert_saved_right(t.s, key, value);
    mt_test_close(&t);
}
END_TEST

Suite *history_suite(void);
Suite *history_suite(void)
{
    Suite *s = suite_create("history");
    TCase *t = tcase_create("history");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, testing_enter_memory, testing_leave);
    tcase_add_test(t, stops_leave_no_trace);
    tcase_add_test(t, what_is_brought_back_is_saved_right);
    tcase_add_test(t, what_is_replaced_is_saved_right);
    tcase_add_test(t, a_hundred_thousand_epochs);
    suite_add_tcase(s, t);
    return s;
}
