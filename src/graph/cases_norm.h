/* Gradient cases of normalisation, for gradient_test.c. */
#ifndef MT_GRAPH_CASES_NORM_H
#define MT_GRAPH_CASES_NORM_H

/* Running statistics of c channels. */
static struct mt_running running_of(struct bench *b, size_t c)
{
    struct mt_running running;

    running.mean = any_param(b, SHAPE(1, c), true);
    running.var = any_param(b, SHAPE(1, c), true);
    for (size_t i = 0; i < c; i++)
        data_of(running.var)[i] = fabsf(data_of(running.var)[i]);
    running.batches = mt_graph_input(b->graph, "n", MT_I64, SHAPE(0, 0));
    running.batches->data = mt_arena_calloc(&b->arena, 1, sizeof(int64_t));
    ck_assert_ptr_nonnull(running.batches->data);
    return running;
}

static struct mt_value *batch_norm_of(struct bench *b,
                                      const struct mt_shape *shape)
{
    size_t c = shape->dim[1];
    struct mt_value *x = param(b, shape), *w = param(b, SHAPE(1, c));

    return mt_batch_norm(b->graph, x, w, param(b, SHAPE(1, c)), NULL, 0.1,
                         1e-3);
}

static struct mt_value *batch_norm_columns(struct bench *b)
{
    return batch_norm_of(b, SHAPE(2, 6, 19));
}

static struct mt_value *batch_norm_planes(struct bench *b)
{
    return batch_norm_of(b, SHAPE(4, 3, 4, 5, 7));
}

static struct mt_value *batch_norm_runs(struct bench *b)
{
    return batch_norm_of(b, SHAPE(3, 5, 3, 2));
}

/* so large that channels are cut into chunks of samples */
static struct mt_value *batch_norm_column_chunks(struct bench *b)
{
    return batch_norm_of(b, SHAPE(2, 2100, 17));
}

static struct mt_value *batch_norm_plane_chunks(struct bench *b)
{
    return batch_norm_of(b, SHAPE(3, 70, 2, 500));
}

static struct mt_value *batch_norm_plain(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 4, 3, 20));

    return mt_batch_norm(b->graph, x, NULL, NULL, NULL, 0.1, 1e-5);
}

/* A block of a residual network, with values large enough to be recomputed. */
static struct mt_value *batch_norm_again(struct bench *b)
{
    const struct mt_activation *f = mt_activation_find("tanh");
    struct mt_value *x = batch_norm_of(b, SHAPE(3, 70, 2, 500)), *y;
    struct mt_value *w = param(b, SHAPE(1, 2));

    x = mt_activate(b->graph, x, f, NULL);
    y = mt_mul(b->graph, x, x);
    y = mt_batch_norm(b->graph, y, w, param(b, SHAPE(1, 2)), NULL, 0.1, 1e-3);
    y = mt_activate(b->graph, mt_add(b->graph, y, x), f, NULL);
    return mt_mul(b->graph, y, y);
}

static struct mt_value *batch_norm_tracked(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 4, 3, 9));
    struct mt_value *w = param(b, SHAPE(1, 3));
    struct mt_running running = running_of(b, 3);

    return mt_batch_norm(b->graph, x, w, param(b, SHAPE(1, 3)), &running, NAN,
                         1e-5);
}

static struct mt_value *batch_norm_tracked_plain(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 3));
    struct mt_running running = running_of(b, 3);

    return mt_batch_norm(b->graph, x, NULL, NULL, &running, 0.1, 1e-5);
}

static struct mt_value *batch_norm_of_input(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(2, 6, 19));
    struct mt_value *w = param(b, SHAPE(1, 19));

    return mt_batch_norm(b->graph, x, w, param(b, SHAPE(1, 19)), NULL, 0.1,
                         1e-5);
}

static struct mt_value *batch_norm_frozen_weight(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 6, 19));
    struct mt_value *w = any_param(b, SHAPE(1, 19), true);

    return mt_batch_norm(b->graph, x, w, param(b, SHAPE(1, 19)), NULL, 0.1,
                         1e-5);
}

static struct mt_value *batch_norm_frozen_bias(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 4, 3, 9));
    struct mt_value *w = param(b, SHAPE(1, 3));

    return mt_batch_norm(b->graph, x, w, any_param(b, SHAPE(1, 3), true), NULL,
                         0.1, 1e-5);
}

