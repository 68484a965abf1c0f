/*
 * Max pooling. Each maximum's place in its plane is kept for backward, which
 * adds the gradients there, in the order of the windows.
 */
#include <math.h>
#include <string.h>

#include "graph/fused.h"
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/planes.h"
#include "graph/windows.h"

/* Operands: of the pooling, which has PLACES only if backward follows, and of
 * its gradient. */
enum { X };
enum { Y, PLACES };
enum { DY, AT };
enum { DX };

struct max_pool_args {
    struct mt_windows h, w;
    struct mt_pool_axis
        axes[2]; /* of which the windows are made; adaptive: all 0 */
};

struct job {
    const struct max_pool_args *args;
    float *y;
    int32_t *index; /* NULL in evaluation */
    const float *x;
    size_t h, w;
};

struct grad_args {
    struct mt_fused fused;
    struct mt_value *x, *y; /* of the pooling */
    size_t top; /* which input is y, if relu's derivative is fused; or 0 */
};

struct grad_job {
    const struct mt_node *node;
    float *dx;
    const float *g, *top;
    const int32_t *index;
    size_t h, w, outputs; /* of a plane */
};

/* --- forward -------------------------------------------------------------- */

static bool is_square(const struct mt_pool_axis *axis, size_t in)
{
    return axis->kernel == 2 && axis->stride == 2 && axis->padding == 0 &&
           axis->dilation == 1 && mt_pool_size(axis, in) == in / 2;
}

/* out: height and width of the result. */
static struct mt_value *record(struct mt_graph *g, const struct mt_op *op,
                               const struct max_pool_args *args,
                               struct mt_value *x, const size_t out[2])
{
    struct mt_node *node = mt_graph_node(g, op, args, sizeof *args);
    struct mt_shape shape = x->shape;
    struct mt_value *y;

    shape.dim[shape.rank - 1] = out[1];
    if (shape.rank > 3)
        shape.dim[shape.rank - 2] = out[0];
    mt_node_input(node, x);
    y = mt_node_output(g, node, MT_F32, &shape);
    if (mt_graph_training(g) && x->requires_grad)
        mt_node_output(g, node, MT_I32, &shape);
    return y;
}

struct mt_value *mt_max_pool(struct mt_graph *g, struct mt_value *x,
                             const struct mt_pool_axis axes[2])
{
    const struct mt_pool_axis point = { 1, 1, 0, 1, false };
    const struct mt_pool_axis *down = x->shape.rank > 3 ? &axes[0] : &point;
    struct max_pool_args args = { .axes = { *down, axes[1] } };
    const struct mt_op *op = &mt_op_max_pool;
    size_t h, w;

    mt_plane_size(x, &h, &w);
    if (is_square(down, h) && is_square(&axes[1], w))
        op = &mt_op_max_squares;
    else if (mt_windows_pool(g, down, h, &args.h))
        mt_windows_pool(g, &axes[1], w, &args.w);
    return record(
        g, op, &args, x,
        (size_t[2]){ mt_pool_size(down, h), mt_pool_size(&axes[1], w) });
}

struct mt_value *mt_adaptive_max_pool(struct mt_graph *g, struct mt_value *x,
                                      const size_t size[2])
{
    size_t h, w, out[2] = { x->shape.rank > 3 ? size[0] : 1, size[1] };
    struct max_pool_args args = { .axes = { { 0 }, { 0 } } };

    mt_plane_size(x, &h, &w);
    if (mt_windows_adaptive(g, h, out[0], &args.h))
        mt_windows_adaptive(g, w, out[1], &args.w);
    return record(g, &mt_op_max_pool, &args, x, out);
}

/* Floats for the rows' maxima of `planes` planes, and for their places. */
static size_t scratch_of(const struct max_pool_args *args, size_t planes)
{
    size_t size = args->h.in * args->w.in;

    if (args->h.in == 1 && args->h.out == 1)
        return 0;
    return mt_planes_of_task(planes, size) * args->h.in * args->w.out;
}

