/* Permutes dimensions. */
#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"
#include "graph/spans.h"

enum { X };
enum { Y };

struct permute_args {
    int order[MT_MAX_RANK];
};

/* The result as rows along its last dimension: row i of y starts at offset(i)
 * of x, and its elements are `step` apart there. */
struct job {
    float *y;
    const float *x;
    int rank;
    size_t dim[MT_MAX_RANK], stride[MT_MAX_RANK]; /* of y's dims; x's strides */
};

struct mt_value *mt_permute(struct mt_graph *g, struct mt_value *x,
                            const int order[MT_MAX_RANK])
{
    struct permute_args args = { { 0 } };
    struct mt_shape shape = { .rank = x->shape.rank };

    for (int i = 0; i < shape.rank; i++) {
        args.order[i] = order[i];
        shape.dim[i] = x->shape.dim[order[i]];
    }
    struct mt_node *node =
        mt_graph_node(g, &mt_op_permute, &args, sizeof args);

    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void permute_span(const void *ctx, size_t at, size_t rows)
{
    const struct job *job = ctx;
    int last = job->rank - 1;
    size_t n = job->dim[last], step = job->stride[last];

    for (size_t row = at; row < at + rows; row++) {
        const float *from = job->x;
        float *to = job->y + row * n;
        size_t rest = row;

        for (int i = last - 1; i >= 0; i--) {
            from += rest % job->dim[i] * job->stride[i];
            rest /= job->dim[i];
        }
        for (size_t k = 0; k < n; k++)
            to[k] = from[k * step];
    }
}

static void permute_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct permute_args *args = node->args;
    const struct mt_value *x = node->in[X], *y = node->out[Y];
    struct job job = { .y = y->data, .x = x->data, .rank = y->shape.rank };
    size_t stride[MT_MAX_RANK] = { 0 }, s = 1;

    for (int i = job.rank; i-- > 0;) {
        stride[i] = s;
        s *= x->shape.dim[i];
    }
    for (int i = 0; i < job.rank; i++) {
        job.dim[i] = y->shape.dim[i];
        job.stride[i] = stride[args->order[i]];
    }
    mt_row_spans(run->team, mt_rows(y), mt_last_dim(y), permute_span, &job);
}

static void permute_grad(struct mt_graph *g, const struct mt_node *node,
                         struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct permute_args *args = node->args;
    int back[MT_MAX_RANK] = { 0 };

    for (int i = 0; i < node->out[Y]->shape.rank; i++)
        back[args->order[i]] = i;
    d_in[X] = mt_permute(g, d_out[Y], back);
}

static void permute_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct permute_args *args = node->args;
    const char *y = MT_ONNX(o, "Transpose", mt_onnx_in(o, node, X));
    int64_t perm[MT_MAX_RANK];

    for (int i = 0; i < MT_MAX_RANK; i++)
        perm[i] = args->order[i];
    mt_onnx_ints(o, "perm", perm, (size_t)node->in[X]->shape.rank);
    mt_onnx_out(o, node, Y, y);
}

static bool permute_along(const struct mt_node *node, const int *in, int *out)
{
    const struct permute_args *args = node->args;

    for (int i = 0; i < node->out[Y]->shape.rank; i++) {
        if (args->order[i] == in[X])
            out[Y] = i;
    }
    return true;
}

const struct mt_op mt_op_permute = {
    .name = "permute",
    .run = permute_run,
    .along = permute_along,
    .grad = permute_grad,
    .onnx = permute_onnx,
};
