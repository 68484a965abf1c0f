/*
 * Binary cross-entropy with weights for each column, as torch's BCELoss and
 * BCEWithLogitsLoss with weight and pos_weight. When recorded, the row of
 * weights is repeated until it fills the vectors of a sum's block. Tasks are
 * whole rows; partial sums have a slot for each task.
 */
#include <string.h>

#include "graph/ops_internal.h"
#include "graph/spans.h"

enum { TILE = 1024 }; /* fewest weights, with repetitions */

typedef double forward_kernel(const float *x, const float *t, const float *q,
                              const float *w, size_t n);
typedef void backward_kernel(float *dx, const float *x, const float *t,
                             const float *q, const float *w, size_t n,
                             float scale);

/* Operands, forward and backward; UP is the gradient of LOSS. */
enum { X, TARGETS };
enum { LOSS };
enum { OF_X, OF_TARGETS, UP };
enum { DX };

struct binary_args {
    const float *hit, *all; /* (tile): repeated rows of weights */
    size_t tile;
    bool logits;
    double divisor;
};

struct job {
    const struct binary_args *args;
    forward_kernel *f;
    backward_kernel *df;
    float *dx;
    const float *x, *t;
    size_t n; /* of a row */
    float scale;
    double *partial; /* one for each task */
};

/* Copies of row (or ones), tile values in all; NULL: no memory, which
 * mt_graph_finish reports. */
static const float *lay_out(struct mt_graph *g, const float *row, size_t n,
                            size_t tile)
{
    float *out = mt_graph_alloc(g, tile * sizeof *out);

    for (size_t i = 0; out && i < tile; i++)
        out[i] = row ? row[i % n] : 1;
    return out;
}

struct mt_value *mt_binary_loss(struct mt_graph *g, struct mt_value *x,
                                struct mt_value *t,
                                const struct mt_binary_loss *options)
{
    size_t n = mt_last_dim(x), tile = n * (n < TILE ? TILE / n : 1);
    struct binary_args args = {
        .hit = lay_out(g, options->hit, n, tile),
        .all = lay_out(g, options->all, n, tile),
        .tile = tile,
        .logits = options->logits,
        .divisor = options->mean ? (double)mt_elements(x) : 1,
    };
    struct mt_shape scalar = { .rank = 0 };
    struct mt_node *node =
        mt_graph_node(g, &mt_op_binary_loss, &args, sizeof args);

    mt_node_input(node, x);
    mt_node_input(node, t);
    return mt_node_output(g, node, MT_F32, &scalar);
}

static void loss_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    const struct binary_args *args = job->args;
    size_t first = at * job->n, end = first + rows * job->n;
    double sum = 0;

    for (size_t i = first; i < end; i += args->tile) {
        size_t n = end - i < args->tile ? end - i : args->tile;

        sum += job->f(job->x + i, job->t + i, args->hit, args->all, n);
    }
    job->partial[at / mt_row_span(job->n)] = sum;
}

static size_t task_count(const struct mt_value *x)
{
    size_t span = mt_row_span(mt_last_dim(x));

    return (mt_rows(x) + span - 1) / span;
}

static void binary_loss_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    const struct mt_kernels *k = mt_kernels();
    const struct binary_args *args = node->args;
    const struct mt_value *x = node->in[X];
    struct job job = { .args = args,
                       .f = args->logits ? k->bce_logits_weighted
                                         : k->bce_weighted,
                       .x = x->data,
                       .t = node->in[TARGETS]->data,
                       .n = mt_last_dim(x),
                       .partial = run->scratch };
    float *loss = node->out[LOSS]->data;
    double sum = 0;

    mt_row_spans(run->team, mt_rows(x), job.n, loss_span, &job);
    for (size_t i = 0; i < task_count(x); i++)
        sum += job.partial[i];
    *loss = (float)(sum / args->divisor);
}

static size_t binary_loss_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return task_count(node->in[X]) * sizeof(double);
}

static void binary_loss_grad(struct mt_graph *g, const struct mt_node *node,
                             struct mt_value *const *d_out,
                             struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_binary_loss_grad, node->args,
                                         sizeof(struct binary_args));

    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->in[TARGETS]);
    mt_node_input(back, d_out[LOSS]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

const struct mt_op mt_op_binary_loss = {
    .name = "binary_loss",
    .run = binary_loss_run,
    .grad = binary_loss_grad,
    .scratch = binary_loss_scratch,
};

static void grad_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    const struct binary_args *args = job->args;
    size_t first = at * job->n, end = first + rows * job->n;

    for (size_t i = first; i < end; i += args->tile) {
        size_t n = end - i < args->tile ? end - i : args->tile;

        job->df(job->dx + i, job->x + i, job->t + i, args->hit, args->all, n,
                job->scale);
    }
}

static void binary_loss_grad_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    const struct mt_kernels *k = mt_kernels();
    const struct binary_args *args = node->args;
    const struct mt_value *x = node->in[OF_X];
    double up = *(const float *)node->in[UP]->data;
    struct job job = { .args = args,
                       .df = args->logits ? k->bce_logits_weighted_grad
                                          : k->bce_weighted_grad,
                       .dx = node->out[DX]->data,
                       .x = x->data,
                       .t = node->in[OF_TARGETS]->data,
                       .n = mt_last_dim(x),
                       .scale = (float)(up / args->divisor) };

    mt_row_spans(run->team, mt_rows(x), job.n, grad_span, &job);
}

const struct mt_op mt_op_binary_loss_grad = {
    .name = "binary_loss_grad",
    .run = binary_loss_grad_run,
    .in_place = true,
};
