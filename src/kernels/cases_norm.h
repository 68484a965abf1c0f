/*
 * The kernels of normalisation: what kernels_test.c runs (call_NAME) and holds
 * against double precision (check_NAME). Sums in double are compared through
 * their bits, as pairs of floats.
 */
#ifndef MT_KERNELS_CASES_NORM_H
#define MT_KERNELS_CASES_NORM_H

#include "kernels/moments.h"

/* --- runs --------------------------------------------------------------- */

/* mean, factors of norm and norm_grad */
static const float norm_p[4] = { 0.75f, 1.25f, -0.5f, 0.375f };

/* dense for variants 0 and 1 */
static size_t norm_stride(const struct io *io, size_t n)
{
    return n + (io->variant > 1 ? (size_t)io->variant : 0);
}

static size_t norm_used(const struct io *io)
{
    return io->n ? (ROWS - 1) * norm_stride(io, io->n) + io->n : 0;
}

/* Runs for sums, which may overlap: more than one block of them. */
enum { RUNS = 30 };

static size_t overlapping(const struct io *io)
{
    return (ROOM - io->n) / RUNS;
}

static void put_double(struct io *io, int o, size_t i, double x)
{
    memcpy(io->out[o] + 2 * i, &x, sizeof x);
    io->used[o] = 2 * i + 2;
}

static double got_double(const struct io *io, int o, size_t i)
{
    double x;

    memcpy(&x, io->out[o] + 2 * i, sizeof x);
    return x;
}

static void call_moments(const struct mt_kernels *k, struct io *io)
{
    struct mt_moments m = { 2, 1, 0.5 }; /* of what was before */

    k->moments(&m, io->a, RUNS, io->n, overlapping(io));
    put_double(io, 0, 0, m.mean);
    put_double(io, 1, 0, m.m2);
    io->result = m.n;
}

static void check_moments(const struct io *io, const float *before)
{
    double n = 2 + (double)(RUNS * io->n), mean = 2, m2 = 0;

    (void)before;
    for (size_t r = 0; r < RUNS; r++) {
        for (size_t i = 0; i < io->n; i++)
            mean += (double)io->a[r * overlapping(io) + i];
    }
    mean /= n;
    for (size_t r = 0; r < RUNS; r++) {
        for (size_t i = 0; i < io->n; i++) {
            double d = (double)io->a[r * overlapping(io) + i] - mean;

            m2 += d * d;
        }
    }
    m2 += 0.5 + 2 * (1 - mean) * (1 - mean);
    ck_assert(io->result == n);
    expect("moments: mean", io->n, 0, got_double(io, 0, 0), mean, 1e-7);
    expect("moments: m2", io->n, 0, got_double(io, 1, 0), m2, 4e-7 * m2);
}

static void call_norm_sums(const struct mt_kernels *k, struct io *io)
{
    double s[2] = { 3, -4 };

    k->norm_sums(s, io->a, io->b, RUNS, io->n, overlapping(io), norm_p[0]);
    put_double(io, 0, 0, s[0]);
    put_double(io, 1, 0, s[1]);
}

static void check_norm_sums(const struct io *io, const float *before)
{
    double s = 3, sx = -4, size = 1, size_x = 1;

    (void)before;
    for (size_t r = 0; r < RUNS; r++) {
        for (size_t i = 0; i < io->n; i++) {
            size_t at = r * overlapping(io) + i;
            double g = (double)io->a[at];
            double d = (double)io->b[at] - (double)norm_p[0];

            s += g;
            sx += g * d;
            size += fabs(g);
            size_x += fabs(g * d);
        }
    }
    expect("norm_sums: s", io->n, 0, got_double(io, 0, 0), s, 3e-7 * size);
    expect("norm_sums: sx", io->n, 0, got_double(io, 1, 0), sx, 5e-7 * size_x);
}

static void call_norm(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = norm_used(io);
    k->norm(io->out[0], io->a, ROWS, io->n, norm_stride(io, io->n), norm_p);
}

/* (x - p0) p1 + p2 */
static double norm_of(double x, double p0, double p1, double p2)
{
    return (x - p0) * p1 + p2;
}

static void check_norm(const struct io *io, const float *before)
{
    for (size_t i = 0; i < norm_used(io); i++) {
        double want = norm_of((double)io->a[i], (double)norm_p[0],
                              (double)norm_p[1], (double)norm_p[2]);

        if (i % norm_stride(io, io->n) >= io->n) /* between the runs */
            want = (double)before[i];
        expect("norm", io->n, i, (double)io->out[0][i], want,
               2e-7 * (4 + fabs(want)));
    }
}

