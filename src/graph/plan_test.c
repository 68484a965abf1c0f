/*
 * The memory plan, for a set of random graphs: no value is overwritten before
 * it is read, memory is shared only if allowed, and the results are those of a
 * graph that keeps every value.
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

enum { GRAPHS = 120, MAX_POOL = 40, PARAMS = 6, ROWS = 6, COLUMNS = 10 };

/* --- random graphs ------------------------------------------------------- */

struct recipe {
    uint64_t seed, drawn;
    bool keep_all;
    struct mt_graph *graph;
    struct mt_store store;
    struct mt_arena arena;
    struct mt_value *pool[MAX_POOL]; /* (ROWS, COLUMNS) each */
    size_t n;
    struct mt_value *loss, *kept[4]; /* readable after a run */
    void *memory;
};

static size_t pick(struct recipe *r, size_t n)
{
    struct mt_philox_key key = mt_philox_key(r->seed, "plan", "");

    return mt_philox_word(key, 0, r->drawn++) % n;
}

static struct mt_value *any(struct recipe *r)
{
    /* mostly the newest: long chains, short lives */
    size_t back = pick(r, 3) ? pick(r, 2) : pick(r, r->n);

    return r->pool[r->n - 1 - (back < r->n ? back : 0)];
}

static struct mt_value *weight(struct recipe *r, size_t i)
{
    return mt_graph_leaf(r->graph, r->store.tensors[i]);
}

static struct mt_value *add_linear(struct recipe *r)
{
    struct mt_value *x = any(r), *w = weight(r, pick(r, 3));

    return mt_linear(r->graph, x, w, pick(r, 2) ? weight(r, 3) : NULL);
}

static struct mt_value *add_activation(struct recipe *r)
{
    const float p[2] = { 1, 20 };
    size_t i = pick(r, mt_activation_count);

    return mt_activate(r->graph, any(r), &mt_activations[i], p);
}

static struct mt_value *add_softmax(struct recipe *r)
{
    struct mt_value *x = any(r);

    return pick(r, 2) ? mt_softmax(r->graph, x) : mt_log_softmax(r->graph, x);
}

static struct mt_value *add_sum(struct recipe *r)
{
    struct mt_value *x = any(r);

    return mt_add(r->graph, x, any(r));
}

/* bounded, so that products of products stay finite */
static struct mt_value *add_product(struct recipe *r)
{
    struct mt_value *x = any(r);

    x = mt_mul(r->graph, x, any(r));
    return mt_activate(r->graph, x, mt_activation_find("tanh"), NULL);
}

static struct mt_value *add_view(struct recipe *r)
{
    struct mt_value *x = mt_view(r->graph, any(r), SHAPE(3, 2, 6, 5));

    if (pick(r, 2))
        x = mt_softmax(r->graph, x);
    return mt_view(r->graph, x, SHAPE(2, ROWS, COLUMNS));
}

static struct mt_value *add_pieces(struct recipe *r)
{
    int dim = (int)pick(r, 2);
    size_t cut = 1 + pick(r, 5), whole = dim ? COLUMNS : ROWS;
    struct mt_value *x = any(r), *parts[2];

    parts[0] = mt_slice(r->graph, x, dim, 0, cut);
    parts[1] = mt_slice(r->graph, any(r), dim, cut, whole - cut);
    return mt_concat(r->graph, parts, 2, dim);
}

static struct mt_value *add_dropout(struct recipe *r)
{
    struct mt_philox_key key = mt_philox_key(r->drawn, "dropout", "");

    return mt_dropout(r->graph, any(r), 0.25, key);
}

static struct mt_value *add_copy(struct recipe *r)
{
    return mt_copy(r->graph, any(r));
}

static struct mt_value *(*const adders[])(struct recipe *r) = {
    add_linear, add_linear,  add_activation, add_activation, add_softmax,
    add_sum,    add_sum,     add_product,    add_product,    add_view,
    add_pieces, add_dropout, add_copy,
};

static void fill(float *x, size_t n, uint64_t stream)
{
    struct mt_philox_key key = mt_philox_key(stream, "test", "plan");

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * mt_philox_uniform(key, 0, i) - 1);
}

static struct mt_value *input(struct recipe *r, const char *name,
                              const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_input(r->graph, name, MT_F32, shape);
    size_t n = mt_shape_elements(shape);

    v->data = mt_arena_calloc(&r->arena, n, sizeof(float));
    ck_assert_ptr_nonnull(v->data);
    fill(v->data, n, r->seed + 100);
    return v;
}

