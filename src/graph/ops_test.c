/* The ops, against the simplest loops in double. Gradients are tested in
 * gradient_test.c. */
#include "graph/ops.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/ops_internal.h"
#include "kernels/dispatch.h"

#define SHAPE(r, ...)                                                          \
    (&(struct mt_shape){ .rank = (r), .dim = { __VA_ARGS__ } })

static struct mt_graph *graph;
static struct mt_arena arena = MT_ARENA_INIT;
static uint64_t drawn;

static void enter(void)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_graph_new(false, &graph, &err), MT_OK);
}

static void leave(void)
{
    mt_graph_free(graph);
    mt_arena_free(&arena);
}

/* In [-2, 2]. */
static struct mt_value *input(const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_input(graph, "x", MT_F32, shape);
    size_t n = mt_shape_elements(shape);
    float *x = mt_arena_calloc(&arena, n, sizeof *x);

    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(4 * mt_philox_uniform(mt_philox_key(6, "test", "ops"), 0,
                                             drawn++) -
                       2);
    v->data = x;
    return v;
}

/* Computes y; its data are valid until the end of the test. */
static const float *compute(struct mt_value *y)
{
    struct mt_err err = MT_ERR_INIT;
    char *memory;

    mt_graph_keep(graph, y);
    ck_assert_int_eq(mt_graph_finish(graph, 1, &err), MT_OK);
    memory = mt_arena_alloc(&arena, mt_graph_bytes(graph) + 64);
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0xff, mt_graph_bytes(graph) + 64);
    mt_graph_bind(graph, memory);
    mt_graph_run(graph, NULL, 3);
    return y->data;
}

static double at(const struct mt_value *v, size_t i)
{
    return (double)((const float *)v->data)[i];
}

static void check(const char *what, size_t i, float got, double want,
                  double tolerance)
{
    if (!(fabs((double)got - want) <= tolerance))
        ck_abort_msg("%s: at %zu: got %.9g, want %.9g", what, i, (double)got,
                     want);
}

/* --- maps ----------------------------------------------------------------- */

START_TEST(linear_is_x_wt_plus_b)
{
    struct mt_value *x = input(SHAPE(3, 2, 9, 30)), *w = input(SHAPE(2, 7, 30));
    struct mt_value *b = input(SHAPE(1, 7)), *y;

    y = mt_linear(graph, x, w, _i ? b : NULL);
    ck_assert(mt_shape_equal(&y->shape, SHAPE(3, 2, 9, 7)));
    compute(y);
    for (size_t i = 0; i < 18 * 7; i++) {
        double sum = _i ? at(b, i % 7) : 0;

        for (size_t k = 0; k < 30; k++)
            sum += at(x, i / 7 * 30 + k) * at(w, i % 7 * 30 + k);
        check("linear", i, ((float *)y->data)[i], sum, 1e-5);
    }
}
END_TEST

START_TEST(elementwise_ops_are_elementwise)
{
    struct mt_value *a = input(SHAPE(2, 5, 7)), *b = input(SHAPE(2, 5, 7));
    struct mt_value *y = mt_mul(graph, mt_add(graph, a, b), mt_copy(graph, a));
    const float *got = compute(y);

    for (size_t i = 0; i < 35; i++)
        check("(a + b) a", i, got[i], (at(a, i) + at(b, i)) * at(a, i), 2e-6);
}
END_TEST

START_TEST(softmax_runs_along_the_last_dimension)
{
    struct mt_value *x = input(SHAPE(3, 2, 3, 5)), *y;

    y = _i ? mt_log_softmax(graph, x) : mt_softmax(graph, x);
    const float *got = compute(y);

    for (size_t i = 0; i < 30; i++) {
        double sum = 0;

        for (size_t k = 0; k < 5; k++)
            sum += exp(at(x, i / 5 * 5 + k));
        check("softmax", i, got[i],
              _i ? at(x, i) - log(sum) : exp(at(x, i)) / sum, 1e-6);
    }
}
END_TEST

