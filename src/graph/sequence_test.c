/* Position by position: the bits of a run over all of them, and which graphs
 * refuse. */
#include "graph/sequence.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/ops.h"

/* More positions than a block of attention's rows, and than a block in k. */
enum { STEPS = 300, WIDTH = 8, TABLE = 11, POOL = 20000 };

static struct mt_err err = MT_ERR_INIT;
static float pool[POOL], numbers[STEPS * WIDTH];
static int32_t tokens[STEPS];

static void fill(void)
{
    struct mt_philox_key key = mt_philox_key(5, "test", "sequence");

    for (size_t i = 0; i < POOL; i++)
        pool[i] = (float)mt_philox_uniform(key, 0, i) - 0.5f;
    for (size_t i = 0; i < STEPS * WIDTH; i++)
        numbers[i] = 4 * (float)mt_philox_uniform(key, 1, i) - 2;
    for (size_t i = 0; i < STEPS; i++)
        tokens[i] = (int32_t)(mt_philox_uniform(key, 2, i) * TABLE);
}

/* --- nets: of x (1, t, WIDTH), or of tokens (1, t) ------------------------ */

struct net {
    struct mt_graph *g;
    struct mt_value *x, *y;
    size_t t, used; /* of the pool */
    void *memory;
};

typedef struct mt_value *net_op(struct net *net, struct mt_value *x);

static struct mt_value *param(struct net *net, struct mt_shape shape)
{
    struct mt_value *v = mt_graph_input(net->g, "w", MT_F32, &shape);

    v->data = pool + net->used;
    net->used += mt_shape_elements(&shape);
    ck_assert_uint_le(net->used, POOL);
    return v;
}

static struct mt_value *map(struct net *net, struct mt_value *x, size_t out)
{
    size_t in = x->shape.dim[x->shape.rank - 1];

    return mt_linear(net->g, x, param(net, mt_shape_of(2, out, in)),
                     param(net, mt_shape_of(1, out)));
}

/* (1, t, n) to (t, 1, n) and back; and to (1, n, t) and back */
static struct mt_value *swap_first(struct net *net, struct mt_value *x)
{
    return mt_permute(net->g, x, (const int[MT_MAX_RANK]){ 1, 0, 2 });
}

static struct mt_value *swap_last(struct net *net, struct mt_value *x)
{
    return mt_permute(net->g, x, (const int[MT_MAX_RANK]){ 0, 2, 1 });
}

static struct mt_value *attend(struct net *net, struct mt_value *x, bool causal,
                               double dropout)
{
    return mt_attention(net->g, map(net, x, 3 * WIDTH), 2, causal, dropout,
                        mt_philox_key(1, "dropout", ""));
}

static struct mt_value *attention(struct net *net, struct mt_value *x)
{
    return attend(net, x, true, 0);
}

static struct mt_value *walk(struct net *net, struct mt_value *x,
                             const char *name, bool reverse)
{
    const struct mt_cell *cell = mt_cell_find(name);
    size_t rows = mt_cell_gates(cell) * WIDTH;
    bool bias = mt_cell_takes_bias(cell);

    x = map(net, swap_first(net, x), rows);
    x = mt_recurrent(net->g, cell, x,
                     param(net, mt_shape_of(2, rows, (size_t)WIDTH)),
                     bias ? param(net, mt_shape_of(1, rows)) : NULL, reverse);
    return swap_first(net, x);
}

static struct mt_value *rnn_tanh(struct net *net, struct mt_value *x)
{
    return walk(net, x, "rnn_tanh", false);
}

static struct mt_value *rnn_relu(struct net *net, struct mt_value *x)
{
    return walk(net, x, "rnn_relu", false);
}

static struct mt_value *lstm(struct net *net, struct mt_value *x)
{
    return walk(net, walk(net, x, "lstm", false), "lstm", false);
}

static struct mt_value *gru(struct net *net, struct mt_value *x)
{
    return walk(net, walk(net, x, "gru", false), "gru", false);
}

