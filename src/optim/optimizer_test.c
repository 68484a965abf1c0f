/*
 * Optimizers against torch's documented formulas in double, step by step; what
 * they move and what they leave alone; their groups, state and messages.
 */
#include "optim/optimizer.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "spec/testing.h"

/* --- fixture: a store of a few tensors ----------------------------------- */

enum { FC1_WEIGHT, FC1_BIAS, FROZEN, COUNT, FC2_WEIGHT, FC2_BIAS, TENSORS };

static const struct {
    const char *name;
    size_t n;
} declared[TENSORS] = {
    { "fc1.weight", 20 }, { "fc1.bias", 5 },    { "frozen.weight", 3 },
    { "bn.count", 1 },    { "fc2.weight", 35 }, { "fc2.bias", 7 },
};

static struct mt_store store = MT_STORE_INIT;
static struct mt_json *doc;
static struct mt_optimizer *optimizer;
static struct mt_err err = MT_ERR_INIT;

static double draw(uint64_t i)
{
    return mt_philox_uniform(mt_philox_key(4, "test", "optimizer"), 0, i);
}

/* In [-1, 1], with an absolute value of at least 0.05. */
static float number(uint64_t i)
{
    double u = draw(i) * 1.9 - 0.95;

    return (float)(u + copysign(0.05, u));
}

static void enter(void)
{
    for (size_t t = 0; t < TENSORS; t++) {
        struct mt_shape shape = mt_shape_of(1, declared[t].n);
        struct mt_tensor *tensor =
            mt_store_add(&store, declared[t].name, t == COUNT ? MT_I64 : MT_F32,
                         &shape, t == COUNT);

        ck_assert_ptr_nonnull(tensor);
        tensor->requires_grad = t != FROZEN && t != COUNT;
        tensor->has_grad = tensor->requires_grad;
    }
    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_OK);
    for (size_t t = 0; t < TENSORS; t++) {
        for (size_t i = 0; t != COUNT && i < declared[t].n; i++)
            ((float *)store.tensors[t]->data)[i] = number(100 * t + i);
    }
}

static void leave(void)
{
    mt_optimizer_free(optimizer);
    mt_json_free(doc);
    mt_store_free(&store);
    optimizer = NULL;
    doc = NULL;
}

static mt_status open_spec(const char *text)
{
    mt_optimizer_free(optimizer);
    mt_json_free(doc);
    optimizer = NULL;
    doc = mt_test_json(text);
    return mt_optimizer_new(doc, mt_json_root(doc), &store, &optimizer, &err);
}

static void read_spec(const char *text)
{
    ck_assert_msg(open_spec(text) == MT_OK, "%s: %s", text, err.text);
}

static void set_gradients(uint64_t step)
{
    for (size_t t = 0; t < TENSORS; t++) {
        struct mt_tensor *tensor = store.tensors[t];

        for (size_t i = 0; tensor->grad && i < tensor->count; i++)
            tensor->grad[i] = number(1000 * (step + 1) + 100 * t + i);
    }
}

enum { MAX_GROUPS = 4 };

/* One step with the groups' own values. */
static bool step(struct mt_team *team)
{
    struct mt_scheduled now[MAX_GROUPS];

    ck_assert_uint_le(optimizer->n_groups, MAX_GROUPS);
    for (size_t i = 0; i < optimizer->n_groups; i++)
        now[i] = mt_optimizer_base(optimizer, i);
    return mt_optimizer_step(optimizer, now, team);
}

/* --- torch's formulas in double ------------------------------------------ */

struct formula {
    const char *spec;
    bool adam, nesterov, maximize, amsgrad, decoupled;
    double lr, momentum, dampening, decay; /* SGD; Adam: beta1 is momentum */
    double beta2, eps;
};

struct reference {
    double p, buf, m, v, vmax;
};

/* torch.optim.SGD */
static void sgd_reference(struct reference *r, double g,
                          const struct formula *f, double lr, double momentum,
                          uint64_t t)
{
    g = (f->maximize ? -g : g) + f->decay * r->p;
    if (f->momentum != 0) {
        r->buf = t == 1 ? g : momentum * r->buf + (1 - f->dampening) * g;
        g = f->nesterov ? g + momentum * r->buf : r->buf;
    }
    r->p -= lr * g;
}

