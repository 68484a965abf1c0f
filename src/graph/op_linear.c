/* Linear maps and their gradients. */
#include <string.h>

#include "base/size.h"
#include "graph/fused.h"
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "graph/spans.h"
#include "kernels/gemm.h"

/* Operands: of the map, and of its gradients, each of which reads two. INNER
 * is what a fused activation was applied to, if that is needed. */
enum { X, WEIGHT, BIAS };
enum { Y, INNER };
enum { DY, OTHER }; /* OTHER: the weight for dx, x for dw */

struct linear_args {
    struct mt_fused fused; /* done by the product's epilogue */
};

/* --- y = x w^T + b ------------------------------------------------------ */

struct mt_value *mt_linear(struct mt_graph *g, struct mt_value *x,
                           struct mt_value *w, struct mt_value *b)
{
    struct linear_args args = { 0 };
    struct mt_node *node = mt_graph_node(g, &mt_op_linear, &args, sizeof args);
    struct mt_shape shape = x->shape;

    shape.dim[shape.rank - 1] = w->shape.dim[0];
    mt_node_input(node, x);
    mt_node_input(node, w);
    mt_node_input(node, b);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void linear_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct linear_args *args = node->args;
    const struct mt_value *x = node->in[X], *w = node->in[WEIGHT];
    size_t n = w->shape.dim[0], k = w->shape.dim[1];
    struct mt_gemm gemm = {
        .m = mt_rows(x),
        .n = n,
        .k = k,
        .a = x->data,
        .a_row = k,
        .a_col = 1,
        .b = w->data,
        .b_row = 1,
        .b_col = k,
        .c = node->out[Y]->data,
        .ldc = n,
        .bias = node->in[BIAS] ? node->in[BIAS]->data : NULL,
        .sum = args->fused.sum ? node->in[args->fused.sum]->data : NULL,
        .act = args->fused.act ? mt_activation_forward(args->fused.act) : NULL,
        .act_p = args->fused.p,
    };

    if (node->n_out > INNER) {
        gemm.c = node->out[INNER]->data;
        gemm.act_out = node->out[Y]->data;
    }

    mt_gemm(&gemm, run->team, run->scratch);
}

static size_t linear_scratch(const struct mt_node *node, size_t workers)
{
    const struct mt_value *w = node->in[WEIGHT];

    return mt_gemm_scratch(mt_rows(node->in[X]), w->shape.dim[0],
                           w->shape.dim[1], workers);
}

static bool linear_absorb(struct mt_graph *g, struct mt_node *node,
                          const struct mt_node *next)
{
    struct linear_args *args = node->args;

    (void)g;
    return mt_fused_sum(&args->fused, node, next) ||
           mt_fused_activation(&args->fused, next);
}

/* What is added has the same positions as x. */
static bool linear_along(const struct mt_node *node, const int *in, int *out)
{
    const struct linear_args *args = node->args;
    size_t sum = args->fused.sum;
    int dims[MT_NODE_INPUTS];

    memcpy(dims, in, node->n_in * sizeof *dims);
    if (sum && dims[sum] != dims[X])
        return false;
    if (sum)
        dims[sum] = MT_NO_DIM;
    return mt_along_rows(node, dims, out);
}

static struct mt_value *record2(struct mt_graph *g, const struct mt_op *op,
                                struct mt_value *a, struct mt_value *b,
                                const struct mt_shape *shape)
{
    struct linear_args args = { 0 };
    struct mt_node *node = mt_graph_node(g, op, &args, sizeof args);

    mt_node_input(node, a);
    mt_node_input(node, b);
    return mt_node_output(g, node, MT_F32, shape);
}

static struct mt_value *column_sum(struct mt_graph *g, struct mt_value *x)
{
    struct mt_shape shape = mt_shape_of(1, mt_last_dim(x));
    struct mt_node *node = mt_graph_node(g, &mt_op_column_sum, NULL, 0);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void linear_grad(struct mt_graph *g, const struct mt_node *node,
                        struct mt_value *const *d_out, struct mt_value **d_in)
{
    struct mt_value *x = node->in[X], *w = node->in[WEIGHT], *dy = d_out[Y];

