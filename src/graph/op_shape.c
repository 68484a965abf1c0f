/* view, concat, slice and pad. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops_internal.h"
#include "graph/sequence.h"

/* Operands of all of them except concat. */
enum { X };
enum { Y };

/* --- view: the same memory, another shape ------------------------------- */

struct mt_value *mt_view(struct mt_graph *g, struct mt_value *x,
                         const struct mt_shape *shape)
{
    struct mt_node *node = mt_graph_node(g, &mt_op_view, NULL, 0);

    mt_node_input(node, x);
    struct mt_value *v = mt_node_output(g, node, x->dtype, shape);

    v->view_of = x;
    v->data = x->data; /* of a leaf; for a computed value the plan sets it */
    v->requires_grad = x->requires_grad;
    return v;
}

static void view_grad(struct mt_graph *g, const struct mt_node *node,
                      struct mt_value *const *d_out, struct mt_value **d_in)
{
    d_in[X] = mt_view(g, d_out[Y], &node->in[X]->shape);
}

static void view_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct mt_value *y = node->out[Y];
    int64_t dims[MT_MAX_RANK];
    int free = 0;

    mt_onnx_dims(o, y, dims);
    for (int i = 0; i < y->shape.rank; i++)
        free += dims[i] < 0;
    if (free > 1)
        mt_onnx_refuse(o, node, "two dimensions depend on the batch");
    mt_onnx_out(o, node, Y,
                mt_onnx_reshape(o, mt_onnx_in(o, node, X), dims,
                                (size_t)y->shape.rank));
}

const struct mt_op mt_op_view = {
    .name = "view",
    .grad = view_grad,
    .onnx = view_onnx,
};

/* --- concat, slice and pad ---------------------------------------------- */

/* An array as (outer, dim, inner) around one dimension. */
struct around {
    size_t outer, inner; /* inner: elements after the dimension */
};

static struct around around(const struct mt_shape *shape, int dim)
{
    struct around a = { 1, 1 };

    for (int i = 0; i < shape->rank; i++) {
        if (i < dim)
            a.outer *= shape->dim[i];
        else if (i > dim)
            a.inner *= shape->dim[i];
    }
    return a;
}

struct shape_args {
    int dim;
    size_t start, whole; /* of slice and pad: where, and the whole length */
};

/* Copies `length` of the dimension between (outer, to_whole, inner) at
 * to_start and (outer, from_whole, inner) at from_start. */
static void copy_part(float *to, size_t to_whole, size_t to_start,
                      const float *from, size_t from_whole, size_t from_start,
                      size_t length, struct around a)
{
    for (size_t i = 0; i < a.outer; i++)
        memcpy(to + (i * to_whole + to_start) * a.inner,
               from + (i * from_whole + from_start) * a.inner,
               length * a.inner * sizeof *to);
}

struct mt_value *mt_concat(struct mt_graph *g, struct mt_value *const *x,
                           size_t n, int dim)
{
    struct shape_args args = { .dim = dim };
    struct mt_node *node = mt_graph_node(g, &mt_op_concat, &args, sizeof args);
    struct mt_shape shape = x[0]->shape;

    shape.dim[dim] = 0;
    for (size_t i = 0; i < n; i++) {
        mt_node_input(node, x[i]);
        shape.dim[dim] += x[i]->shape.dim[dim];
    }
    return mt_node_output(g, node, MT_F32, &shape);
}

static void concat_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct shape_args *args = node->args;
    const struct mt_shape *shape = &node->out[Y]->shape;
    size_t start = 0;

    (void)run;
    for (size_t i = 0; i < node->n_in; i++) {
        size_t length = node->in[i]->shape.dim[args->dim];

        copy_part(node->out[Y]->data, shape->dim[args->dim], start,
                  node->in[i]->data, length, 0, length,
                  around(shape, args->dim));
        start += length;
    }
}

static void concat_grad(struct mt_graph *g, const struct mt_node *node,
                        struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct shape_args *args = node->args;
    size_t start = 0;

    for (size_t i = 0; i < node->n_in; i++) {
        size_t length = node->in[i]->shape.dim[args->dim];

        if (mt_wants_grad(node, i))
            d_in[i] = mt_slice(g, d_out[Y], args->dim, start, length);
        start += length;
    }
}

