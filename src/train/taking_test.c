/*
 * Sessions that take gradients instead of storing them: the same state as
 * others, and the same messages; and which sessions do.
 */
#include "train/taking.h"

#include <math.h>

#include "train/audit.h"
#include "train/testing.h"

enum { WIDE = 512, STEPS = 12 };

static const char spec[] =
    "{\"model\":{\"layers\":[{\"name\":\"fc1\",\"type\":\"Linear\","
    "\"out_features\":512},{\"type\":\"Tanh\"},"
    "{\"name\":\"fc2\",\"type\":\"Linear\",\"out_features\":512},"
    "{\"type\":\"Tanh\"},"
    "{\"name\":\"fc3\",\"type\":\"Linear\",\"out_features\":3}]},"
    "\"loss\":{\"type\":\"CrossEntropyLoss\",\"reduction\":\"sum\"},"
    "\"optimizer\":{\"type\":\"Adam\",\"lr\":0.001},"
    "\"data\":{\"type\":\"synthetic\",\"task\":\"classification\","
    "\"samples\":100,\"input\":512,\"classes\":3,\"batch_size\":16},"
    "\"train\":{\"epochs\":3,\"seed\":7}}";

static struct mt_test_session open_one(const char *key, const char *value)
{
    const char *overrides[] = { key, value, NULL };

    return mt_test_open(spec, key ? overrides : NULL);
}

/* As `train --log` opens it: all gradients are stored. */
static struct mt_test_session open_stored(const char *key, const char *value)
{
    struct mt_test_session t = { NULL, NULL };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(
        mt_json_parse("test.json", spec, strlen(spec), &t.doc, &err), MT_OK);
    if (key)
        ck_assert_int_eq(mt_json_set(t.doc, key, value, "test", &err), MT_OK);
    struct mt_session_request request = { .doc = t.doc, .norms = true };

    ck_assert_int_eq(mt_session_open(&request, &t.s, &err), MT_OK);
    ck_assert_int_eq(mt_session_init(t.s, &err), MT_OK);
    return t;
}

static void compare(struct mt_session *a, struct mt_session *b)
{
    struct mt_bundle x = mt_test_save(a), y = mt_test_save(b);

    ck_assert_uint_eq(x.n, y.n);
    for (size_t i = 0; i < x.n; i++)
        ck_assert_msg(strcmp(x.arrays[i].name, y.arrays[i].name) == 0 &&
                          memcmp(x.arrays[i].data, y.arrays[i].data,
                                 mt_array_bytes(&x.arrays[i])) == 0,
                      "%s differs", x.arrays[i].name);
    mt_bundle_free(&x);
    mt_bundle_free(&y);
}

/* Settings of all kinds; a last batch of 4 samples; a step in between whose
 * norm is wanted, which stores its gradients. */
START_TEST(the_state_is_the_same)
{
    static const char *const settings[][2] = {
        { NULL, NULL },
        { "optimizer.type", "\"AdamW\"" },
        { "optimizer", "{\"type\":\"SGD\",\"lr\":0.01,\"momentum\":0.9}" },
        { "optimizer", "{\"type\":\"Adam\",\"groups\":[{\"params\":[\"fc2.*\"],"
                       "\"lr\":0.1}]}" },
        { "scheduler", "{\"type\":\"StepLR\",\"step_size\":1,\"gamma\":0.5}" },
        { "train.ema", "{\"decay\":0.9}" },
    };
    const char *const *set = settings[_i];
    struct mt_test_session taken = open_one(set[0], set[1]);
    struct mt_test_session stored = open_stored(set[0], set[1]);
    struct mt_step_info info;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_ptr_nonnull(taken.s->taken);
    ck_assert_ptr_null(stored.s->taken);
    for (int i = 0; i < STEPS; i++) {
        ck_assert_int_eq(mt_session_step(taken.s, i == 5, &info, &err), MT_OK);
        ck_assert(taken.s->taking == (i != 5));
        ck_assert(isnan(info.grad_norm) == (i != 5));
        mt_test_steps(stored.s, 1);
    }
    compare(taken.s, stored.s);
    ck_assert_uint_eq(taken.s->at.epoch, 1);
    mt_test_close(&taken);
    mt_test_close(&stored);
}
END_TEST

/* Gradients that are taken need no memory, and are not touched. */
START_TEST(memory_is_saved)
{
    struct mt_test_session taken = open_one(NULL, NULL);
    struct mt_test_session stored = open_stored(NULL, NULL);
    const struct mt_store *store = &taken.s->model->store;

    ck_assert_uint_eq(mt_taking_bytes(taken.s),
                      2ul * WIDE * WIDE * sizeof(float));
    ck_assert_uint_eq(mt_taking_bytes(stored.s), 0);
    ck_assert_uint_eq(
        mt_session_bytes(stored.s, 0) - mt_session_workspace_bytes(stored.s),
        mt_session_bytes(taken.s, 0) - mt_session_workspace_bytes(taken.s) +
            mt_taking_bytes(taken.s));
    mt_test_steps(taken.s, STEPS);
    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];
        bool zero = true;

        for (size_t k = 0; k < t->count; k++)
            zero &= t->grad[k] == 0;
        ck_assert_msg(zero == taken.s->taken[i], "%s", t->name);
    }
    mt_test_close(&taken);
    mt_test_close(&stored);
}
END_TEST