    if (mt_wants_grad(node, BIAS))
        d_in[BIAS] = column_sum(g, dy);
    if (mt_wants_grad(node, WEIGHT))
        d_in[WEIGHT] = record2(g, &mt_op_linear_grad_weight, dy, x, &w->shape);
    if (mt_wants_grad(node, X))
        d_in[X] = record2(g, &mt_op_linear_grad_input, dy, w, &x->shape);
}

static void linear_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const char *x = mt_onnx_in(o, node, X), *w = mt_onnx_in(o, node, WEIGHT);
    const char *b = mt_onnx_in(o, node, BIAS);

    if (node->in[X]->shape.rank == 2) {
        x = MT_ONNX(o, "Gemm", x, w, b);
        mt_onnx_int(o, "transB", 1);
        mt_onnx_out(o, node, Y, x);
        return;
    }
    w = MT_ONNX(o, "Transpose", w);
    mt_onnx_ints(o, "perm", (const int64_t[]){ 1, 0 }, 2);
    x = MT_ONNX(o, "MatMul", x, w);
    mt_onnx_out(o, node, Y, mt_onnx_affine(o, x, NULL, b));
}

const struct mt_op mt_op_linear = {
    .name = "linear",
    .run = linear_run,
    .along = linear_along,
    .grad = linear_grad,
    .scratch = linear_scratch,
    .absorb = linear_absorb,
    .keeps_inner = true,
    .onnx = linear_onnx,
};

/* --- dx = dy w ---------------------------------------------------------- */

static void grad_input_run(const struct mt_node *node,
                           const struct mt_run *run)
{
    const struct linear_args *args = node->args;
    const struct mt_value *dy = node->in[DY], *w = node->in[OTHER];
    size_t k = w->shape.dim[0], n = w->shape.dim[1];
    struct mt_gemm gemm = {
        .m = mt_rows(dy), .n = n, .k = k,
        .a = dy->data, .a_row = k, .a_col = 1,
        .b = w->data, .b_row = n, .b_col = 1,
        .c = node->out[Y]->data, .ldc = n,
    };

    if (args->fused.act_grad) {
        gemm.act_grad = mt_activation_backward(args->fused.act_grad);
        gemm.saved = mt_fused_saved(&args->fused, node);
        gemm.act_p = args->fused.p;
    }
    mt_gemm(&gemm, run->team, run->scratch);
}

static size_t grad_input_scratch(const struct mt_node *node, size_t workers)
{
    const struct mt_value *w = node->in[OTHER];

    return mt_gemm_scratch(mt_rows(node->in[DY]), w->shape.dim[1],
                           w->shape.dim[0], workers);
}

static bool grad_input_absorb(struct mt_graph *g, struct mt_node *node,
                              const struct mt_node *next)
{
    struct linear_args *args = node->args;

    (void)g;
    return mt_fused_gradient(&args->fused, node, next);
}

const struct mt_op mt_op_linear_grad_input = {
    .name = "linear_grad_input",
    .run = grad_input_run,
    .scratch = grad_input_scratch,
    .absorb = grad_input_absorb,
};

/* --- dw = dy^T x -------------------------------------------------------- */

enum {
    HAND_FROM = 1 << 18, /* floats of dw from which handing over pays, */
    HAND_ROWS = 2048,    /* and rows of dy up to which it does */
};

_Static_assert((int)MT_TAKE_READS == (int)MT_GEMM_TAKE_READS,
               "the same arrays");

/* Pieces of rows of dw, in the product's parts. */
struct handing {
    const struct mt_taker *taker;
    const struct mt_tensor *tensor;
    size_t n; /* of a row */
};

static void hand_rows(void *ctx, size_t i, size_t m, size_t j, size_t n,
                      const float *c, size_t ldc)
{
    const struct handing *h = ctx;
    bool whole = n == h->n && n == ldc;
    size_t times = whole ? 1 : m;

    for (size_t r = 0; r < times; r++)
        h->taker->take(h->taker->ctx, h->tensor, (i + r) * h->n + j,
                       c + r * ldc, whole ? m * n : n);
}

