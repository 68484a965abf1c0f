/*
 * How work is cut, so that neither the parts nor the order in which they are
 * added depend on which process does them.
 *
 * train.shards = n cuts each batch into n parts of neighbouring samples. Each
 * part runs forward and backward alone. Their gradients are added as a tree: of
 * a node's parts, the left child has the largest power of two that is less than
 * their number, and the right child the rest.
 *
 *     0 1 2 3 4 5 6     ((0 + 1) + (2 + 3)) + ((4 + 5) + 6)
 *
 * A process has a run of neighbouring parts, and pieces of the parameters,
 * whose optimizer state only it has.
 */
#ifndef MT_TRAIN_SHARDS_H
#define MT_TRAIN_SHARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/size.h"

/* Piece i if n things are cut into `pieces` pieces, whose sizes differ by at
 * most one. n * pieces < 2^64 */
static inline struct mt_range mt_cut(size_t n, size_t pieces, size_t i)
{
    if (pieces == 1)
        return (struct mt_range){ 0, n };
    return (struct mt_range){ n * i / pieces, n * (i + 1) / pieces };
}

/* The most things that any `run` neighbouring pieces have together. */
size_t mt_cut_most(size_t n, size_t pieces, size_t run);

/* The same as mt_cut(), but pieces are whole units, except at the end. */
struct mt_range mt_cut_units(size_t n, size_t unit, size_t pieces, size_t i);

/* Are [first, mid) and [mid, end) the two children of a node of the tree over n
 * parts? */
bool mt_tree_joins(size_t n, size_t first, size_t mid, size_t end);

#endif
