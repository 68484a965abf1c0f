/*
 * The ops of normalisation, except their gradients (gradient_test.c): the same
 * bits with every instruction set and number of threads, running statistics,
 * and accuracy with values far from 0.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph.h"
#include "graph/ops.h"
#include "kernels/dispatch.h"

enum { LEAVES = 8 };

/* One graph, loss = sum of norm(x)^2, and all its results. */
struct bench {
    struct mt_arena arena;
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_tensor *leaves[LEAVES];
    size_t n_leaves;
    struct mt_value *y;
    void *memory;
};

static const char *const names[LEAVES] = { "x", "w", "b", "mean", "var" };

static struct mt_tensor *declare(struct bench *b, const struct mt_shape *shape,
                                 enum mt_dtype dtype, bool buffer)
{
    struct mt_tensor *t = mt_store_add(
        &b->store, names[b->n_leaves] ? names[b->n_leaves] : "batches", dtype,
        shape, buffer);

    ck_assert_ptr_nonnull(t);
    b->leaves[b->n_leaves++] = t;
    return t;
}

static void fill(struct mt_tensor *t, double offset)
{
    struct mt_philox_key key = mt_philox_key(4, "norm", t->name);
    float *x = t->data;

    for (size_t i = 0; i < t->count; i++)
        x[i] = (float)(offset + 2 * mt_philox_uniform(key, 0, i) - 1);
}

struct norm_case {
    const char *name;
    struct mt_shape shape, weights;
    struct mt_value *(*record)(struct bench *b, struct mt_value *x,
                               struct mt_value *w, struct mt_value *bias);
    bool tracked;
};

static struct mt_value *leaf(struct bench *b, size_t i)
{
    return mt_graph_leaf(b->graph, b->leaves[i]);
}

static double momentum = 0.25;

static struct mt_value *tracked(struct bench *b, struct mt_value *x,
                                struct mt_value *w, struct mt_value *bias)
{
    struct mt_running running = { leaf(b, 3), leaf(b, 4), leaf(b, 5) };

    return mt_batch_norm(b->graph, x, w, bias, &running, momentum, 1e-5);
}

static struct mt_value *tracked_relu(struct bench *b, struct mt_value *x,
                                     struct mt_value *w, struct mt_value *bias)
{
    return mt_activate(b->graph, tracked(b, x, w, bias),
                       mt_activation_find("relu"), NULL);
}

static struct mt_value *fixed(struct bench *b, struct mt_value *x,
                              struct mt_value *w, struct mt_value *bias)
{
    struct mt_value *var = leaf(b, 4);

    x = mt_batch_norm_fixed(b->graph, x, w, bias, leaf(b, 3), var, 2);
    return mt_mul(b->graph, x, leaf(b, 0));
}

static struct mt_value *layer(struct bench *b, struct mt_value *x,
                              struct mt_value *w, struct mt_value *bias)
{
    return mt_layer_norm(b->graph, x, w, bias, mt_shape_elements(&w->shape),
                         1e-5);
}

static struct mt_value *rms(struct bench *b, struct mt_value *x,
                            struct mt_value *w, struct mt_value *bias)
{
    x = mt_rms_norm(b->graph, x, w, mt_shape_elements(&w->shape), 1e-5);
    return mt_rms_norm(b->graph, x, bias, mt_shape_elements(&w->shape), 1e-5);
}

static struct mt_value *group(struct bench *b, struct mt_value *x,
                              struct mt_value *w, struct mt_value *bias)
{
    return mt_group_norm(b->graph, x, w, bias, 3, 1e-5);
}

