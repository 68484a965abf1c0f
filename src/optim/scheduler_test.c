#include "optim/scheduler.h"
#include "spec/testing.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 32 };

/* One scheduler read from JSON, which may use ' for ". */
struct reading {
    struct mt_arena arena;
    struct mt_json *doc;
    struct mt_scheduler *s;
    struct mt_err err;
    mt_status status;
};

static struct reading read_scheduler(const char *json)
{
    struct reading r = { MT_ARENA_INIT, mt_test_json(json), NULL, MT_ERR_INIT,
                         MT_OK };

    r.status =
        mt_scheduler_new(r.doc, mt_json_root(r.doc), &r.arena, &r.s, &r.err);
    return r;
}

static struct reading must_read(const char *json)
{
    struct reading r = read_scheduler(json);

    ck_assert_msg(r.status == MT_OK, "%s: %s", json, r.err.text);
    return r;
}

static void release(struct reading *r)
{
    mt_json_free(r->doc);
    mt_arena_free(&r->arena);
}

static void assert_near(const char *json, uint64_t t, double got, double want)
{
    ck_assert_msg(fabs(got - want) <= 1e-9 * fabs(want) + 1e-15,
                  "%s at %lu: got %.17g, want %.17g", json, (unsigned long)t,
                  got, want);
}

/*
 * The results of torch 1.13's scheduler.step() for SGD with lr 0.1: after t[i]
 * steps the rate lr[i] and, if it changes, the momentum.
 */
struct trace {
    const char *json;
    int n;
    uint64_t t[MAX_POINTS];
    double lr[MAX_POINTS], momentum[MAX_POINTS];
};

