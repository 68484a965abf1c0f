/*
 * Scaled dot-product self-attention over projected queries, keys and values
 * (after Vaswani et al., "Attention is all you need").
 *
 *     S = Q K^T / sqrt(d),  P = softmax(S) (if causal, row i sees columns
 *     j <= i),  O = dropout(P) V
 *
 * One task for each sample and head. Only blocks of rows of P exist, in the
 * worker's scratch; forward keeps each row's maximum and sum, and backward
 * recomputes P from them (after Dao et al., "FlashAttention").
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "kernels/dmath.h"
#include "kernels/gemm.h"

enum { BLOCK = 64 }; /* rows of P at a time */

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

/* What is kept of a sequence: the keys and values of each sample's positions,
 * side by side as in QKV; then scratch memory of each head. */
struct memory {
    float *kv;         /* (samples, context, 2 model) */
    char *heads;       /* (samples, heads), head_bytes apart */
    size_t head_bytes; /* a row of P, and the scratch of its products */
    size_t context, seen;
};

struct job {
    const struct attention_args *args;
    const float *qkv, *out, *dout;
    float *result;       /* forward: out; backward: dqkv */
    float *max, *sum;    /* (samples, heads, t) */
    size_t t, d, model;  /* steps, size of a head, of all heads */
    float scale;
    uint32_t step;
    size_t first; /* index of the first head in the whole batch */
    char *scratch;
    size_t own_bytes, gemm_bytes;
    struct memory memory; /* of a sequence */
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

/* The scratch of the largest product. */
static size_t gemm_bytes(size_t t, size_t d)
{
    size_t a = mt_gemm_scratch(BLOCK, t, d, 1);
    size_t b = mt_gemm_scratch(BLOCK, d, t, 1);
    size_t c = mt_gemm_scratch(t, d, BLOCK, 1);

    a = a > b ? a : b;
    return mt_size_align(a > c ? a : c, 64);
}

static size_t padded(size_t t)
{
    return mt_size_align(t, 64); /* dropout streams begin at multiples of 64 */
}

static size_t own_bytes(size_t t, size_t d)
{
    return 2 * BLOCK * padded(t) * sizeof(float) + gemm_bytes(t, d);
}

static size_t attention_scratch(const struct mt_node *node, size_t workers)
{
    const struct attention_args *args = node->args;
    const struct mt_shape *shape = &node->in[QKV]->shape;

    return workers * own_bytes(shape->dim[1],
                               shape->dim[2] / 3 / args->heads);
}

static void set_scratch(struct job *job)
{
    job->own_bytes = own_bytes(job->t, job->d);
    job->gemm_bytes = gemm_bytes(job->t, job->d);
}

/* A task: one head of one sample. */
struct head {
    size_t index;          /* sample * heads + head */
    const float *q, *k, *v; /* rows are 3 model apart */
    float *p, *dp;         /* blocks of rows, padded(t) apart */
    void *gemm;
};

static struct head find_head(const struct job *job, size_t task, size_t worker)
{
    size_t sample = task / job->args->heads, at = task % job->args->heads;
    const float *base = job->qkv + sample * job->t * 3 * job->model +
                        at * job->d;
    char *own = job->scratch + worker * job->own_bytes;
    size_t block = BLOCK * padded(job->t);

    return (struct head){ task, base, base + job->model,
                          base + 2 * job->model, (float *)own,
                          (float *)own + block,
                          own + 2 * block * sizeof(float) };
}

/* The number of columns that rows [i, i + rows) see. */
static size_t seen(const struct job *job, size_t i, size_t rows)
{
    return job->args->causal ? i + rows : job->t;
}

static size_t seen_by(const struct job *job, size_t i)
{
    return job->args->causal ? i + 1 : job->t;
}

/* S of rows [i, i + rows), not yet scaled, into h->p. */
static void scores(const struct job *job, const struct head *h, size_t i,
                   size_t rows)
{
    size_t ld = 3 * job->model;
    struct mt_gemm g = { .m = rows, .n = seen(job, i, rows), .k = job->d,
                         .a = h->q + i * ld, .a_row = ld, .a_col = 1,
                         .b = h->k, .b_row = 1, .b_col = ld,
                         .c = h->p, .ldc = padded(job->t) };

    mt_gemm(&g, NULL, h->gemm);
}

static void drop(const struct job *job, const struct head *h, size_t i,
                 float *row, size_t n)
{
    const struct attention_args *a = job->args;

    if (a->threshold)
        mt_kernels()->dropout(row, row, n,
                              ((job->first + h->index) * job->t + i) *
                                  padded(job->t),
                              a->key, job->step, a->threshold, a->keep_scale);
}

/* --- forward ------------------------------------------------------------ */

static void softmax_rows(const struct job *job, const struct head *h, size_t i,
                         size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        float *row = h->p + r * padded(job->t);
        size_t n = seen_by(job, i + r), at = h->index * job->t + i + r;

        mt_kernels()->softmax_scaled(row, row, n, job->scale, &job->max[at],
                                     &job->sum[at], true);
        memset(row + n, 0, (seen(job, i, rows) - n) * sizeof *row);
        drop(job, h, i + r, row, n);
    }
}

