/* What kernels write is flushed as flush.h says: nothing below its limit, all
 * that is not; NaN and infinity go through. */
#include "kernels/flush.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "kernels/activation.h"
#include "kernels/dispatch.h"

#define TINY 0x1p-63f /* of gradients */

enum { N = 2000 };

/* Of either sign, from 1 down to the smallest subnormal. */
static float fading[N], sizes[N]; /* sizes: without the sign */
/* 0 to -100, and what that is as an exponential's argument; constants */
static float falling[N], half[N], one[N], zero[N], minus[N];

static float y[8 * N], p[N], slot[3][N];

static void make_inputs(void)
{
    for (size_t i = 0; i < N; i++) {
        float m = 1 + (float)(i * 37 % 101) / 101;

        sizes[i] = ldexpf(m, -(int)(i * 7 % 150));
        fading[i] = i % 3 ? sizes[i] : -sizes[i];
        falling[i] = -100 * (float)i / N;
        half[i] = 0.5f;
        one[i] = 1;
        minus[i] = -0.5f;
    }
}

/* Zeros are +0, and something just above the limit is kept. */
static void check_gradient(const char *name, const float *x, size_t n)
{
    bool kept = false, flushed = false;

    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(x[i] == 0 ? !signbit(x[i]) : fabsf(x[i]) >= TINY,
                      "%s: %a at %zu", name, (double)x[i], i);
        kept |= x[i] != 0 && fabsf(x[i]) < 4 * TINY;
        flushed |= x[i] == 0;
    }
    ck_assert_msg(kept && flushed, "%s: kept %d, flushed %d", name, kept,
                  flushed);
}

/* Of cells: y has `sections` of N, 0 just where the gradient is flushed. */
static void check_whole(const char *name, size_t sections)
{
    for (size_t i = 0; i < sections * N; i++)
        ck_assert_msg((y[i] == 0) == (sizes[i % N] < TINY), "%s: %a at %zu",
                      name, (double)y[i], i);
}

/* Runs the test once for each instruction set, as k. */
#define FOR_TABLES(k)                                                          \
    const struct mt_kernels *tables[4], *k;                                    \
    size_t n_tables = mt_kernels_available(tables);                            \
                                                                               \
    make_inputs();                                                             \
    for (size_t t = 0; t < n_tables && (k = tables[t]); t++)

START_TEST(activations_flush)
{
    const float params[2] = { 0.25f, 3 };
    const struct {
        const char *name;
        size_t at;
    } rows[] = {
#define ROW(X, name, saves) { #name, offsetof(struct mt_kernels, name##_grad) },
        MT_ACTIVATIONS(ROW, )
#undef ROW
    };

    FOR_TABLES(k)
    {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            mt_unary_grad *grad;

            memcpy(&grad, (const char *)k + rows[i].at, sizeof grad);
            grad(y, fading, half, N, params);
            check_gradient(rows[i].name, y, N);
            y[0] = fading[0] = NAN;
            grad(y, fading, half, 1, params);
            ck_assert(isnan(y[0]));
            fading[0] = INFINITY;
            grad(y, fading, half, 1, params);
            ck_assert(isinf(y[0]));
            fading[0] = 1;
        }
        k->prelu_grad(y, fading, minus, half, N);
        check_gradient("prelu", y, N);
    }
}
END_TEST

START_TEST(softmaxes_flush)
{
    FOR_TABLES(k)
    {
        float first[N] = { 1 }, max = 0, sum = 1;
        struct mt_score_rows row = { .rows = 1,
                                     .n = N,
                                     .width = N,
                                     .scale = 0.25f,
                                     .max = &max,
                                     .sum = &sum };

        k->softmax_grad(y, first, sizes, 1, N);
        check_gradient("softmax", y, N);
        for (size_t i = 0; i < N; i++)
            p[i] = 4 * falling[i];
        memcpy(y, first, sizeof first);
        k->attention_softmax_grad(p, y, &row);
        check_gradient("attention_softmax", y, N);
        k->log_softmax_grad(y, first, falling, 1, N);
        check_gradient("log_softmax", y, N);
        k->softmax_minus(y, falling, N, 0, 1, 0.25f, 0);
        check_gradient("softmax_minus", y, N);
        first[0] = NAN;
        k->softmax_minus(y, first, 1, 0, 1, 0.25f, 0);
        ck_assert(isnan(y[0]));
        k->softmax_grad(y, first, sizes, 1, 1);
        ck_assert(isnan(y[0]));
    }
}
END_TEST

