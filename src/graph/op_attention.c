/*
 * Scaled dot-product self-attention over projected queries, keys and values
 * (after Vaswani et al., "Attention is all you need"): kernels/attention.h, one
 * task for each sample and head. Forward keeps the maximum and the sum of each
 * row of probabilities for backward.
 */
#include <assert.h>
#include <math.h>

#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "kernels/attention.h"
#include "kernels/dmath.h"

/* Operands, forward and backward; both read QKV. */
enum { QKV };
enum { OUT, MAX, SUM };
enum { OF_MAX = QKV + 1, OF_SUM, DY };
enum { DQKV };

struct attention_args {
    size_t heads;
    bool causal;
    struct mt_philox_key key;
    uint32_t threshold; /* of dropout; 0: none */
    float keep_scale;
};

struct job {
    const struct attention_args *args;
    const float *qkv, *dout;
    float *result;       /* forward: out; backward: dqkv */
    float *max, *sum;    /* (samples, heads, t) */
    size_t t, d, model;  /* steps, size of a head, of all heads */
    float scale;
    uint32_t step;
    size_t first; /* index of the first head in the whole batch */
    char *scratch;
    size_t own_bytes; /* of a worker's scratch */
    const struct mt_sequence *sequence;
    char *memory;    /* with a sequence: mt_attention_memory of each head */
    bool no_outputs; /* with a sequence: only fill memory */
};

static struct job make_job(const struct mt_node *node,
                           const struct mt_run *run,
                           const struct mt_value *qkv)
{
    const struct attention_args *args = node->args;
    struct job job = { .args = args,
                       .qkv = qkv->data,
                       .step = run->turn.step,
                       .first = run->turn.first * args->heads,
                       .scratch = run->scratch };

    job.t = qkv->shape.dim[1];
    job.model = qkv->shape.dim[2] / 3;
    job.d = job.model / args->heads;
    job.scale = (float)(1 / mt_dsqrt((double)job.d));
    return job;
}

static struct mt_attention all_heads(const struct job *job)
{
    const struct attention_args *args = job->args;

    return (struct mt_attention){ .t = job->t,
                                  .d = job->d,
                                  .ld = 3 * job->model,
                                  .ld_out = job->model,
                                  .causal = args->causal,
                                  .scale = job->scale,
                                  .key = args->key,
                                  .step = job->step,
                                  .threshold = args->threshold,
                                  .keep_scale = args->keep_scale };
}

/* Where the head of a task begins in (samples, t, 3 model), and in (samples, t,
 * model). */
static size_t head_at(const struct job *job, size_t task, size_t parts)
{
    size_t sample = task / job->args->heads, at = task % job->args->heads;

    return sample * job->t * parts * job->model + at * job->d;
}

static struct mt_attention_head one_head(const struct job *job, size_t task)
{
    const float *q = job->qkv + head_at(job, task, 3);

    return (struct mt_attention_head){ .q = q,
                                       .k = q + job->model,
                                       .v = q + 2 * job->model,
                                       .max = job->max + task * job->t,
                                       .sum = job->sum + task * job->t,
                                       .stream = job->first + task };
}

static float *scratch_of(const struct job *job, size_t worker)
{
    return (float *)(job->scratch + worker * job->own_bytes);
}

/* --- forward ------------------------------------------------------------ */

static size_t own_bytes(const struct mt_node *node,
                        size_t (*bytes)(size_t t, size_t d))
{
    const struct attention_args *args = node->args;
    const struct mt_shape *shape = &node->in[QKV]->shape;

    return bytes(shape->dim[1], shape->dim[2] / 3 / args->heads);
}

static size_t attention_scratch(const struct mt_node *node, size_t workers)
{
    return workers * own_bytes(node, mt_attention_scratch);
}

static void forward_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    struct mt_attention all = all_heads(job);
    struct mt_attention_head head = one_head(job, task);

    head.out = job->result + head_at(job, task, 1);
    mt_attention_forward(&all, &head, scratch_of(job, worker));
}

/* --- position by position ----------------------------------------------- */

static bool attention_along(const struct mt_node *node, const int *in, int *out)
{
    const struct attention_args *args = node->args;

    out[OUT] = in[QKV];
    return args->causal && !args->threshold && in[QKV] == 1;
}

static size_t attention_memory(const struct mt_node *node, size_t context)
{
    const struct attention_args *args = node->args;
    const struct mt_shape *shape = &node->in[QKV]->shape;

    return shape->dim[0] * args->heads *
           mt_attention_memory(context, shape->dim[2] / 3 / args->heads);
}

static void sequence_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    const struct mt_sequence *s = job->sequence;
    struct mt_attention all = all_heads(job);
    struct mt_attention_head head = one_head(job, task);
    size_t bytes = mt_attention_memory(s->context, job->d);
    float *memory = (float *)(job->memory + task * bytes);

    assert(s->position + job->t <= s->context);
    mt_attention_remember(&all, &head, s->position, s->context, memory);
    if (job->no_outputs)
        return;
    if (s->position == 0) {
        forward_task(ctx, task, worker);
        return;
    }
    assert(job->t == 1);
    head.out = job->result + head_at(job, task, 1);
    mt_attention_next(&all, &head, s->position, s->context, memory);
}

struct mt_value *mt_attention(struct mt_graph *g, struct mt_value *qkv,
                              size_t heads, bool causal, double dropout,
                              struct mt_philox_key key)
{
    struct attention_args args = { heads, causal, key,
                                   (uint32_t)(dropout * 0x1p32),
                                   (float)(1 / (1 - dropout)) };
    struct mt_node *node =
        mt_graph_node(g, &mt_op_attention, &args, sizeof args);
    struct mt_shape shape = qkv->shape;
    struct mt_shape rows = mt_shape_of(3, shape.dim[0], heads, shape.dim[1]);

