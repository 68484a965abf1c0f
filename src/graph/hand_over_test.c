/*
 * Gradients that are handed over: the bits that would be stored, each once, and
 * not before all else has read the parameter.
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

enum { WIDE = 512, NARROW = 16, WORKERS = 2 };

struct net {
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_value *loss;
    void *memory;
    float *taken;         /* laid out as the store's gradients */
    unsigned char *times; /* that each was taken */
};

static struct mt_value *leaf(struct net *net, const char *name,
                             const struct mt_shape *shape, bool trained)
{
    struct mt_tensor *t = mt_store_find(&net->store, name);

    if (!t)
        t = mt_store_add(&net->store, name, MT_F32, shape, !trained);
    ck_assert_ptr_nonnull(t);
    return mt_graph_leaf(net->graph, t);
}

static struct mt_value *linear(struct net *net, struct mt_value *x,
                               const char *name, size_t n)
{
    size_t k = x->shape.dim[x->shape.rank - 1];

    return mt_linear(net->graph, x, leaf(net, name, SHAPE(2, n, k), true),
                     NULL);
}

static struct mt_value *relu(struct net *net, struct mt_value *x)
{
    return mt_activate(net->graph, x, mt_activation_find("relu"), NULL);
}

/* --- nets ----------------------------------------------------------------- */

/* Three layers, the first and the second wide. */
static struct mt_value *three(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(2, 40, WIDE), false);

    x = relu(net, linear(net, x, "a", WIDE));
    x = relu(net, linear(net, x, "b", WIDE));
    return linear(net, x, "c", NARROW);
}

/* Two layers that read the same input, and whose outputs meet. */
static struct mt_value *branches(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(2, 40, WIDE), false), *y;

    x = relu(net, linear(net, x, "a", WIDE));
    y = linear(net, x, "b", WIDE);
    x = linear(net, x, "c", WIDE);
    return mt_add(net->graph, relu(net, y), relu(net, x));
}

/* Positions of sequences are rows, too; more blocks of k than one. */
static struct mt_value *positions(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(3, 30, 10, WIDE), false);

    return linear(net, relu(net, linear(net, x, "a", WIDE)), "b", WIDE);
}

static struct mt_value *tied(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(2, 40, WIDE), false);

    return linear(net, relu(net, linear(net, x, "a", WIDE)), "a", WIDE);
}

static struct mt_value *many_rows(struct net *net)
{
    return linear(net, leaf(net, "x", SHAPE(2, 2049, WIDE), false), "a", WIDE);
}

/* Rows of a weight that are no whole vectors. */
static struct mt_value *odd(struct net *net)
{
    return linear(net, leaf(net, "x", SHAPE(2, 40, WIDE + 8), false), "a",
                  WIDE);
}

/* An addition to the gradient itself: nothing may be handed over. */
static struct mt_value *viewed(struct net *net)
{
    struct mt_value *x = leaf(net, "x", SHAPE(2, 40, WIDE), false);
    struct mt_value *w = leaf(net, "a", SHAPE(1, WIDE * WIDE), true);

    return mt_linear(net->graph, x,
                     mt_view(net->graph, w, SHAPE(2, WIDE, WIDE)), NULL);
}

static const struct row {
    const char *name;
    struct mt_value *(*build)(struct net *net);
    const char *handed; /* names of the tensors that are, of one letter */
} rows[] = {
    { "three layers", three, "ab" },      { "branches", branches, "abc" },
    { "positions", positions, "ab" },     { "a tied weight", tied, "" },
    { "too many rows", many_rows, "" },   { "no whole vectors", odd, "" },
    { "a view of a weight", viewed, "" },
};

enum { N_ROWS = sizeof rows / sizeof *rows };

/* --- the comparison ------------------------------------------------------- */

static void fill(struct net *net)
{
    for (size_t i = 0; i < net->store.n; i++) {
        const struct mt_tensor *t = net->store.tensors[i];
        struct mt_philox_key key = mt_philox_key(6, "test", t->name);

        for (size_t k = 0; k < t->count; k++)
            ((float *)t->data)[k] =
                (float)(int32_t)mt_philox_word(key, 0, k) * 0x1p-31f;
    }
}

/* The parameter is spoiled, so that any later reader shows. */
static void take(void *ctx, const struct mt_tensor *tensor, size_t at,
                 const float *g, size_t n)
{
    struct net *net = ctx;

    ck_assert_uint_eq(at % MT_TAKE_FLOATS, 0);
    ck_assert_uint_eq(n % MT_TAKE_FLOATS, 0);
    for (size_t i = 0; i < n; i++) {
        net->taken[tensor->offset + at + i] = g[i];
        net->times[tensor->offset + at + i]++;
        ((float *)tensor->data)[at + i] = NAN;
    }
}

