/* For dispatch_test.c: the kernels that draw initial values, which give the
 * bits of the scalar functions. */
#include "kernels/dmath.h"

static const struct mt_philox_key draw_key = { 0x9e3779b9, 0x7f4a7c15,
                                               0x94d049bb };

static uint64_t draw_first(const struct io *io)
{
    const uint64_t first[VARIANTS] = { 0, 64, (uint64_t)1 << 34, 6400 };

    return first[io->variant];
}

/* -0.1 to 0.1, and bounds that cut */
CALL(draw_uniform, io->n, io->n, draw_first(io), draw_key, -0.1, 0.2,
     io->variant == 1 ? -0.05f : -0.1f, io->variant == 1 ? 0.06f : 0.1f)

static void check_draw_uniform(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n; i++) {
        uint32_t w = mt_philox_word(draw_key, 0, draw_first(io) + i);
        float x = (float)(-0.1 + 0.2 * (((double)w + 0.5) * 0x1p-32));

        if (io->variant == 1)
            x = x < -0.05f ? -0.05f : x > 0.06f ? 0.06f : x;
        expect("draw_uniform", io->n, i, (double)io->out[0][i], (double)x, 0);
    }
}

/* Number i of the stream. */
static double normal_at(uint64_t i, uint32_t step)
{
    double u = mt_philox_uniform(draw_key, step, i / 2 * 2);
    double v = mt_philox_uniform(draw_key, step, i / 2 * 2 + 1);
    double r = mt_dsqrt(-2 * mt_dlog(u));

    return r * (i % 2 ? mt_dsinpi(2 * v) : mt_dcospi(2 * v));
}

CALL(draw_normal, io->n, io->n, draw_first(io), draw_key, 0.25, 1.5)

static void check_draw_normal(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n; i++) {
        double z = normal_at(draw_first(io) + i, 0);

        expect("draw_normal", io->n, i, (double)io->out[0][i],
               (double)(float)(0.25 + 1.5 * z), 0);
    }
}

static void call_normals(const struct mt_kernels *k, struct io *io)
{
    size_t blocks = io->n / 2;
    double z[MAX_N];

    k->normals(z, blocks, draw_first(io), draw_key, 3);
    memcpy(io->out[0], z, 2 * blocks * sizeof *z);
    io->used[0] = 4 * blocks; /* floats */
}

static void check_normals(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n / 2 * 2; i++) {
        double z;

        memcpy(&z, (const char *)io->out[0] + i * sizeof z, sizeof z);
        expect("normals", io->n, i, z, normal_at(2 * draw_first(io) + i, 3), 0);
    }
}
