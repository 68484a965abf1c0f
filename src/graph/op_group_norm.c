/*
 * GroupNorm of samples (C, S) with S > 1: a row is one group of one sample,
 * C / groups planes of S values that lie side by side. InstanceNorm has a group
 * for each channel, and may keep running statistics.
 */
#include "graph/norm_internal.h"
#include "graph/onnx.h"
#include "graph/spans.h"
#include "kernels/dmath.h"
#include "kernels/moments.h"

/* Operands, forward (the last two are instance_norm_tracked's) and backward. */
enum { X, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };
enum { Y, MEAN, RSTD };
enum { DY, OF_X, OF_MEAN, OF_RSTD, OF_WEIGHT };

struct group_norm_args {
    size_t groups;
    double eps, momentum;
    int dx, dw, db; /* backward: which outputs, -1 for none */
};

struct job {
    size_t samples, groups, planes, size; /* planes of a group, their size */
    double eps;
    const float *x, *g, *w, *b;
    float *y, *mean, *rstd; /* y is dx in backward */
    double *sums;           /* (samples, C, 2): sum g, sum g (x - mean) */
    float *dw, *db;
    double *found; /* (samples, C, 2): mean and m2, or NULL */
};

static struct job job_of(const struct mt_node *node, const struct mt_value *x)
{
    const struct group_norm_args *args = node->args;
    size_t n = x->shape.dim[0], c = x->shape.dim[1];

    return (struct job){ .samples = n,
                         .groups = args->groups,
                         .planes = c / args->groups,
                         .size = mt_elements(x) / (n * c),
                         .eps = args->eps };
}

/* --- forward ------------------------------------------------------------ */

/* running: the statistics of a tracked InstanceNorm, or NULL. */
static struct mt_value *record(struct mt_graph *g,
                               const struct group_norm_args *args,
                               struct mt_value *x, struct mt_value *w,
                               struct mt_value *b,
                               const struct mt_running *running)
{
    struct mt_shape rows = mt_shape_of(2, x->shape.dim[0], args->groups);
    const struct mt_op *op =
        running ? &mt_op_instance_norm_tracked : &mt_op_group_norm;
    struct mt_node *node = mt_graph_node(g, op, args, sizeof *args);
    struct mt_value *y;

    mt_node_input(node, x);
    mt_node_input(node, w);
    mt_node_input(node, b);
    if (running) {
        mt_node_input(node, running->mean);
        mt_node_input(node, running->var);
    }
    y = mt_node_output(g, node, MT_F32, &x->shape);
    mt_node_output(g, node, MT_F32, &rows);
    mt_node_output(g, node, MT_F32, &rows);
    return y;
}

struct mt_value *mt_group_norm(struct mt_graph *g, struct mt_value *x,
                               struct mt_value *w, struct mt_value *b,
                               size_t groups, double eps)
{
    struct group_norm_args args = { .groups = groups, .eps = eps };

    if (x->shape.rank == 2)
        return mt_vector_group_norm(g, x, w, b, groups, eps);
    return record(g, &args, x, w, b, NULL);
}

struct mt_value *mt_instance_norm(struct mt_graph *g, struct mt_value *x,
                                  struct mt_value *w, struct mt_value *b,
                                  const struct mt_running *running,
                                  double momentum, double eps)
{
    struct group_norm_args args = { .groups = x->shape.dim[1],
                                    .eps = eps,
                                    .momentum = momentum };

    return record(g, &args, x, w, b, running);
}

/* y = (x - mean) (rstd w_c) + b_c */
static void forward_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    size_t size = job->size, n = job->planes * size;

    for (size_t i = at; i < at + rows; i++) {
        const float *x = job->x + i * n;
        size_t c = i % job->groups * job->planes;
        struct mt_moments m = { 0, 0, 0 };

        mt_kernels()->moments(&m, x, 1, n, n);
        if (job->found) {
            job->found[2 * i] = m.mean;
            job->found[2 * i + 1] = m.m2;
        }
        job->mean[i] = (float)m.mean;
        job->rstd[i] = (float)(1 / mt_dsqrt(m.m2 / (double)n + job->eps));
        for (size_t k = 0; k < job->planes; k++) {
            float p[3] = { job->mean[i], job->rstd[i], 0 };

            if (job->w) {
                p[1] *= job->w[c + k];
                p[2] = job->b[c + k];
            }
            mt_kernels()->norm(job->y + i * n + k * size, x + k * size, 1, size,
                               size, p);
        }
    }
}