static const struct trace traces[] = {
    { "{'type': 'StepLR', 'step_size': 3}",
      5,
      { 0, 2, 3, 7, 12 },
      { 0.1, 0.1, 0.010000000000000002, 0.0010000000000000002,
        1.0000000000000004e-05 },
      { 0 } },
    { "{'type': 'StepLR', 'step_size': 1, 'gamma': 1.5}",
      4,
      { 0, 1, 2, 10 },
      { 0.1, 0.15000000000000002, 0.22500000000000003, 5.7665039062500005 },
      { 0 } },
    { "{'type': 'MultiStepLR', 'milestones': [2, 5, 5, 9], "
      "'gamma': 0.5}",
      7,
      { 0, 1, 2, 4, 5, 9, 30 },
      { 0.1, 0.1, 0.05, 0.05, 0.0125, 0.00625, 0.00625 },
      { 0 } },
    { "{'type': 'MultiStepLR', 'milestones': [0, 3]}",
      3,
      { 0, 2, 3 },
      { 0.010000000000000002, 0.010000000000000002, 0.0010000000000000002 },
      { 0 } },
    { "{'type': 'ExponentialLR', 'gamma': 0.9}",
      4,
      { 0, 1, 3, 50 },
      { 0.1, 0.09000000000000001, 0.07290000000000002, 0.0005153775207320121 },
      { 0 } },
    { "{'type': 'ExponentialLR', 'gamma': 0}",
      3,
      { 0, 1, 2 },
      { 0.1, 0.0, 0.0 },
      { 0 } },
    { "{'type': 'ConstantLR'}",
      4,
      { 0, 4, 5, 6 },
      { 0.03333333333333333, 0.03333333333333333, 0.1, 0.1 },
      { 0 } },
    { "{'type': 'ConstantLR', 'factor': 0.25, 'total_iters': 0}",
      3,
      { 0, 1, 9 },
      { 0.025, 0.025, 0.025 },
      { 0 } },
    { "{'type': 'LinearLR'}",
      6,
      { 0, 1, 2, 4, 5, 6 },
      { 0.03333333333333333, 0.04666666666666667, 0.060000000000000005,
        0.08666666666666668, 0.1, 0.1 },
      { 0 } },
    { "{'type': 'LinearLR', 'start_factor': 1.0, 'end_factor': "
      "0.0, 'total_iters': 4}",
      5,
      { 0, 1, 3, 4, 9 },
      { 0.1, 0.07500000000000001, 0.025000000000000005, 0.0, 0.0 },
      { 0 } },
    { "{'type': 'LinearLR', 'start_factor': 0.5, 'total_iters': 0}",
      3,
      { 0, 1, 9 },
      { 0.05, 0.05, 0.05 },
      { 0 } },
    { "{'type': 'PolynomialLR'}",
      5,
      { 0, 1, 4, 5, 9 },
      { 0.1, 0.08000000000000002, 0.02, 0.0, 0.0 },
      { 0 } },
    { "{'type': 'PolynomialLR', 'total_iters': 10, 'power': 2.5}",
      6,
      { 0, 1, 5, 9, 10, 20 },
      { 0.1, 0.07684334714209162, 0.01767766952966369, 0.00031622776601683783,
        0.0, 0.0 },
      { 0 } },
    { "{'type': 'PolynomialLR', 'total_iters': 3, 'power': 0}",
      4,
      { 0, 2, 3, 4 },
      { 0.1, 0.1, 0.1, 0.1 },
      { 0 } },
    { "{'type': 'PolynomialLR', 'total_iters': 0}",
      3,
      { 0, 1, 4 },
      { 0.1, 0.1, 0.1 },
      { 0 } },
    { "{'type': 'CosineAnnealingLR', 'T_max': 10}",
      12,
      { 0, 1, 5, 9, 10, 11, 17, 20, 25, 30, 31, 39 },
      { 0.1, 0.09755282581475769, 0.05000000000000001, 0.002447174185242324,
        0.0, 0.0024471741852423235, 0.079389262614624, 0.10000000000000044,
        0.050000000000000225, 0.0, 0.0024471741852423235, 0.0975528258147579 },
      { 0 } },
    { "{'type': 'CosineAnnealingLR', 'T_max': 7, 'eta_min': 0.01}",
      8,
      { 0, 3, 6, 7, 8, 14, 21, 22 },
      { 0.1, 0.06501344202803415, 0.014456400944391143, 0.01,
        0.01445640094439114, 0.1, 0.01, 0.01445640094439114 },
      { 0 } },
    { "{'type': 'CosineAnnealingLR', 'T_max': 1}",
      5,
      { 0, 1, 2, 3, 4 },
      { 0.1, 0.0, 0.1, 0.0, 0.1 },
      { 0 } },
    { "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 4}",
      7,
      { 0, 1, 3, 4, 7, 8, 41 },
      { 0.1, 0.08535533905932738, 0.014644660940672627, 0.1,
        0.014644660940672627, 0.1, 0.08535533905932738 },
      { 0 } },
    { "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 3, 'T_mult': "
      "2, 'eta_min': 0.001}",
      9,
      { 0, 2, 3, 8, 9, 20, 21, 22, 50 },
      { 0.1, 0.025750000000000012, 0.1, 0.007631742512670284, 0.1,
        0.0026866715986911243, 0.1, 0.09957652063800362, 0.09737304141000774 },
      { 0 } },
    { "{'type': 'OneCycleLR', 'max_lr': 0.5, 'total_steps': 20}",
      7,
      { 0, 1, 5, 6, 10, 19, 20 },
      { 0.020000000000000018, 0.06583592135001265, 0.5, 0.49373200311754367,
        0.3584715008956504, 2e-06, 0.006269996882456277 },
      { 0.95, 0.9404508497187474, 0.85, 0.8512536043909088, 0.878305813044122,
        0.95, 0.9487463956090911 } },
    { "{'type': 'OneCycleLR', 'max_lr': 0.5, 'epochs': 3, "
      "'steps_per_epoch': 7, 'anneal_strategy': 'linear', "
      "'pct_start': 0.25, 'div_factor': 10.0, 'final_div_factor': "
      "100.0, 'base_momentum': 0.8, 'max_momentum': 0.9}",
      7,
      { 0, 1, 4, 5, 13, 20, 21 },
      { 0.05, 0.15588235294117647, 0.47352941176470587, 0.4762142857142857,
        0.22249999999999998, 0.0005000000000000004, -0.03121428571428575 },
      { 0.9, 0.8764705882352941, 0.8058823529411765, 0.8047619047619048,
        0.8555555555555556, 0.9, 0.9063492063492063 } },
    { "{'type': 'OneCycleLR', 'max_lr': 1.0, 'total_steps': 30, "
      "'three_phase': true}",
      9,
      { 0, 4, 8, 9, 16, 17, 25, 29, 30 },
      { 0.040000000000000036, 0.52, 1.0, 0.9634621756054176, 0.04,
        0.03941889446488619, 0.00864184119487035, 4e-06,
        0.0005851055351138096 },
      { 0.95, 0.8999999999999999, 0.85, 0.8538060233744357, 0.95, 0.95, 0.95,
        0.95, 0.95 } },
    { "{'type': 'OneCycleLR', 'max_lr': 1.0, 'total_steps': 10, "
      "'cycle_momentum': false, 'pct_start': 0.0}",
      4,
      { 0, 1, 5, 9 },
      { 0.9755283560345442, 0.904508879153485, 0.3454941208465151, 4e-06 },
      { 0 } },
    { "{'type': 'OneCycleLR', 'max_lr': 1.0, 'total_steps': 10, "
      "'three_phase': true, 'pct_start': 0.9, 'anneal_strategy': "
      "'linear'}",
      5,
      { 0, 4, 8, 9, 10 },
      { 0.04, 0.52, 1.0, 0.88, 0.76 },
      { 0.95, 0.8999999999999999, 0.85, 0.8624999999999999, 0.875 } },
    { "{'type': 'SequentialLR', 'schedulers': [{'type': "
      "'LinearLR', 'start_factor': 0.1, 'total_iters': 4}, "
      "{'type': 'CosineAnnealingLR', 'T_max': 6}], 'milestones': "
      "[4]}",
      9,
      { 0, 1, 3, 4, 5, 7, 10, 11, 15 },
      { 0.010000000000000002, 0.03250000000000001, 0.07750000000000003, 0.1,
        0.09330127018922195, 0.05, 0.0, 0.006698729810778065,
        0.09330127018922202 },
      { 0 } },
    { "{'type': 'SequentialLR', 'schedulers': [{'type': "
      "'ConstantLR', 'factor': 0.5, 'total_iters': 2}, {'type': "
      "'ExponentialLR', 'gamma': 0.9}, {'type': 'StepLR', "
      "'step_size': 2}], 'milestones': [3, 6]}",
      9,
      { 0, 2, 3, 4, 5, 6, 7, 8, 10 },
      { 0.05, 0.1, 0.1, 0.09000000000000001, 0.08100000000000002, 0.1, 0.1,
        0.010000000000000002, 0.0010000000000000002 },
      { 0 } },
    { "{'type': 'SequentialLR', 'schedulers': [{'type': "
      "'CosineAnnealingWarmRestarts', 'T_0': 2}, {'type': "
      "'ConstantLR', 'factor': 0.5, 'total_iters': 0}, {'type': "
      "'CosineAnnealingWarmRestarts', 'T_0': 3, 'T_mult': 2}, "
      "{'type': 'PolynomialLR', 'total_iters': 4, 'power': 2.0}, "
      "{'type': 'MultiStepLR', 'milestones': [0, 2]}], "
      "'milestones': [3, 5, 5, 12]}",
      13,
      { 0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15 },
      { 0.1, 0.05, 0.1, 0.1, 0.1, 0.1, 0.05625, 0.0062499999999999995, 0.0,
        0.010000000000000002, 0.010000000000000002, 0.0010000000000000002,
        0.0010000000000000002 },
      { 0 } },
};

