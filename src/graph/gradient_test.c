/*
 * Every op's gradients against finite differences.
 *
 * A case computes some output y from parameters. The loss is sum_i r_i y_i with
 * random r, recorded as a linear map; for the differences it is summed in
 * double from y itself, since a float is too coarse. Along random directions d,
 * L(w + e d) - L(w - e d) must be the gradient times that difference.
 *
 * If no case runs some row of the table of ops (ops.c), the last test fails.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/graph.h"
#include "graph/ops.h"

enum { MAX_PARAMS = 8, STEP = 5, DIRECTIONS = 3 };

/* --- the bench ---------------------------------------------------------- */

struct bench {
    const char *name; /* of the case: selects its random numbers */
    struct mt_arena arena;
    struct mt_graph *graph;
    struct mt_store stores[MAX_PARAMS]; /* of one parameter each */
    struct mt_tensor *params[MAX_PARAMS];
    size_t n_params;
    uint64_t drawn; /* random numbers so far */
    struct mt_value *y, *weights;
    void *memory;
};

static double draw(struct bench *b, double low, double high)
{
    struct mt_philox_key key = mt_philox_key(8, "gradient", b->name);

    return low + (high - low) * mt_philox_uniform(key, 0, b->drawn++);
}

/* In [-1.5, 1.5], with absolute values of at least 0.1: away from the kinks at
 * 0. */
static void fill(struct bench *b, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        do {
            x[i] = (float)draw(b, -1.5, 1.5);
        } while (fabsf(x[i]) < 0.1f);
    }
}

#define SHAPE(r, ...)                                                          \
    (&(struct mt_shape){ .rank = (r), .dim = { __VA_ARGS__ } })

/* A trainable parameter, or a frozen one, with random values. */
static struct mt_value *any_param(struct bench *b, const struct mt_shape *shape,
                                  bool frozen)
{
    struct mt_store *store = &b->stores[b->n_params];
    struct mt_err err = MT_ERR_INIT;

    ck_assert_uint_lt(b->n_params, MAX_PARAMS);
    *store = (struct mt_store)MT_STORE_INIT;
    struct mt_tensor *t = mt_store_add(store, "w", MT_F32, shape, false);

    ck_assert_ptr_nonnull(t);
    t->requires_grad = !frozen;
    ck_assert_int_eq(mt_store_allocate(store, &err), MT_OK);
    fill(b, t->data, t->count);
    b->params[b->n_params++] = t;
    return mt_graph_leaf(b->graph, t);
}

static struct mt_value *param(struct bench *b, const struct mt_shape *shape)
{
    return any_param(b, shape, false);
}

static float *data_of(struct mt_value *v)
{
    return v->data;
}

/* An input of the graph; not differentiated. */
static struct mt_value *input(struct bench *b, const struct mt_shape *shape)
{
    struct mt_value *v = mt_graph_input(b->graph, "x", MT_F32, shape);
    size_t n = mt_shape_elements(shape);

    v->data = mt_arena_calloc(&b->arena, n, sizeof(float));
    ck_assert_ptr_nonnull(v->data);
    fill(b, v->data, n);
    return v;
}

/* loss = sum_i r_i y_i as a linear map from all of y to one output. */
static struct mt_value *weigh(struct bench *b, struct mt_value *y)
{
    size_t n = mt_shape_elements(&y->shape);

    b->y = y;
    b->weights = input(b, SHAPE(2, 1, n));
    y = mt_view(b->graph, y, SHAPE(2, 1, n));
    y = mt_linear(b->graph, y, b->weights, NULL);
    return mt_view(b->graph, y, SHAPE(0, 0));
}

static double loss_of(const struct bench *b)
{
    const float *y = b->y->data, *r = b->weights->data;
    double sum = 0;

    for (size_t i = 0; i < mt_shape_elements(&b->y->shape); i++)
        sum += (double)y[i] * (double)r[i];
    return sum;
}

typedef struct mt_value *build(struct bench *b);