static size_t planes_of(const struct mt_value *x)
{
    size_t h, w;

    mt_plane_size(x, &h, &w);
    return mt_elements(x) / (h * w);
}

static size_t max_pool_scratch(const struct mt_node *node, size_t workers)
{
    return workers * 2 * sizeof(float) *
           scratch_of(node->args, planes_of(node->in[X]));
}

static void max_pool_planes(const void *ctx, size_t first, size_t n,
                            void *scratch)
{
    const struct mt_kernels *k = mt_kernels();
    const struct job *job = ctx;
    const struct mt_windows *h = &job->args->h, *w = &job->args->w;
    const float *x = job->x + first * h->in * w->in;
    size_t out = first * h->out * w->out;
    int32_t *index = job->index ? job->index + out : NULL;
    float *tops = scratch;
    int32_t *at = (int32_t *)(tops + n * h->in * w->out);

    if (h->in == 1 && h->out == 1) {
        k->max_rows(job->y + out, index, x, n, w);
        return;
    }
    k->max_rows(tops, index ? at : NULL, x, n * h->in, w);
    k->max_columns(job->y + out, index, tops, at, n, w->out, w->in, h);
}

static struct job job_of(const struct mt_node *node)
{
    struct job job = { .args = node->args,
                       .y = node->out[Y]->data,
                       .x = node->in[X]->data };

    if (node->n_out > PLACES)
        job.index = node->out[PLACES]->data;
    mt_plane_size(node->in[X], &job.h, &job.w);
    return job;
}

static void max_pool_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = job_of(node);
    size_t planes = planes_of(node->in[X]);

    mt_planes(run, planes, job.h * job.w,
              2 * sizeof(float) * scratch_of(job.args, planes), max_pool_planes,
              &job);
}

static void max_squares_planes(const void *ctx, size_t first, size_t n,
                               void *scratch)
{
    const struct job *job = ctx;
    size_t out = first * (job->h / 2) * (job->w / 2);

    (void)scratch;
    mt_kernels()->max_squares(
        job->y + out, job->index ? job->index + out : NULL,
        job->x + first * job->h * job->w, n, job->h, job->w);
}

static void max_squares_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    struct job job = job_of(node);

    mt_planes(run, planes_of(node->in[X]), job.h * job.w, 0, max_squares_planes,
              &job);
}

/* --- backward ------------------------------------------------------------- */

static void record_grad(struct mt_graph *g, const struct mt_op *op,
                        const struct mt_node *node, struct mt_value *dy,
                        struct mt_value **d_in)
{
    struct grad_args args = { .x = node->in[X], .y = node->out[Y] };
    struct mt_node *back = mt_graph_node(g, op, &args, sizeof args);

    mt_node_input(back, dy);
    mt_node_input(back, node->out[PLACES]);
    d_in[X] = mt_node_output(g, back, MT_F32, &node->in[X]->shape);
}

static void max_pool_grad(struct mt_graph *g, const struct mt_node *node,
                          struct mt_value *const *d_out, struct mt_value **d_in)
{
    record_grad(g, &mt_op_max_pool_grad, node, d_out[Y], d_in);
}

static void max_squares_grad(struct mt_graph *g, const struct mt_node *node,
                             struct mt_value *const *d_out,
                             struct mt_value **d_in)
{
    record_grad(g, &mt_op_max_squares_grad, node, d_out[Y], d_in);
}

static void max_pool_grad_planes(const void *ctx, size_t first, size_t n,
                                 void *scratch)
{
    const struct grad_job *job = ctx;
    const struct grad_args *args = job->node->args;
    size_t size = job->h * job->w;

    (void)scratch;
    memset(job->dx + first * size, 0, n * size * sizeof *job->dx);
    for (size_t p = first; p < first + n; p++) {
        float *dx = job->dx + p * size;
        const float *g = job->g + p * job->outputs;
        const int32_t *index = job->index + p * job->outputs;

        for (size_t o = 0; o < job->outputs; o++)
            dx[index[o]] += g[o];
    }
    mt_fused_finish(&args->fused, job->node, job->dx, first * size, n * size);
}

