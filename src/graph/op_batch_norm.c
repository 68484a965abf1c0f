/*
 * BatchNorm of x (N, C, S): each channel over the batch and its planes.
 *
 * The work is cut into units of some channels times chunks of some samples. If
 * there are enough units, a unit has one chunk, and a task reads, reduces and
 * writes its channels while they are in the cache. Otherwise the sums of all
 * chunks go into slots, which are combined in order, and are then applied.
 *
 * With S = 1 the channels of a unit lie side by side and are normalised as
 * columns; else each channel's planes are runs of S values.
 */
#include <math.h>

#include "graph/fused.h"
#include "graph/norm_internal.h"
#include "graph/onnx.h"
#include "graph/spans.h"
#include "kernels/dmath.h"
#include "kernels/moments.h"

/* Operands. Forward: statistics are the running ones, or in batch_norm_again
 * those found by the first run (MEAN, RSTD). */
enum { X, WEIGHT, BIAS, MEAN, VAR, BATCHES, RSTD = VAR };
enum { Y, Y_MEAN, Y_RSTD, COEF = Y }; /* COEF: deferred, see there */
/* Backward: what forward read and found. */
enum { DY, OF_X, OF_MEAN, OF_RSTD, OF_WEIGHT };

struct batch_norm_args {
    double eps, momentum; /* momentum NAN: 1 / batches */
    int dx, dw, db; /* backward: which outputs, -1: none */
    struct mt_fused fused;
    bool deferred; /* forward: only finds the coefficients (deferred.h) */
};

struct job;

/* The work of forward or backward on channels [c, end) of chunk k; finish runs
 * after the sums of all chunks. */
struct pass {
    void (*sums)(const struct job *job, size_t c, size_t end, size_t k);
    void (*finish)(const struct job *job, size_t c, size_t end);
    void (*apply)(const struct job *job, size_t c, size_t end, size_t k);
};

struct job {
    const struct pass *pass;
    const struct batch_norm_args *args;
    size_t n, c, s;       /* x (n, c, s) */
    size_t unit, units;   /* channels of a task; tasks of a chunk */
    size_t chunk, chunks; /* samples of a chunk */
    const float *x, *g, *w, *b;
    float *y, *mean, *rstd; /* y is dx in backward; NULL: it is not computed */
    const float *running_mean, *running_var; /* for batch_norm_fixed */
    float *dw, *db;
    double *slots; /* (chunks, 2, c): mean and m2, or the two sums */
    float *coef;   /* (3, c): coefficients for apply */
};

enum { UNITS = 16, CHUNKS = 16 };

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static struct job job_of(const struct mt_node *node, const struct mt_value *x)
{
    size_t n = x->shape.dim[0], c = x->shape.dim[1];
    struct job job = { .args = node->args,
                       .n = n,
                       .c = c,
                       .s = mt_elements(x) / (n * c),
                       .chunks = 1 };

    job.unit = mt_row_span(n * job.s);
    if (job.s == 1)
        job.unit = divide_up(job.unit, 16) * 16;
    if (job.unit > c)
        job.unit = c;
    job.units = divide_up(c, job.unit);
    if (job.units < UNITS)
        job.chunks = n * job.s * job.unit / MT_SPAN;
    job.chunks = job.chunks < 1 ? 1 : job.chunks > CHUNKS ? CHUNKS : job.chunks;
    job.chunk = divide_up(n, job.chunks);
    job.chunks = divide_up(n, job.chunk);
    return job;
}

static size_t slots_bytes(const struct job *job)
{
    return job->chunks * 2 * job->c * sizeof(double);
}

static size_t scratch_bytes(const struct mt_node *node,
                            const struct mt_value *x)
{
    struct job job = job_of(node, x);

    return slots_bytes(&job) + 3 * job.c * sizeof(float);
}

static void set_scratch(struct job *job, void *scratch)
{
    job->slots = scratch;
    job->coef = (float *)((char *)scratch + slots_bytes(job));
}

