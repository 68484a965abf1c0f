/* Backward, recorded from forward. */
#include "graph/graph_internal.h"
#include "graph/ops.h"

static void record_node_grad(struct mt_graph *g, const struct mt_node *node)
{
    struct mt_value *d_out[MT_NODE_OUTPUTS] = { NULL };
    struct mt_value *d_in[MT_NODE_INPUTS] = { NULL };
    bool reached = false, wanted = false;

    for (size_t i = 0; i < node->n_out; i++) {
        d_out[i] = node->out[i]->grad;
        reached |= d_out[i] != NULL;
    }
    for (size_t i = 0; i < node->n_in; i++)
        wanted |= mt_wants_grad(node, i);
    if (!reached || !wanted || !node->op->grad)
        return;
    mt_graph_layer(g, node->layer);
    node->op->grad(g, node, d_out, d_in);
    for (size_t i = 0; i < node->n_in; i++) {
        struct mt_value *in = node->in[i];

        if (d_in[i])
            in->grad = in->grad ? mt_add(g, in->grad, d_in[i]) : d_in[i];
    }
}

/* The gradient of a parameter is computed directly into its place in the flat
 * block; if that value is shared or a view, it is copied. */
static void place_gradient(struct mt_graph *g, struct mt_value *leaf)
{
    struct mt_value *grad = leaf->grad;

    if (!grad->producer || grad->view_of || grad->fixed)
        grad = mt_copy(g, grad);
    leaf->grad = grad;
    grad->fixed = true;
    grad->data = leaf->tensor->grad;
    leaf->tensor->has_grad = true;
}

struct mt_value *mt_graph_backward(struct mt_graph *g, struct mt_value *loss)
{
    struct mt_value *one =
        mt_graph_input(g, "loss gradient", MT_F32, &loss->shape);

    one->data = &g->one;
    loss->grad = one;
    g->n_forward = g->n_nodes;
    for (size_t i = g->n_forward; i-- > 0 && !g->failed;)
        record_node_grad(g, g->nodes[i]);

    size_t n = g->n_values; /* copies add values that are not leaves */

    for (size_t i = 0; i < n && !g->failed; i++) {
        struct mt_value *v = g->values[i];

        if (v->tensor && v->requires_grad && v->grad)
            place_gradient(g, v);
    }
    return one;
}
