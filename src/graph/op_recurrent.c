/* Recurrent layers, one direction of one layer: forward. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/recurrent.h"
#include "graph/sequence.h"
#include "kernels/panels.h"

/* Inputs of a recurrent node: gx, w_hh, and b_hh if the cell needs it
 * separately. Outputs: the activated gates (T, N, gates H); and if there are
 * several, h (T, N, H) and the saved state, (T, N, H) or, without a backward
 * pass, (1, N, H). If a cell has one gate, that is h. */
enum { GX, W_HH, B_HH };
enum { GATES, H, STATE };

struct mt_value *mt_recurrent(struct mt_graph *g, const struct mt_cell *cell,
                              struct mt_value *gx, struct mt_value *w_hh,
                              struct mt_value *b_hh, bool reverse)
{
    struct mt_recurrent_args args = { cell, reverse };
    struct mt_node *node =
        mt_graph_node(g, &mt_op_recurrent, &args, sizeof args);
    struct mt_shape h = gx->shape;
    struct mt_value *out;

    mt_node_input(node, gx);
    mt_node_input(node, w_hh);
    mt_node_input(node, b_hh);
    out = mt_node_output(g, node, MT_F32, &gx->shape);
    if (!cell->saves_state)
        return out;
    h.dim[2] /= cell->gates;
    out = mt_node_output(g, node, MT_F32, &h);
    if (!mt_graph_training(g))
        h.dim[0] = 1;
    mt_node_output(g, node, MT_F32, &h);
    return out;
}

/* --- running ------------------------------------------------------------ */

struct job {
    const struct mt_cell *cell;
    struct mt_walk walk;
    bool reverse;
    float *gates, *h, *state; /* time-major */
    size_t state_steps;       /* T or 1 */
    const float *bias;
    float *w; /* packed, gate by gate */
    const float *h0, *c0; /* (N, H) before the first step; NULL: all 0 */
};

/* Floats of a gate's packed weight. */
static size_t weight_size(const struct mt_walk *walk)
{
    return mt_size_align(mt_panels_size(walk->units, walk->units), 16);
}

static size_t recurrent_scratch(const struct mt_node *node, size_t workers)
{
    const struct mt_recurrent_args *args = node->args;
    struct mt_walk walk = mt_walk_of(node->in[GX], args->cell);

    (void)workers;
    return args->cell->gates * weight_size(&walk) * sizeof(float);
}

/* Adds the products with h0 (rows of h before the step) to the gates' sums. */
static void add_products(const struct job *job, const float *h0, float *gates,
                         float *state, size_t m, size_t j, size_t n)
{
    size_t units = job->walk.units, count = job->cell->gates;

    for (size_t q = 0; q < count; q++) {
        const float *w = job->w + q * weight_size(&job->walk) + j * units;
        bool apart = job->cell->candidate && q == count - 1;

        mt_panels_multiply(m, n, units, h0, units, w,
                           apart ? state : gates + q * units,
                           apart ? units : count * units, !apart);
    }
}

static void clear(float *x, size_t rows, size_t n, size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        memset(x + i * stride, 0, n * sizeof *x);
}

static void activate(const struct job *job, float *h, size_t m, size_t n)
{
    const struct mt_activation *f = mt_activation_find(job->cell->activation);
    mt_unary *kernel = mt_activation_forward(f);

    for (size_t i = 0; i < m; i++, h += job->walk.units)
        kernel(h, h, n, NULL);
}

typedef void step_kernel(const struct mt_cell_step *s);

static void run_kernel(const struct job *job, const struct mt_cell_step *s)
{
    step_kernel *kernel;

    memcpy(&kernel, (const char *)mt_kernels() + job->cell->step,
           sizeof kernel);
    kernel(s);
}

/* The time of a step; step -1 is before the first. */
static size_t time_of(const struct job *job, size_t step)
{
    return job->reverse ? job->walk.steps - 1 - step : step;
}

/* Element (i, j) of an array of states at this step; NULL before the first. */
static float *state_at(const struct job *job, float *x, size_t steps,
                       size_t step, size_t i, size_t j)
{
    size_t t = steps == 1 ? 0 : time_of(job, step);

    return x ? x + (t * job->walk.rows + i) * job->walk.units + j : NULL;
}

