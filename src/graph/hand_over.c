/*
 * Gradients that are handed over (struct mt_taker) while they are in cache, and
 * so neither written to memory nor read again. The parameter may change then,
 * so the node that computes such a gradient must come after all that read the
 * parameter; mostly that is one, the gradient of the layer's input.
 */
#include <string.h>

#include "graph/graph_internal.h"

/* Sets `dies` of all values to the number of the last node that reads them,
 * plus 1. The plan of memory sets it anew. */
static void find_readers(struct mt_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++)
        g->values[i]->dies = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        struct mt_node *node = g->nodes[i];

        node->number = i;
        for (size_t k = 0; k < node->n_in; k++) {
            if (node->in[k])
                mt_value_root(node->in[k])->dies = i + 1;
        }
    }
}

/* The node that computes the leaf's gradient, if it can hand it over. */
static struct mt_node *find_node(const struct mt_value *leaf)
{
    struct mt_value *grad = leaf->grad;
    struct mt_node *node = grad ? grad->producer : NULL;

    if (!leaf->tensor || !leaf->requires_grad || !node ||
        node->out[0] != grad || grad->keep || grad->dies ||
        !node->op->hands_over)
        return NULL;
    return node->op->hands_over(node) ? node : NULL;
}

/* Moves node i to behind node last - 1. */
static void move(struct mt_graph *g, size_t i, size_t last)
{
    struct mt_node *node = g->nodes[i];

    memmove(&g->nodes[i], &g->nodes[i + 1],
            (last - i - 1) * sizeof(struct mt_node *));
    g->nodes[last - 1] = node;
}

void mt_graph_hand_over(struct mt_graph *g)
{
    if (!g->hands_over)
        return;
    find_readers(g);
    for (size_t i = 0; i < g->n_values; i++) {
        const struct mt_value *leaf = g->values[i];
        struct mt_node *node = find_node(leaf);

        if (!node)
            continue;
        leaf->grad->handed = leaf->tensor;
        node->waits = leaf->dies;
    }
    /* Later ones first: numbers of earlier nodes stay as they are. */
    for (size_t i = g->n_nodes; i-- > 0;) {
        if (g->nodes[i]->waits > i + 1)
            move(g, i, g->nodes[i]->waits);
    }
}

void mt_graph_may_hand_over(struct mt_graph *g)
{
    g->hands_over = true;
}

bool mt_graph_hands_over(const struct mt_graph *g,
                         const struct mt_tensor *tensor)
{
    const struct mt_value *leaf =
        tensor->number < g->leaves_size ? g->leaves[tensor->number] : NULL;

    return leaf && leaf->grad && leaf->grad->handed == tensor;
}