/* --- cutting the work --------------------------------------------------- */

static size_t chunk_samples(const struct job *job, size_t k)
{
    size_t left = job->n - k * job->chunk;

    return left < job->chunk ? left : job->chunk;
}

static size_t place(const struct job *job, size_t c, size_t k)
{
    return (k * job->chunk * job->c + c) * job->s;
}

static double *slot(const struct job *job, size_t k, size_t i)
{
    return job->slots + (2 * k + i) * job->c;
}

typedef void step_fn(const struct job *job, size_t c, size_t end, size_t k);

static void run_task(const struct job *job, size_t task, step_fn *f)
{
    size_t c = task % job->units * job->unit, end = c + job->unit;

    f(job, c, end < job->c ? end : job->c, task / job->units);
}

static void sums_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;

    (void)worker;
    run_task(job, task, job->pass->sums);
}

static void apply_task(void *ctx, size_t task, size_t worker)
{
    const struct job *job = ctx;

    (void)worker;
    run_task(job, task, job->pass->apply);
}

static void all_steps(const struct job *job, size_t c, size_t end, size_t k)
{
    job->pass->sums(job, c, end, k);
    job->pass->finish(job, c, end);
    job->pass->apply(job, c, end, k);
}

static void whole_task(void *ctx, size_t task, size_t worker)
{
    (void)worker;
    run_task(ctx, task, all_steps);
}

static void run_pass(struct job *job, struct mt_team *team)
{
    if (job->chunks == 1) {
        mt_team_run(job->units > 1 ? team : NULL, job->units, whole_task, job);
        return;
    }
    mt_team_run(team, job->units * job->chunks, sums_task, job);
    job->pass->finish(job, 0, job->c);
    if (job->y)
        mt_team_run(team, job->units * job->chunks, apply_task, job);
}

/* --- forward ------------------------------------------------------------ */

static void forward_sums(const struct job *job, size_t c, size_t end, size_t k)
{
    size_t rows = chunk_samples(job, k);
    double *mean = slot(job, k, 0), *m2 = slot(job, k, 1);

    if (job->s == 1) {
        mt_kernels()->column_moments(
            mean + c, m2 + c, job->x + place(job, c, k), rows, end - c, job->c);
        return;
    }
    for (; c < end; c++) {
        struct mt_moments m = { 0, 0, 0 };

        mt_kernels()->moments(&m, job->x + place(job, c, k), rows, job->s,
                              job->c * job->s);
        mean[c] = m.mean;
        m2[c] = m.m2;
    }
}

/* coef: mean, rstd w, b */
static void set_forward(const struct job *job, size_t c, float mean,
                        double rstd)
{
    float *coef = job->coef + c;

    coef[0] = mean;
    coef[job->c] = (float)(job->w ? rstd * (double)job->w[c] : rstd);
    coef[2 * job->c] = job->b ? job->b[c] : 0;
}

static void forward_finish(const struct job *job, size_t c, size_t end)
{
    for (; c < end; c++) {
        struct mt_moments m = { 0, 0, 0 };

        for (size_t k = 0; k < job->chunks; k++)
            mt_moments_add(&m, (double)(chunk_samples(job, k) * job->s),
                           slot(job, k, 0)[c], slot(job, k, 1)[c]);

        double rstd = 1 / mt_dsqrt(m.m2 / m.n + job->args->eps);

        job->mean[c] = (float)m.mean;
        job->rstd[c] = (float)rstd;
        set_forward(job, c, job->mean[c], (double)job->rstd[c]);
        /* for the running statistics, with unbiased variance as in torch */
        slot(job, 0, 0)[c] = m.mean;
        slot(job, 0, 1)[c] = m.m2 / (m.n - 1);
    }
}

/* Activates `runs` runs of n values that were just normalised. */
static void activate(const struct job *job, float *y, size_t runs, size_t n,
                     size_t stride)
{
    const struct mt_fused *f = &job->args->fused;

    for (size_t i = 0; f->act && i < runs; i++)
        mt_activation_forward(f->act)(y + i * stride, y + i * stride, n, f->p);
}

