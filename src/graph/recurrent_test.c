/*
 * Recurrent ops: the states against the textbook formulas in double, and the
 * same bits however the work is cut. Gradients are tested in gradient_test.c.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ops.h"

enum { SLOTS = 4 }; /* gx, w, b, and weights of h */

struct walk {
    const char *cell;
    size_t t, n, h;
    bool reverse, bias;
};

static const struct walk walks[] = {
    { "rnn_tanh", 5, 3, 7, false, false },
    { "rnn_tanh", 4, 40, 33, true, false }, /* groups of samples */
    { "rnn_relu", 6, 2, 20, false, false },
    { "rnn_relu", 3, 5, 400, true, false }, /* parts of units, KC blocks */
    { "lstm", 1, 1, 1, false, false },
    { "lstm", 7, 3, 9, true, false },
    { "lstm", 4, 40, 33, false, false },
    { "lstm", 3, 5, 200, true, false },
    { "lstm", 2, 16, 300, false, false },
    { "gru", 1, 2, 3, true, true },
    { "gru", 7, 3, 9, false, true },
    { "gru", 5, 17, 20, false, false },
    { "gru", 4, 40, 33, true, true },
    { "gru", 3, 5, 260, false, true },
};

enum { N_WALKS = sizeof walks / sizeof *walks };

static size_t gates_of(const struct walk *w)
{
    return mt_cell_gates(mt_cell_find(w->cell));
}

static float number_at(int slot, uint64_t i)
{
    uint32_t w = mt_philox_word(mt_philox_key(4, "test", "recurrent"),
                                (uint32_t)slot, i);

    return (float)(int32_t)w * 0x1p-30f; /* in +-2 */
}

/* --- a graph of one walk ------------------------------------------------ */

struct rig {
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_value *h;
    void *memory;
};

/* Uniform in +-scale. */
static struct mt_tensor *tensor(struct rig *r, const char *name,
                                const struct mt_shape *shape)
{
    struct mt_tensor *t = mt_store_add(&r->store, name, MT_F32, shape, false);

    ck_assert_ptr_nonnull(t);
    return t;
}

static void fill(struct mt_tensor *t, int slot, float scale)
{
    float *data = t->data;

    for (size_t i = 0; i < t->count; i++)
        data[i] = scale * number_at(slot, i);
}

/* loss = sum_i h_i r_i over a copy of gx, which the walk may overwrite */
static struct mt_value *weigh(struct rig *r, struct mt_tensor *weights,
                              size_t n)
{
    struct mt_shape row = mt_shape_of(2, (size_t)1, n), scalar = { 0 };
    struct mt_value *y = mt_view(r->graph, r->h, &row);

    y = mt_linear(r->graph, y, mt_graph_leaf(r->graph, weights), NULL);
    return mt_view(r->graph, y, &scalar);
}

static void open_rig(struct rig *r, const struct walk *w, bool training,
                     size_t workers)
{
    struct mt_err err = MT_ERR_INIT;
    size_t rows = gates_of(w) * w->h, all = w->t * w->n * w->h;
    struct mt_shape gx = mt_shape_of(3, w->t, w->n, rows);
    struct mt_shape hh = mt_shape_of(2, rows, w->h), b = mt_shape_of(1, rows);
    struct mt_shape row = mt_shape_of(2, (size_t)1, all);
    struct mt_tensor *t[SLOTS] = { NULL };

    *r = (struct rig){ .store = MT_STORE_INIT };
    ck_assert_int_eq(mt_graph_new(training, &r->graph, &err), MT_OK);
    t[0] = tensor(r, "gx", &gx);
    t[1] = tensor(r, "w", &hh);
    t[2] = tensor(r, "b", &b);
    t[3] = tensor(r, "r", &row);
    t[3]->requires_grad = false;
    ck_assert_int_eq(mt_store_allocate(&r->store, &err), MT_OK);
    for (int i = 0; i < SLOTS; i++)
        fill(t[i], i, i == 1 ? 1 / sqrtf((float)w->h) : 1);
    r->h = mt_recurrent(r->graph, mt_cell_find(w->cell),
                        mt_copy(r->graph, mt_graph_leaf(r->graph, t[0])),
                        mt_graph_leaf(r->graph, t[1]),
                        w->bias ? mt_graph_leaf(r->graph, t[2]) : NULL,
                        w->reverse);
    mt_graph_keep(r->graph, r->h);
    if (training)
        mt_graph_backward(r->graph, weigh(r, t[3], all));
    ck_assert_int_eq(mt_graph_finish(r->graph, workers, &err), MT_OK);

    size_t bytes = mt_graph_bytes(r->graph);

    ck_assert_int_eq(posix_memalign(&r->memory, 64, bytes + 64), 0);
    memset(r->memory, 0xff, bytes); /* NaN, to find reads before writes */
    mt_graph_bind(r->graph, r->memory);
}

