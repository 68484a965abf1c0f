/*
 * LayerNorm, RMSNorm, and GroupNorm of samples that are vectors: rows of
 * `width` values, each normalised on its own. A sample has `groups` of them (1
 * except for GroupNorm), and the weights are as long as a sample.
 */
#include <string.h>

#include "graph/fused.h"
#include "graph/norm_internal.h"
#include "graph/onnx.h"
#include "graph/spans.h"

/* Operands, forward and backward; RMSNorm has no BIAS and no MEAN. */
enum { X, WEIGHT, BIAS };
enum { Y, RSTD, MEAN };
enum { DY, OF_X, OF_RSTD, OF_MEAN, OF_WEIGHT };

struct layer_norm_args {
    size_t width, groups;
    double eps;
    bool centred; /* not RMSNorm */
    int dx, dw, db; /* backward: which outputs, -1 for none */
    struct mt_fused fused; /* backward: what is added to dx */
};

struct job {
    const struct layer_norm_args *args;
    const float *x, *g, *w, *b, *sum;
    float *y, *mean, *rstd; /* forward; y is dx in backward */
    float *slots;           /* backward: dw and db of each slot of samples */
    size_t samples, per_slot;
};

/* --- forward ------------------------------------------------------------ */

static struct mt_value *record(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               const struct layer_norm_args *args)
{
    struct mt_node *node =
        mt_graph_node(g, &mt_op_layer_norm, args, sizeof *args);
    struct mt_shape rows = mt_shape_of(1, mt_elements(x) / args->width);
    struct mt_value *y;

    mt_node_input(node, x);
    mt_node_input(node, w);
    mt_node_input(node, b);
    y = mt_node_output(g, node, MT_F32, &x->shape);
    mt_node_output(g, node, MT_F32, &rows);
    if (args->centred)
        mt_node_output(g, node, MT_F32, &rows);
    return y;
}

struct mt_value *mt_layer_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               size_t width, double eps)
{
    struct layer_norm_args args = { .width = width,
                                    .groups = 1,
                                    .eps = eps,
                                    .centred = true };

    return record(g, x, w, b, &args);
}

struct mt_value *mt_rms_norm(struct mt_graph *g, struct mt_value *x,
                             struct mt_value *w, size_t width, double eps)
{
    struct layer_norm_args args = {
        .width = width, .groups = 1, .eps = eps
    };

    return record(g, x, w, NULL, &args);
}

struct mt_value *mt_vector_group_norm(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      size_t groups, double eps)
{
    struct layer_norm_args args = { .width = mt_last_dim(x) / groups,
                                    .groups = groups,
                                    .eps = eps,
                                    .centred = true };

    return record(g, x, w, b, &args);
}

static const float *from(const float *p, size_t at)
{
    return p ? p + at : NULL;
}

static float *into(float *p, size_t at)
{
    return p ? p + at : NULL;
}

/* Rows of one group at a time, since each group has its own weights; without
 * groups, all at once. */
static void forward_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    const struct layer_norm_args *args = job->args;
    size_t step = args->groups == 1 ? rows : 1, n = args->width;

    for (size_t i = at; i < at + rows; i += step) {
        size_t first = i % args->groups * n;

        mt_kernels()->layer_norm(
            job->y + i * n, into(job->mean, i), job->rstd + i, job->x + i * n,
            from(job->w, first), from(job->b, first), step, n, args->eps);
    }
}

static void layer_norm_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct layer_norm_args *args = node->args;
    struct job job = {
        .args = args,
        .x = node->in[X]->data,
        .w = mt_input_data(node, WEIGHT),
        .b = mt_input_data(node, BIAS),
        .y = node->out[Y]->data,
        .rstd = node->out[RSTD]->data,
        .mean = args->centred ? node->out[MEAN]->data : NULL,
    };

    mt_row_spans(run->team, mt_elements(node->in[X]) / args->width, args->width,
                 forward_span, &job);
}

/* --- backward ----------------------------------------------------------- */

