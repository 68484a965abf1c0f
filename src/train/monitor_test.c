/* Monitors: which values there are, what improves them, when training stops. */
#include "train/monitor.h"

#include <math.h>

#include "train/bundle.h"
#include "train/state.h"
#include "train/testing.h"

Suite *monitor_suite(void);

/* --- errors ------------------------------------------------------------- */

/* Opening a session with key = value (and another pair) fails like this. */
static void refuse(const char *key, const char *value, const char *key2,
                   const char *value2, const char *place, const char *cause)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_session_request request = { 0 };
    struct mt_session *s;
    struct mt_json *doc;

    ck_assert(mt_json_parse("test.json", MT_TEST_SPEC, strlen(MT_TEST_SPEC),
                            &doc, &err) == MT_OK);
    ck_assert_msg(mt_json_set(doc, key, value, "KEY", &err) == MT_OK, "%s",
                  err.text);
    if (key2)
        ck_assert_msg(mt_json_set(doc, key2, value2, "KEY2", &err) == MT_OK,
                      "%s", err.text);
    request.doc = doc;
    ck_assert_msg(mt_session_open(&request, &s, &err) == MT_INVALID, "%s",
                  value);
    ck_assert_msg(strstr(err.text, place) != NULL, "\"%s\" not in \"%s\"",
                  place, err.text);
    ck_assert_msg(strstr(err.text, cause) != NULL, "\"%s\" not in \"%s\"",
                  cause, err.text);
    mt_json_free(doc);
}

START_TEST(names_must_be_known)
{
    refuse("train.checkpoint", "{\"best\":\"val_los\"}", NULL, NULL,
           "train.checkpoint.best", "did you mean \"val_loss\"?");
    refuse("train.checkpoint", "{\"best\":\"x\"}", NULL, NULL,
           "train.checkpoint.best", "expected train_loss, val_loss");
    refuse("train.early_stopping", "{\"monitor\":\"loss\"}", NULL, NULL,
           "train.early_stopping.monitor", "unknown value \"loss\"");
    refuse("train.early_stopping", "{\"monitor\":\"val_top5\"}", NULL, NULL,
           "train.early_stopping.monitor", "needs \"top5\" in train.metrics");
    refuse("scheduler",
           "{\"type\":\"ReduceLROnPlateau\",\"monitor\":\"val_acuracy\"}", NULL,
           NULL, "scheduler.monitor", "did you mean \"val_accuracy\"?");
}
END_TEST

START_TEST(validation_data_must_be_there)
{
    refuse("data.val_split", "0", "train.early_stopping", "{}",
           "train.early_stopping", "val_loss needs validation data");
    refuse("data.val_split", "0", "train.checkpoint",
           "{\"best\":\"val_accuracy\"}", "train.checkpoint.best",
           "watch train_accuracy");
    refuse("data.val_split", "0", "scheduler",
           "{\"type\":\"ReduceLROnPlateau\"}", "scheduler",
           "val_loss needs validation data");
}
END_TEST

START_TEST(settings_are_checked)
{
    refuse("train.early_stopping", "{\"patience\":-1}", NULL, NULL,
           "train.early_stopping.patience", "-1");
    refuse("train.early_stopping", "{\"min_delta\":-0.5}", NULL, NULL,
           "train.early_stopping.min_delta", "at least 0");
    refuse("train.early_stopping", "{\"patient\":3}", NULL, NULL,
           "train.early_stopping.patient", "did you mean \"patience\"?");
    refuse("train.early_stopping", "3", NULL, NULL, "train.early_stopping",
           "expected");
    refuse("train.checkpoint", "{\"keep\":-1}", NULL, NULL,
           "train.checkpoint.keep", "-1");
    refuse("train.checkpoint", "{\"best\":1}", NULL, NULL,
           "train.checkpoint.best", "string");
    refuse("scheduler",
           "{\"type\":\"ReduceLROnPlateau\",\"interval\":\"step\"}", NULL, NULL,
           "scheduler.interval", "after each epoch");
}
END_TEST

/* --- watching ----------------------------------------------------------- */

