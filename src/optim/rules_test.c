/*
 * The rules for every row of the table of optimizers (optimizer.h), and the
 * update rules of all except SGD and Adam, against torch's documented formulas
 * in double. (SGD and Adam: optimizer_test.c.)
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "optim/optim_internal.h"
#include "spec/testing.h"

enum { N = 21, STEPS = 50 };

static struct mt_store store = MT_STORE_INIT;
static struct mt_json *doc;
static struct mt_optimizer *optimizer;
static struct mt_err err = MT_ERR_INIT;

static void enter(void)
{
    struct mt_shape shape = mt_shape_of(1, (size_t)N);
    struct mt_tensor *t = mt_store_add(&store, "w", MT_F32, &shape, false);

    ck_assert_ptr_nonnull(t);
    t->requires_grad = t->has_grad = true;
    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_OK);
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

static bool step(double lr, double momentum)
{
    struct mt_scheduled now = { lr, momentum };

    return mt_optimizer_step(optimizer, &now, NULL);
}

/* --- torch's formulas ----------------------------------------------------- */

/* A value and its state; slots in the order of the row. */
struct value {
    double p, slot[MT_OPTIM_MAX_SLOTS];
};

/* The settings of a case; those that its optimizer does not have are 0. */
struct settings {
    double lr, beta1, beta2, eps, l2, decay, momentum, extra;
    bool centered;
};

typedef void rule(struct value *v, double g, const struct settings *s,
                  double momentum, double t);

static void rmsprop(struct value *v, double g, const struct settings *s,
                    double momentum, double t)
{
    double *sq = &v->slot[0], *buf = &v->slot[1], *avg = &v->slot[2], top;

    (void)t;
    *sq = s->beta2 * *sq + (1 - s->beta2) * g * g;
    *avg = s->beta2 * *avg + (1 - s->beta2) * g;
    top = s->centered ? *sq - *avg * *avg : *sq;
    *buf = momentum * *buf + g / (sqrt(top) + s->eps);
    v->p -= s->lr * *buf;
}

static void adagrad(struct value *v, double g, const struct settings *s,
                    double momentum, double t)
{
    (void)momentum;
    v->slot[0] += g * g;
    v->p -= s->lr / (1 + (t - 1) * s->extra) * g /
            (sqrt(v->slot[0]) + s->eps);
}

static void adadelta(struct value *v, double g, const struct settings *s,
                     double momentum, double t)
{
    double *sq = &v->slot[0], *acc = &v->slot[1], q;

    (void)momentum;
    (void)t;
    *sq = s->beta2 * *sq + (1 - s->beta2) * g * g;
    q = sqrt(*acc + s->eps) / sqrt(*sq + s->eps) * g;
    *acc = s->beta2 * *acc + (1 - s->beta2) * q * q;
    v->p -= s->lr * q;
}

static void adamax(struct value *v, double g, const struct settings *s,
                   double beta1, double t)
{
    v->slot[0] = beta1 * v->slot[0] + (1 - beta1) * g;
    v->slot[1] = fmax(s->beta2 * v->slot[1], fabs(g) + s->eps);
    v->p -= s->lr / (1 - pow(beta1, t)) * v->slot[0] / v->slot[1];
}

static void means(struct value *v, double g, const struct settings *s,
                  double beta1)
{
    v->slot[0] = beta1 * v->slot[0] + (1 - beta1) * g;
    v->slot[1] = s->beta2 * v->slot[1] + (1 - s->beta2) * g * g;
}

static void radam(struct value *v, double g, const struct settings *s,
                  double beta1, double t)
{
    double bias2 = 1 - pow(s->beta2, t), inf = 2 / (1 - s->beta2) - 1;
    double rho = inf - 2 * t * pow(s->beta2, t) / bias2;
    double mean;

    means(v, g, s, beta1);
    mean = v->slot[0] / (1 - pow(beta1, t));
    if (rho > 5)
        mean *= sqrt((rho - 4) * (rho - 2) * inf /
                     ((inf - 4) * (inf - 2) * rho)) *
                sqrt(bias2) / (sqrt(v->slot[1]) + s->eps);
    v->p -= s->lr * mean;
}

