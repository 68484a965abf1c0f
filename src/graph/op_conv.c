/*
 * Convolutions and transposed convolutions. A transposed convolution is the
 * gradient of a convolution's input, so three passes are enough for both.
 */
#include "graph/fused.h"
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/spans.h"
#include "kernels/conv.h"

/* Operands: of both convolutions and of the sum over channels; and of dw, where
 * for a transposed convolution dy and x are exchanged. */
enum { X, WEIGHT, BIAS };
enum { Y };
enum { OF_X = X, DY };
enum { DW, DB }; /* DB: of a convolution only, if it is wanted */

struct conv_args {
    struct mt_conv cv;
    struct mt_fused fused;
    struct mt_deferred x; /* of a convolution and of dw */
};

/* m: for how a deferred value is read */
static struct mt_conv_epilogue epilogue(const struct mt_node *node,
                                        struct mt_normed *m)
{
    const struct conv_args *args = node->args;
    const struct mt_fused *f = &args->fused;

    return (struct mt_conv_epilogue){
        .bias = node->in[BIAS] ? node->in[BIAS]->data : NULL,
        .sum = f->sum ? node->in[f->sum]->data : NULL,
        .act = f->act ? mt_activation_forward(f->act) : NULL,
        .act_grad = f->act_grad ? mt_activation_backward(f->act_grad) : NULL,
        .saved = mt_fused_saved(f, node),
        .act_p = f->p,
        .normed = mt_deferred_read(&f->read, node, m),
    };
}

static struct mt_conv_input input(const struct mt_node *node,
                                  struct mt_normed *m)
{
    const struct conv_args *args = node->args;

    return (struct mt_conv_input){ node->in[X]->data,
                                   mt_deferred_read(&args->x, node, m) };
}

static struct mt_deferred *reads_x(const struct mt_node *node, size_t k)
{
    struct conv_args *args = node->args;

    return k == X ? &args->x : mt_fused_deferred(&args->fused, k);
}

static struct mt_deferred *reads_saved(const struct mt_node *node, size_t k)
{
    struct conv_args *args = node->args;

    return mt_fused_deferred(&args->fused, k);
}

static bool absorb(struct mt_graph *g, struct mt_node *node,
                   const struct mt_node *next)
{
    struct conv_args *args = node->args;

    (void)g;
    return mt_fused_sum(&args->fused, node, next) ||
           mt_fused_activation(&args->fused, next) ||
           mt_fused_gradient(&args->fused, node, next);
}

static struct mt_node *record(struct mt_graph *g, const struct mt_op *op,
                              const struct mt_conv *cv, struct mt_value *a,
                              struct mt_value *b, struct mt_value *c)
{
    struct conv_args args = { .cv = *cv };
    struct mt_node *node = mt_graph_node(g, op, &args, sizeof args);

    mt_node_input(node, a);
    mt_node_input(node, b);
    mt_node_input(node, c);
    return node;
}

/* (n, groups c, h, w) or (n, groups o, oh, ow), with the rank that x has. */
static struct mt_shape image_shape(const struct mt_value *x, size_t channels,
                                   size_t h, size_t w)
{
    if (x->shape.rank == 3)
        return mt_shape_of(3, x->shape.dim[0], channels, w);
    return mt_shape_of(4, x->shape.dim[0], channels, h, w);
}

/* --- bias: db_o = sum over images and positions ------------------------- */

struct channel_job {
    const float *x;
    float *out;
    size_t images, channels, size;
};

static void channel_span(const void *ctx, size_t at, size_t n)
{
    const struct channel_job *job = ctx;

    for (size_t c = at; c < at + n; c++) {
        double sum = 0;

        for (size_t i = 0; i < job->images; i++)
            sum += mt_kernels()->sum(
                job->x + (i * job->channels + c) * job->size, job->size);
        job->out[c] = (float)sum;
    }
}

static void channel_sum_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    const struct mt_value *x = node->in[X];
    struct channel_job job = { x->data, node->out[Y]->data, x->shape.dim[0],
                               x->shape.dim[1], 0 };

    job.size = mt_elements(x) / job.images / job.channels;
    mt_row_spans(run->team, job.channels, job.images * job.size, channel_span,
                 &job);
}

const struct mt_op mt_op_channel_sum = {
    .name = "channel_sum", .run = channel_sum_run,
};

static struct mt_value *channel_sum(struct mt_graph *g, struct mt_value *x)
{
    struct mt_shape shape = mt_shape_of(1, x->shape.dim[1]);
    struct mt_node *node = mt_graph_node(g, &mt_op_channel_sum, NULL, 0);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

/* --- y = conv(x, w) + b ------------------------------------------------- */

struct mt_value *mt_conv_op(struct mt_graph *g, struct mt_value *x,
                            struct mt_value *w, struct mt_value *b,
                            const struct mt_conv *cv)
{
    struct mt_node *node = record(g, &mt_op_conv, cv, x, w, b);
    struct mt_shape shape =
        image_shape(x, cv->groups * cv->o, cv->oh, cv->ow);

    return mt_node_output(g, node, MT_F32, &shape);
}

static void conv_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct conv_args *args = node->args;
    struct mt_normed of_x, of_saved;
    struct mt_conv_input x = input(node, &of_x);
    struct mt_conv_epilogue e = epilogue(node, &of_saved);

