/*
 * Embedding: rows of a table, selected by tokens. The gradient is summed token
 * by token in order; tasks have different columns.
 */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "graph/spans.h"

/* Operands: of embedding, of its gradient, of add_rows, of its gradient. */
enum { TOKENS, TABLE };
enum { OF_TOKENS, DY };
enum { X, ROWS };
enum { DSUM };
/* The one result of each. */
enum { RESULT };

struct embedding_args {
    int64_t padding; /* a token without gradient; -1: none */
};

enum { COLUMNS = 64 }; /* of a task */

struct job {
    const int32_t *tokens;
    const float *from;
    float *to;
    size_t n, rows, width; /* tokens; rows and columns of the table */
    int64_t padding;
};

struct rows_job {
    const float *x, *w;
    float *y;
    size_t samples, n; /* values of a sample */
};

struct mt_value *mt_embedding(struct mt_graph *g, struct mt_value *tokens,
                              struct mt_value *w, int64_t padding)
{
    struct embedding_args args = { padding };
    struct mt_node *node =
        mt_graph_node(g, &mt_op_embedding, &args, sizeof args);
    struct mt_shape shape = tokens->shape;

    shape.dim[shape.rank++] = w->shape.dim[1];
    mt_node_input(node, tokens);
    mt_node_input(node, w);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void pick_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    for (size_t i = at; i < at + n; i++)
        memcpy(job->to + i * job->width,
               job->from + (size_t)job->tokens[i] * job->width,
               job->width * sizeof *job->to);
}

static void embedding_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = { .tokens = node->in[TOKENS]->data,
                       .from = node->in[TABLE]->data,
                       .to = node->out[RESULT]->data,
                       .n = mt_elements(node->in[TOKENS]),
                       .width = mt_last_dim(node->in[TABLE]) };

    mt_row_spans(run->team, job.n, job.width, pick_span, &job);
}

static void embedding_grad(struct mt_graph *g, const struct mt_node *node,
                           struct mt_value *const *d_out,
                           struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_embedding_grad, node->args,
                                         sizeof(struct embedding_args));

    mt_node_input(back, node->in[TOKENS]);
    mt_node_input(back, d_out[RESULT]);
    d_in[TABLE] = mt_node_output(g, back, MT_F32, &node->in[TABLE]->shape);
}

static void embedding_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    mt_onnx_out(o, node, RESULT,
                MT_ONNX(o, "Gather", mt_onnx_in(o, node, TABLE),
                        mt_onnx_in(o, node, TOKENS)));
}

static bool embedding_along(const struct mt_node *node, const int *in, int *out)
{
    (void)node;
    out[RESULT] = in[TOKENS];
    return in[TABLE] == MT_NO_DIM;
}

const struct mt_op mt_op_embedding = {
    .name = "embedding",
    .run = embedding_run,
    .along = embedding_along,
    .grad = embedding_grad,
    .onnx = embedding_onnx,
};

static void scatter_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    size_t at = task * COLUMNS, left = job->width - at;
    size_t n = left < COLUMNS ? left : COLUMNS;

    (void)worker;
    for (size_t r = 0; r < job->rows; r++)
        memset(job->to + r * job->width + at, 0, n * sizeof *job->to);
    for (size_t i = 0; i < job->n; i++) {
        float *to = job->to + (size_t)job->tokens[i] * job->width + at;

        if (job->tokens[i] != job->padding)
            mt_kernels()->add(to, to, job->from + i * job->width + at, n);
    }
}

static void embedding_grad_run(const struct mt_node *node,
                               const struct mt_run *run)
{
    const struct embedding_args *args = node->args;
    const struct mt_value *dw = node->out[RESULT];
    struct job job = { .tokens = node->in[OF_TOKENS]->data,
                       .from = node->in[DY]->data,
                       .to = dw->data,
                       .n = mt_elements(node->in[OF_TOKENS]),
                       .rows = dw->shape.dim[0],
                       .width = dw->shape.dim[1],
                       .padding = args->padding };

    mt_team_run(run->team, (job.width + COLUMNS - 1) / COLUMNS, scatter_task,
                &job);
}