static void make_store(struct recipe *r)
{
    static const char *const names[PARAMS] = { "w0", "w1", "w2",
                                               "b",  "x",  "frozen" };
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < PARAMS; i++) {
        struct mt_shape shape =
            i == 3 ? *SHAPE(1, COLUMNS)
                   : *SHAPE(2, i < 3 ? COLUMNS : ROWS, COLUMNS);
        struct mt_tensor *t =
            mt_store_add(&r->store, names[i], MT_F32, &shape, false);

        ck_assert_ptr_nonnull(t);
        t->requires_grad = i < 5;
    }
    ck_assert_int_eq(mt_store_allocate(&r->store, &err), MT_OK);
    for (size_t i = 0; i < PARAMS; i++)
        fill(r->store.tensors[i]->data, r->store.tensors[i]->count, i);
}

/* A loss over one or two of the values, of either kind. */
static void add_loss(struct recipe *r)
{
    struct mt_value *x = any(r);

    if (pick(r, 2)) {
        x = mt_add(r->graph, x, any(r));
        r->loss = mt_pair_loss_of(
            r->graph, x, input(r, "t", SHAPE(2, ROWS, COLUMNS)),
            mt_pair_loss_find(pick(r, 2) ? "mse" : "l1"), pick(r, 2), NULL);
        return;
    }
    struct mt_cross_entropy options = { NULL, 0.1, -100, true };
    struct mt_value *t = mt_graph_input(r->graph, "t", MT_I32, SHAPE(1, ROWS));

    t->data = mt_arena_calloc(&r->arena, ROWS, sizeof(int32_t));
    ck_assert_ptr_nonnull(t->data);
    r->loss = mt_cross_entropy(r->graph, x, t, &options);
}

static void record(struct recipe *r, uint64_t seed, bool keep_all)
{
    struct mt_err err = MT_ERR_INIT;
    bool training;

    *r = (struct recipe){ .seed = seed, .keep_all = keep_all };
    training = seed % 4 != 0;
    ck_assert_int_eq(mt_graph_new(training, &r->graph, &err), MT_OK);
    make_store(r);
    r->pool[r->n++] = input(r, "in", SHAPE(2, ROWS, COLUMNS));
    r->pool[r->n++] = weight(r, 5);
    r->pool[r->n++] = weight(r, 4);
    for (size_t length = 4 + pick(r, MAX_POOL - 8); r->n < length; r->n++) {
        size_t i = pick(r, sizeof adders / sizeof *adders);

        r->pool[r->n] = adders[i](r);
    }
    add_loss(r);
    if (training)
        mt_graph_backward(r->graph, r->loss);
    r->kept[0] = r->loss;
    for (size_t i = 1; i < 4; i++) /* a few, including views */
        r->kept[i] = any(r);
    for (size_t i = 0; i < 4; i++)
        mt_graph_keep(r->graph, r->kept[i]);
    for (size_t i = 0; i < r->graph->n_values && keep_all; i++)
        mt_graph_keep(r->graph, r->graph->values[i]);
    ck_assert_int_eq(mt_graph_finish(r->graph, 2, &err), MT_OK);
    ck_assert_int_eq(
        posix_memalign(&r->memory, 64, mt_graph_bytes(r->graph) + 64), 0);
    mt_graph_bind(r->graph, r->memory);
}

/* All memory starts as NaN, to find reads before writes. */
static void run(struct recipe *r, uint32_t step)
{
    memset(r->memory, 0xff, mt_graph_bytes(r->graph) + 64);
    memset(r->store.grads, 0, r->store.flat * sizeof(float));
    mt_graph_run(r->graph, NULL, step);
}

static void discard(struct recipe *r)
{
    free(r->memory);
    mt_graph_free(r->graph);
    mt_store_free(&r->store);
    mt_arena_free(&r->arena);
}

/* --- nothing is overwritten before it was read ---------------------------- */

/* The value in each cell of memory, as the nodes run one by one. */
struct cells {
    const struct mt_value **owner; /* of each 4 bytes */
    size_t n;
    const char *base;
};

static const struct mt_value *without_views(const struct mt_value *v)
{
    while (v->view_of)
        v = v->view_of;
    return v;
}

static bool is_in(const struct cells *c, const struct mt_value *v)
{
    const char *data = v->data;

    return v->producer && data >= c->base && data < c->base + c->n * 4;
}

static size_t first_cell(const struct cells *c, const struct mt_value *v)
{
    return (size_t)((const char *)v->data - c->base) / 4;
}