    mt_conv_forward(&args->cv, &x, node->in[WEIGHT]->data, &e,
                    node->out[Y]->data, run->team, run->scratch);
}

static size_t forward_scratch(const struct mt_node *node, size_t workers)
{
    const struct conv_args *args = node->args;

    return mt_conv_forward_scratch(&args->cv, args->x.coef > 0, workers);
}

static size_t input_scratch(const struct mt_node *node, size_t workers)
{
    return mt_conv_grad_input_scratch(&((struct conv_args *)node->args)->cv,
                                      workers);
}

static size_t weight_scratch(const struct mt_node *node, size_t workers)
{
    const struct conv_args *args = node->args;

    return mt_conv_grad_weight_scratch(&args->cv, args->x.coef > 0,
                                       node->n_out > DB, workers);
}

static void conv_grad(struct mt_graph *g, const struct mt_node *node,
                      struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct mt_conv *cv = &((struct conv_args *)node->args)->cv;
    struct mt_value *x = node->in[X], *w = node->in[WEIGHT], *dy = d_out[Y];

    if (mt_wants_grad(node, WEIGHT)) {
        struct mt_node *back =
            record(g, &mt_op_conv_grad_weight, cv, x, dy, NULL);

        d_in[WEIGHT] = mt_node_output(g, back, MT_F32, &w->shape);
        if (mt_wants_grad(node, BIAS))
            d_in[BIAS] =
                mt_node_output(g, back, MT_F32, &node->in[BIAS]->shape);
    } else if (mt_wants_grad(node, BIAS)) {
        d_in[BIAS] = channel_sum(g, dy);
    }
    if (mt_wants_grad(node, X))
        d_in[X] = mt_node_output(
            g, record(g, &mt_op_conv_transpose, cv, dy, w, NULL), MT_F32,
            &x->shape);
}

/* --- in ONNX ------------------------------------------------------------ */

/* The padding after an axis of `in` that `out` steps of the kernel need;
 * elements that the last one does not reach do not matter. */
static int64_t pad_behind(size_t in, size_t out, size_t kernel, size_t stride,
                          size_t padding, size_t dilation)
{
    int64_t reached =
        (int64_t)((out - 1) * stride + (kernel - 1) * dilation + 1);
    int64_t behind = reached - (int64_t)(in + padding);

    return behind > 0 ? behind : 0;
}

/* The attributes of both axes, or only of the second. */
static void add_geometry(struct mt_onnx *o, const struct mt_conv *cv, int dims,
                         const int64_t behind[2])
{
    const int64_t kernel[] = { (int64_t)cv->kh, (int64_t)cv->kw };
    const int64_t stride[] = { (int64_t)cv->sh, (int64_t)cv->sw };
    const int64_t dilation[] = { (int64_t)cv->dh, (int64_t)cv->dw };
    const int64_t pads[] = { (int64_t)cv->ph, (int64_t)cv->pw, behind[0],
                             behind[1] };
    const int64_t pads1[] = { (int64_t)cv->pw, behind[1] };
    size_t n = (size_t)dims, from = 2 - n;

    mt_onnx_ints(o, "kernel_shape", kernel + from, n);
    mt_onnx_ints(o, "strides", stride + from, n);
    mt_onnx_ints(o, "dilations", dilation + from, n);
    mt_onnx_ints(o, "pads", n == 2 ? pads : pads1, 2 * n);
    mt_onnx_int(o, "group", (int64_t)cv->groups);
}

static void conv_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_conv *cv = &((const struct conv_args *)node->args)->cv;
    const int64_t behind[] = {
        pad_behind(cv->h, cv->oh, cv->kh, cv->sh, cv->ph, cv->dh),
        pad_behind(cv->w, cv->ow, cv->kw, cv->sw, cv->pw, cv->dw),
    };
    const char *y =
        MT_ONNX(o, "Conv", mt_onnx_in(o, node, X), mt_onnx_in(o, node, WEIGHT),
                mt_onnx_in(o, node, BIAS));

    add_geometry(o, cv, node->in[X]->shape.rank - 2, behind);
    mt_onnx_out(o, node, Y, y);
}

/* The end of a transposed axis: how much is cut off there; or, if it is longer
 * than its steps make it, by how much: `zeros` after the input, each of which
 * adds a stride, and a rest. ONNX Runtime requires the rest to be below the
 * stride. */
struct ending {
    int64_t cut, zeros, rest;
};

