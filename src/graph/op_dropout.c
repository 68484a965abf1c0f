/*
 * Dropout, of elements or of whole channels. The mask is not stored: backward
 * draws the same numbers again, from the layer's own stream at this step.
 */
#include "base/size.h"
#include "graph/ops_internal.h"
#include "graph/spans.h"

/* Operands; in backward, the gradients of Y and X. */
enum { X };
enum { Y };

struct dropout_args {
    struct mt_philox_key key;
    uint32_t threshold; /* p 2^32 */
    float scale;        /* 1 / (1 - p) */
};

struct job {
    const struct dropout_args *args;
    float *y;
    const float *x;
    uint32_t step;
    size_t place; /* of the part's first value among the batch's */
};

struct channels_job {
    struct job of;
    float *mask; /* (n, c) */
    size_t size; /* of a channel */
};

static struct mt_value *record(struct mt_graph *g, const struct mt_op *op,
                               struct mt_value *x,
                               const struct dropout_args *args)
{
    struct mt_node *node = mt_graph_node(g, op, args, sizeof *args);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

static struct dropout_args args_of(double p, struct mt_philox_key key)
{
    return (struct dropout_args){ key, (uint32_t)(p * 0x1p32),
                                  (float)(1 / (1 - p)) };
}

/* n: draws of the whole part. Each sample's draws begin at a multiple of 64,
 * where streams may begin. */
static struct job job_of(const struct mt_node *node, const struct mt_run *run,
                         size_t n)
{
    const struct mt_turn *turn = &run->turn;
    size_t each = turn->samples ? mt_size_align(n / turn->samples, 64) : 0;

    return (struct job){ node->args, node->out[Y]->data, node->in[X]->data,
                         turn->step, turn->first * each };
}

/* --- elements: y_i = x_i / (1 - p), or 0 --------------------------------- */

struct mt_value *mt_dropout(struct mt_graph *g, struct mt_value *x, double p,
                            struct mt_philox_key key)
{
    struct dropout_args args = args_of(p, key);

    return record(g, &mt_op_dropout, x, &args);
}

static void dropout_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;
    const struct dropout_args *args = job->args;

    mt_kernels()->dropout(job->y + at, job->x + at, n, job->place + at,
                          args->key, job->step, args->threshold, args->scale);
}

static void dropout_run(const struct mt_node *node, const struct mt_run *run)
{
    size_t n = mt_elements(node->in[X]);
    struct job job = job_of(node, run, n);

    mt_spans(run->team, n, dropout_span, &job);
}

static void dropout_grad(struct mt_graph *g, const struct mt_node *node,
                         struct mt_value *const *d_out, struct mt_value **d_in)
{
    d_in[X] = record(g, node->op, d_out[Y], node->args);
}

const struct mt_op mt_op_dropout = {
    .name = "dropout", .run = dropout_run, .grad = dropout_grad,
    .in_place = true,
};

/* --- channels: y_nc = m_nc x_nc, m_nc = 1 / (1 - p), or 0 ----------------- */

struct mt_value *mt_dropout_channels(struct mt_graph *g, struct mt_value *x,
                                     double p, struct mt_philox_key key)
{
    struct dropout_args args = args_of(p, key);

    return record(g, &mt_op_dropout_channels, x, &args);
}

static size_t channels_of(const struct mt_value *x)
{
    return x->shape.dim[0] * x->shape.dim[1];
}

static size_t channels_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return channels_of(node->in[X]) * sizeof(float);
}

static void mask_span(const void *ctx, size_t at, size_t n)
{
    const struct channels_job *job = ctx;
    const struct dropout_args *args = job->of.args;

    for (size_t i = at; i < at + n; i++)
        job->mask[i] = 1;
    mt_kernels()->dropout(job->mask + at, job->mask + at, n, job->of.place + at,
                          args->key, job->of.step, args->threshold,
                          args->scale);
}

/* A product, as in torch: a NaN in a dropped channel stays NaN. */
static void channels_span(const void *ctx, size_t at, size_t n)
{
    const struct channels_job *job = ctx;

    for (size_t i = at; i < at + n; i++)
        mt_kernels()->scale(job->of.y + i * job->size,
                            job->of.x + i * job->size, job->size,
                            job->mask[i]);
}

static void dropout_channels_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    size_t channels = channels_of(node->in[X]);
    struct channels_job job = { job_of(node, run, channels), run->scratch,
                                mt_elements(node->in[X]) / channels };

    mt_spans(run->team, channels, mask_span, &job);
    mt_row_spans(run->team, channels, job.size, channels_span, &job);
}

const struct mt_op mt_op_dropout_channels = {
    .name = "dropout_channels",
    .run = dropout_channels_run,
    .grad = dropout_grad,
    .scratch = channels_scratch,
    .in_place = true,
};
