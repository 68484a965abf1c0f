/* Softmax and log-softmax along the last dimension. */
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/spans.h"

/* The kernels of softmax and log-softmax have the same types. */
typedef void forward_kernel(float *y, const float *x, size_t rows, size_t n);
typedef void backward_kernel(float *dx, const float *g, const float *y,
                             size_t rows, size_t n);

/* Operands, forward and backward. */
enum { X };
enum { Y };
enum { DY, OF_Y };
enum { DX };

struct job {
    forward_kernel *f;
    backward_kernel *df;
    float *out;
    const float *x, *y;
    size_t n;
};

static struct mt_value *record(struct mt_graph *g, const struct mt_op *op,
                               struct mt_value *x)
{
    struct mt_node *node = mt_graph_node(g, op, NULL, 0);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

struct mt_value *mt_softmax(struct mt_graph *g, struct mt_value *x)
{
    return record(g, &mt_op_softmax, x);
}

struct mt_value *mt_log_softmax(struct mt_graph *g, struct mt_value *x)
{
    return record(g, &mt_op_log_softmax, x);
}

static void forward_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    job->f(job->out + at * job->n, job->x + at * job->n, rows, job->n);
}

static void run_forward(const struct mt_node *node, const struct mt_run *run,
                        forward_kernel *f)
{
    const struct mt_value *x = node->in[X];
    struct job job = { .f = f,
                       .out = node->out[Y]->data,
                       .x = x->data,
                       .n = mt_last_dim(x) };

    mt_row_spans(run->team, mt_rows(x), job.n, forward_span, &job);
}

static void softmax_run(const struct mt_node *node, const struct mt_run *run)
{
    run_forward(node, run, mt_kernels()->softmax);
}

static void log_softmax_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    run_forward(node, run, mt_kernels()->log_softmax);
}

static void record_grad(struct mt_graph *g, const struct mt_op *op,
                        const struct mt_node *node, struct mt_value *dy,
                        struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, op, NULL, 0);

    mt_node_input(back, dy);
    mt_node_input(back, node->out[Y]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

static void softmax_grad(struct mt_graph *g, const struct mt_node *node,
                         struct mt_value *const *d_out, struct mt_value **d_in)
{
    record_grad(g, &mt_op_softmax_grad, node, d_out[Y], d_in);
}

static void log_softmax_grad(struct mt_graph *g, const struct mt_node *node,
                             struct mt_value *const *d_out,
                             struct mt_value **d_in)
{
    record_grad(g, &mt_op_log_softmax_grad, node, d_out[Y], d_in);
}

static void backward_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    size_t first = at * job->n;

    job->df(job->out + first, job->x + first, job->y + first, rows, job->n);
}

static void run_backward(const struct mt_node *node, const struct mt_run *run,
                         backward_kernel *df)
{
    const struct mt_value *dy = node->in[DY];
    struct job job = { .df = df,
                       .out = node->out[DX]->data,
                       .x = dy->data,
                       .y = node->in[OF_Y]->data,
                       .n = mt_last_dim(dy) };

    mt_row_spans(run->team, mt_rows(dy), job.n, backward_span, &job);
}

static void softmax_grad_run(const struct mt_node *node,
                             const struct mt_run *run)
{
    run_backward(node, run, mt_kernels()->softmax_grad);
}

static void log_softmax_grad_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    run_backward(node, run, mt_kernels()->log_softmax_grad);
}

static void express(struct mt_onnx *o, const struct mt_node *node,
                    const char *op)
{
    const char *y = MT_ONNX(o, op, mt_onnx_in(o, node, X));

    mt_onnx_int(o, "axis", -1);
    mt_onnx_out(o, node, Y, y);
}

static void softmax_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    express(o, node, "Softmax");
}

static void log_softmax_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    express(o, node, "LogSoftmax");
}

const struct mt_op mt_op_softmax = {
    .name = "softmax",
    .run = softmax_run,
    .along = mt_along_rows,
    .grad = softmax_grad,
    .in_place = true,
    .onnx = softmax_onnx,
};

const struct mt_op mt_op_softmax_grad = {
    .name = "softmax_grad", .run = softmax_grad_run, .in_place = true,
};

const struct mt_op mt_op_log_softmax = {
    .name = "log_softmax",
    .run = log_softmax_run,
    .along = mt_along_rows,
    .grad = log_softmax_grad,
    .in_place = true,
    .onnx = log_softmax_onnx,
};

const struct mt_op mt_op_log_softmax_grad = {
    .name = "log_softmax_grad", .run = log_softmax_grad_run, .in_place = true,
};
