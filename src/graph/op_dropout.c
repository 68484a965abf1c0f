/*
 * Dropout. The mask is not stored: backward draws the same numbers again, from
 * the layer's own stream at this step.
 */
#include "graph/ops_internal.h"
#include "graph/spans.h"

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
};

static struct mt_value *record(struct mt_graph *g, struct mt_value *x,
                               const struct dropout_args *args)
{
    struct mt_node *node =
        mt_graph_node(g, &mt_op_dropout, args, sizeof *args);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

struct mt_value *mt_dropout(struct mt_graph *g, struct mt_value *x, double p,
                            struct mt_philox_key key)
{
    struct dropout_args args = { key, (uint32_t)(p * 0x1p32),
                                 (float)(1 / (1 - p)) };

    return record(g, x, &args);
}

static void dropout_span(const void *ctx, size_t at, size_t n)
{
    const struct job *job = ctx;
    const struct dropout_args *args = job->args;

    mt_kernels()->dropout(job->y + at, job->x + at, n, at, args->key,
                          job->step, args->threshold, args->scale);
}

static void dropout_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = { node->args, node->out[0]->data, node->in[0]->data,
                       run->step };

    mt_spans(run->team, mt_elements(node->in[0]), dropout_span, &job);
}

static void dropout_grad(struct mt_graph *g, const struct mt_node *node,
                         struct mt_value *const *d_out, struct mt_value **d_in)
{
    d_in[0] = record(g, d_out[0], node->args);
}

const struct mt_op mt_op_dropout = {
    .name = "dropout", .run = dropout_run, .grad = dropout_grad,
    .in_place = true,
};
