/*
 * Steps whose gradients are taken piece by piece: for each row of the table of
 * optimizers, the bits of steps in one go.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/philox.h"
#include "base/size.h"
#include "optim/optim_internal.h"
#include "spec/testing.h"

enum { FIRST, SECOND, THIRD, SMALL, TENSORS, STEPS = 6 };

static const struct {
    const char *name;
    size_t n;
} declared[TENSORS] = {
    { "first", 64 }, { "second", 48 }, { "third", 32 }, { "small", 5 }
};

static const bool taken[TENSORS] = { [FIRST] = true, [THIRD] = true };

/* The same model twice. */
struct side {
    struct mt_store store;
    struct mt_optimizer *optimizer;
};

static struct side whole, pieces;
static struct mt_json *doc;
static struct mt_err err = MT_ERR_INIT;

static float number(uint64_t step, uint64_t i)
{
    uint32_t w =
        mt_philox_word(mt_philox_key(7, "test", "stepping"), (uint32_t)step, i);

    return (float)(int32_t)w * 0x1p-31f;
}

static void open_side(struct side *side)
{
    side->store = (struct mt_store)MT_STORE_INIT;
    for (size_t t = 0; t < TENSORS; t++) {
        struct mt_shape shape = mt_shape_of(1, declared[t].n);
        struct mt_tensor *tensor =
            mt_store_add(&side->store, declared[t].name, MT_F32, &shape, false);

        ck_assert_ptr_nonnull(tensor);
        tensor->requires_grad = tensor->has_grad = true;
    }
    ck_assert_int_eq(mt_store_allocate(&side->store, &err), MT_OK);
    for (size_t t = 0; t < TENSORS; t++) {
        for (size_t i = 0; i < declared[t].n; i++)
            ((float *)side->store.tensors[t]->data)[i] =
                number(99, 100 * t + i);
    }
    ck_assert_msg(mt_optimizer_new(doc, mt_json_root(doc), &side->store,
                                   &side->optimizer, &err) == MT_OK,
                  "%s", err.text);
}

static void open_both(const char *spec)
{
    doc = mt_test_json(spec);
    open_side(&whole);
    open_side(&pieces);
    mt_optimizer_take_from(pieces.optimizer, taken);
}

static void close_both(void)
{
    mt_optimizer_free(whole.optimizer);
    mt_optimizer_free(pieces.optimizer);
    mt_store_free(&whole.store);
    mt_store_free(&pieces.store);
    mt_json_free(doc);
}

/* Gradients of tensors that are taken are NaN in memory: they are not read. */
static void set_gradients(struct side *side, uint64_t step, bool taking)
{
    for (size_t t = 0; t < TENSORS; t++) {
        for (size_t i = 0; i < declared[t].n; i++)
            side->store.tensors[t]->grad[i] =
                taking && taken[t] ? NAN : number(step, 100 * t + i);
    }
}

/* The last piece first, and others before those. */
static void take_all(uint64_t step)
{
    for (size_t t = TENSORS; t-- > 0;) {
        for (size_t at = declared[t].n; taken[t] && at > 0;) {
            size_t n = at % 32 ? 16 : 32;
            float g[32];

            at -= n;
            for (size_t i = 0; i < n; i++)
                g[i] = number(step, 100 * t + at + i);
            mt_optimizer_take(pieces.optimizer, pieces.store.tensors[t], at, g,
                              n);
        }
    }
}

static void compare(const char *spec, uint64_t step)
{
    mt_optimizer_sync(whole.optimizer);
    mt_optimizer_sync(pieces.optimizer);
    ck_assert_msg(memcmp(whole.store.values, pieces.store.values,
                         whole.store.flat * sizeof(float)) == 0,
                  "%s: step %d", spec, (int)step);
    for (size_t i = 0; i < whole.optimizer->n_slots; i++) {
        for (size_t t = 0; t < TENSORS; t++) {
            const float *a = mt_optimizer_slot(whole.optimizer, i, t);
            const float *b = mt_optimizer_slot(pieces.optimizer, i, t);
            struct mt_shape shape =
                mt_optimizer_slot_shape(whole.optimizer, i, t);

            ck_assert((a == NULL) == (b == NULL));
            ck_assert_msg(
                !a || memcmp(a, b, mt_shape_elements(&shape) * sizeof *a) == 0,
                "%s: step %d, slot %zu of %s", spec, (int)step, i,
                declared[t].name);
        }
    }
    for (size_t t = 0; t < TENSORS; t++)
        ck_assert_uint_eq(pieces.optimizer->step_of[t], step);
}

/* Every third step is not taken; before some, one is begun and given up. */
static void compare_steps(const char *spec)
{
    open_both(spec);
    for (uint64_t step = 1; step <= STEPS; step++) {
        struct mt_scheduled now = mt_optimizer_base(whole.optimizer, 0);
        bool taking = step % 3 != 0;

        now.lr *= 1 + (double)step;
        set_gradients(&whole, step, false);
        set_gradients(&pieces, step, taking);
        ck_assert(mt_optimizer_step(whole.optimizer, &now, NULL));
        if (step % 2)
            mt_optimizer_begin(pieces.optimizer, &now);
        if (!taking) {
            ck_assert(mt_optimizer_step(pieces.optimizer, &now, NULL));
        } else {
            mt_optimizer_begin(pieces.optimizer, &now);
            take_all(step);
            ck_assert(mt_optimizer_end(pieces.optimizer, NULL));
        }
        compare(spec, step);
    }
    close_both();
}