/* With one task, many, and chunks of samples. */
static const struct norm_case cases[] = {
    { "columns", { 2, { 33, 20 } }, { 1, { 20 } }, tracked, true },
    { "many columns", { 2, { 900, 67 } }, { 1, { 67 } }, tracked, true },
    { "column chunks", { 2, { 5000, 18 } }, { 1, { 18 } }, tracked, true },
    { "planes", { 4, { 7, 5, 6, 9 } }, { 1, { 5 } }, tracked, true },
    { "many planes", { 3, { 33, 40, 65 } }, { 1, { 40 } }, tracked, true },
    { "plane chunks", { 3, { 9, 2, 9001 } }, { 1, { 2 } }, tracked, true },
    { "columns, relu", { 2, { 900, 67 } }, { 1, { 67 } }, tracked_relu, true },
    { "planes, relu",
      { 3, { 33, 40, 65 } },
      { 1, { 40 } },
      tracked_relu,
      true },
    { "chunks, relu", { 3, { 9, 2, 9001 } }, { 1, { 2 } }, tracked_relu, true },
    { "fixed", { 3, { 33, 40, 65 } }, { 1, { 40 } }, fixed, true },
    { "fixed columns", { 2, { 5000, 18 } }, { 1, { 18 } }, fixed, true },
    { "layer", { 3, { 50, 20, 77 } }, { 1, { 77 } }, layer, false },
    { "layer, wide", { 2, { 9, 9001 } }, { 1, { 9001 } }, layer, false },
    { "rms", { 3, { 50, 20, 77 } }, { 1, { 77 } }, rms, false },
    { "group", { 3, { 33, 21, 65 } }, { 1, { 21 } }, group, false },
    { "group of vectors", { 2, { 900, 66 } }, { 1, { 66 } }, group, false },
};

enum { N_CASES = sizeof cases / sizeof *cases };

static void open_bench(struct bench *b, const struct norm_case *c,
                       double offset)
{
    struct mt_shape one = mt_shape_of(0);
    struct mt_err err = MT_ERR_INIT;

    *b = (struct bench){ .store = MT_STORE_INIT };
    declare(b, &c->shape, MT_F32, false);
    declare(b, &c->weights, MT_F32, false);
    declare(b, &c->weights, MT_F32, false);
    if (c->tracked) {
        declare(b, &c->weights, MT_F32, true);
        declare(b, &c->weights, MT_F32, true);
        declare(b, &one, MT_I64, true);
    }
    ck_assert_int_eq(mt_store_allocate(&b->store, &err), MT_OK);
    for (size_t i = 0; i < 3; i++)
        fill(b->leaves[i], i ? 1.5 : offset);
    if (c->tracked)
        fill(b->leaves[4], 1);
    ck_assert_int_eq(mt_graph_new(true, &b->graph, &err), MT_OK);
    b->y = c->record(b, leaf(b, 0), leaf(b, 1), leaf(b, 2));

    struct mt_shape flat = mt_shape_of(1, b->leaves[0]->count);
    struct mt_value *t = mt_graph_input(b->graph, "t", MT_F32, &flat);

    t->data = mt_arena_calloc(&b->arena, flat.dim[0], sizeof(float));
    ck_assert_ptr_nonnull(t->data);
    mt_graph_backward(
        b->graph, mt_pair_loss_of(b->graph, mt_view(b->graph, b->y, &flat), t,
                                  mt_pair_loss_find("mse"), false, NULL));
    mt_graph_keep(b->graph, b->y);
    ck_assert_int_eq(mt_graph_finish(b->graph, 3, &err), MT_OK);
    ck_assert_int_eq(
        posix_memalign(&b->memory, 64, mt_graph_bytes(b->graph) + 64), 0);
    memset(b->memory, 0xff, mt_graph_bytes(b->graph));
    mt_graph_bind(b->graph, b->memory);
}

static void close_bench(struct bench *b)
{
    free(b->memory);
    mt_graph_free(b->graph);
    mt_store_free(&b->store);
    mt_arena_free(&b->arena);
}

/* --- the same bits ------------------------------------------------------- */

static void compare(const void *a, const void *b, size_t n,
                    const struct norm_case *c, const char *what,
                    const char *isa, size_t threads)
{
    if (memcmp(a, b, n * sizeof(float)) != 0)
        ck_abort_msg("%s: %s differs (%s, %zu threads)", c->name, what, isa,
                     threads);
}

static void compare_benches(const struct bench *x, const struct bench *y,
                            const struct norm_case *c, const char *isa,
                            size_t threads)
{
    size_t n = x->leaves[0]->count;

    compare(x->y->data, y->y->data, n, c, "y", isa, threads);
    for (size_t i = 0; i < x->n_leaves; i++) {
        const struct mt_tensor *a = x->leaves[i], *b = y->leaves[i];

        compare(a->data, b->data, a->count, c, names[i], isa, threads);
        if (a->grad && a->has_grad)
            compare(a->grad, b->grad, a->count, c, "a gradient", isa, threads);
    }
}