static struct ending ending(size_t in, size_t out, size_t kernel, size_t stride,
                            size_t padding, size_t dilation)
{
    int64_t steps = (int64_t)((out - 1) * stride + (kernel - 1) * dilation + 1);
    int64_t cut = steps - (int64_t)(in + padding); /* negative: longer */
    int64_t longer = cut < 0 ? -cut : 0;

    return (struct ending){ cut > 0 ? cut : 0, longer / (int64_t)stride,
                            longer % (int64_t)stride };
}

/* x with the zeros of ends after its last dimensions. */
static const char *extended(struct mt_onnx *o, const char *x, int rank,
                            const struct ending *ends, int dims)
{
    int64_t pads[2 * MT_MAX_RANK] = { 0 };
    bool any = false;

    for (int i = 0; i < dims; i++) {
        pads[2 * rank - dims + i] = ends[i].zeros;
        any |= ends[i].zeros > 0;
    }
    return any ? MT_ONNX(o, "Pad", x, mt_onnx_list(o, pads, 2 * (size_t)rank))
               : x;
}

static void conv_transpose_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_conv *cv = &((const struct conv_args *)node->args)->cv;
    int rank = node->in[X]->shape.rank, dims = rank - 2;
    const struct ending ends[] = {
        ending(cv->h, cv->oh, cv->kh, cv->sh, cv->ph, cv->dh),
        ending(cv->w, cv->ow, cv->kw, cv->sw, cv->pw, cv->dw),
    };
    const int64_t behind[] = { ends[0].cut, ends[1].cut };
    const int64_t rest[] = { ends[0].rest, ends[1].rest };
    const char *x =
        extended(o, mt_onnx_in(o, node, X), rank, ends + 2 - dims, dims);
    const char *y = MT_ONNX(o, "ConvTranspose", x, mt_onnx_in(o, node, WEIGHT),
                            mt_onnx_in(o, node, BIAS));

    add_geometry(o, cv, dims, behind);
    mt_onnx_ints(o, "output_padding", rest + 2 - dims, (size_t)dims);
    mt_onnx_out(o, node, Y, y);
}

const struct mt_op mt_op_conv = {
    .name = "conv",
    .run = conv_run,
    .grad = conv_grad,
    .scratch = forward_scratch,
    .absorb = absorb,
    .deferred = reads_x,
    .onnx = conv_onnx,
};

/* --- dw and db from x and dy -------------------------------------------- */

static void grad_weight_run(const struct mt_node *node,
                            const struct mt_run *run)
{
    const struct conv_args *args = node->args;
    struct mt_normed of_x;
    struct mt_conv_input x = input(node, &of_x);

    mt_conv_grad_weight(&args->cv, &x, node->in[DY]->data, node->out[DW]->data,
                        node->n_out > DB ? node->out[DB]->data : NULL,
                        run->team, run->scratch);
}

const struct mt_op mt_op_conv_grad_weight = {
    .name = "conv_grad_weight",
    .run = grad_weight_run,
    .scratch = weight_scratch,
    .deferred = reads_x,
};

/* --- transposed: from (n, groups o, oh, ow) to (n, groups c, h, w) ------ */

struct mt_value *mt_conv_transpose_op(struct mt_graph *g, struct mt_value *x,
                                      struct mt_value *w, struct mt_value *b,
                                      const struct mt_conv *cv)
{
    struct mt_node *node = record(g, &mt_op_conv_transpose, cv, x, w, b);
    struct mt_shape shape = image_shape(x, cv->groups * cv->c, cv->h, cv->w);

    return mt_node_output(g, node, MT_F32, &shape);
}

static void conv_transpose_run(const struct mt_node *node,
                               const struct mt_run *run)
{
    const struct conv_args *args = node->args;
    struct mt_normed of_saved;
    struct mt_conv_epilogue e = epilogue(node, &of_saved);

    mt_conv_grad_input(&args->cv, node->in[X]->data, node->in[WEIGHT]->data, &e,
                       node->out[Y]->data, run->team, run->scratch);
}

static void conv_transpose_grad(struct mt_graph *g, const struct mt_node *node,
                                struct mt_value *const *d_out,
                                struct mt_value **d_in)
{
    const struct mt_conv *cv = &((struct conv_args *)node->args)->cv;
    struct mt_value *x = node->in[X], *w = node->in[WEIGHT], *dy = d_out[Y];

    if (mt_wants_grad(node, BIAS))
        d_in[BIAS] = channel_sum(g, dy);
    if (mt_wants_grad(node, WEIGHT))
        d_in[WEIGHT] = mt_node_output(
            g, record(g, &mt_op_conv_grad_weight, cv, dy, x, NULL), MT_F32,
            &w->shape);
    if (mt_wants_grad(node, X))
        d_in[X] = mt_conv_op(g, dy, w, NULL, cv);
}

const struct mt_op mt_op_conv_transpose = {
    .name = "conv_transpose",
    .run = conv_transpose_run,
    .grad = conv_transpose_grad,
    .scratch = input_scratch,
    .absorb = absorb,
    .deferred = reads_saved,
    .onnx = conv_transpose_onnx,
};