static void layer_norm_grad(struct mt_graph *g, const struct mt_node *node,
                            struct mt_value *const *d_out,
                            struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_layer_norm_grad, node->args,
                                         sizeof(struct layer_norm_args));
    struct layer_norm_args *args = back->args;

    if (!args) /* no memory: the graph is marked */
        return;
    mt_node_input(back, d_out[Y]);
    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->out[RSTD]);
    mt_node_input(back, args->centred ? node->out[MEAN] : NULL);
    mt_node_input(back, node->in[WEIGHT]);
    args->dx = mt_grad_output(g, node, back, X, d_in);
    args->dw = mt_grad_output(g, node, back, WEIGHT, d_in);
    args->db = mt_grad_output(g, node, back, BIAS, d_in);
}

/* --- in ONNX ------------------------------------------------------------ */

/* x / sqrt(mean of x^2 + eps) over the last `n` dimensions */
static const char *root_mean_square(struct mt_onnx *o, const char *x, size_t n,
                                    double eps)
{
    const int64_t axes[] = { -8, -7, -6, -5, -4, -3, -2, -1 };
    const char *mean = MT_ONNX(o, "ReduceMean", MT_ONNX(o, "Mul", x, x));

    mt_onnx_ints(o, "axes", axes + MT_MAX_RANK - n, n);
    mean = MT_ONNX(o, "Add", mean, mt_onnx_scalar(o, (float)eps));
    return MT_ONNX(o, "Div", x, MT_ONNX(o, "Sqrt", mean));
}

static const char *normalised(struct mt_onnx *o, const char *x, const char *w,
                              const char *b, size_t dims, double eps)
{
    x = MT_ONNX(o, "LayerNormalization", x, w, b);
    mt_onnx_int(o, "axis", -(int64_t)dims);
    mt_onnx_float(o, "epsilon", (float)eps);
    return x;
}

/* GroupNorm of vectors: each group is a row, without weights. */
static void groups_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct layer_norm_args *args = node->args;
    const int64_t apart[] = { -1, (int64_t)args->groups, (int64_t)args->width };
    const int64_t joined[] = { -1, (int64_t)mt_last_dim(node->in[X]) };
    const char *x = mt_onnx_reshape(o, mt_onnx_in(o, node, X), apart, 3);

    x = normalised(o, x, mt_onnx_filled(o, args->width, 1), NULL, 1, args->eps);
    x = mt_onnx_reshape(o, x, joined, 2);
    mt_onnx_out(o, node, Y,
                mt_onnx_affine(o, x, mt_onnx_in(o, node, WEIGHT),
                               mt_onnx_in(o, node, BIAS)));
}

static void layer_norm_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct layer_norm_args *args = node->args;
    const struct mt_shape *shape = &node->in[X]->shape;
    const char *x = mt_onnx_in(o, node, X), *w = mt_onnx_in(o, node, WEIGHT);
    size_t dims = 0, width = 1;
    int64_t sizes[MT_MAX_RANK] = { 0 };

    if (args->groups > 1) {
        groups_onnx(o, node);
        return;
    }
    while (width < args->width || dims == 0)
        width *= shape->dim[(size_t)shape->rank - ++dims];
    for (size_t i = 0; i < dims; i++)
        sizes[i] = (int64_t)shape->dim[(size_t)shape->rank - dims + i];
    if (!args->centred) {
        x = root_mean_square(o, x, dims, args->eps);
        x = mt_onnx_affine(o, x, w, NULL);
    } else {
        if (!w)
            w = mt_onnx_reshape(o, mt_onnx_filled(o, width, 1), sizes, dims);
        x = normalised(o, x, w, mt_onnx_in(o, node, BIAS), dims, args->eps);
    }
    mt_onnx_out(o, node, Y, x);
}

/* A sample of the norm must be within a position. */
static bool layer_norm_along(const struct mt_node *node, const int *in,
                             int *out)
{
    const struct layer_norm_args *args = node->args;
    const struct mt_shape *shape = &node->in[X]->shape;
    size_t inner = 1;

    for (int i = in[X] + 1; i < shape->rank; i++)
        inner *= shape->dim[i];
    return mt_along_rows(node, in, out) &&
           inner % (args->width * args->groups) == 0;
}

const struct mt_op mt_op_layer_norm = {
    .name = "layer_norm",
    .run = layer_norm_run,
    .along = layer_norm_along,
    .grad = layer_norm_grad,
    .in_place = true,
    .onnx = layer_norm_onnx,
};

static bool wants_weights(const struct layer_norm_args *args)
{
    return args->dw >= 0 || args->db >= 0;
}

/* dw and db are summed over the samples of a slot in order, then over the
 * slots. */
