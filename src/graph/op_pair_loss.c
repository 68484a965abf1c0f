/*
 * Losses over pairs (x_i, t_i): a sum of l(x_i, t_i), divided by a number that
 * is known at recording. Partial sums are taken per span and added in order.
 */
#include <string.h>

#include "graph/ops_internal.h"
#include "graph/spans.h"

#define ROW(name)                                                              \
    {                                                                          \
        #name, offsetof(struct mt_kernels, name),                              \
            offsetof(struct mt_kernels, name##_grad)                           \
    }

static const struct mt_pair_loss_type types[] = {
    ROW(mse),
    ROW(l1),
    ROW(bce_logits),
    ROW(smooth_l1),
    ROW(huber),
    ROW(bce),
    ROW(kl_div),
    ROW(kl_div_log),
};

const struct mt_pair_loss_type *mt_pair_loss_find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

/* Operands, forward and backward; UP is the gradient of LOSS. */
enum { X, TARGETS };
enum { LOSS };
enum { OF_X, OF_TARGETS, UP };
enum { DX };

struct loss_args {
    const struct mt_pair_loss_type *type;
    double divisor;
    float p[3];
};

struct job {
    mt_pair_loss *f;
    mt_pair_loss_grad *df;
    float *dx;
    const float *x, *t, *p;
    float scale;
    double *partial; /* one for each span */
};

struct mt_value *mt_pair_loss_of(struct mt_graph *g, struct mt_value *x,
                                 struct mt_value *t,
                                 const struct mt_pair_loss_type *type,
                                 bool mean, const float p[3])
{
    return mt_pair_loss_over(g, x, t, type,
                             mean ? (double)mt_elements(x) : 1, p);
}

struct mt_value *mt_pair_loss_over(struct mt_graph *g, struct mt_value *x,
                                   struct mt_value *t,
                                   const struct mt_pair_loss_type *type,
                                   double divisor, const float p[3])
{
    struct loss_args args = { .type = type, .divisor = divisor };
    struct mt_shape scalar = { .rank = 0 };

    if (p)
        memcpy(args.p, p, sizeof args.p);
    struct mt_node *node =
        mt_graph_node(g, &mt_op_pair_loss, &args, sizeof args);

    mt_node_input(node, x);
    mt_node_input(node, t);
    return mt_node_output(g, node, MT_F32, &scalar);
}

static void loss_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    job->partial[at / MT_SPAN] = job->f(job->x + at, job->t + at, n, job->p);
}

static size_t span_count(size_t n)
{
    return (n + MT_SPAN - 1) / MT_SPAN;
}

static void pair_loss_run(const struct mt_node *node,
                          const struct mt_run *run)
{
    const struct loss_args *args = node->args;
    size_t n = mt_elements(node->in[X]);
    struct job job = { .x = node->in[X]->data,
                       .t = node->in[TARGETS]->data,
                       .p = args->p,
                       .partial = run->scratch };
    float *loss = node->out[LOSS]->data;
    double sum = 0;

    memcpy(&job.f, (const char *)mt_kernels() + args->type->forward,
           sizeof job.f);
    mt_spans(run->team, n, loss_span, &job);
    for (size_t i = 0; i < span_count(n); i++)
        sum += job.partial[i];
    *loss = (float)(sum / args->divisor);
}

static size_t pair_loss_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return span_count(mt_elements(node->in[X])) * sizeof(double);
}

static void pair_loss_grad(struct mt_graph *g, const struct mt_node *node,
                           struct mt_value *const *d_out,
                           struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_pair_loss_grad, node->args,
                                         sizeof(struct loss_args));

    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->in[TARGETS]);
    mt_node_input(back, d_out[LOSS]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

const struct mt_op mt_op_pair_loss = {
    .name = "pair_loss",
    .run = pair_loss_run,
    .grad = pair_loss_grad,
    .scratch = pair_loss_scratch,
};

static void loss_grad_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    job->df(job->dx + at, job->x + at, job->t + at, n, job->scale, job->p);
}

static void pair_loss_grad_run(const struct mt_node *node,
                               const struct mt_run *run)
{
    const struct loss_args *args = node->args;
    size_t n = mt_elements(node->in[OF_X]);
    double up = *(const float *)node->in[UP]->data;
    struct job job = { .dx = node->out[DX]->data,
                       .x = node->in[OF_X]->data,
                       .t = node->in[OF_TARGETS]->data,
                       .p = args->p,
                       .scale = (float)(up / args->divisor) };

    memcpy(&job.df, (const char *)mt_kernels() + args->type->backward,
           sizeof job.df);
    mt_spans(run->team, n, loss_grad_span, &job);
}

const struct mt_op mt_op_pair_loss_grad = {
    .name = "pair_loss_grad", .run = pair_loss_grad_run, .in_place = true,
};
