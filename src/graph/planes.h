/*
 * Work on the planes (h, w) of an array (..., h, w): a task has enough planes
 * to be worth it. Each plane belongs to one task, whatever the threads.
 */
#ifndef MT_GRAPH_PLANES_H
#define MT_GRAPH_PLANES_H

#include "graph/graph.h"

/* Works on n planes from number `first` on; scratch is the worker's own. */
typedef void mt_planes_run(const void *ctx, size_t first, size_t n,
                           void *scratch);

/* The height and width of v's planes; (n, c, w) has a height of 1. */
void mt_plane_size(const struct mt_value *v, size_t *h, size_t *w);

/* The planes of a task, if the larger of input and output has `size` elements
 * in a plane. */
size_t mt_planes_of_task(size_t planes, size_t size);

/* Runs f on all planes. scratch: bytes for each worker, in run->scratch */
void mt_planes(const struct mt_run *run, size_t planes, size_t size,
               size_t scratch, mt_planes_run *f, const void *ctx);

#endif
