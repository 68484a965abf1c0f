/* Activations, by the table of kernels/activation.h. */
#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands, forward and backward; SAVED is X or Y. */
enum { X };
enum { Y };
enum { DY, SAVED };
enum { DX };

struct activation_args {
    const struct mt_activation *f;
    float p[2];
};

const struct mt_activation *mt_activation_of(const struct mt_node *node,
                                             float p[2])
{
    const struct activation_args *args = node->args;

    p[0] = args->p[0];
    p[1] = args->p[1];
    return args->f;
}

struct mt_value *mt_activate(struct mt_graph *g, struct mt_value *x,
                             const struct mt_activation *f, const float p[2])
{
    struct activation_args args = { f, { p ? p[0] : 0, p ? p[1] : 0 } };
    struct mt_node *node =
        mt_graph_node(g, &mt_op_activation, &args, sizeof args);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

struct job {
    mt_unary *f;
    mt_unary_grad *df;
    float *y;
    const float *x, *s, *p;
};

static void forward_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    job->f(job->y + at, job->x + at, n, job->p);
}

static void activation_run(const struct mt_node *node,
                           const struct mt_run *run)
{
    const struct activation_args *args = node->args;
    struct job job = { .f = mt_activation_forward(args->f),
                       .y = node->out[Y]->data,
                       .x = node->in[X]->data,
                       .p = args->p };

    mt_spans(run->team, mt_elements(node->in[X]), forward_span, &job);
}

static void activation_grad(struct mt_graph *g, const struct mt_node *node,
                            struct mt_value *const *d_out,
                            struct mt_value **d_in)
{
    const struct activation_args *args = node->args;
    struct mt_node *back =
        mt_graph_node(g, &mt_op_activation_grad, args, sizeof *args);

    mt_node_input(back, d_out[Y]);
    mt_node_input(back, args->f->saves_output ? node->out[Y] : node->in[X]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

const struct mt_op mt_op_activation = {
    .name = "activation",
    .run = activation_run,
    .grad = activation_grad,
    .in_place = true,
};

static void backward_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    job->df(job->y + at, job->x + at, job->s + at, n, job->p);
}

static void activation_grad_run(const struct mt_node *node,
                                const struct mt_run *run)
{
    const struct activation_args *args = node->args;
    struct job job = { .df = mt_activation_backward(args->f),
                       .y = node->out[DX]->data,
                       .x = node->in[DY]->data,
                       .s = node->in[SAVED]->data,
                       .p = args->p };

    mt_spans(run->team, mt_elements(node->in[DY]), backward_span, &job);
}

const struct mt_op mt_op_activation_grad = {
    .name = "activation_grad",
    .run = activation_grad_run,
    .in_place = true,
};
