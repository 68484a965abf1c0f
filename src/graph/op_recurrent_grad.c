/* Recurrent layers, one direction of one layer: backward through time. */
#include <string.h>

#include "graph/recurrent.h"
#include "kernels/gemm.h"
#include "kernels/panels.h"

/* Inputs of a recurrent_grad node: the activated gates, the gradient of h,
 * w_hh, and where the cell has them apart, h and the saved state. Outputs: the
 * gradient of the gates' sums; and that of a recurrent sum that stays apart. */
enum { GATES, DY, W_HH, H, STATE };
enum { DGATES, DAPART };

/* Inputs of the sums over the steps, for the gradients of w_hh and b_hh: what
 * recurrent_grad gives, and between them the states (w_hh only). */
enum { SUMMED, STATES, SUMMED_APART };
enum { DW };

struct job {
    const struct mt_cell *cell;
    struct mt_walk walk;
    bool reverse;
    const float *gates, *dy, *h, *state; /* time-major */
    float *dgates, *dapart;
    float *w, *w_apart; /* packed; the rows of the sum apart for themselves */
    float *dh, *dc;     /* (N, H): on their way to the step before in time */
};

static size_t grad_scratch(const struct mt_node *node, size_t workers)
{
    const struct mt_recurrent_args *args = node->args;
    struct mt_walk walk = mt_walk_of(node->in[GATES], args->cell);
    size_t w = mt_panels_size(args->cell->gates * walk.units, walk.units);

    (void)workers;
    return (mt_size_align(w, 16) +
            2 * mt_size_align(walk.rows * walk.units, 16)) *
           sizeof(float);
}

/* Elements (i, j) of the states at time t. */
static size_t state_index(const struct job *job, size_t t, size_t i, size_t j)
{
    return (t * job->walk.rows + i) * job->walk.units + j;
}

/* dh f'(h), where h is the only gate */
static void activation_grad(const struct job *job, const struct mt_cell_grad *s)
{
    const struct mt_activation *f = mt_activation_find(job->cell->activation);
    mt_unary_grad *kernel = mt_activation_backward(f);

    for (size_t i = 0; i < s->rows; i++) {
        size_t at = i * s->hidden;

        mt_kernels()->add_grad(s->dh + at, s->dy + at, s->dh + at, s->units);
        kernel(s->dgates + at, s->dh + at, s->gates + at, s->units, NULL);
    }
}

typedef void grad_kernel(const struct mt_cell_grad *s);

static void run_kernel(const struct job *job, const struct mt_cell_grad *s)
{
    grad_kernel *kernel;

    memcpy(&kernel, (const char *)mt_kernels() + job->cell->grad,
           sizeof kernel);
    kernel(s);
}

/* What the later step, at time t1, sends back through the weight, and past
 * it. */
static void receive(const struct job *job, size_t step, size_t t1,
                    const struct mt_cell_grad *s, size_t i, size_t j)
{
    size_t units = s->hidden, count = job->cell->gates, k = count * units;
    size_t joint = k - job->cell->candidate * units;
    const float *w = job->w + j * joint;

    if (step > 0) {
        mt_panels_multiply(s->rows, s->units, joint,
                           job->dgates + (t1 * job->walk.rows + i) * k, k, w,
                           s->dh, units, job->cell->candidate);
        if (job->cell->candidate)
            mt_panels_multiply(s->rows, s->units, units,
                               job->dapart + state_index(job, t1, i, 0), units,
                               job->w_apart + j * units, s->dh, units, true);
        return;
    }
    for (size_t r = 0; r < s->rows; r++) {
        memset(s->dh + r * units, 0, s->units * sizeof(float));
        memset(s->dc + r * units, 0, s->units * sizeof(float));
    }
}

/* The step-th step back: time t, after which comes the earlier time t0. */
static void step_part(const void *ctx, size_t step, size_t i, size_t m,
                      size_t j, size_t n)
{
    const struct job *job = ctx;
    size_t units = job->walk.units, steps = job->walk.steps;
    size_t t = job->reverse ? step : steps - 1 - step;
    size_t t0 = job->reverse ? t + 1 : t - 1;
    size_t at = state_index(job, t, i, j), carried = i * units + j;
    size_t gates = (t * job->walk.rows + i) * units * job->cell->gates + j;
    bool last = step + 1 == steps;
    struct mt_cell_grad s = {
        m,
        n,
        units,
        .gates = job->gates + gates,
        .dgates = job->dgates + gates,
        .dy = job->dy + at,
        .dh = job->dh + carried,
        .dc = job->dapart ? job->dapart + at : job->dc + carried,
    };

    if (job->state)
        s.c = job->state + at;
    if (job->state && !last) {
        s.h0 = job->h + state_index(job, t0, i, j);
        s.c0 = job->state + state_index(job, t0, i, j);
    }
    receive(job, step, job->reverse ? t - 1 : t + 1, &s, i, j);
    if (job->cell->activation)
        activation_grad(job, &s);
    else
        run_kernel(job, &s);
}

