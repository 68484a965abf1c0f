/* Cases of gradient_test.c: pooling and resampling. */

/* Distinct values, far enough apart that no step changes a maximum. */
static struct mt_value *spaced(struct bench *b, const struct mt_shape *shape)
{
    struct mt_value *x = param(b, shape);
    size_t n = mt_shape_elements(shape);

    for (size_t i = 0; i < n; i++)
        data_of(x)[i] = 0.03125f * (float)i - 2;
    for (size_t i = n; i-- > 1;) {
        size_t k = (size_t)draw(b, 0, (double)i + 1);
        float t = data_of(x)[i];

        data_of(x)[i] = data_of(x)[k];
        data_of(x)[k] = t;
    }
    return x;
}

/* kernel, stride, padding, dilation, ceil_mode of the width (and height) */
#define AXIS(...)                                                              \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define MAX_POOL(NAME, SHAPE, ...)                                             \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        const struct mt_pool_axis axes[2] = { __VA_ARGS__ };                   \
                                                                               \
        return mt_max_pool(b->graph, spaced(b, SHAPE), axes);                  \
    }
#define AVG_POOL(NAME, SHAPE, INCLUDE_PAD, DIVISOR, ...)                       \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        const struct mt_pool_axis axes[2] = { __VA_ARGS__ };                   \
                                                                               \
        return mt_avg_pool(b->graph, param(b, SHAPE), axes, INCLUDE_PAD,       \
                           DIVISOR);                                           \
    }
#define ADAPTIVE(NAME, SHAPE, ...)                                             \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        return mt_adaptive_avg_pool(b->graph, param(b, SHAPE),                 \
                                    (size_t[2]){ __VA_ARGS__ });               \
    }
#define ADAPTIVE_MAX(NAME, SHAPE, ...)                                         \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        return mt_adaptive_max_pool(b->graph, spaced(b, SHAPE),                \
                                    (size_t[2]){ __VA_ARGS__ });               \
    }
#define UPSAMPLE(NAME, SHAPE, ...)                                             \
    static struct mt_value *NAME(struct bench *b)                              \
    {                                                                          \
        const struct mt_upsample options = { __VA_ARGS__ };                    \
                                                                               \
        return mt_upsample(b->graph, param(b, SHAPE), &options);               \
    }

MAX_POOL(max_pool_squares, SHAPE(4, 2, 2, 5, 37), AXIS(2, 2, 0, 1, false),
         AXIS(2, 2, 0, 1, false))
MAX_POOL(max_pool_3, SHAPE(4, 2, 2, 7, 9), AXIS(3, 2, 1, 1, false),
         AXIS(3, 2, 1, 1, false))
MAX_POOL(max_pool_overlap, SHAPE(4, 1, 2, 6, 6), AXIS(3, 1, 1, 1, false),
         AXIS(3, 1, 1, 1, false))
MAX_POOL(max_pool_dilated, SHAPE(4, 2, 1, 9, 11), AXIS(2, 1, 0, 3, false),
         AXIS(3, 2, 1, 4, true))
MAX_POOL(max_pool_ceil, SHAPE(4, 2, 1, 5, 7), AXIS(2, 2, 0, 1, true),
         AXIS(2, 2, 0, 1, true))
MAX_POOL(max_pool_1d, SHAPE(3, 2, 3, 19), AXIS(0), AXIS(3, 2, 1, 1, false))
MAX_POOL(max_pool_1d_far, SHAPE(3, 1, 2, 300), AXIS(0),
         AXIS(40, 30, 20, 1, false))
AVG_POOL(avg_pool_pairs, SHAPE(4, 2, 2, 4, 10), true, 0,
         AXIS(2, 2, 0, 1, false), AXIS(2, 2, 0, 1, false))
AVG_POOL(avg_pool_odd, SHAPE(4, 2, 2, 5, 11), true, 0, AXIS(2, 2, 0, 1, false),
         AXIS(2, 2, 0, 1, false))
AVG_POOL(avg_pool_padded, SHAPE(4, 2, 2, 6, 7), true, 0, AXIS(3, 2, 1, 1, true),
         AXIS(3, 2, 1, 1, true))
AVG_POOL(avg_pool_without_padding, SHAPE(4, 2, 2, 6, 7), false, 0,
         AXIS(3, 2, 1, 1, true), AXIS(4, 1, 2, 1, false))
AVG_POOL(avg_pool_divisor, SHAPE(4, 2, 2, 6, 7), false, -3,
         AXIS(3, 2, 1, 1, true), AXIS(4, 1, 2, 1, false))