static void max_squares_grad_planes(const void *ctx, size_t first, size_t n,
                                    void *scratch)
{
    const struct grad_job *job = ctx;
    const struct grad_args *args = job->node->args;
    size_t out = first * job->outputs, size = job->h * job->w;

    (void)scratch;
    mt_kernels()->max_squares_grad(
        job->dx + first * size, job->g + out, job->index + out,
        job->top ? job->top + out : NULL, n, job->h, job->w);
    mt_fused_finish(&args->fused, job->node, job->dx, first * size, n * size);
}

static void run_grad(const struct mt_node *node, const struct mt_run *run,
                     mt_planes_run *f)
{
    const struct grad_args *args = node->args;
    struct mt_value *dx = node->out[DX];
    struct grad_job job = { .node = node,
                            .dx = dx->data,
                            .g = node->in[DY]->data,
                            .index = node->in[AT]->data };
    size_t planes = planes_of(dx);

    if (args->top)
        job.top = node->in[args->top]->data;
    mt_plane_size(dx, &job.h, &job.w);
    job.outputs = mt_elements(node->in[DY]) / planes;
    mt_planes(run, planes, job.h * job.w, 0, f, &job);
}

static void max_pool_grad_run(const struct mt_node *node,
                              const struct mt_run *run)
{
    run_grad(node, run, max_pool_grad_planes);
}

static void max_squares_grad_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    run_grad(node, run, max_squares_grad_planes);
}

/* Is `next` the derivative of the relu whose output was pooled? */
static bool is_relu_before(const struct mt_node *node,
                           const struct mt_node *next)
{
    const struct grad_args *args = node->args;
    float p[2];

    return next->op == &mt_op_activation_grad && next->in[0] == node->out[0] &&
           next->in[1] == args->x && mt_is_relu(mt_activation_of(next, p));
}

static bool grad_absorb(struct mt_graph *g, struct mt_node *node,
                        const struct mt_node *next)
{
    struct grad_args *args = node->args;

    (void)g;
    return !args->top && mt_fused_gradient(&args->fused, node, next);
}

/* dx is 0 except where maxima were, and these are relu's output there: so that
 * is not read again. Where windows overlap, dx would be flushed before the sum,
 * not after it. */
static bool squares_grad_absorb(struct mt_graph *g, struct mt_node *node,
                                const struct mt_node *next)
{
    struct grad_args *args = node->args;

    if (args->top || args->fused.act_grad || !is_relu_before(node, next))
        return grad_absorb(g, node, next);
    args->top = node->n_in;
    mt_node_input(node, args->y);
    return true;
}

static struct mt_deferred *grad_deferred(const struct mt_node *node, size_t k)
{
    struct grad_args *args = node->args;

    return mt_fused_deferred(&args->fused, k);
}

/* --- in ONNX ------------------------------------------------------------ */

/* MaxPool of both axes, or only of the second. Its padding must be smaller than
 * its kernel; further padding is added before. */