START_TEST(activations_take_their_parameters)
{
    const float p[2] = { 0.25f, 0 };
    struct mt_value *x = input(SHAPE(1, 50));
    const float *got =
        compute(mt_activate(graph, x, mt_activation_find("leaky_relu"), p));

    for (size_t i = 0; i < 50; i++)
        check("leaky_relu", i, got[i], at(x, i) * (at(x, i) > 0 ? 1 : 0.25), 0);
    ck_assert_ptr_null(mt_activation_find("leaky"));
}
END_TEST

START_TEST(dropout_keeps_the_mean)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "");
    struct mt_value *x = input(SHAPE(1, 20000));
    const float *got = compute(mt_dropout(graph, x, 0.2, key));
    int dropped = 0;

    for (size_t i = 0; i < 20000; i++) {
        dropped += got[i] == 0;
        if (got[i] != 0)
            check("dropout", i, got[i], at(x, i) * 1.25, 1e-6);
    }
    ck_assert_int_ge(dropped, 3800);
    ck_assert_int_le(dropped, 4200);
}
END_TEST

/* --- shapes --------------------------------------------------------------- */

/* Channel k is dropped by number k of the stream. */
START_TEST(dropout_of_channels_drops_whole_ones)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "");
    struct mt_value *x = input(SHAPE(3, 7, 300, 11));
    struct mt_value *ones = input(SHAPE(2, 7, 300));

    for (size_t i = 0; i < 2100; i++)
        ((float *)ones->data)[i] = 1;
    ((float *)x->data)[5] = NAN;
    struct mt_value *mask = mt_dropout(graph, ones, 0.2, key);

    mt_graph_keep(graph, mask);
    const float *got = compute(mt_dropout_channels(graph, x, 0.2, key));
    int dropped = 0;

    for (size_t i = 0; i < 23100; i++) {
        if (i != 5)
            check("channels", i, got[i], at(x, i) * at(mask, i / 11), 1e-6);
        dropped += at(mask, i / 11) == 0;
    }
    ck_assert(isnan(got[5]));
    ck_assert_int_gt(dropped, 11 * (420 - 70));
    ck_assert_int_lt(dropped, 11 * (420 + 70));
}
END_TEST

START_TEST(permute_reorders_dimensions)
{
    const int order[MT_MAX_RANK] = { 2, 0, 3, 1 };
    struct mt_value *x = input(SHAPE(4, 2, 3, 4, 5));
    struct mt_value *y = mt_permute(graph, x, order);

    ck_assert(mt_shape_equal(&y->shape, SHAPE(4, 4, 2, 5, 3)));
    const float *got = compute(y);

    for (size_t i = 0; i < 120; i++) { /* x[a][b][c][d] is y[c][a][d][b] */
        size_t d = i % 5, c = i / 5 % 4, b = i / 20 % 3, a = i / 60;

        check("permute", i, got[((c * 2 + a) * 5 + d) * 3 + b], at(x, i), 0);
    }
}
END_TEST

START_TEST(concat_joins_along_a_dimension)
{
    struct mt_value *parts[] = { input(SHAPE(3, 2, 1, 3)),
                                 input(SHAPE(3, 2, 4, 3)),
                                 input(SHAPE(3, 2, 2, 3)) };
    struct mt_value *y = mt_concat(graph, parts, 3, 1);
    const size_t start[] = { 0, 1, 5, 7 };

    ck_assert(mt_shape_equal(&y->shape, SHAPE(3, 2, 7, 3)));
    const float *got = compute(y);

    for (size_t i = 0; i < 42; i++) {
        size_t row = i / 3 % 7, part = row < 1 ? 0 : row < 5 ? 1 : 2;
        size_t rows = start[part + 1] - start[part];
        size_t from = (i / 21 * rows + row - start[part]) * 3 + i % 3;

        check("concat", i, got[i], at(parts[part], from), 0);
    }
}
END_TEST