static void check_holds(const struct cells *c, const struct mt_value *v,
                        const char *when, uint64_t seed)
{
    const struct mt_value *base = without_views(v);

    if (!is_in(c, base))
        return;
    ck_assert_ptr_eq(v->data, base->data);
    for (size_t i = 0; i < base->bytes / 4; i++) {
        if (c->owner[first_cell(c, base) + i] != base)
            ck_abort_msg("graph %d: a value of shape %s was overwritten %s",
                         (int)seed, mt_shape_text(&v->shape).text, when);
    }
}

/* An output may overlap a value that the node reads only in place: input 0 of
 * an op that allows it, at the same address. */
static void check_apart(const struct cells *c, const struct mt_node *node,
                        const struct mt_value *out)
{
    for (size_t k = 0; k < node->n_in; k++) {
        if (!node->in[k])
            continue;
        const struct mt_value *in = without_views(node->in[k]);
        const char *x = in->data, *y = out->data;

        if (!is_in(c, in) || x + in->bytes <= y || y + out->bytes <= x)
            continue;
        ck_assert_msg(node->op->in_place, "%s is not in place", node->op->name);
        ck_assert_ptr_eq(x, y);
        ck_assert_ptr_eq(without_views(node->in[0])->data, x);
        ck_assert_uint_eq(in->bytes, out->bytes);
    }
}

static void write_outputs(struct cells *c, const struct mt_node *node)
{
    for (size_t k = 0; k < node->n_out; k++) {
        const struct mt_value *out = node->out[k];

        if (out->fixed)
            continue;
        ck_assert(is_in(c, out));
        ck_assert_uint_eq((uintptr_t)out->data % 64, 0);
        ck_assert_uint_le(first_cell(c, out) * 4 + out->bytes, c->n * 4);
        check_apart(c, node, out);
        for (size_t i = 0; i < out->bytes / 4; i++)
            c->owner[first_cell(c, out) + i] = out;
    }
    for (size_t k = 0; k < node->n_out; k++)
        check_holds(c, node->out[k], "by another output", 0);
}

static void check_lives(const struct recipe *r)
{
    const struct mt_graph *g = r->graph;
    struct cells c = { .n = g->activation_bytes / 4, .base = r->memory };

    ck_assert_ptr_eq(g->scratch, c.base + g->activation_bytes);
    c.owner = calloc(c.n + 1, sizeof *c.owner);
    ck_assert_ptr_nonnull(c.owner);
    for (size_t i = 0; i < g->n_nodes; i++) {
        for (size_t k = 0; k < g->nodes[i]->n_in; k++) {
            if (g->nodes[i]->in[k])
                check_holds(&c, g->nodes[i]->in[k], "before it was read",
                            r->seed);
        }
        write_outputs(&c, g->nodes[i]);
    }
    for (size_t i = 0; i < 4; i++)
        check_holds(&c, r->kept[i], "though it is kept", r->seed);
    free(c.owner);
}

START_TEST(values_hold_until_they_are_read)
{
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct recipe r;

        record(&r, seed, false);
        check_lives(&r);
        discard(&r);
    }
}
END_TEST

/* --- the results ---------------------------------------------------------- */

static void compare_values(const struct recipe *a, const struct recipe *b,
                           const struct mt_value *x, const struct mt_value *y)
{
    if (x->producer && memcmp(x->data, y->data, x->bytes) != 0)
        ck_abort_msg("graph %d: a kept value of shape %s differs (bytes: %zu, "
                     "%zu with everything kept)",
                     (int)a->seed, mt_shape_text(&x->shape).text,
                     mt_graph_bytes(a->graph), mt_graph_bytes(b->graph));
}

START_TEST(sharing_memory_changes_no_bit)
{
    int finite = 0;

    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct recipe a, b;

        record(&a, seed, false);
        record(&b, seed, true);
        ck_assert_uint_eq(a.graph->n_values, b.graph->n_values);
        for (uint32_t step = 0; step < 2; step++) {
            run(&a, step);
            run(&b, step);
            ck_assert_msg(memcmp(a.store.grads, b.store.grads,
                                 a.store.flat * sizeof(float)) == 0,
                          "graph %d: the gradients differ", (int)seed);
            for (size_t i = 0; i < 4; i++)
                compare_values(&a, &b, a.kept[i], b.kept[i]);
            finite += isfinite(*(float *)a.loss->data);
        }
        discard(&a);
        discard(&b);
    }
    ck_assert_int_eq(finite, 2 * GRAPHS);
}
END_TEST

