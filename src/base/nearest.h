/*
 * The name a user most likely meant: for hints in messages.
 */
#ifndef MT_BASE_NEAREST_H
#define MT_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* The Damerau-Levenshtein distance (optimal string alignment): insertions,
 * deletions, substitutions and swaps of neighbours, each at a cost of 1. */
size_t mt_edit_distance(const char *a, const char *b);

/* The candidate nearest to name, or NULL where none is near enough to be
 * meant (more than about a third of the name's length away). Case differences
 * count least. The first of equals wins. */
const char *mt_nearest(const char *name, const char *const *candidates,
                       size_t n);

/* The same over candidates that are in no array:
 *
 *     struct mt_nearest near = mt_nearest_to(name);
 *
 *     for each candidate: mt_nearest_try(&near, candidate);
 *     near.best ...
 */
struct mt_nearest {
    const char *name;
    const char *best;     /* the nearest candidate so far, or NULL */
    size_t folded, exact; /* its distance without case, and with it */
};

static inline struct mt_nearest mt_nearest_to(const char *name)
{
    return (struct mt_nearest){ .name = name };
}

/* Returns whether candidate is the nearest one so far. It is kept as it is, not
 * copied. */
bool mt_nearest_try(struct mt_nearest *n, const char *candidate);

#endif