START_TEST(slice_cuts_a_dimension)
{
    struct mt_value *x = input(SHAPE(3, 2, 7, 3));
    struct mt_value *y = mt_slice(graph, x, 1, 2, 4);

    ck_assert(mt_shape_equal(&y->shape, SHAPE(3, 2, 4, 3)));
    const float *got = compute(y);

    for (size_t i = 0; i < 24; i++)
        check("slice", i, got[i],
              at(x, (i / 12 * 7 + 2 + i / 3 % 4) * 3 + i % 3), 0);
}
END_TEST

START_TEST(pad_puts_zeros_around)
{
    struct mt_value *x = input(SHAPE(3, 2, 3, 4)), *y;

    y = mt_pad(graph, x, 1, 2, 7);
    ck_assert(mt_shape_equal(&y->shape, SHAPE(3, 2, 7, 4)));
    const float *got = compute(y);

    for (size_t i = 0; i < 56; i++) {
        size_t row = i / 4 % 7;
        bool inside = row >= 2 && row < 5;

        check("pad", i, got[i],
              inside ? at(x, (i / 28 * 3 + row - 2) * 4 + i % 4) : 0, 0);
    }
}
END_TEST

/* --- losses ----------------------------------------------------------- */

static double pair_term(int kind, double x, double t)
{
    switch (kind) {
    case 0:
        return (x - t) * (x - t);
    case 1:
        return fabs(x - t);
    default: /* bce_logits */
        return -t * log(1 / (1 + exp(-x))) - (1 - t) * log(1 / (1 + exp(x)));
    }
}

/* Long enough for several tasks, whose sums are added up. */
START_TEST(pair_losses_are_sums_or_means)
{
    static const char *const names[] = { "mse", "l1", "bce_logits" };
    const size_t n = 40000;
    bool mean = _i % 2;
    struct mt_value *x = input(SHAPE(1, n)), *t = input(SHAPE(1, n)), *loss;
    double sum = 0;

    loss = mt_pair_loss_of(graph, x, t, mt_pair_loss_find(names[_i / 2]), mean,
                           NULL);
    for (size_t i = 0; i < n; i++)
        sum += pair_term(_i / 2, at(x, i), at(t, i));
    sum /= mean ? (double)n : 1;
    ck_assert_int_eq(loss->shape.rank, 0);
    check(names[_i / 2], 0, *compute(loss), sum, 1e-5 * fabs(sum));
    ck_assert_ptr_null(mt_pair_loss_find("l2"));
}
END_TEST

/* The loss of a confident prediction is small, but not 0. */
START_TEST(bce_keeps_small_losses)
{
    struct mt_value *x = input(SHAPE(1, 1)), *t = input(SHAPE(1, 1));

    *(float *)x->data = 20;
    *(float *)t->data = 1;
    check("bce_logits", 0,
          *compute(mt_pair_loss_of(graph, x, t, mt_pair_loss_find("bce_logits"),
                                   false, NULL)),
          log1p(exp(-20)), 1e-15);
}
END_TEST

enum { ROWS = 8, CLASSES = 5, IGNORED = 3 };

static const float class_weights[CLASSES] = { 1, 0.5f, 3, 0, 2 };

/* As documented for torch.nn.CrossEntropyLoss. */
static double cross_entropy(const struct mt_value *x, const int32_t *t,
                            const struct mt_cross_entropy *o)
{
    double total = 0, weights = 0, e = o->label_smoothing;

    for (size_t i = 0; i < ROWS; i++) {
        double sum = 0;

        if (t[i] == o->ignore_index)
            continue;
        for (size_t c = 0; c < CLASSES; c++)
            sum += exp(at(x, i * CLASSES + c));
        for (size_t c = 0; c < CLASSES; c++) {
            double w = o->weight ? (double)o->weight[c] : 1;
            double nll = log(sum) - at(x, i * CLASSES + c);

            total += w * nll * e / CLASSES;
            if (c == (size_t)t[i]) {
                total += w * nll * (1 - e);
                weights += w;
            }
        }
    }
    return o->mean ? total / weights : total;
}

