/*
 * The work of its only reader that an op does while its own results are in the
 * cache: a sum, then an activation, or the product with an activation's
 * derivative (fuse.c). Part of the arguments of ops that can do so.
 */
#ifndef MT_GRAPH_FUSED_H
#define MT_GRAPH_FUSED_H

#include "graph/deferred.h"

struct mt_fused {
    size_t sum; /* y = y + that input of the node; 0: no sum */
    const struct mt_activation *act;      /* y = act(y) */
    const struct mt_activation *act_grad; /* dx = dx act'(saved) */
    size_t saved;                         /* which input of the node */
    struct mt_deferred read;              /* how that is read */
    float p[2];
};

/* Fuses `next`, if it is an activation. Where its derivative needs the value
 * before it, that has another reader. */
bool mt_fused_activation(struct mt_fused *f, const struct mt_node *next);

/* Fuses `next`, if it is a sum of node's output and another value, which
 * becomes an input of node. */
bool mt_fused_sum(struct mt_fused *f, struct mt_node *node,
                  const struct mt_node *next);

/* Fuses `next`, if it is an activation's derivative times node's output; the
 * saved value that it reads becomes an input of node. */
bool mt_fused_gradient(struct mt_fused *f, struct mt_node *node,
                       const struct mt_node *next);

/* The saved values, or NULL. */
const float *mt_fused_saved(const struct mt_fused *f,
                            const struct mt_node *node);

/* For the `deferred` of an op that does its work by mt_fused_finish, or passes
 * f->read to a kernel: f->read, if input k is the saved value. */
struct mt_deferred *mt_fused_deferred(struct mt_fused *f, size_t k);

/* Does that work, except for the sum, on elements [at, at + n) of node's output
 * y, in place. */
void mt_fused_finish(const struct mt_fused *f, const struct mt_node *node,
                     float *y, size_t at, size_t n);

#endif