enum { N_TRACES = sizeof traces / sizeof *traces };

START_TEST(rates_are_those_of_torch)
{
    const struct trace *c = &traces[_i];
    struct reading r = must_read(c->json);

    for (int i = 0; i < c->n; i++) {
        struct mt_scheduled base = { 0.1, 0.9 };
        struct mt_scheduled got = mt_scheduler_at(r.s, c->t[i], base);

        assert_near(c->json, c->t[i], got.lr, c->lr[i]);
        if (c->momentum[0])
            assert_near(c->json, c->t[i], got.momentum, c->momentum[i]);
        else
            ck_assert(isnan(got.momentum));
        mt_scheduler_observe(r.s, 1); /* nothing to watch: no effect */
    }
    ck_assert_ptr_null(r.s->monitor);
    ck_assert(!r.s->per_step);
    release(&r);
}
END_TEST

/* ReduceLROnPlateau on two groups, of lr 0.1 and 0.02: the rates after each
 * value of the watched metric, and best, num_bad_epochs, cooldown_counter. */
struct plateau {
    const char *json;
    int n;
    double value[MAX_POINTS], lr0[MAX_POINTS], lr1[MAX_POINTS];
    double state[3];
};

static const struct plateau plateaus[] = {
    { "{'type': 'ReduceLROnPlateau', 'patience': 1, 'factor': 0.5, "
      "'min_lr': 0.004, 'cooldown': 2}",
      24,
      { 1,   0.9, 0.9, 0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9,
        0.9, 0.9, 0.9, 0.9,  0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9 },
      { 0.1,     0.1,     0.1,     0.05,   0.05,   0.05,   0.05,   0.025,
        0.025,   0.025,   0.025,   0.0125, 0.0125, 0.0125, 0.0125, 0.00625,
        0.00625, 0.00625, 0.00625, 0.004,  0.004,  0.004,  0.004,  0.004 },
      { 0.02,  0.02,  0.02,  0.01,  0.01,  0.01,  0.01,  0.005,
        0.005, 0.005, 0.005, 0.004, 0.004, 0.004, 0.004, 0.004,
        0.004, 0.004, 0.004, 0.004, 0.004, 0.004, 0.004, 0.004 },
      { 0.9, 0, 2 } },
    { "{'type': 'ReduceLROnPlateau', 'mode': 'max', 'patience': 0, "
      "'threshold': 0.05, 'threshold_mode': 'abs'}",
      12,
      { 0.5, 0.54, 0.56, 0.57, 0.7, NAN, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8 },
      { 0.1, 0.010000000000000002, 0.010000000000000002, 0.0010000000000000002,
        0.0010000000000000002, 0.00010000000000000003, 1.0000000000000004e-05,
        1.0000000000000004e-05, 1.0000000000000004e-06, 1.0000000000000005e-07,
        1.0000000000000005e-08, 1.0000000000000005e-08 },
      { 0.02, 0.002, 0.002, 0.0002, 0.0002, 2e-05, 2.0000000000000003e-06,
        2.0000000000000003e-06, 2.0000000000000004e-07, 2.0000000000000007e-08,
        2.000000000000001e-09, 2.000000000000001e-09 },
      { 0.8, 0, 0 } },
    { "{'type': 'ReduceLROnPlateau', 'patience': 0, 'eps': 0.001, "
      "'factor': 0.9}",
      16,
      { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
      { 0.1, 0.09000000000000001, 0.08100000000000002, 0.07290000000000002,
        0.06561000000000002, 0.05904900000000002, 0.05314410000000002,
        0.04782969000000002, 0.043046721000000024, 0.03874204890000002,
        0.03486784401000002, 0.03138105960900001, 0.028242953648100012,
        0.025418658283290013, 0.022876792454961013, 0.020589113209464913 },
      { 0.02, 0.018000000000000002, 0.016200000000000003, 0.014580000000000003,
        0.013122000000000003, 0.011809800000000004, 0.010628820000000004,
        0.009565938000000005, 0.009565938000000005, 0.009565938000000005,
        0.009565938000000005, 0.009565938000000005, 0.009565938000000005,
        0.009565938000000005, 0.009565938000000005, 0.009565938000000005 },
      { 1.0, 0, 0 } },
    { "{'type': 'ReduceLROnPlateau', 'mode': 'max', 'patience': 2, "
      "'threshold': 0.1}",
      9,
      { 1, 1.05, 1.09, 1.2, 1.3, 1.31, 1.32, 1.31, 2 },
      { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.010000000000000002,
        0.010000000000000002, 0.010000000000000002 },
      { 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.002, 0.002, 0.002 },
      { 2.0, 0, 0 } },
};

enum { N_PLATEAUS = sizeof plateaus / sizeof *plateaus };

START_TEST(plateaus_are_those_of_torch)
{
    const struct plateau *c = &plateaus[_i];
    struct reading r = must_read(c->json);

    ck_assert_str_eq(r.s->monitor, "val_loss");
    for (int i = 0; i < c->n; i++) {
        struct mt_scheduled a = { 0.1, 0.9 }, b = { 0.02, 0.9 };
        uint64_t t = (uint64_t)i + 1;

        mt_scheduler_observe(r.s, c->value[i]);
        assert_near(c->json, t, mt_scheduler_at(r.s, t, a).lr, c->lr0[i]);
        assert_near(c->json, t, mt_scheduler_at(r.s, t, b).lr, c->lr1[i]);
    }
    ck_assert_uint_eq(r.s->type->state_count, 4);
    ck_assert_str_eq(r.s->type->state_names[0], "best");
    ck_assert_str_eq(r.s->type->state_names[1], "num_bad_epochs");
    ck_assert_str_eq(r.s->type->state_names[2], "cooldown_counter");
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(r.s->state[i], c->state[i]);
    release(&r);
}
END_TEST

/* Stopping a run anywhere and restoring the state changes nothing. */
START_TEST(plateau_resumes_from_its_state)
{
    const struct plateau *c = &plateaus[0];
    struct mt_scheduled base = { 0.1, 0.9 };

    for (int cut = 0; cut <= c->n; cut++) {
        struct reading a = must_read(c->json), b = must_read(c->json);
        size_t bytes = a.s->type->state_count * sizeof *a.s->state;

        for (int i = 0; i < cut; i++)
            mt_scheduler_observe(a.s, c->value[i]);
        memcpy(b.s->state, a.s->state, bytes);
        for (int i = cut; i < c->n; i++) {
            mt_scheduler_observe(a.s, c->value[i]);
            mt_scheduler_observe(b.s, c->value[i]);
        }
        ck_assert_mem_eq(a.s->state, b.s->state, bytes);
        ck_assert_double_eq(mt_scheduler_at(a.s, 0, base).lr,
                            mt_scheduler_at(b.s, 0, base).lr);
        release(&a);
        release(&b);
    }
}
END_TEST

START_TEST(plateau_survives_a_forged_state)
{
    struct reading r = must_read("{'type': 'ReduceLROnPlateau', 'eps': 0,"
                                 " 'factor': 0.99999999999999989}");
    struct mt_scheduled base = { 0.1, 0.9 };
    const double forged[] = { 1e300, INFINITY, NAN, -5 };

    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        r.s->state[3] = forged[i];
        ck_assert_double_le(mt_scheduler_at(r.s, 0, base).lr, 0.1);
    }
    release(&r);
}
END_TEST

