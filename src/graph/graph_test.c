/* Recording, cloning, fusing, pruning, binding and running graphs. */
#include "graph/graph.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/ops_internal.h"

#define SHAPE(r, ...)                                                          \
    (&(struct mt_shape){ .rank = (r), .dim = { __VA_ARGS__ } })

/* --- fixture: a graph, a store, an arena --------------------------------- */

static struct mt_graph *graph;
static struct mt_store store = MT_STORE_INIT;
static struct mt_arena arena = MT_ARENA_INIT;
static struct mt_err err = MT_ERR_INIT;
static void *memory;
static const struct mt_turn whole = { 0 };

static void enter(void)
{
    ck_assert_int_eq(mt_graph_new(true, &graph, &err), MT_OK);
}

static void leave(void)
{
    mt_graph_free(graph);
    mt_store_free(&store);
    mt_arena_free(&arena);
    free(memory);
    graph = NULL;
    memory = NULL;
}

static void fill(float *x, size_t n, uint64_t stream)
{
    struct mt_philox_key key = mt_philox_key(stream, "test", "graph");

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * mt_philox_uniform(key, 0, i) - 1);
}

static struct mt_tensor *declare(const char *name, const struct mt_shape *shape)
{
    struct mt_tensor *t = mt_store_add(&store, name, MT_F32, shape, false);

    ck_assert_ptr_nonnull(t);
    return t;
}

static void allocate(void)
{
    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_OK);
    for (size_t i = 0; i < store.n; i++)
        fill(store.tensors[i]->data, store.tensors[i]->count, i + 10);
}

static struct mt_value *input(const char *name, const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_input(graph, name, MT_F32, shape);
    size_t n = mt_shape_elements(shape);

    v->data = mt_arena_calloc(&arena, n, sizeof(float));
    ck_assert_ptr_nonnull(v->data);
    fill(v->data, n, 1);
    return v;
}

static struct mt_value *activate(struct mt_value *x, const char *name)
{
    const float p[2] = { 1, 20 };

    return mt_activate(graph, x, mt_activation_find(name), p);
}

static void finish(size_t workers)
{
    ck_assert_int_eq(mt_graph_finish(graph, workers, &err), MT_OK);
    size_t bytes = mt_graph_bytes(graph);

    ck_assert_int_eq(posix_memalign(&memory, 64, bytes + 64), 0);
    memset(memory, 0xff, bytes + 64);
    mt_graph_bind(graph, memory);
}

static size_t count_nodes(const char *op)
{
    size_t n = 0;

    for (size_t i = 0; i < mt_graph_node_count(graph); i++)
        n += strcmp(mt_graph_node_at(graph, i)->op->name, op) == 0;
    return n;
}

static float *data_of(const struct mt_value *v)
{
    return v->data;
}

/* The message must contain this. */
static void says(const char *text)
{
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" does not say \"%s\"",
                  err.text, text);
}

/* --- recording ---------------------------------------------------------- */

START_TEST(leaves_are_those_of_their_tensors)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 3, 4));
    struct mt_tensor *frozen = declare("frozen", SHAPE(1, 4));

    frozen->requires_grad = false;
    allocate();
    struct mt_value *v = mt_graph_leaf(graph, w);

    ck_assert_ptr_eq(mt_graph_leaf(graph, frozen)->data, frozen->data);
    ck_assert_ptr_eq(mt_graph_leaf(graph, w), v);
    ck_assert_ptr_eq(v->data, w->data);
    ck_assert_str_eq(v->name, "w");
    ck_assert(v->requires_grad);
    ck_assert(!mt_graph_leaf(graph, frozen)->requires_grad);
    ck_assert(mt_graph_training(graph));
}
END_TEST

START_TEST(gradients_are_wanted_behind_parameters_only)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 3, 3));

    allocate();
    struct mt_value *x = input("x", SHAPE(2, 2, 3));
    struct mt_value *y = mt_softmax(graph, x);
    struct mt_value *z = mt_linear(graph, y, mt_graph_leaf(graph, w), NULL);

    ck_assert(!x->requires_grad && !y->requires_grad && z->requires_grad);
    ck_assert(!mt_wants_grad(z->producer, 0));
    ck_assert(mt_wants_grad(z->producer, 1));
    ck_assert(!mt_wants_grad(z->producer, 2));
    ck_assert(mt_shape_equal(&z->shape, SHAPE(2, 2, 3)));
}
END_TEST

START_TEST(nodes_know_their_layer)
{
    struct mt_value *x = input("x", SHAPE(1, 4));

    mt_graph_layer(graph, "first");
    x = mt_softmax(graph, x);
    mt_graph_layer(graph, "second");
    x = activate(x, "tanh");
    ck_assert_uint_eq(mt_graph_node_count(graph), 2);
    ck_assert_str_eq(mt_graph_node_at(graph, 0)->layer, "first");
    ck_assert_str_eq(mt_graph_node_at(graph, 1)->layer, "second");
    ck_assert_ptr_eq(x->producer, mt_graph_node_at(graph, 1));
}
END_TEST

