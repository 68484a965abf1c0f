/*
 * Places in memory for values that are needed at different times: first fit.
 *
 *     mt_places_new(n_times, &places, err);
 *     for each value, the largest first:
 *         at = mt_places_find(places, bytes, born, dies);
 *         mt_places_take(places, at, at + bytes, born, dies, err);
 *     mt_places_free(places);
 *
 * In a graph with a backward pass nearly all lives overlap, so comparing a
 * value with all that live at the same time is slow. Instead times are the
 * leaves of a binary tree. A value is noted at the few nodes that make up its
 * life (a segment tree: Bentley, 1977), and at their ancestors; memory of
 * adjacent values is one run. Finding and taking a place read O(log n) lists of
 * runs.
 */
#ifndef MT_GRAPH_PLACE_H
#define MT_GRAPH_PLACE_H

#include <stddef.h>

#include "base/status.h"

struct mt_places;

/* Times are 0 ... times - 1. */
mt_status mt_places_new(size_t times, struct mt_places **out,
                        struct mt_err *err);
void mt_places_free(struct mt_places *places); /* NULL is allowed */

/* The lowest address of `bytes` bytes that are free from born to dies, both
 * included: 0, or the end of a taken place. */
size_t mt_places_find(struct mt_places *places, size_t bytes, size_t born,
                      size_t dies);

/* Takes [at, end) from born to dies; at other times parts of it may already be
 * taken. */
mt_status mt_places_take(struct mt_places *places, size_t at, size_t end,
                         size_t born, size_t dies, struct mt_err *err);

/* The work so far: runs compared or moved. For tests. */
size_t mt_places_work(const struct mt_places *places);

#endif
