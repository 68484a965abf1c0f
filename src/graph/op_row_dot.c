/*
 * Dot products of rows: y_ro = sum_i t_roi x_ri; and a bias over rows.
 */
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands: of the dot products, of their two gradients, of a bias. */
enum { T, X };
enum { DY, OTHER }; /* OTHER: x for dt, t for dx */
enum { BIASED, BIAS };
/* The one result of each. */
enum { RESULT };

struct job {
    const float *t, *x, *g; /* (rows, n, k), (rows, k), (rows, n) */
    float *out;
    size_t n, k;
};

struct mt_value *mt_row_dot(struct mt_graph *g, struct mt_value *t,
                            struct mt_value *x)
{
    struct mt_node *node = mt_graph_node(g, &mt_op_row_dot, NULL, 0);
    struct mt_shape shape = t->shape;

    shape.rank--;
    mt_node_input(node, t);
    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

static struct job sizes(const struct mt_value *t)
{
    return (struct job){ .t = t->data,
                         .n = t->shape.dim[t->shape.rank - 2],
                         .k = mt_last_dim(t) };
}

static void dot_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *j = ctx;

    for (size_t r = at; r < at + rows; r++)
        mt_kernels()->row_dots(j->out + r * j->n, j->t + r * j->n * j->k,
                               j->x + r * j->k, j->n, j->k);
}

static void row_dot_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job j = sizes(node->in[T]);

    j.x = node->in[X]->data;
    j.out = node->out[RESULT]->data;
    mt_row_spans(run->team, mt_elements(node->in[X]) / j.k, j.n * j.k,
                 dot_span, &j);
}

static struct mt_value *record_grad(struct mt_graph *g, const struct mt_op *op,
                                    struct mt_value *dy, struct mt_value *a,
                                    const struct mt_shape *shape)
{
    struct mt_node *node = mt_graph_node(g, op, NULL, 0);

    mt_node_input(node, dy);
    mt_node_input(node, a);
    return mt_node_output(g, node, MT_F32, shape);
}

static void row_dot_grad(struct mt_graph *g, const struct mt_node *node,
                         struct mt_value *const *d_out, struct mt_value **d_in)
{
    struct mt_value *t = node->in[T], *x = node->in[X], *dy = d_out[RESULT];

    if (mt_wants_grad(node, T))
        d_in[T] = record_grad(g, &mt_op_row_outer, dy, x, &t->shape);
    if (mt_wants_grad(node, X))
        d_in[X] = record_grad(g, &mt_op_row_mix, dy, t, &x->shape);
}

static void row_dot_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const int64_t last = -1;
    const char *axis = mt_onnx_list(o, &last, 1);
    const char *x = MT_ONNX(o, "Unsqueeze", mt_onnx_in(o, node, X), axis);

    x = MT_ONNX(o, "MatMul", mt_onnx_in(o, node, T), x);
    mt_onnx_out(o, node, RESULT, MT_ONNX(o, "Squeeze", x, axis));
}

const struct mt_op mt_op_row_dot = {
    .name = "row_dot",
    .run = row_dot_run,
    .grad = row_dot_grad,
    .onnx = row_dot_onnx,
};

/* dt_roi = g_ro x_ri */
static void outer_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *j = ctx;

    for (size_t r = at; r < at + rows; r++) {
        for (size_t o = 0; o < j->n; o++)
            mt_kernels()->scale(j->out + (r * j->n + o) * j->k,
                                j->x + r * j->k, j->k, j->g[r * j->n + o]);
    }
}

static void row_outer_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job j = sizes(node->out[RESULT]);

    j.g = node->in[DY]->data;
    j.x = node->in[OTHER]->data;
    j.out = node->out[RESULT]->data;
    mt_row_spans(run->team, mt_elements(node->in[OTHER]) / j.k, j.n * j.k,
                 outer_span, &j);
}

const struct mt_op mt_op_row_outer = {
    .name = "row_outer", .run = row_outer_run,
};

/* dx_ri = sum_o g_ro t_roi, o in order */
static void mix_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *j = ctx;

    for (size_t r = at; r < at + rows; r++) {
        float *dx = j->out + r * j->k;

        mt_kernels()->scale(dx, j->t + r * j->n * j->k, j->k, j->g[r * j->n]);
        for (size_t o = 1; o < j->n; o++)
            mt_kernels()->add_scaled(dx, j->t + (r * j->n + o) * j->k, j->k,
                                     j->g[r * j->n + o]);
    }
}

static void row_mix_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job j = sizes(node->in[OTHER]);

    j.g = node->in[DY]->data;
    j.out = node->out[RESULT]->data;
    mt_row_spans(run->team, mt_elements(node->out[RESULT]) / j.k, j.n * j.k,
                 mix_span, &j);
}

const struct mt_op mt_op_row_mix = {
    .name = "row_mix", .run = row_mix_run,
};

/* --- y = x + b along the last dimension --------------------------------- */

struct mt_value *mt_add_bias(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *b)
{
    struct mt_node *node = mt_graph_node(g, &mt_op_add_bias, NULL, 0);

    mt_node_input(node, x);
    mt_node_input(node, b);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

static void bias_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *j = ctx;

    for (size_t r = at; r < at + rows; r++)
        mt_kernels()->add(j->out + r * j->n, j->x + r * j->n, j->g, j->n);
}

static void add_bias_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_value *x = node->in[BIASED];
    struct job j = { .x = x->data, .g = node->in[BIAS]->data,
                     .out = node->out[RESULT]->data, .n = mt_last_dim(x) };

    mt_row_spans(run->team, mt_rows(x), j.n, bias_span, &j);
}

static void add_bias_grad(struct mt_graph *g, const struct mt_node *node,
                          struct mt_value *const *d_out,
                          struct mt_value **d_in)
{
    if (mt_wants_grad(node, BIASED))
        d_in[BIASED] = d_out[RESULT];
    if (mt_wants_grad(node, BIAS)) {
        struct mt_node *sum = mt_graph_node(g, &mt_op_column_sum, NULL, 0);

        mt_node_input(sum, d_out[RESULT]);
        d_in[BIAS] = mt_node_output(g, sum, MT_F32, &node->in[BIAS]->shape);
    }
}

static void add_bias_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    mt_onnx_out(o, node, RESULT,
                MT_ONNX(o, "Add", mt_onnx_in(o, node, BIASED),
                        mt_onnx_in(o, node, BIAS)));
}

const struct mt_op mt_op_add_bias = {
    .name = "add_bias",
    .run = add_bias_run,
    .along = mt_along_rows,
    .grad = add_bias_grad,
    .in_place = true,
    .onnx = add_bias_onnx,
};