static void call_norm_grad(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = norm_used(io);
    k->norm_grad(io->out[0], io->a, io->b, ROWS, io->n, norm_stride(io, io->n),
                 norm_p);
}

static void check_norm_grad(const struct io *io, const float *before)
{
    for (size_t i = 0; i < norm_used(io); i++) {
        double g = (double)io->a[i] * (double)norm_p[1];
        double want = g + norm_of((double)io->b[i], (double)norm_p[0],
                                  (double)norm_p[3], (double)norm_p[2]);

        if (i % norm_stride(io, io->n) >= io->n)
            want = (double)before[i];
        expect("norm_grad", io->n, i, (double)io->out[0][i], want,
               2e-7 * (8 + fabs(want)));
    }
}

/* --- normalised when read ----------------------------------------------- */

/* with a ReLU, and without one */
static const float normed_p[4] = { 0.75f, 1.25f, -0.5f, 0 };
static const float normed_q[4] = { -0.5f, 0.375f, 2, -INFINITY };

static double normed_of(double x, const float p[4])
{
    double y = norm_of(x, (double)p[0], (double)p[1], (double)p[2]);

    return y > (double)p[3] ? y : (double)p[3];
}

static void call_normed_rows(const struct mt_kernels *k, struct io *io)
{
    size_t n = io->n < 100 ? io->n : 100, x_row = n + (size_t)io->variant;

    io->used[0] = 7 * (n + 2);
    k->normed_rows(io->out[0], n + 2, io->a, x_row, 7, n,
                   io->variant ? normed_p : normed_q);
}

static void check_normed_rows(const struct io *io, const float *before)
{
    size_t n = io->n < 100 ? io->n : 100, x_row = n + (size_t)io->variant;

    for (size_t i = 0; i < io->used[0]; i++) {
        size_t r = i / (n + 2), j = i % (n + 2);
        double want = j < n ? normed_of((double)io->a[r * x_row + j],
                                        io->variant ? normed_p : normed_q)
                            : (double)before[i];

        expect("normed_rows", n, i, (double)io->out[0][i], want,
               j < n ? 2e-7 * (4 + fabs(want)) : 0);
    }
}

/* variant 0: b as it is; 1: no ReLU of the sum */
static void call_normed_add(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = io->n;
    k->normed_add(io->out[0], io->a, normed_p, io->b,
                  io->variant ? normed_q : NULL, io->n,
                  io->variant == 1 ? -INFINITY : 0);
}

static void check_normed_add(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n; i++) {
        double b = (double)io->b[i];
        double want = normed_of((double)io->a[i], normed_p) +
                      (io->variant ? normed_of(b, normed_q) : b);

        if (io->variant != 1 && want < 0)
            want = 0;
        expect("normed_add", io->n, i, (double)io->out[0][i], want,
               4e-7 * (8 + fabs(want)));
    }
}

CALL(normed_relu_grad, io->n, io->a, io->b, io->n, normed_p)
EACH(normed_relu_grad, 0,
     fma(b - (double)normed_p[0], (double)normed_p[1], (double)normed_p[2]) > 0
         ? a
         : 0)

/* --- columns ------------------------------------------------------------ */

enum { COLUMNS = 100 };

struct columns {
    size_t n, rows, ldx;
};

static struct columns columns_of(const struct io *io)
{
    struct columns c = { .n = io->n < COLUMNS ? io->n : COLUMNS };

    c.ldx = norm_stride(io, c.n);
    c.rows = c.n ? ROOM / (c.ldx + 1) : 4;
    c.rows = c.rows < 150 ? c.rows : 150;
    return c;
}

static size_t columns_used(struct columns c)
{
    return c.n ? (c.rows - 1) * c.ldx + c.n : 0;
}

static void put_doubles(struct io *io, const double *x, const double *y,
                        size_t n)
{
    for (size_t j = 0; j < n; j++) {
        put_double(io, 0, j, x[j]);
        put_double(io, 1, j, y[j]);
    }
}

static void call_column_moments(const struct mt_kernels *k, struct io *io)
{
    struct columns c = columns_of(io);
    double mean[COLUMNS], m2[COLUMNS];

    k->column_moments(mean, m2, io->a, c.rows, c.n, c.ldx);
    put_doubles(io, mean, m2, c.n);
}

