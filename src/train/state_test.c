/* Saving and restoring sessions: exact, strict. */
#include <math.h>
#include <stdio.h>

#include "train/monitor.h"
#include "train/state.h"
#include "train/testing.h"

Suite *state_suite(void);

/* Settings in addition to the defaults, which are tested for each row of the
 * table. */
static const char *const settings[] = {
    "{\"type\":\"SGD\",\"lr\":0.05,\"momentum\":0.9,\"dampening\":0.1}",
    "{\"type\":\"Adam\",\"lr\":0.01,\"amsgrad\":true}",
    ("{\"type\":\"AdamW\",\"lr\":0.01,\"groups\":[{\"params\":\"*.bias\","
     "\"weight_decay\":0}]}"),
    ("{\"type\":\"RMSprop\",\"momentum\":0.5,\"groups\":[{\"params\":"
     "\"*.bias\",\"centered\":true,\"momentum\":0}]}"),
    ("{\"type\":\"NAdam\",\"lr\":0.01,\"groups\":[{\"params\":\"fc2.*\","
     "\"momentum_decay\":0.1}]}"),
    "{\"type\":\"RAdam\",\"lr\":0.01,\"betas\":[0.9,0.8]}",
    "{\"type\":\"Adagrad\",\"initial_accumulator_value\":0.2}",
};

static const char *const schedulers[] = {
    "null",
    "{\"type\":\"StepLR\",\"step_size\":1,\"gamma\":0.5}",
    "{\"type\":\"CosineAnnealingLR\",\"T_max\":11,\"interval\":\"step\"}",
    "{\"type\":\"LinearLR\",\"total_iters\":2}",
    "{\"type\":\"OneCycleLR\",\"max_lr\":0.05,\"total_steps\":15,"
    "\"interval\":\"step\",\"cycle_momentum\":false}",
    "{\"type\":\"OneCycleLR\",\"max_lr\":0.05,\"total_steps\":15,"
    "\"interval\":\"step\"}",
};

enum {
    SETTINGS = sizeof settings / sizeof *settings,
    SCHEDULERS = sizeof schedulers / sizeof *schedulers,
    CYCLED = SCHEDULERS - 1, /* needs a momentum */
};

/* The optimizers: all settings, then all rows of the table. */
static int count_optimizers(void)
{
    int n = 0;

    while (mt_optimizer_kind.at((size_t)n))
        n++;
    return SETTINGS + n;
}

static const char *optimizer_at(int i, char row[64])
{
    if (i < SETTINGS)
        return settings[i];
    snprintf(row, 64, "{\"type\":\"%s\",\"lr\":0.05}",
             mt_optimizer_kind.at((size_t)(i - SETTINGS))->name);
    return row;
}

static bool has_momentum(const char *optimizer)
{
    const char *set[] = { "optimizer", optimizer, NULL };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);
    bool has = !isnan(mt_optimizer_base(t.s->optimizer, 0).momentum);

    mt_test_close(&t);
    return has;
}

/* Bytes of all arrays, to compare two states. */
static void flatten(struct mt_session *s, struct mt_strbuf *out)
{
    struct mt_bundle b;

    b = mt_test_save(s);
    for (size_t i = 0; i < b.n; i++) {
        mt_strbuf_puts(out, b.arrays[i].name);
        mt_shape_print(&b.arrays[i].shape, out);
        mt_strbuf_add(out, b.arrays[i].data, mt_array_bytes(&b.arrays[i]));
    }
    mt_bundle_free(&b);
}

static void assert_same(struct mt_session *a, struct mt_session *b)
{
    struct mt_strbuf x = MT_STRBUF_INIT, y = MT_STRBUF_INIT;

    flatten(a, &x);
    flatten(b, &y);
    ck_assert_uint_eq(x.len, y.len);
    ck_assert_mem_eq(x.text, y.text, x.len);
    mt_strbuf_free(&x);
    mt_strbuf_free(&y);
}

/* Every optimizer x schedule, stopped after every step. */
START_TEST(resume_is_exact_everywhere)
{
    int scheduler = _i % SCHEDULERS;
    char row[64];
    const char *set[] = { "optimizer",
                          optimizer_at(_i / SCHEDULERS, row),
                          "scheduler",
                          schedulers[scheduler],
                          "train.accumulate",
                          scheduler % 2 ? "2" : "1",
                          NULL };
    struct mt_test_session whole;

    if (scheduler == CYCLED && !has_momentum(set[1]))
        return;
    whole = mt_test_open(MT_TEST_SPEC, set);
    mt_test_steps(whole.s, whole.s->total_steps);
    for (uint64_t k = 0; k < whole.s->total_steps; k++) {
        struct mt_test_session first = mt_test_open(MT_TEST_SPEC, set);
        struct mt_test_session then = mt_test_open(MT_TEST_SPEC, set);
        struct mt_bundle b;

        mt_test_steps(first.s, k);
        b = mt_test_save(first.s);
        mt_test_restore(then.s, &b);
        mt_bundle_free(&b);
        mt_test_close(&first);
        mt_test_steps(then.s, whole.s->total_steps - k);
        assert_same(whole.s, then.s);
        mt_test_close(&then);
    }
    mt_test_close(&whole);
}
END_TEST

/* The same for monitors: with each of these, a run stopped after every step
 * continues as if it had not been stopped, improves its best value at the same
 * steps, and stops early at the same one. */
static const char *const watched[][2] = {
    { "scheduler", "{\"type\":\"ReduceLROnPlateau\",\"patience\":0,"
                   "\"factor\":0.5,\"threshold\":0.3}" },
    { "train.checkpoint", "{\"best\":\"val_accuracy\"}" },
    { "train.early_stopping", "{\"patience\":1,\"min_delta\":0.4}" },
    { "train.early_stopping",
      "{\"patience\":2,\"monitor\":\"train_accuracy\"}" },
};