static void concat_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct shape_args *args = node->args;
    const char *names[MT_NODE_INPUTS], *y;

    for (size_t i = 0; i < node->n_in; i++)
        names[i] = mt_onnx_in(o, node, i);
    y = mt_onnx_node(o, "Concat", names, node->n_in);
    mt_onnx_int(o, "axis", args->dim);
    mt_onnx_out(o, node, Y, y);
}

static bool concat_along(const struct mt_node *node, const int *in, int *out)
{
    const struct shape_args *args = node->args;

    return mt_along_elements(node, in, out) && in[0] != args->dim;
}

const struct mt_op mt_op_concat = {
    .name = "concat",
    .run = concat_run,
    .along = concat_along,
    .grad = concat_grad,
    .onnx = concat_onnx,
};

struct mt_value *mt_slice(struct mt_graph *g, struct mt_value *x, int dim,
                          size_t start, size_t length)
{
    struct shape_args args = { dim, start, x->shape.dim[dim] };
    struct mt_node *node = mt_graph_node(g, &mt_op_slice, &args, sizeof args);
    struct mt_shape shape = x->shape;

    shape.dim[dim] = length;
    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void slice_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct shape_args *args = node->args;
    size_t length = node->out[Y]->shape.dim[args->dim];

    (void)run;
    copy_part(node->out[Y]->data, length, 0, node->in[X]->data, args->whole,
              args->start, length, around(&node->in[X]->shape, args->dim));
}

static void slice_grad(struct mt_graph *g, const struct mt_node *node,
                       struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct shape_args *args = node->args;

    d_in[X] = mt_pad(g, d_out[Y], args->dim, args->start, args->whole);
}

static void slice_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct shape_args *args = node->args;
    int64_t dim = args->dim, start = (int64_t)args->start;
    int64_t end = start + (int64_t)node->out[Y]->shape.dim[dim];

    mt_onnx_out(o, node, Y,
                MT_ONNX(o, "Slice", mt_onnx_in(o, node, X),
                        mt_onnx_list(o, &start, 1), mt_onnx_list(o, &end, 1),
                        mt_onnx_list(o, &dim, 1)));
}

/* Also for pad. */
static bool slice_along(const struct mt_node *node, const int *in, int *out)
{
    const struct shape_args *args = node->args;

    out[Y] = in[X];
    return in[X] != args->dim;
}

const struct mt_op mt_op_slice = {
    .name = "slice",
    .run = slice_run,
    .along = slice_along,
    .grad = slice_grad,
    .onnx = slice_onnx,
};

struct mt_value *mt_pad(struct mt_graph *g, struct mt_value *x, int dim,
                        size_t start, size_t whole)
{
    struct shape_args args = { dim, start, whole };
    struct mt_node *node = mt_graph_node(g, &mt_op_pad, &args, sizeof args);
    struct mt_shape shape = x->shape;

    shape.dim[dim] = whole;
    mt_node_input(node, x);
    return mt_node_output(g, node, MT_F32, &shape);
}

static void pad_run(const struct mt_node *node, const struct mt_run *run)
{
    const struct shape_args *args = node->args;
    size_t length = node->in[X]->shape.dim[args->dim];

    (void)run;
    memset(node->out[Y]->data, 0, node->out[Y]->bytes);
    copy_part(node->out[Y]->data, args->whole, args->start, node->in[X]->data,
              length, 0, length, around(&node->out[Y]->shape, args->dim));
}

static void pad_grad(struct mt_graph *g, const struct mt_node *node,
                     struct mt_value *const *d_out, struct mt_value **d_in)
{
    const struct shape_args *args = node->args;

    d_in[X] = mt_slice(g, d_out[Y], args->dim, args->start,
                       node->in[X]->shape.dim[args->dim]);
}

static void pad_onnx(struct mt_onnx *o, const struct mt_node *node)
{
    const struct shape_args *args = node->args;
    const struct mt_shape *x = &node->in[X]->shape;
    int64_t pads[2 * MT_MAX_RANK] = { 0 };

    pads[args->dim] = (int64_t)args->start;
    pads[x->rank + args->dim] =
        (int64_t)(args->whole - args->start - x->dim[args->dim]);
    mt_onnx_out(o, node, Y,
                MT_ONNX(o, "Pad", mt_onnx_in(o, node, X),
                        mt_onnx_list(o, pads, 2 * (size_t)x->rank)));
}

const struct mt_op mt_op_pad = {
    .name = "pad",
    .run = pad_run,
    .along = slice_along,
    .grad = pad_grad,
    .onnx = pad_onnx,
};