static void check_column_moments(const struct io *io, const float *before)
{
    struct columns c = columns_of(io);

    (void)before;
    for (size_t j = 0; j < c.n; j++) {
        double mean = 0, m2 = 0;

        for (size_t i = 0; i < c.rows; i++)
            mean += (double)io->a[i * c.ldx + j] / (double)c.rows;
        for (size_t i = 0; i < c.rows; i++) {
            double d = (double)io->a[i * c.ldx + j] - mean;

            m2 += d * d;
        }
        expect("column_moments: mean", c.n, j, got_double(io, 0, j), mean,
               4e-7);
        expect("column_moments: m2", c.n, j, got_double(io, 1, j), m2,
               1e-6 * m2);
    }
}

static void call_column_norm_sums(const struct mt_kernels *k, struct io *io)
{
    struct columns c = columns_of(io);
    double s[COLUMNS], sx[COLUMNS];

    k->column_norm_sums(s, sx, io->a, io->b, c.rows, c.n, c.ldx, io->b);
    put_doubles(io, s, sx, c.n);
}

static void check_column_norm_sums(const struct io *io, const float *before)
{
    struct columns c = columns_of(io);

    (void)before;
    for (size_t j = 0; j < c.n; j++) {
        double s = 0, sx = 0, size = 1;

        for (size_t i = 0; i < c.rows; i++) {
            double g = (double)io->a[i * c.ldx + j];
            double d = (double)io->b[i * c.ldx + j] - (double)io->b[j];

            s += g;
            sx += g * d;
            size += fabs(g) + fabs(g * d);
        }
        expect("column_norm_sums: s", c.n, j, got_double(io, 0, j), s,
               1e-6 * size);
        expect("column_norm_sums: sx", c.n, j, got_double(io, 1, j), sx,
               1e-6 * size);
    }
}

#define COLUMN_P(b)                                                            \
    {                                                                          \
        (b), (b) + COLUMNS, (b) + 2 * COLUMNS, (b) + 3 * COLUMNS               \
    }

static void call_column_norm(const struct mt_kernels *k, struct io *io)
{
    struct columns c = columns_of(io);
    const float *const p[4] = COLUMN_P(io->b);

    io->used[0] = columns_used(c);
    k->column_norm(io->out[0], io->a, c.rows, c.n, c.ldx, p);
}

static void check_column_norm(const struct io *io, const float *before)
{
    struct columns c = columns_of(io);
    const float *const p[4] = COLUMN_P(io->b);

    for (size_t i = 0; i < columns_used(c); i++) {
        size_t j = i % c.ldx;
        double want = (double)before[i];

        if (j < c.n)
            want = norm_of((double)io->a[i], (double)p[0][j], (double)p[1][j],
                           (double)p[2][j]);
        expect("column_norm", c.n, i, (double)io->out[0][i], want,
               2e-7 * (32 + fabs(want)));
    }
}

static void call_column_norm_grad(const struct mt_kernels *k, struct io *io)
{
    struct columns c = columns_of(io);
    const float *const p[4] = COLUMN_P(io->b);

    io->used[0] = columns_used(c);
    k->column_norm_grad(io->out[0], io->a, io->b, c.rows, c.n, c.ldx, p);
}

static void check_column_norm_grad(const struct io *io, const float *before)
{
    struct columns c = columns_of(io);
    const float *const p[4] = COLUMN_P(io->b);

    for (size_t i = 0; i < columns_used(c); i++) {
        size_t j = i % c.ldx;
        double want = (double)before[i];

        if (j < c.n)
            want = (double)io->a[i] * (double)p[1][j] +
                   norm_of((double)io->b[i], (double)p[0][j], (double)p[3][j],
                           (double)p[2][j]);
        expect("column_norm_grad", c.n, i, (double)io->out[0][i], want,
               2e-7 * (64 + fabs(want)));
    }
}

/* --- rows --------------------------------------------------------------- */

/* Variants: w and b, nothing, RMS with w, RMS alone. */
struct row_weights {
    bool centred;
    const float *w, *b;
};

static struct row_weights row_weights(const struct io *io)
{
    return (struct row_weights){ .centred = io->variant < 2,
                                 .w = io->variant % 2 ? NULL : io->b,
                                 .b = io->variant ? NULL : io->b + io->n };
}

static const double norm_eps = 1e-3;

static void call_layer_norm(const struct mt_kernels *k, struct io *io)
{
    struct row_weights p = row_weights(io);

    io->used[0] = ROWS * io->n;
    io->used[1] = ROWS;
    io->used[2] = p.centred ? ROWS : 0;
    k->layer_norm(io->out[0], p.centred ? io->out[2] : NULL, io->out[1], io->a,
                  p.w, p.b, ROWS, io->n, norm_eps);
}

