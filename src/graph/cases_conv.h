/* Gradient cases of convolutions; part of gradient_test.c. */
#ifndef MT_GRAPH_CASES_CONV_H
#define MT_GRAPH_CASES_CONV_H

/* Output sizes follow from the rest. */
static struct mt_conv conv_sizes(struct mt_conv cv)
{
    cv.oh = (cv.h + 2 * cv.ph - (cv.kh - 1) * cv.dh - 1) / cv.sh + 1;
    cv.ow = (cv.w + 2 * cv.pw - (cv.kw - 1) * cv.dw - 1) / cv.sw + 1;
    return cv;
}

static struct mt_value *convolve(struct bench *b, struct mt_conv cv, bool bias)
{
    struct mt_value *x, *w;

    cv = conv_sizes(cv);
    x = param(b, SHAPE(4, cv.n, cv.groups * cv.c, cv.h, cv.w));
    w = param(b, SHAPE(4, cv.groups * cv.o, cv.c, cv.kh, cv.kw));
    return mt_conv_op(b->graph, x, w,
                      bias ? param(b, SHAPE(1, cv.groups * cv.o)) : NULL, &cv);
}

static struct mt_value *transpose_convolve(struct bench *b, struct mt_conv cv)
{
    struct mt_value *x, *w, *bias;

    cv = conv_sizes(cv);
    x = param(b, SHAPE(4, cv.n, cv.groups * cv.o, cv.oh, cv.ow));
    w = param(b, SHAPE(4, cv.groups * cv.o, cv.c, cv.kh, cv.kw));
    bias = param(b, SHAPE(1, cv.groups * cv.c));
    return mt_conv_transpose_op(b->graph, x, w, bias, &cv);
}

#define CONV(...) ((struct mt_conv){ __VA_ARGS__ })

static struct mt_value *conv_plain(struct bench *b)
{
    return convolve(b, CONV(2, 1, 3, 6, 7, 4, 0, 0, 3, 3, 1, 1, 0, 0, 1, 1),
                    true);
}

static struct mt_value *conv_frozen_weight(struct bench *b)
{
    struct mt_conv cv =
        conv_sizes(CONV(2, 1, 3, 6, 7, 4, 0, 0, 3, 3, 1, 1, 0, 0, 1, 1));
    struct mt_value *x = param(b, SHAPE(4, 2, 3, 6, 7));
    struct mt_value *w = any_param(b, SHAPE(4, 4, 3, 3, 3), true);

    return mt_conv_op(b->graph, x, w, param(b, SHAPE(1, 4)), &cv);
}

static struct mt_value *conv_padded(struct bench *b)
{
    return convolve(b, CONV(2, 1, 2, 5, 5, 17, 0, 0, 3, 3, 1, 1, 1, 1, 1, 1),
                    true);
}

static struct mt_value *conv_stride(struct bench *b)
{
    return convolve(b, CONV(3, 1, 2, 8, 7, 3, 0, 0, 3, 2, 2, 3, 1, 0, 1, 1),
                    false);
}

static struct mt_value *conv_dilated(struct bench *b)
{
    return convolve(b, CONV(1, 1, 2, 9, 9, 3, 0, 0, 3, 3, 1, 2, 2, 1, 2, 3),
                    true);
}

static struct mt_value *conv_groups(struct bench *b)
{
    return convolve(b, CONV(2, 3, 2, 6, 5, 2, 0, 0, 3, 3, 1, 1, 1, 1, 1, 1),
                    true);
}

static struct mt_value *conv_depthwise(struct bench *b)
{
    return convolve(b, CONV(2, 5, 1, 6, 6, 1, 0, 0, 3, 3, 2, 2, 1, 1, 1, 1),
                    false);
}

static struct mt_value *conv_1x1_stride(struct bench *b)
{
    return convolve(b, CONV(2, 1, 3, 6, 6, 4, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1),
                    true);
}

static struct mt_value *conv_one_dimension(struct bench *b)
{
    struct mt_conv cv = conv_sizes(
        CONV(2, 1, 3, 1, 20, 4, 0, 0, 1, 5, 1, 2, 0, 2, 1, 1));
    struct mt_value *x = param(b, SHAPE(3, 2, 3, 20));
    struct mt_value *w = param(b, SHAPE(3, 4, 3, 5));

    return mt_conv_op(b->graph, x, w, param(b, SHAPE(1, 4)), &cv);
}

/* more taps and positions than one KC block */
static struct mt_value *conv_large(struct bench *b)
{
    return convolve(b, CONV(2, 1, 33, 20, 19, 20, 0, 0, 3, 3, 1, 1, 1, 1, 1, 1),
                    true);
}

/* an activation that the epilogue does */
static struct mt_value *conv_relu(struct bench *b)
{
    struct mt_value *y = convolve(
        b, CONV(2, 1, 2, 5, 5, 3, 0, 0, 3, 3, 1, 1, 1, 1, 1, 1), true);

    y = mt_activate(b->graph, y, mt_activation_find("tanh"), NULL);
    return mt_mul(b->graph, y, y);
}

static struct mt_value *conv_transpose_plain(struct bench *b)
{
    return transpose_convolve(
        b, CONV(2, 1, 3, 7, 9, 4, 0, 0, 3, 3, 2, 2, 1, 1, 1, 1));
}

static struct mt_value *conv_transpose_groups(struct bench *b)
{
    return transpose_convolve(
        b, CONV(2, 2, 2, 8, 8, 3, 0, 0, 2, 3, 3, 1, 0, 1, 2, 1));
}

#define CONV_CASES(X)                                                          \
    X(conv_frozen_weight) X(conv_plain) X(conv_padded) X(conv_stride)          \
    X(conv_dilated) X(conv_groups) X(conv_depthwise) X(conv_1x1_stride)        \
    X(conv_one_dimension) X(conv_large) X(conv_relu) X(conv_transpose_plain)   \
    X(conv_transpose_groups)

#endif