START_TEST(losses_flush)
{
    const float params[3] = { 1 }; /* beta, delta; kernels read three */

    FOR_TABLES(k)
    {
        k->mse_grad(y, fading, zero, N, 0.25f, NULL);
        check_gradient("mse", y, N);
        k->smooth_l1_grad(y, fading, zero, N, 0.25f, params);
        check_gradient("smooth_l1", y, N);
        k->huber_grad(y, fading, zero, N, 0.25f, params);
        check_gradient("huber", y, N);
        k->bce_grad(y, sizes, zero, N, 1e-9f, NULL);
        check_gradient("bce", y, N);
        k->bce_weighted_grad(y, sizes, zero, one, one, N, 1e-9f);
        check_gradient("bce_weighted", y, N);
        k->bce_logits_grad(y, falling, zero, N, 0.25f, NULL);
        check_gradient("bce_logits", y, N);
        k->bce_logits_weighted_grad(y, falling, zero, one, one, N, 0.25f);
        check_gradient("bce_logits_weighted", y, N);
        k->kl_div_grad(y, zero, sizes, N, 0.25f, NULL);
        check_gradient("kl_div", y, N);
        k->kl_div_log_grad(y, zero, falling, N, 0.25f, NULL);
        check_gradient("kl_div_log", y, N);
        k->l1_grad(y, fading, zero, N, 0x1p-64f, NULL);
        for (size_t i = 0; i < N; i++)
            ck_assert(y[i] == 0 && !signbit(y[i]));
    }
}
END_TEST

/* One sample of N units; what comes back from later steps is 0. */
START_TEST(recurrent_cells_flush)
{
    static float gates[4 * N], dh[N], dc[N];

    for (size_t i = 0; i < 4 * N; i++)
        gates[i] = 0.5f;
    FOR_TABLES(k)
    {
        struct mt_cell_grad s = { .rows = 1,
                                  .units = N,
                                  .hidden = N,
                                  .gates = gates,
                                  .h0 = minus,
                                  .c0 = half,
                                  .c = half,
                                  .dy = fading,
                                  .dgates = y,
                                  .dh = dh,
                                  .dc = dc };

        memset(dh, 0, sizeof dh);
        memset(dc, 0, sizeof dc);
        k->lstm_grad(&s);
        check_gradient("lstm, dc", dc, N);
        check_whole("lstm", 4);
        memset(dh, 0, sizeof dh);
        k->gru_grad(&s);
        check_whole("gru", 3);
        memset(dh, 0, sizeof dh);
        fading[3] = NAN;
        k->lstm_grad(&s);
        ck_assert(isnan(y[3]) && isnan(dc[3]));
        k->gru_grad(&s);
        ck_assert(isnan(y[3]) && isnan(dh[3]));
        fading[3] = sizes[3];
    }
}
END_TEST

/* --- optimizers ----------------------------------------------------------- */

static void restart(void)
{
    for (size_t i = 0; i < N; i++) {
        p[i] = fading[i * 11 % N];
        for (size_t j = 0; j < 3; j++)
            slot[j][i] = sizes[(i * 13 + j * 17) % N];
    }
}

/* What is below 2^22 units is whole; there is one of a few, and +0. */
static void check_units(const char *name, const float *x, int unit)
{
    bool kept = false, none = false;

    for (size_t i = 0; i < N; i++) {
        double units = ldexp((double)x[i], -unit);

        ck_assert_msg((units == rint(units) || fabs(units) > 0x1p22) &&
                          (x[i] != 0 || !signbit(x[i])),
                      "%s: %a at %zu", name, (double)x[i], i);
        kept |= x[i] != 0 && fabs(units) < 4;
        none |= x[i] == 0;
    }
    ck_assert_msg(kept && none, "%s: kept %d, none %d", name, kept, none);
}