/* the activation is fused into the forward pass */
static struct mt_value *batch_norm_tanh(struct bench *b)
{
    return mt_activate(b->graph, batch_norm_planes(b),
                       mt_activation_find("tanh"), NULL);
}

static struct mt_value *batch_norm_column_tanh(struct bench *b)
{
    return mt_activate(b->graph, batch_norm_columns(b),
                       mt_activation_find("tanh"), NULL);
}

/* its output is read by other ops more than once */
static struct mt_value *batch_norm_residual(struct bench *b)
{
    struct mt_value *x = batch_norm_runs(b);

    return mt_mul(b->graph, x, mt_add(b->graph, x, x));
}

/* not differentiable itself */
static struct mt_value *batch_norm_fixed(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(3, 4, 3, 9));
    struct mt_running running = running_of(b, 3);

    x = mt_batch_norm_fixed(b->graph, x, input(b, SHAPE(1, 3)),
                            input(b, SHAPE(1, 3)), running.mean, running.var,
                            1e-5);
    return mt_mul(b->graph, x, param(b, SHAPE(3, 4, 3, 9)));
}

static struct mt_value *layer_norm_of(struct bench *b,
                                      const struct mt_shape *shape,
                                      size_t width)
{
    struct mt_value *x = param(b, shape), *w = param(b, SHAPE(1, width));

    return mt_layer_norm(b->graph, x, w, param(b, SHAPE(1, width)), width,
                         1e-3);
}

static struct mt_value *layer_norm_rows(struct bench *b)
{
    return layer_norm_of(b, SHAPE(3, 3, 4, 21), 21);
}

static struct mt_value *layer_norm_trailing(struct bench *b)
{
    return layer_norm_of(b, SHAPE(4, 6, 3, 4, 5), 60);
}

/* several slots of samples, in several tasks */
static struct mt_value *layer_norm_slots(struct bench *b)
{
    return layer_norm_of(b, SHAPE(2, 1100, 33), 33);
}

static struct mt_value *layer_norm_wide(struct bench *b)
{
    return layer_norm_of(b, SHAPE(2, 6, 5000), 5000);
}

static struct mt_value *layer_norm_plain(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 18));

    return mt_layer_norm(b->graph, x, NULL, NULL, 18, 1e-5);
}

static struct mt_value *layer_norm_of_input(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(2, 5, 18));
    struct mt_value *w = param(b, SHAPE(1, 18));

    return mt_layer_norm(b->graph, x, w, param(b, SHAPE(1, 18)), 18, 1e-5);
}

static struct mt_value *layer_norm_frozen_weight(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 18));
    struct mt_value *w = any_param(b, SHAPE(1, 18), true);

    return mt_layer_norm(b->graph, x, w, param(b, SHAPE(1, 18)), 18, 1e-5);
}

static struct mt_value *layer_norm_frozen_bias(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 18));
    struct mt_value *w = param(b, SHAPE(1, 18));

    return mt_layer_norm(b->graph, x, w, any_param(b, SHAPE(1, 18), true), 18,
                         1e-5);
}

static struct mt_value *layer_norm_frozen(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 18));
    struct mt_value *w = any_param(b, SHAPE(1, 18), true);

    return mt_layer_norm(b->graph, x, w, any_param(b, SHAPE(1, 18), true), 18,
                         1e-5);
}

/* one row: the weights' gradients are as long as x */
static struct mt_value *layer_norm_one_row(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(2, 1, 18));
    struct mt_value *w = param(b, SHAPE(1, 18));

    x = mt_layer_norm(b->graph, x, w, param(b, SHAPE(1, 18)), 18, 1e-5);
    return mt_mul(b->graph, x, x);
}

static struct mt_value *rms_norm(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 3, 4, 21));

    return mt_rms_norm(b->graph, x, param(b, SHAPE(1, 21)), 21, 1e-6);
}

static struct mt_value *rms_norm_plain(struct bench *b)
{
    return mt_rms_norm(b->graph, param(b, SHAPE(2, 5, 40)), NULL, 40, 1e-2);
}

static struct mt_value *rms_norm_frozen(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(2, 5, 18));

    return mt_rms_norm(b->graph, x, any_param(b, SHAPE(1, 18), true), 18, 0);
}

static struct mt_value *group_norm_of(struct bench *b,
                                      const struct mt_shape *shape,
                                      size_t groups)
{
    size_t c = shape->dim[1];
    struct mt_value *x = param(b, shape), *w = param(b, SHAPE(1, c));

    return mt_group_norm(b->graph, x, w, param(b, SHAPE(1, c)), groups, 1e-3);
}