START_TEST(sharing_saves_memory)
{
    size_t shared = 0, kept = 0;

    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        struct recipe a, b;

        record(&a, seed, false);
        record(&b, seed, true);
        shared += a.graph->activation_bytes;
        kept += b.graph->activation_bytes;
        discard(&a);
        discard(&b);
    }
    ck_assert_msg(3 * shared < kept, "%zu bytes, %zu with everything kept",
                  shared, kept);
}
END_TEST

/* --- simple graphs whose plan is known ------------------------------------ */

static struct mt_graph *new_graph(void)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_graph *g = NULL;

    ck_assert_int_eq(mt_graph_new(false, &g, &err), MT_OK);
    return g;
}

static void finish(struct mt_graph *g)
{
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(mt_graph_finish(g, 1, &err), MT_OK);
}

START_TEST(a_chain_in_place_takes_one_value)
{
    struct mt_graph *g = new_graph();
    struct mt_value *x = mt_graph_input(g, "x", MT_F32, SHAPE(1, 1000));

    for (int i = 0; i < 20; i++)
        x = mt_activate(g, x, mt_activation_find("gelu"), NULL);
    mt_graph_keep(g, x);
    finish(g);
    ck_assert_uint_eq(mt_graph_bytes(g), 4032); /* 4000, to 64 */
    mt_graph_free(g);
}
END_TEST

/* Slices are not in place: each needs memory besides its input. */
START_TEST(a_chain_apart_takes_two_values)
{
    struct mt_graph *g = new_graph();
    struct mt_value *x = mt_graph_input(g, "x", MT_F32, SHAPE(1, 1000));

    for (int i = 0; i < 20; i++)
        x = mt_slice(g, x, 0, 0, 1000);
    mt_graph_keep(g, x);
    finish(g);
    ck_assert_uint_eq(mt_graph_bytes(g), 2 * 4032);
    mt_graph_free(g);
}
END_TEST

START_TEST(inputs_are_never_overwritten)
{
    struct mt_graph *g = new_graph();
    float data[16] = { 1, -2, 3 };
    struct mt_value *x = mt_graph_input(g, "x", MT_F32, SHAPE(1, 16)), *y;
    void *memory;

    x->data = data;
    y = mt_activate(g, mt_view(g, x, SHAPE(2, 4, 4)),
                    mt_activation_find("relu"), NULL);
    mt_graph_keep(g, y);
    finish(g);
    ck_assert_int_eq(posix_memalign(&memory, 64, mt_graph_bytes(g)), 0);
    mt_graph_bind(g, memory);
    mt_graph_run(g, NULL, 0);
    ck_assert(data[1] == -2 && ((float *)y->data)[1] == 0);
    ck_assert_ptr_ne(y->data, data);
    free(memory);
    mt_graph_free(g);
}
END_TEST

START_TEST(what_was_fused_or_dropped_takes_no_memory)
{
    struct mt_graph *g = new_graph();
    struct mt_value *x = mt_graph_input(g, "x", MT_F32, SHAPE(2, 2, 3));
    struct mt_value *w = mt_graph_input(g, "w", MT_F32, SHAPE(2, 8, 3)), *y;

    mt_softmax(g, mt_linear(g, x, w, NULL)); /* read by nobody */
    y = mt_activate(g, mt_linear(g, x, w, NULL), mt_activation_find("relu"),
                    NULL);
    mt_graph_keep(g, y);
    finish(g);
    ck_assert_uint_eq(g->n_nodes, 1);
    ck_assert_uint_eq(g->activation_bytes, 64);
    mt_graph_free(g);
}
END_TEST

START_TEST(an_empty_graph_takes_nothing)
{
    struct mt_graph *g = new_graph();

    finish(g);
    ck_assert_uint_eq(mt_graph_bytes(g), 0);
    mt_graph_bind(g, NULL);
    mt_graph_run(g, NULL, 0);
    mt_graph_free(g);
}
END_TEST

Suite *plan_suite(void);

Suite *plan_suite(void)
{
    Suite *s = suite_create("plan");
    TCase *t = tcase_create("core");

    tcase_add_test(t, values_hold_until_they_are_read);
    tcase_add_test(t, sharing_memory_changes_no_bit);
    tcase_add_test(t, sharing_saves_memory);
    tcase_add_test(t, a_chain_in_place_takes_one_value);
    tcase_add_test(t, a_chain_apart_takes_two_values);
    tcase_add_test(t, inputs_are_never_overwritten);
    tcase_add_test(t, what_was_fused_or_dropped_takes_no_memory);
    tcase_add_test(t, an_empty_graph_takes_nothing);
    suite_add_tcase(s, t);
    return s;
}