/* Records forward and backward, plans, and gives the graph its memory. */
static void open_bench(struct bench *b, const char *name, build *f)
{
    struct mt_err err = MT_ERR_INIT;

    *b = (struct bench){ .name = name };
    ck_assert_int_eq(mt_graph_new(true, &b->graph, &err), MT_OK);
    struct mt_value *loss = weigh(b, f(b));

    mt_graph_backward(b->graph, loss);
    mt_graph_keep(b->graph, b->y);
}

static void finish_bench(struct bench *b)
{
    struct mt_err err = MT_ERR_INIT;
    size_t bytes;

    ck_assert_int_eq(mt_graph_finish(b->graph, 1, &err), MT_OK);
    bytes = mt_graph_bytes(b->graph);
    ck_assert_int_eq(posix_memalign(&b->memory, 64, bytes + 64), 0);
    memset(b->memory, 0xff, bytes); /* NaN, to find reads before writes */
    mt_graph_bind(b->graph, b->memory);
    mt_graph_run(b->graph, NULL, STEP);
}

static void close_bench(struct bench *b)
{
    for (size_t i = 0; i < b->n_params; i++)
        mt_store_free(&b->stores[i]);
    free(b->memory);
    mt_graph_free(b->graph);
    mt_arena_free(&b->arena);
}

/* --- finite differences -------------------------------------------------- */

/* Moves t's data by e (1 or -1 for each element) from `at`. */
static void move(struct mt_tensor *t, const float *at, const float *e,
                 float size)
{
    float *data = t->data;

    for (size_t i = 0; i < t->count; i++)
        data[i] = at[i] + size * e[i];
}

static void check_direction(struct bench *b, size_t p, const float *at,
                            const float *grad)
{
    struct mt_tensor *t = b->params[p];
    const float size = 0x1p-9f;
    float *e = mt_arena_calloc(&b->arena, t->count, sizeof *e);
    double want = 0, norm = 0, sum;

    for (size_t i = 0; i < t->count; i++)
        e[i] = draw(b, -1, 1) < 0 ? -1 : 1;
    move(t, at, e, size);
    mt_graph_run(b->graph, NULL, STEP);
    want = loss_of(b);
    move(t, at, e, -size);
    mt_graph_run(b->graph, NULL, STEP);
    want -= loss_of(b);
    sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        double high = (double)(at[i] + size * e[i]);
        double low = (double)(at[i] - size * e[i]);

        sum += (double)grad[i] * (high - low);
        norm += (double)grad[i] * (double)grad[i];
    }
    norm = sqrt(norm) * 2 * (double)size;
    memcpy(t->data, at, t->count * sizeof *at);
    if (!(fabs(sum - want) <= 2e-3 * (fabs(want) + 0.5 * norm) + 1e-7))
        ck_abort_msg("%s, parameter %zu: the gradient says %.7g, the "
                     "difference %.7g (norm %.3g)",
                     b->name, p, sum, want, norm);
}

static float *copy_floats(struct bench *b, const float *x, size_t n)
{
    float *copy = mt_arena_calloc(&b->arena, n, sizeof *copy);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

static void check_bench(struct bench *b)
{
    float *grads[MAX_PARAMS], *at[MAX_PARAMS];

    for (size_t p = 0; p < b->n_params; p++) {
        const struct mt_tensor *t = b->params[p];

        at[p] = copy_floats(b, t->data, t->count);
        ck_assert_msg(
            t->has_grad == t->requires_grad, "%s, parameter %zu: %s", b->name,
            p, t->has_grad ? "frozen, but has a gradient" : "no gradient");
        if (t->has_grad)
            grads[p] = copy_floats(b, t->grad, t->count);
    }
    for (size_t p = 0; p < b->n_params; p++) {
        for (int i = 0; i < DIRECTIONS && b->params[p]->has_grad; i++)
            check_direction(b, p, at[p], grads[p]);
    }
}

/* --- cases: linear ------------------------------------------------------ */

static struct mt_value *linear(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 5));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 4, 5)),
                     param(b, SHAPE(1, 4)));
}

