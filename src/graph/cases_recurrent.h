/* Cases of gradient_test.c: recurrent layers. */
#ifndef MT_GRAPH_CASES_RECURRENT_H
#define MT_GRAPH_CASES_RECURRENT_H

/* steps, batch and units of a case */
struct walk_size {
    size_t t, n, h;
};

/* A parameter so small that gates do not saturate. */
static struct mt_value *small_param(struct bench *b,
                                    const struct mt_shape *shape, float scale)
{
    struct mt_value *v = param(b, shape);
    float *data = v->data;

    for (size_t i = 0; i < mt_shape_elements(shape); i++)
        data[i] *= scale;
    return v;
}

static struct mt_value *walk(struct bench *b, const char *name,
                             struct walk_size s, bool bias, bool reverse)
{
    const struct mt_cell *cell = mt_cell_find(name);

    ck_assert_msg(cell != NULL, "no cell %s", name);
    size_t rows = mt_cell_gates(cell) * s.h;
    struct mt_value *gx = param(b, SHAPE(3, s.t, s.n, rows));
    struct mt_value *w =
        small_param(b, SHAPE(2, rows, s.h), 1 / sqrtf((float)s.h));

    return mt_recurrent(b->graph, cell, gx, w,
                        bias ? param(b, SHAPE(1, rows)) : NULL, reverse);
}

#define WALK(NAME, CELL, T, N, H, BIAS, REVERSE)                               \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        return walk(b, CELL, (struct walk_size){ T, N, H }, BIAS, REVERSE);    \
    }
WALK(rnn_tanh, "rnn_tanh", 4, 3, 5, false, false)
WALK(rnn_tanh_reverse, "rnn_tanh", 4, 3, 5, false, true)
WALK(rnn_one_step, "rnn_tanh", 1, 3, 5, false, false)
WALK(lstm, "lstm", 5, 3, 4, false, false)
WALK(lstm_reverse, "lstm", 5, 3, 4, false, true)
WALK(lstm_one_step, "lstm", 1, 2, 17, false, true)
WALK(lstm_one_unit, "lstm", 3, 2, 1, false, false)
WALK(gru, "gru", 5, 3, 4, true, false)
WALK(gru_reverse, "gru", 5, 3, 4, true, true)
WALK(gru_no_bias, "gru", 4, 2, 3, false, false)
WALK(gru_one_step, "gru", 1, 2, 17, true, false)
/* several groups of rows, several parts of units */
WALK(lstm_groups, "lstm", 2, 19, 35, false, false)
WALK(gru_groups, "gru", 2, 19, 35, true, true)
WALK(lstm_parts, "lstm", 2, 12, 70, false, false)
WALK(gru_parts, "gru", 2, 13, 70, true, false)

/* relu's kink is out of reach: sums are near +-2, and states of 2 move them by
 * less than 1 */
static struct mt_value *rnn_relu(struct bench *b)
{
    const struct mt_cell *cell = mt_cell_find("rnn_relu");
    struct mt_value *gx = param(b, SHAPE(3, 4, 3, 5));

    for (size_t i = 0; i < 60; i++)
        data_of(gx)[i] += copysignf(2, data_of(gx)[i]);
    return mt_recurrent(b->graph, cell, gx,
                        small_param(b, SHAPE(2, 5, 5), 0.03f), NULL, false);
}

/* Two layers, recorded as in nn/: the inputs' sums are computed, and the walk
 * works on them in place. */
static struct mt_value *stack(struct bench *b, const char *name, bool frozen_hh)
{
    const struct mt_cell *cell = mt_cell_find(name);
    size_t rows = mt_cell_gates(cell) * 6;
    struct mt_value *x = param(b, SHAPE(3, 4, 3, 5));

    for (int i = 0; i < 2; i++) {
        struct mt_value *w = small_param(b, SHAPE(2, rows, i ? 6 : 5), 0.4f);
        struct mt_value *hh = any_param(b, SHAPE(2, rows, 6), frozen_hh);

        for (size_t k = 0; k < rows * 6; k++)
            data_of(hh)[k] *= 0.4f;
        x = mt_recurrent(b->graph, cell, mt_linear(b->graph, x, w, NULL), hh,
                         NULL, i == 1);
    }
    return mt_mul(b->graph, x, x);
}

static struct mt_value *rnn_stack(struct bench *b)
{
    return stack(b, "rnn_tanh", false);
}

static struct mt_value *rnn_stack_frozen(struct bench *b)
{
    return stack(b, "rnn_tanh", true);
}

static struct mt_value *lstm_stack(struct bench *b)
{
    return stack(b, "lstm", false);
}

static struct mt_value *gru_stack(struct bench *b)
{
    return stack(b, "gru", false);
}

static struct mt_value *gru_stack_frozen(struct bench *b)
{
    return stack(b, "gru", true);
}

/* Only the recurrent weight learns. */
static struct mt_value *lstm_of_input(struct bench *b)
{
    struct mt_value *gx = input(b, SHAPE(3, 4, 2, 12));

    return mt_recurrent(b->graph, mt_cell_find("lstm"), gx,
                        param(b, SHAPE(2, 12, 3)), NULL, false);
}

/* Only the last state is read. */
static struct mt_value *lstm_last(struct bench *b)
{
    struct mt_value *h =
        walk(b, "lstm", (struct walk_size){ 4, 3, 5 }, false, false);

    return mt_slice(b->graph, h, 0, 3, 1);
}

#define RECURRENT_CASES(X)                                                     \
    X(rnn_tanh)                                                                \
    X(rnn_tanh_reverse)                                                        \
    X(rnn_one_step)                                                            \
    X(rnn_relu)                                                                \
    X(rnn_stack)                                                               \
    X(rnn_stack_frozen)                                                        \
    X(lstm)                                                                    \
    X(lstm_reverse)                                                            \
    X(lstm_one_step)                                                           \
    X(lstm_one_unit)                                                           \
    X(lstm_groups)                                                             \
    X(lstm_parts)                                                              \
    X(lstm_stack)                                                              \
    X(lstm_of_input)                                                           \
    X(lstm_last)                                                               \
    X(gru)                                                                     \
    X(gru_reverse)                                                             \
    X(gru_no_bias)                                                             \
    X(gru_one_step)                                                            \
    X(gru_groups)                                                              \
    X(gru_parts)                                                               \
    X(gru_stack)                                                               \
    X(gru_stack_frozen)

#endif