static size_t samples_per_slot(size_t width)
{
    size_t n = mt_row_span(width);

    return n > 64 ? 64 : n < 4 ? 4 : n;
}

static void backward_rows(const struct job *job, size_t at, size_t rows,
                          float *dw, float *db)
{
    const struct layer_norm_args *args = job->args;
    size_t step = args->groups == 1 ? rows : 1, n = args->width;

    for (size_t i = at; i < at + rows; i += step) {
        size_t first = i % args->groups * n;

        mt_kernels()->layer_norm_grad(
            into(job->y, i * n), into(dw, first), into(db, first),
            job->g + i * n, job->x + i * n, from(job->mean, i), job->rstd + i,
            from(job->w, first), from(job->sum, i * n), step, n);
    }
}

static void backward_span(const void *ctx, size_t at, size_t rows)
{
    backward_rows(ctx, at, rows, NULL, NULL);
}

static void backward_slots(const void *ctx, size_t at, size_t slots)
{
    const struct job *job = ctx;
    size_t groups = job->args->groups, width = groups * job->args->width;

    for (size_t i = at; i < at + slots; i++) {
        float *slot = job->slots + i * 2 * width;
        size_t first = i * job->per_slot, left = job->samples - first;
        size_t n = left < job->per_slot ? left : job->per_slot;

        memset(slot, 0, 2 * width * sizeof *slot);
        backward_rows(job, first * groups, n * groups, slot,
                      job->args->centred ? slot + width : NULL);
    }
}

struct slot_sum {
    float *out;
    const float *slots;
    size_t n, width;
};

static void sum_slots(const void *ctx, size_t at, size_t n)
{
    const struct slot_sum *sum = ctx;

    mt_kernels()->column_sum(sum->out + at, sum->slots + at, sum->n, n,
                             2 * sum->width, false);
}

static void layer_norm_grad_run(const struct mt_node *node,
                                const struct mt_run *run)
{
    const struct layer_norm_args *args = node->args;
    size_t width = args->groups * args->width;
    size_t samples = mt_elements(node->in[OF_X]) / width;
    struct job job = {
        .args = args,
        .g = node->in[DY]->data,
        .x = node->in[OF_X]->data,
        .rstd = node->in[OF_RSTD]->data,
        .mean = mt_input_data(node, OF_MEAN),
        .w = mt_input_data(node, OF_WEIGHT),
        .sum = args->fused.sum ? node->in[args->fused.sum]->data : NULL,
        .y = mt_output_data(node, args->dx),
        .slots = run->scratch,
        .samples = samples,
        .per_slot = samples_per_slot(width),
    };
    size_t slots = (samples + job.per_slot - 1) / job.per_slot;
    const int outputs[2] = { args->dw, args->db };

    if (!wants_weights(args)) {
        mt_row_spans(run->team, samples * args->groups, args->width,
                     backward_span, &job);
        return;
    }
    mt_row_spans(run->team, slots, job.per_slot * width, backward_slots, &job);
    for (size_t k = 0; k < 2; k++) {
        struct slot_sum sum = { .slots = job.slots + k * width,
                                .n = slots,
                                .width = width };

        sum.out = mt_output_data(node, outputs[k]);
        if (sum.out)
            mt_row_spans(run->team, width, slots, sum_slots, &sum);
    }
}

static size_t layer_norm_grad_scratch(const struct mt_node *node,
                                      size_t workers)
{
    const struct layer_norm_args *args = node->args;
    size_t width = args->groups * args->width;
    size_t samples = mt_elements(node->in[OF_X]) / width;
    size_t per_slot = samples_per_slot(width);

    (void)workers;
    if (!wants_weights(args))
        return 0;
    return (samples + per_slot - 1) / per_slot * 2 * width * sizeof(float);
}

/* Where x went past the norm, too, the sum of its gradients. */
static bool grad_absorb(struct mt_graph *g, struct mt_node *node,
                        const struct mt_node *next)
{
    struct layer_norm_args *args = node->args;

    (void)g;
    return args->dx == 0 && mt_fused_sum(&args->fused, node, next);
}

const struct mt_op mt_op_layer_norm_grad = {
    .name = "layer_norm_grad",
    .run = layer_norm_grad_run,
    .absorb = grad_absorb,
    .scratch = layer_norm_grad_scratch,
    .in_place = true,
};