START_TEST(allocations_are_zeroed_and_last)
{
    unsigned char *p = mt_graph_alloc(graph, 1000);

    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(p[i], 0);
    ck_assert_ptr_nonnull(mt_graph_alloc(graph, 0));
}
END_TEST

/* Values too large for any machine are reported when the graph is finished. */
START_TEST(impossible_sizes_are_reported_at_the_end)
{
    const size_t sizes[][2] = { { SIZE_MAX, 2 },
                                { SIZE_MAX / 2, 1 },
                                { SIZE_MAX / 8, 1 },
                                { (size_t)1 << 32, (size_t)1 << 32 },
                                { (size_t)1 << 59, 2 } };
    struct mt_value *x = mt_graph_input(graph, "x", MT_F32,
                                        SHAPE(2, sizes[_i][0], sizes[_i][1]));

    x = mt_softmax(graph, x);
    x = mt_mul(graph, x, mt_log_softmax(graph, x));
    mt_graph_keep(graph, x);
    ck_assert_int_eq(mt_graph_finish(graph, 1, &err), MT_NO_MEMORY);
    says("out of memory");
}
END_TEST

START_TEST(free_takes_null)
{
    mt_graph_free(NULL);
}
END_TEST

/* --- clones ------------------------------------------------------------- */

START_TEST(clones_of_parameters_share_nothing)
{
    struct mt_tensor *w = declare("fc1.weight", SHAPE(2, 3, 4));
    struct mt_value *copy = NULL;
    float was[12];

    allocate();
    memcpy(was, w->data, sizeof was);
    struct mt_value *v = mt_graph_leaf(graph, w);

    ck_assert_int_eq(mt_value_clone(v, &arena, &copy, &err), MT_OK);
    ck_assert_str_eq(copy->name, "fc1.weight");
    ck_assert_ptr_ne(copy->name, v->name);
    ck_assert(mt_shape_equal(&copy->shape, &v->shape));
    ck_assert_int_eq(copy->dtype, MT_F32);
    ck_assert_ptr_ne(copy->data, v->data);
    ck_assert_ptr_null(copy->tensor);
    ck_assert_ptr_null(copy->producer);
    ck_assert_ptr_null(copy->grad);
    ck_assert_int_eq(memcmp(copy->data, was, sizeof was), 0);
    memset(copy->data, 0, sizeof was);
    ck_assert_int_eq(memcmp(w->data, was, sizeof was), 0);
    ((float *)w->data)[3] = 77;
    ck_assert(data_of(copy)[3] == 0);
}
END_TEST

START_TEST(clones_outlive_their_source)
{
    struct mt_tensor *w = declare("w", SHAPE(1, 1000));
    struct mt_value *copy = NULL;
    float first;

    allocate();
    first = *(float *)w->data;
    ck_assert_int_eq(
        mt_value_clone(mt_graph_leaf(graph, w), &arena, &copy, &err), MT_OK);
    mt_graph_free(graph);
    mt_store_free(&store);
    graph = NULL;
    ck_assert(data_of(copy)[0] == first);
    ck_assert_str_eq(copy->name, "w");
    ck_assert_uint_eq(copy->shape.dim[0], 1000);
}
END_TEST

/* A clone has no gradient, even if its source has one, and a backward run does
 * not change it. */
START_TEST(clones_have_no_gradient)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 2, 3));
    struct mt_value *copy = NULL;
    float was[6];

    allocate();
    struct mt_value *v = mt_graph_leaf(graph, w), *t;
    struct mt_value *y = mt_linear(graph, input("x", SHAPE(2, 4, 3)), v, NULL);

    t = input("t", SHAPE(2, 4, 2));
    mt_graph_backward(
        graph,
        mt_pair_loss_of(graph, y, t, mt_pair_loss_find("mse"), true, NULL));
    ck_assert_ptr_nonnull(v->grad);
    ck_assert_int_eq(mt_value_clone(v, &arena, &copy, &err), MT_OK);
    ck_assert_ptr_null(copy->grad);
    memcpy(was, copy->data, sizeof was);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    ck_assert(w->grad[0] != 0);
    ck_assert_ptr_null(copy->grad);
    ck_assert_int_eq(memcmp(copy->data, was, sizeof was), 0);
}
END_TEST

START_TEST(inputs_and_buffers_are_cloned)
{
    struct mt_tensor *count =
        mt_store_add(&store, "count", MT_I64, SHAPE(1, 2), true);
    struct mt_value *empty =
        mt_graph_input(graph, "later", MT_I32, SHAPE(1, 3));
    struct mt_value *copy = NULL;

    ck_assert_int_eq(mt_store_allocate(&store, &err), MT_OK);
    ((int64_t *)count->data)[1] = INT64_C(1) << 50;
    struct mt_value *v = mt_graph_leaf(graph, count);

    ck_assert_int_eq(mt_value_clone(v, &arena, &copy, &err), MT_OK);
    ck_assert_int_eq(copy->dtype, MT_I64);
    ck_assert_int_eq(((int64_t *)copy->data)[1], INT64_C(1) << 50);
    ck_assert_int_eq(mt_value_clone(empty, &arena, &copy, &err), MT_OK);
    ck_assert_int_eq(copy->dtype, MT_I32);
    ck_assert_int_eq(((int32_t *)copy->data)[2], 0);
}
END_TEST

