#include "graph/fused.h"

#include "graph/graph_internal.h"
#include "graph/ops_internal.h"

static bool is_free(const struct mt_fused *f)
{
    return !f->act && !f->act_grad;
}

bool mt_fused_activation(struct mt_fused *f, const struct mt_node *next)
{
    if (next->op != &mt_op_activation || !is_free(f))
        return false;
    f->act = mt_activation_of(next, f->p);
    return true;
}

/* Nodes fuse in order, so that nothing is fused into `next` yet. */
bool mt_fused_sum(struct mt_fused *f, struct mt_node *node,
                  const struct mt_node *next)
{
    if (next->op != &mt_op_add || !is_free(f) || f->sum)
        return false;
    f->sum = node->n_in;
    mt_node_input(node, next->in[next->in[0] == node->out[0]]);
    return true;
}

/* The op may overwrite its first input, so that must not be the saved value. */
static bool is_safe(const struct mt_node *node, struct mt_value *saved)
{
    return !node->op->in_place ||
           mt_value_root(node->in[0]) != mt_value_root(saved);
}

bool mt_fused_gradient(struct mt_fused *f, struct mt_node *node,
                       const struct mt_node *next)
{
    if (next->op != &mt_op_activation_grad || !is_free(f) ||
        next->in[0] != node->out[0] || next->in[1] == node->out[0] ||
        !is_safe(node, next->in[1]))
        return false;
    f->act_grad = mt_activation_of(next, f->p);
    f->saved = node->n_in;
    mt_node_input(node, next->in[1]);
    return true;
}

const float *mt_fused_saved(const struct mt_fused *f,
                            const struct mt_node *node)
{
    return f->act_grad ? node->in[f->saved]->data : NULL;
}

struct mt_deferred *mt_fused_deferred(struct mt_fused *f, size_t k)
{
    return f->act_grad && mt_is_relu(f->act_grad) && k == f->saved ? &f->read
                                                                   : NULL;
}

void mt_fused_finish(const struct mt_fused *f, const struct mt_node *node,
                     float *y, size_t at, size_t n)
{
    const float *saved = mt_fused_saved(f, node);
    struct mt_normed read;

    if (f->act)
        mt_activation_forward(f->act)(y + at, y + at, n, f->p);
    if (f->act_grad && mt_deferred_read(&f->read, node, &read))
        mt_normed_relu_grad(&read, y, y, saved, at, n,
                            mt_channel_size(node->in[f->saved]));
    else if (f->act_grad)
        mt_activation_backward(f->act_grad)(y + at, y + at, saved + at, n,
                                            f->p);
}