/* torch.optim.Adam and AdamW */
static void adam_reference(struct reference *r, double g,
                           const struct formula *f, double lr, double beta1,
                           uint64_t t)
{
    double bias1 = 1 - pow(beta1, (double)t);
    double bias2 = 1 - pow(f->beta2, (double)t);
    double v;

    g = f->maximize ? -g : g;
    if (f->decoupled)
        r->p -= lr * f->decay * r->p;
    else
        g += f->decay * r->p;
    r->m = beta1 * r->m + (1 - beta1) * g;
    r->v = f->beta2 * r->v + (1 - f->beta2) * g * g;
    r->vmax = fmax(r->vmax, r->v);
    v = f->amsgrad ? r->vmax : r->v;
    r->p -= lr * (r->m / bias1) / (sqrt(v / bias2) + f->eps);
}

static void update_reference(struct reference *r, double g,
                             const struct formula *f, double lr,
                             double momentum, uint64_t t)
{
    (f->adam ? adam_reference : sgd_reference)(r, g, f, lr, momentum, t);
}

#define SGD_LR .lr = 0.1
#define ADAM                                                                   \
    .adam = true, .lr = 0.001, .momentum = 0.9, .beta2 = 0.999, .eps = 1e-8

static const struct formula formulas[] = {
    { "{'type': 'SGD', 'lr': 0.1}", SGD_LR },
    { "{'type': 'SGD', 'lr': 0.1, 'weight_decay': 0.03}", SGD_LR,
      .decay = 0.03 },
    { "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}", SGD_LR, .momentum = 0.9 },
    { "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.8, 'dampening': 0.3}", SGD_LR,
      .momentum = 0.8, .dampening = 0.3 },
    { "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.8, 'nesterov': true,"
      " 'weight_decay': 0.01}",
      SGD_LR, .momentum = 0.8, .nesterov = true, .decay = 0.01 },
    { "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.5, 'maximize': true,"
      " 'weight_decay': 0.01}",
      SGD_LR, .momentum = 0.5, .maximize = true, .decay = 0.01 },
    { "{'type': 'Adam'}", ADAM },
    { "{'type': 'Adam', 'lr': 0.01, 'betas': [0.8, 0.95], 'eps': 0.001}",
      .adam = true, .lr = 0.01, .momentum = 0.8, .beta2 = 0.95, .eps = 1e-3 },
    { "{'type': 'Adam', 'weight_decay': 0.1}", ADAM, .decay = 0.1 },
    { "{'type': 'Adam', 'amsgrad': true, 'betas': [0.9, 0.5]}", .adam = true,
      .lr = 0.001, .momentum = 0.9, .beta2 = 0.5, .eps = 1e-8,
      .amsgrad = true },
    { "{'type': 'Adam', 'maximize': true, 'weight_decay': 0.1}", ADAM,
      .maximize = true, .decay = 0.1 },
    { "{'type': 'Adam', 'betas': [0, 0]}", .adam = true, .lr = 0.001,
      .momentum = 0, .beta2 = 0, .eps = 1e-8 },
    { "{'type': 'AdamW'}", ADAM, .decoupled = true, .decay = 0.01 },
    { "{'type': 'AdamW', 'lr': 0.02, 'weight_decay': 0.5, 'amsgrad': true,"
      " 'betas': [0.7, 0.9], 'maximize': true}",
      .adam = true, .lr = 0.02, .momentum = 0.7, .beta2 = 0.9, .eps = 1e-8,
      .decoupled = true, .decay = 0.5, .amsgrad = true, .maximize = true },
    { "{'type': 'AdamW', 'weight_decay': 0}", ADAM, .decoupled = true },
};

enum { FORMULAS = sizeof formulas / sizeof *formulas, STEPS = 20 };

static struct reference model[TENSORS][40];

static void start_reference(void)
{
    memset(model, 0, sizeof model);
    for (size_t t = 0; t < TENSORS; t++) {
        for (size_t i = 0; t != COUNT && i < declared[t].n; i++)
            model[t][i].p = (double)((float *)store.tensors[t]->data)[i];
    }
}