static struct mt_value *linear_no_bias(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 7, 1));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 2, 1)), NULL);
}

static struct mt_value *linear_rank_3(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 3, 5));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 4, 5)),
                     param(b, SHAPE(1, 4)));
}

static struct mt_value *linear_rank_1(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(1, 5));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 4, 5)),
                     param(b, SHAPE(1, 4)));
}

/* large enough to be packed, with two blocks of k in each of the products */
static struct mt_value *linear_large(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 260, 33));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 19, 33)),
                     param(b, SHAPE(1, 19)));
}

static struct mt_value *linear_long(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 300));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 17, 300)),
                     param(b, SHAPE(1, 17)));
}

static struct mt_value *linear_of_input(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(2, 3, 5));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 4, 5)),
                     param(b, SHAPE(1, 4)));
}

static struct mt_value *linear_frozen_weight(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 5));

    return mt_linear(b->graph, x, any_param(b, SHAPE(2, 4, 5), true),
                     param(b, SHAPE(1, 4)));
}

static struct mt_value *linear_frozen_bias(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 5));

    return mt_linear(b->graph, x, param(b, SHAPE(2, 4, 5)),
                     any_param(b, SHAPE(1, 4), true));
}

/* --- cases: activations ------------------------------------------------- */

static const float act_p[2] = { 0.7f, 3 };

/* Values in [-4, 4], away from the kinks at 0, 0.7 and 3. */
static void spread(struct bench *b, struct mt_value *v)
{
    float *x = v->data;

    for (size_t i = 0; i < mt_shape_elements(&v->shape); i++) {
        do {
            x[i] = (float)draw(b, -4, 4);
        } while (fabsf(x[i]) < 0.1f || fabsf(fabsf(x[i]) - 3) < 0.1f ||
                 fabsf(x[i] - 0.7f) < 0.1f);
    }
}

static struct mt_value *activate(struct bench *b, const char *name)
{
    const struct mt_activation *f = mt_activation_find(name);
    struct mt_value *x = param(b, SHAPE(2, 5, 23));

    ck_assert_msg(f != NULL, "no activation %s", name);
    spread(b, x);
    return mt_activate(b->graph, x, f, act_p);
}

#define CASE_OF(X, name, saves_output)                                         \
    static struct mt_value *name##_activation(struct bench *b)                 \
    {                                                                          \
        return activate(b, #name);                                             \
    }
MT_ACTIVATIONS(CASE_OF, )
#undef CASE_OF

/* softplus above its threshold is the identity */
static struct mt_value *softplus_threshold(struct bench *b)
{
    const float p[2] = { 2, 0.1f };
    struct mt_value *x = param(b, SHAPE(1, 40));

    for (size_t i = 0; i < 40; i++)
        data_of(x)[i] = (float)draw(b, 0.2, 2);
    return mt_activate(b->graph, x, mt_activation_find("softplus"), p);
}

/* Both products of a hidden layer do the activation in their epilogue. */
static struct mt_value *hidden_layer(struct bench *b, const char *name)
{
    const struct mt_activation *f = mt_activation_find(name);
    struct mt_value *x = param(b, SHAPE(2, 6, 5)), *h;
    struct mt_value *w = param(b, SHAPE(2, 9, 5));
    struct mt_value *bias = param(b, SHAPE(1, 9));

    for (size_t i = 0; i < 45; i++) /* so that the bias keeps kinks away */
        data_of(w)[i] *= 0.2f / 1.5f;
    for (size_t i = 0; i < 9; i++)
        data_of(bias)[i] = i % 2 ? -2.5f : 2;
    h = mt_activate(b->graph, mt_linear(b->graph, x, w, bias), f, act_p);
    return mt_linear(b->graph, h, param(b, SHAPE(2, 4, 9)), NULL);
}

static struct mt_value *hidden_relu(struct bench *b)
{
    return hidden_layer(b, "relu");
}

static struct mt_value *hidden_tanh(struct bench *b)
{
    return hidden_layer(b, "tanh");
}

static struct mt_value *hidden_hardtanh(struct bench *b)
{
    return hidden_layer(b, "hardtanh");
}

static struct mt_value *hidden_gelu(struct bench *b)
{
    return hidden_layer(b, "gelu");
}

static struct mt_value *hidden_leaky_relu(struct bench *b)
{
    return hidden_layer(b, "leaky_relu");
}

static struct mt_value *prelu_of(struct bench *b, const struct mt_shape *shape,
                                 size_t weights)
{
    struct mt_value *x = param(b, shape);

    return mt_prelu(b->graph, x, param(b, SHAPE(1, weights)));
}

static struct mt_value *prelu_one(struct bench *b)
{
    return prelu_of(b, SHAPE(3, 3, 5, 7), 1);
}

static struct mt_value *prelu_vectors(struct bench *b)
{
    return prelu_of(b, SHAPE(2, 130, 70), 70);
}

static struct mt_value *prelu_planes(struct bench *b)
{
    return prelu_of(b, SHAPE(4, 3, 5, 4, 6), 5);
}

static struct mt_value *prelu_long(struct bench *b)
{
    return prelu_of(b, SHAPE(3, 2, 3, 9000), 3);
}

static struct mt_value *prelu_frozen(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 9, 5));

    return mt_prelu(b->graph, x, any_param(b, SHAPE(1, 5), true));
}

