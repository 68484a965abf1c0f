/* Activations, by the table of kernels/activation.h. */
#include <assert.h>
#include <string.h>

#include "graph/deferred.h"
#include "graph/onnx.h"
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
    struct mt_deferred saved; /* how SAVED is read */
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
    assert(f); /* NULL: there is no kernel with the layer's name */
    struct activation_args args = { f, { p ? p[0] : 0, p ? p[1] : 0 }, { 0 } };
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
    const struct mt_normed *saved; /* how s is read, or NULL: as it is */
    size_t size;                   /* of a channel of s */
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

/* --- in ONNX ------------------------------------------------------------ */

static const char *scaled(struct mt_onnx *o, const char *x, float factor)
{
    return MT_ONNX(o, "Mul", x, mt_onnx_scalar(o, factor));
}

static const char *shifted(struct mt_onnx *o, const char *x, float by)
{
    return MT_ONNX(o, "Add", x, mt_onnx_scalar(o, by));
}

static const char *with_alpha(struct mt_onnx *o, const char *op, const char *x,
                              const float p[2])
{
    x = MT_ONNX(o, op, x);
    mt_onnx_float(o, "alpha", p[0]);
    return x;
}

static const char *plain(struct mt_onnx *o, const char *op, const char *x,
                         const float p[2])
{
    (void)p;
    return MT_ONNX(o, op, x);
}

/* x / 2 (1 + f(...)) */
static const char *gelu_of(struct mt_onnx *o, const char *x, const char *inner)
{
    return scaled(o, MT_ONNX(o, "Mul", x, shifted(o, inner, 1)), 0.5f);
}

static const char *gelu(struct mt_onnx *o, const char *op, const char *x,
                        const float p[2])
{
    const char *inner = scaled(o, x, 0x1.6a09e6p-1f); /* sqrt(1/2) */

    (void)p;
    return gelu_of(o, x, MT_ONNX(o, op, inner));
}

/* tanh(sqrt(2 / pi) (x + 0.044715 x^3)) */
static const char *gelu_tanh(struct mt_onnx *o, const char *op, const char *x,
                             const float p[2])
{
    const char *square = MT_ONNX(o, "Mul", x, x);
    const char *factor = shifted(o, scaled(o, square, 0.044715f), 1);
    const char *inner = scaled(o, MT_ONNX(o, "Mul", x, factor), 0x1.988454p-1f);

    (void)p;
    return gelu_of(o, x, MT_ONNX(o, op, inner));
}

static const char *silu(struct mt_onnx *o, const char *op, const char *x,
                        const float p[2])
{
    (void)p;
    return MT_ONNX(o, "Mul", x, MT_ONNX(o, op, x));
}

static const char *mish(struct mt_onnx *o, const char *op, const char *x,
                        const float p[2])
{
    (void)p;
    return MT_ONNX(o, "Mul", x, MT_ONNX(o, op, MT_ONNX(o, "Softplus", x)));
}

/* ln(1 + e^(beta x)) / beta; x where beta x is above the threshold */
static const char *softplus(struct mt_onnx *o, const char *op, const char *x,
                            const float p[2])
{
    const char *bx = p[0] == 1 ? x : scaled(o, x, p[0]);
    const char *y = MT_ONNX(o, op, bx);
    const char *above = MT_ONNX(o, "Greater", bx, mt_onnx_scalar(o, p[1]));

    if (p[0] != 1)
        y = MT_ONNX(o, "Div", y, mt_onnx_scalar(o, p[0]));
    return MT_ONNX(o, "Where", above, x, y);
}

static const char *clip(struct mt_onnx *o, const char *op, const char *x,
                        const float p[2])
{
    return MT_ONNX(o, op, x, mt_onnx_scalar(o, p[0]), mt_onnx_scalar(o, p[1]));
}

static const struct {
    const char *name, *op;
    const char *(*express)(struct mt_onnx *o, const char *op, const char *x,
                           const float p[2]);
} expressions[] = {
    { "relu", "Relu", plain },
    { "leaky_relu", "LeakyRelu", with_alpha },
    { "elu", "Elu", with_alpha },
    { "selu", "Selu", plain },
    { "gelu", "Erf", gelu },
    { "gelu_tanh", "Tanh", gelu_tanh },
    { "silu", "Sigmoid", silu },
    { "mish", "Tanh", mish },
    { "tanh", "Tanh", plain },
    { "sigmoid", "Sigmoid", plain },
    { "softplus", "Softplus", softplus },
    { "hardswish", "HardSwish", plain },
    { "hardtanh", "Clip", clip },
};

static void activation_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct activation_args *args = node->args;
    const char *x = mt_onnx_in(o, node, X);

    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        if (strcmp(expressions[i].name, args->f->name) != 0)
            continue;
        mt_onnx_out(o, node, Y,
                    expressions[i].express(o, expressions[i].op, x, args->p));
        return;
    }
    mt_onnx_refuse(o, node, "its activation cannot be expressed in ONNX");
}

const struct mt_op mt_op_activation = {
    .name = "activation",
    .run = activation_run,
    .along = mt_along_elements,
    .grad = activation_grad,
    .in_place = true,
    .onnx = activation_onnx,
};

static void backward_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;

    if (job->saved)
        mt_normed_relu_grad(job->saved, job->y, job->x, job->s, at, n,
                            job->size);
    else
        job->df(job->y + at, job->x + at, job->s + at, n, job->p);
}

static void activation_grad_run(const struct mt_node *node,
                                const struct mt_run *run)
{
    const struct activation_args *args = node->args;
    struct mt_normed read;
    struct job job = { .df = mt_activation_backward(args->f),
                       .y = node->out[DX]->data,
                       .x = node->in[DY]->data,
                       .s = node->in[SAVED]->data,
                       .p = args->p,
                       .saved = mt_deferred_read(&args->saved, node, &read) };

    if (job.saved)
        job.size = mt_channel_size(node->in[SAVED]);

    mt_spans(run->team, mt_elements(node->in[DY]), backward_span, &job);
}

static struct mt_deferred *grad_deferred(const struct mt_node *node, size_t k)
{
    struct activation_args *args = node->args;

    return k == SAVED && mt_is_relu(args->f) ? &args->saved : NULL;
}

const struct mt_op mt_op_activation_grad = {
    .name = "activation_grad",
    .run = activation_grad_run,
    .deferred = grad_deferred,
    .in_place = true,
};