START_TEST(one_cycle_holds_its_end)
{
    struct reading r = must_read("{'type': 'OneCycleLR', 'max_lr': 0.5,"
                                 " 'total_steps': 20, 'interval': 'step'}");
    struct mt_scheduled base = { 0.1, 0.9 };
    struct mt_scheduled end = mt_scheduler_at(r.s, 19, base);

    ck_assert(r.s->per_step);
    ck_assert_double_eq(mt_scheduler_at(r.s, 21, base).lr, end.lr);
    ck_assert_double_eq(mt_scheduler_at(r.s, UINT64_MAX, base).lr, end.lr);
    ck_assert_double_eq(mt_scheduler_at(r.s, 21, base).momentum, 0.95);
    release(&r);
}
END_TEST

START_TEST(far_steps_end)
{
    static const char *const specs[] = {
        "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 1}",
        "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 1, 'T_mult': 2}",
        "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 3,"
        " 'T_mult': 9007199254740992}",
        "{'type': 'CosineAnnealingLR', 'T_max': 3}",
        "{'type': 'ExponentialLR', 'gamma': 0.999}",
        "{'type': 'StepLR', 'step_size': 1}",
        "{'type': 'LinearLR', 'total_iters': 9007199254740992}",
        "{'type': 'SequentialLR', 'schedulers': [{'type': 'ConstantLR'}],"
        " 'milestones': []}",
    };

    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct reading r = must_read(specs[i]);
        struct mt_scheduled base = { 0.1, 0.9 };
        double lr = mt_scheduler_at(r.s, UINT64_MAX, base).lr;

        ck_assert_msg(lr >= 0 && lr <= 0.1, "%s: %g", specs[i], lr);
        release(&r);
    }
}
END_TEST

