/*
 * Normalisations that their readers do: the same bits as a graph that keeps
 * what is normalised, and no more memory.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph_internal.h"
#include "graph/ops.h"

#define SHAPE(r, ...)                                                          \
    (&(struct mt_shape){ .rank = (r), .dim = { __VA_ARGS__ } })

enum { N = 5, C = 4, H = 9, W = 10, WORKERS = 3 };

struct net {
    struct mt_graph *graph;
    struct mt_store store;
    const struct row *row;
    bool keep; /* everything that is normalised, so that nothing is deferred */
    struct mt_value *loss;
    int64_t batches;
    void *memory;
    size_t deferred;
};

typedef struct mt_value *norm_fn(struct net *net, struct mt_value *x);
typedef struct mt_value *build_fn(struct net *net);

struct row {
    const char *name;
    build_fn *build;
    norm_fn *norm;
    const char *act;   /* NULL: none */
    size_t deferred;   /* how many normalisations must be */
    struct mt_conv cv; /* kernel, stride, padding, dilation, groups */
};

static struct mt_value *leaf(struct net *net, const char *name,
                             const struct mt_shape *shape, bool trained)
{
    struct mt_tensor *t =
        mt_store_add(&net->store, name, MT_F32, shape, !trained);

    ck_assert_ptr_nonnull(t);
    return mt_graph_leaf(net->graph, t);
}

/* --- the parts of nets ---------------------------------------------------- */

static struct mt_value *plain(struct net *net, struct mt_value *x)
{
    return mt_batch_norm(net->graph, x, NULL, NULL, NULL, 0.1, 1e-5);
}

static struct mt_running running_of(struct net *net)
{
    struct mt_running r = {
        leaf(net, "mean", SHAPE(1, C), false),
        leaf(net, "var", SHAPE(1, C), false),
        mt_graph_input(net->graph, "n", MT_I64, SHAPE(0, 0)),
    };

    r.batches->data = &net->batches;
    return r;
}

static struct mt_value *tracked(struct net *net, struct mt_value *x)
{
    struct mt_running r = running_of(net);

    return mt_batch_norm(net->graph, x, leaf(net, "w", SHAPE(1, C), true),
                         leaf(net, "b", SHAPE(1, C), true), &r, NAN, 1e-5);
}

static struct mt_value *fixed(struct net *net, struct mt_value *x)
{
    struct mt_running r = running_of(net);

    return mt_batch_norm_fixed(net->graph, x, NULL,
                               leaf(net, "b", SHAPE(1, C), true), r.mean, r.var,
                               1e-5);
}

static struct mt_value *normed(struct net *net, struct mt_value *x,
                               norm_fn *norm, const char *act)
{
    x = norm(net, x);
    if (net->keep)
        mt_graph_keep(net->graph, x);
    if (act) {
        x = mt_activate(net->graph, x, mt_activation_find(act), NULL);
        if (net->keep)
            mt_graph_keep(net->graph, x);
    }
    return x;
}

/* The normalised square of a leaf. */
static struct mt_value *normed_leaf(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(4, N, C, H, W), true);

    return normed(net, mt_mul(net->graph, x, x), net->row->norm, net->row->act);
}

static struct mt_value *other_leaf(struct net *net)
{
    return leaf(net, "other", SHAPE(4, N, C, H, W), true);
}

static struct mt_value *convolve(struct net *net, struct mt_value *x,
                                 const char *name, struct mt_conv cv)
{
    struct mt_value *w;

    cv.n = N;
    cv.c = C / cv.groups;
    cv.h = x->shape.rank == 4 ? H : 1;
    cv.w = mt_shape_elements(&x->shape) / N / C / cv.h;
    cv.o = C / cv.groups;
    cv.oh = (cv.h + 2 * cv.ph - (cv.kh - 1) * cv.dh - 1) / cv.sh + 1;
    cv.ow = (cv.w + 2 * cv.pw - (cv.kw - 1) * cv.dw - 1) / cv.sw + 1;
    w = leaf(net, name, SHAPE(4, C, cv.c, cv.kh, cv.kw), true);
    return mt_conv_op(net->graph, x, w, NULL, &cv);
}