START_TEST(taken_gradients_give_the_same_bits)
{
    const char *name =
        ((const struct mt_optimizer_type *)mt_optimizer_kind.at((size_t)_i))
            ->type.name;
    static const char *const options[] = {
        "",
        ",'weight_decay':0.1,'maximize':true",
        ",'momentum':0.9",
        ",'amsgrad':true",
        ",'momentum':0.9,'nesterov':true",
        ",'centered':true,'momentum':0.5"
    };
    size_t tried = 0;

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct mt_optimizer *o;
        char spec[200];

        snprintf(spec, sizeof spec, "{'type':'%s','lr':0.01%s}", name,
                 options[i]);
        doc = mt_test_json(spec);
        whole.store = (struct mt_store)MT_STORE_INIT;
        bool fits = mt_optimizer_new(doc, mt_json_root(doc), &whole.store, &o,
                                     &err) == MT_OK;

        if (fits)
            mt_optimizer_free(o);
        mt_json_free(doc);
        if (fits)
            compare_steps(spec);
        tried += fits;
    }
    ck_assert_uint_ge(tried, 2);
}
END_TEST

/* What is seen of gradients is of the last step, however it was made. */
START_TEST(gradients_are_seen)
{
    float g[64] = { 0 };
    struct mt_scheduled now;

    open_both("{'type':'Adam'}");
    now = mt_optimizer_base(whole.optimizer, 0);
    for (int round = 0; round < 3; round++) {
        g[40] = round == 0 ? 0 : round == 1 ? 1e-30f : INFINITY;
        set_gradients(&pieces, 1, true);
        memset(pieces.store.tensors[SECOND]->grad, 0, 48 * sizeof *g);
        mt_optimizer_begin(pieces.optimizer, &now);
        mt_optimizer_take(pieces.optimizer, pieces.store.tensors[FIRST], 0, g,
                          32);
        mt_optimizer_take(pieces.optimizer, pieces.store.tensors[FIRST], 32,
                          g + 32, 32);
        mt_optimizer_take(pieces.optimizer, pieces.store.tensors[THIRD], 0, g,
                          32);
        ck_assert(mt_optimizer_end(pieces.optimizer, NULL) == (round < 2));
        ck_assert(mt_optimizer_saw_zeros(pieces.optimizer, FIRST) ==
                  (round == 0));
        ck_assert(mt_optimizer_saw_finite(pieces.optimizer, FIRST) ==
                  (round < 2));
        ck_assert(mt_optimizer_saw_zeros(pieces.optimizer, SECOND));
        ck_assert(mt_optimizer_saw_zeros(pieces.optimizer, THIRD));
        ck_assert(!mt_optimizer_saw_zeros(pieces.optimizer, SMALL));
        ck_assert(mt_optimizer_saw_finite(pieces.optimizer, SMALL));
    }
    set_gradients(&pieces, 2, false);
    ck_assert(mt_optimizer_step(pieces.optimizer, &now, NULL) == false ||
              mt_optimizer_saw_finite(pieces.optimizer, FIRST));
    ck_assert(!mt_optimizer_saw_zeros(pieces.optimizer, FIRST));
    close_both();
}
END_TEST

/* Zeros of either sign are zeros. */
START_TEST(zeros_have_two_signs)
{
    struct mt_scheduled now;
    float g[32];

    open_both("{'type':'SGD','lr':0.1}");
    now = mt_optimizer_base(whole.optimizer, 0);
    for (size_t i = 0; i < 32; i++)
        g[i] = i % 3 ? 0 : -0.0f;
    set_gradients(&pieces, 1, true);
    mt_optimizer_begin(pieces.optimizer, &now);
    mt_optimizer_take(pieces.optimizer, pieces.store.tensors[THIRD], 0, g, 32);
    ck_assert(mt_optimizer_saw_zeros(pieces.optimizer, THIRD));
    g[31] = -1e-45f;
    mt_optimizer_take(pieces.optimizer, pieces.store.tensors[THIRD], 0, g, 32);
    ck_assert(!mt_optimizer_saw_zeros(pieces.optimizer, THIRD));
    close_both();
}
END_TEST

static int count_types(void)
{
    int n = 0;

    while (mt_optimizer_kind.at((size_t)n))
        n++;
    return n;
}

Suite *stepping_suite(void);

Suite *stepping_suite(void)
{
    Suite *s = suite_create("stepping");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, taken_gradients_give_the_same_bits, 0,
                        count_types());
    tcase_add_test(t, gradients_are_seen);
    tcase_add_test(t, zeros_have_two_signs);
    suite_add_tcase(s, t);
    return s;
}