START_TEST(bits_do_not_depend_on_cpu_or_threads)
{
    const struct norm_case *c = &cases[_i];
    const struct mt_kernels *tables[4], *before = mt_kernels();
    size_t n_tables = mt_kernels_available(tables);
    struct mt_err err = MT_ERR_INIT;
    struct bench want, got;

    mt_kernels_use(tables[n_tables - 1]);
    open_bench(&want, c, 0.5);
    mt_graph_run(want.graph, NULL, 0);
    for (size_t t = 0; t < n_tables; t++) {
        mt_kernels_use(tables[t]);
        for (size_t threads = 1; threads <= (t ? 1 : 3); threads++) {
            struct mt_team *team;

            ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
            open_bench(&got, c, 0.5);
            mt_graph_run(got.graph, team, 0);
            compare_benches(&got, &want, c, tables[t]->isa, threads);
            close_bench(&got);
            mt_team_free(team);
        }
    }
    close_bench(&want);
    mt_kernels_use(before);
}
END_TEST

/* --- batch statistics ---------------------------------------------------- */

/* Mean and unbiased variance of channel c, in double. */
static void statistics(const struct bench *b, size_t c, double *mean,
                       double *var)
{
    const struct mt_tensor *t = b->leaves[0];
    const float *x = t->data;
    size_t all = t->shape.dim[1], s = t->count / (t->shape.dim[0] * all);
    double n = (double)(t->count / all);

    *mean = *var = 0;
    for (size_t i = 0; i < t->count; i++)
        *mean += i / s % all == c ? (double)x[i] / n : 0;
    for (size_t i = 0; i < t->count; i++) {
        double d = (double)x[i] - *mean;

        *var += i / s % all == c ? d * d / (n - 1) : 0;
    }
}

static void check_running(const struct bench *b, size_t c, double factor,
                          double old_mean, double old_var)
{
    const float *mean = b->leaves[3]->data, *var = b->leaves[4]->data;
    double m, v;

    statistics(b, c, &m, &v);
    m = (1 - factor) * old_mean + factor * m;
    v = (1 - factor) * old_var + factor * v;
    ck_assert_msg(fabs((double)mean[c] - m) <= 1e-7 * (1 + fabs(m)),
                  "mean %.9g, want %.9g", (double)mean[c], m);
    ck_assert_msg(fabs((double)var[c] - v) <= 4e-7 * v, "var %.9g, want %.9g",
                  (double)var[c], v);
}

START_TEST(running_statistics_are_torchs)
{
    struct bench b;

    if (cases[_i].record != tracked)
        return;
    open_bench(&b, &cases[_i], -3);
    float start = *(const float *)b.leaves[4]->data;

    mt_graph_run(b.graph, NULL, 0);
    ck_assert_int_eq(*(const int64_t *)b.leaves[5]->data, 1);
    check_running(&b, 0, 0.25, 0, (double)start);

    float mean = *(const float *)b.leaves[3]->data;
    float var = *(const float *)b.leaves[4]->data;

    mt_graph_run(b.graph, NULL, 1);
    ck_assert_int_eq(*(const int64_t *)b.leaves[5]->data, 2);
    check_running(&b, 0, 0.25, (double)mean, (double)var);
    close_bench(&b);
}
END_TEST

/* Those of a channel that is always 0 decay to 0. */
START_TEST(running_statistics_keep_units)
{
    struct bench b;

    open_bench(&b, &cases[3], 0);
    float *mean = b.leaves[3]->data, *var = b.leaves[4]->data;

    memset(b.leaves[0]->data, 0, b.leaves[0]->count * sizeof(float));
    mean[0] = -0x1p-125f;
    mean[1] = 0x1p-121f;
    var[0] = 0x1p-149f;
    mt_graph_run(b.graph, NULL, 0);
    ck_assert(mean[0] == 0 && !signbit(mean[0]));
    ck_assert(mean[1] == 0x1.8p-122f && var[0] == 0);
    close_bench(&b);
}
END_TEST