#define CONV(groups_, k, s, p, d)                                              \
    {                                                                          \
        .groups = (groups_), .kh = (k), .kw = (k), .sh = (s), .sw = (s),       \
        .ph = (p), .pw = (p), .dh = (d), .dw = (d)                             \
    }

/* --- nets ----------------------------------------------------------------- */

static struct mt_value *one_conv(struct net *net)
{
    return convolve(net, normed_leaf(net), "kernel", net->row->cv);
}

static struct mt_value *conv_of_rows(struct net *net)
{
    struct mt_conv cv = CONV(1, 1, 1, 0, 1);
    struct mt_value *x = leaf(net, "x", SHAPE(3, N, C, H * W), true);

    cv.kw = 3;
    cv.pw = 1;
    x = normed(net, mt_mul(net->graph, x, x), net->row->norm, net->row->act);
    return convolve(net, x, "kernel", cv);
}

static struct mt_value *left(struct net *net)
{
    struct mt_value *x = normed_leaf(net);

    return mt_add(net->graph, x, other_leaf(net));
}

static struct mt_value *right(struct net *net)
{
    struct mt_value *x = normed_leaf(net);

    x = mt_add(net->graph, other_leaf(net), x);
    return mt_activate(net->graph, x, mt_activation_find("relu"), NULL);
}

static struct mt_value *both(struct net *net)
{
    struct mt_value *x = normed_leaf(net);
    struct mt_value *y = normed(net, other_leaf(net), plain, "relu");

    return mt_activate(net->graph, mt_add(net->graph, x, y),
                       mt_activation_find(net->row->act ? "tanh" : "relu"),
                       NULL);
}

/* relu(norm(conv(x)) + x), where a convolution and a sum read x; the sum of
 * their gradients and the ReLU's are one node. */
static struct mt_value *residual(struct net *net)
{
    struct mt_value *x = normed_leaf(net);
    struct mt_value *y = convolve(net, x, "kernel", net->row->cv);

    y = normed(net, y, plain, NULL);
    return mt_activate(net->graph, mt_add(net->graph, y, x),
                       mt_activation_find("relu"), NULL);
}

/* A product cannot normalise what it reads. */
static struct mt_value *product(struct net *net)
{
    struct mt_value *x = normed_leaf(net);
    struct mt_value *y = convolve(net, x, "kernel", net->row->cv);

    return mt_mul(net->graph, y, x);
}

static struct mt_value *view(struct net *net)
{
    struct mt_value *x = normed_leaf(net);

    x = mt_view(net->graph, x, SHAPE(4, N, C, W, H));
    return mt_add(net->graph, x, x);
}

static const struct row rows[] = {
    { "padded", one_conv, tracked, "relu", 1, CONV(1, 3, 1, 1, 1) },
    { "no activation", one_conv, tracked, NULL, 1, CONV(1, 3, 1, 1, 1) },
    { "tanh", one_conv, plain, "tanh", 0, CONV(1, 3, 1, 1, 1) },
    { "1 x 1", one_conv, tracked, "relu", 1, CONV(1, 1, 1, 0, 1) },
    { "stride 2", one_conv, tracked, "relu", 1, CONV(1, 3, 2, 1, 1) },
    { "1 x 1, stride 2", one_conv, plain, "relu", 1, CONV(1, 1, 2, 0, 1) },
    { "stride 3", one_conv, plain, "relu", 1, CONV(1, 5, 3, 2, 1) },
    { "groups", one_conv, tracked, "relu", 1, CONV(2, 3, 1, 2, 2) },
    { "each channel", one_conv, plain, "relu", 1, CONV(4, 3, 1, 1, 1) },
    { "fixed", one_conv, fixed, "relu", 1, CONV(1, 3, 1, 1, 1) },
    { "rows", conv_of_rows, tracked, "relu", 1, { 0 } },
    { "sum, left", left, tracked, NULL, 1, { 0 } },
    { "sum, right", right, tracked, "relu", 1, { 0 } },
    { "sum of two", both, plain, NULL, 2, { 0 } },
    { "sum of two, tanh", both, tracked, "relu", 2, { 0 } },
    { "residual", residual, tracked, "relu", 2, CONV(1, 3, 1, 1, 1) },
    { "residual, tanh", residual, tracked, "tanh", 1, CONV(1, 3, 1, 1, 1) },
    { "product", product, tracked, "relu", 0, CONV(1, 3, 1, 1, 1) },
    { "view", view, tracked, NULL, 0, { 0 } },
};

