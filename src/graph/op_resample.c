/*
 * Average pooling and upsampling: a banded linear map along the columns of
 * each plane and one along its rows. The gradient is the same with both maps
 * transposed.
 */
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/planes.h"
#include "graph/windows.h"

enum { X };
enum { Y };

/* y = H x W^T / divisor for each plane x */
struct resample_args {
    struct mt_band h, w;
    double divisor;
};

struct job {
    const struct resample_args *args;
    float *y;
    const float *x;
};

/* --- recording ------------------------------------------------------------ */

static struct mt_value *record(struct mt_graph *g, struct mt_value *x,
                               const struct mt_shape *shape,
                               const struct resample_args *args)
{
    struct mt_node *node =
        mt_graph_node(g, &mt_op_resample, args, sizeof *args);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, shape);
}

/* The shape of a result with planes (h, w). */
static struct mt_shape shape_of(const struct mt_value *x, size_t h, size_t w)
{
    struct mt_shape shape = x->shape;

    shape.dim[shape.rank - 1] = w;
    if (shape.rank > 3)
        shape.dim[shape.rank - 2] = h;
    return shape;
}

struct mt_value *mt_avg_pool(struct mt_graph *g, struct mt_value *x,
                             const struct mt_pool_axis axes[2],
                             bool count_include_pad, double divisor)
{
    const struct mt_pool_axis point = { 1, 1, 0, 1, false };
    const struct mt_pool_axis *down = x->shape.rank > 3 ? &axes[0] : &point;
    struct mt_pool_axis both[2] = { *down, axes[1] };
    struct resample_args args = { .divisor = divisor };
    size_t h, w;
    double by_h = 1, by_w = 1;

    mt_plane_size(x, &h, &w);
    struct mt_shape shape =
        shape_of(x, mt_pool_size(down, h), mt_pool_size(&axes[1], w));

    if (mt_band_pool(g, &both[0], h, count_include_pad, &args.h, &by_h))
        mt_band_pool(g, &both[1], w, count_include_pad, &args.w, &by_w);
    if (divisor == 0) {
        args.divisor = by_h * by_w;
    } else { /* plain sums */
        args.h.weight = args.w.weight = NULL;
    }
    return record(g, x, &shape, &args);
}

struct mt_value *mt_adaptive_avg_pool(struct mt_graph *g, struct mt_value *x,
                                      const size_t size[2])
{
    struct resample_args args = { .divisor = 1 };
    double by_h = 1, by_w = 1;
    size_t h, w, out_h = x->shape.rank > 3 ? size[0] : 1;
    struct mt_shape shape = shape_of(x, out_h, size[1]);

    mt_plane_size(x, &h, &w);
    if (mt_band_adaptive(g, h, out_h, &args.h, &by_h))
        mt_band_adaptive(g, w, size[1], &args.w, &by_w);
    args.divisor = by_h * by_w;
    return record(g, x, &shape, &args);
}

static bool upsample_axis(struct mt_graph *g, size_t in,
                          const struct mt_upsample *options, int axis,
                          struct mt_band *band)
{
    size_t size = options->size[axis];
    double factor = options->factor[axis];

    if (options->linear)
        return mt_band_linear(g, in, size, factor, options->align_corners,
                              band);
    return mt_band_nearest(g, in, size, factor, band);
}

struct mt_value *mt_upsample(struct mt_graph *g, struct mt_value *x,
                             const struct mt_upsample *options)
{
    struct resample_args args = { .divisor = 1 };
    struct mt_shape shape = shape_of(x, options->size[0], options->size[1]);
    size_t h, w;
    bool ok;

    mt_plane_size(x, &h, &w);
    ok = x->shape.rank > 3 ? upsample_axis(g, h, options, 0, &args.h)
                           : mt_band_nearest(g, 1, 1, 0, &args.h);
    if (ok)
        upsample_axis(g, w, options, 1, &args.w);
    return record(g, x, &shape, &args);
}

static void resample_grad(struct mt_graph *g, const struct mt_node *node,
                          struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct resample_args *args = node->args;
    struct resample_args back = { .divisor = args->divisor };

    if (mt_band_transpose(g, &args->h, &back.h))
        mt_band_transpose(g, &args->w, &back.w);
    d_in[X] = record(g, d_out[Y], &node->in[X]->shape, &back);
}

/* --- running -------------------------------------------------------------- */

/* The smaller of the two arrays goes through the pass along rows, which costs
 * more. */
