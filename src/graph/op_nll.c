/*
 * The negative log-likelihood of classes, with class weights and an ignored
 * class, as torch.nn.NLLLoss: the sum over the rows of l_i = -w_t x_it, t =
 * t_i, or that divided by the sum of the w_t (the mean).
 */
#include <string.h>

#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands, forward and backward; UP is the gradient of LOSS. */
enum { X, TARGETS };
enum { LOSS, DIVISOR };
enum { OF_TARGETS, OF_DIVISOR, UP };
enum { DX };

struct job {
    const struct mt_nll *o;
    const float *x;   /* (rows, n) */
    const int32_t *t; /* (rows) */
    float *dx;        /* (rows, n) */
    double scale;
    size_t n;
    double *partial; /* two for each task: the sums of losses and weights */
};

struct mt_value *mt_nll(struct mt_graph *g, struct mt_value *x,
                        struct mt_value *t, const struct mt_nll *options)
{
    struct mt_node *node =
        mt_graph_node(g, &mt_op_nll, options, sizeof *options);
    struct mt_shape scalar = { .rank = 0 };

    mt_node_input(node, x);
    mt_node_input(node, t);
    struct mt_value *loss = mt_node_output(g, node, MT_F32, &scalar);

    mt_node_output(g, node, MT_F32, &scalar); /* 1, or the sum of weights */
    return loss;
}

static double class_weight(const struct mt_nll *o, int32_t c)
{
    return o->weight ? (double)o->weight[c] : 1;
}

/* A task has at most MT_SPAN rows, whatever their width. */
static void loss_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    double sum = 0, weights = 0;

    for (size_t i = at; i < at + rows; i++) {
        int32_t c = job->t[i];

        if (c == job->o->ignore_index)
            continue;
        double w = class_weight(job->o, c);

        sum -= w * (double)job->x[i * job->n + (size_t)c];
        weights += w;
    }
    job->partial[2 * (at / MT_SPAN)] = sum;
    job->partial[2 * (at / MT_SPAN) + 1] = weights;
}

static size_t task_count(const struct mt_value *x)
{
    return (mt_rows(x) + MT_SPAN - 1) / MT_SPAN;
}

static void nll_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_value *x = node->in[X];
    struct job job = { .o = node->args,
                       .x = x->data,
                       .t = node->in[TARGETS]->data,
                       .n = mt_last_dim(x),
                       .partial = run->scratch };
    float *loss = node->out[LOSS]->data, *divisor = node->out[DIVISOR]->data;
    double sum = 0, weights = 0;

    mt_spans(run->team, mt_rows(x), loss_span, &job);
    for (size_t i = 0; i < task_count(x); i++) {
        sum += job.partial[2 * i];
        weights += job.partial[2 * i + 1];
    }
    *divisor = job.o->mean ? (float)weights : 1;
    *loss = (float)(job.o->mean && weights != 0 ? sum / weights : sum);
}

static size_t nll_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return 2 * task_count(node->in[X]) * sizeof(double);
}

static void nll_grad(struct mt_graph *g, const struct mt_node *node,
                     struct mt_value *const *d_out, struct mt_value **d_in)
{
    struct mt_node *back =
        mt_graph_node(g, &mt_op_nll_grad, node->args, sizeof(struct mt_nll));

    mt_node_input(back, node->in[TARGETS]);
    mt_node_input(back, node->out[DIVISOR]);
    mt_node_input(back, d_out[LOSS]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

const struct mt_op mt_op_nll = {
    .name = "nll",
    .run = nll_run,
    .grad = nll_grad,
    .scratch = nll_scratch,
};

/* dx_ic = -w_t / (sum of the weights) if c = t, else 0 */
static void grad_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    memset(job->dx + at * job->n, 0, rows * job->n * sizeof *job->dx);
    for (size_t i = at; i < at + rows; i++) {
        int32_t c = job->t[i];

        if (c != job->o->ignore_index)
            job->dx[i * job->n + (size_t)c] =
                (float)(-class_weight(job->o, c) * job->scale);
    }
}

static void nll_grad_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_value *dx = node->out[DX];
    double divisor = (double)*(const float *)node->in[OF_DIVISOR]->data;
    double up = (double)*(const float *)node->in[UP]->data;
    struct job job = { .o = node->args,
                       .t = node->in[OF_TARGETS]->data,
                       .dx = dx->data,
                       .scale = divisor != 0 ? up / divisor : 0,
                       .n = mt_last_dim(dx) };

    mt_row_spans(run->team, mt_rows(dx), job.n, grad_span, &job);
}

const struct mt_op mt_op_nll_grad = {
    .name = "nll_grad",
    .run = nll_grad_run,
};