/* How many runs to activate at once, so that they are still in the cache. */
static size_t runs_at_once(const struct job *job, size_t n, size_t runs)
{
    size_t few = n < MT_SPAN / 4 ? MT_SPAN / 4 / n : 1;

    return job->args->fused.act && few < runs ? few : runs;
}

static void apply_columns(const struct job *job, size_t c, size_t n, size_t k)
{
    const float *const p[3] = { job->coef + c, job->coef + job->c + c,
                                job->coef + 2 * job->c + c };
    size_t rows = chunk_samples(job, k), step = runs_at_once(job, n, rows);

    for (size_t i = 0; i < rows; i += step) {
        size_t at = place(job, c, k) + i * job->c;
        size_t some = rows - i < step ? rows - i : step;

        mt_kernels()->column_norm(job->y + at, job->x + at, some, n, job->c, p);
        activate(job, job->y + at, some, n, job->c);
    }
}

static void apply_planes(const struct job *job, size_t c, size_t k)
{
    const float *coef = job->coef + c;
    const float p[3] = { coef[0], coef[job->c], coef[2 * job->c] };
    size_t rows = chunk_samples(job, k), stride = job->c * job->s;
    size_t step = runs_at_once(job, job->s, rows);

    for (size_t i = 0; i < rows; i += step) {
        size_t at = place(job, c, k) + i * stride;
        size_t some = rows - i < step ? rows - i : step;

        mt_kernels()->norm(job->y + at, job->x + at, some, job->s, stride, p);
        activate(job, job->y + at, some, job->s, stride);
    }
}

static void forward_apply(const struct job *job, size_t c, size_t end, size_t k)
{
    if (!job->y)
        return;
    if (job->s == 1) {
        apply_columns(job, c, end - c, k);
        return;
    }
    for (; c < end; c++)
        apply_planes(job, c, k);
}

static const struct pass forward = { forward_sums, forward_finish,
                                     forward_apply };

static struct mt_node *record(struct mt_graph *g, const struct mt_op *op,
                              const struct batch_norm_args *args,
                              struct mt_value *x, struct mt_value *w,
                              struct mt_value *b)
{
    struct mt_node *node = mt_graph_node(g, op, args, sizeof *args);

    mt_node_input(node, x);
    mt_node_input(node, w);
    mt_node_input(node, b);
    return node;
}

struct mt_value *mt_batch_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               const struct mt_running *running,
                               double momentum, double eps)
{
    struct batch_norm_args args = { .eps = eps, .momentum = momentum };
    struct mt_shape channels = mt_shape_of(1, x->shape.dim[1]);
    const struct mt_op *op =
        running ? &mt_op_batch_norm_tracked : &mt_op_batch_norm;
    struct mt_node *node = record(g, op, &args, x, w, b);
    struct mt_value *y;

    if (running) {
        mt_node_input(node, running->mean);
        mt_node_input(node, running->var);
        mt_node_input(node, running->batches);
    }
    y = mt_node_output(g, node, MT_F32, &x->shape);
    mt_node_output(g, node, MT_F32, &channels);
    mt_node_output(g, node, MT_F32, &channels);
    return y;
}

static struct job forward_job(const struct mt_node *node,
                              const struct mt_run *run)
{
    const struct batch_norm_args *args = node->args;
    struct job job = job_of(node, node->in[X]);

    set_scratch(&job, run->scratch);
    job.pass = &forward;
    job.x = node->in[X]->data;
    job.w = mt_input_data(node, WEIGHT);
    job.b = mt_input_data(node, BIAS);
    if (args->deferred)
        job.coef = node->out[COEF]->data;
    else
        job.y = node->out[Y]->data;
    return job;
}

static void batch_norm_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = forward_job(node, run);

    job.mean = node->out[Y_MEAN]->data;
    job.rstd = node->out[Y_RSTD]->data;
    run_pass(&job, run->team);
}

