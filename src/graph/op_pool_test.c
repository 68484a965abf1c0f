/*
 * The ops of pooling and resampling: against their definitions, and the same
 * bits with every instruction set and any number of threads, forward and
 * backward.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph.h"
#include "graph/ops.h"
#include "kernels/dispatch.h"

enum kind { MAX, ADAPTIVE_MAX, AVG, ADAPTIVE, NEAREST, LINEAR };

/* One op on (n, c, h, w), or on (n, c, w) if h is 0. */
struct op_case {
    enum kind kind;
    size_t n, c, h, w;
    struct mt_pool_axis axes[2];
    bool include_pad;
    double divisor;
    size_t size[2]; /* of the output, if it is an option */
    double factor[2];
    bool align_corners;
};

#define POINT                                                                  \
    {                                                                          \
        1, 1, 0, 1, false                                                      \
    }

static const struct op_case cases[] = {
    /* several tasks */
    { MAX, 3, 17, 41, 37, { { 2, 2, 0, 1, false }, { 2, 2, 0, 1, false } } },
    { MAX, 3, 17, 41, 37, { { 3, 2, 1, 1, false }, { 3, 2, 1, 1, false } } },
    { MAX, 2, 1, 90, 250, { { 5, 3, 2, 1, true }, { 4, 3, 2, 2, true } } },
    { MAX, 5, 60, 0, 173, { POINT, { 3, 1, 1, 1, false } } },
    { MAX, 5, 3, 0, 900, { POINT, { 200, 40, 100, 1, true } } },
    { ADAPTIVE_MAX, 3, 17, 41, 37, .size = { 6, 11 } },
    { MAX, 2, 3, 0, 900, { POINT, { 5, 7, 2, 150, false } } },
    { ADAPTIVE_MAX, 9, 60, 7, 9, .size = { 1, 1 } },
    { ADAPTIVE_MAX, 3, 17, 41, 37, .size = { 41, 50 } },
    { ADAPTIVE_MAX, 2, 50, 0, 700, .size = { 1, 3 } },
    { AVG, 3, 17, 40, 38, { { 2, 2, 0, 1, false }, { 2, 2, 0, 1, false } }, 1 },
    { AVG, 3, 17, 41, 37, { { 3, 2, 1, 1, true }, { 3, 2, 1, 1, true } }, 0 },
    { AVG, 3, 17, 41, 37, { { 3, 2, 1, 1, true }, { 3, 2, 1, 1, true } }, 1 },
    { AVG, 3, 17, 41, 37, { { 4, 3, 2, 1, false }, POINT }, 0, -7 },
    { AVG, 5, 60, 0, 173, { POINT, { 3, 1, 1, 1, false } }, 1 },
    { AVG, 5, 3, 0, 900, { POINT, { 200, 40, 100, 1, true } }, 0 },
    { AVG, 5, 3, 150, 10, { { 100, 1, 50, 1, false }, POINT }, 0 },
    { AVG, 9, 60, 7, 7, { { 7, 7, 0, 1, false }, { 7, 7, 0, 1, false } }, 1 },
    { ADAPTIVE, 9, 60, 7, 9, .size = { 1, 1 } },
    { ADAPTIVE, 3, 17, 41, 37, .size = { 6, 11 } },
    { ADAPTIVE, 3, 17, 41, 37, .size = { 41, 50 } },
    { ADAPTIVE, 3, 17, 41, 37, .size = { 1, 37 } },
    { ADAPTIVE, 2, 50, 0, 700, .size = { 1, 3 } },
    { NEAREST, 3, 17, 21, 19, .size = { 42, 38 }, .factor = { 2, 2 } },
    { NEAREST, 3, 17, 21, 19, .size = { 63, 76 }, .factor = { 3, 4 } },
    { NEAREST, 3, 17, 41, 37, .size = { 30, 50 } },
    { NEAREST, 3, 40, 0, 37, .size = { 1, 60 }, .factor = { 0, 1.63 } },
    { NEAREST, 3, 40, 1, 1, .size = { 19, 23 } },
    { LINEAR, 3, 17, 21, 19, .size = { 42, 38 }, .factor = { 2, 2 } },
    { LINEAR, 3, 17, 21, 19, .size = { 50, 11 }, .align_corners = true },
    { LINEAR, 3, 17, 41, 37, .size = { 9, 64 } },
    { LINEAR, 3, 40, 0, 37, .size = { 1, 90 }, .align_corners = true },
};

enum { N_CASES = sizeof cases / sizeof *cases };

/* --- running -------------------------------------------------------------- */

struct bench {
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_tensor *x;
    struct mt_value *y;
    float *weights;
    void *memory;
};

static void fill(float *x, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(4 * mt_philox_uniform(mt_philox_key(3, "test", name), 0,
                                             i) -
                       2);
}