static struct mt_value *prelu_of_input(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(2, 9, 5));

    return mt_prelu(b->graph, x, param(b, SHAPE(1, 5)));
}

/* --- cases: rows -------------------------------------------------------- */

static struct mt_value *softmax(struct bench *b)
{
    return mt_softmax(b->graph, param(b, SHAPE(2, 4, 7)));
}

static struct mt_value *softmax_rank_3(struct bench *b)
{
    return mt_softmax(b->graph, param(b, SHAPE(3, 2, 3, 17)));
}

static struct mt_value *softmax_rank_1(struct bench *b)
{
    return mt_softmax(b->graph, param(b, SHAPE(1, 300)));
}

static struct mt_value *log_softmax(struct bench *b)
{
    return mt_log_softmax(b->graph, param(b, SHAPE(2, 4, 7)));
}

static struct mt_value *log_softmax_rank_3(struct bench *b)
{
    return mt_log_softmax(b->graph, param(b, SHAPE(3, 2, 3, 17)));
}

/* --- cases: elementwise, shapes ----------------------------------------- */

static struct mt_value *add(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 7));

    return mt_add(b->graph, x, param(b, SHAPE(2, 3, 7)));
}

static struct mt_value *add_to_itself(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 7));

    return mt_add(b->graph, x, x);
}

static struct mt_value *mul(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 7));

    return mt_mul(b->graph, x, param(b, SHAPE(2, 3, 7)));
}

static struct mt_value *square(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(1, 33));

    return mt_mul(b->graph, x, x);
}

static struct mt_value *mul_by_input(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 7));

    return mt_mul(b->graph, input(b, SHAPE(2, 3, 7)), x);
}

static struct mt_value *copy(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 7));

    return mt_copy(b->graph, mt_mul(b->graph, mt_copy(b->graph, x), x));
}

static struct mt_value *view(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 4, 6));

    x = mt_view(b->graph, mt_mul(b->graph, x, x), SHAPE(3, 2, 3, 4));
    x = mt_softmax(b->graph, x);
    return mt_view(b->graph, x, SHAPE(1, 24));
}

static struct mt_value *view_of_parameter(struct bench *b)
{
    struct mt_value *w = param(b, SHAPE(1, 20));
    struct mt_value *x =
        mt_view(b->graph, input(b, SHAPE(3, 3, 1, 5)), SHAPE(2, 3, 5));

    return mt_linear(b->graph, x, mt_view(b->graph, w, SHAPE(2, 4, 5)), NULL);
}