static void nadam(struct value *v, double g, const struct settings *s,
                  double beta1, double t)
{
    double mu = beta1 * (1 - 0.5 * pow(0.96, t * s->extra));
    double next = beta1 * (1 - 0.5 * pow(0.96, (t + 1) * s->extra));
    double *product = &v->slot[2], denom;

    means(v, g, s, beta1);
    *product = (t == 1 ? 1 : *product) * mu;
    denom = sqrt(v->slot[1] / (1 - pow(s->beta2, t))) + s->eps;
    v->p -= s->lr * (1 - mu) / (1 - *product) * g / denom;
    v->p -= s->lr * next / (1 - *product * next) * v->slot[0] / denom;
}

static const struct {
    const char *spec;
    rule *rule;
    struct settings s;
    bool maximize;
    double start; /* of slot 0 */
} cases[] = {
    { "{'type':'RMSprop'}", rmsprop, { .lr = .01, .beta2 = .99, .eps = 1e-8 } },
    { "{'type':'RMSprop','lr':0.02,'alpha':0.9,'eps':0.001,'momentum':0.7,"
      "'weight_decay':0.1,'maximize':true}",
      rmsprop,
      { .lr = .02, .beta2 = .9, .eps = 1e-3, .momentum = .7, .l2 = .1 },
      true },
    { "{'type':'RMSprop','centered':true,'momentum':0.5}", rmsprop,
      { .lr = .01, .beta2 = .99, .eps = 1e-8, .momentum = .5,
        .centered = true } },
    { "{'type':'Adagrad'}", adagrad, { .lr = .01, .eps = 1e-10 } },
    { "{'type':'Adagrad','lr':0.1,'lr_decay':0.05,'weight_decay':0.1,"
      "'initial_accumulator_value':0.3,'eps':0.01,'maximize':true}",
      adagrad, { .lr = .1, .extra = .05, .l2 = .1, .eps = .01 }, true, .3 },
    { "{'type':'Adadelta'}", adadelta, { .lr = 1, .beta2 = .9, .eps = 1e-6 } },
    { "{'type':'Adadelta','lr':0.5,'rho':0.8,'eps':0.001,'weight_decay':0.1,"
      "'maximize':true}",
      adadelta, { .lr = .5, .beta2 = .8, .eps = 1e-3, .l2 = .1 }, true },
    { "{'type':'Adamax'}", adamax,
      { .lr = .002, .beta1 = .9, .beta2 = .999, .eps = 1e-8 } },
    { "{'type':'Adamax','lr':0.01,'betas':[0.8,0.95],'eps':0.001,"
      "'weight_decay':0.1,'maximize':true}",
      adamax, { .lr = .01, .beta1 = .8, .beta2 = .95, .eps = 1e-3, .l2 = .1 },
      true },
    { "{'type':'RAdam'}", radam,
      { .lr = .001, .beta1 = .9, .beta2 = .999, .eps = 1e-8 } },
    { "{'type':'RAdam','lr':0.01,'betas':[0.8,0.95],'eps':0.001,"
      "'weight_decay':0.1,'maximize':true}",
      radam, { .lr = .01, .beta1 = .8, .beta2 = .95, .eps = 1e-3, .l2 = .1 },
      true },
    { "{'type':'RAdam','weight_decay':0.2,'decoupled_weight_decay':true}",
      radam,
      { .lr = .001, .beta1 = .9, .beta2 = .999, .eps = 1e-8, .decay = .2 } },
    { "{'type':'NAdam'}", nadam,
      { .lr = .002, .beta1 = .9, .beta2 = .999, .eps = 1e-8, .extra = .004 } },
    { "{'type':'NAdam','lr':0.01,'betas':[0.8,0.95],'eps':0.001,"
      "'weight_decay':0.1,'momentum_decay':0.02,'maximize':true}",
      nadam,
      { .lr = .01, .beta1 = .8, .beta2 = .95, .eps = 1e-3, .l2 = .1,
        .extra = .02 },
      true },
    { "{'type':'NAdam','weight_decay':0.2,'decoupled_weight_decay':true}",
      nadam,
      { .lr = .002, .beta1 = .9, .beta2 = .999, .eps = 1e-8, .extra = .004,
        .decay = .2 } },
};

enum { CASES = sizeof cases / sizeof *cases };