/* Without a momentum, each batch so far has the same weight. */
START_TEST(the_average_of_all_batches_is_kept)
{
    struct bench b;
    double mean, var, sum_mean = 0, sum_var = 0;

    momentum = NAN;
    open_bench(&b, &cases[3], 0);
    momentum = 0.25;
    for (int i = 1; i <= 4; i++) {
        fill(b.leaves[0], i);
        mt_graph_run(b.graph, NULL, (uint32_t)i);
        statistics(&b, 2, &mean, &var);
        sum_mean += mean;
        sum_var += var;
        ck_assert_int_eq(*(const int64_t *)b.leaves[5]->data, i);
        ck_assert(fabs((double)((float *)b.leaves[3]->data)[2] - sum_mean / i) <
                  1e-6);
        ck_assert(fabs((double)((float *)b.leaves[4]->data)[2] - sum_var / i) <
                  1e-6);
    }
    close_bench(&b);
}
END_TEST

/* y = (x - mean) / sqrt(var + eps) w + b, then times x */
START_TEST(fixed_statistics_are_used_and_kept)
{
    const struct norm_case *c = &cases[_i];
    struct bench b;
    const float *x, *w, *bias, *mean, *var, *y;

    if (c->record != fixed)
        return;
    open_bench(&b, c, 0.5);
    fill(b.leaves[3], 0.25);
    x = b.leaves[0]->data;
    w = b.leaves[1]->data;
    bias = b.leaves[2]->data;
    mean = b.leaves[3]->data;
    var = b.leaves[4]->data;
    mt_graph_run(b.graph, NULL, 0);
    y = b.y->data;
    for (size_t i = 0; i < b.leaves[0]->count; i++) {
        size_t all = c->shape.dim[1];
        size_t s = b.leaves[0]->count / (c->shape.dim[0] * all);
        size_t k = i / s % all;
        double want = ((double)x[i] - (double)mean[k]) /
                          sqrt((double)var[k] + 2) * (double)w[k] +
                      (double)bias[k];

        ck_assert(fabs((double)y[i] - want * (double)x[i]) < 2e-6);
    }
    ck_assert_int_eq(*(const int64_t *)b.leaves[5]->data, 0);
    close_bench(&b);
}
END_TEST

/* Far from 0, no more digits are lost than by rounding the input. */
START_TEST(a_large_mean_does_not_cancel)
{
    const struct norm_case *c = &cases[_i];
    struct bench near, far;
    double worst = 0;

    if (c->record == fixed || c->record == rms)
        return;
    open_bench(&near, c, 0);
    open_bench(&far, c, 0);
    for (size_t i = 0; i < near.leaves[0]->count; i++) {
        float *x = near.leaves[0]->data, *x_far = far.leaves[0]->data;

        x_far[i] = x[i] + 4096;
        x[i] = x_far[i] - 4096; /* exact */
    }
    mt_graph_run(near.graph, NULL, 0);
    mt_graph_run(far.graph, NULL, 0);
    for (size_t i = 0; i < near.leaves[0]->count; i++)
        worst = fmax(worst, fabs((double)((float *)near.y->data)[i] -
                                 (double)((float *)far.y->data)[i]));
    /* the mean is rounded to float: half a unit of 4096 is 2.4e-4 */
    ck_assert_msg(worst < 2e-3, "%s: off by %g", c->name, worst);
    close_bench(&near);
    close_bench(&far);
}
END_TEST

Suite *op_batch_norm_suite(void);

Suite *op_batch_norm_suite(void)
{
    Suite *s = suite_create("op_batch_norm");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, bits_do_not_depend_on_cpu_or_threads, 0, N_CASES);
    tcase_add_loop_test(t, running_statistics_are_torchs, 0, N_CASES);
    tcase_add_test(t, running_statistics_keep_units);
    tcase_add_test(t, the_average_of_all_batches_is_kept);
    tcase_add_loop_test(t, fixed_statistics_are_used_and_kept, 0, N_CASES);
    tcase_add_loop_test(t, a_large_mean_does_not_cancel, 0, N_CASES);
    suite_add_tcase(s, t);
    return s;
}