static struct mt_value *record(struct mt_graph *g, struct mt_value *x,
                               const struct op_case *c)
{
    struct mt_upsample up = { { c->size[0], c->size[1] },
                              { c->factor[0], c->factor[1] },
                              c->kind == LINEAR,
                              c->align_corners };

    switch (c->kind) {
    case MAX:
        return mt_max_pool(g, x, c->axes);
    case ADAPTIVE_MAX:
        return mt_adaptive_max_pool(g, x, c->size);
    case AVG:
        return mt_avg_pool(g, x, c->axes, c->include_pad, c->divisor);
    case ADAPTIVE:
        return mt_adaptive_avg_pool(g, x, c->size);
    default:
        return mt_upsample(g, x, &up);
    }
}

static void open_bench(struct bench *b, const struct op_case *c, size_t workers)
{
    struct mt_shape shape = c->h ? mt_shape_of(4, c->n, c->c, c->h, c->w)
                                 : mt_shape_of(3, c->n, c->c, c->w);
    struct mt_err err = MT_ERR_INIT;
    struct mt_value *w, *loss;

    *b = (struct bench){ .store = MT_STORE_INIT };
    ck_assert(mt_graph_new(true, &b->graph, &err) == MT_OK);
    b->x = mt_store_add(&b->store, "x", MT_F32, &shape, false);
    ck_assert_ptr_nonnull(b->x);
    b->x->requires_grad = true;
    ck_assert(mt_store_allocate(&b->store, &err) == MT_OK);
    fill(b->x->data, b->x->count, "x");
    b->y = record(b->graph, mt_graph_leaf(b->graph, b->x), c);

    size_t n = mt_shape_elements(&b->y->shape);
    struct mt_shape flat = mt_shape_of(2, (size_t)1, n);
    struct mt_shape scalar = { 0 };

    b->weights = malloc(n * sizeof(float));
    ck_assert_ptr_nonnull(b->weights);
    fill(b->weights, n, "w");
    w = mt_graph_input(b->graph, "w", MT_F32, &flat);
    w->data = b->weights;
    loss = mt_linear(b->graph, mt_view(b->graph, b->y, &flat), w, NULL);
    mt_graph_backward(b->graph, mt_view(b->graph, loss, &scalar));
    mt_graph_keep(b->graph, b->y);
    ck_assert(mt_graph_finish(b->graph, workers, &err) == MT_OK);
    ck_assert(posix_memalign(&b->memory, 64, mt_graph_bytes(b->graph) + 64) ==
              0);
    memset(b->memory, 0xff, mt_graph_bytes(b->graph));
    mt_graph_bind(b->graph, b->memory);
}

static void close_bench(struct bench *b)
{
    mt_store_free(&b->store);
    mt_graph_free(b->graph);
    free(b->memory);
    free(b->weights);
}

/* --- the definitions ------------------------------------------------------ */

/* Weights of the inputs of one output along an axis, by definition. */
static void axis_weights(const struct op_case *c, int axis, size_t in,
                         size_t out, size_t o, double *w)
{
    const struct mt_pool_axis *a = &c->axes[axis];
    double scale =
        c->factor[axis] > 0 ? 1 / c->factor[axis] : (double)in / (double)out;
    double at = c->align_corners && out > 1
                    ? (double)o * (double)(in - 1) / (double)(out - 1)
                    : fmax(((double)o + 0.5) * scale - 0.5, 0);
    size_t low = o * in / out, high = ((o + 1) * in + out - 1) / out, i;

    memset(w, 0, in * sizeof *w);
    if (c->kind == NEAREST) {
        i = (size_t)floorf((float)o * (float)scale);
        w[i < in ? i : in - 1] = 1;
    } else if (c->kind == LINEAR) {
        i = (size_t)at;
        w[i] += 1 - (at - floor(at));
        w[i + 1 < in ? i + 1 : i] += at - floor(at);
    } else if (c->kind == ADAPTIVE) {
        for (i = low; i < high; i++)
            w[i] = 1 / (double)(high - low);
    } else {
        double all = 0, inside = 0, divisor;

        for (size_t k = 0; k < a->kernel; k++) {
            int64_t p = (int64_t)(o * a->stride + k) - (int64_t)a->padding;

            all += p < (int64_t)(in + a->padding);
            inside += p >= 0 && p < (int64_t)in;
        }
        divisor = c->divisor != 0  ? (axis ? c->divisor : 1)
                  : c->include_pad ? all
                                   : inside;
        for (size_t k = 0; k < a->kernel; k++) {
            int64_t p = (int64_t)(o * a->stride + k) - (int64_t)a->padding;

            if (p >= 0 && p < (int64_t)in)
                w[p] = 1 / divisor;
        }
    }
}