/* Observes epochs with these validation losses (and accuracies 1 - loss; an
 * infinite one: not evaluated) and expects these improvements: '+' or '-'. */
static void observe(struct mt_session *s, const double *losses,
                    const char *improved)
{
    for (size_t i = 0; improved[i]; i++) {
        struct mt_epoch epoch = { .train = { .samples = 1, .loss = 9 } };
        if (!isinf(losses[i]))
            epoch.val = (struct mt_scores){ 1, losses[i], { 1 - losses[i] } };
        ck_assert_msg(mt_monitors_observe(s, &epoch).best ==
                          (improved[i] == '+'), "epoch %zu", i);
    }
}

static const double losses[] = {
    0.5, 0.6, 0.5, 0.4, INFINITY, NAN, 0.45, 0.39
};

START_TEST(smaller_losses_are_better)
{
    const char *set[] = { "train.checkpoint", "{\"best\":\"val_loss\"}", NULL };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);

    observe(t.s, losses, "+--+---+");
    ck_assert(!mt_session_stopped_early(t.s)); /* not in the spec */
    mt_test_close(&t);
}
END_TEST

START_TEST(larger_accuracies_are_better)
{
    const char *set[] = { "train.checkpoint", "{\"best\":\"val_accuracy\"}",
                          NULL };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);

    ck_assert(t.s->best.monitor.larger_better);
    observe(t.s, losses, "+--+---+");
    mt_test_close(&t);
}
END_TEST

START_TEST(nothing_is_watched_unless_asked_for)
{
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, NULL);

    observe(t.s, losses, "--------");
    ck_assert_uint_eq(t.s->stopping.bad, 0);
    mt_test_close(&t);
}
END_TEST

/* Stops after the epoch with the given index, counted from 0. */
static void stops_at(const char *settings, size_t index)
{
    const char *set[] = { "train.early_stopping", settings, NULL };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);

    for (size_t i = 0; i < 8; i++) {
        ck_assert_msg(mt_session_stopped_early(t.s) == (i > index),
                      "%s, after %zu epochs", settings, i);
        if (i > index)
            break;
        observe(t.s, losses + i, "-");
    }
    ck_assert(mt_session_finished(t.s) == (index < 8));
    mt_test_close(&t);
}

START_TEST(patience)
{
    stops_at("{\"patience\":1}", 1);
    stops_at("{\"patience\":0}", 1);
    stops_at("{\"patience\":2}", 2);
    stops_at("{\"patience\":3}", 8);
    stops_at("{\"patience\":2,\"monitor\":\"val_accuracy\"}", 2);
    stops_at("{\"patience\":3,\"min_delta\":0.2}", 3);
    stops_at("{}", 8);
    stops_at("null", 8);
    stops_at("{\"patience\":2,\"monitor\":\"train_loss\"}", 2);
}
END_TEST

/* Adds epochs with these validation losses to the history. */
static void record(struct mt_session *s, const double *of, size_t n)
{
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < n; i++) {
        struct mt_epoch epoch = { .epoch = i + 1,
                                  .train = { .samples = 1, .loss = 9 } };

        if (!isinf(of[i]))
            epoch.val = (struct mt_scores){ 1, of[i], { 1 - of[i] } };
        ck_assert(mt_epochs_add(&s->history, &epoch, &err) == MT_OK);
    }
}

/* Checks which of those epochs is the best one, with train.KEY, and by what. */
static void best_is(const char *key, const char *value, uint64_t epoch,
                    const char *monitor)
{
    static const double of[] = { NAN, 0.5, INFINITY, 0.3, 0.3, 0.1 };
    const char *set[] = { key, value, NULL };
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, set);
    double seen;

    ck_assert_uint_eq(mt_session_best(t.s).epoch, 0);
    record(t.s, of, 6);
    t.s->history.last.unscheduled = true;
    seen = mt_session_best(t.s).value;
    ck_assert_uint_eq(mt_session_best(t.s).epoch, epoch);
    ck_assert_str_eq(t.s->judge.name, monitor);
    ck_assert(seen == (epoch == 1 ? 9 : strstr(monitor, "acc") ? 0.7 : 0.3));
    mt_test_close(&t);
}