static void check_number(const char *what, size_t t, size_t i, float got,
                         double want)
{
    /* sums of numbers of either sign cancel; squares do not */
    double slack = strstr(what, "_sq") ? 1e-12 : 1e-6;

    if (!(fabs((double)got - want) <= 1e-5 * fabs(want) + slack))
        ck_abort_msg("%s of %s[%zu] is %.9g, want %.9g", what, declared[t].name,
                     i, (double)got, want);
}

static void check_slot(const char *name, size_t t, size_t i, double want)
{
    for (size_t s = 0; s < optimizer->n_slots; s++) {
        if (strcmp(optimizer->type->slots[s], name) == 0) {
            const float *slot = mt_optimizer_slot(optimizer, s, t);

            ck_assert_msg(slot != NULL, "no %s", name);
            check_number(name, t, i, slot[i], want);
            return;
        }
    }
    ck_abort_msg("no slot %s", name);
}

static void check_tensor(const struct formula *f, size_t t)
{
    const float *p = store.tensors[t]->data;

    for (size_t i = 0; i < declared[t].n; i++) {
        const struct reference *r = &model[t][i];

        check_number("value", t, i, p[i], r->p);
        if (!f->adam && f->momentum != 0)
            check_slot("momentum_buffer", t, i, r->buf);
        if (f->adam) {
            check_slot("exp_avg", t, i, r->m);
            check_slot("exp_avg_sq", t, i, r->v);
        }
        if (f->amsgrad)
            check_slot("max_exp_avg_sq", t, i, r->vmax);
    }
}

/* The learning rate changes at each step, and with `cycle` the momentum, too,
 * as with OneCycleLR. */
static void check_formula(const struct formula *f, bool cycle)
{
    read_spec(f->spec);
    start_reference();
    ck_assert_uint_eq(optimizer->n_groups, 1);
    for (uint64_t s = 0; s < STEPS; s++) {
        struct mt_scheduled now = mt_optimizer_base(optimizer, 0);
        double momentum = f->momentum;

        ck_assert(now.lr == f->lr);
        now.lr = f->lr * (1 - 0.03 * (double)s);
        now.momentum = NAN;
        if (cycle)
            now.momentum = momentum = f->momentum * (1 - 0.02 * (double)s);
        set_gradients(s);
        ck_assert(mt_optimizer_step(optimizer, &now, NULL));
        for (size_t t = 0; t < TENSORS; t++) {
            const struct mt_tensor *tensor = store.tensors[t];

            for (size_t i = 0; tensor->grad && i < tensor->count; i++)
                update_reference(&model[t][i], (double)tensor->grad[i], f,
                                 now.lr, momentum, s + 1);
            if (tensor->grad)
                check_tensor(f, t);
        }
    }
}

START_TEST(steps_are_those_of_torch)
{
    check_formula(&formulas[_i], false);
}
END_TEST

START_TEST(schedules_may_change_the_momentum)
{
    check_formula(&formulas[_i], true);
}
END_TEST

/* --- what is moved, and what not ------------------------------------------ */

START_TEST(parameters_without_gradient_are_left_alone)
{
    static const char *const specs[] = {
        "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.5}",
        "{'type': 'AdamW', 'lr': 0.1, 'weight_decay': 0.5}",
        "{'type': 'Adam', 'lr': 0.1, 'weight_decay': 0.5}",
    };
    float before[20], after[35];

    store.tensors[FC1_WEIGHT]->has_grad = false;
    memcpy(before, store.tensors[FC1_WEIGHT]->data, sizeof before);
    memcpy(after, store.tensors[FC2_WEIGHT]->data, sizeof after);
    read_spec(specs[_i]);
    for (uint64_t s = 0; s < 3; s++) {
        set_gradients(s);
        ck_assert(step(NULL));
    }
    mt_optimizer_sync(optimizer);
    ck_assert_int_eq(
        memcmp(before, store.tensors[FC1_WEIGHT]->data, sizeof before), 0);
    ck_assert_int_ne(
        memcmp(after, store.tensors[FC2_WEIGHT]->data, sizeof after), 0);
    ck_assert_uint_eq(optimizer->step_of[FC1_WEIGHT], 0);
    ck_assert_uint_eq(optimizer->step_of[FC2_WEIGHT], 3);
    for (size_t i = 0; i < 20; i++)
        ck_assert(mt_optimizer_slot(optimizer, 0, FC1_WEIGHT)[i] == 0);
}
END_TEST