START_TEST(clones_of_computed_values_are_refused)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 2, 3));
    struct mt_value *copy = NULL;

    allocate();
    mt_graph_layer(graph, "fc1");
    struct mt_value *y = mt_linear(graph, input("x", SHAPE(2, 4, 3)),
                                   mt_graph_leaf(graph, w), NULL);

    ck_assert_int_eq(mt_value_clone(y, &arena, &copy, &err), MT_INVALID);
    ck_assert_ptr_null(copy);
    says("cannot clone a tensor of shape [4, 2]");
    says("computed by linear in layer fc1");
    says("only leaves");
}
END_TEST

START_TEST(clones_of_views_are_refused)
{
    struct mt_value *x = input("x", SHAPE(2, 4, 3)), *copy = NULL;

    mt_graph_layer(graph, "");
    struct mt_value *y = mt_softmax(graph, x);

    mt_graph_layer(graph, "flat");
    struct mt_value *of_leaf = mt_view(graph, x, SHAPE(1, 12));
    struct mt_value *of_y = mt_view(graph, y, SHAPE(1, 12));

    ck_assert_int_eq(mt_value_clone(of_leaf, &arena, &copy, &err), MT_INVALID);
    says("shape [12] computed by view in layer flat");
    err.text[0] = '\0';
    ck_assert_int_eq(mt_value_clone(of_y, &arena, &copy, &err), MT_INVALID);
    says("shape [12] computed by view in layer flat");
    ck_assert_int_eq(mt_value_clone(y, &arena, &copy, &err), MT_INVALID);
    says("computed by softmax: ");
    ck_assert_ptr_null(copy);
}
END_TEST

/* --- fusing ------------------------------------------------------------- */

struct net {
    struct mt_value *x, *hidden[2], *acts[2], *loss;
};

/* Two hidden layers and a loss, forward and backward. */
static struct net record_net(const char *activation)
{
    static const char *const names[] = { "w0", "b0", "w1", "b1", "w2", "b2" };
    const size_t size[] = { 7, 35, 20, 3 };
    struct mt_value *h, *t, *w, *b;
    struct net net;

    for (size_t i = 0; i < 3; i++) {
        declare(names[2 * i], SHAPE(2, size[i + 1], size[i]));
        declare(names[2 * i + 1], SHAPE(1, size[i + 1]));
    }
    allocate();
    net.x = h = input("x", SHAPE(2, 33, 7));
    for (size_t i = 0; i < 3; i++) {
        w = mt_graph_leaf(graph, store.tensors[2 * i]);
        b = mt_graph_leaf(graph, store.tensors[2 * i + 1]);
        h = mt_linear(graph, h, w, b);
        if (i < 2) {
            net.hidden[i] = h;
            net.acts[i] = h = activate(h, activation);
        }
    }
    t = input("t", SHAPE(2, 33, 3));
    net.loss =
        mt_pair_loss_of(graph, h, t, mt_pair_loss_find("mse"), true, NULL);
    mt_graph_backward(graph, net.loss);
    mt_graph_keep(graph, net.loss);
    return net;
}

/* The results of a run: the loss and the gradients' block; to be freed. */
static float *results(const struct net *net, size_t *n)
{
    float *r;

    *n = store.flat + 1;
    r = malloc(*n * sizeof *r);
    ck_assert_ptr_nonnull(r);
    r[0] = *data_of(net->loss);
    memcpy(r + 1, store.grads, store.flat * sizeof *r);
    ck_assert(isfinite(r[0]) && r[0] != 0);
    return r;
}

/* Keeping the value between a layer and its activation prevents fusing in
 * forward; keeping its gradient prevents it in backward. */
static float *run_net(const char *activation, bool keep, size_t *n,
                      size_t *activations)
{
    float *r;

    enter();
    struct net net = record_net(activation);

    for (size_t i = 0; i < 2 && keep; i++) {
        mt_graph_keep(graph, net.hidden[i]);
        mt_graph_keep(graph, net.acts[i]->grad);
    }
    finish(1);
    mt_graph_run(graph, NULL, 0);
    *activations = count_nodes("activation") + count_nodes("activation_grad");
    r = results(&net, n);
    leave();
    return r;
}