static void close_rig(struct rig *r)
{
    free(r->memory);
    mt_graph_free(r->graph);
    mt_store_free(&r->store);
}

/* --- the formulas ------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The data of one sample's walk. */
struct reference {
    const struct walk *walk;
    size_t sample;
    double *h, *c, *sum; /* (H), (H), (gates H): sums over h */
};

static double gx_at(const struct reference *r, size_t t, size_t gate)
{
    size_t rows = gates_of(r->walk) * r->walk->h;

    return (double)number_at(0, (t * r->walk->n + r->sample) * rows + gate);
}

static void sum_states(struct reference *r)
{
    size_t h = r->walk->h;
    float scale = 1 / sqrtf((float)h);

    for (size_t i = 0; i < gates_of(r->walk) * h; i++) {
        r->sum[i] = r->walk->bias ? (double)number_at(2, i) : 0;
        for (size_t k = 0; k < h; k++)
            r->sum[i] += (double)(scale * number_at(1, i * h + k)) * r->h[k];
    }
}

static void step_lstm(struct reference *r, size_t t, size_t j)
{
    size_t h = r->walk->h;
    double i = sigmoid(gx_at(r, t, j) + r->sum[j]);
    double f = sigmoid(gx_at(r, t, h + j) + r->sum[h + j]);
    double g = tanh(gx_at(r, t, 2 * h + j) + r->sum[2 * h + j]);
    double o = sigmoid(gx_at(r, t, 3 * h + j) + r->sum[3 * h + j]);

    r->c[j] = f * r->c[j] + i * g;
    r->h[j] = o * tanh(r->c[j]);
}

static void step_gru(struct reference *r, size_t t, size_t j)
{
    size_t h = r->walk->h;
    double reset = sigmoid(gx_at(r, t, j) + r->sum[j]);
    double z = sigmoid(gx_at(r, t, h + j) + r->sum[h + j]);
    double n = tanh(gx_at(r, t, 2 * h + j) + reset * r->sum[2 * h + j]);

    r->h[j] = (1 - z) * n + z * r->h[j];
}

static void step_rnn(struct reference *r, size_t t, size_t j)
{
    double x = gx_at(r, t, j) + r->sum[j];

    r->h[j] = strcmp(r->walk->cell, "rnn_tanh") == 0 ? tanh(x) : x > 0 ? x : 0;
}

static void step(struct reference *r, size_t t)
{
    sum_states(r);
    for (size_t j = 0; j < r->walk->h; j++) {
        if (strcmp(r->walk->cell, "lstm") == 0)
            step_lstm(r, t, j);
        else if (strcmp(r->walk->cell, "gru") == 0)
            step_gru(r, t, j);
        else
            step_rnn(r, t, j);
    }
}

static void check_sample(const struct walk *w, const float *got, size_t sample)
{
    struct reference r = { w, sample, calloc(w->h, sizeof(double)),
                           calloc(w->h, sizeof(double)),
                           calloc(4 * w->h, sizeof(double)) };

    ck_assert(r.h && r.c && r.sum);
    for (size_t i = 0; i < w->t; i++) {
        size_t t = w->reverse ? w->t - 1 - i : i;

        step(&r, t);
        for (size_t j = 0; j < w->h; j++) {
            double have = (double)got[(t * w->n + sample) * w->h + j];

            if (!(fabs(have - r.h[j]) <= 1e-5 * (1 + fabs(r.h[j]))))
                ck_abort_msg("%s, h[%zu, %zu, %zu]: got %.9g, want %.9g",
                             w->cell, t, sample, j, have, r.h[j]);
        }
    }
    free(r.h);
    free(r.c);
    free(r.sum);
}

START_TEST(states_are_those_of_the_formulas)
{
    const struct walk *w = &walks[_i];
    struct rig r;

    open_rig(&r, w, false, 1);
    mt_graph_run(r.graph, NULL, 0);
    for (size_t i = 0; i < w->n; i += 1 + w->n / 3)
        check_sample(w, r.h->data, i);
    check_sample(w, r.h->data, w->n - 1);
    close_rig(&r);
}
END_TEST

/* --- the same bits ------------------------------------------------------ */

static void compare(const struct walk *w, const char *what, const void *got,
                    const void *want, size_t n)
{
    ck_assert_msg(memcmp(got, want, n * sizeof(float)) == 0,
                  "%s, %zu steps, %zu samples, %zu units (%s): other bits of "
                  "%s",
                  w->cell, w->t, w->n, w->h, mt_kernels()->isa, what);
}