static void forward_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    struct head h = find_head(job, task, worker);
    size_t sample = task / job->args->heads;
    float *out = job->result + sample * job->t * job->model +
                 task % job->args->heads * job->d;

    for (size_t i = 0; i < job->t; i += BLOCK) {
        size_t rows = mt_size_min(BLOCK, job->t - i);
        struct mt_gemm g = { .m = rows, .n = job->d, .k = seen(job, i, rows),
                             .a = h.p, .a_row = padded(job->t), .a_col = 1,
                             .b = h.v, .b_row = 3 * job->model, .b_col = 1,
                             .c = out + i * job->model, .ldc = job->model };

        scores(job, &h, i, rows);
        softmax_rows(job, &h, i, rows);
        mt_gemm(&g, NULL, h.gemm);
    }
}

/* --- position by position ----------------------------------------------- */

static bool attention_along(const struct mt_node *node, const int *in, int *out)
{
    const struct attention_args *args = node->args;

    out[OUT] = in[QKV];
    return args->causal && !args->threshold && in[QKV] == 1;
}

static size_t kv_bytes(size_t samples, size_t context, size_t model)
{
    return mt_size_align(samples * context * 2 * model * sizeof(float), 64);
}

static size_t head_bytes(size_t context, size_t d)
{
    size_t a = mt_gemm_scratch(1, context, d, 1);
    size_t b = mt_gemm_scratch(1, d, context, 1);

    return padded(context) * sizeof(float) + mt_size_align(a > b ? a : b, 64);
}

static size_t attention_memory(const struct mt_node *node, size_t context)
{
    const struct attention_args *args = node->args;
    const struct mt_shape *shape = &node->in[QKV]->shape;
    size_t samples = shape->dim[0], model = shape->dim[2] / 3;

    return kv_bytes(samples, context, model) +
           samples * args->heads * head_bytes(context, model / args->heads);
}

/* Adds the keys and values of the positions of this run. */
static void remember(struct job *job, const struct mt_sequence *s, void *memory,
                     size_t samples)
{
    size_t model = job->model;
    struct memory m = { .kv = memory,
                        .heads = (char *)memory +
                                 kv_bytes(samples, s->context, model),
                        .head_bytes = head_bytes(s->context, job->d),
                        .context = s->context,
                        .seen = s->position + job->t };

    assert(m.seen <= m.context && (s->position == 0 || job->t == 1));
    for (size_t i = 0; i < samples * job->t; i++) {
        size_t at = i / job->t * m.context + s->position + i % job->t;

        memcpy(m.kv + at * 2 * model, job->qkv + i * 3 * model + model,
               2 * model * sizeof *m.kv);
    }
    job->memory = m;
}

/* This position's row of one head, with the same sums as in forward_task, whose
 * last row also ends at the last position. */
static void position_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    const struct memory *m = &job->memory;
    size_t sample = task / job->args->heads;
    size_t at = task % job->args->heads * job->d, model = job->model;
    const float *k = m->kv + sample * m->context * 2 * model + at;
    float *p = (float *)(m->heads + task * m->head_bytes);
    void *scratch = p + padded(m->context);
    struct mt_gemm scores = { .m = 1,
                              .n = m->seen,
                              .k = job->d,
                              .a = job->qkv + sample * 3 * model + at,
                              .a_row = 3 * model,
                              .a_col = 1,
                              .b = k,
                              .b_row = 1,
                              .b_col = 2 * model,
                              .c = p,
                              .ldc = m->seen };
    struct mt_gemm values = { .m = 1,
                              .n = job->d,
                              .k = m->seen,
                              .a = p,
                              .a_row = m->seen,
                              .a_col = 1,
                              .b = k + model,
                              .b_row = 2 * model,
                              .b_col = 1,
                              .c = job->result + sample * model + at,
                              .ldc = model };

    (void)worker;
    mt_gemm(&scores, NULL, scratch);
    mt_kernels()->softmax_scaled(p, p, m->seen, job->scale, &job->max[task],
                                 &job->sum[task], true);
    mt_gemm(&values, NULL, scratch);
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
    size_t samples = node->in[QKV]->shape.dim[0];
    const struct mt_sequence *s = run->turn.sequence;

    job.result = node->out[OUT]->data;
    job.max = node->out[MAX]->data;
    job.sum = node->out[SUM]->data;
    set_scratch(&job);
    if (s)
        remember(&job, s, run->memory, samples);
    if (run->no_outputs)
        return;
    mt_team_run(run->team, samples * job.args->heads,
                s && s->position ? position_task : forward_task, &job);
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