static size_t tracked_statistics(const struct mt_node *node)
{
    return 2 * node->in[X]->shape.dim[1];
}

static void tracked_update(const struct mt_node *node, const double *statistics)
{
    const struct batch_norm_args *args = node->args;
    size_t channels = node->in[X]->shape.dim[1];
    int64_t *batches = node->in[BATCHES]->data;
    double momentum = args->momentum;

    ++*batches;
    if (isnan(momentum))
        momentum = 1 / (double)*batches;
    mt_running_update(node->in[MEAN]->data, statistics, 1, channels, momentum);
    mt_running_update(node->in[VAR]->data, statistics + channels, 1, channels,
                      momentum);
}

static void batch_norm_tracked_run(const struct mt_node *node,
                                   const struct mt_run *run)
{
    struct job job = forward_job(node, run);

    job.mean = node->out[Y_MEAN]->data;
    job.rstd = node->out[Y_RSTD]->data;
    run_pass(&job, run->team);
    mt_running_found(node, run, slot(&job, 0, 0));
}

static size_t forward_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return scratch_bytes(node, node->in[X]);
}

/* Backward needs only the input, not y before the activation. */
static bool absorb(struct mt_graph *g, struct mt_node *node,
                   const struct mt_node *next)
{
    struct batch_norm_args *args = node->args;

    (void)g;
    return mt_fused_activation(&args->fused, next);
}

static bool defer(const struct mt_node *node, struct mt_deferred *d)
{
    struct batch_norm_args *args = node->args;

    if (args->fused.act && !mt_is_relu(args->fused.act))
        return false;
    if (d) {
        args->deferred = true;
        d->relu = args->fused.act != NULL;
    }
    return true;
}

static void batch_norm_grad(struct mt_graph *g, const struct mt_node *node,
                            struct mt_value *const *d_out,
                            struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_batch_norm_grad, node->args,
                                         sizeof(struct batch_norm_args));
    struct batch_norm_args *args = back->args;

    if (!args) /* no memory: the graph is marked */
        return;
    mt_node_input(back, d_out[Y]);
    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->out[Y_MEAN]);
    mt_node_input(back, node->out[Y_RSTD]);
    mt_node_input(back, node->in[WEIGHT]);
    args->dx = mt_grad_output(g, node, back, X, d_in);
    args->dw = mt_grad_output(g, node, back, WEIGHT, d_in);
    args->db = mt_grad_output(g, node, back, BIAS, d_in);
}

static struct mt_value *batch_norm_again(struct mt_graph *g,
                                         const struct mt_node *node,
                                         struct mt_value *const *in)
{
    struct mt_node *back = record(g, &mt_op_batch_norm_again, node->args, in[X],
                                  in[WEIGHT], in[BIAS]);

    mt_node_input(back, node->out[Y_MEAN]);
    mt_node_input(back, node->out[Y_RSTD]);
    return mt_node_output(g, back, MT_F32, &in[X]->shape);
}

/* The mean over all dimensions except the channels'. */
static const char *channel_mean(struct mt_onnx *o, const char *x, int rank)
{
    const int64_t axes[] = { 0, 2, 3, 4, 5, 6, 7 };

    x = MT_ONNX(o, "ReduceMean", x);
    mt_onnx_ints(o, "axes", axes, (size_t)rank - 1);
    return x;
}

/* Without running statistics, those of the batch are also used in
 * evaluation. */
static void batch_norm_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct batch_norm_args *args = node->args;
    int rank = node->in[X]->shape.rank;
    size_t channels = node->in[X]->shape.dim[1];
    const char *x = mt_onnx_in(o, node, X), *var;

    x = MT_ONNX(o, "Sub", x, channel_mean(o, x, rank));
    var = channel_mean(o, MT_ONNX(o, "Mul", x, x), rank);
    var = MT_ONNX(o, "Add", var, mt_onnx_scalar(o, (float)args->eps));
    x = MT_ONNX(o, "Div", x, MT_ONNX(o, "Sqrt", var));
    mt_onnx_out(
        o, node, Y,
        mt_onnx_affine(
            o, x,
            mt_onnx_channels(o, mt_onnx_in(o, node, WEIGHT), channels, rank),
            mt_onnx_channels(o, mt_onnx_in(o, node, BIAS), channels, rank)));
}