static void compare_rigs(const struct walk *w, const struct rig *got,
                         const struct rig *want)
{
    compare(w, "h", got->h->data, want->h->data, w->t * w->n * w->h);
    for (size_t i = 0; i < 3; i++) {
        const struct mt_tensor *x = got->store.tensors[i];
        const struct mt_tensor *y = want->store.tensors[i];

        ck_assert_int_eq(x->has_grad, i < 2 || w->bias);
        if (x->has_grad)
            compare(w, x->name, x->grad, y->grad, x->count);
    }
}

START_TEST(tables_and_threads_give_the_same_bits)
{
    const struct walk *w = &walks[_i];
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    struct rig want, got;

    mt_kernels_use(tables[n_tables - 1]);
    open_rig(&want, w, true, 1);
    mt_graph_run(want.graph, NULL, 0);
    for (size_t i = 0; i < 3 * n_tables; i++) {
        struct mt_err err = MT_ERR_INIT;
        struct mt_team *team;

        mt_kernels_use(tables[i / 3]);
        ck_assert_int_eq(mt_team_new(1 + i % 3, &team, &err), MT_OK);
        open_rig(&got, w, true, mt_team_size(team));
        mt_graph_run(got.graph, team, 0);
        compare_rigs(w, &got, &want);
        close_rig(&got);
        mt_team_free(team);
    }
    close_rig(&want);
}
END_TEST

/* A run does not affect the next one. */
START_TEST(runs_repeat)
{
    const struct walk *w = &walks[_i];
    struct rig once, twice;

    open_rig(&once, w, true, 1);
    open_rig(&twice, w, true, 1);
    mt_graph_run(once.graph, NULL, 0);
    mt_graph_run(twice.graph, NULL, 0);
    mt_graph_run(twice.graph, NULL, 1);
    compare_rigs(w, &twice, &once);
    close_rig(&once);
    close_rig(&twice);
}
END_TEST

/* Evaluation keeps one state, training all of them; the bits are equal. */
START_TEST(evaluation_gives_the_states_of_training)
{
    const struct walk *w = &walks[_i];
    struct rig training, evaluation;

    open_rig(&training, w, true, 1);
    open_rig(&evaluation, w, false, 1);
    mt_graph_run(training.graph, NULL, 0);
    mt_graph_run(evaluation.graph, NULL, 0);
    compare(w, "h", evaluation.h->data, training.h->data, w->t * w->n * w->h);
    ck_assert_uint_lt(mt_graph_bytes(evaluation.graph),
                      mt_graph_bytes(training.graph));
    close_rig(&training);
    close_rig(&evaluation);
}
END_TEST

/* Samples are independent: alone, one has the same states as in a batch. */
START_TEST(a_sample_alone_has_the_same_states)
{
    const struct walk *w = &walks[_i];
    struct walk alone = *w;
    size_t rows = gates_of(w) * w->h, sample = w->n - 1;
    struct rig batch, one;

    alone.n = 1;
    open_rig(&batch, w, false, 1);
    open_rig(&one, &alone, false, 1);
    const float *from = batch.store.tensors[0]->data;
    float *to = one.store.tensors[0]->data;

    for (size_t t = 0; t < w->t; t++)
        memcpy(to + t * rows, from + (t * w->n + sample) * rows,
               rows * sizeof *to);
    mt_graph_run(batch.graph, NULL, 0);
    mt_graph_run(one.graph, NULL, 0);
    for (size_t t = 0; t < w->t; t++)
        compare(w, "h", (const float *)one.h->data + t * w->h,
                (const float *)batch.h->data + (t * w->n + sample) * w->h,
                w->h);
    close_rig(&batch);
    close_rig(&one);
}
END_TEST

START_TEST(cells_are_found_by_name)
{
    ck_assert_ptr_null(mt_cell_find("peephole"));
    ck_assert_uint_eq(mt_cell_gates(mt_cell_find("rnn_relu")), 1);
    ck_assert_uint_eq(mt_cell_gates(mt_cell_find("gru")), 3);
    ck_assert_uint_eq(mt_cell_gates(mt_cell_find("lstm")), 4);
    ck_assert(mt_cell_takes_bias(mt_cell_find("gru")));
    ck_assert(!mt_cell_takes_bias(mt_cell_find("lstm")));
}
END_TEST

Suite *recurrent_suite(void);

Suite *recurrent_suite(void)
{
    Suite *s = suite_create("recurrent");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, states_are_those_of_the_formulas, 0, N_WALKS);
    tcase_add_loop_test(t, tables_and_threads_give_the_same_bits, 0, N_WALKS);
    tcase_add_loop_test(t, runs_repeat, 0, N_WALKS);
    tcase_add_loop_test(t, evaluation_gives_the_states_of_training, 0, N_WALKS);
    tcase_add_loop_test(t, a_sample_alone_has_the_same_states, 0, N_WALKS);
    tcase_add_test(t, cells_are_found_by_name);
    suite_add_tcase(s, t);
    return s;
}