static void grad_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_recurrent_args *args = node->args;
    const struct mt_value *gates = node->in[GATES];
    float *scratch = run->scratch;
    struct job job = { .cell = args->cell,
                       .walk = mt_walk_of(gates, args->cell),
                       .reverse = args->reverse,
                       .gates = gates->data,
                       .dy = node->in[DY]->data,
                       .dgates = node->out[DGATES]->data };
    size_t units = job.walk.units, k = args->cell->gates * units;
    size_t joint = k - args->cell->candidate * units;
    const float *w = node->in[W_HH]->data;

    if (args->cell->saves_state) {
        job.h = node->in[H]->data;
        job.state = node->in[STATE]->data;
    }
    if (args->cell->candidate)
        job.dapart = node->out[DAPART]->data;
    job.w = mt_take(&scratch, mt_panels_size(k, units));
    job.w_apart = job.w + mt_panels_size(joint, units);
    job.dh = mt_take(&scratch, job.walk.rows * units);
    job.dc = mt_take(&scratch, job.walk.rows * units);
    mt_panels_pack(job.w, w, units, 1, joint, units, run->team);
    if (joint < k)
        mt_panels_pack(job.w_apart, w + joint * units, units, 1, units, units,
                       run->team);
    mt_walk_run(run->team, &job.walk, step_part, &job);
}

const struct mt_op mt_op_recurrent_grad = {
    .name = "recurrent_grad",
    .run = grad_run,
    .scratch = grad_scratch,
    .in_place = true,
};

/* --- dw_hh = sum_t ds_t^T h_(t-1), s the gates' sums ---------------------- */

/* Rows [first, first + rows) of the weight's gradient, from columns of a
 * (T N, stride); h and a are one step apart. */
static struct mt_gemm weight_product(const struct mt_node *node,
                                     const struct mt_value *a, size_t first,
                                     size_t rows)
{
    const struct mt_recurrent_args *args = node->args;
    const struct mt_value *h = node->in[STATES];
    size_t n = h->shape.dim[1], units = h->shape.dim[2],
           stride = mt_last_dim(a);
    const float *from = a->data, *states = h->data;

    return (struct mt_gemm){
        .m = rows,
        .n = units,
        .k = (h->shape.dim[0] - 1) * n,
        .a = args->reverse ? from : from + n * stride,
        .a_row = 1,
        .a_col = stride,
        .b = args->reverse ? states + n * units : states,
        .b_row = units,
        .b_col = 1,
        .c = (float *)node->out[DW]->data + first * units,
        .ldc = units,
    };
}

/* Rows of the weight that belong to the sums that are added to the inputs'. */
static size_t joint_rows(const struct mt_node *node, size_t units)
{
    const struct mt_recurrent_args *args = node->args;

    return (args->cell->gates - args->cell->candidate) * units;
}

static void weight_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_recurrent_args *args = node->args;
    size_t units = mt_last_dim(node->in[STATES]);
    size_t rows = joint_rows(node, units);
    struct mt_gemm gemm = weight_product(node, node->in[SUMMED], 0, rows);

    mt_gemm(&gemm, run->team, run->scratch);
    if (!args->cell->candidate)
        return;
    gemm = weight_product(node, node->in[SUMMED_APART], rows, units);
    mt_gemm(&gemm, run->team, run->scratch);
}

static size_t weight_scratch(const struct mt_node *node, size_t workers)
{
    const struct mt_value *h = node->in[STATES];
    size_t units = mt_last_dim(h), k = mt_rows(h) - h->shape.dim[1];
    size_t joint = mt_gemm_scratch(joint_rows(node, units), units, k, workers);
    size_t apart = mt_gemm_scratch(units, units, k, workers);

    return joint > apart ? joint : apart;
}

const struct mt_op mt_op_recurrent_grad_weight = {
    .name = "recurrent_grad_weight",
    .run = weight_run,
    .scratch = weight_scratch,
};

/* --- db_hh = sum_t ds_t, where one of the sums stays apart ---------------- */

static void bias_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_value *joint = node->in[SUMMED];
    const struct mt_value *apart = node->in[SUMMED_APART];
    size_t units = mt_last_dim(apart), rows = mt_rows(apart);
    size_t n = joint_rows(node, units);
    float *out = node->out[DW]->data;

    mt_column_sums(run->team, out, joint->data, rows, n, mt_last_dim(joint),
                   run->scratch);
    mt_column_sums(run->team, out + n, apart->data, rows, units, units,
                   run->scratch);
}

static size_t bias_scratch(const struct mt_node *node, size_t workers)
{
    size_t units = mt_last_dim(node->in[SUMMED_APART]);
    size_t n = joint_rows(node, units);

    (void)workers;
    return mt_column_sums_scratch(mt_rows(node->in[SUMMED]),
                                  mt_size_max(n, units));
}

const struct mt_op mt_op_recurrent_grad_bias = {
    .name = "recurrent_grad_bias",
    .run = bias_run,
    .scratch = bias_scratch,
};