const struct mt_op mt_op_batch_norm = {
    .name = "batch_norm",
    .run = batch_norm_run,
    .grad = batch_norm_grad,
    .scratch = forward_scratch,
    .absorb = absorb,
    .defer = defer,
    .again = batch_norm_again,
    .in_place = true,
    .onnx = batch_norm_onnx,
};

const struct mt_op mt_op_batch_norm_tracked = {
    .name = "batch_norm_tracked",
    .run = batch_norm_tracked_run,
    .grad = batch_norm_grad,
    .scratch = forward_scratch,
    .absorb = absorb,
    .defer = defer,
    .again = batch_norm_again,
    .statistics = tracked_statistics,
    .update = tracked_update,
    .in_place = true,
};

/* --- with given statistics ---------------------------------------------- */

static void no_sums(const struct job *job, size_t c, size_t end, size_t k)
{
    (void)job;
    (void)c;
    (void)end;
    (void)k;
}

static void fixed_finish(const struct job *job, size_t c, size_t end)
{
    for (; c < end; c++)
        set_forward(job, c, job->running_mean[c],
                    1 / mt_dsqrt((double)job->running_var[c] + job->args->eps));
}

static const struct pass fixed = { no_sums, fixed_finish, forward_apply };

struct mt_value *mt_batch_norm_fixed(struct mt_graph *g, struct mt_value *x,
                                     struct mt_value *w, struct mt_value *b,
                                     struct mt_value *mean,
                                     struct mt_value *var, double eps)
{
    struct batch_norm_args args = { .eps = eps };
    struct mt_node *node = record(g, &mt_op_batch_norm_fixed, &args, x, w, b);

    mt_node_input(node, mean);
    mt_node_input(node, var);
    return mt_node_output(g, node, MT_F32, &x->shape);
}

static void batch_norm_fixed_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    struct job job = forward_job(node, run);

    job.pass = &fixed;
    job.running_mean = node->in[MEAN]->data;
    job.running_var = node->in[VAR]->data;
    run_pass(&job, run->team);
}

static void batch_norm_fixed_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct batch_norm_args *args = node->args;
    size_t channels = node->in[X]->shape.dim[1];
    const char *x = mt_onnx_in(o, node, X), *w = mt_onnx_in(o, node, WEIGHT);
    const char *b = mt_onnx_in(o, node, BIAS);

    w = w ? w : mt_onnx_filled(o, channels, 1);
    b = b ? b : mt_onnx_filled(o, channels, 0);
    x = MT_ONNX(o, "BatchNormalization", x, w, b, mt_onnx_in(o, node, MEAN),
                mt_onnx_in(o, node, VAR));
    mt_onnx_float(o, "epsilon", (float)args->eps);
    mt_onnx_out(o, node, Y, x);
}

const struct mt_op mt_op_batch_norm_fixed = {
    .name = "batch_norm_fixed",
    .run = batch_norm_fixed_run,
    .scratch = forward_scratch,
    .absorb = absorb,
    .defer = defer,
    .in_place = true,
    .onnx = batch_norm_fixed_onnx,
};

/* --- recomputed, with the statistics that forward found ------------------ */

static void again_finish(const struct job *job, size_t c, size_t end)
{
    for (; c < end; c++)
        set_forward(job, c, job->mean[c], (double)job->rstd[c]);
}

static const struct pass again = { no_sums, again_finish, forward_apply };

static void batch_norm_again_run(const struct mt_node *node,
                                 const struct mt_run *run)
{
    struct job job = forward_job(node, run);

    job.pass = &again;
    job.mean = node->in[MEAN]->data;
    job.rstd = node->in[RSTD]->data;
    run_pass(&job, run->team);
}

