#include "train/shards.h"

size_t mt_cut_most(size_t n, size_t pieces, size_t run)
{
    return (n * run + pieces - 1) / pieces;
}

struct mt_range mt_cut_units(size_t n, size_t unit, size_t pieces, size_t i)
{
    struct mt_range r = mt_cut((n + unit - 1) / unit, pieces, i);

    r.first = r.first * unit < n ? r.first * unit : n;
    r.end = r.end * unit < n ? r.end * unit : n;
    return r;
}

/* The largest power of two below n > 1. */
static size_t left_child(size_t n)
{
    size_t left = 1;

    while (2 * left < n)
        left *= 2;
    return left;
}

bool mt_tree_joins(size_t n, size_t first, size_t mid, size_t end)
{
    struct mt_range node = { 0, n };

    while (node.end - node.first > 1) {
        size_t split = node.first + left_child(node.end - node.first);

        if (node.first == first && node.end == end)
            return split == mid;
        if (end <= split)
            node.end = split;
        else if (first >= split)
            node.first = split;
        else
            break;
    }
    return false;
}