    shape.dim[2] /= 3;
    mt_node_input(node, qkv);
    struct mt_value *out = mt_node_output(g, node, MT_F32, &shape);

    mt_node_output(g, node, MT_F32, &rows); /* max */
    mt_node_output(g, node, MT_F32, &rows); /* sum */
    return out;
}

static void attention_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = make_job(node, run, node->in[QKV]);

    job.result = node->out[OUT]->data;
    job.max = node->out[MAX]->data;
    job.sum = node->out[SUM]->data;
    job.own_bytes = own_bytes(node, mt_attention_scratch);
    job.sequence = run->turn.sequence;
    job.memory = run->memory;
    job.no_outputs = run->no_outputs;
    mt_team_run(run->team, node->in[QKV]->shape.dim[0] * job.args->heads,
                job.sequence ? sequence_task : forward_task, &job);
}

static void attention_grad(struct mt_graph *g, const struct mt_node *node,
                           struct mt_value *const *d_out,
                           struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_attention_grad, node->args,
                                         sizeof(struct attention_args));

    mt_node_input(back, node->in[QKV]);
    mt_node_input(back, node->out[MAX]);
    mt_node_input(back, node->out[SUM]);
    mt_node_input(back, d_out[OUT]);
    d_in[QKV] = mt_node_output(g, back, MT_F32, &node->in[QKV]->shape);
}

/* --- in ONNX ------------------------------------------------------------ */

/* (t, t): 0 where step i sees step j <= i, -inf elsewhere */
static const char *causal_mask(struct mt_onnx *o, size_t t)
{
    const char *all = mt_onnx_reshape(o, mt_onnx_filled(o, 1, -INFINITY),
                                      (const int64_t[]){ 1, 1 }, 2);
    const int64_t shape[] = { (int64_t)t, (int64_t)t }, above = 1;

    all = MT_ONNX(o, "Expand", all, mt_onnx_list(o, shape, 2));
    return MT_ONNX(o, "Trilu", all, mt_onnx_index(o, above));
}

static const char *transposed(struct mt_onnx *o, const char *x,
                              const int64_t *perm, size_t n)
{
    x = MT_ONNX(o, "Transpose", x);
    mt_onnx_ints(o, "perm", perm, n);
    return x;
}

/* softmax(q k^T / sqrt(d / heads) + mask) v, heads side by side */
static void attention_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct attention_args *args = node->args;
    const struct mt_shape *out = &node->out[OUT]->shape;
    size_t d = out->dim[2] / args->heads;
    const int64_t t = (int64_t)out->dim[1];
    const int64_t apart[] = { -1, t, 3, (int64_t)args->heads, (int64_t)d };
    const int64_t joined[] = { -1, t, (int64_t)out->dim[2] };
    const char *all = mt_onnx_reshape(o, mt_onnx_in(o, node, QKV), apart, 5);
    const char *part[3], *y;

    /* (n, t, 3, heads, d) to (3, n, heads, t, d) */
    all = transposed(o, all, (const int64_t[]){ 2, 0, 3, 1, 4 }, 5);
    for (int64_t i = 0; i < 3; i++)
        part[i] = MT_ONNX(o, "Gather", all, mt_onnx_index(o, i));
    y = transposed(o, part[1], (const int64_t[]){ 0, 1, 3, 2 }, 4);
    y = MT_ONNX(o, "MatMul", part[0], y);
    y = MT_ONNX(o, "Mul", y,
                mt_onnx_scalar(o, (float)(1 / mt_dsqrt((double)d))));
    if (args->causal)
        y = MT_ONNX(o, "Add", y, causal_mask(o, out->dim[1]));
    y = MT_ONNX(o, "Softmax", y);
    mt_onnx_int(o, "axis", -1);
    y = MT_ONNX(o, "MatMul", y, part[2]);
    y = transposed(o, y, (const int64_t[]){ 0, 2, 1, 3 }, 4);
    mt_onnx_out(o, node, OUT, mt_onnx_reshape(o, y, joined, 3));
}

const struct mt_op mt_op_attention = {
    .name = "attention",
    .run = attention_run,
    .along = attention_along,
    .memory = attention_memory,
    .grad = attention_grad,
    .scratch = attention_scratch,
    .onnx = attention_onnx,
};

/* --- backward ----------------------------------------------------------- */

static size_t attention_grad_scratch(const struct mt_node *node, size_t workers)
{
    return workers * own_bytes(node, mt_attention_grad_scratch);
}

static void backward_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    struct mt_attention all = all_heads(job);
    struct mt_attention_head head = one_head(job, task);

    head.dout = job->dout + head_at(job, task, 1);
    head.dq = job->result + head_at(job, task, 3);
    head.dk = head.dq + job->model;
    head.dv = head.dq + 2 * job->model;
    mt_attention_backward(&all, &head, scratch_of(job, worker));
}

static void attention_grad_run(const struct mt_node *node,
                               const struct mt_run *run)
{
    struct job job = make_job(node, run, node->in[QKV]);

    job.max = node->in[OF_MAX]->data;
    job.sum = node->in[OF_SUM]->data;
    job.dout = node->in[DY]->data;
    job.result = node->out[DQKV]->data;
    job.own_bytes = own_bytes(node, mt_attention_grad_scratch);
    mt_team_run(run->team, node->in[QKV]->shape.dim[0] * job.args->heads,
                backward_task, &job);
}

const struct mt_op mt_op_attention_grad = {
    .name = "attention_grad",
    .run = attention_grad_run,
    .scratch = attention_grad_scratch,
};