static struct mt_value *reorder(struct bench *b, const struct mt_shape *shape,
                                const int order[MT_MAX_RANK])
{
    struct mt_value *x = param(b, shape);

    x = mt_permute(b->graph, mt_mul(b->graph, x, x), order);
    ck_assert_int_eq(x->shape.rank, shape->rank);
    for (int i = 0; i < shape->rank; i++)
        ck_assert_uint_eq(x->shape.dim[i], shape->dim[order[i]]);
    return mt_softmax(b->graph, x); /* whose rows depend on the order */
}

static struct mt_value *transpose(struct bench *b)
{
    return reorder(b, SHAPE(2, 5, 7), (const int[MT_MAX_RANK]){ 1, 0 });
}

static struct mt_value *permute_rank_4(struct bench *b)
{
    return reorder(b, SHAPE(4, 2, 3, 4, 5),
                   (const int[MT_MAX_RANK]){ 2, 0, 3, 1 });
}

static struct mt_value *permute_nothing(struct bench *b)
{
    return reorder(b, SHAPE(3, 2, 3, 4), (const int[MT_MAX_RANK]){ 0, 1, 2 });
}

static struct mt_value *join(struct bench *b, int dim)
{
    struct mt_shape shape = { .rank = 3, .dim = { 2, 3, 4 } };
    struct mt_value *parts[3];

    for (size_t i = 0; i < 3; i++) {
        shape.dim[dim] = i + 1;
        parts[i] = i == 1 ? input(b, &shape) : param(b, &shape);
    }
    return mt_concat(b->graph, parts, 3, dim);
}

static struct mt_value *concat_first(struct bench *b)
{
    return join(b, 0);
}

static struct mt_value *concat_middle(struct bench *b)
{
    return join(b, 1);
}

static struct mt_value *concat_last(struct bench *b)
{
    return join(b, 2);
}

static struct mt_value *concat_eight(struct bench *b)
{
    struct mt_value *parts[8], *x = param(b, SHAPE(2, 2, 3));

    for (size_t i = 0; i < 8; i++)
        parts[i] = i % 2 ? x : param(b, SHAPE(2, 2, 3));
    return mt_concat(b->graph, parts, 8, 1);
}

static struct mt_value *slices(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 4, 5, 6)), *parts[3];

    parts[0] = mt_slice(b->graph, x, 0, 1, 2);
    parts[1] = mt_slice(b->graph, x, 1, 0, 3);
    parts[2] = mt_slice(b->graph, x, 2, 5, 1);
    parts[0] = mt_view(b->graph, parts[0], SHAPE(1, 60));
    parts[1] = mt_view(b->graph, parts[1], SHAPE(1, 72));
    parts[2] = mt_view(b->graph, parts[2], SHAPE(1, 20));
    x = mt_concat(b->graph, parts, 3, 0);
    return mt_mul(b->graph, x, x);
}

/* padded before, after, and not at all */
static struct mt_value *pads(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 3, 4));

    x = mt_pad(b->graph, mt_pad(b->graph, x, 0, 1, 3), 1, 0, 5);
    x = mt_pad(b->graph, mt_pad(b->graph, x, 2, 2, 9), 2, 0, 9);
    return mt_mul(b->graph, x, x);
}

static struct mt_value *dropout_of(struct bench *b, size_t n, double p)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "layer");
    struct mt_value *x = param(b, SHAPE(1, n));

    return mt_dropout(b->graph, mt_mul(b->graph, x, x), p, key);
}

static struct mt_value *dropout(struct bench *b)
{
    return dropout_of(b, 200, 0.3);
}

static struct mt_value *dropout_nothing(struct bench *b)
{
    return dropout_of(b, 70, 0);
}

/* more than one task; forward and backward cut the masks alike */
static struct mt_value *dropout_long(struct bench *b)
{
    return dropout_of(b, 40000, 0.5);
}

static struct mt_value *dropout_channels(struct bench *b)
{
    struct mt_philox_key key = mt_philox_key(1, "dropout", "layer");
    struct mt_value *x = param(b, SHAPE(4, 3, 30, 2, 5));

