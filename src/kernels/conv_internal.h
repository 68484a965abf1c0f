/* What the three passes of convolution share: planes, rows, sizes. */
#ifndef MT_KERNELS_CONV_INTERNAL_H
#define MT_KERNELS_CONV_INTERNAL_H

#include "kernels/conv.h"
#include "kernels/fetch.h"

enum { MT_CONV_CHUNK = 256 }; /* positions of a block of output */

/* Floats after planes with rows of this width: a tap's row of positions ends
 * up to a row past its plane, and tiles read up to two vectors more. */
static inline size_t mt_conv_slack(size_t width)
{
    return (width + 64 + 15) / 16 * 16;
}

/* Planes of one image: `channels` x `phases` planes of height x width. */
struct mt_byte_planes {
    size_t channels, height, width;
    size_t phases_h, phases_w;
};

/* With the slack after them. */
static inline size_t mt_planes_floats(const struct mt_byte_planes *p)
{
    return p->channels * p->phases_h * p->phases_w * p->height * p->width +
           mt_conv_slack(p->width);
}

/* The planes that a forward pass reads: the padded input by phases of the
 * stride. */
struct mt_byte_planes mt_conv_input_planes(const struct mt_conv *cv);

/* Copies the c channels (h x w each) of image `task` / groups and group `task`
 * % groups into the planes, whose padding must be 0 already and stays so. */
void mt_conv_fill_input(const struct mt_conv *cv,
                        const struct mt_byte_planes *p,
                        const struct mt_conv_input *in, size_t task,
                        float *planes);

/* Whether the planes would be the image itself: no padding, no stride, and
 * nothing to normalise. */
bool mt_conv_planes_in_place(const struct mt_conv *cv,
                             const struct mt_byte_planes *p, bool normed);

/* rows[(c kh + u) kw + v]: where tap (c, u, v) of output position 0 is. */
void mt_conv_input_rows(const struct mt_conv *cv, const struct mt_byte_planes *p,
                        const float *planes, const float **rows);

/* The positions of a product: output rows of `width` columns over planes of
 * `plane` columns. Where any 16 positions span at most two rows (dense), they
 * are those of the output; otherwise those of the plane, the columns from
 * `width` on to be dropped. */
struct mt_positions {
    size_t width, plane, total;
    size_t block; /* so many at a time: whole rows of planes where not dense,
                     if one fits */
    bool dense;
    bool whole; /* rows of whole vectors of 8: nothing past them is read */
};

struct mt_positions mt_conv_positions(size_t rows, size_t width, size_t plane);

/* The left operand of a group's products, (m, k): as it is, or in slivers, the
 * rows of one tile with each step's values together. */
struct mt_conv_left {
    const float *at;
    size_t k;
    size_t tiles, rows, longer; /* tiles have that many rows, the first few one
                                   more */
    bool slivers;
};

/* Floats of the slivers of all groups; 0 where they do not pay. */
size_t mt_conv_sliver_floats(const struct mt_conv *cv, size_t m, size_t k);

/* Packs a (groups, m, k), if that pays, once for all images. */
void mt_conv_pack(const struct mt_conv *cv, const float *a, size_t m, size_t k,
                  float *slivers);

/* Of a group: its slivers, or its part of a where they do not pay. */
struct mt_conv_left mt_conv_left(const struct mt_conv *cv, const float *a,
                                 const float *slivers, size_t group, size_t m,
                                 size_t k);

/* (m x count) positions [at, at + count) of the product of a (m, k) and the
 * rows, into out (m, ldc); its tiles prefetch. */
void mt_conv_product(const struct mt_conv_left *a, const float *const *rows,
                     const struct mt_positions *ps, size_t at, size_t count,
                     float *out, size_t ldc, struct mt_fetch *fetch);

/* The steps of the tiles of all positions. */
size_t mt_conv_steps(const struct mt_positions *ps, size_t m, size_t k);

/* A product's input and result: arrays of images, or of each group of theirs.
 */
struct mt_conv_images {
    const float *in;
    size_t in_size;
    const float *out;
    size_t out_size;
};

/* What the products of an image prefetch: what the rest of its epilogue reads,
 * then the next image and its result. */
struct mt_fetch mt_conv_fetch(const struct mt_conv *cv,
                              const struct mt_conv_images *images,
                              const struct mt_conv_epilogue *e, size_t task,
                              size_t steps);

/* Writes the columns that count of positions [at, at + count), up to a block
 * that begins at a row or lies within one, to y (rows, width). */
void mt_conv_store(const struct mt_positions *ps, const float *block, size_t at,
                   size_t count, float *y);

/* One row of results, in place: bias added and, if no sum comes between,
 * activation applied. */
void mt_conv_finish_row(const struct mt_conv_epilogue *e, size_t channel,
                        float *row, size_t n);

/* Then an image's results, some planes of `size` values, from `at` on: the rest
 * of the epilogue. */
void mt_conv_finish_image(const struct mt_conv_epilogue *e, float *y, size_t at,
                          size_t planes, size_t size);

#endif
