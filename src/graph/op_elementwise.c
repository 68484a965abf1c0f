/* Sums, products and copies of equal shapes. */
#include <string.h>

#include "graph/fused.h"
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands; a copy has no B. */
enum { A, B };
enum { Y };

typedef void binary_kernel(float *y, const float *a, const float *b, size_t n);

struct binary_args {
    struct mt_fused fused;
    struct mt_deferred read[2]; /* A and B of a sum */
};

struct job {
    const struct mt_node *node;
    binary_kernel *f;
    float *y;
    const float *a, *b;
};

static struct mt_value *record(struct mt_graph *g, const struct mt_op *op,
                               struct mt_value *a, struct mt_value *b)
{
    struct binary_args args = { 0 };
    struct mt_node *node = mt_graph_node(g, op, &args, sizeof args);

    mt_node_input(node, a);
    if (b)
        mt_node_input(node, b);
    return mt_node_output(g, node, a->dtype, &a->shape);
}

struct mt_value *mt_add(struct mt_graph *g, struct mt_value *a,
                        struct mt_value *b)
{
    return record(g, &mt_op_add, a, b);
}

struct mt_value *mt_mul(struct mt_graph *g, struct mt_value *a,
                        struct mt_value *b)
{
    return record(g, &mt_op_mul, a, b);
}

struct mt_value *mt_copy(struct mt_graph *g, struct mt_value *x)
{
    return record(g, &mt_op_copy, x, NULL);
}

static void binary_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;
    const struct binary_args *args = job->node->args;

    job->f(job->y + at, job->a + at, job->b + at, n);
    mt_fused_finish(&args->fused, job->node, job->y, at, n);
}

/* The sum where A, B or both are normalised when they are read. */
static void deferred_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;
    const struct binary_args *args = job->node->args;
    const struct mt_fused *fused = &args->fused;
    struct mt_normed of_a, of_b;
    const struct mt_normed *a =
        mt_deferred_read(&args->read[A], job->node, &of_a);
    const struct mt_normed *b =
        mt_deferred_read(&args->read[B], job->node, &of_b);

    bool relu = fused->act && mt_is_relu(fused->act);

    mt_normed_add(a ? a : b, a ? b : NULL, job->y, a ? job->a : job->b,
                  a ? job->b : job->a, at, n, mt_channel_size(job->node->in[A]),
                  relu);
    if (!relu)
        mt_fused_finish(fused, job->node, job->y, at, n);
}

static bool absorb(struct mt_graph *g, struct mt_node *node,
                   const struct mt_node *next)
{
    struct binary_args *args = node->args;

    (void)g;
    return mt_fused_activation(&args->fused, next) ||
           mt_fused_gradient(&args->fused, node, next);
}

static bool reads_deferred(const struct mt_node *node)
{
    const struct binary_args *args = node->args;

    return args->read[A].coef || args->read[B].coef;
}

static void run_binary(const struct mt_node *node, const struct mt_run *run,
                       binary_kernel *f)
{
    struct job job = { node, f, node->out[Y]->data, node->in[A]->data,
                       node->in[B]->data };

    mt_spans(run->team, mt_elements(node->in[A]),
             reads_deferred(node) ? deferred_span : binary_span, &job);
}

static void add_run(const struct mt_node *node, const struct mt_run *run)
{
    run_binary(node, run, mt_kernels()->add);
}

static void add_grad(struct mt_graph *g, const struct mt_node *node,
                     struct mt_value *const *d_out, struct mt_value **d_in)
{
    (void)g;
    for (size_t i = 0; i < 2; i++)
        d_in[i] = mt_wants_grad(node, i) ? d_out[Y] : NULL;
}

static struct mt_value *add_again(struct mt_graph *g,
                                  const struct mt_node *node,
                                  struct mt_value *const *in)
{
    struct mt_value *sum = mt_add(g, in[A], in[B]);

    if (mt_graph_failed(g))
        return sum;
    *(struct binary_args *)sum->producer->args =
        *(const struct binary_args *)node->args;
    for (size_t i = B + 1; i < node->n_in; i++) /* what the args name */
        mt_node_input(sum->producer, in[i]);
    return sum;
}

static struct mt_deferred *add_deferred(const struct mt_node *node, size_t k)
{
    struct binary_args *args = node->args;

    return k <= B ? &args->read[k] : mt_fused_deferred(&args->fused, k);
}

static void express(struct mt_onnx *o, const struct mt_node *node,
                    const char *op)
{
    mt_onnx_out(o, node, Y,
                MT_ONNX(o, op, mt_onnx_in(o, node, A), mt_onnx_in(o, node, B)));
}

static void add_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    express(o, node, "Add");
}

static void mul_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    express(o, node, "Mul");
}

static void copy_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    express(o, node, "Identity");
}

const struct mt_op mt_op_add = {
    .name = "add",
    .again = add_again,
    .run = add_run,
    .along = mt_along_elements,
    .grad = add_grad,
    .absorb = absorb,
    .deferred = add_deferred,
    .in_place = true,
    .onnx = add_onnx,
};

static void mul_run(const struct mt_node *node, const struct mt_run *run)
{
    run_binary(node, run, mt_kernels()->mul);
}

static void mul_grad(struct mt_graph *g, const struct mt_node *node,
                     struct mt_value *const *d_out, struct mt_value **d_in)
{
    for (size_t i = 0; i < 2; i++)
        d_in[i] = mt_wants_grad(node, i) ? mt_mul(g, d_out[Y], node->in[1 - i])
                                         : NULL;
}

const struct mt_op mt_op_mul = {
    .name = "mul",
    .run = mul_run,
    .along = mt_along_elements,
    .grad = mul_grad,
    .in_place = true,
    .onnx = mul_onnx,
};

static void copy_run(const struct mt_node *node, const struct mt_run *run)
{
    (void)run;
    memmove(node->out[Y]->data, node->in[A]->data, node->in[A]->bytes);
}

static void copy_grad(struct mt_graph *g, const struct mt_node *node,
                      struct mt_value *const *d_out, struct mt_value **d_in)
{
    (void)g;
    (void)node;
    d_in[A] = d_out[Y];
}

const struct mt_op mt_op_copy = {
    .name = "copy",
    .run = copy_run,
    .along = mt_along_elements,
    .grad = copy_grad,
    .in_place = true,
    .onnx = copy_onnx,
};
