/* The state of the best epoch: it is kept in memory and in checkpoints, and
 * restored at the end, exactly. */
#include "train/kept.h"

#include <stdio.h>

#include "train/bundle.h"
#include "train/monitor.h"
#include "train/state.h"
#include "train/statename.h"
#include "train/testing.h"

Suite *kept_suite(void);

/* Frozen and trainable tensors, buffers, slots of all kinds, a schedule with
 * state. The rate is so large that the best epoch is an early one. */
#define SPEC                                                                   \
    "{\"model\":{\"layers\":[{\"name\":\"fc1\",\"type\":\"Linear\","           \
    "\"out_features\":8},{\"name\":\"bn\",\"type\":\"BatchNorm1d\"},"          \
    "{\"type\":\"Tanh\"},{\"name\":\"fc2\",\"type\":\"Linear\","               \
    "\"out_features\":8},{\"name\":\"fc3\",\"type\":\"Linear\","               \
    "\"out_features\":1}],\"freeze\":[\"fc2.*\"]},"                            \
    "\"loss\":{\"type\":\"MSELoss\"},"                                         \
    "\"optimizer\":{\"type\":\"NAdam\",\"lr\":0.05},"                          \
    "\"scheduler\":{\"type\":\"ReduceLROnPlateau\",\"patience\":0},"           \
    "\"data\":{\"type\":\"synthetic\",\"task\":\"regression\","                \
    "\"samples\":60,\"input\":5,\"noise\":1,\"val_split\":0.3,"                \
    "\"batch_size\":8},"                                                       \
    "\"train\":{\"epochs\":12,\"seed\":7,\"metrics\":[\"r2\"],"                \
    "\"early_stopping\":{\"patience\":100,\"restore_best\":true}}}"

enum { PER_EPOCH = 6, EPOCHS = 12 };

static bool same_array(const struct mt_array *a, const struct mt_array *b)
{
    return b && a->dtype == b->dtype && mt_shape_equal(&a->shape, &b->shape) &&
           memcmp(a->data, b->data, mt_array_bytes(a)) == 0;
}

/* All of a's arrays are in b, except those that only an end has. */
static void check_same(const struct mt_bundle *a, const struct mt_bundle *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const char *name = a->arrays[i].name;

        if (strncmp(name, MT_NAME_STOPPING "end_", 28) != 0)
            ck_assert_msg(same_array(&a->arrays[i], mt_bundle_find(b, name)),
                          "%s", name);
    }
}

/* Trains to the end; the best epoch must be one in the middle. */
static struct mt_test_session trained(const char *const *set)
{
    struct mt_test_session t = mt_test_open(SPEC, set);

    mt_test_steps(t.s, PER_EPOCH * EPOCHS);
    ck_assert(t.s->kept.epoch > 1 && t.s->kept.epoch < EPOCHS);
    ck_assert_uint_eq(t.s->kept.epoch, mt_session_best(t.s).epoch);
    return t;
}

START_TEST(the_state_of_the_best_epoch_comes_back)
{
    static const char *const optimizers[] = { "SGD", "Adam", "NAdam", "Adagrad",
                                              "RMSprop" };
    char optimizer[64];
    const char *set[] = { "optimizer", optimizer, NULL };
    struct mt_bundle then, now;

    snprintf(optimizer, sizeof optimizer, "{\"type\":\"%s\",\"lr\":0.05%s}",
             optimizers[_i], _i ? "" : ",\"momentum\":0.9");
    struct mt_test_session t = trained(set), early = mt_test_open(SPEC, set);

    mt_test_steps(early.s, PER_EPOCH * t.s->kept.epoch);
    ck_assert(!mt_session_restore_best(early.s)); /* it is not at its end */
    ck_assert(mt_session_restore_best(t.s));
    ck_assert(!mt_session_restore_best(t.s));
    ck_assert_uint_eq(mt_session_last_step(t.s), PER_EPOCH * EPOCHS);
    ck_assert(mt_session_finished(t.s));
    then = mt_test_save(early.s);
    now = mt_test_save(t.s);
    check_same(&now, &then);
    check_same(&then, &now);
    mt_bundle_free(&then);
    mt_bundle_free(&now);
    mt_test_close(&t);
    mt_test_close(&early);
}
END_TEST