START_TEST(frozen_tensors_and_buffers_are_left_alone)
{
    float before[3];

    *(int64_t *)store.tensors[COUNT]->data = 12345;
    memcpy(before, store.tensors[FROZEN]->data, sizeof before);
    read_spec("{'type': 'AdamW', 'lr': 0.1, 'weight_decay': 0.5}");
    set_gradients(0);
    ck_assert(step(NULL));
    mt_optimizer_sync(optimizer);
    ck_assert_int_eq(memcmp(before, store.tensors[FROZEN]->data, sizeof before),
                     0);
    ck_assert_int_eq(*(int64_t *)store.tensors[COUNT]->data, 12345);
    for (size_t s = 0; s < 4; s++) {
        ck_assert_ptr_null(mt_optimizer_slot(optimizer, s, FROZEN));
        ck_assert_ptr_null(mt_optimizer_slot(optimizer, s, COUNT));
    }
    ck_assert_uint_eq(optimizer->step_of[FROZEN], 0);
    ck_assert(!mt_optimizer_has_slots(optimizer, FROZEN));
    ck_assert(!mt_optimizer_has_slots(optimizer, COUNT));
}
END_TEST

START_TEST(padding_stays_zero)
{
    read_spec("{'type': 'AdamW', 'lr': 0.1, 'amsgrad': true}");
    for (uint64_t s = 0; s < 5; s++) {
        set_gradients(s);
        ck_assert(step(NULL));
    }
    for (size_t t = 0; t < TENSORS; t++) {
        const struct mt_tensor *tensor = store.tensors[t];
        size_t end = tensor->offset + tensor->count;

        for (size_t i = end; tensor->grad && i % 16; i++) {
            ck_assert(store.values[i] == 0);
            ck_assert(optimizer->slot[0][i] == 0);
            ck_assert(optimizer->slot[1][i] == 0);
        }
    }
}
END_TEST

START_TEST(it_owns_the_tensors_of_its_store)
{
    struct mt_store other = MT_STORE_INIT;
    struct mt_shape shape = mt_shape_of(1, (size_t)20);
    struct mt_tensor *same =
        mt_store_add(&other, "fc1.weight", MT_F32, &shape, false);

    ck_assert_ptr_nonnull(same);
    read_spec("{'type': 'Adam'}");
    for (size_t t = 0; t < TENSORS; t++)
        ck_assert(mt_optimizer_owns(optimizer, store.tensors[t]));
    ck_assert(!mt_optimizer_owns(optimizer, same));
    mt_store_free(&other);
}
END_TEST

/* At every position, so that no task's result is lost. */
START_TEST(a_gradient_that_is_not_finite_is_reported)
{
    static const char *const specs[] = { "{'type': 'SGD', 'lr': 0.1}",
                                         "{'type': 'Adam'}",
                                         "{'type': 'AdamW'}" };
    const float bad[] = { NAN, INFINITY, -INFINITY };

    for (size_t i = 0; i < 35; i++) {
        read_spec(specs[i % 3]);
        set_gradients(0);
        ck_assert(step(NULL));
        store.tensors[FC2_WEIGHT]->grad[i] = bad[i / 3 % 3];
        ck_assert(!step(NULL));
        set_gradients(0);
        ck_assert(step(NULL));
    }
}
END_TEST

/* --- groups --------------------------------------------------------------- */