static void check_number(const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 2e-5 * fabs(want) + 2e-6))
        ck_abort_msg("%s is %.9g, want %.9g", what, got, want);
}

static double gradient(size_t i, double t)
{
    return sin(1 + (double)i * 3.7 + t * 1.3) * (i % 5 ? 1 : 0.01);
}

/* cycle: as with OneCycleLR. restart: as after a resume, which restores step_of
 * and slots. */
static void follow(int c, bool cycle, bool restart)
{
    const struct settings *s = &cases[c].s;
    struct mt_tensor *w = store.tensors[0];
    struct value v[N] = { { 0 } };
    float *p = w->data;

    for (size_t i = 0; i < N; i++) {
        p[i] = (float)(0.5 * cos((double)i));
        v[i] = (struct value){ .p = (double)p[i],
                               .slot = { cases[c].start } };
    }
    ck_assert_msg(open_spec(cases[c].spec) == MT_OK, "%s", err.text);
    optimizer->cycled = cycle;
    for (int k = 1; k <= STEPS; k++) {
        double own = s->beta1 > 0 ? s->beta1 : s->momentum;
        double momentum = cycle ? own * (1 - 0.01 * k) : own;

        for (size_t i = 0; i < N; i++) {
            w->grad[i] = (float)gradient(i, k);
            double g = (double)w->grad[i] * (cases[c].maximize ? -1 : 1) +
                       s->l2 * v[i].p;

            v[i].p *= 1 - s->lr * s->decay;
            cases[c].rule(&v[i], g, s, momentum, k);
        }
        ck_assert(step(s->lr, cycle ? momentum : (double)NAN));
        mt_optimizer_sync(optimizer);
        ck_assert_uint_eq(optimizer->step_of[0], k);
        if (restart)
            mt_optimizer_restart(optimizer);
        for (size_t i = 0; i < N; i++) {
            check_number(cases[c].spec, (double)p[i], v[i].p);
            for (size_t n = 0; n < optimizer->n_slots; n++) {
                const float *slot = mt_optimizer_slot(optimizer, n, 0);
                bool one = mt_optimizer_is_product(optimizer->type, n);

                if (slot)
                    check_number(optimizer->type->slots[n],
                                 (double)slot[one ? 0 : i], v[i].slot[n]);
            }
        }
    }
}

START_TEST(steps_are_those_of_torch)
{
    follow(_i, false, false);
}
END_TEST

START_TEST(resuming_changes_nothing)
{
    follow(_i, false, true);
}
END_TEST

/* As OneCycleLR does, if there is a momentum. */
START_TEST(schedules_may_change_the_momentum)
{
    const struct settings *s = &cases[_i].s;

    if (s->beta1 > 0 || s->momentum > 0)
        follow(_i, true, false);
}
END_TEST

/* --- what every row promises
 * ----------------------------------------------- */

static const char *const hard[] = { "", ",'eps':0", ",'weight_decay':0.5",
                                    ",'momentum':0.9", ",'amsgrad':true",
                                    ",'centered':true,'eps':0",
                                    ",'initial_accumulator_value':0.5" };

/* Opens the optimizer with the option; false: it has no such option. */
static bool open_row(size_t row, const char *option)
{
    char spec[256];

    snprintf(spec, sizeof spec, "{'type':'%s','lr':0.1%s}",
             mt_optimizer_kind.at(row)->name, option);
    if (open_spec(spec) == MT_OK)
        return true;
    ck_assert_msg(strstr(err.text, "unknown key"), "%s", err.text);
    return false;
}

START_TEST(padding_stays_zero)
{
    for (size_t row = 0; mt_optimizer_kind.at(row); row++) {
        for (size_t h = 0; h < sizeof hard / sizeof *hard; h++) {
            if (!open_row(row, hard[h]))
                continue;
            for (int k = 0; k < 5; k++) {
                for (size_t i = 0; i < N; i++)
                    store.tensors[0]->grad[i] = i < 3 ? 0 : (float)(i + 1);
                ck_assert(step(0.1, (double)NAN));
            }
            for (size_t i = 0; i < mt_size_align(N, 16); i++) {
                float p = store.values[store.tensors[0]->offset + i];

                ck_assert_msg(isfinite(p), "%s%s: value %zu is %g",
                              optimizer->type->name, hard[h], i, (double)p);
                ck_assert_msg(i < N || p == 0, "%s%s: padding is %g",
                              optimizer->type->name, hard[h], (double)p);
            }
            memset(store.tensors[0]->data, 0, N * sizeof(float));
        }
    }
}
END_TEST