START_TEST(cross_entropy_is_that_of_torch)
{
    static int32_t classes[ROWS] = { 0, 4, 3, 2, 2, 1, 3, 0 };
    struct mt_cross_entropy o = { .weight = _i & 1 ? class_weights : NULL,
                                  .label_smoothing = _i & 2 ? 0.2 : 0,
                                  .ignore_index = _i & 4 ? IGNORED : -100,
                                  .mean = _i & 8 };
    struct mt_value *x = input(SHAPE(2, ROWS, CLASSES));
    struct mt_value *t = mt_graph_input(graph, "t", MT_I32, SHAPE(1, ROWS));
    double want = cross_entropy(x, classes, &o);

    t->data = classes;
    check("cross entropy", (size_t)_i,
          *compute(mt_cross_entropy(graph, x, t, &o)), want, 2e-6 * fabs(want));
}
END_TEST

/* The order that fixes their bits: blocks of 64 rows, then over the blocks. */
static float column_sum(const float *x, size_t rows, size_t stride)
{
    float total = 0;

    for (size_t at = 0; at < rows; at += 64) {
        float s = 0;

        for (size_t i = at; i < rows && i < at + 64; i++)
            s += x[i * stride];
        total += s;
    }
    return total;
}

static void check_column_sums(size_t rows, size_t n, size_t stride,
                              struct mt_team *team)
{
    const float *x = input(SHAPE(2, rows, stride))->data;
    size_t floats = mt_column_sums_scratch(rows, n) / sizeof(float);
    float *out = mt_arena_calloc(&arena, n + 1, sizeof *out);
    float *scratch = mt_arena_calloc(&arena, floats + 1, sizeof *scratch);

    ck_assert(out && scratch);
    out[n] = scratch[floats] = 7;
    mt_column_sums(team, out, x, rows, n, stride, scratch);
    for (size_t j = 0; j < n; j++) {
        float want = column_sum(x + j, rows, stride);

        ck_assert_msg(memcmp(&out[j], &want, sizeof want) == 0,
                      "%zu rows, column %zu of %zu (%s): got %a, want %a", rows,
                      j, n, mt_kernels()->isa, (double)out[j], (double)want);
    }
    ck_assert(out[n] == 7 && scratch[floats] == 7);
}

START_TEST(columns_are_summed_in_blocks_of_rows)
{
    const size_t sizes[][3] = { { 0, 5, 5 },       { 1, 33, 40 },
                                { 63, 1, 1 },      { 64, 16, 16 },
                                { 65, 17, 17 },    { 200, 1040, 1050 },
                                { 300, 130, 130 }, { 4300, 3, 4 } };
    const struct mt_kernels *tables[4];
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team;

    mt_kernels_available(tables);
    mt_kernels_use(tables[_i / 2]);
    ck_assert_int_eq(mt_team_new(_i % 2 ? 3 : 1, &team, &err), MT_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_column_sums(sizes[i][0], sizes[i][1], sizes[i][2], team);
    mt_team_free(team);
}
END_TEST

Suite *ops_suite(void);

Suite *ops_suite(void)
{
    const struct mt_kernels *tables[4];
    Suite *s = suite_create("ops");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, enter, leave);
    tcase_add_loop_test(t, linear_is_x_wt_plus_b, 0, 2);
    tcase_add_test(t, elementwise_ops_are_elementwise);
    tcase_add_loop_test(t, softmax_runs_along_the_last_dimension, 0, 2);
    tcase_add_test(t, activations_take_their_parameters);
    tcase_add_test(t, dropout_keeps_the_mean);
    tcase_add_test(t, dropout_of_channels_drops_whole_ones);
    tcase_add_test(t, permute_reorders_dimensions);
    tcase_add_test(t, concat_joins_along_a_dimension);
    tcase_add_test(t, slice_cuts_a_dimension);
    tcase_add_test(t, pad_puts_zeros_around);
    tcase_add_loop_test(t, pair_losses_are_sums_or_means, 0, 6);
    tcase_add_test(t, bce_keeps_small_losses);
    tcase_add_loop_test(t, cross_entropy_is_that_of_torch, 0, 16);
    tcase_add_loop_test(t, columns_are_summed_in_blocks_of_rows, 0,
                        2 * (int)mt_kernels_available(tables));
    suite_add_tcase(s, t);
    return s;
}