const struct mt_op mt_op_batch_norm_again = {
    .name = "batch_norm_again",
    .run = batch_norm_again_run,
    .scratch = forward_scratch,
};

/* --- backward ----------------------------------------------------------- */

static void backward_sums(const struct job *job, size_t c, size_t end, size_t k)
{
    size_t rows = chunk_samples(job, k), stride = job->c * job->s;
    double *s = slot(job, k, 0), *sx = slot(job, k, 1);

    if (job->s == 1) {
        size_t at = place(job, c, k);

        mt_kernels()->column_norm_sums(s + c, sx + c, job->g + at, job->x + at,
                                       rows, end - c, job->c, job->mean + c);
        return;
    }
    for (; c < end; c++) {
        size_t at = place(job, c, k);
        double both[2] = { 0, 0 };

        mt_kernels()->norm_sums(both, job->g + at, job->x + at, rows, job->s,
                                stride, job->mean[c]);
        s[c] = both[0];
        sx[c] = both[1];
    }
}

/* db = s, dw = rstd sx; coef: w rstd, -w rstd s / M, -w rstd^3 sx / M */
static void backward_finish(const struct job *job, size_t c, size_t end)
{
    double m = (double)job->n * (double)job->s;

    for (; c < end; c++) {
        double s = 0, sx = 0, r = (double)job->rstd[c];
        double wr = job->w ? (double)job->w[c] * r : r;

        for (size_t k = 0; k < job->chunks; k++) {
            s += slot(job, k, 0)[c];
            sx += slot(job, k, 1)[c];
        }
        job->coef[c] = (float)wr;
        job->coef[job->c + c] = (float)(-wr * s / m);
        job->coef[2 * job->c + c] = (float)(-wr * r * r * sx / m);
        if (job->dw)
            job->dw[c] = (float)(r * sx);
        if (job->db)
            job->db[c] = (float)s;
    }
}

static void backward_apply(const struct job *job, size_t c, size_t end,
                           size_t k)
{
    size_t rows = chunk_samples(job, k), stride = job->c * job->s;
    const float *coef = job->coef;

    if (!job->y)
        return;
    if (job->s == 1) {
        const float *const p[4] = { job->mean + c, coef + c, coef + job->c + c,
                                    coef + 2 * job->c + c };
        size_t at = place(job, c, k);

        mt_kernels()->column_norm_grad(job->y + at, job->g + at, job->x + at,
                                       rows, end - c, job->c, p);
        return;
    }
    for (; c < end; c++) {
        size_t at = place(job, c, k);
        const float p[4] = { job->mean[c], coef[c], coef[job->c + c],
                             coef[2 * job->c + c] };

        mt_kernels()->norm_grad(job->y + at, job->g + at, job->x + at, rows,
                                job->s, stride, p);
    }
}

static const struct pass backward = { backward_sums, backward_finish,
                                      backward_apply };

static void batch_norm_grad_run(const struct mt_node *node,
                                const struct mt_run *run)
{
    struct job job = job_of(node, node->in[OF_X]);

    set_scratch(&job, run->scratch);
    job.pass = &backward;
    job.g = node->in[DY]->data;
    job.x = node->in[OF_X]->data;
    job.mean = node->in[OF_MEAN]->data;
    job.rstd = node->in[OF_RSTD]->data;
    job.w = mt_input_data(node, OF_WEIGHT);
    job.y = mt_output_data(node, job.args->dx);
    job.dw = mt_output_data(node, job.args->dw);
    job.db = mt_output_data(node, job.args->db);
    run_pass(&job, run->team);
}

static size_t backward_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return scratch_bytes(node, node->in[OF_X]);
}

const struct mt_op mt_op_batch_norm_grad = {
    .name = "batch_norm_grad",
    .run = batch_norm_grad_run,
    .scratch = backward_scratch,
    .in_place = true,
};