    return mt_dropout_channels(b->graph, mt_mul(b->graph, x, x), 0.3, key);
}

/* --- cases: losses ------------------------------------------------------ */

static struct mt_value *pair_loss(struct bench *b, const char *name, bool mean,
                                  size_t n)
{
    const struct mt_pair_loss_type *type = mt_pair_loss_find(name);
    struct mt_value *x = param(b, SHAPE(1, n));
    struct mt_value *t = input(b, SHAPE(1, n));

    ck_assert_msg(type != NULL, "no loss %s", name);
    for (size_t i = 0; i < n; i++) { /* away from the kink at x = t */
        float distance = data_of(x)[i] - data_of(t)[i];

        if (fabsf(distance) < 0.1f)
            data_of(x)[i] += copysignf(0.2f, distance);
        if (strcmp(name, "bce_logits") == 0)
            data_of(t)[i] = fabsf(data_of(t)[i]) / 1.5f;
    }
    return mt_pair_loss_of(b->graph, x, t, type, mean, NULL);
}

static struct mt_value *mse_sum(struct bench *b)
{
    return pair_loss(b, "mse", false, 21);
}

static struct mt_value *mse_mean(struct bench *b)
{
    return pair_loss(b, "mse", true, 300);
}

static struct mt_value *l1_sum(struct bench *b)
{
    return pair_loss(b, "l1", false, 21);
}

static struct mt_value *l1_mean(struct bench *b)
{
    return pair_loss(b, "l1", true, 21);
}

static struct mt_value *bce_sum(struct bench *b)
{
    return pair_loss(b, "bce_logits", false, 21);
}

static struct mt_value *bce_mean(struct bench *b)
{
    return pair_loss(b, "bce_logits", true, 33);
}

enum { ROWS = 6, CLASSES = 19 };

static const float class_weights[CLASSES] = {
    1, 0.5f, 2, 0.25f, 1, 3,    0.1f, 0.7f, 1.5f, 1,
    1, 0.3f, 2, 1,     1, 0.9f, 1.1f, 0,    0.6f,
};

static struct mt_value *cross_entropy(struct bench *b, const float *weight,
                                      double smoothing, bool mean, bool ignore)
{
    static const int32_t classes[ROWS] = { 3, 0, 18, 7, 7, 2 };
    struct mt_cross_entropy options = { weight, smoothing, ignore ? 7 : -100,
                                        mean };
    struct mt_value *x = param(b, SHAPE(2, ROWS, CLASSES));
    struct mt_value *t = mt_graph_input(b->graph, "t", MT_I32, SHAPE(1, ROWS));

    t->data = mt_arena_alloc(&b->arena, sizeof classes);
    ck_assert_ptr_nonnull(t->data);
    memcpy(t->data, classes, sizeof classes);
    return mt_cross_entropy(b->graph, x, t, &options);
}

#define CROSS_ENTROPY(NAME, ...)                                               \
    static struct mt_value *cross_entropy_##NAME(struct bench *b)              \
    {                                                                          \
        return cross_entropy(b, __VA_ARGS__);                                  \
    }
CROSS_ENTROPY(sum, NULL, 0, false, false)
CROSS_ENTROPY(mean, NULL, 0, true, false)
CROSS_ENTROPY(ignore, NULL, 0, true, true)
CROSS_ENTROPY(smooth, NULL, 0.1, true, false)
CROSS_ENTROPY(smooth_ignore, NULL, 0.3, false, true)
CROSS_ENTROPY(weights, class_weights, 0, true, false)
CROSS_ENTROPY(weights_sum, class_weights, 0, false, true)
CROSS_ENTROPY(weights_ignore, class_weights, 0, true, true)
CROSS_ENTROPY(weights_smooth, class_weights, 0.2, true, true)
CROSS_ENTROPY(weights_smooth_sum, class_weights, 0.2, false, false)

/* --- cases: structure --------------------------------------------------- */