static struct mt_value *group_norm_planes(struct bench *b)
{
    return group_norm_of(b, SHAPE(4, 3, 6, 5, 5), 2);
}

static struct mt_value *group_norm_large(struct bench *b)
{
    return group_norm_of(b, SHAPE(3, 4, 6, 1700), 2);
}

static struct mt_value *group_norm_vectors(struct bench *b)
{
    return group_norm_of(b, SHAPE(2, 7, 24), 4);
}

static struct mt_value *group_norm_of_ones(struct bench *b)
{
    return group_norm_of(b, SHAPE(3, 7, 6, 1), 2);
}

static struct mt_value *group_norm_plain(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 6, 10));

    return mt_group_norm(b->graph, x, NULL, NULL, 6, 1e-3);
}

static struct mt_value *group_norm_of_input(struct bench *b)
{
    struct mt_value *x = input(b, SHAPE(3, 2, 6, 10));
    struct mt_value *w = param(b, SHAPE(1, 6));

    return mt_group_norm(b->graph, x, w, param(b, SHAPE(1, 6)), 3, 1e-3);
}

static struct mt_value *group_norm_frozen_weight(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 6, 10));
    struct mt_value *w = any_param(b, SHAPE(1, 6), true);

    return mt_group_norm(b->graph, x, w, param(b, SHAPE(1, 6)), 3, 1e-3);
}

static struct mt_value *group_norm_frozen_bias(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 6, 10));
    struct mt_value *w = param(b, SHAPE(1, 6));

    return mt_group_norm(b->graph, x, w, any_param(b, SHAPE(1, 6), true), 3,
                         1e-3);
}

static struct mt_value *group_norm_frozen(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(3, 2, 6, 10));
    struct mt_value *w = any_param(b, SHAPE(1, 6), true);

    return mt_group_norm(b->graph, x, w, any_param(b, SHAPE(1, 6), true), 3,
                         1e-3);
}

static struct mt_value *instance_norm_tracked(struct bench *b)
{
    struct mt_value *x = param(b, SHAPE(4, 3, 4, 3, 5));
    struct mt_value *w = param(b, SHAPE(1, 4));
    struct mt_running running = running_of(b, 4);

    return mt_instance_norm(b->graph, x, w, param(b, SHAPE(1, 4)), &running,
                            0.3, 1e-5);
}

static struct mt_value *instance_norm_tracked_plain(struct bench *b)
{
    struct mt_running running = running_of(b, 4);

    return mt_instance_norm(b->graph, param(b, SHAPE(3, 3, 4, 9)), NULL, NULL,
                            &running, 0.3, 1e-5);
}

static struct mt_value *instance_norm_plain(struct bench *b)
{
    return mt_instance_norm(b->graph, param(b, SHAPE(3, 1, 4, 2)), NULL, NULL,
                            NULL, 0.3, 1e-2);
}

#define NORM_CASES(X)                                                          \
    X(instance_norm_tracked) X(instance_norm_tracked_plain)                    \
    X(instance_norm_plain)                                                     \
    X(batch_norm_columns) X(batch_norm_again)                                  \
    X(batch_norm_planes) X(batch_norm_runs) X(batch_norm_column_chunks) X(     \
        batch_norm_plane_chunks) X(batch_norm_plain) X(batch_norm_tracked)     \
        X(batch_norm_tracked_plain) X(batch_norm_of_input) X(                  \
            batch_norm_frozen_weight) X(batch_norm_frozen_bias)                \
            X(batch_norm_tanh) X(batch_norm_column_tanh) X(                    \
                batch_norm_residual) X(batch_norm_fixed) X(layer_norm_rows)    \
                X(layer_norm_trailing) X(layer_norm_slots) X(layer_norm_wide)  \
                    X(layer_norm_plain) X(layer_norm_of_input) X(              \
                        layer_norm_frozen_weight) X(layer_norm_frozen_bias)    \
                        X(layer_norm_frozen) X(layer_norm_one_row) X(rms_norm) \
                            X(rms_norm_plain) X(rms_norm_frozen)               \
                                X(group_norm_planes) X(group_norm_large) X(    \
                                    group_norm_vectors) X(group_norm_of_ones)  \
                                    X(group_norm_plain) X(group_norm_of_input) \
                                        X(group_norm_frozen_weight)            \
                                            X(group_norm_frozen_bias)          \
                                                X(group_norm_frozen)

#endif