/* With eps 0, results are torch's, except that what torch divides by 0 moves
 * nothing. */
START_TEST(eps_may_be_0)
{
    static const struct {
        const char *type;
        double after[4]; /* the first step from 1, for each gradient */
    } rows[] = {
        { "Adam", { 1, 0.9, 1, 1 } },
        { "AdamW", { 0.999, 0.899, 0.999, 0.999 } },
        { "RMSprop", { 1, 0, 1, 1 } },
        { "Adagrad", { 1, 0.9, 1, 1 } },
        { "NAdam", { 1, 0.8943548, 1, 1 } },
        { "RAdam", { 1, 0.95, 1, 1 } },
        { "Adamax", { 1, 0.9, 1, 1 } },
        { "Adadelta", { 1, 1, 1, 1 } },
    };
    static const float gradients[] = { 0, 0.5F, 1e-30F, 1e-40F };
    char spec[80];

    snprintf(spec, sizeof spec, "{'type':'%s','lr':0.1,'eps':0}",
             rows[_i].type);
    ck_assert(open_spec(spec) == MT_OK);
    for (size_t i = 0; i < N; i++) {
        store.values[store.tensors[0]->offset + i] = 1;
        store.tensors[0]->grad[i] = gradients[i % 4];
    }
    ck_assert(step(0.1, (double)NAN));
    for (size_t i = 0; i < N; i++) {
        double p = (double)store.values[store.tensors[0]->offset + i];
        double want = rows[_i].after[i % 4];

        if (!(p == want || fabs(p - want) <= 1e-5))
            ck_abort_msg("%s: gradient %g gives %.9g, want %.9g", rows[_i].type,
                         (double)gradients[i % 4], p, want);
    }
}
END_TEST

/* Squares may fade before the mean: Adam with beta2 = 0 divides by 0 then. */
START_TEST(a_mean_over_squares_of_0_moves_nothing)
{
    float *p = store.values + store.tensors[0]->offset;

    ck_assert(open_spec("{'type':'Adam','lr':0.1,'eps':0,'betas':[0.9,0]}") ==
              MT_OK);
    p[0] = 1;
    store.tensors[0]->grad[0] = 0.5F;
    ck_assert(step(0.1, (double)NAN));
    ck_assert(p[0] == 0.9F);
    store.tensors[0]->grad[0] = 0;
    ck_assert(step(0.1, (double)NAN));
    ck_assert(p[0] == 0.9F);
    ck_assert(mt_optimizer_slot(optimizer, 0, 0)[0] > 0.04F);
}
END_TEST

/* Is a number of the row's state, or of the tensor, subnormal? */
static bool has_subnormal(void)
{
    for (size_t n = 0; n <= optimizer->n_slots; n++) {
        const float *x = n < optimizer->n_slots
                             ? mt_optimizer_slot(optimizer, n, 0)
                             : store.tensors[0]->data;
        bool one = n < optimizer->n_slots &&
                   mt_optimizer_is_product(optimizer->type, n);

        for (size_t i = 0; x && i < (one ? 1 : N); i++) {
            if (fpclassify(x[i]) == FP_SUBNORMAL)
                return true;
        }
    }
    return false;
}

/* A unit that dies: its state is never subnormal, and the gradient's mean, the
 * first slot of most, ends at a few units. */
START_TEST(state_fades)
{
    static const char *const quick[] = {
        "",           ",'betas':[0.8,0.9]", ",'alpha':0.9,'momentum':0.8",
        ",'rho':0.9", ",'momentum':0.9",    ",'alpha':0.9,'centered':true"
    };

    for (size_t row = 0; mt_optimizer_kind.at(row); row++) {
        for (size_t h = 0; h < sizeof quick / sizeof *quick; h++) {
            if (!open_row(row, quick[h]))
                continue;
            for (int k = 0; k < 10000; k++) {
                for (size_t i = 0; i < N; i++)
                    store.tensors[0]->grad[i] =
                        k > 2 ? 0 : ldexpf(1, -7 * (int)i);
                ck_assert(step(0.1, (double)NAN));
                ck_assert_msg(!has_subnormal(), "%s%s: step %d",
                              optimizer->type->name, quick[h], k);
            }
            const float *mean = mt_optimizer_slot(optimizer, 0, 0);
            bool fades = strcmp(optimizer->type->name, "Adagrad") != 0;

            for (size_t i = 0; mean && fades && i < N; i++)
                ck_assert_msg(fabsf(mean[i]) < 0x1p-96f, "%s%s: %g is left",
                              optimizer->type->name, quick[h], (double)mean[i]);
        }
    }
}
END_TEST

