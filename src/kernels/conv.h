/*
 * Convolution in two dimensions (one is two with a height of 1), forward and
 * both gradients, without an im2col matrix.
 *
 *     y[n, o, i, j] = b[o] + sum_{c, u, v} w[o, c, u, v]
 *                            x[n, c, i sh - ph + u dh, j sw - pw + v dw]
 *
 * How: an image's channels are copied into padded planes (one for each phase
 * of the stride), so wide that an output position p = i * width + j reads tap
 * (c, u, v) at row_cuv[p], where the row is a pointer into a plane. Then each
 * output channel is a matrix row times those rows, and GEMM tiles read them
 * in place. Columns beyond the true width are computed and dropped.
 *
 * The bits: every output is, for each block of MT_GEMM_KC taps (c, u, v) in
 * order, a chain of fma from 0, the blocks added in order. Gradients of inputs
 * likewise over taps (o, u, v); those of weights over an image's positions in
 * blocks of MT_GEMM_KC, images in order within fixed groups of images, groups
 * in order.
 */
#ifndef MT_KERNELS_CONV_H
#define MT_KERNELS_CONV_H

#include "base/team.h"
#include "kernels/dispatch.h"
#include "kernels/normed.h"

/* Channels are those of one group; tensors have `groups` times as many. */
struct mt_conv {
    size_t n, groups;
    size_t c, h, w;   /* input: (n, groups c, h, w) */
    size_t o, oh, ow; /* output: (n, groups o, oh, ow) */
    size_t kh, kw;    /* weight: (groups o, c, kh, kw) */
    size_t sh, sw, ph, pw, dh, dw; /* stride, padding, dilation */
};

/* c = act(c + bias + sum), then c = c * act'(saved), with the parts that are
 * there. */
struct mt_conv_epilogue {
    const float *bias;       /* (groups o), or NULL */
    const float *sum;        /* as the result, or NULL */
    mt_unary *act;           /* or NULL */
    mt_unary_grad *act_grad; /* or NULL */
    const float *saved;      /* as the result */
    const float *act_p;
    const struct mt_normed *normed; /* how saved is read, if act_grad is that of
                                       relu; or NULL: as it is */
};

/* x of forward and of the gradient of the weight. Its padding is 0 even if it
 * is normalised when it is read. */
struct mt_conv_input {
    const float *x;
    const struct mt_normed *normed; /* or NULL: x is read as it is */
};

/* Bytes of scratch for each with this many workers; aligned to 64 bytes.
 * normed: x is normalised; db: it is wanted */
size_t mt_conv_forward_scratch(const struct mt_conv *cv, bool normed,
                               size_t workers);
size_t mt_conv_grad_input_scratch(const struct mt_conv *cv, size_t workers);
size_t mt_conv_grad_weight_scratch(const struct mt_conv *cv, bool normed,
                                   bool db, size_t workers);

void mt_conv_forward(const struct mt_conv *cv, const struct mt_conv_input *in,
                     const float *w, const struct mt_conv_epilogue *e, float *y,
                     struct mt_team *team, void *scratch);

/* dx from dy; also the forward pass of a transposed convolution, where the
 * epilogue's bias is (groups c). */
void mt_conv_grad_input(const struct mt_conv *cv, const float *dy,
                        const float *w, const struct mt_conv_epilogue *e,
                        float *dx, struct mt_team *team, void *scratch);

/* db (groups o): the sums of dy over images and positions, those of an image
 * first; NULL: not wanted */
void mt_conv_grad_weight(const struct mt_conv *cv,
                         const struct mt_conv_input *in, const float *dy,
                         float *dw, float *db, struct mt_team *team,
                         void *scratch);

#endif