static struct mt_value *norm(struct net *net, struct mt_value *x)
{
    size_t n = x->shape.dim[x->shape.rank - 1];

    return mt_layer_norm(net->g, x, param(net, mt_shape_of(1, n)),
                         param(net, mt_shape_of(1, n)), n, 1e-5);
}

/* x + attention(norm(x)), then x + map(gelu(map(norm(x)))) */
static struct mt_value *block(struct net *net, struct mt_value *x)
{
    struct mt_value *y = attention(net, norm(net, x));

    x = mt_add(net->g, map(net, y, WIDTH), x);
    y = mt_activate(net->g, map(net, norm(net, x), 3 * WIDTH),
                    mt_activation_find("gelu"), NULL);
    return mt_add(net->g, map(net, y, WIDTH), x);
}

static struct mt_value *transformer(struct net *net, struct mt_value *x)
{
    x = mt_embedding(net->g, x,
                     param(net, mt_shape_of(2, (size_t)TABLE, (size_t)WIDTH)),
                     -1);
    x = mt_add_rows(net->g, x,
                    param(net, mt_shape_of(2, (size_t)STEPS, (size_t)WIDTH)));
    x = block(net, block(net, x));
    return mt_log_softmax(net->g, map(net, norm(net, x), TABLE));
}

/* The sequence as the dimension in the middle, and as the last one. */
static struct mt_value *rearranged(struct net *net, struct mt_value *x)
{
    struct mt_shape halves =
        mt_shape_of(4, (size_t)1, net->t, (size_t)2, (size_t)WIDTH / 2);
    struct mt_shape rows = mt_shape_of(2, net->t, (size_t)WIDTH);
    const int order[MT_MAX_RANK] = { 0, 2, 1, 3 };
    struct mt_value *y = mt_permute(net->g, mt_view(net->g, x, &halves), order);

    y = mt_rms_norm(net->g, y, param(net, mt_shape_of(1, (size_t)WIDTH / 2)),
                    WIDTH / 2, 1e-5);
    y = mt_permute(net->g, y, order);
    y = mt_softmax(net->g, mt_view(net->g, y, &rows));
    x = mt_mul(net->g, swap_last(net, x),
               swap_last(net, mt_view(net->g, y, &x->shape)));
    x = mt_prelu(net->g, x, param(net, mt_shape_of(1, (size_t)WIDTH)));
    return swap_last(net, mt_copy(net->g, x));
}

static struct mt_value *cut_and_joined(struct net *net, struct mt_value *x)
{
    struct mt_value *part[2] = { mt_slice(net->g, x, 2, 1, 5), x };

    x = mt_concat(net->g, part, 2, 2);
    x = mt_prelu(net->g, x, param(net, mt_shape_of(1, (size_t)1)));
    x = mt_add_bias(net->g, mt_pad(net->g, x, 2, 1, 16),
                    param(net, mt_shape_of(1, (size_t)16)));
    return mt_view(net->g, x, &x->shape);
}

/* --- nets that mix positions, or need a fixed number of them
 * --------------- */

static struct mt_value *sees_all(struct net *net, struct mt_value *x)
{
    return attend(net, x, false, 0);
}

static struct mt_value *drops(struct net *net, struct mt_value *x)
{
    return attend(net, x, true, 0.5);
}

static struct mt_value *backwards(struct net *net, struct mt_value *x)
{
    return walk(net, x, "lstm", true);
}

static struct mt_value *softmax_of_all(struct net *net, struct mt_value *x)
{
    return mt_softmax(net->g, swap_last(net, x));
}

static struct mt_value *map_of_all(struct net *net, struct mt_value *x)
{
    return map(net, swap_last(net, x), 5);
}

static struct mt_value *norm_of_all(struct net *net, struct mt_value *x)
{
    return mt_layer_norm(net->g, x, NULL, NULL, net->t * WIDTH, 1e-5);
}

