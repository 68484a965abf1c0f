/*
 * Values that are recomputed in backward: less memory, and the same bits as a
 * graph that keeps every value.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph_internal.h"
#include "graph/ops.h"

#define SHAPE(r, ...)                                                          \
    (&(struct mt_shape){ .rank = (r), .dim = { __VA_ARGS__ } })

enum { N = 40, C = 3, S = 900, BLOCKS = 3 };

struct net {
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_value *loss;
    void *memory;
    size_t again; /* values that are recomputed */
};

static struct mt_value *leaf(struct net *net, const char *name)
{
    return mt_graph_leaf(net->graph, mt_store_find(&net->store, name));
}

static const char *indexed(char name[16], char letter, int i)
{
    snprintf(name, 16, "%c%d", letter, i);
    return name;
}

static void make_store(struct net *net)
{
    struct mt_store *s = &net->store;
    struct mt_err err = MT_ERR_INIT;
    char name[16];

    *s = (struct mt_store)MT_STORE_INIT;
    mt_store_add(s, "x", MT_F32, SHAPE(3, N, C, S), false);
    mt_store_add(s, "t", MT_F32, SHAPE(3, N, C, S), true);
    for (int i = 0; i <= BLOCKS; i++) {
        mt_store_add(s, indexed(name, 'w', i), MT_F32, SHAPE(1, C), false);
        mt_store_add(s, indexed(name, 'b', i), MT_F32, SHAPE(1, C), false);
    }
    ck_assert_int_eq(mt_store_allocate(s, &err), MT_OK);
    for (size_t i = 0; i < s->n; i++) {
        struct mt_philox_key key = mt_philox_key(5, "test", s->tensors[i]->name);
        float *data = s->tensors[i]->data;

        for (size_t k = 0; k < s->tensors[i]->count; k++)
            data[k] = (float)(int32_t)mt_philox_word(key, 0, k) * 0x1p-31f;
    }
}

/* norm(x x) */
static struct mt_value *normed_square(struct net *net, struct mt_value *x,
                                      int i, bool keep)
{
    struct mt_value *y = mt_mul(net->graph, x, x);
    char name[16];

    y = mt_batch_norm(net->graph, y, leaf(net, indexed(name, 'w', i)),
                      leaf(net, indexed(name, 'b', i)), NULL, 0.1, 1e-5);
    if (keep)
        mt_graph_keep(net->graph, y);
    return y;
}

/* A chain of x = relu(norm(x x) + x), whose values can all be computed from the
 * products; then norm(x x), which a product reads. */
static void record(struct net *net, bool keep)
{
    const struct mt_activation *relu = mt_activation_find("relu");
    const float p[3] = { 0 };
    struct mt_value *x = leaf(net, "x");

    for (int i = 0; i < BLOCKS; i++) {
        struct mt_value *y = normed_square(net, x, i, keep);

        x = mt_activate(net->graph, mt_add(net->graph, y, x), relu, NULL);
        if (keep)
            mt_graph_keep(net->graph, x);
    }
    x = normed_square(net, x, BLOCKS, keep);
    net->loss = mt_pair_loss_of(net->graph, mt_mul(net->graph, x, x),
                                leaf(net, "t"), mt_pair_loss_find("mse"), true,
                                p);
    mt_graph_keep(net->graph, net->loss);
}

static void open_net(struct net *net, bool keep)
{
    struct mt_err err = MT_ERR_INIT;

    *net = (struct net){ 0 };
    make_store(net);
    ck_assert_int_eq(mt_graph_new(true, &net->graph, &err), MT_OK);
    record(net, keep);
    mt_graph_backward(net->graph, net->loss);
    ck_assert_int_eq(mt_graph_finish(net->graph, 1, &err), MT_OK);
    ck_assert_int_eq(posix_memalign(&net->memory, 64,
                                    mt_graph_bytes(net->graph) + 64), 0);
    /* NaN, to find reads before writes */
    memset(net->memory, 0xff, mt_graph_bytes(net->graph) + 64);
    mt_graph_bind(net->graph, net->memory);
    mt_graph_run(net->graph, NULL, 0);
    for (size_t i = 0; i < net->graph->n_values; i++)
        net->again += net->graph->values[i]->again != NULL;
}

static void close_net(struct net *net)
{
    free(net->memory);
    mt_graph_free(net->graph);
    mt_store_free(&net->store);
}

START_TEST(recomputed_values_have_the_same_bits_and_take_less_memory)
{
    struct net kept, again;

    open_net(&kept, true);
    open_net(&again, false);
    ck_assert_uint_eq(kept.again, 0);
    ck_assert_uint_eq(again.again, BLOCKS + 1);
    ck_assert(memcmp(kept.loss->data, again.loss->data, sizeof(float)) == 0);
    ck_assert(memcmp(kept.store.grads, again.store.grads,
                     kept.store.flat * sizeof(float)) == 0);
    /* the product of each block is kept, but not the sum */
    ck_assert_uint_le(mt_graph_bytes(again.graph),
                      mt_graph_bytes(kept.graph) - BLOCKS * N * C * S *
                                                       sizeof(float));
    close_net(&kept);
    close_net(&again);
}
END_TEST

Suite *recompute_suite(void);

Suite *recompute_suite(void)
{
    Suite *s = suite_create("recompute");
    TCase *t = tcase_create("core");

    tcase_add_test(t,
                   recomputed_values_have_the_same_bits_and_take_less_memory);
    suite_add_tcase(s, t);
    return s;
}