static struct job forward_job(const struct mt_node *node)
{
    struct job job = job_of(node, node->in[X]);

    job.x = node->in[X]->data;
    job.w = mt_input_data(node, WEIGHT);
    job.b = mt_input_data(node, BIAS);
    job.y = node->out[Y]->data;
    job.mean = node->out[MEAN]->data;
    job.rstd = node->out[RSTD]->data;
    return job;
}

static void run_forward(const struct job *job, struct mt_team *team)
{
    mt_row_spans(team, job->samples * job->groups, job->planes * job->size,
                 forward_span, job);
}

static void group_norm_run(const struct mt_node *node, const struct mt_run *run)
{
    struct job job = forward_job(node);

    run_forward(&job, run->team);
}

/* As in torch, the running statistics are updated with the means, over the
 * samples, of the channel's mean and of its unbiased variance. They replace the
 * first sample's values, which are no longer needed. */
static void average_span(const void *ctx, size_t at, size_t channels)
{
    const struct job *job = ctx;
    double n = (double)job->samples;

    for (size_t c = at; c < at + channels; c++) {
        double mean = 0, m2 = 0;

        for (size_t i = 0; i < job->samples; i++) {
            mean += job->found[2 * (i * job->groups + c)];
            m2 += job->found[2 * (i * job->groups + c) + 1];
        }
        job->found[2 * c] = mean / n;
        job->found[2 * c + 1] = m2 / (n * ((double)job->size - 1));
    }
}

static void instance_norm_tracked_run(const struct mt_node *node,
                                      const struct mt_run *run)
{
    struct job job = forward_job(node);

    job.found = run->scratch;
    run_forward(&job, run->team);
    mt_row_spans(run->team, job.groups, 2 * job.samples, average_span, &job);
    mt_running_found(node, run, job.found);
}

static size_t tracked_statistics(const struct mt_node *node)
{
    return 2 * node->in[X]->shape.dim[1];
}

static void tracked_update(const struct mt_node *node, const double *statistics)
{
    const struct group_norm_args *args = node->args;
    size_t channels = node->in[X]->shape.dim[1];

    mt_running_update(node->in[RUNNING_MEAN]->data, statistics, 2, channels,
                      args->momentum);
    mt_running_update(node->in[RUNNING_VAR]->data, statistics + 1, 2, channels,
                      args->momentum);
}

/* Two doubles for each channel of each sample. */
static size_t channels_scratch(const struct mt_value *x)
{
    return x->shape.dim[0] * x->shape.dim[1] * 2 * sizeof(double);
}

static size_t tracked_scratch(const struct mt_node *node, size_t workers)
{
    (void)workers;
    return channels_scratch(node->in[X]);
}

/* --- backward ----------------------------------------------------------- */

static void group_norm_grad(struct mt_graph *g, const struct mt_node *node,
                            struct mt_value *const *d_out,
                            struct mt_value **d_in)
{
    struct mt_node *back = mt_graph_node(g, &mt_op_group_norm_grad, node->args,
                                         sizeof(struct group_norm_args));
    struct group_norm_args *args = back->args;

    if (!args) /* no memory: the graph is marked */
        return;
    mt_node_input(back, d_out[Y]);
    mt_node_input(back, node->in[X]);
    mt_node_input(back, node->out[MEAN]);
    mt_node_input(back, node->out[RSTD]);
    mt_node_input(back, node->in[WEIGHT]);
    args->dx = mt_grad_output(g, node, back, X, d_in);
    args->dw = mt_grad_output(g, node, back, WEIGHT, d_in);
    args->db = mt_grad_output(g, node, back, BIAS, d_in);
}

/* Expressed as an instance norm without weights, whose channels are the
 * groups. */
static void group_norm_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct group_norm_args *args = node->args;
    const struct mt_value *v = node->in[X];
    const int64_t apart[] = { -1, (int64_t)args->groups,
                              (int64_t)(mt_elements(v) / v->shape.dim[0] /
                                        args->groups) };
    int64_t joined[MT_MAX_RANK];
    size_t channels = v->shape.dim[1];
    const char *x = mt_onnx_reshape(o, mt_onnx_in(o, node, X), apart, 3);

    x = MT_ONNX(o, "InstanceNormalization", x,
                mt_onnx_filled(o, args->groups, 1),
                mt_onnx_filled(o, args->groups, 0));
    mt_onnx_float(o, "epsilon", (float)args->eps);
    mt_onnx_dims(o, v, joined);
    x = mt_onnx_reshape(o, x, joined, (size_t)v->shape.rank);
    mt_onnx_out(o, node, Y,
                mt_onnx_affine(o, x,
                               mt_onnx_channels(o, mt_onnx_in(o, node, WEIGHT),
                                                channels, v->shape.rank),
                               mt_onnx_channels(o, mt_onnx_in(o, node, BIAS),
                                                channels, v->shape.rank)));
}