static struct mt_value *the_last(struct net *net, struct mt_value *x)
{
    return mt_slice(net->g, x, 1, net->t - 1, 1);
}

static struct mt_value *longer(struct net *net, struct mt_value *x)
{
    return mt_pad(net->g, x, 1, 1, net->t + 1);
}

static struct mt_value *twice(struct net *net, struct mt_value *x)
{
    return mt_concat(net->g, (struct mt_value *[]){ x, x }, 2, 1);
}

static struct mt_value *channels(struct net *net, struct mt_value *x)
{
    return mt_prelu(net->g, x, param(net, mt_shape_of(1, net->t)));
}

static struct mt_value *flat(struct net *net, struct mt_value *x)
{
    struct mt_shape all = mt_shape_of(2, (size_t)1, net->t * WIDTH);

    return mt_view(net->g, mt_copy(net->g, x), &all);
}

static struct mt_value *mean(struct net *net, struct mt_value *x)
{
    return mt_adaptive_avg_pool(net->g, swap_last(net, x),
                                (const size_t[]){ 1, 1 });
}

static struct mt_value *places(struct net *net, struct mt_value *x)
{
    struct mt_shape shape = mt_shape_of(3, (size_t)1, net->t, (size_t)WIDTH);

    return mt_add(net->g, x, param(net, shape));
}

static struct mt_value *turned_places(struct net *net, struct mt_value *x)
{
    struct mt_shape shape = mt_shape_of(2, (size_t)WIDTH, net->t);

    return mt_add_rows(net->g, swap_last(net, x), param(net, shape));
}

static struct mt_value *constant(struct net *net, struct mt_value *x)
{
    (void)x;
    return mt_copy(net->g, param(net, mt_shape_of(2, (size_t)1, (size_t)3)));
}

static struct mt_value *by_length(struct net *net, struct mt_value *x)
{
    if (net->t > 1)
        x = mt_copy(net->g, x);
    return map(net, x, 3);
}

static struct mt_value *other_by_length(struct net *net, struct mt_value *x)
{
    return net->t > 1 ? mt_softmax(net->g, x) : mt_log_softmax(net->g, x);
}

/* --- running ------------------------------------------------------------- */

static void *room(size_t bytes)
{
    void *memory;

    ck_assert_int_eq(posix_memalign(&memory, 64, bytes + 64), 0);
    memset(memory, 0xff, bytes); /* NaN, to find reads before writes */
    return memory;
}

static void open_net(struct net *net, net_op *op, size_t t, size_t workers)
{
    struct mt_shape shape = mt_shape_of(3, (size_t)1, t, (size_t)WIDTH);
    bool words = op == transformer;

    shape.rank = words ? 2 : 3;
    *net = (struct net){ .t = t };
    ck_assert_int_eq(mt_graph_new(false, &net->g, &err), MT_OK);
    net->x = mt_graph_input(net->g, "x", words ? MT_I32 : MT_F32, &shape);
    net->x->data = words ? (void *)tokens : numbers;
    net->y = op(net, net->x);
    mt_graph_keep(net->g, net->y);
    ck_assert_int_eq(mt_graph_finish(net->g, workers, &err), MT_OK);
    net->memory = room(mt_graph_bytes(net->g));
    mt_graph_bind(net->g, net->memory);
}

static void close_net(struct net *net)
{
    mt_graph_free(net->g);
    free(net->memory);
}

/* For nets whose result has a row for each position. */
static void check_rows(const struct net *whole, const struct net *piece,
                       size_t at)
{
    size_t n = mt_shape_elements(&whole->y->shape) / whole->t;

    ck_assert_msg(memcmp((const float *)whole->y->data + at * n, piece->y->data,
                         piece->t * n * sizeof(float)) == 0,
                  "positions from %zu on", at);
}

/* A piece of `first` positions, whose rows are wanted or not, then one at a
 * time. */
static void check_pieces(net_op *op, size_t first, bool wanted,
                         struct mt_team *team)
{
    size_t workers = mt_team_size(team), bytes;
    struct net whole, piece, one;
    struct mt_sequence s = { 0, STEPS, NULL };
    struct mt_turn turn = { .sequence = &s };

