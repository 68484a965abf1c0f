/* Making tables of windows and bands (kernels/windows.h). They live as long as
 * the graph; if memory runs out the graph is marked, false is returned, and
 * the tables must not be used. */
#ifndef MT_GRAPH_WINDOWS_H
#define MT_GRAPH_WINDOWS_H

#include "graph/ops.h"
#include "kernels/windows.h"

/* The windows of a max pooling, without their padding; and those of an adaptive
 * pooling to `size` outputs: output o has inputs [o in / size, (o + 1) in /
 * size), the end rounded up. */
bool mt_windows_pool(struct mt_graph *g, const struct mt_pool_axis *axis,
                     size_t in, struct mt_windows *out);
bool mt_windows_adaptive(struct mt_graph *g, size_t in, size_t size,
                         struct mt_windows *out);

/* The sums of an average pooling, and their common divisor; if divisors differ,
 * they are part of the weights and *divisor is 1. */
bool mt_band_pool(struct mt_graph *g, const struct mt_pool_axis *axis,
                  size_t in, bool count_include_pad, struct mt_band *out,
                  double *divisor);
bool mt_band_adaptive(struct mt_graph *g, size_t in, size_t size,
                      struct mt_band *out, double *divisor);

/* factor: see struct mt_upsample. */
bool mt_band_nearest(struct mt_graph *g, size_t in, size_t size, double factor,
                     struct mt_band *out);
bool mt_band_linear(struct mt_graph *g, size_t in, size_t size, double factor,
                    bool align_corners, struct mt_band *out);

bool mt_band_transpose(struct mt_graph *g, const struct mt_band *band,
                       struct mt_band *out);

#endif