static void check_layer_norm(const struct io *io, const float *before)
{
    struct row_weights p = row_weights(io);
    size_t n = io->n;

    (void)before;
    for (size_t r = 0; n && r < ROWS; r++) {
        const float *x = io->a + r * n;
        double mean = p.centred ? dot(x, NULL, n) / (double)n : 0, var = 0;

        for (size_t i = 0; i < n; i++)
            var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
        double rstd = 1 / sqrt(var + norm_eps);

        if (p.centred)
            expect("layer_norm: mean", n, r, (double)io->out[2][r], mean, 3e-7);
        expect("layer_norm: rstd", n, r, (double)io->out[1][r], rstd,
               4e-7 * rstd);
        for (size_t i = 0; i < n; i++) {
            double w = p.w ? (double)p.w[i] : 1, b = p.b ? (double)p.b[i] : 0;

            expect("layer_norm", n, r * n + i, (double)io->out[0][r * n + i],
                   ((double)x[i] - mean) * rstd * w + b,
                   1e-6 * (1 + rstd) * (1 + fabs(w)));
        }
    }
}

static const float row_means[ROWS] = { 0.5f, -1, 2 };
static const float row_rstds[ROWS] = { 0.75f, 1.5f, 0.25f };

/* Variants: everything; dx of rows without weights; RMS with dw; the weights'
 * gradients alone. */
static void call_layer_norm_grad(const struct mt_kernels *k, struct io *io)
{
    int v = io->variant;
    float *dx = v == 3 ? NULL : io->out[0], *dw = v == 1 ? NULL : io->out[1];
    float *db = v == 0 || v == 3 ? io->out[2] : NULL;

    io->used[0] = dx ? ROWS * io->n : 0;
    io->used[1] = dw ? io->n : 0;
    io->used[2] = db ? io->n : 0;
    k->layer_norm_grad(dx, dw, db, io->a, io->b, v == 2 ? NULL : row_means,
                       row_rstds, v == 1 ? NULL : io->b, v == 2 ? io->b : NULL,
                       ROWS, io->n);
}

static void check_row_grad(const struct io *io, size_t r)
{
    const float *g = io->a + r * io->n, *x = io->b + r * io->n;
    double s = 0, sx = 0, n = (double)io->n, rstd = (double)row_rstds[r];
    double mean = io->variant == 2 ? 0 : (double)row_means[r];

    for (size_t i = 0; i < io->n; i++) {
        double gw = (double)g[i] * (io->variant == 1 ? 1 : (double)io->b[i]);

        s += io->variant == 2 ? 0 : gw;
        sx += gw * ((double)x[i] - mean);
    }
    for (size_t i = 0; i < io->n; i++) {
        double gw = (double)g[i] * (io->variant == 1 ? 1 : (double)io->b[i]);
        double d = (double)x[i] - mean;

        expect("layer_norm_grad: dx", io->n, r * io->n + i,
               (double)io->out[0][r * io->n + i],
               rstd * gw - rstd * s / n - d * rstd * rstd * rstd * sx / n +
                   (io->variant == 2 ? (double)x[i] : 0),
               1e-4);
    }
}

static void check_layer_norm_grad(const struct io *io, const float *before)
{
    for (size_t r = 0; io->used[0] && r < ROWS; r++)
        check_row_grad(io, r);
    for (size_t i = 0; i < io->n; i++) {
        double dw = (double)before[ROOM + i], db = (double)before[2 * ROOM + i];

        for (size_t r = 0; r < ROWS; r++) {
            double g = (double)io->a[r * io->n + i];
            double mean = io->variant == 2 ? 0 : (double)row_means[r];

            dw += g * ((double)io->b[r * io->n + i] - mean) *
                  (double)row_rstds[r];
            db += g;
        }
        if (io->used[1])
            expect("layer_norm_grad: dw", io->n, i, (double)io->out[1][i], dw,
                   2e-5);
        if (io->used[2])
            expect("layer_norm_grad: db", io->n, i, (double)io->out[2][i], db,
                   2e-6);
    }
}

/* Those whose output may take the place of their first input. */
#define NORM_IN_PLACE                                                          \
    "norm", "norm_grad", "column_norm", "column_norm_grad", "layer_norm",      \
        "layer_norm_grad"

#endif