START_TEST(fused_graphs_give_the_same_bits)
{
    static const struct {
        const char *activation;
        size_t left; /* nodes of activations in the fused graph */
    } rows[] = { { "relu", 0 }, { "tanh", 0 },     { "sigmoid", 0 },
                 { "gelu", 0 }, { "softplus", 0 }, { "hardswish", 0 } };
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);

    for (size_t i = 0; i < sizeof rows / sizeof *rows * n_tables; i++) {
        const char *name = rows[i / n_tables].activation;
        size_t n, fused, apart;

        leave(); /* each run has a graph of its own */
        mt_kernels_use(tables[i % n_tables]);
        float *x = run_net(name, false, &n, &fused);
        float *y = run_net(name, true, &n, &apart);

        ck_assert_msg(memcmp(x, y, n * sizeof *x) == 0, "%s", name);
        ck_assert_uint_eq(apart, 4);
        ck_assert_msg(fused == rows[i / n_tables].left, "%s: %zu", name, fused);
        free(x);
        free(y);
    }
}
END_TEST

/* act(f(h) + h), where h = act(f(x)) and f is a convolution, or a transposed
 * one. Its first sum is in forward, and that of h's gradients in backward. */
static struct net record_residual(const char *activation, bool transposed)
{
    struct mt_conv cv = { .n = 3,
                          .groups = 1,
                          .c = 4,
                          .h = 9,
                          .w = 7,
                          .o = 4,
                          .oh = 9,
                          .ow = 7,
                          .kh = 3,
                          .kw = 3,
                          .sh = 1,
                          .sw = 1,
                          .ph = 1,
                          .pw = 1,
                          .dh = 1,
                          .dw = 1 };
    struct mt_value *h, *w, *b;
    struct net net;

    declare("w0", SHAPE(4, 4, 4, 3, 3));
    declare("b0", SHAPE(1, 4));
    declare("w1", SHAPE(4, 4, 4, 3, 3));
    declare("b1", SHAPE(1, 4));
    allocate();
    net.x = h = input("x", SHAPE(4, 3, 4, 9, 7));
    for (size_t i = 0; i < 2; i++) {
        w = mt_graph_leaf(graph, store.tensors[2 * i]);
        b = mt_graph_leaf(graph, store.tensors[2 * i + 1]);
        h = transposed ? mt_conv_transpose_op(graph, h, w, b, &cv)
                       : mt_conv_op(graph, h, w, b, &cv);
        net.hidden[i] = h;
        if (i == 1)
            h = mt_add(graph, net.acts[0], h);
        net.acts[i] = h = activate(h, activation);
    }
    net.loss = mt_pair_loss_of(graph, h, input("t", SHAPE(4, 3, 4, 9, 7)),
                               mt_pair_loss_find("mse"), true, NULL);
    mt_graph_backward(graph, net.loss);
    mt_graph_keep(graph, net.loss);
    return net;
}

/* Keeping what these nodes compute prevents fusing. */
static void keep_results(const struct mt_op *op)
{
    for (size_t i = 0; i < mt_graph_node_count(graph); i++) {
        const struct mt_node *node = mt_graph_node_at(graph, i);

        if (node->op == op)
            mt_graph_keep(graph, node->out[0]);
    }
}

static float *run_residual(const char *activation, bool transposed, bool keep,
                           size_t *n, size_t *sums)
{
    float *r;

    enter();
    struct net net = record_residual(activation, transposed);

    if (keep) {
        keep_results(&mt_op_conv);
        keep_results(&mt_op_conv_transpose);
    }
    finish(1);
    mt_graph_run(graph, NULL, 0);
    *sums = count_nodes("add");
    r = results(&net, n);
    leave();
    return r;
}

START_TEST(fused_sums_give_the_same_bits)
{
    static const char *const activations[] = { "relu", "tanh" };

    for (size_t i = 0; i < 4; i++) {
        const char *name = activations[i / 2];
        size_t n, fused, apart;

        leave(); /* each run has a graph of its own */
        float *x = run_residual(name, i % 2, false, &n, &fused);
        float *y = run_residual(name, i % 2, true, &n, &apart);

        ck_assert_msg(memcmp(x, y, n * sizeof *x) == 0, "%s", name);
        ck_assert_uint_eq(apart, 2);
        ck_assert_uint_eq(fused, 0);
        free(x);
        free(y);
    }
}
END_TEST

/* The pooling of relu(w), in squares, with an odd height. Keeping the pooling's
 * gradient prevents fusing. */
static float *run_pooled(bool keep, size_t *n, size_t *relus)
{
    const struct mt_pool_axis axes[2] = { { 2, 2, 0, 1, false },
                                          { 2, 2, 0, 1, false } };
    struct net net = { 0 };
    struct mt_value *h;
    float *r;

    enter();
    declare("w", SHAPE(4, 3, 4, 9, 38));
    allocate();
    h = activate(mt_graph_leaf(graph, store.tensors[0]), "relu");
    h = mt_max_pool(graph, h, axes);
    net.loss = mt_pair_loss_of(graph, h, input("t", SHAPE(4, 3, 4, 4, 19)),
                               mt_pair_loss_find("mse"), true, NULL);
    mt_graph_backward(graph, net.loss);
    mt_graph_keep(graph, net.loss);
    if (keep)
        keep_results(&mt_op_max_squares_grad);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    *relus = count_nodes("activation_grad");
    r = results(&net, n);
    leave();
    return r;
}