START_TEST(rows_keep_their_bounds)
{
    for (size_t row = 0; mt_optimizer_kind.at(row); row++) {
        const struct mt_optimizer_type *type =
            (const struct mt_optimizer_type *)mt_optimizer_kind.at(row);
        size_t n = 0;

        while (type->slots[n])
            n++;
        ck_assert_uint_ge(n, 1);
        ck_assert_uint_le(n, MT_OPTIM_MAX_SLOTS);
        ck_assert_uint_le(type->step_size, MT_OPTIM_STEP_SIZE);
        ck_assert(type->base && type->prepare && type->update);
    }
}
END_TEST

START_TEST(gradients_that_are_not_finite_are_reported)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };

    for (size_t row = 0; mt_optimizer_kind.at(row); row++) {
        for (size_t i = 0; i < N; i++) {
            ck_assert(open_row(row, ""));
            memset(store.tensors[0]->data, 0, N * sizeof(float));
            for (size_t k = 0; k < N; k++)
                store.tensors[0]->grad[k] = 1;
            ck_assert(step(0.1, (double)NAN));
            store.tensors[0]->grad[i] = bad[i % 3];
            ck_assert(!step(0.1, (double)NAN));
        }
    }
    memset(store.tensors[0]->data, 0, N * sizeof(float));
}
END_TEST

/* Only a momentum that exists can be cycled. */
START_TEST(momentum_is_cycled_only_where_there_is_one)
{
    static const char cycle[] =
        "{\"type\":\"OneCycleLR\",\"max_lr\":0.1,\"total_steps\":9,"
        "\"interval\":\"step\"}";
    struct mt_arena arena = MT_ARENA_INIT;
    struct mt_scheduler *scheduler;
    struct mt_json *text;

    text = mt_test_json(cycle);
    ck_assert_int_eq(mt_scheduler_new(text, mt_json_root(text), &arena,
                                      &scheduler, &err), MT_OK);
    for (size_t row = 0; mt_optimizer_kind.at(row); row++) {
        const char *name = mt_optimizer_kind.at(row)->name;
        bool none;

        ck_assert(open_row(row, ""));
        none = isnan(mt_optimizer_base(optimizer, 0).momentum);
        ck_assert_msg(mt_optimizer_follow(optimizer, scheduler, &err) ==
                          (none ? MT_INVALID : MT_OK), "%s", name);
        if (none)
            ck_assert_ptr_nonnull(strstr(err.text, "cycle_momentum"));
        if (!strcmp(name, "RMSprop"))
            ck_assert_ptr_nonnull(mt_optimizer_slot(optimizer, 1, 0));
    }
    mt_json_free(text);
    mt_arena_free(&arena);
}
END_TEST

Suite *rules_suite(void);

Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *tcase = tcase_create("core");

    tcase_add_checked_fixture(tcase, enter, leave);
    tcase_add_loop_test(tcase, steps_are_those_of_torch, 0, CASES);
    tcase_add_loop_test(tcase, resuming_changes_nothing, 0, CASES);
    tcase_add_loop_test(tcase, schedules_may_change_the_momentum, 0, CASES);
    tcase_add_test(tcase, padding_stays_zero);
    tcase_add_loop_test(tcase, eps_may_be_0, 0, 8);
    tcase_add_test(tcase, a_mean_over_squares_of_0_moves_nothing);
    tcase_add_test(tcase, state_fades);
    tcase_add_test(tcase, rows_keep_their_bounds);
    tcase_add_test(tcase, gradients_that_are_not_finite_are_reported);
    tcase_add_test(tcase, momentum_is_cycled_only_where_there_is_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
