#include "graph/sequence.h"

#include "base/size.h"
#include "graph/graph_internal.h"
#include "graph/ops_internal.h"

/* Instead of a dimension: the value mixes positions. */
enum { MIXED = -2 };

/* The dimension of a view that corresponds to dimension dim of `from`. */
static int dim_of_view(const struct mt_shape *from, int dim,
                       const struct mt_shape *to)
{
    size_t before = 1, counted = 1;

    if (dim < 0)
        return dim;
    for (int i = 0; i < dim; i++)
        before *= from->dim[i];
    for (int i = 0; i < to->rank; i++) {
        if (counted == before && to->dim[i] == from->dim[dim])
            return i;
        counted *= to->dim[i];
    }
    return MIXED;
}

static int dim_of(const struct mt_value *v)
{
    if (!v)
        return MT_NO_DIM;
    if (!v->view_of)
        return v->along;
    return dim_of_view(&v->view_of->shape, dim_of(v->view_of), &v->shape);
}

/* Are they equal, except that in b the sequence is one position? */
static bool same_operand(const struct mt_value *a, const struct mt_value *b,
                         int dim)
{
    if (!a || !b)
        return a == b;
    if (a->tensor != b->tensor || a->shape.rank != b->shape.rank)
        return false;
    for (int i = 0; i < a->shape.rank; i++) {
        if (b->shape.dim[i] != (i == dim ? 1 : a->shape.dim[i]))
            return false;
    }
    return true;
}

/* Follows the sequence through a node; other: the same node of the other
 * graph. */
static bool follow(const struct mt_node *node, const struct mt_node *other)
{
    int in[MT_NODE_INPUTS], out[MT_NODE_OUTPUTS];
    bool depends = false;

    if (node->op != other->op || node->n_in != other->n_in)
        return false;
    for (size_t i = 0; i < node->n_in; i++) {
        in[i] = dim_of(node->in[i]);
        if (in[i] == MIXED || !same_operand(node->in[i], other->in[i], in[i]))
            return false;
        depends |= in[i] != MT_NO_DIM;
    }
    for (size_t i = 0; i < node->n_out; i++)
        out[i] = depends ? MIXED : MT_NO_DIM;
    if (depends && (!node->op->along || !node->op->along(node, in, out)))
        return false;
    for (size_t i = 0; i < node->n_out; i++)
        node->out[i]->along = out[i];
    return true;
}

bool mt_sequence_fits(struct mt_graph *whole, struct mt_value *x, int dim,
                      struct mt_value *y, const struct mt_graph *one)
{
    for (size_t i = 0; i < whole->n_values; i++)
        whole->values[i]->along = MT_NO_DIM;
    x->along = dim;
    if (whole->n_nodes != one->n_nodes)
        return false;
    for (size_t i = 0; i < whole->n_nodes; i++) {
        if (!follow(whole->nodes[i], one->nodes[i]))
            return false;
    }
    return dim_of(y) >= 0;
}

size_t mt_sequence_node_bytes(const struct mt_node *node, size_t context)
{
    return node->op->memory ? mt_size_align(node->op->memory(node, context), 64)
                            : 0;
}

size_t mt_sequence_bytes(const struct mt_graph *g, size_t context)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_nodes; i++)
        n += mt_sequence_node_bytes(g->nodes[i], context);
    return n;
}

size_t mt_sequence_nodes(const struct mt_graph *g)
{
    size_t n = g->n_nodes;

    while (n && !g->nodes[n - 1]->op->memory)
        n--;
    return n;
}

/* --- common answers of ops ----------------------------------------------- */

bool mt_along_elements(const struct mt_node *node, const int *in, int *out)
{
    for (size_t i = 1; i < node->n_in; i++) {
        if (node->in[i] && in[i] != in[0])
            return false;
    }
    out[0] = in[0];
    return true;
}

bool mt_along_rows(const struct mt_node *node, const int *in, int *out)
{
    for (size_t i = 1; i < node->n_in; i++) {
        if (in[i] != MT_NO_DIM)
            return false;
    }
    out[0] = in[0];
    return in[0] < node->in[0]->shape.rank - 1;
}