START_TEST(pooled_relus_give_the_same_bits)
{
    size_t n, fused, apart;

    leave();
    float *x = run_pooled(false, &n, &fused);
    float *y = run_pooled(true, &n, &apart);

    ck_assert_mem_eq(x, y, n * sizeof *x);
    ck_assert_uint_eq(apart, 1);
    ck_assert_uint_eq(fused, 0);
    free(x);
    free(y);
}
END_TEST

/* x + f(norm(x)) in squares, with f a linear map. Keeping what the norm's
 * gradient computes prevents fusing. */
static float *run_normed(bool keep, size_t *n, size_t *sums)
{
    static const char *const names[] = { "x", "a", "b", "w", "c" };
    struct mt_value *v[5];
    struct net net = { 0 };
    float *r;

    enter();
    for (size_t i = 0; i < 5; i++)
        declare(names[i], i == 0   ? SHAPE(2, 33, 20)
                          : i == 3 ? SHAPE(2, 20, 20)
                                   : SHAPE(1, 20));
    allocate();
    for (size_t i = 0; i < 5; i++)
        v[i] = mt_graph_leaf(graph, store.tensors[i]);
    net.x = mt_layer_norm(graph, v[0], v[1], v[2], 20, 1e-5);
    net.x = mt_add(graph, v[0], mt_linear(graph, net.x, v[3], v[4]));
    net.loss = mt_pair_loss_of(graph, net.x, input("t", SHAPE(2, 33, 20)),
                               mt_pair_loss_find("mse"), true, NULL);
    mt_graph_backward(graph, net.loss);
    mt_graph_keep(graph, net.loss);
    if (keep)
        keep_results(&mt_op_layer_norm_grad);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    *sums = count_nodes("add");
    r = results(&net, n);
    leave();
    return r;
}

START_TEST(sums_with_the_gradients_of_norms_give_the_same_bits)
{
    size_t n, fused, apart;

    leave();
    float *x = run_normed(false, &n, &fused);
    float *y = run_normed(true, &n, &apart);

    ck_assert_mem_eq(x, y, n * sizeof *x);
    ck_assert_uint_eq(apart, 1);
    ck_assert_uint_eq(fused, 0);
    free(x);
    free(y);
}
END_TEST

/* relu(x W^T + b + x), in one node. */
START_TEST(a_linear_map_adds_what_follows)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 3, 3));
    struct mt_tensor *b = declare("b", SHAPE(1, 3));
    struct mt_value *x, *h, *y;

    allocate();
    x = input("x", SHAPE(2, 2, 3));
    h = mt_linear(graph, x, mt_graph_leaf(graph, w), mt_graph_leaf(graph, b));
    y = mt_linear(graph, x, mt_graph_leaf(graph, w), mt_graph_leaf(graph, b));
    y = activate(mt_add(graph, x, y), "relu");
    mt_graph_keep(graph, h);
    mt_graph_keep(graph, y);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    ck_assert_uint_eq(mt_graph_node_count(graph), 2);
    for (size_t i = 0; i < 6; i++) {
        float sum = data_of(x)[i] + data_of(h)[i];

        ck_assert(data_of(y)[i] == (sum > 0 ? sum : 0));
    }
}
END_TEST

/* In evaluation nothing reads what an activation was applied to. */
START_TEST(activations_without_gradients_are_fused)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 4, 3));
    struct mt_value *x, *h, *y;
    float want[8];

    allocate();
    x = input("x", SHAPE(2, 2, 3));
    h = mt_linear(graph, x, mt_graph_leaf(graph, w), NULL);
    y = mt_linear(graph, x, mt_graph_leaf(graph, w), NULL);
    y = activate(y, "gelu");
    mt_graph_keep(graph, h);
    mt_graph_keep(graph, y);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    ck_assert_uint_eq(mt_graph_node_count(graph), 2);
    mt_kernels()->gelu(want, h->data, 8, NULL);
    ck_assert_mem_eq(y->data, want, sizeof want);
}
END_TEST

/* A value with another reader must be computed. */
START_TEST(values_with_two_readers_are_not_fused_away)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 4, 3));

    allocate();
    struct mt_value *h = mt_linear(graph, input("x", SHAPE(2, 2, 3)),
                                   mt_graph_leaf(graph, w), NULL);
    struct mt_value *y = mt_add(graph, activate(h, "relu"), h);

    mt_graph_keep(graph, y);
    mt_graph_keep(graph, h);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    ck_assert_uint_eq(count_nodes("activation"), 1);
    for (size_t i = 0; i < 8; i++) {
        float a = data_of(h)[i];

        ck_assert(data_of(y)[i] == (a > 0 ? a : 0) + a);
    }
}
END_TEST

/* --- pruning ------------------------------------------------------------ */