AVG_POOL(avg_pool_gaps, SHAPE(4, 1, 2, 9, 11), true, 0, AXIS(2, 4, 0, 1, false),
         AXIS(1, 3, 0, 1, false))
AVG_POOL(avg_pool_1d, SHAPE(3, 2, 3, 19), false, 0, AXIS(0),
         AXIS(5, 2, 2, 1, true))
AVG_POOL(avg_pool_1d_far, SHAPE(3, 1, 2, 300), true, 0, AXIS(0),
         AXIS(70, 40, 20, 1, false))
AVG_POOL(avg_pool_global, SHAPE(4, 3, 5, 4, 5), true, 0,
         AXIS(4, 4, 0, 1, false), AXIS(5, 5, 0, 1, false))
ADAPTIVE(adaptive_one, SHAPE(4, 2, 3, 7, 7), 1, 1)
ADAPTIVE(adaptive_uneven, SHAPE(4, 2, 2, 7, 10), 3, 7)
ADAPTIVE(adaptive_larger, SHAPE(4, 1, 2, 3, 5), 5, 13)
ADAPTIVE(adaptive_rows, SHAPE(4, 2, 2, 7, 10), 3, 10)
ADAPTIVE(adaptive_1d, SHAPE(3, 2, 3, 20), 0, 6)
ADAPTIVE_MAX(adaptive_max_one, SHAPE(4, 2, 2, 7, 7), 1, 1)
ADAPTIVE_MAX(adaptive_max_uneven, SHAPE(4, 2, 1, 7, 10), 3, 7)
ADAPTIVE_MAX(adaptive_max_larger, SHAPE(4, 1, 2, 3, 5), 5, 13)
ADAPTIVE_MAX(adaptive_max_1d, SHAPE(3, 2, 3, 20), 0, 6)
UPSAMPLE(upsample_twice, SHAPE(4, 2, 2, 3, 9), { 6, 18 }, { 2, 2 })
UPSAMPLE(upsample_nearest, SHAPE(4, 2, 2, 3, 5), { 5, 8 }, { 1.7, 1.7 })
UPSAMPLE(upsample_down, SHAPE(4, 2, 2, 6, 9), { 4, 3 })
UPSAMPLE(upsample_1d, SHAPE(3, 2, 3, 7), { 1, 23 })
UPSAMPLE(upsample_from_one, SHAPE(4, 2, 3, 1, 1), { 4, 5 })
UPSAMPLE(upsample_linear, SHAPE(3, 2, 3, 7), { 1, 17 }, .linear = true)
UPSAMPLE(upsample_bilinear, SHAPE(4, 2, 2, 3, 5), { 6, 10 }, { 2, 2 }, true)
UPSAMPLE(upsample_corners, SHAPE(4, 2, 2, 4, 5), { 7, 3 }, { 0 }, true, true)
UPSAMPLE(upsample_linear_down, SHAPE(4, 2, 2, 9, 8), { 3, 2 }, { 0 }, true)

#define POOL_CASES(X)                                                          \
    X(max_pool_squares)                                                        \
    X(max_pool_3)                                                              \
    X(max_pool_overlap)                                                        \
    X(max_pool_dilated)                                                        \
    X(max_pool_ceil)                                                           \
    X(max_pool_1d)                                                             \
    X(max_pool_1d_far)                                                         \
    X(avg_pool_pairs)                                                          \
    X(avg_pool_odd)                                                            \
    X(avg_pool_padded)                                                         \
    X(avg_pool_without_padding)                                                \
    X(avg_pool_divisor)                                                        \
    X(avg_pool_gaps)                                                           \
    X(avg_pool_1d)                                                             \
    X(avg_pool_1d_far)                                                         \
    X(avg_pool_global)                                                         \
    X(adaptive_one)                                                            \
    X(adaptive_uneven)                                                         \
    X(adaptive_larger)                                                         \
    X(adaptive_rows)                                                           \
    X(adaptive_1d)                                                             \
    X(adaptive_max_one)                                                        \
    X(adaptive_max_uneven)                                                     \
    X(adaptive_max_larger)                                                     \
    X(adaptive_max_1d)                                                         \
    X(upsample_twice)                                                          \
    X(upsample_nearest)                                                        \
    X(upsample_down)                                                           \
    X(upsample_1d)                                                             \
    X(upsample_from_one)                                                       \
    X(upsample_linear)                                                         \
    X(upsample_bilinear)                                                       \
    X(upsample_corners)                                                        \
    X(upsample_linear_down)