const struct mt_op mt_op_embedding_grad = {
    .name = "embedding_grad", .run = embedding_grad_run,
};

/* --- y = x + w, w the same for each sample of the batch ------------------ */

struct mt_value *mt_add_rows(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *w)
{
    struct mt_node *node = mt_graph_node(g, &mt_op_add_rows, NULL, 0);

    mt_node_input(node, x);
    mt_node_input(node, w);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

/* A sample of x has n values; w may be longer (unused positions). */
static void add_rows_span(const void *ctx, size_t at, size_t n)
{
    const struct rows_job *job = ctx;

    for (size_t i = at; i < at + n; i++)
        mt_kernels()->add(job->y + i * job->n, job->x + i * job->n, job->w,
                          job->n);
}

static void add_rows_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_value *x = node->in[X];
    struct rows_job job = { .x = x->data,
                            .w = node->in[ROWS]->data,
                            .y = node->out[RESULT]->data,
                            .samples = x->shape.dim[0] };

    job.n = mt_elements(x) / job.samples;
    if (run->turn.sequence)
        job.w += run->turn.sequence->position * (job.n / x->shape.dim[1]);
    mt_row_spans(run->team, job.samples, job.n, add_rows_span, &job);
}

static void add_rows_grad(struct mt_graph *g, const struct mt_node *node,
                          struct mt_value *const *d_out,
                          struct mt_value **d_in)
{
    if (mt_wants_grad(node, X))
        d_in[X] = d_out[RESULT];
    if (mt_wants_grad(node, ROWS)) {
        struct mt_node *back =
            mt_graph_node(g, &mt_op_add_rows_grad, NULL, 0);

        mt_node_input(back, d_out[RESULT]);
        d_in[ROWS] = mt_node_output(g, back, MT_F32, &node->in[ROWS]->shape);
    }
}

static void add_rows_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_value *x = node->in[X], *w = node->in[ROWS];
    const char *rows = mt_onnx_in(o, node, ROWS);
    int64_t start = 0, end = (int64_t)x->shape.dim[1];

    if (x->shape.dim[1] < w->shape.dim[0])
        rows = MT_ONNX(o, "Slice", rows, mt_onnx_list(o, &start, 1),
                       mt_onnx_list(o, &end, 1), mt_onnx_list(o, &start, 1));
    mt_onnx_out(o, node, RESULT,
                MT_ONNX(o, "Add", mt_onnx_in(o, node, X), rows));
}

static bool add_rows_along(const struct mt_node *node, const int *in, int *out)
{
    (void)node;
    out[RESULT] = in[X];
    return in[X] == 1 && in[ROWS] == MT_NO_DIM;
}

const struct mt_op mt_op_add_rows = {
    .name = "add_rows",
    .run = add_rows_run,
    .along = add_rows_along,
    .grad = add_rows_grad,
    .in_place = true,
    .onnx = add_rows_onnx,
};

/* dw = the sum over samples, in order; zero for unused positions */
static void sum_span(const void *ctx, size_t at, size_t n)
{
    const struct rows_job *job = ctx;

    mt_kernels()->column_sum(job->y + at, job->x + at, job->samples, n, job->n,
                             false);
}

static void add_rows_grad_run(const struct mt_node *node,
                              const struct mt_run *run)
{
    const struct mt_value *dy = node->in[DSUM];
    struct rows_job job = { .x = dy->data,
                            .y = node->out[RESULT]->data,
                            .samples = dy->shape.dim[0] };
    size_t whole = mt_elements(node->out[RESULT]);

    job.n = mt_elements(dy) / job.samples;
    mt_row_spans(run->team, job.n, job.samples, sum_span, &job);
    memset(job.y + job.n, 0, (whole - job.n) * sizeof *job.y);
}

const struct mt_op mt_op_add_rows_grad = {
    .name = "add_rows_grad", .run = add_rows_grad_run,
};