START_TEST(what_nothing_reads_is_not_computed)
{
    struct mt_value *x = input("x", SHAPE(2, 2, 3));
    struct mt_value *y = mt_softmax(graph, x);
    struct mt_value *a = activate(y, "tanh"), *b = mt_mul(graph, a, a);

    mt_view(graph, mt_add(graph, a, b), SHAPE(1, 6)); /* read by nobody */
    mt_graph_keep(graph, y);
    finish(1);
    ck_assert_uint_eq(mt_graph_node_count(graph), 1);
    ck_assert_str_eq(mt_graph_node_at(graph, 0)->op->name, "softmax");
    ck_assert_uint_eq(mt_graph_forward_count(graph), 1);
    mt_graph_run(graph, NULL, 0);
    ck_assert(fabsf(data_of(y)[0] + data_of(y)[1] + data_of(y)[2] - 1) < 1e-6f);
}
END_TEST

START_TEST(views_are_no_nodes)
{
    struct mt_value *x = input("x", SHAPE(2, 2, 6)), *y;

    y = mt_softmax(graph, mt_view(graph, x, SHAPE(2, 4, 3)));
    y = mt_view(graph, mt_view(graph, y, SHAPE(1, 12)), SHAPE(2, 6, 2));
    mt_graph_keep(graph, y);
    ck_assert_uint_eq(mt_graph_node_count(graph), 4);
    finish(1);
    ck_assert_uint_eq(mt_graph_node_count(graph), 1);
    mt_graph_run(graph, NULL, 0);
    ck_assert_ptr_eq(y->data, mt_graph_node_at(graph, 0)->out[0]->data);
    ck_assert(fabsf(data_of(y)[0] + data_of(y)[1] + data_of(y)[2] - 1) < 1e-6f);
}
END_TEST

/* Neither the first layer's input nor frozen tensors need a gradient. */
START_TEST(gradients_that_nobody_wants_are_not_recorded)
{
    record_net("tanh");
    ck_assert_uint_eq(mt_graph_forward_count(graph), 6);
    ck_assert_uint_eq(count_nodes("linear_grad_weight"), 3);
    ck_assert_uint_eq(count_nodes("linear_grad_input"), 2);
    ck_assert_uint_eq(count_nodes("column_sum"), 3);
    finish(1);
    /* two activations and their derivatives are fused into the products */
    ck_assert_uint_eq(mt_graph_forward_count(graph), 4);
    ck_assert_uint_eq(mt_graph_node_count(graph), 4 + 9);
}
END_TEST

START_TEST(frozen_and_unreached_parameters_get_no_gradient)
{
    struct mt_tensor *w = declare("w", SHAPE(2, 4, 3));
    struct mt_tensor *frozen = declare("frozen", SHAPE(2, 2, 4));
    struct mt_tensor *unreached = declare("unreached", SHAPE(1, 4));

    frozen->requires_grad = false;
    allocate();
    mt_graph_leaf(graph, unreached);
    struct mt_value *y = mt_linear(graph, input("x", SHAPE(2, 5, 3)),
                                   mt_graph_leaf(graph, w), NULL);

    y = mt_linear(graph, y, mt_graph_leaf(graph, frozen), NULL);
    y = mt_pair_loss_of(graph, y, input("t", SHAPE(2, 5, 2)),
                        mt_pair_loss_find("mse"), false, NULL);
    mt_graph_backward(graph, y);
    ck_assert(w->has_grad && !frozen->has_grad && !unreached->has_grad);
    for (size_t i = 0; i < store.flat; i++)
        store.grads[i] = 7;
    finish(1);
    mt_graph_run(graph, NULL, 0);
    ck_assert(w->grad[0] != 7);
    ck_assert(unreached->grad[0] == 7);
    ck_assert_uint_eq(count_nodes("linear_grad_weight"), 1);
}
END_TEST

/* --- running ------------------------------------------------------------ */

START_TEST(threads_change_no_bit)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "d");
    struct mt_tensor *w = declare("w", SHAPE(2, 90, 50));
    struct mt_tensor *b = declare("b", SHAPE(1, 90));
    float *first = NULL;

    allocate();
    struct mt_value *y =
        mt_linear(graph, input("x", SHAPE(2, 700, 50)), mt_graph_leaf(graph, w),
                  mt_graph_leaf(graph, b));

    y = mt_dropout(graph, activate(y, "gelu"), 0.3, key);
    y = mt_log_softmax(graph, y);
    y = mt_mul(graph, y, y);
    struct mt_value *loss =
        mt_pair_loss_of(graph, y, input("t", SHAPE(2, 700, 90)),
                        mt_pair_loss_find("l1"), true, NULL);

    mt_graph_backward(graph, loss);
    mt_graph_keep(graph, loss);
    finish(3);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct mt_team *team;
        struct net net = { .loss = loss };
        size_t n;

        ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
        mt_graph_run(graph, team, 4);
        float *r = results(&net, &n);

        if (first)
            ck_assert_int_eq(memcmp(r, first, n * sizeof *r), 0);
        else
            first = mt_arena_calloc(&arena, n, sizeof *r);
        memcpy(first, r, n * sizeof *r);
        free(r);
        mt_team_free(team);
    }
}
END_TEST