static const struct {
    const char *key, *value;
    bool suits;
} cases[] = {
    { "train.epochs", "4", true },
    { "train.clip_grad_norm", "1", false },
    { "train.clip_grad_value", "1", false },
    { "train.accumulate", "2", false },
    { "train.shards", "2", false },
    { "data.batch_size", "8", true },
    { "model.freeze", "[\"fc1.*\"]", true },
};

START_TEST(steps_that_need_all_gradients_store_them)
{
    struct mt_test_session t = open_one(cases[_i].key, cases[_i].value);

    mt_test_steps(t.s, 2);
    ck_assert_msg((t.s->taken != NULL) == cases[_i].suits, "%s", cases[_i].key);
    mt_test_close(&t);
}
END_TEST

static float *values(const struct mt_test_session *t, const char *name)
{
    return mt_store_find(&t->s->model->store, name)->data;
}

/* A loss that is not finite changes nothing. */
START_TEST(no_step_without_a_loss)
{
    struct mt_test_session t = open_one(NULL, NULL);
    const struct mt_store *store = &t.s->model->store;
    float *before = malloc(store->flat * sizeof *before);
    struct mt_step_info info;
    struct mt_err err = MT_ERR_INIT;

    values(&t, "fc3.bias")[0] = INFINITY;
    memcpy(before, store->values, store->flat * sizeof *before);
    ck_assert_int_eq(mt_session_step(t.s, false, &info, &err), MT_NON_FINITE);
    ck_assert_msg(strstr(err.text, "\"fc3\"") != NULL, "%s", err.text);
    ck_assert_int_eq(
        memcmp(before, store->values, store->flat * sizeof *before), 0);
    free(before);
    mt_test_close(&t);
}
END_TEST

/* The loss is finite, as the outputs of fc1 are 0, but the gradient that
 * reaches it is not. */
START_TEST(gradients_that_are_not_finite_are_named)
{
    struct mt_test_session t = open_one(NULL, NULL);
    float *fc1 = values(&t, "fc1.weight"), *fc2 = values(&t, "fc2.weight");
    float *fc3 = values(&t, "fc3.weight");
    struct mt_step_info info;
    struct mt_err err = MT_ERR_INIT;

    memset(fc1, 0, sizeof *fc1 * WIDE * WIDE);
    memset(values(&t, "fc1.bias"), 0, sizeof *fc1 * WIDE);
    memset(values(&t, "fc2.bias"), 0, sizeof *fc1 * WIDE);
    for (size_t i = 0; i < (size_t)WIDE * WIDE; i++)
        fc2[i] = 1e20f;
    for (size_t i = 0; i < 3 * WIDE; i++)
        fc3[i] = i < WIDE ? 1e20f : -1e20f;
    ck_assert_int_eq(mt_session_step(t.s, false, &info, &err), MT_NON_FINITE);
    ck_assert_msg(strstr(err.text, "the gradient of fc1.weight is not finite"),
                  "%s", err.text);
    mt_test_close(&t);
}
END_TEST

/* The audit knows gradients that were taken. */
START_TEST(gradients_of_0_are_reported)
{
    struct mt_test_session t = open_one(NULL, NULL);
    const struct mt_store *store = &t.s->model->store;
    struct mt_audit audit;
    struct mt_err err = MT_ERR_INIT;

    memset(values(&t, "fc2.weight"), 0, sizeof(float) * WIDE * WIDE);
    ck_assert_int_eq(mt_audit_before(store, &audit, &err), MT_OK);
    mt_test_steps(t.s, 1);
    mt_audit_after(store, t.s->optimizer, t.s->now, &audit);
    ck_assert_uint_eq(audit.n_unmoved, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(audit.unmoved[i].name, i ? "fc1.bias" : "fc1.weight");
        ck_assert_int_eq(audit.unmoved[i].reason, MT_ZERO_GRADIENT);
    }
    mt_audit_free(&audit);
    mt_test_close(&t);
}
END_TEST

Suite *taking_suite(void);

Suite *taking_suite(void)
{
    Suite *s = suite_create("taking");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, the_state_is_the_same, 0, 6);
    tcase_add_test(t, memory_is_saved);
    tcase_add_loop_test(t, steps_that_need_all_gradients_store_them, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(t, no_step_without_a_loss);
    tcase_add_test(t, gradients_that_are_not_finite_are_named);
    tcase_add_test(t, gradients_of_0_are_reported);
    suite_add_tcase(s, t);
    return s;
}