static void reads(void *ctx, const struct mt_tensor *tensor,
                  const float *out[MT_TAKE_READS])
{
    (void)ctx;
    out[0] = tensor->data;
    out[1] = tensor->grad;
}

static void open_net(struct net *net, const struct row *row, bool hands_over)
{
    struct mt_err err = MT_ERR_INIT;
    const float p[3] = { 0 };
    struct mt_value *y;
    size_t bytes;

    *net = (struct net){ .store = MT_STORE_INIT };
    ck_assert_int_eq(mt_graph_new(true, &net->graph, &err), MT_OK);
    y = row->build(net);
    net->loss = mt_pair_loss_of(net->graph, y, leaf(net, "t", &y->shape, false),
                                mt_pair_loss_find("mse"), true, p);
    mt_graph_keep(net->graph, net->loss);
    mt_graph_backward(net->graph, net->loss);
    if (hands_over)
        mt_graph_may_hand_over(net->graph);
    ck_assert_int_eq(mt_graph_finish(net->graph, WORKERS, &err), MT_OK);
    ck_assert_int_eq(mt_store_allocate(&net->store, &err), MT_OK);
    fill(net);
    bytes = mt_graph_bytes(net->graph) + 64;
    ck_assert_int_eq(posix_memalign(&net->memory, 64, bytes), 0);
    memset(net->memory, 0xff, bytes); /* NaN, to find reads before writes */
    mt_graph_bind(net->graph, net->memory);
    net->taken = calloc(net->store.flat, sizeof *net->taken);
    net->times = calloc(net->store.flat, 1);
}

static void run(struct net *net, size_t threads, const struct mt_taker *taker)
{
    struct mt_turn turn = { .taker = taker };
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team;

    ck_assert_int_eq(mt_team_new(threads, &team, &err), MT_OK);
    mt_graph_run_part(net->graph, team, &turn);
    mt_team_free(team);
}

static void close_net(struct net *net)
{
    free(net->memory);
    free(net->taken);
    free(net->times);
    mt_graph_free(net->graph);
    mt_store_free(&net->store);
}

/* Where a gradient is taken it is not stored, and elsewhere it is. */
static void compare(const struct row *row, const struct net *stored,
                    const struct net *handed, bool taken)
{
    for (size_t i = 0; i < stored->store.n; i++) {
        const struct mt_tensor *t = stored->store.tensors[i];
        bool is_taken = taken && strchr(row->handed, *t->name) != NULL;

        for (size_t k = 0; t->grad && k < t->count; k++) {
            size_t at = t->offset + k;
            float got = is_taken ? handed->taken[at] : handed->store.grads[at];

            ck_assert_msg(memcmp(&got, &stored->store.grads[at], sizeof got) ==
                              0,
                          "%s: %s[%zu] is %a, not %a", row->name, t->name, k,
                          (double)got, (double)stored->store.grads[at]);
            ck_assert_msg(handed->times[at] == is_taken,
                          "%s: %s[%zu] was taken %d times", row->name, t->name,
                          k, handed->times[at]);
            ck_assert(!is_taken || handed->store.grads[at] == 0);
        }
    }
}

START_TEST(handed_gradients_are_those_that_are_stored)
{
    const struct row *row = &rows[_i / WORKERS];
    size_t threads = 1 + (size_t)_i % WORKERS;
    struct net stored, handed;
    struct mt_taker taker = { take, reads, &handed };

    open_net(&stored, row, false);
    open_net(&handed, row, true);
    for (size_t i = 0; i < handed.store.n; i++) {
        const struct mt_tensor *t = handed.store.tensors[i];

        ck_assert(!mt_graph_hands_over(stored.graph, t));
        ck_assert_msg(mt_graph_hands_over(handed.graph, t) ==
                          (strchr(row->handed, *t->name) != NULL),
                      "%s: %s", row->name, t->name);
    }
    run(&stored, threads, NULL);
    run(&handed, threads, &taker);
    ck_assert(*(float *)stored.loss->data > 0);
    compare(row, &stored, &handed, true);
    close_net(&handed);
    open_net(&handed, row, true);
    run(&handed, threads, NULL); /* it only may */
    compare(row, &stored, &handed, false);
    close_net(&stored);
    close_net(&handed);
}
END_TEST

Suite *hand_over_suite(void);

Suite *hand_over_suite(void)
{
    Suite *s = suite_create("hand_over");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, handed_gradients_are_those_that_are_stored, 0,
                        N_ROWS * WORKERS);
    suite_add_tcase(s, t);
    return s;
}