static bool rows_first(const struct resample_args *args)
{
    return args->h.windows.out > args->h.windows.in;
}

static bool skips_columns(const struct resample_args *args)
{
    return args->h.form == MT_BAND_IDENTITY;
}

static bool skips_rows(const struct resample_args *args)
{
    return args->w.form == MT_BAND_IDENTITY && args->divisor == 1;
}

static size_t plane_in(const struct resample_args *args)
{
    return args->h.windows.in * args->w.windows.in;
}

static size_t plane_out(const struct resample_args *args)
{
    return args->h.windows.out * args->w.windows.out;
}

static size_t larger_plane(const struct resample_args *args)
{
    size_t in = plane_in(args), out = plane_out(args);

    return in > out ? in : out;
}

static size_t planes_of(const struct mt_node *node)
{
    return mt_elements(node->in[X]) / plane_in(node->args);
}

/* Bytes between the two passes, for each worker. */
static size_t scratch_of(const struct resample_args *args, size_t planes)
{
    size_t group = mt_planes_of_task(planes, larger_plane(args));
    size_t middle = rows_first(args) ? args->h.windows.in * args->w.windows.out
                                     : args->h.windows.out * args->w.windows.in;

    if (skips_columns(args) || skips_rows(args))
        return 0;
    return group * middle * sizeof(float);
}

static size_t resample_scratch(const struct mt_node *node, size_t workers)
{
    return workers * scratch_of(node->args, planes_of(node));
}

static void resample_planes(const void *ctx, size_t first, size_t n,
                            void *scratch)
{
    const struct mt_kernels *k = mt_kernels();
    const struct job *job = ctx;
    const struct resample_args *args = job->args;
    const struct mt_windows *h = &args->h.windows, *w = &args->w.windows;
    const float *x = job->x + first * plane_in(args);
    float *y = job->y + first * plane_out(args), *middle = scratch;
    float divisor = (float)args->divisor;

    if (skips_columns(args)) {
        k->band_rows(y, x, n * h->in, &args->w, divisor);
    } else if (skips_rows(args)) {
        k->band_columns(y, x, n, w->in, &args->h);
    } else if (rows_first(args)) {
        k->band_rows(middle, x, n * h->in, &args->w, divisor);
        k->band_columns(y, middle, n, w->out, &args->h);
    } else {
        k->band_columns(middle, x, n, w->in, &args->h);
        k->band_rows(y, middle, n * h->out, &args->w, divisor);
    }
}

/* y_p = the mean of plane p */
static void mean_planes(const void *ctx, size_t first, size_t n, void *scratch)
{
    const struct job *job = ctx;
    size_t size = plane_in(job->args);

    (void)scratch;
    for (size_t p = first; p < first + n; p++)
        job->y[p] = (float)(mt_kernels()->sum(job->x + p * size, size) /
                            job->args->divisor);
}

static void fill_planes(const void *ctx, size_t first, size_t n, void *scratch)
{
    const struct job *job = ctx;
    size_t size = plane_out(job->args);

    (void)scratch;
    for (size_t p = first; p < first + n; p++) {
        float *y = job->y + p * size;
        float value = (float)((double)job->x[p] / job->args->divisor);

        for (size_t i = 0; i < size; i++)
            y[i] = value;
    }
}

/* Does every output read every input, with weight 1? */
static bool is_whole(const struct mt_band *band)
{
    const struct mt_windows *w = &band->windows;

    if (band->weight || (w->in > 1 && w->out > 1))
        return false;
    for (size_t o = 0; o < w->out; o++) {
        if ((size_t)w->count[o] != w->in)
            return false;
    }
    return true;
}

static void resample_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct resample_args *args = node->args;
    struct job job = { args, node->out[Y]->data, node->in[X]->data };
    size_t planes = planes_of(node);
    mt_planes_run *f = resample_planes;

    if (is_whole(&args->h) && is_whole(&args->w)) {
        if (plane_out(args) == 1)
            f = mean_planes;
        else if (plane_in(args) == 1)
            f = fill_planes;
    }
    mt_planes(run, planes, larger_plane(args), scratch_of(args, planes), f,
              &job);
}

/* --- in ONNX ------------------------------------------------------------ */

/* The map as a matrix (in, out), or (out, in) if it is the left factor, divided
 * by `divisor`. */