START_TEST(the_first_group_that_matches_wins)
{
    read_spec(
        "{'type': 'SGD', 'lr': 0.5, 'momentum': 0.9, 'groups': ["
        "{'params': 'fc1.*', 'lr': 0.25},"
        "{'params': ['fc1.bias', '*.bias'], 'lr': 0.125, 'momentum': 0}]}");
    const size_t want[TENSORS] = {
        [FC1_WEIGHT] = 0, [FC1_BIAS] = 0,   [FROZEN] = 2,
        [COUNT] = 2,      [FC2_WEIGHT] = 2, [FC2_BIAS] = 1
    };
    const double lr[] = { 0.25, 0.125, 0.5 }, momentum[] = { 0.9, 0, 0.9 };
    float before[TENSORS];

    ck_assert_uint_eq(optimizer->n_groups, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(mt_optimizer_base(optimizer, i).lr == lr[i]);
        ck_assert(mt_optimizer_base(optimizer, i).momentum == momentum[i]);
    }
    for (size_t t = 0; t < TENSORS; t++) {
        ck_assert_uint_eq(optimizer->group_of[t], want[t]);
        before[t] = *(float *)store.tensors[t]->data;
    }
    set_gradients(0);
    ck_assert(step(NULL));
    for (size_t t = 0; t < TENSORS; t++) {
        const struct mt_tensor *tensor = store.tensors[t];

        if (tensor->grad)
            check_number("value", t, 0, *(float *)tensor->data,
                         (double)before[t] -
                             lr[want[t]] * (double)tensor->grad[0]);
    }
    /* no momentum, no slot: the others have one */
    ck_assert_ptr_null(mt_optimizer_slot(optimizer, 0, FC2_BIAS));
    ck_assert_ptr_nonnull(mt_optimizer_slot(optimizer, 0, FC2_WEIGHT));
    ck_assert_ptr_nonnull(mt_optimizer_slot(optimizer, 0, FC1_BIAS));
}
END_TEST

START_TEST(groups_override_what_they_name)
{
    read_spec("{'type': 'AdamW', 'lr': 0.5, 'betas': [0.5, 0.5], 'groups': ["
              "{'params': '*.bias', 'weight_decay': 0, 'amsgrad': true}]}");
    float *bias = store.tensors[FC1_BIAS]->data;
    float *weight = store.tensors[FC1_WEIGHT]->data;
    double b = (double)*bias, w = (double)*weight, sign;

    set_gradients(0);
    ck_assert(step(NULL));
    /* the first step of Adam is lr, whatever the gradient */
    sign = store.tensors[FC1_BIAS]->grad[0] > 0 ? 1 : -1;
    check_number("value", FC1_BIAS, 0, *bias, b - 0.5 * sign);
    sign = store.tensors[FC1_WEIGHT]->grad[0] > 0 ? 1 : -1;
    check_number("value", FC1_WEIGHT, 0, *weight,
                 w - 0.5 * 0.01 * w - 0.5 * sign);
    ck_assert_ptr_nonnull(mt_optimizer_slot(optimizer, 2, FC1_BIAS));
    ck_assert_ptr_null(mt_optimizer_slot(optimizer, 2, FC1_WEIGHT));
}
END_TEST