static const char *express_axes(struct mt_onnx *o, const struct mt_node *node,
                                const struct mt_pool_axis axes[2])
{
    const struct mt_shape *in = &node->in[X]->shape,
                          *out = &node->out[Y]->shape;
    int dims = in->rank - 2, first = 2 - dims;
    int64_t kernel[2], stride[2], dilation[2], pads[4] = { 0 };
    int64_t around[2 * MT_MAX_RANK] = { 0 };
    const char *x = mt_onnx_in(o, node, X);
    bool large = false;

    for (int i = 0; i < dims; i++) {
        const struct mt_pool_axis *a = &axes[first + i];
        int64_t reached = (int64_t)((out->dim[i + 2] - 1) * a->stride +
                                    (a->kernel - 1) * a->dilation + 1);
        int64_t behind = reached - (int64_t)(in->dim[i + 2] + a->padding);

        kernel[i] = (int64_t)a->kernel;
        stride[i] = (int64_t)a->stride;
        dilation[i] = (int64_t)a->dilation;
        pads[i] = around[i + 2] = (int64_t)a->padding;
        pads[dims + i] = around[in->rank + i + 2] = behind > 0 ? behind : 0;
        large |= pads[i] >= kernel[i] || pads[dims + i] >= kernel[i];
    }
    if (large) {
        x = MT_ONNX(o, "Pad", x, mt_onnx_list(o, around, 2 * (size_t)in->rank),
                    mt_onnx_scalar(o, -INFINITY));
        memset(pads, 0, sizeof pads);
    }
    x = MT_ONNX(o, "MaxPool", x);
    mt_onnx_ints(o, "kernel_shape", kernel, (size_t)dims);
    mt_onnx_ints(o, "strides", stride, (size_t)dims);
    mt_onnx_ints(o, "dilations", dilation, (size_t)dims);
    mt_onnx_ints(o, "pads", pads, 2 * (size_t)dims);
    return x;
}

/* Windows of any sizes along one dimension: each is a slice. */
static const char *express_windows(struct mt_onnx *o, const char *x,
                                   int64_t dim, const struct mt_windows *w)
{
    const char **parts = mt_onnx_room(o, w->out), *axis, *step, *y;
    int64_t one = 1;

    if (!parts)
        return "";
    axis = mt_onnx_list(o, &dim, 1);
    step = mt_onnx_list(o, &one, 1);
    for (size_t i = 0; i < w->out; i++) {
        int64_t start = w->start[i], end = start + w->count[i];

        y = MT_ONNX(o, "Slice", x, mt_onnx_list(o, &start, 1),
                    mt_onnx_list(o, &end, 1), axis, step);
        parts[i] = MT_ONNX(o, "ReduceMax", y);
        mt_onnx_ints(o, "axes", &dim, 1);
    }
    y = mt_onnx_node(o, "Concat", parts, w->out);
    mt_onnx_int(o, "axis", dim);
    return y;
}

static void max_pool_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct max_pool_args *args = node->args;
    const char *x;
    int rank = node->in[X]->shape.rank;

    if (args->axes[1].kernel) {
        x = express_axes(o, node, args->axes);
    } else {
        x = mt_onnx_in(o, node, X);
        if (rank > 3)
            x = express_windows(o, x, rank - 2, &args->h);
        x = express_windows(o, x, rank - 1, &args->w);
    }
    mt_onnx_out(o, node, Y, x);
}

static void max_squares_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_pool_axis two = { 2, 2, 0, 1, false };

    mt_onnx_out(o, node, Y,
                express_axes(o, node, (struct mt_pool_axis[]){ two, two }));
}

const struct mt_op mt_op_max_pool = {
    .name = "max_pool",
    .run = max_pool_run,
    .grad = max_pool_grad,
    .scratch = max_pool_scratch,
    .onnx = max_pool_onnx,
};

const struct mt_op mt_op_max_pool_grad = {
    .name = "max_pool_grad",
    .run = max_pool_grad_run,
    .absorb = grad_absorb,
    .deferred = grad_deferred,
};

const struct mt_op mt_op_max_squares = {
    .name = "max_squares",
    .run = max_squares_run,
    .grad = max_squares_grad,
    .onnx = max_squares_onnx,
};

const struct mt_op mt_op_max_squares_grad = {
    .name = "max_squares_grad",
    .run = max_squares_grad_run,
    .absorb = squares_grad_absorb,
    .deferred = grad_deferred,
};