START_TEST(no_scheduler_is_constant)
{
    struct reading r = must_read("null");
    struct mt_scheduled base = { 0.125, 0.9 };
    struct mt_scheduler *s = NULL;

    ck_assert_double_eq(mt_scheduler_at(r.s, 1000, base).lr, 0.125);
    ck_assert_int_eq(mt_scheduler_new(r.doc, NULL, &r.arena, &s, &r.err),
                     MT_OK);
    ck_assert_double_eq(mt_scheduler_at(s, UINT64_MAX, base).lr, 0.125);
    ck_assert(isnan(mt_scheduler_at(s, 3, base).momentum));
    mt_scheduler_observe(s, 3);
    ck_assert_str_eq(s->type->name, "constant");
    ck_assert_ptr_null(s->monitor);
    ck_assert(!s->per_step);
    release(&r);
}
END_TEST

START_TEST(common_keys_are_read)
{
    struct reading r =
        must_read("{'type': 'ReduceLROnPlateau', 'interval': 'epoch',"
                  " 'monitor': 'val_accuracy', 'mode': 'max'}");

    ck_assert_str_eq(r.s->monitor, "val_accuracy");
    ck_assert(!r.s->per_step);
    ck_assert_double_eq(r.s->state[0], -INFINITY);
    release(&r);
    r = must_read("{'type': 'ExponentialLR', 'gamma': 1,"
                  " 'interval': 'step'}");
    ck_assert(r.s->per_step);
    release(&r);
}
END_TEST

