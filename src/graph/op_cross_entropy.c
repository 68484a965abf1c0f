/*
 * Softmax and cross-entropy in one, with class weights, label smoothing and an
 * ignored class, as torch.nn.CrossEntropyLoss. With log p = log_softmax(x),
 * C classes, smoothing e, weights w (1 if not given), the loss is the sum over
 * the rows of
 *
 *     l_i = (1 - e) w_t (-log p_t) + e/C sum_c w_c (-log p_c),   t = t_i
 *
 * or that divided by the sum of the w_t (the mean).
 */
#include <string.h>

#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands, forward and backward; UP is the gradient of LOSS. */
enum { X, TARGETS };
enum { LOSS, MAX, SUM };
enum { OF_X, OF_TARGETS, OF_MAX, OF_SUM, UP };
enum { DX };

struct job {
    const struct mt_cross_entropy *o;
    const float *x;       /* (rows, n) */
    const int32_t *t;     /* (rows) */
    float *max, *sum;     /* (rows) */
    float *dx;            /* (rows, n) */
    double scale;
    size_t n;
};

struct mt_value *mt_cross_entropy(struct mt_graph *g, struct mt_value *x,
                                  struct mt_value *t,
                                  const struct mt_cross_entropy *options)
{
    struct mt_node *node =
        mt_graph_node(g, &mt_op_cross_entropy, options, sizeof *options);
    struct mt_shape scalar = { .rank = 0 };
    struct mt_shape rows = mt_shape_of(1, mt_rows(x));

    mt_node_input(node, x);
    mt_node_input(node, t);
    struct mt_value *loss = mt_node_output(g, node, MT_F32, &scalar);

    mt_node_output(g, node, MT_F32, &rows); /* max */
    mt_node_output(g, node, MT_F32, &rows); /* sum */
    return loss;
}

static float class_weight(const struct mt_cross_entropy *o, size_t c)
{
    return o->weight ? o->weight[c] : 1;
}

/* If all targets are ignored, the loss and its gradient are 0. */
static double divide(double x, double weights)
{
    return weights != 0 ? x / weights : 0;
}

/* The sum of the weights of the rows' classes, without ignored rows. */
static double weight_sum(const struct mt_cross_entropy *o, const int32_t *t,
                         size_t rows)
{
    double sum = 0;

    for (size_t i = 0; i < rows; i++) {
        if (t[i] != o->ignore_index)
            sum += (double)class_weight(o, (size_t)t[i]);
    }
    return sum;
}

static void stats_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    mt_kernels()->softmax_stats(job->max + at, job->sum + at,
                                job->x + at * job->n, rows, job->n);
}

/* sum_c w_c (-log p_c) of one row */
static double smoothing_term(const struct job *job, size_t row, float log_sum)
{
    const float *x = job->x + row * job->n;
    double n = (double)job->n;
    double shift = (double)job->max[row] + (double)log_sum;

    if (!job->o->weight)
        return n * shift - mt_kernels()->sum(x, job->n);

    double sum = 0;

    for (size_t c = 0; c < job->n; c++)
        sum += (double)job->o->weight[c] * (shift - (double)x[c]);
    return sum;
}

static double row_loss(const struct job *job, size_t row, float log_sum)
{
    const struct mt_cross_entropy *o = job->o;
    size_t c = (size_t)job->t[row];
    float logit = job->x[row * job->n + c] - job->max[row];
    double e = o->label_smoothing;
    double nll = (double)(log_sum - logit) * (double)class_weight(o, c);

    if (e == 0)
        return nll;
    return (1 - e) * nll +
           e / (double)job->n * smoothing_term(job, row, log_sum);
}

static void cross_entropy_run(const struct mt_node *node,
                              const struct mt_run *run)
{
    size_t rows = mt_rows(node->in[X]);
    struct job job = { .o = node->args,
                       .x = node->in[X]->data,
                       .t = node->in[TARGETS]->data,
                       .max = node->out[MAX]->data,
                       .sum = node->out[SUM]->data,
                       .n = mt_last_dim(node->in[X]) };
    float *log_sum = run->scratch, *loss = node->out[LOSS]->data;
    double total = 0;

    mt_row_spans(run->team, rows, job.n, stats_span, &job);
    mt_kernels()->log(log_sum, job.sum, rows, NULL);
    for (size_t i = 0; i < rows; i++) {
        if (job.t[i] != job.o->ignore_index)
            total += row_loss(&job, i, log_sum[i]);
    }
    if (job.o->mean)
        total = divide(total, weight_sum(job.o, job.t, rows));
    *loss = (float)total;
}

static size_t cross_entropy_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return mt_rows(node->in[X]) * sizeof(float);
}

static void cross_entropy_grad(struct mt_graph *g, const struct mt_node *node,
                               struct mt_value *const *d_out,
                               struct mt_value **d_in)
{
    struct mt_node *back =
        mt_graph_node(g, &mt_op_cross_entropy_grad, node->args,
                      sizeof(struct mt_cross_entropy));

    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->in[TARGETS]);
    mt_node_input(back, node->out[MAX]);
    mt_node_input(back, node->out[SUM]);
    mt_node_input(back, d_out[LOSS]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

const struct mt_op mt_op_cross_entropy = {
    .name = "cross_entropy",
    .run = cross_entropy_run,
    .grad = cross_entropy_grad,
    .scratch = cross_entropy_scratch,
};

/* dx_c = s ((1-e) w_t (p_c - [c = t]) + e/C (p_c sum_k w_k - w_c)) */
static void row_grad(const struct job *job, size_t row)
{
    const struct mt_kernels *k = mt_kernels();
    const struct mt_cross_entropy *o = job->o;
    size_t n = job->n, t = (size_t)job->t[row];
    const float *x = job->x + row * n;
    float *dx = job->dx + row * n;
    double hit = (1 - o->label_smoothing) * (double)class_weight(o, t);
    double each = o->label_smoothing / (double)n;

    if (!o->weight) { /* hit + each C = 1 */
        k->softmax_minus(dx, x, n, job->max[row], job->sum[row],
                         (float)job->scale, (float)each);
    } else {
        double all = hit + each * k->sum(o->weight, n);

        k->softmax_minus(dx, x, n, job->max[row], job->sum[row],
                         (float)(job->scale * all), 0);
        k->add_scaled(dx, o->weight, n, (float)(-job->scale * each));
    }
    dx[t] -= (float)(job->scale * hit);
}

static void grad_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;

    for (size_t i = at; i < at + rows; i++) {
        if (job->t[i] == job->o->ignore_index)
            memset(job->dx + i * job->n, 0, job->n * sizeof *job->dx);
        else
            row_grad(job, i);
    }
}

static void cross_entropy_grad_run(const struct mt_node *node,
                                   const struct mt_run *run)
{
    size_t rows = mt_rows(node->in[OF_X]);
    double up = *(const float *)node->in[UP]->data;
    struct job job = { .o = node->args,
                       .x = node->in[OF_X]->data,
                       .t = node->in[OF_TARGETS]->data,
                       .max = node->in[OF_MAX]->data,
                       .sum = node->in[OF_SUM]->data,
                       .dx = node->out[DX]->data,
                       .scale = up,
                       .n = mt_last_dim(node->in[OF_X]) };

    if (job.o->mean)
        job.scale = divide(up, weight_sum(job.o, job.t, rows));
    mt_row_spans(run->team, rows, job.n, grad_span, &job);
}

const struct mt_op mt_op_cross_entropy_grad = {
    .name = "cross_entropy_grad",
    .run = cross_entropy_grad_run,
    .in_place = true,
};