const struct mt_op mt_op_group_norm = {
    .name = "group_norm",
    .run = group_norm_run,
    .grad = group_norm_grad,
    .in_place = true,
    .onnx = group_norm_onnx,
};

const struct mt_op mt_op_instance_norm_tracked = {
    .name = "instance_norm_tracked",
    .run = instance_norm_tracked_run,
    .grad = group_norm_grad,
    .scratch = tracked_scratch,
    .statistics = tracked_statistics,
    .update = tracked_update,
    .in_place = true,
};

/* dx = g w_c rstd - (s + (x - mean) rstd^2 sx) rstd / n, where s and sx are
 * the sums of g w_c and of g w_c (x - mean) over the row */
static void row_dx(const struct job *job, size_t i, const double *sums)
{
    size_t size = job->size, n = job->planes * size;
    const float *w = job->w ? job->w + i % job->groups * job->planes : NULL;
    double s = 0, sx = 0, r = (double)job->rstd[i];

    for (size_t k = 0; k < job->planes; k++) {
        double wk = w ? (double)w[k] : 1;

        s += wk * sums[2 * k];
        sx += wk * sums[2 * k + 1];
    }
    for (size_t k = 0; k < job->planes; k++) {
        size_t first = i * n + k * size;
        float p[4] = { job->mean[i], job->rstd[i], (float)(-r * s / (double)n),
                       (float)(-r * r * r * sx / (double)n) };

        if (w)
            p[1] *= w[k];
        mt_kernels()->norm_grad(job->y + first, job->g + first, job->x + first,
                                1, size, size, p);
    }
}

static void backward_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    size_t size = job->size, n = job->planes * size;

    for (size_t i = at; i < at + rows; i++) {
        double *sums = job->sums + i * job->planes * 2;

        for (size_t k = 0; k < job->planes; k++) {
            size_t first = i * n + k * size;

            sums[2 * k] = sums[2 * k + 1] = 0;
            mt_kernels()->norm_sums(sums + 2 * k, job->g + first,
                                    job->x + first, 1, size, size,
                                    job->mean[i]);
        }
        if (job->y)
            row_dx(job, i, sums);
    }
}

/* dw_c = sum over the samples of rstd sum g (x - mean), db_c = sum g */
static void weights_span(const void *ctx, size_t at, size_t channels)
{
    const struct job *job = ctx;
    size_t c_all = job->groups * job->planes;

    for (size_t c = at; c < at + channels; c++) {
        double dw = 0, db = 0;

        for (size_t i = 0; i < job->samples; i++) {
            const double *sums = job->sums + (i * c_all + c) * 2;
            float r = job->rstd[i * job->groups + c / job->planes];

            db += sums[0];
            dw += (double)r * sums[1];
        }
        if (job->dw)
            job->dw[c] = (float)dw;
        if (job->db)
            job->db[c] = (float)db;
    }
}

static void group_norm_grad_run(const struct mt_node *node,
                                const struct mt_run *run)
{
    const struct group_norm_args *args = node->args;
    struct job job = job_of(node, node->in[OF_X]);

    job.g = node->in[DY]->data;
    job.x = node->in[OF_X]->data;
    job.mean = node->in[OF_MEAN]->data;
    job.rstd = node->in[OF_RSTD]->data;
    job.w = mt_input_data(node, OF_WEIGHT);
    job.y = mt_output_data(node, args->dx);
    job.dw = mt_output_data(node, args->dw);
    job.db = mt_output_data(node, args->db);
    job.sums = run->scratch;
    mt_row_spans(run->team, job.samples * job.groups, job.planes * job.size,
                 backward_span, &job);
    if (job.dw || job.db)
        mt_row_spans(run->team, job.groups * job.planes, 2 * job.samples,
                     weights_span, &job);
}

static size_t group_norm_grad_scratch(const struct mt_node *node,
                                      size_t workers)
{
    (void)workers;
    return channels_scratch(node->in[OF_X]);
}

const struct mt_op mt_op_group_norm_grad = {
    .name = "group_norm_grad",
    .run = group_norm_grad_run,
    .scratch = group_norm_grad_scratch,
    .in_place = true,
};
