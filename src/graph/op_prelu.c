/*
 * PReLU: y = x, or w_c x where x is not above 0, for channel c. The input is
 * treated as (n, c, s); with a single weight, c is 1. If s = 1, weights lie
 * side by side like the values; else each applies to a run of s.
 */
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "graph/spans.h"

/* Operands, forward and backward. */
enum { X, WEIGHT };
enum { Y };
enum { DY, OF_X, OF_WEIGHT };

struct prelu_args {
    int dx, dw; /* backward: which outputs, -1 for none */
};

struct job {
    size_t n, c, s;
    const float *x, *g, *w;
    float *y, *dw; /* y is dx in backward */
    double *sums;  /* (n, c) */
};

static struct job job_of(const struct mt_value *x, const struct mt_value *w)
{
    size_t n = x->shape.dim[0], c = mt_elements(w);

    return (struct job){ .n = n,
                         .c = c,
                         .s = mt_elements(x) / (n * c),
                         .x = x->data,
                         .w = w->data };
}

/* --- forward ------------------------------------------------------------ */

struct mt_value *mt_prelu(struct mt_graph *g, struct mt_value *x,
                          struct mt_value *w)
{
    struct mt_node *node = mt_graph_node(g, &mt_op_prelu, NULL, 0);

    mt_node_input(node, x);
    mt_node_input(node, w);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

static void forward_rows(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    for (size_t i = at * job->c; i < (at + rows) * job->c; i += job->c)
        mt_kernels()->prelu(job->y + i, job->x + i, job->w, job->c);
}

static void forward_runs(const void *ctx, size_t at, size_t runs)
{
    const struct job *job = ctx;

    for (size_t i = at; i < at + runs; i++)
        mt_kernels()->leaky_relu(job->y + i * job->s, job->x + i * job->s,
                                 job->s, job->w + i % job->c);
}

static void run_over(const struct job *job, struct mt_team *team,
                     mt_span_run *rows, mt_span_run *runs)
{
    if (job->s == 1)
        mt_row_spans(team, job->n, job->c, rows, job);
    else
        mt_row_spans(team, job->n * job->c, job->s, runs, job);
}

static void prelu_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = job_of(node->in[X], node->in[WEIGHT]);

    job.y = node->out[Y]->data;
    run_over(&job, run->team, forward_rows, forward_runs);
}

static void prelu_grad(struct mt_graph *g, const struct mt_node *node,
                       struct mt_value *const *d_out, struct mt_value **d_in)
{
    struct prelu_args none = { -1, -1 };
    struct mt_node *back =
        mt_graph_node(g, &mt_op_prelu_grad, &none, sizeof none);
    struct prelu_args *args = back->args;

    if (!args) /* no memory: the graph is marked */
        return;
    mt_node_input(back, d_out[Y]);
    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->in[WEIGHT]);
    args->dx = mt_grad_output(g, node, back, X, d_in);
    args->dw = mt_grad_output(g, node, back, WEIGHT, d_in);
}

static void prelu_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_value *w = node->in[WEIGHT];
    const char *slope =
        mt_onnx_channels(o, mt_onnx_in(o, node, WEIGHT), w->shape.dim[0],
                         node->in[X]->shape.rank);

    mt_onnx_out(o, node, Y, MT_ONNX(o, "PRelu", mt_onnx_in(o, node, X), slope));
}

/* Dimension 1 is that of channels, each of which has its weight. */
static bool prelu_along(const struct mt_node *node, const int *in, int *out)
{
    out[Y] = in[X];
    return in[WEIGHT] == MT_NO_DIM &&
           (in[X] != 1 || mt_elements(node->in[WEIGHT]) == 1);
}

const struct mt_op mt_op_prelu = {
    .name = "prelu",
    .run = prelu_run,
    .along = prelu_along,
    .grad = prelu_grad,
    .in_place = true,
    .onnx = prelu_onnx,
};

/* --- backward: dx = g, or w_c g ----------------------------------------- */

static void dx_rows(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    for (size_t i = at * job->c; i < (at + rows) * job->c; i += job->c)
        mt_kernels()->prelu_grad(job->y + i, job->g + i, job->x + i, job->w,
                                 job->c);
}

static void dx_runs(const void *ctx, size_t at, size_t runs)
{
    const struct job *job = ctx;
    size_t s = job->s;

    for (size_t i = at; i < at + runs; i++)
        mt_kernels()->leaky_relu_grad(job->y + i * s, job->g + i * s,
                                      job->x + i * s, s, job->w + i % job->c);
}

/* --- dw_c = the sum of g x where x is not above 0 ----------------------- */

enum { COLUMNS = 64 }; /* a task takes whole groups of these */

static void dw_columns(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;
    size_t c = at * COLUMNS, left = job->c - c;

    mt_kernels()->prelu_column_sum(job->dw + c, job->g + c, job->x + c, job->n,
                                   n * COLUMNS < left ? n * COLUMNS : left,
                                   job->c);
}

static void sum_runs(const void *ctx, size_t at, size_t runs)
{
    const struct job *job = ctx;

    for (size_t i = at; i < at + runs; i++)
        job->sums[i] = mt_kernels()->prelu_sum(job->g + i * job->s,
                                               job->x + i * job->s, job->s);
}

static void dw_channels(const void *ctx, size_t at, size_t channels)
{
    const struct job *job = ctx;

    for (size_t c = at; c < at + channels; c++) {
        double sum = 0;

        for (size_t i = 0; i < job->n; i++)
            sum += job->sums[i * job->c + c];
        job->dw[c] = (float)sum;
    }
}

static void run_dw(const struct job *job, struct mt_team *team)
{
    if (job->s == 1) {
        mt_row_spans(team, (job->c + COLUMNS - 1) / COLUMNS, job->n * COLUMNS,
                     dw_columns, job);
        return;
    }
    mt_row_spans(team, job->n * job->c, job->s, sum_runs, job);
    mt_row_spans(team, job->c, job->n, dw_channels, job);
}

/* dw first: dx may take the memory of g. */
static void prelu_grad_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct prelu_args *args = node->args;
    struct job job = job_of(node->in[OF_X], node->in[OF_WEIGHT]);

    job.g = node->in[DY]->data;
    job.y = mt_output_data(node, args->dx);
    job.dw = mt_output_data(node, args->dw);
    job.sums = run->scratch;
    if (job.dw)
        run_dw(&job, run->team);
    if (job.y)
        run_over(&job, run->team, dx_rows, dx_runs);
}

static size_t prelu_grad_scratch(const struct mt_node *node, size_t workers)
{
    struct job job = job_of(node->in[OF_X], node->in[OF_WEIGHT]);

    (void)workers;
    return job.s == 1 ? 0 : job.n * job.c * sizeof(double);
}

const struct mt_op mt_op_prelu_grad = {
    .name = "prelu_grad",
    .run = prelu_grad_run,
    .scratch = prelu_grad_scratch,
    .in_place = true,
};