/* Saved and restored in the middle, at each step after the best epoch. */
START_TEST(it_is_in_checkpoints)
{
    struct mt_test_session whole = trained(NULL);
    uint64_t best = whole.s->kept.epoch;
    struct mt_bundle end;

    mt_session_restore_best(whole.s);
    end = mt_test_save(whole.s);
    for (uint64_t k = best * PER_EPOCH - 1; k < EPOCHS * PER_EPOCH; k += 5) {
        struct mt_test_session a = mt_test_open(SPEC, NULL);
        struct mt_test_session b = mt_test_open(SPEC, NULL);
        struct mt_bundle middle, now;

        mt_test_steps(a.s, k);
        middle = mt_test_save(a.s);
        ck_assert_ptr_nonnull(
            mt_bundle_find(&middle, "progress/best/progress/step"));
        mt_test_restore(b.s, &middle);
        mt_test_steps(b.s, EPOCHS * PER_EPOCH - k);
        ck_assert(mt_session_restore_best(b.s));
        now = mt_test_save(b.s);
        check_same(&now, &end);
        check_same(&end, &now);
        mt_bundle_free(&middle);
        mt_bundle_free(&now);
        mt_test_close(&a);
        mt_test_close(&b);
    }
    mt_bundle_free(&end);
    mt_test_close(&whole);
}
END_TEST

/* A kept state that does not fit is ignored; the rest is restored. */
START_TEST(what_does_not_fit_is_not_kept)
{
    struct mt_test_session t = trained(NULL), b = mt_test_open(SPEC, NULL);
    struct mt_bundle saved = mt_test_save(t.s), now;

    mt_test_array(&saved, "progress/best/model/fc1.weight")->shape.dim[0]--;
    mt_test_restore(b.s, &saved);
    ck_assert(!b.s->kept.there);
    ck_assert(!mt_session_restore_best(b.s));
    now = mt_test_save(b.s);
    for (size_t i = 0; i < now.n; i++)
        ck_assert_ptr_null(mt_name_kept_of(now.arrays[i].name));
    ck_assert(same_array(mt_test_array(&now, "model/fc1.weight"),
                         mt_test_array(&saved, "model/fc1.weight")));
    mt_bundle_free(&now);
    mt_bundle_free(&saved);
    mt_test_close(&t);
    mt_test_close(&b);
}
END_TEST

START_TEST(forged_ends_are_refused)
{
    static const char *const names[] = { MT_NAME_STOPPING "end_step",
                                         MT_NAME_STOPPING "end_epoch",
                                         MT_NAME_STOPPING "end_bad" };
    static int64_t wrong = -1;
    struct mt_test_session t = trained(NULL), b = mt_test_open(SPEC, NULL);

    mt_session_restore_best(t.s);
    for (size_t i = 0; i < 3; i++) {
        struct mt_bundle saved = mt_test_save(t.s);
        struct mt_err err = MT_ERR_INIT;

        mt_test_restore(b.s, &saved);
        mt_test_array(&saved, names[i])->data = &wrong;
        ck_assert(mt_state_restore(b.s, &saved, &err) == MT_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "the end of the run"));
        mt_bundle_free(&saved);
    }
    mt_test_close(&t);
    mt_test_close(&b);
}
END_TEST

Suite *kept_suite(void)
{
    Suite *suite = suite_create("kept");
    TCase *tc = tcase_create("kept");

    tcase_add_loop_test(tc, the_state_of_the_best_epoch_comes_back, 0, 5);
    tcase_add_test(tc, it_is_in_checkpoints);
    tcase_add_test(tc, what_does_not_fit_is_not_kept);
    tcase_add_test(tc, forged_ends_are_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