/* For one output of a linear op: adds to dx, and returns y. */
static double apply_weights(const double *wh, const double *ww, size_t h,
                            size_t w, const float *x, double g, double *dx)
{
    double y = 0;

    for (size_t i = 0; i < h; i++) {
        for (size_t j = 0; j < w && wh[i] != 0; j++) {
            y += wh[i] * ww[j] * (double)x[i * w + j];
            dx[i * w + j] += wh[i] * ww[j] * g;
        }
    }
    return y;
}

/* Is input i in output o's window? */
static bool is_in(const struct op_case *c, int axis, size_t in, size_t out,
                  size_t o, size_t i)
{
    const struct mt_pool_axis point = POINT;
    const struct mt_pool_axis *a = axis || c->h ? &c->axes[axis] : &point;
    size_t k = i + a->padding - o * a->stride; /* wraps below the window */

    if (c->kind == ADAPTIVE_MAX)
        return o * in / out <= i && i < ((o + 1) * in + out - 1) / out;
    return k % a->dilation == 0 && k / a->dilation < a->kernel;
}

/* The same for a maximum. */
static double apply_max(const struct op_case *c, size_t h, size_t w,
                        size_t out_h, size_t out_w, size_t o, const float *x,
                        double g, double *dx)
{
    size_t top = h * w;

    for (size_t p = 0; p < h * w; p++) {
        if (is_in(c, 0, h, out_h, o / out_w, p / w) &&
            is_in(c, 1, w, out_w, o % out_w, p % w) &&
            (top == h * w || x[p] > x[top]))
            top = p;
    }
    ck_assert_uint_lt(top, h * w);
    dx[top] += g;
    return (double)x[top];
}

static void check_plane(const struct op_case *c, const struct bench *b,
                        size_t plane)
{
    size_t h = c->h ? c->h : 1, w = c->w, rank = (size_t)b->y->shape.rank;
    size_t out_w = b->y->shape.dim[rank - 1];
    size_t out_h = c->h ? b->y->shape.dim[rank - 2] : 1;
    const float *x = (const float *)b->x->data + plane * h * w;
    const float *y = (const float *)b->y->data + plane * out_h * out_w;
    const float *g = b->weights + plane * out_h * out_w;
    double *dx = calloc(h * w, sizeof *dx);
    double *wh = calloc(h, sizeof *wh), *ww = calloc(w, sizeof *ww);

    ck_assert(dx && wh && ww);
    *wh = 1;
    for (size_t o = 0; o < out_h * out_w; o++) {
        double want;

        if (c->kind <= ADAPTIVE_MAX) {
            want = apply_max(c, h, w, out_h, out_w, o, x, (double)g[o], dx);
        } else {
            if (c->h)
                axis_weights(c, 0, h, out_h, o / out_w, wh);
            axis_weights(c, 1, w, out_w, o % out_w, ww);
            want = apply_weights(wh, ww, h, w, x, (double)g[o], dx);
        }
        ck_assert_msg(fabs((double)y[o] - want) <= 2e-6,
                      "output %zu of plane %zu: got %.9g, want %.9g", o, plane,
                      (double)y[o], want);
    }
    for (size_t i = 0; i < h * w; i++) {
        double got = (double)b->x->grad[plane * h * w + i];

        ck_assert_msg(fabs(got - dx[i]) <= 5e-6 * (1 + fabs(dx[i])),
                      "gradient %zu of plane %zu: got %.9g, want %.9g", i,
                      plane, got, dx[i]);
    }
    free(dx);
    free(wh);
    free(ww);
}

START_TEST(numbers_are_those_of_the_definition)
{
    const struct op_case *c = &cases[_i];
    struct bench b;

    open_bench(&b, c, 1);
    mt_graph_run(b.graph, NULL, 0);
    check_plane(c, &b, 0);
    check_plane(c, &b, 1);
    check_plane(c, &b, c->n * c->c - 1);
    close_bench(&b);
}
END_TEST

START_TEST(bits_are_the_same_everywhere)
{
    const struct mt_kernels *tables[4], *chosen = mt_kernels();
    size_t n_tables = mt_kernels_available(tables);
    struct mt_err err = MT_ERR_INIT;
    struct bench first;

    open_bench(&first, &cases[_i], 1);
    mt_kernels_use(tables[n_tables - 1]);
    mt_graph_run(first.graph, NULL, 0);
    for (size_t k = 0; k < 3 * n_tables; k++) {
        struct mt_team *team;
        struct bench b;

        ck_assert(mt_team_new(k % 3 + 1, &team, &err) == MT_OK);
        open_bench(&b, &cases[_i], k % 3 + 1);
        mt_kernels_use(tables[k / 3]);
        mt_graph_run(b.graph, team, 0);
        ck_assert_mem_eq(b.y->data, first.y->data,
                         mt_shape_elements(&b.y->shape) * sizeof(float));
        ck_assert_mem_eq(b.x->grad, first.x->grad, b.x->count * sizeof(float));
        close_bench(&b);
        mt_team_free(team);
    }
    mt_kernels_use(chosen);
    close_bench(&first);
}
END_TEST