START_TEST(the_step_selects_the_random_numbers)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "d");
    struct mt_value *x = input("x", SHAPE(1, 300));
    struct mt_value *y = mt_dropout(graph, x, 0.5, key);
    float first[300], kept = 0;

    mt_graph_keep(graph, y);
    finish(1);
    mt_graph_run(graph, NULL, 1);
    memcpy(first, y->data, sizeof first);
    mt_graph_run(graph, NULL, 2);
    ck_assert_int_ne(memcmp(first, y->data, sizeof first), 0);
    mt_graph_run(graph, NULL, 1);
    ck_assert_int_eq(memcmp(first, y->data, sizeof first), 0);
    for (size_t i = 0; i < 300; i++) {
        ck_assert(first[i] == 0 || first[i] == 2 * data_of(x)[i]);
        kept += first[i] != 0;
    }
    ck_assert(kept > 110 && kept < 190);
}
END_TEST

/* The owner of an input may set its data before each run, even if only a view
 * of it is read. */
START_TEST(inputs_may_move_between_runs)
{
    float a[6] = { 1, 2, 3, 4, 5, 6 }, b[6] = { 10, 20, 30, 40, 50, 60 };
    struct mt_value *x = mt_graph_input(graph, "x", MT_F32, SHAPE(2, 2, 3));
    struct mt_value *v = mt_view(graph, x, SHAPE(1, 6));
    struct mt_value *y = mt_add(graph, mt_view(graph, v, SHAPE(2, 3, 2)),
                                mt_view(graph, x, SHAPE(2, 3, 2)));

    mt_graph_keep(graph, y);
    finish(1);
    x->data = a;
    mt_graph_run(graph, NULL, 0);
    ck_assert(data_of(y)[5] == 12);
    x->data = b;
    mt_graph_run(graph, NULL, 1);
    ck_assert(data_of(y)[0] == 20 && data_of(y)[5] == 120);
    ck_assert_ptr_null(mt_graph_find_non_finite(graph, NULL, &whole));
    x->data = a;
    ck_assert_ptr_null(mt_graph_find_non_finite(graph, NULL, &whole));
    ck_assert(data_of(y)[5] == 12);
}
END_TEST

START_TEST(graphs_may_be_bound_again)
{
    struct mt_value *x = input("x", SHAPE(2, 4, 9));
    struct mt_value *y = mt_softmax(graph, activate(x, "tanh"));
    float first[36];
    void *other;

    y = mt_view(graph, mt_mul(graph, y, y), SHAPE(1, 36));
    mt_graph_keep(graph, y);
    finish(1);
    mt_graph_run(graph, NULL, 0);
    memcpy(first, y->data, sizeof first);
    ck_assert_int_eq(posix_memalign(&other, 64, mt_graph_bytes(graph) + 64), 0);
    memset(memory, 0xff, mt_graph_bytes(graph));
    mt_graph_bind(graph, other);
    mt_graph_run(graph, NULL, 0);
    ck_assert_int_eq(memcmp(first, y->data, sizeof first), 0);
    ck_assert_uint_eq(*(uint32_t *)memory, 0xffffffff);
    free(other);
}
END_TEST

/* --- which node went wrong ---------------------------------------------- */

/* The gradients of two parameters: one is computed in its place, the other is
 * the same value as another's and copied. */
static void record_pair(bool memory_first, float grads[2 * 16])
{
    struct mt_value *x, *loss;

    declare("a", SHAPE(1, 16));
    declare("b", SHAPE(1, 16));
    if (memory_first)
        allocate();
    x = mt_add(graph, mt_graph_leaf(graph, store.tensors[0]),
               mt_graph_leaf(graph, store.tensors[1]));
    loss = mt_pair_loss_of(graph, activate(x, "tanh"), input("t", SHAPE(1, 16)),
                           mt_pair_loss_find("mse"), true, NULL);
    mt_graph_backward(graph, loss);
    if (!memory_first)
        allocate();
    finish(1);
    mt_graph_run(graph, NULL, 0);
    memcpy(grads, store.grads, 2 * 16 * sizeof *grads);
}

START_TEST(tensors_may_get_their_memory_after_recording)
{
    float before[2 * 16], after[2 * 16];

    record_pair(true, before);
    leave();
    enter();
    record_pair(false, after);
    ck_assert(before[0] != 0 && before[0] == before[16]);
    ck_assert_mem_eq(before, after, sizeof before);
}
END_TEST