START_TEST(slots_are_there_where_they_are_needed)
{
    static const struct {
        const char *spec;
        size_t slots;
        const char *name;
    } rows[] = {
        { "{'type': 'SGD', 'lr': 0.1}", 0, "momentum_buffer" },
        { "{'type': 'SGD', 'lr': 0.1, 'momentum': 0.1}", 1, "momentum_buffer" },
        { "{'type': 'Adam'}", 2, "exp_avg" },
        { "{'type': 'AdamW', 'amsgrad': true}", 3, "exp_avg" },
        { "{'type': 'NAdam'}", 3, "exp_avg" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = 0;

        read_spec(rows[i].spec);
        ck_assert_str_eq(optimizer->type->slots[0], rows[i].name);
        for (size_t s = 0; s < 4; s++)
            n += mt_optimizer_slot(optimizer, s, FC1_WEIGHT) != NULL;
        ck_assert_uint_eq(n, rows[i].slots);
        ck_assert(mt_optimizer_has_slots(optimizer, FC1_WEIGHT) == (n > 0));
    }
}
END_TEST

/* --- step counts ------------------------------------------------------ */

START_TEST(step_counts_survive_changes)
{
    read_spec("{'type': 'Adam'}");
    set_gradients(0);
    for (int i = 0; i < 3; i++)
        ck_assert(step(NULL));
    mt_optimizer_sync(optimizer);
    ck_assert_uint_eq(optimizer->step_of[FC1_BIAS], 3);
    optimizer->step_of[FC1_BIAS] = 40;
    mt_optimizer_restart(optimizer);
    mt_optimizer_sync(optimizer); /* already up to date */
    ck_assert_uint_eq(optimizer->step_of[FC1_BIAS], 40);
    ck_assert(step(NULL));
    mt_optimizer_sync(optimizer);
    ck_assert_uint_eq(optimizer->step_of[FC1_WEIGHT], 4);
    ck_assert_uint_eq(optimizer->step_of[FC1_BIAS], 41);
    ck_assert_uint_eq(optimizer->step_of[FC2_BIAS], 4);
    ck_assert_uint_eq(optimizer->step_of[FROZEN], 0);
}
END_TEST

/* Tensors with different step counts are in different segments, each with its
 * own bias correction. */
START_TEST(each_tensor_counts_for_itself)
{
    static const struct formula adam = {
        .adam = true, .lr = 0.001, .momentum = 0.9, .beta2 = 0.999, .eps = 1e-8
    };
    const uint64_t first[TENSORS] = { 0, 7, 0, 0, 7, 1000 };

    read_spec("{'type': 'Adam'}");
    start_reference();
    for (size_t t = 0; t < TENSORS; t++) {
        float *m = mt_optimizer_slot(optimizer, 0, t);
        float *v = mt_optimizer_slot(optimizer, 1, t);

        optimizer->step_of[t] = first[t];
        for (size_t i = 0; first[t] && i < declared[t].n; i++) {
            model[t][i].m = (double)(m[i] = number(i) * 0.1f);
            model[t][i].v = (double)(v[i] = fabsf(number(i + 50)) * 0.01f);
        }
    }
    mt_optimizer_restart(optimizer);
    for (uint64_t s = 0; s < 4; s++) {
        set_gradients(s);
        ck_assert(step(NULL));
        for (size_t t = 0; t < TENSORS; t++) {
            const struct mt_tensor *tensor = store.tensors[t];

            for (size_t i = 0; tensor->grad && i < tensor->count; i++)
                update_reference(&model[t][i], (double)tensor->grad[i], &adam,
                                 0.001, 0.9, first[t] + s + 1);
            if (tensor->grad)
                check_tensor(&adam, t);
        }
    }
    /* two of them are neighbours with equal counts */
    ck_assert_uint_eq(optimizer->n_segments, 3);
}
END_TEST

START_TEST(equal_neighbours_are_one_segment)
{
    read_spec("{'type': 'Adam'}");
    ck_assert(step(NULL));
    ck_assert_uint_eq(optimizer->n_segments, 1);
    ck_assert_uint_eq(optimizer->segments[0].n, store.flat);
    store.tensors[FC1_BIAS]->has_grad = false;
    mt_optimizer_sync(optimizer);
    mt_optimizer_restart(optimizer);
    ck_assert(step(NULL));
    ck_assert_uint_eq(optimizer->n_segments, 2);
    mt_optimizer_sync(optimizer);
    ck_assert_uint_eq(optimizer->step_of[FC1_WEIGHT], 2);
    ck_assert_uint_eq(optimizer->step_of[FC1_BIAS], 1);
}
END_TEST

/* --- threads ---------------------------------------------------------- */

START_TEST(takes_no_slots_where_nothing_is_trained)
{
    struct mt_store bare = { .memory = MT_MEMORY_VALUES };
    struct mt_shape shape = mt_shape_of(1, (size_t)5);
    struct mt_optimizer *o;

    read_spec("{'type': 'Adam'}");
    ck_assert_ptr_nonnull(optimizer->slot[0]);
    ck_assert_ptr_nonnull(mt_store_add(&bare, "w", MT_F32, &shape, false));
    ck_assert_int_eq(mt_store_allocate(&bare, &err), MT_OK);
    ck_assert_int_eq(mt_optimizer_new(doc, mt_json_root(doc), &bare, &o, &err),
                     MT_OK);
    ck_assert(!o->slot[0] && !o->slot[1]);
    ck_assert(!mt_optimizer_has_slots(o, 0));
    mt_optimizer_free(o);
    mt_store_free(&bare);
}
END_TEST

/* A store with one tensor of several tasks; its values after some steps. */
static float *run_threads(size_t threads, size_t n)
{
    static const char spec[] = "{\"type\": \"AdamW\", \"amsgrad\": true}";
    struct mt_store large = MT_STORE_INIT;
    struct mt_shape shape = mt_shape_of(1, n);
    struct mt_optimizer *o;
    struct mt_json *json;
    struct mt_team *team;
    float *copy = malloc(n * sizeof *copy), *values;

    ck_assert_ptr_nonnull(copy);
    struct mt_tensor *t = mt_store_add(&large, "w", MT_F32, &shape, false);

    t->has_grad = true;
    ck_assert_int_eq(mt_store_allocate(&large, &err), MT_OK);
    ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
    ck_assert_int_eq(mt_json_parse("s", spec, sizeof spec - 1, &json, &err),
                     MT_OK);
    ck_assert_int_eq(
        mt_optimizer_new(json, mt_json_root(json), &large, &o, &err), MT_OK);
    values = t->data;
    for (size_t i = 0; i < n; i++)
        values[i] = number(i % 5003);
    for (size_t s = 0; s < 3; s++) {
        struct mt_scheduled now = mt_optimizer_base(o, 0);

        for (size_t i = 0; i < n; i++)
            t->grad[i] = number((i + s * 71) % 4999);
        ck_assert(mt_optimizer_step(o, &now, team));
    }
    memcpy(copy, values, n * sizeof *copy);
    mt_optimizer_free(o);
    mt_json_free(json);
    mt_team_free(team);
    mt_store_free(&large);
    return copy;
}

START_TEST(threads_change_no_bit)
{
    const size_t n = 3 * 16384 + 1234;
    float *first = run_threads(1, n);

    for (size_t threads = 2; threads <= 3; threads++) {
        float *other = run_threads(threads, n);

        ck_assert_int_eq(memcmp(first, other, n * sizeof *first), 0);
        free(other);
    }
    free(first);
}
END_TEST

/* --- messages --------------------------------------------------------- */

static const struct {
    const char *spec, *says;
} mistakes[] = {
    { "{'type': 'Adm'}", "spec.json:1:2: type: unknown optimizer \"Adm\"; "
                         "did you mean \"Adam\"?" },
    { "{'type': 'Zzzzzzz'}", "unknown optimizer \"Zzzzzzz\"; expected one of "
                         "\"SGD\", " },
    { "{'type': 'adam'}", "did you mean \"Adam\"?" },
    { "{'type': 5}", "spec.json:1:2: type: expected a string, got 5" },
    { "{}", "spec.json:1:1: missing \"type\"" },
    { "[1]", "spec.json:1:1: expected an object with a \"type\", got a "
             "list" },
    { "{'type': 'SGD'}", "missing \"lr\"" },
    { "{'type': 'SGD', 'lr': 0.1,\n 'momentun': 0.9}",
      "spec.json:2:2: momentun: unknown key \"momentun\"; did you mean "
      "\"momentum\"?" },
    { "{'type': 'Adam', 'momentum': 0.9}", "unknown key \"momentum\"" },
    { "{'type': 'SGD', 'lr': -0.1}", "lr: must be at least 0, got -0.1" },
    { "{'type': 'SGD', 'lr': '0.1'}", "lr: expected a number, got \"0.1\"" },
    { "{'type': 'SGD', 'lr': 1, 'momentum': -1}",
      "momentum: must be at least" },
    { "{'type': 'SGD', 'lr': 1, 'nesterov': true}",
      "spec.json:1:26: nesterov: Nesterov momentum needs a momentum above 0 "
      "and a dampening of 0, got 0 and 0" },
    { "{'type': 'SGD', 'lr': 1, 'nesterov': true, 'momentum': 0.9,"
      " 'dampening': 0.5}",
      "got 0.9 and 0.5" },
    { "{'type': 'SGD', 'lr': 1, 'nesterov': true, 'momentum': 0.9,\n"
      " 'groups': [{'params': 'fc1.*', 'dampening': 0.1}]}",
      "spec.json:2:13: groups[0]: Nesterov momentum needs" },
    { "{'type': 'Adam', 'betas': 0.9}",
      "spec.json:1:18: betas: expected two numbers, got 1" },
    { "{'type': 'Adam', 'betas': [0.9, 0.99, 0.999]}", "two numbers, got 3" },
    { "{'type': 'Adam', 'betas': []}", "two numbers, got 0" },
    { "{'type': 'Adam', 'betas': [0.9, 1.0]}", "betas[1]: expected 0 <= " },
    { "{'type': 'Adam', 'betas': [-0.1, 0.9]}", "betas[0]: expected 0 <= " },
    { "{'type': 'AdamW', 'eps': -1}", "eps: must be at least 0, got -1" },
    { "{'type': 'Adam', 'amsgrad': 1}", "amsgrad: expected true or false" },
    { "{'type': 'Adam', 'groups': {'params': '*'}}",
      "spec.json:1:18: groups: expected a list, got an object" },
    { "{'type': 'Adam', 'groups': null}", "groups: expected a list, got null" },
    { "{'type': 'Adam', 'groups': [3]}",
      "spec.json:1:29: groups[0]: expected an object, got 3" },
    { "{'type': 'Adam', 'groups': [{'lr': 1}]}",
      "groups[0]: missing \"params\"" },
    { "{'type': 'Adam', 'groups': [{'params': []}]}",
      "groups[0].params: expected at least one glob, got an empty list" },
    { "{'type': 'Adam', 'groups': [{'params': '*'},\n {'params': 'fc9.*'}]}",
      "spec.json:2:3: groups[1].params: \"fc9.*\" matches no parameter of the "
      "model" },
    { "{'type': 'Adam', 'groups': [{'params': ['fc1.*', 'bn.count']}]}",
      "\"bn.count\" matches no parameter" },
    { "{'type': 'Adam', 'groups': [{'params': 'FC1.*'}]}", "matches no " },
    { "{'type': 'Adam', 'groups': [{'params': '*', 'weigt_decay': 1}]}",
      "groups[0].weigt_decay: unknown key \"weigt_decay\"; did you mean "
      "\"weight_decay\"?" },
    { "{'type': 'Adam', 'groups': [{'params': '*', 'type': 'SGD'}]}",
      "groups[0].type: unknown key \"type\"" },
    { "{'type': 'Adam', 'groups': [{'params': '*', 'betas': [0.5]}]}",
      "groups[0].betas: expected two numbers, got 1" },
};

START_TEST(mistakes_are_named_with_their_place)
{
    ck_assert_int_eq(open_spec(mistakes[_i].spec), MT_INVALID);
    ck_assert_ptr_null(optimizer);
    ck_assert_msg(strstr(err.text, mistakes[_i].says) != NULL,
                  "\"%s\" does not say \"%s\"", err.text, mistakes[_i].says);
    ck_assert_msg(strncmp(err.text, "spec.json:", 10) == 0, "%s", err.text);
}
END_TEST

START_TEST(empty_groups_are_none)
{
    read_spec("{'type': 'Adam', 'groups': []}");
    ck_assert_uint_eq(optimizer->n_groups, 1);
    mt_optimizer_free(NULL);
}
END_TEST

Suite *optimizer_suite(void);

Suite *optimizer_suite(void)
{
    Suite *s = suite_create("optimizer");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, enter, leave);
    tcase_add_loop_test(t, steps_are_those_of_torch, 0, FORMULAS);
    tcase_add_loop_test(t, schedules_may_change_the_momentum, 0, FORMULAS);
    tcase_add_loop_test(t, parameters_without_gradient_are_left_alone, 0, 3);
    tcase_add_test(t, frozen_tensors_and_buffers_are_left_alone);
    tcase_add_test(t, padding_stays_zero);
    tcase_add_test(t, it_owns_the_tensors_of_its_store);
    tcase_add_test(t, a_gradient_that_is_not_finite_is_reported);
    tcase_add_test(t, the_first_group_that_matches_wins);
    tcase_add_test(t, groups_override_what_they_name);
    tcase_add_test(t, slots_are_there_where_they_are_needed);
    tcase_add_test(t, step_counts_survive_changes);
    tcase_add_test(t, each_tensor_counts_for_itself);
    tcase_add_test(t, equal_neighbours_are_one_segment);
    tcase_add_test(t, takes_no_slots_where_nothing_is_trained);
    tcase_add_test(t, threads_change_no_bit);
    tcase_add_loop_test(t, mistakes_are_named_with_their_place, 0,
                        sizeof mistakes / sizeof *mistakes);
    tcase_add_test(t, empty_groups_are_none);
    suite_add_tcase(s, t);
    return s;
}