static void step_part(const void *ctx, size_t step, size_t i, size_t m,
                      size_t j, size_t n)
{
    const struct job *job = ctx;
    const struct mt_walk *walk = &job->walk;
    size_t units = walk->units, steps = walk->steps, saved = job->state_steps;
    size_t row = time_of(job, step) * walk->rows + i;
    struct mt_cell_step s = {
        m,
        n,
        units,
        .gates = job->gates + row * job->cell->gates * units + j,
        .bias = job->bias ? job->bias + j : NULL,
        .h = state_at(job, job->h, steps, step, i, j),
        .c = state_at(job, job->state, saved, step, i, j),
    };

    if (step > 0) {
        s.h0 = state_at(job, job->h, steps, step - 1, i, j);
        s.c0 = state_at(job, job->state, saved, step - 1, i, j);
        add_products(job, state_at(job, job->h, steps, step - 1, i, 0),
                     s.gates, s.c, m, j, n);
    } else if (job->h0) {
        s.h0 = job->h0 + i * units + j;
        s.c0 = job->c0 + i * units + j;
        add_products(job, job->h0 + i * units, s.gates, s.c, m, j, n);
    } else if (job->cell->candidate) {
        clear(s.c, m, n, units);
    }
    if (job->cell->activation)
        activate(job, s.h, m, n);
    else
        run_kernel(job, &s);
}

static void pack_weights(const struct job *job, const float *w,
                         struct mt_team *team)
{
    size_t units = job->walk.units;

    for (size_t q = 0; q < job->cell->gates; q++)
        mt_panels_pack(job->w + q * weight_size(&job->walk),
                         w + q * units * units, 1, units, units, units, team);
}

static bool recurrent_along(const struct mt_node *node, const int *in, int *out)
{
    const struct mt_recurrent_args *args = node->args;

    out[GATES] = in[GX];
    if (args->cell->saves_state)
        out[H] = in[GX];
    return in[GX] == 0 && !args->reverse;
}

/* The states h and c (N, H) after the last position. */
static size_t recurrent_memory(const struct mt_node *node, size_t context)
{
    const struct mt_recurrent_args *args = node->args;
    struct mt_walk walk = mt_walk_of(node->in[GX], args->cell);

    (void)context;
    return 2 * walk.rows * walk.units * sizeof(float);
}

static void remember(const struct job *job, float *memory)
{
    size_t last = job->walk.steps - 1, n = job->walk.rows * job->walk.units;
    const float *h = state_at(job, job->h, job->walk.steps, last, 0, 0);
    const float *c = state_at(job, job->state, job->state_steps, last, 0, 0);

    memcpy(memory, h, n * sizeof *memory);
    if (c)
        memcpy(memory + n, c, n * sizeof *memory);
}

static void recurrent_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct mt_recurrent_args *args = node->args;
    const struct mt_value *gx = node->in[GX];
    float *scratch = run->scratch;
    struct job job = { .cell = args->cell,
                       .walk = mt_walk_of(gx, args->cell),
                       .reverse = args->reverse,
                       .gates = node->out[GATES]->data };

    job.h = job.gates;
    if (args->cell->saves_state) {
        job.h = node->out[H]->data;
        job.state = node->out[STATE]->data;
        job.state_steps = node->out[STATE]->shape.dim[0];
    }
    if (node->in[B_HH])
        job.bias = node->in[B_HH]->data;
    if (job.gates != gx->data)
        memcpy(job.gates, gx->data, mt_elements(gx) * sizeof(float));
    job.w = mt_take(&scratch, args->cell->gates * weight_size(&job.walk));
    if (run->turn.sequence && run->turn.sequence->position) {
        job.h0 = run->memory;
        job.c0 = job.h0 + job.walk.rows * job.walk.units;
    }
    pack_weights(&job, node->in[W_HH]->data, run->team);
    mt_walk_run(run->team, &job.walk, step_part, &job);
    if (run->turn.sequence)
        remember(&job, run->memory);
}

/* --- recording the gradients --------------------------------------------- */

/* The gradients that flow through the steps: of the gates' sums, and of a
 * recurrent sum that is separate. */
struct flow {
    struct mt_value *gates, *apart; /* apart: or NULL */
};

static struct flow record_steps(struct mt_graph *g, const struct mt_node *node,
                                struct mt_value *dy)
{
    const struct mt_recurrent_args *args = node->args;
    struct mt_node *back =
        mt_graph_node(g, &mt_op_recurrent_grad, args, sizeof *args);
    struct flow flow = { 0 };

    mt_node_input(back, node->out[GATES]);
    mt_node_input(back, dy);
    mt_node_input(back, node->in[W_HH]);
    for (size_t i = 1; i < node->n_out; i++)
        mt_node_input(back, node->out[i]);
    flow.gates = mt_node_output(g, back, MT_F32, &node->in[GX]->shape);
    if (args->cell->candidate)
        flow.apart = mt_node_output(g, back, MT_F32, &dy->shape);
    return flow;
}

/* h: if the sum is over products with the previous states; or NULL */
static struct mt_value *record_sum(struct mt_graph *g, const struct mt_op *op,
                                   const struct mt_recurrent_args *args,
                                   const struct flow *flow, struct mt_value *h,
                                   const struct mt_shape *shape)
{
    struct mt_node *sum = mt_graph_node(g, op, args, sizeof *args);

    mt_node_input(sum, flow->gates);
    mt_node_input(sum, h);
    mt_node_input(sum, flow->apart);
    return mt_node_output(g, sum, MT_F32, shape);
}