enum { N_ROWS = sizeof rows / sizeof *rows };

/* --- the tests ------------------------------------------------------------ */

/* Random values in (-1, 1), the same in each net; those of variances are
 * above 0. */
static void fill(struct net *net)
{
    struct mt_store *s = &net->store;
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_store_allocate(s, &err), MT_OK);
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->tensors[i]->name;
        struct mt_philox_key key = mt_philox_key(5, "test", name);
        float *data = s->tensors[i]->data;

        for (size_t k = 0; k < s->tensors[i]->count; k++)
            data[k] = (float)(int32_t)mt_philox_word(key, 0, k) * 0x1p-31f +
                      (strcmp(name, "var") == 0 ? 2 : 0);
    }
}

static void run(struct net *net)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team;
    size_t bytes;

    ck_assert_int_eq(mt_graph_finish(net->graph, WORKERS, &err), MT_OK);
    fill(net);
    bytes = mt_graph_bytes(net->graph) + 64;
    ck_assert_int_eq(posix_memalign(&net->memory, 64, bytes), 0);
    memset(net->memory, 0xff, bytes); /* NaN, to find reads before writes */
    mt_graph_bind(net->graph, net->memory);
    ck_assert_int_eq(mt_team_new(WORKERS, &team, &err), MT_OK);
    mt_graph_run(net->graph, team, 0);
    mt_team_free(team);
}

static void open_net(struct net *net, const struct row *row, bool keep)
{
    struct mt_err err = MT_ERR_INIT;
    const float p[3] = { 0 };
    struct mt_value *y;

    *net = (struct net){ .store = MT_STORE_INIT, .row = row, .keep = keep };
    ck_assert_int_eq(mt_graph_new(true, &net->graph, &err), MT_OK);
    y = row->build(net);
    net->loss = mt_pair_loss_of(net->graph, y, leaf(net, "t", &y->shape, false),
                                mt_pair_loss_find("mse"), true, p);
    mt_graph_keep(net->graph, net->loss);
    mt_graph_backward(net->graph, net->loss);
    run(net);
    for (size_t i = 0; i < net->graph->n_values; i++)
        net->deferred += net->graph->values[i]->deferred;
}

static void close_net(struct net *net)
{
    free(net->memory);
    mt_graph_free(net->graph);
    mt_store_free(&net->store);
}

START_TEST(deferred_normalisations_have_the_same_bits)
{
    struct net kept, deferred;

    open_net(&kept, &rows[_i], true);
    open_net(&deferred, &rows[_i], false);
    ck_assert_uint_eq(kept.deferred, 0);
    ck_assert_msg(deferred.deferred == rows[_i].deferred,
                  "%s: %zu normalisations are deferred", rows[_i].name,
                  deferred.deferred);
    ck_assert_msg(memcmp(kept.loss->data, deferred.loss->data, sizeof(float)) ==
                      0,
                  "%s: another loss", rows[_i].name);
    ck_assert(*(float *)kept.loss->data > 0);
    ck_assert_uint_le(mt_graph_bytes(deferred.graph),
                      mt_graph_bytes(kept.graph));
    ck_assert_msg(memcmp(kept.store.grads, deferred.store.grads,
                         kept.store.flat * sizeof(float)) == 0,
                  "%s: other gradients", rows[_i].name);
    close_net(&kept);
    close_net(&deferred);
}
END_TEST

Suite *deferred_suite(void);

Suite *deferred_suite(void)
{
    Suite *s = suite_create("deferred");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, deferred_normalisations_have_the_same_bits, 0,
                        N_ROWS);
    suite_add_tcase(s, t);
    return s;
}
