/* Batches in parts: random numbers by place in the batch, statistics kept for
 * later. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph.h"
#include "graph/ops.h"

enum { BATCH = 6, CHANNELS = 3, SIZE = 64, EACH = CHANNELS * SIZE };

static struct mt_err err = MT_ERR_INIT;
static float x[BATCH * EACH];

static void fill(void)
{
    struct mt_philox_key key = mt_philox_key(1, "test", "parts");

    for (size_t i = 0; i < BATCH * EACH; i++)
        x[i] = (float)(mt_philox_uniform(key, 0, i) - 0.25);
}

/* One node over n samples (n, CHANNELS, SIZE), or (n, SIZE, CHANNELS). */
struct net {
    struct mt_graph *graph;
    struct mt_value *y;
    void *memory;
    float mean[CHANNELS], var[CHANNELS];
    int64_t batches;
};

typedef struct mt_value *net_op(struct net *net, struct mt_value *v);

static struct mt_philox_key key(void)
{
    return mt_philox_key(7, "dropout", "layer");
}

static struct mt_value *elements(struct net *net, struct mt_value *v)
{
    return mt_dropout(net->graph, v, 0.5, key());
}

static struct mt_value *channels(struct net *net, struct mt_value *v)
{
    struct mt_shape rows = mt_shape_of(3, v->shape.dim[0], SIZE, CHANNELS);

    return mt_dropout_channels(net->graph, mt_view(net->graph, v, &rows), 0.5,
                               key());
}

/* The channels are queries, keys and values of two heads. */
static struct mt_value *attention(struct net *net, struct mt_value *v)
{
    struct mt_shape rows = mt_shape_of(3, v->shape.dim[0], SIZE / 2, 6);

    return mt_attention(net->graph, mt_view(net->graph, v, &rows), 2, false,
                        0.5, key());
}

static struct mt_running running_of(struct net *net)
{
    struct mt_shape one = mt_shape_of(1, CHANNELS), none = { .rank = 0 };
    struct mt_running r = {
        mt_graph_input(net->graph, "mean", MT_F32, &one),
        mt_graph_input(net->graph, "var", MT_F32, &one),
        mt_graph_input(net->graph, "n", MT_I64, &none),
    };

    r.mean->data = net->mean;
    r.var->data = net->var;
    r.batches->data = &net->batches;
    return r;
}

static struct mt_value *batch_norm(struct net *net, struct mt_value *v)
{
    struct mt_running r = running_of(net);

    return mt_batch_norm(net->graph, v, NULL, NULL, &r, NAN, 1e-5);
}

static struct mt_value *instance_norm(struct net *net, struct mt_value *v)
{
    struct mt_running r = running_of(net);

    return mt_instance_norm(net->graph, v, NULL, NULL, &r, 0.3, 1e-5);
}

static void open(struct net *net, net_op *op, size_t n)
{
    struct mt_shape shape = mt_shape_of(3, n, CHANNELS, SIZE);
    struct mt_value *v;

    memset(net, 0, sizeof *net);
    ck_assert_int_eq(mt_graph_new(true, &net->graph, &err), MT_OK);
    v = mt_graph_input(net->graph, "x", MT_F32, &shape);
    v->data = x;
    net->y = op(net, v);
    mt_graph_keep(net->graph, net->y);
    ck_assert_int_eq(mt_graph_finish(net->graph, 1, &err), MT_OK);
    net->memory =
        aligned_alloc(64, (mt_graph_bytes(net->graph) + 64) / 64 * 64);
    ck_assert_ptr_nonnull(net->memory);
    mt_graph_bind(net->graph, net->memory);
    v->data = x;
}

static void close(struct net *net)
{
    mt_graph_free(net->graph);
    free(net->memory);
}

/* --- draws ---------------------------------------------------------------- */

static net_op *const drawing[] = { elements, channels, attention };

/* Samples 4 and 5 as a part have the same values as in the whole batch. */
START_TEST(parts_draw_as_the_whole)
{
    struct mt_turn last = { .step = 3, .first = 4, .samples = 2 };
    struct net whole, part;

    fill();
    memcpy(x + 4 * EACH, x, 2 * EACH * sizeof *x);
    open(&whole, drawing[_i], BATCH);
    open(&part, drawing[_i], 2);
    mt_graph_run(whole.graph, NULL, 3);
    mt_graph_run_part(part.graph, NULL, &last);

    const float *of_whole = whole.y->data, *of_part = part.y->data;
    size_t n = mt_shape_elements(&part.y->shape);

    ck_assert_mem_eq(of_part, of_whole + 2 * n, n * sizeof *of_part);
    ck_assert(memcmp(of_part, of_whole, n * sizeof *of_part) != 0);
    close(&part);
    close(&whole);
}
END_TEST

/* --- statistics ----------------------------------------------------------- */

static net_op *const tracking[] = { batch_norm, instance_norm };

/* Kept and applied later in the same order, they give the same bits. */
START_TEST(statistics_set_aside)
{
    double found[2][2 * CHANNELS];
    struct mt_turn aside[2] = {
        { .step = 1, .samples = 2, .statistics = found[0] },
        { .step = 1, .first = 2, .samples = 2, .statistics = found[1] },
    };
    struct net now, later;

    fill();
    open(&now, tracking[_i], 2);
    open(&later, tracking[_i], 2);
    ck_assert_uint_eq(mt_graph_statistics(later.graph), 2 * CHANNELS);
    for (int i = 0; i < 2; i++) {
        mt_graph_run(now.graph, NULL, 1);
        mt_graph_run_part(later.graph, NULL, &aside[i]);
        memcpy(x, x + 2 * EACH, 2 * EACH * sizeof *x);
    }
    ck_assert_int_eq(later.batches, 0);
    ck_assert(later.mean[0] == 0 && now.mean[0] != 0);
    for (int i = 0; i < 2; i++)
        mt_graph_update(later.graph, found[i]);
    ck_assert_int_eq(later.batches, now.batches);
    ck_assert_mem_eq(later.mean, now.mean, sizeof now.mean);
    ck_assert_mem_eq(later.var, now.var, sizeof now.var);
    close(&later);
    close(&now);
}
END_TEST

Suite *parts_suite(void);

Suite *parts_suite(void)
{
    Suite *s = suite_create("parts");
    TCase *t = tcase_create("parts");

    tcase_add_loop_test(t, parts_draw_as_the_whole, 0, 3);
    tcase_add_loop_test(t, statistics_set_aside, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