static void recurrent_grad(struct mt_graph *g, const struct mt_node *node,
                           struct mt_value *const *d_out,
                           struct mt_value **d_in)
{
    const struct mt_recurrent_args *args = node->args;
    size_t h = args->cell->saves_state ? H : GATES;
    struct flow flow = record_steps(g, node, d_out[h]);

    if (mt_wants_grad(node, GX))
        d_in[GX] = flow.gates;
    if (mt_wants_grad(node, W_HH))
        d_in[W_HH] = record_sum(g, &mt_op_recurrent_grad_weight, args, &flow,
                                node->out[h], &node->in[W_HH]->shape);
    if (mt_wants_grad(node, B_HH))
        d_in[B_HH] = record_sum(g, &mt_op_recurrent_grad_bias, args, &flow,
                                NULL, &node->in[B_HH]->shape);
}

/* --- in ONNX ------------------------------------------------------------ */

/* ONNX's names of cells and its order of gates, as torch's numbers: i f g o
 * becomes i o f c, and r z n becomes z r h. */
static const struct {
    const char *cell, *op, *activation;
    size_t gates, order[4];
} cells[] = {
    { "rnn_tanh", "RNN", "Tanh", 1, { 0 } },
    { "rnn_relu", "RNN", "Relu", 1, { 0 } },
    { "lstm", "LSTM", NULL, 4, { 0, 3, 1, 2 } },
    { "gru", "GRU", NULL, 3, { 1, 0, 2 } },
};

/* (gates H, ...) to (1, gates H, ...), or two of them joined, reordered */
static const char *reordered(struct mt_onnx *o, size_t cell, size_t hidden,
                             const char *a, const char *b)
{
    size_t n = cells[cell].gates * hidden;
    int64_t *order = mt_onnx_room(o, n), first = 0;
    const char *rows, *axis = mt_onnx_list(o, &first, 1);

    for (size_t i = 0; order && i < n; i++)
        order[i] =
            (int64_t)(cells[cell].order[i / hidden] * hidden + i % hidden);
    rows = order ? mt_onnx_list(o, order, n) : "";
    a = MT_ONNX(o, "Gather", a, rows);
    if (b) {
        b = MT_ONNX(o, "Gather", b, rows);
        a = MT_ONNX(o, "Concat", a, b);
        mt_onnx_int(o, "axis", 0);
    }
    return MT_ONNX(o, "Unsqueeze", a, axis);
}

/* The linear map of the inputs is part of an ONNX recurrence, which reads the
 * map's operands instead of its result. */
static void recurrent_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    enum { LINEAR_X, LINEAR_WEIGHT, LINEAR_BIAS };
    const struct mt_recurrent_args *args = node->args;
    const struct mt_node *map = node->in[GX]->producer;
    size_t hidden = node->in[W_HH]->shape.dim[1], cell = 0;
    const char *x, *w, *r, *b, *b_hh = mt_onnx_in(o, node, B_HH), *h;
    const int64_t direction = 1;

    while (strcmp(cells[cell].cell, args->cell->name) != 0)
        cell++;
    x = mt_onnx_in(o, map, LINEAR_X);
    b = mt_onnx_in(o, map, LINEAR_BIAS);
    if (b && !b_hh)
        b_hh = mt_onnx_filled(o, args->cell->gates * hidden, 0);
    w = reordered(o, cell, hidden, mt_onnx_in(o, map, LINEAR_WEIGHT), NULL);
    r = reordered(o, cell, hidden, mt_onnx_in(o, node, W_HH), NULL);
    b = b ? reordered(o, cell, hidden, b, b_hh) : NULL;
    h = MT_ONNX(o, cells[cell].op, x, w, r, b);
    mt_onnx_int(o, "hidden_size", (int64_t)hidden);
    mt_onnx_text(o, "direction", args->reverse ? "reverse" : "forward");
    if (cells[cell].activation)
        mt_onnx_texts(o, "activations", cells[cell].activation);
    if (args->cell->candidate)
        mt_onnx_int(o, "linear_before_reset", 1);
    h = MT_ONNX(o, "Squeeze", h, mt_onnx_list(o, &direction, 1));
    mt_onnx_out(o, node, args->cell->saves_state ? H : GATES, h);
}

const struct mt_op mt_op_recurrent = {
    .name = "recurrent",
    .run = recurrent_run,
    .along = recurrent_along,
    .memory = recurrent_memory,
    .grad = recurrent_grad,
    .scratch = recurrent_scratch,
    .in_place = true,
    .onnx = recurrent_onnx,
};