/* A maximum that ignores NaN would hide that training failed. */
START_TEST(nan_goes_through_and_ties_go_to_the_first)
{
    const struct op_case *c = &cases[_i];
    struct bench b;
    size_t nan = 0;

    open_bench(&b, c, 1);
    for (size_t i = 0; i < b.x->count; i++)
        ((float *)b.x->data)[i] = 1;
    mt_graph_run(b.graph, NULL, 0);
    check_plane(c, &b, 1);
    ((float *)b.x->data)[(c->h ? c->w + 3 : 3)] = NAN;
    mt_graph_run(b.graph, NULL, 0);
    for (size_t i = 0; i < mt_shape_elements(&b.y->shape); i++)
        nan += isnan(((float *)b.y->data)[i]) != 0;
    ck_assert_uint_ge(nan, 1);
    ck_assert_uint_le(nan, 6);
    close_bench(&b);
}
END_TEST

/* The places of maxima are kept only for a gradient. */
START_TEST(evaluation_keeps_no_places)
{
    struct mt_shape shape =
        mt_shape_of(4, (size_t)1, (size_t)1, (size_t)6, (size_t)6);
    const struct mt_pool_axis axes[2][2] = {
        { { 2, 2, 0, 1, false }, { 2, 2, 0, 1, false } },
        { { 3, 1, 0, 1, false }, { 3, 1, 0, 1, false } },
    };
    struct mt_err err = MT_ERR_INIT;
    struct mt_graph *g;
    float x[36];
    void *memory;

    fill(x, 36, "x");
    ck_assert(mt_graph_new(false, &g, &err) == MT_OK);
    struct mt_value *in = mt_graph_input(g, "x", MT_F32, &shape);
    struct mt_value *y[2];

    in->data = x;
    for (int i = 0; i < 2; i++) {
        y[i] = mt_max_pool(g, in, axes[i]);
        ck_assert_uint_eq(y[i]->producer->n_out, 1);
        mt_graph_keep(g, y[i]);
    }
    ck_assert(mt_graph_finish(g, 1, &err) == MT_OK);
    ck_assert(posix_memalign(&memory, 64, mt_graph_bytes(g) + 64) == 0);
    mt_graph_bind(g, memory);
    mt_graph_run(g, NULL, 0);
    ck_assert(((float *)y[0]->data)[0] ==
              fmaxf(fmaxf(x[0], x[1]), fmaxf(x[6], x[7])));
    ck_assert(((float *)y[1]->data)[0] >= ((float *)y[0]->data)[0]);
    free(memory);
    mt_graph_free(g);
}
END_TEST

START_TEST(sizes_are_those_of_the_definition)
{
    static const struct {
        struct mt_pool_axis axis;
        size_t in, out;
    } rows[] = {
        { { 2, 2, 0, 1, false }, 7, 3 },
        { { 2, 2, 0, 1, true }, 7, 4 },
        { { 3, 2, 1, 1, false }, 7, 4 },
        { { 3, 2, 1, 1, true }, 8, 5 },
        { { 2, 3, 1, 1, true }, 4, 2 },
        { { 4, 2, 0, 1, true }, 3, 1 },
        { { 4, 2, 0, 1, false }, 3, 0 },
        { { 4, 1, 0, 1, true }, 3, 0 },
        { { 3, 1, 0, 4, false }, 9, 1 },
        { { 3, 1, 0, 4, false }, 8, 0 },
        { { 1, 5, 0, 1, false }, 11, 3 },
        { { 1, 1, 0, 1, false }, 11, 11 },
        { { INT32_MAX, INT32_MAX, 65535, INT32_MAX, true }, INT32_MAX, 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(mt_pool_size(&rows[i].axis, rows[i].in) == rows[i].out,
                      "row %zu: got %zu", i,
                      mt_pool_size(&rows[i].axis, rows[i].in));
}
END_TEST

Suite *op_pool_suite(void);

Suite *op_pool_suite(void)
{
    Suite *s = suite_create("op_pool");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, numbers_are_those_of_the_definition, 0, N_CASES);
    tcase_add_loop_test(t, bits_are_the_same_everywhere, 0, N_CASES);
    tcase_add_loop_test(t, nan_goes_through_and_ties_go_to_the_first, 0, 6);
    tcase_add_test(t, evaluation_keeps_no_places);
    tcase_add_test(t, sizes_are_those_of_the_definition);
    suite_add_tcase(s, t);
    return s;
}