/* Recomputes P from the saved maxima and sums; h->p becomes dropout(P), for dV,
 * and h->dp, which is dropout'(dP), becomes dS:
 * dS_ij = scale P_ij (dP_ij - sum_k P_ik dP_ik) */
static void backward_rows(const struct job *job, const struct head *h,
                          size_t i, size_t rows)
{
    const struct mt_kernels *k = mt_kernels();

    for (size_t r = 0; r < rows; r++) {
        float *p = h->p + r * padded(job->t), *dp = h->dp + (p - h->p);
        size_t n = seen_by(job, i + r), at = h->index * job->t + i + r;
        size_t rest = (seen(job, i, rows) - n) * sizeof *p;

        k->softmax_scaled(p, p, n, job->scale, &job->max[at], &job->sum[at],
                          false);
        drop(job, h, i + r, dp, n);
        k->softmax_grad_scaled(dp, dp, p, n, job->scale);
        drop(job, h, i + r, p, n);
        memset(p + n, 0, rest);
        memset(dp + n, 0, rest);
    }
}

/* Rows from i on; the first block to be done reaches all rows of dK and dV, and
 * sets them instead of adding. */
static void backward_block(const struct job *job, const struct head *h,
                           const float *dout, float *dqkv, size_t i,
                           bool first)
{
    size_t rows = mt_size_min(BLOCK, job->t - i), n = seen(job, i, rows);
    size_t ld = 3 * job->model, pad = padded(job->t);
    struct mt_gemm dp = { .m = rows, .n = n, .k = job->d,
                          .a = dout + i * job->model, .a_row = job->model,
                          .a_col = 1, .b = h->v, .b_row = 1, .b_col = ld,
                          .c = h->dp, .ldc = pad };
    struct mt_gemm dq = { .m = rows, .n = job->d, .k = n, .a = h->dp,
                          .a_row = pad, .a_col = 1, .b = h->k, .b_row = ld,
                          .b_col = 1, .c = dqkv + i * ld, .ldc = ld };
    struct mt_gemm dk = { .m = n, .n = job->d, .k = rows, .a = h->dp,
                          .a_row = 1, .a_col = pad, .b = h->q + i * ld,
                          .b_row = ld, .b_col = 1, .c = dqkv + job->model,
                          .ldc = ld, .add = !first };
    struct mt_gemm dv = { .m = n, .n = job->d, .k = rows, .a = h->p,
                          .a_row = 1, .a_col = pad,
                          .b = dout + i * job->model, .b_row = job->model,
                          .b_col = 1, .c = dqkv + 2 * job->model, .ldc = ld,
                          .add = !first };

    scores(job, h, i, rows);
    mt_gemm(&dp, NULL, h->gemm);
    backward_rows(job, h, i, rows);
    mt_gemm(&dq, NULL, h->gemm);
    mt_gemm(&dk, NULL, h->gemm);
    mt_gemm(&dv, NULL, h->gemm);
}

static void backward_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;
    struct head h = find_head(job, task, worker);
    size_t sample = task / job->args->heads;
    size_t at = task % job->args->heads * job->d;
    const float *dout = job->dout + sample * job->t * job->model + at;
    float *dqkv = job->result + sample * job->t * 3 * job->model + at;

    size_t last = (job->t - 1) / BLOCK * BLOCK;

    for (size_t i = last + BLOCK; i > 0; i -= BLOCK)
        backward_block(job, &h, dout, dqkv, i - BLOCK, i - BLOCK == last);
}

static void attention_grad_run(const struct mt_node *node,
                               const struct mt_run *run)
{
    struct job job = make_job(node, run, node->in[QKV]);

    job.max = node->in[OF_MAX]->data;
    job.sum = node->in[OF_SUM]->data;
    job.dout = node->in[DY]->data;
    job.result = node->out[DQKV]->data;
    set_scratch(&job);
    mt_team_run(run->team, node->in[QKV]->shape.dim[0] * job.args->heads,
                backward_task, &job);
}

const struct mt_op mt_op_attention_grad = {
    .name = "attention_grad",
    .run = attention_grad_run,
    .scratch = attention_scratch,
};