#define SEQ  "{'type': 'SequentialLR', 'milestones': [3], 'schedulers': "
#define STEP "{'type': 'StepLR', 'step_size': 3}"

/* What is wrong, and what the message must contain: place and cause. */
static const struct {
    const char *json, *place, *cause;
} errors[] = {
    { "[]", "spec.json:1:1:", "expected an object" },
    { "'StepLR'", "spec.json:1:1:", "got \"StepLR\"" },
    { "{}", "spec.json:1:1:", "missing \"type\"" },
    { "{'type': 3}", "spec.json:1:2: type:", "expected a string" },
    { "{'type': 'StepRL'}", "1:2: type:", "did you mean \"StepLR\"?" },
    { "{'type': 'Zzzzzzzzz'}", "1:2: type:", "expected one of \"ConstantLR\"" },
    { "{'type': 'StepLR'}", "spec.json:1:1:", "step_size" },
    { "{'type': 'StepLR', 'step_size': 0}", "1:20: step_size:", "at least 1" },
    { "{'type': 'StepLR', 'step_size': 2, 'gama': 1}", "gama",
      "did you mean \"gamma\"?" },
    { "{'type': 'StepLR', 'step_size': 2, 'gamma': -1}",
      "gamma:", "at least 0" },
    { "{'type': 'StepLR', 'step_size': 2, 'monitor': 'val_loss'}", "monitor",
      "unknown key" },
    { "{'type': 'StepLR', 'step_size': 2, 'interval': 'batch'}",
      "interval:", "\"epoch\"" },
    { "{'type': 'MultiStepLR', 'milestones': [1, 2.5]}",
      "milestones[1]:", "whole number, got 2.5" },
    { "{'type': 'MultiStepLR', 'milestones': [1, -2]}",
      "milestones[1]:", "at least 0, got -2" },
    { "{'type': 'MultiStepLR', 'milestones': 1e300}",
      "milestones:", "whole number" },
    { "{'type': 'MultiStepLR'}", "spec.json:1:1:", "milestones" },
    { "{'type': 'ExponentialLR'}", "spec.json:1:1:", "gamma" },
    { "{'type': 'ConstantLR', 'factor': 1.5}", "factor:", "got 1.5" },
    { "{'type': 'LinearLR', 'start_factor': 0}", "start_factor:", "got 0" },
    { "{'type': 'LinearLR', 'end_factor': 2}", "end_factor:", "got 2" },
    { "{'type': 'LinearLR', 'total_iters': -1}", "total_iters:", "got -1" },
    { "{'type': 'PolynomialLR', 'power': -1}", "power:", "at least 0" },
    { "{'type': 'CosineAnnealingLR', 'T_max': 0}", "T_max:", "at least 1" },
    { "{'type': 'CosineAnnealingLR', 't_max': 1}", "t_max",
      "did you mean \"T_max\"?" },
    { "{'type': 'CosineAnnealingWarmRestarts', 'T_0': 2, 'T_mult': 0}",
      "T_mult:", "at least 1" },
    { "{'type': 'OneCycleLR', 'max_lr': 1}",
      "spec.json:1:1:", "needs total_steps" },
    { "{'type': 'OneCycleLR', 'max_lr': 1, 'epochs': 2}",
      "spec.json:1:1:", "both epochs and steps_per_epoch" },
    { "{'type': 'OneCycleLR', 'max_lr': 1, 'epochs': 9007199254740992,"
      " 'steps_per_epoch': 9007199254740992}",
      "spec.json:1:1:", "too large" },
    { "{'type': 'OneCycleLR', 'max_lr': 1, 'total_steps': 5,"
      " 'pct_start': 0.2}",
      "spec.json:1:1:", "must not be 1" },
    { "{'type': 'OneCycleLR', 'total_steps': 5}", "spec.json:1:1:", "max_lr" },
    { "{'type': 'OneCycleLR', 'max_lr': 1, 'total_steps': 5,"
      " 'anneal_strategy': 'cosine'}",
      "anneal_strategy:", "\"linear\"" },
    { "{'type': 'ReduceLROnPlateau', 'factor': 1}", "factor:", "got 1" },
    { "{'type': 'ReduceLROnPlateau', 'mode': 'up'}", "mode:", "\"min\"" },
    { "{'type': 'SequentialLR', 'milestones': []}",
      "spec.json:1:1:", "schedulers" },
    { "{'type': 'SequentialLR', 'milestones': [], 'schedulers': []}",
      "schedulers:", "at least one scheduler, got an empty list" },
    { "{'type': 'SequentialLR', 'milestones': [], 'schedulers': " STEP "}",
      "schedulers:", "expected a list" },
    { SEQ "[" STEP "]}", "milestones:", "one less than schedulers: 0, got 1" },
    { "{'type': 'SequentialLR', 'milestones': [3, 2], 'schedulers': [" STEP
      "," STEP "," STEP "]}",
      "milestones[1]:", "2 comes after 3" },
    { "{'type': 'SequentialLR', 'milestones': [0], 'schedulers': [" STEP
      "," STEP "]}",
      "milestones[0]:", "at least 1, got 0" },
    { "{'type': 'SequentialLR', 'milestones': [1.5], 'schedulers': [" STEP
      "," STEP "]}",
      "milestones[0]:", "whole number, got 1.5" },
    { SEQ "[" STEP ", {'type': 'StepLR'}]}", "schedulers[1]:", "step_size" },
    { SEQ "[" STEP ", 4]}", "schedulers[1]:", "expected an object" },
    { SEQ "[" STEP ", {'type': 'StepLRR'}]}",
      "schedulers[1].type:", "did you mean \"StepLR\"?" },
    { SEQ "[" STEP ", {'type': 'ReduceLROnPlateau'}]}",
      "schedulers[1].type:", "ReduceLROnPlateau cannot be part" },
    { SEQ "[{'type': 'OneCycleLR', 'max_lr': 1, 'total_steps': 3}," STEP "]}",
      "schedulers[0].type:", "OneCycleLR cannot be part" },
    { SEQ "[" STEP ", " SEQ "[" STEP "," STEP "]}]}",
      "schedulers[1].type:", "SequentialLR cannot be part" },
    { SEQ "[" STEP ", {'type': 'ConstantLR', 'interval': 'step'}]}",
      "schedulers[1].interval:", "SequentialLR as a whole" },
    { SEQ "[" STEP ", {'type': 'ConstantLR', 'gamma': 1}]}", "schedulers[1]",
      "unknown key" },
};