START_TEST(the_first_node_that_is_not_finite_is_found)
{
    struct mt_tensor *w1 = declare("w1", SHAPE(2, 4, 3));
    struct mt_tensor *w2 = declare("w2", SHAPE(2, 4, 4));
    const struct mt_node *node;

    allocate();
    mt_graph_layer(graph, "fc1");
    struct mt_value *y = mt_linear(graph, input("x", SHAPE(2, 2, 3)),
                                   mt_graph_leaf(graph, w1), NULL);

    mt_graph_layer(graph, "act1");
    y = activate(y, "relu");
    mt_graph_layer(graph, "fc2");
    y = mt_linear(graph, y, mt_graph_leaf(graph, w2), NULL);
    mt_graph_layer(graph, "out");
    y = mt_softmax(graph, y);
    mt_graph_keep(graph, y);
    finish(1);
    ck_assert_ptr_null(mt_graph_find_non_finite(graph, NULL, &whole));
    ((float *)w2->data)[5] = NAN;
    node = mt_graph_find_non_finite(graph, NULL, &whole);
    ck_assert_ptr_nonnull(node);
    ck_assert_str_eq(node->layer, "fc2");
    ck_assert_str_eq(node->op->name, "linear");
    ((float *)w1->data)[0] = NAN; /* relu must not turn it into a number */
    node = mt_graph_find_non_finite(graph, NULL, &whole);
    ck_assert_ptr_nonnull(node);
    ck_assert_str_eq(node->layer, "fc1");
}
END_TEST

START_TEST(backward_nodes_are_named_by_their_forward_layer)
{
    const struct mt_node *node;
    struct mt_tensor *w = declare("w", SHAPE(2, 1, 3));

    allocate();
    mt_graph_layer(graph, "deep.fc");
    struct mt_value *y = mt_linear(graph, input("x", SHAPE(2, 2, 3)),
                                   mt_graph_leaf(graph, w), NULL);

    mt_graph_layer(graph, "loss");
    y = mt_pair_loss_of(graph, y, input("t", SHAPE(2, 2, 1)),
                        mt_pair_loss_find("mse"), true, NULL);
    struct mt_value *one = mt_graph_backward(graph, y);

    mt_graph_keep(graph, y);
    finish(1);
    *data_of(one) = 1e38f; /* only the weight's gradient overflows */
    memcpy(w->data, (float[]){ 50, 60, 70 }, 3 * sizeof(float));
    node = mt_graph_find_non_finite(graph, NULL, &whole);
    ck_assert_ptr_nonnull(node);
    ck_assert_str_eq(node->layer, "loss");
    *data_of(one) = 1;
    ck_assert_ptr_null(mt_graph_find_non_finite(graph, NULL, &whole));
    for (size_t i = 0; i < mt_graph_node_count(graph); i++) {
        node = mt_graph_node_at(graph, i);
        if (strcmp(node->op->name, "linear_grad_weight") == 0)
            ck_assert_str_eq(node->layer, "deep.fc");
    }
}
END_TEST

Suite *graph_suite(void);

Suite *graph_suite(void)
{
    Suite *s = suite_create("graph");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, enter, leave);
    tcase_add_test(t, leaves_are_those_of_their_tensors);
    tcase_add_test(t, gradients_are_wanted_behind_parameters_only);
    tcase_add_test(t, nodes_know_their_layer);
    tcase_add_test(t, allocations_are_zeroed_and_last);
    tcase_add_loop_test(t, impossible_sizes_are_reported_at_the_end, 0, 5);
    tcase_add_test(t, free_takes_null);
    tcase_add_test(t, clones_of_parameters_share_nothing);
    tcase_add_test(t, clones_outlive_their_source);
    tcase_add_test(t, clones_have_no_gradient);
    tcase_add_test(t, inputs_and_buffers_are_cloned);
    tcase_add_test(t, clones_of_computed_values_are_refused);
    tcase_add_test(t, clones_of_views_are_refused);
    tcase_add_test(t, fused_graphs_give_the_same_bits);
    tcase_add_test(t, fused_sums_give_the_same_bits);
    tcase_add_test(t, pooled_relus_give_the_same_bits);
    tcase_add_test(t, sums_with_the_gradients_of_norms_give_the_same_bits);
    tcase_add_test(t, a_linear_map_adds_what_follows);
    tcase_add_test(t, activations_without_gradients_are_fused);
    tcase_add_test(t, values_with_two_readers_are_not_fused_away);
    tcase_add_test(t, what_nothing_reads_is_not_computed);
    tcase_add_test(t, views_are_no_nodes);
    tcase_add_test(t, gradients_that_nobody_wants_are_not_recorded);
    tcase_add_test(t, frozen_and_unreached_parameters_get_no_gradient);
    tcase_add_test(t, threads_change_no_bit);
    tcase_add_test(t, the_step_selects_the_random_numbers);
    tcase_add_test(t, inputs_may_move_between_runs);
    tcase_add_test(t, graphs_may_be_bound_again);
    tcase_add_test(t, tensors_may_get_their_memory_after_recording);
    tcase_add_test(t, the_first_node_that_is_not_finite_is_found);
    tcase_add_test(t, backward_nodes_are_named_by_their_forward_layer);
    suite_add_tcase(s, t);
    return s;
}