    open_net(&whole, op, STEPS, workers);
    open_net(&piece, op, first, workers);
    open_net(&one, op, 1, workers);
    ck_assert(mt_sequence_fits(whole.g, whole.x, 1, whole.y, one.g));
    bytes = mt_sequence_bytes(one.g, STEPS);
    ck_assert_uint_eq(bytes, mt_sequence_bytes(piece.g, STEPS));
    s.memory = room(bytes);
    mt_graph_run(whole.g, team, 0);
    s.no_outputs = !wanted;
    mt_graph_run_part(piece.g, team, &turn);
    if (wanted)
        check_rows(&whole, &piece, 0);
    s.no_outputs = false;
    for (s.position = first; s.position < STEPS; s.position++) {
        if (one.x->dtype == MT_I32)
            one.x->data = tokens + s.position;
        else
            one.x->data = numbers + s.position * WIDTH;
        mt_graph_run_part(one.g, team, &turn);
        check_rows(&whole, &one, s.position);
    }
    free(s.memory);
    close_net(&whole);
    close_net(&piece);
    close_net(&one);
}

static net_op *const fitting[] = {
    attention, rnn_tanh,    rnn_relu,   lstm,
    gru,       transformer, rearranged, cut_and_joined,
};

enum { N_FITTING = sizeof fitting / sizeof *fitting };

START_TEST(same_bits)
{
    struct mt_team *team;

    fill();
    check_pieces(fitting[_i], 1, true, NULL);
    check_pieces(fitting[_i], 70, true, NULL);
    check_pieces(fitting[_i], 65, false, NULL);
    ck_assert_int_eq(mt_team_new(2, &team, &err), MT_OK);
    check_pieces(fitting[_i], 256, true, team);
    check_pieces(fitting[_i], STEPS - 1, false, team);
    mt_team_free(team);
}
END_TEST

static net_op *const refusing[] = {
    sees_all,        drops,         backwards, softmax_of_all,
    map_of_all,      norm_of_all,   the_last,  longer,
    twice,           channels,      flat,      mean,
    places,          turned_places, constant,  by_length,
    other_by_length,
};

enum { N_REFUSING = sizeof refusing / sizeof *refusing };

START_TEST(refused)
{
    struct net whole, one;

    open_net(&whole, refusing[_i], 6, 1);
    open_net(&one, refusing[_i], 1, 1);
    ck_assert(!mt_sequence_fits(whole.g, whole.x, 1, whole.y, one.g));
    close_net(&whole);
    close_net(&one);
}
END_TEST

/* Only nodes that need it keep something: keys and values of each position, or
 * a state that does not grow. */
START_TEST(memory)
{
    struct net net;
    size_t short_one, long_one;

    open_net(&net, attention, 1, 1);
    short_one = mt_sequence_bytes(net.g, 100);
    long_one = mt_sequence_bytes(net.g, 200);
    ck_assert_uint_ge(long_one, 200 * 2 * WIDTH * sizeof(float));
    ck_assert_uint_ge(long_one - short_one, 100 * 2 * WIDTH * sizeof(float));
    close_net(&net);
    open_net(&net, lstm, 1, 1);
    ck_assert_uint_eq(mt_sequence_bytes(net.g, 10),
                      2 * 2 * WIDTH * sizeof(float));
    close_net(&net);
    open_net(&net, rearranged, 1, 1);
    ck_assert_uint_eq(mt_sequence_bytes(net.g, 100), 0);
    close_net(&net);
}
END_TEST

Suite *sequence_suite(void);
Suite *sequence_suite(void)
{
    Suite *suite = suite_create("sequence");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, same_bits, 0, N_FITTING);
    tcase_add_loop_test(tc, refused, 0, N_REFUSING);
    tcase_add_test(tc, memory);
    suite_add_tcase(suite, tc);
    return suite;
}