enum { N_ERRORS = sizeof errors / sizeof *errors };

START_TEST(errors_say_where_and_what)
{
    struct reading r = read_scheduler(errors[_i].json);

    ck_assert_int_eq(r.status, MT_INVALID);
    ck_assert_int_eq(r.err.status, MT_INVALID);
    ck_assert_ptr_null(r.s);
    ck_assert_msg(strstr(r.err.text, errors[_i].place) != NULL,
                  "no place \"%s\" in: %s", errors[_i].place, r.err.text);
    ck_assert_msg(strstr(r.err.text, errors[_i].cause) != NULL,
                  "no cause \"%s\" in: %s", errors[_i].cause, r.err.text);
    release(&r);
}
END_TEST

Suite *scheduler_suite(void);

Suite *scheduler_suite(void)
{
    Suite *s = suite_create("scheduler");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, rates_are_those_of_torch, 0, N_TRACES);
    tcase_add_loop_test(t, plateaus_are_those_of_torch, 0, N_PLATEAUS);
    tcase_add_test(t, plateau_resumes_from_its_state);
    tcase_add_test(t, plateau_survives_a_forged_state);
    tcase_add_test(t, one_cycle_holds_its_end);
    tcase_add_test(t, far_steps_end);
    tcase_add_test(t, no_scheduler_is_constant);
    tcase_add_test(t, common_keys_are_read);
    tcase_add_loop_test(t, errors_say_where_and_what, 0, N_ERRORS);
    suite_add_tcase(s, t);
    return s;
}