/* kinds: of each slot, 'm'ean of gradients or 's'quares */
static void check_state(const char *name, bool finite, const char *kinds)
{
    ck_assert_msg(finite, "%s", name);
    check_units(name, p, -70);
    for (size_t j = 0; kinds[j]; j++)
        check_units(name, slot[j], kinds[j] == 's' ? -124 : -100);
    restart();
}

/* The state of units without gradient, which only fades. */
START_TEST(optimizers_keep_units)
{
    struct mt_sgd_step sgd = {
        .lr = .1f, .momentum = .9f, .sign = 1, .one_minus_dampening = 1
    };
    struct mt_adam_step adam = { .beta1 = .9f,
                                 .beta2 = .99f,
                                 .eps = 1e-8f,
                                 .one_minus_beta1 = .1f,
                                 .one_minus_beta2 = .01f,
                                 .step_size = .01f,
                                 .inv_bc2_sqrt = 1,
                                 .decay = .9f,
                                 .sign = 1 };
    struct mt_rmsprop_step rms = { .1f, .9f, .1f, 1e-8f, 0, .8f, 1 };
    struct mt_adagrad_step adagrad = { .1f, 1e-8f, 0, 1 };
    struct mt_adadelta_step adadelta = { 1, .9f, .1f, 1e-8f, 0, 1 };
    struct mt_adamax_step adamax = { .9f, .1f, .99f, 0, .1f, 0, 1 };
    struct mt_radam_step radam = { .9f, .1f, .99f, .01f, 1e-8f,
                                   .1f, 0,   .9f,  1,    .rectified = true };
    struct mt_nadam_step nadam = { .9f,  .1f,  .99f, .01f, 1e-8f, 1.5f,
                                   .02f, .08f, 0,    .9f,  1 };
    float *a = slot[0], *b = slot[1], *c = slot[2];

    FOR_TABLES(k)
    {
        restart();
        check_state("sgd", k->sgd(p, zero, a, N, &sgd), "m");
        check_state("adam", k->adam(p, zero, a, b, NULL, N, &adam), "ms");
        check_state("rmsprop", k->rmsprop(p, zero, a, b, c, N, &rms), "smm");
        check_state("adagrad", k->adagrad(p, zero, a, N, &adagrad), "s");
        check_state("adadelta", k->adadelta(p, zero, a, b, N, &adadelta), "ss");
        check_state("adamax", k->adamax(p, zero, a, b, N, &adamax), "mm");
        check_state("radam", k->radam(p, zero, a, b, N, &radam), "ms");
        check_state("nadam", k->nadam(p, zero, a, b, N, &nadam), "ms");
    }
}
END_TEST

/* --- sums and means ------------------------------------------------------- */

START_TEST(norms_and_means_flush)
{
    FOR_TABLES(k)
    {
        float x[20] = { TINY, -0x1.fffffep-64f, 0x1p-149f };

        ck_assert(k->sum_squares(x, 20) == 0x1p-126);
        x[7] = -3;
        ck_assert(k->sum_squares(x, 20) == 9);
        x[7] = NAN;
        ck_assert(isnan(k->sum_squares(x, 20)));
        k->add_grad(y, fading, zero, N);
        check_gradient("add_grad", y, N);
        memcpy(y, fading, sizeof fading);
        k->lerp(y, zero, N, 0.25f);
        check_units("lerp", y, -70);
        y[0] = NAN;
        k->lerp(y, zero, 1, 0.25f);
        ck_assert(isnan(y[0]));
    }
}
END_TEST

Suite *flush_suite(void);

Suite *flush_suite(void)
{
    Suite *s = suite_create("flush");
    TCase *t = tcase_create("core");

    tcase_add_test(t, activations_flush);
    tcase_add_test(t, softmaxes_flush);
    tcase_add_test(t, losses_flush);
    tcase_add_test(t, recurrent_cells_flush);
    tcase_add_test(t, optimizers_keep_units);
    tcase_add_test(t, norms_and_means_flush);
    suite_add_tcase(s, t);
    return s;
}