static const char *matrix(struct mt_onnx *o, const struct mt_band *band,
                          double divisor, bool before)
{
    const struct mt_windows *w = &band->windows;
    struct mt_shape shape =
        before ? mt_shape_of(2, w->out, w->in) : mt_shape_of(2, w->in, w->out);
    float *m = mt_onnx_room(o, w->in * w->out);

    for (size_t i = 0; i < w->out && m; i++) {
        for (size_t k = 0; k < (size_t)w->count[i]; k++) {
            size_t from = (size_t)w->start[i] + k;
            double weight =
                band->weight
                    ? (double)
                          band->weight[(size_t)band->at[i] + k * band->advance]
                    : 1;

            m[before ? i * w->in + from : from * w->out + i] =
                (float)(weight / divisor);
        }
    }
    return m ? mt_onnx_floats(o, &shape, m) : "";
}

/* Does each output copy one input? */
static bool picks(const struct mt_band *band)
{
    bool one = !band->weight;

    for (size_t i = 0; i < band->windows.out; i++)
        one = one && band->windows.count[i] == 1;
    return one;
}

static const char *picked(struct mt_onnx *o, const char *x,
                          const struct mt_windows *w, int dim)
{
    int64_t *places = mt_onnx_room(o, w->out);

    for (size_t i = 0; i < w->out && places; i++)
        places[i] = w->start[i];
    x = MT_ONNX(o, "Gather", x, places ? mt_onnx_list(o, places, w->out) : "");
    mt_onnx_int(o, "axis", dim);
    return x;
}

/* Are the windows equal and evenly spaced from the first input on, as many as
 * fit? Sets their size and distance. */
static bool is_pool(const struct mt_band *band, int64_t *kernel,
                    int64_t *stride)
{
    const struct mt_windows *w = &band->windows;
    bool pool = !band->weight && w->start[0] == 0;

    *kernel = w->count[0];
    *stride = w->out > 1 ? w->start[1] : (int64_t)w->in;
    for (size_t i = 0; i < w->out; i++)
        pool = pool && w->count[i] == *kernel &&
               w->start[i] == (int64_t)i * *stride;
    return pool && *stride > 0 &&
           ((int64_t)w->in - *kernel) / *stride + 1 == (int64_t)w->out;
}

static const char *pooled(struct mt_onnx *o, const char *x, int dims,
                          const int64_t kernel[2], const int64_t stride[2])
{
    x = MT_ONNX(o, "AveragePool", x);
    mt_onnx_ints(o, "kernel_shape", kernel + 2 - dims, (size_t)dims);
    mt_onnx_ints(o, "strides", stride + 2 - dims, (size_t)dims);
    return x;
}

/* Maps one axis after the other; the first that is a matrix includes the
 * divisor. */
static const char *mapped(struct mt_onnx *o, const char *x, int rank,
                          const struct resample_args *args)
{
    double divisor = args->divisor;

    if (picks(&args->w)) {
        if (args->w.form != MT_BAND_IDENTITY)
            x = picked(o, x, &args->w.windows, rank - 1);
    } else {
        x = MT_ONNX(o, "MatMul", x, matrix(o, &args->w, divisor, false));
        divisor = 1;
    }
    if (rank > 3 && !picks(&args->h)) {
        x = MT_ONNX(o, "MatMul", matrix(o, &args->h, divisor, true), x);
        divisor = 1;
    } else if (rank > 3 && args->h.form != MT_BAND_IDENTITY) {
        x = picked(o, x, &args->h.windows, rank - 2);
    }
    return divisor == 1
               ? x
               : MT_ONNX(o, "Div", x, mt_onnx_scalar(o, (float)divisor));
}

static void resample_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct resample_args *args = node->args;
    int rank = node->in[X]->shape.rank;
    int64_t kernel[2], stride[2];
    const char *x = mt_onnx_in(o, node, X);
    bool pool = is_pool(&args->w, &kernel[1], &stride[1]) &&
                is_pool(&args->h, &kernel[0], &stride[0]);

    if (pool && args->divisor == (double)(kernel[0] * kernel[1]) &&
        args->divisor > 1)
        x = pooled(o, x, rank - 2, kernel, stride);
    else
        x = mapped(o, x, rank, args);
    mt_onnx_out(o, node, Y, x);
}

const struct mt_op mt_op_resample = {
    .name = "resample",
    .run = resample_run,
    .grad = resample_grad,
    .scratch = resample_scratch,
    .onnx = resample_onnx,
};