static bool grad_weight_hands_over(const struct mt_node *node)
{
    size_t m = mt_last_dim(node->in[DY]), n = mt_last_dim(node->in[OTHER]);

    return n % MT_TAKE_FLOATS == 0 && m * n >= HAND_FROM &&
           mt_rows(node->in[DY]) <= HAND_ROWS;
}

static void grad_weight_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    const struct mt_value *dy = node->in[DY], *x = node->in[OTHER];
    size_t m = mt_last_dim(dy), n = mt_last_dim(x);
    struct handing handing = { run->turn.taker, node->out[Y]->handed, n };
    struct mt_gemm gemm = {
        .m = m, .n = n, .k = mt_rows(dy),
        .a = dy->data, .a_row = 1, .a_col = m,
        .b = x->data, .b_row = n, .b_col = 1,
        .c = node->out[Y]->data, .ldc = n,
    };

    if (handing.taker && handing.tensor) {
        gemm.take = hand_rows;
        gemm.take_ctx = &handing;
        handing.taker->reads(handing.taker->ctx, handing.tensor,
                             gemm.take_reads);
    }
    mt_gemm(&gemm, run->team, run->scratch);
}

static size_t grad_weight_scratch(const struct mt_node *node, size_t workers)
{
    size_t m = mt_last_dim(node->in[DY]), n = mt_last_dim(node->in[OTHER]);
    size_t k = mt_rows(node->in[DY]);
    size_t bytes = mt_gemm_scratch(m, n, k, workers);

    if (!node->out[Y]->handed)
        return bytes;
    return mt_size_max(bytes, mt_gemm_take_scratch(m, n, k, workers));
}

const struct mt_op mt_op_linear_grad_weight = {
    .name = "linear_grad_weight",
    .run = grad_weight_run,
    .scratch = grad_weight_scratch,
    .hands_over = grad_weight_hands_over,
};

/* --- db_j = sum_i dy_ij ------------------------------------------------- */

struct column_sum_job {
    float *sums; /* of each block of MT_SUM_ROWS rows */
    const float *x;
    size_t rows, n, stride;
};

static void column_sum_span(const void *ctx, size_t at, size_t blocks)
{
    const struct column_sum_job *job = ctx;

    for (size_t b = at; b < at + blocks; b++) {
        size_t first = b * MT_SUM_ROWS, left = job->rows - first;

        mt_kernels()->column_sum(
            job->sums + b * job->n, job->x + first * job->stride,
            mt_size_min(MT_SUM_ROWS, left), job->n, job->stride, false);
    }
}

size_t mt_column_sums_scratch(size_t rows, size_t n)
{
    return mt_size_ceil_div(rows, MT_SUM_ROWS) * n * sizeof(float);
}

/* Tasks take rows, which are contiguous, and the kernel's blocks of them. */
void mt_column_sums(struct mt_team *team, float *out, const float *x,
                    size_t rows, size_t n, size_t stride, float *scratch)
{
    struct column_sum_job job = { scratch, x, rows, n, stride };
    size_t blocks = mt_size_ceil_div(rows, MT_SUM_ROWS);

    mt_row_spans(team, blocks, MT_SUM_ROWS * n, column_sum_span, &job);
    memset(out, 0, n * sizeof *out);
    for (size_t b = 0; b < blocks; b++)
        mt_kernels()->add(out, out, scratch + b * n, n);
}

static void column_sum_run(const struct mt_node *node,
                           const struct mt_run *run)
{
    const struct mt_value *x = node->in[X];
    size_t n = mt_last_dim(x);

    mt_column_sums(run->team, node->out[Y]->data, x->data, mt_rows(x), n, n,
                   run->scratch);
}

static size_t column_sum_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return mt_column_sums_scratch(mt_rows(node->in[X]),
                                  mt_last_dim(node->in[X]));
}

const struct mt_op mt_op_column_sum = {
    .name = "column_sum",
    .run = column_sum_run,
    .scratch = column_sum_scratch,
};