/* Trains to the end; sets bit k of *better if step k + 1 improved the best. */
static void finish(struct mt_session *s, uint64_t *better)
{
    struct mt_step_info info;
    struct mt_err err = MT_ERR_INIT;

    while (!mt_session_finished(s)) {
        uint64_t bit = (uint64_t)1 << s->at.step;

        ck_assert(mt_session_step(s, false, &info, &err) == MT_OK);
        if (info.improved)
            *better |= bit;
    }
}

START_TEST(resume_is_exact_with_monitors)
{
    const char *set[] = { "train.epochs",
                          "5",
                          "optimizer.lr",
                          "0.05",
                          "train.eval_every",
                          _i / 4 ? "2" : "1",
                          watched[_i % 4][0],
                          watched[_i % 4][1],
                          NULL };
    struct mt_test_session whole = mt_test_open(MT_TEST_SPEC, set);
    uint64_t better = 0;

    finish(whole.s, &better);
    ck_assert((better != 0) == (_i % 4 == 1));
    for (uint64_t k = 0; k <= whole.s->at.step; k++) {
        struct mt_test_session first = mt_test_open(MT_TEST_SPEC, set);
        struct mt_test_session then = mt_test_open(MT_TEST_SPEC, set);
        uint64_t later = 0, mask = ~(uint64_t)0 << k;
        struct mt_bundle b;

        mt_test_steps(first.s, k);
        b = mt_test_save(first.s);
        mt_test_restore(then.s, &b);
        mt_bundle_free(&b);
        mt_test_close(&first);
        finish(then.s, &later);
        assert_same(whole.s, then.s);
        ck_assert_uint_eq(later, better & mask);
        mt_test_close(&then);
    }
    if (_i == 2)
        ck_assert(mt_session_stopped_early(whole.s));
    mt_test_close(&whole);
}
END_TEST

/* Restoring a changed bundle fails, with the array's name. */
static void refuse(void (*change)(struct mt_bundle *b), const char *text)
{
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b;

    mt_test_steps(t.s, 7);
    b = mt_test_save(t.s);
    change(&b);
    ck_assert(mt_state_restore(t.s, &b, &err) != MT_OK);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" not in \"%s\"", text,
                  err.text);
    mt_bundle_free(&b);
    mt_test_close(&t);
}

static void drop_moment(struct mt_bundle *b)
{
    mt_test_array(b, "optimizer/exp_avg.fc1.bias")->name =
        "optimizer/exp_avg.fc9.bias";
}

static void reshape_weight(struct mt_bundle *b)
{
    mt_test_array(b, "model/fc1.weight")->shape.dim[0] = 4;
}

static void retype_weight(struct mt_bundle *b)
{
    mt_test_array(b, "model/fc2.bias")->dtype = MT_I32;
}

static void add_tensor(struct mt_bundle *b)
{
    mt_bundle_i64(b, "model/fc3.weight", 1);
}

static void bad_batch(struct mt_bundle *b)
{
    static int64_t far = 1000;

    mt_test_array(b, "progress/batch")->data = &far;
}

static void bad_step(struct mt_bundle *b)
{
    static int64_t negative = -1;

    mt_test_array(b, "optimizer/step.fc1.weight")->data = &negative;
}

static void drop_totals(struct mt_bundle *b)
{
    mt_test_array(b, "progress/totals")->name = "progress/other";
}

START_TEST(refusals)
{
    refuse(drop_moment, "optimizer/exp_avg.fc1.bias is missing");
    refuse(reshape_weight, "model/fc1.weight is float32 [4, 5]");
    refuse(retype_weight, "model/fc2.bias is int32");
    refuse(add_tensor, "1 tensor that the spec's model");
    refuse(bad_batch, "out of range");
    refuse(bad_step, "optimizer/step.fc1.weight is -1");
    refuse(drop_totals, "progress/totals is missing");
}
END_TEST

START_TEST(different_seeds_differ)
{
    static const char *const other[] = { "train.seed", "8", NULL };
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_test_session b = mt_test_open(MT_TEST_SPEC, other);

    ck_assert(!mt_test_same_model(a.s, b.s));
    mt_test_close(&a);
    mt_test_close(&b);
}
END_TEST

/* An additional layer does not change the others' initial values. */
START_TEST(streams_are_per_tensor)
{
    static const char *const dropout[] = { "model.layers.1.type", "\"ReLU\"",
                                           "model.layers.0.bias", "false",
                                           NULL };
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, NULL);
    struct mt_test_session b = mt_test_open(MT_TEST_SPEC, dropout);
    const struct mt_tensor *x = mt_store_find(&a.s->model->store, "fc2.weight");
    const struct mt_tensor *y = mt_store_find(&b.s->model->store, "fc2.weight");

    ck_assert_uint_eq(a.s->model->store.n, b.s->model->store.n + 1);
    ck_assert_mem_eq(x->data, y->data, x->count * sizeof(float));
    mt_test_close(&a);
    mt_test_close(&b);
}
END_TEST

Suite *state_suite(void)
{
    Suite *suite = suite_create("state");
    TCase *tc = tcase_create("state");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, resume_is_exact_everywhere, 0,
                        count_optimizers() * SCHEDULERS);
    tcase_add_loop_test(tc, resume_is_exact_with_monitors, 0, 8);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, different_seeds_differ);
    tcase_add_test(tc, streams_are_per_tensor);
    suite_add_tcase(suite, tc);
    return suite;
}
