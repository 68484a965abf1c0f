/*
 * The name a user most likely meant: for hints in messages.
 */
#ifndef MT_BASE_NEAREST_H
#define MT_BASE_NEAREST_H

#include <stddef.h>

/* The Damerau-Levenshtein distance (optimal string alignment): insertions,
 * deletions, substitutions and swaps of neighbours, each at a cost of 1. */
size_t mt_edit_distance(const char *a, const char *b);

/* The candidate nearest to name, or NULL where none is near enough to be
 * meant (more than about a third of the name's length away). Case differences
 * count least. The first of equals wins. */
const char *mt_nearest(const char *name, const char *const *candidates,
                       size_t n);

#endif