START_TEST(the_best_epoch_is_named)
{
    best_is("train.eval_every", "1", 4, "val_loss");
    best_is("train.checkpoint", "{\"best\":\"val_accuracy\"}", 4,
            "val_accuracy");
    best_is("train.early_stopping", "{\"monitor\":\"train_loss\"}", 1,
            "train_loss");
    best_is("data.val_split", "0", 1, "train_loss");
}
END_TEST

/* --- state -------------------------------------------------------------- */

static const char *const stopping[] = { "train.early_stopping",
                                        "{\"patience\":2}", "train.checkpoint",
                                        "{\"best\":\"val_accuracy\"}", NULL };

START_TEST(another_monitor_starts_anew)
{
    const char *other[] = { "train.early_stopping",
                            "{\"patience\":2,\"monitor\":\"val_accuracy\"}",
                            NULL };
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, stopping);
    struct mt_test_session same = mt_test_open(MT_TEST_SPEC, stopping);
    struct mt_test_session b = mt_test_open(MT_TEST_SPEC, other);
    struct mt_bundle bundle;

    mt_test_steps(a.s, 10);
    bundle = mt_test_save(a.s);
    mt_test_restore(b.s, &bundle);
    mt_test_restore(same.s, &bundle);
    mt_bundle_free(&bundle);
    ck_assert(!isnan(a.s->stopping.best));
    ck_assert(isnan(b.s->stopping.best));
    ck_assert(a.s->stopping.best == same.s->stopping.best);
    ck_assert(a.s->best.best == same.s->best.best);
    mt_test_close(&a);
    mt_test_close(&b);
    mt_test_close(&same);
}
END_TEST

/* A metric that was not measured before has no best value yet. */
START_TEST(metrics_that_are_added_are_not_known)
{
    const char *before[] = { "train.metrics", "[]", NULL };
    struct mt_test_session a = mt_test_open(MT_TEST_SPEC, before);
    struct mt_test_session b = mt_test_open(MT_TEST_SPEC, stopping);
    struct mt_bundle bundle;

    mt_test_steps(a.s, 10);
    bundle = mt_test_save(a.s);
    mt_test_restore(b.s, &bundle);
    mt_bundle_free(&bundle);
    ck_assert_uint_eq(b.s->history.n, 2);
    ck_assert(isnan(b.s->best.best));
    mt_test_close(&a);
    mt_test_close(&b);
}
END_TEST

START_TEST(forged_states_are_refused)
{
    static int64_t negative = -3;
    struct mt_test_session t = mt_test_open(MT_TEST_SPEC, stopping);
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b;

    mt_test_steps(t.s, 5);
    b = mt_test_save(t.s);
    mt_test_array(&b, "progress/early_stopping.bad")->data = &negative;
    ck_assert(mt_state_restore(t.s, &b, &err) == MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "early_stopping.bad"));
    mt_test_array(&b, "progress/early_stopping.best")->dtype = MT_I64;
    ck_assert(mt_state_restore(t.s, &b, &err) == MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "early_stopping.best"));
    mt_bundle_i64(&b, "progress/unscheduled", 7);
    ck_assert(mt_state_restore(t.s, &b, &err) == MT_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "progress/unscheduled"));
    mt_bundle_free(&b);
    mt_test_close(&t);
}
END_TEST

Suite *monitor_suite(void)
{
    Suite *s = suite_create("monitor");
    TCase *t = tcase_create("core");

    tcase_add_test(t, names_must_be_known);
    tcase_add_test(t, validation_data_must_be_there);
    tcase_add_test(t, settings_are_checked);
    tcase_add_test(t, smaller_losses_are_better);
    tcase_add_test(t, larger_accuracies_are_better);
    tcase_add_test(t, nothing_is_watched_unless_asked_for);
    tcase_add_test(t, patience);
    tcase_add_test(t, the_best_epoch_is_named);
    tcase_add_test(t, another_monitor_starts_anew);
    tcase_add_test(t, metrics_that_are_added_are_not_known);
    tcase_add_test(t, forged_states_are_refused);
    suite_add_tcase(s, t);
    return s;
}