/* A value with three readers, one of them through a view. */
static struct mt_value *shared_value(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 3, 4)), *y, *z;

    x = mt_mul(b->graph, x, x);
    y = mt_softmax(b->graph, x);
    z = mt_view(b->graph, x, SHAPE(2, 3, 4));
    return mt_mul(b->graph, mt_add(b->graph, x, y), z);
}

/* A weight in two layers of a chain. */
static struct mt_value *tied_weight(struct bench *b)
{
    const struct mt_activation *tanh_ = mt_activation_find("tanh");
    struct mt_value *x = input(b, SHAPE(2, 3, 6));
    struct mt_value *w = param(b, SHAPE(2, 6, 6)), *c = param(b, SHAPE(1, 6));

    x = mt_activate(b->graph, mt_linear(b->graph, x, w, c), tanh_, NULL);
    return mt_activate(b->graph, mt_linear(b->graph, x, w, c), tanh_, NULL);
}

/* Parameters with the same value as their gradient; it is computed directly
 * into the place of one of them, and must be copied to the others. */
static struct mt_value *equal_gradients(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(1, 9)), *y = param(b, SHAPE(1, 9));

    x = mt_add(b->graph, mt_add(b->graph, x, y), param(b, SHAPE(1, 9)));
    return mt_softmax(b->graph, x);
}

/* The parameter is the output. */
static struct mt_value *bare_parameter(struct bench *b)
{
    return param(b, SHAPE(2, 2, 2));
}

static struct mt_value *residual(struct bench *b)
{
    const struct mt_activation *f = mt_activation_find("gelu");
    struct mt_philox_key key = mt_philox_key(1, "dropout", "x");
    struct mt_value *x = param(b, SHAPE(2, 4, 8)), *h;

    h = mt_linear(b->graph, x, param(b, SHAPE(2, 16, 8)),
                  param(b, SHAPE(1, 16)));
    h = mt_dropout(b->graph, mt_activate(b->graph, h, f, NULL), 0.25, key);
    h = mt_linear(b->graph, h, param(b, SHAPE(2, 8, 16)),
                  any_param(b, SHAPE(1, 8), true));
    return mt_log_softmax(b->graph, mt_add(b->graph, x, h));
}

/* --- the table of cases ------------------------------------------------- */

#include "graph/cases_attention.h"
#include "graph/cases_conv.h"
#include "graph/cases_loss.h"
#include "graph/cases_recurrent.h"
#include "graph/cases_pool.h"
#include "graph/cases_norm.h"

static const struct {
    const char *name;
    build *build;
} cases[] = {
#define CASE(name)                                                             \
    {                                                                          \
#name, name                                                            \
    }
    CASE(linear),
    CASE(linear_no_bias),
    CASE(linear_rank_3),
    CASE(linear_rank_1),
    CASE(linear_large),
    CASE(linear_long),
    CASE(linear_of_input),
    CASE(linear_frozen_weight),
    CASE(linear_frozen_bias),
#define ROW(X, name, saves_output) CASE(name##_activation),
    MT_ACTIVATIONS(ROW, )
#undef ROW
    CASE(softplus_threshold),
    CASE(prelu_one),
    CASE(prelu_vectors),
    CASE(prelu_planes),
    CASE(prelu_long),
    CASE(prelu_frozen),
    CASE(prelu_of_input),
    CASE(hidden_relu),
    CASE(hidden_tanh),
    CASE(hidden_hardtanh),
    CASE(hidden_gelu),
    CASE(hidden_leaky_relu),
    CASE(softmax),
    CASE(softmax_rank_3),
    CASE(softmax_rank_1),
    CASE(log_softmax),
    CASE(log_softmax_rank_3),
    CASE(add),
    CASE(add_to_itself),
    CASE(mul),
    CASE(square),
    CASE(mul_by_input),
    CASE(copy),
    CASE(view),
    CASE(view_of_parameter),
    CASE(transpose),
    CASE(permute_rank_4),
    CASE(permute_nothing),
    CASE(concat_first),
    CASE(concat_middle),
    CASE(concat_last),
    CASE(concat_eight),
    CASE(slices),
    CASE(pads),
    CASE(dropout),
    CASE(dropout_nothing),
    CASE(dropout_long),
    CASE(dropout_channels),
    CASE(mse_sum),
    CASE(mse_mean),
    CASE(l1_sum),
    CASE(l1_mean),
    CASE(bce_sum),
    CASE(bce_mean),
    CASE(cross_entropy_sum),
    CASE(cross_entropy_mean),
    CASE(cross_entropy_ignore),
    CASE(cross_entropy_smooth),
    CASE(cross_entropy_smooth_ignore),
    CASE(cross_entropy_weights),
    CASE(cross_entropy_weights_sum),
    CASE(cross_entropy_weights_ignore),
    CASE(cross_entropy_weights_smooth),
    CASE(cross_entropy_weights_smooth_sum),
    CASE(shared_value),
    CASE(tied_weight),
    CASE(equal_gradients),
    CASE(bare_parameter),
    CASE(residual),
#define X(name) CASE(name),
    ATTENTION_CASES(X)
    CONV_CASES(X)
    LOSS_CASES(X)
    RECURRENT_CASES(X)
    POOL_CASES(X)
    NORM_CASES(X)
#undef X
};

enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(gradients_are_those_of_finite_differences)
{
    struct bench b;

    open_bench(&b, cases[_i].name, cases[_i].build);
    finish_bench(&b);
    check_bench(&b);
    close_bench(&b);
}
END_TEST

enum { MAX_OPS = 256 };

/* Marks the ops of the graph's nodes. An op with a run function counts only if
 * its node is left after fusing; views are never run. */
static void mark_ops(const struct mt_graph *g, bool finished,
                     bool seen[MAX_OPS])
{
    for (size_t i = 0; i < mt_graph_node_count(g); i++) {
        const struct mt_op *op = mt_graph_node_at(g, i)->op;

        for (size_t k = 0; mt_ops[k]; k++) {
            if (mt_ops[k] == op && (finished || !op->run))
                seen[k] = true;
        }
    }
}

START_TEST(every_op_has_a_case)
{
    bool seen[MAX_OPS] = { false };

    for (size_t i = 0; i < N_CASES; i++) {
        struct bench b;

        open_bench(&b, cases[i].name, cases[i].build);
        mark_ops(b.graph, false, seen);
        finish_bench(&b);
        mark_ops(b.graph, true, seen);
        close_bench(&b);
    }
    for (size_t k = 0; mt_ops[k]; k++) {
        ck_assert_uint_lt(k, MAX_OPS);
        ck_assert_msg(seen[k], "no case here runs the op \"%s\"",
                      mt_ops[k]->name);
    }
}
END_TEST

/* The loss's own gradient scales all others. */
START_TEST(gradients_scale_with_the_losss_own)
{
    struct bench b = { .name = "scale" };
    struct mt_err err = MT_ERR_INIT;
    float first[20];

    ck_assert_int_eq(mt_graph_new(true, &b.graph, &err), MT_OK);
    struct mt_value *loss = weigh(&b, linear(&b));
    struct mt_value *one = mt_graph_backward(b.graph, loss);

    mt_graph_keep(b.graph, b.y);
    finish_bench(&b);
    memcpy(first, b.params[1]->grad, sizeof first);
    ck_assert(*(float *)one->data == 1);
    *(float *)one->data = 0.25f;
    mt_graph_run(b.graph, NULL, STEP);
    for (size_t i = 0; i < 20; i++)
        ck_assert(b.params[1]->grad[i] == first[i] / 4);
    close_bench(&b);
}
END_TEST

Suite *gradient_suite(void);

Suite *gradient_suite(void)
{
    Suite *s = suite_create("gradient");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, gradients_are_those_of_finite_differences, 0,
                        N_CASES);
    tcase_add_test(t, every_op_has_a_case);
    tcase_add_test(t, gradients_scale_with_the_losss_own);
    suite_add_tcase(s, t);
    return s;
}
