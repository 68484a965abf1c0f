#include "kernels/normed.h"

#include <math.h>

#include "base/size.h"

static float low_of(bool relu)
{
    return relu ? 0 : -INFINITY;
}

/* As the kernels of isa/normed.c take them. */
static void find_p(const struct mt_normed *m, size_t channel, float p[4])
{
    const float *coef = m->coef + channel;

    p[0] = coef[0];
    p[1] = coef[m->channels];
    p[2] = coef[2 * m->channels];
    p[3] = low_of(m->relu);
}

void mt_normed_rows(const struct mt_normed *m, size_t channel, float *y,
                    size_t y_row, const float *x, size_t x_row, size_t rows,
                    size_t n)
{
    float p[4];

    find_p(m, channel, p);
    mt_kernels()->normed_rows(y, y_row, x, x_row, rows, n, p);
}

/* The part of [at, at + n) that is in one channel. */
static size_t part_of(size_t at, size_t n, size_t size)
{
    return mt_size_min(n, size - at % size);
}

static size_t channel_at(const struct mt_normed *m, size_t at, size_t size)
{
    return at / size % m->channels;
}

void mt_normed_relu_grad(const struct mt_normed *m, float *dx, const float *g,
                         const float *x, size_t at, size_t n, size_t size)
{
    float p[4];

    for (size_t end = at + n, some; at < end; at += some) {
        some = part_of(at, end - at, size);
        find_p(m, channel_at(m, at, size), p);
        mt_kernels()->normed_relu_grad(dx + at, g + at, x + at, some, p);
    }
}

void mt_normed_add(const struct mt_normed *ma, const struct mt_normed *mb,
                   float *y, const float *a, const float *b, size_t at,
                   size_t n, size_t size, bool relu)
{
    float p[4], q[4];

    for (size_t end = at + n, some; at < end; at += some) {
        size_t channel = channel_at(ma, at, size);

        some = part_of(at, end - at, size);
        find_p(ma, channel, p);
        if (mb)
            find_p(mb, channel, q);
        mt_kernels()->normed_add(y + at, a + at, p, b + at, mb ? q : NULL, some,
                                 low_of(relu));
    }
}
