/* Calls and checks of the kernels of losses; kernels_test.c runs them. */
#ifndef MT_KERNELS_CASES_LOSS_H
#define MT_KERNELS_CASES_LOSS_H

/* params[0], 0.7, is beta and delta */
static double smooth_l1_of(double d)
{
    return fabs(d) < P0 ? 0.5 * d * d / P0 : fabs(d) - 0.5 * P0;
}

static double huber_of(double d)
{
    return fabs(d) <= P0 ? 0.5 * d * d : P0 * (fabs(d) - 0.5 * P0);
}

REDUCE(smooth_l1, io->b, io->n, params)
SUM_OF(smooth_l1, smooth_l1_of(a - b))
CALL(smooth_l1_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, params)
EACH(smooth_l1_grad, 3e-7,
     0.25 * (fabs(a - b) < P0 ? (a - b) / P0 : sign(a - b)))
REDUCE(huber, io->b, io->n, params)
SUM_OF(huber, huber_of(a - b))
CALL(huber_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, params)
EACH(huber_grad, 2e-7, 0.25 * fmax(-P0, fmin(P0, a - b)))

/* Numbers from 0 to 1: where x is tame, that is; the wild ones stay wild. */
static const float *shares(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fabsf(x[i]) / 4;
    return out;
}

static double share(double x)
{
    return (double)(fabsf((float)x) / 4);
}

/* Defines call_NAME for a loss of shares of io->a, if `of_shares`, and of
 * io->b. */
#define LOSS_OF_SHARES(NAME, OF_SHARES)                                        \
    static void call_##NAME(const struct mt_kernels *k, struct io *io)         \
    {                                                                          \
        static float x[ROOM], t[ROOM];                                         \
                                                                               \
        io->result = k->NAME((OF_SHARES) ? shares(io->a, io->n, x) : io->a,    \
                             shares(io->b, io->n, t), io->n, NULL);            \
    }                                                                          \
    static void call_##NAME##_grad(const struct mt_kernels *k, struct io *io)  \
    {                                                                          \
        static float x[ROOM], t[ROOM];                                         \
                                                                               \
        io->used[0] = io->n;                                                   \
        k->NAME##_grad(io->out[0],                                             \
                       (OF_SHARES) ? shares(io->a, io->n, x) : io->a,          \
                       shares(io->b, io->n, t), io->n, LOSS_SCALE, NULL);      \
    }

static double bce_of(double x, double t)
{
    return -t * fmax(log(x), -100) - (1 - t) * fmax(log1p(-x), -100);
}

static double bce_slope_of(double x, double t)
{
    return (x - t) / fmax((1 - x) * x, 1e-12);
}

LOSS_OF_SHARES(bce, true)
SUM_OF(bce, bce_of(share(a), share(b)))
EACH(bce_grad, 4e-7, 0.25 * bce_slope_of(share(a), share(b)))

static double kl_of(double x, double t)
{
    return t > 0 ? t * (log(t) - x) : 0;
}

LOSS_OF_SHARES(kl_div, false)
SUM_OF(kl_div, kl_of(a, share(b)))
EACH(kl_div_grad, 1e-7, -0.25 * share(b))
REDUCE(kl_div_log, io->b, io->n, NULL)
SUM_OF(kl_div_log, exp(b) * (b - a))
CALL(kl_div_log_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, NULL)
EACH(kl_div_log_grad, 2e-7, -0.25 * exp(b))

/* The weights that go with element i. */
static float hit_weight(size_t i)
{
    return (float)(i % 5) * 0.7f;
}

static float all_weight(size_t i)
{
    return (float)(i % 3) * 0.3f + 0.5f;
}

static void weights(size_t n, float *hit, float *all)
{
    for (size_t i = 0; i < n; i++) {
        hit[i] = hit_weight(i);
        all[i] = all_weight(i);
    }
}

#define WEIGHTED(NAME, OF_SHARES)                                              \
    static void call_##NAME(const struct mt_kernels *k, struct io *io)         \
    {                                                                          \
        static float x[ROOM], t[ROOM], q[ROOM], w[ROOM];                       \
                                                                               \
        weights(io->n, q, w);                                                  \
        io->result = k->NAME((OF_SHARES) ? shares(io->a, io->n, x) : io->a,    \
                             shares(io->b, io->n, t), q, w, io->n);            \
    }                                                                          \
    static void call_##NAME##_grad(const struct mt_kernels *k, struct io *io)  \
    {                                                                          \
        static float x[ROOM], t[ROOM], q[ROOM], w[ROOM];                       \
                                                                               \
        weights(io->n, q, w);                                                  \
        io->used[0] = io->n;                                                   \
        k->NAME##_grad(io->out[0],                                             \
                       (OF_SHARES) ? shares(io->a, io->n, x) : io->a,          \
                       shares(io->b, io->n, t), q, w, io->n, LOSS_SCALE);      \
    }                                                                          \
    static void check_##NAME(const struct io *io, const float *before)         \
    {                                                                          \
        double want = 0, size = 0;                                             \
                                                                               \
        (void)before;                                                          \
        for (size_t i = 0; i < io->n; i++) {                                   \
            want += NAME##_of(io, i, false);                                   \
            size += fabs(NAME##_of(io, i, false));                             \
        }                                                                      \
        expect(#NAME, io->n, 0, io->result, want, 5e-7 * size);                \
    }                                                                          \
    static void check_##NAME##_grad(const struct io *io, const float *before)  \
    {                                                                          \
        (void)before;                                                          \
        for (size_t i = 0; i < io->n; i++) {                                   \
            double want = 0.25 * NAME##_of(io, i, true);                       \
                                                                               \
            expect(#NAME "_grad", io->n, i, (double)io->out[0][i], want,       \
                   4e-7 * at_least_1(want));                                   \
        }                                                                      \
    }

static double bce_weighted_of(const struct io *io, size_t i, bool slope)
{
    double x = share((double)io->a[i]), t = share((double)io->b[i]);

    return (double)all_weight(i) * (slope ? bce_slope_of(x, t) : bce_of(x, t));
}

static double bce_logits_weighted_of(const struct io *io, size_t i, bool slope)
{
    double x = (double)io->a[i], t = share((double)io->b[i]);
    double q = (double)hit_weight(i), w = (double)all_weight(i);

    if (slope)
        return w * ((1 - t) * sigmoid(x) - q * t * sigmoid(-x));
    return w * (q * t * log1p(exp(-x)) + (1 - t) * log1p(exp(x)));
}

WEIGHTED(bce_weighted, true)
WEIGHTED(bce_logits_weighted, false)

#define LOSS_KERNELS_IN_PLACE "smooth_l1_grad", "huber_grad", "kl_div_log_grad"

#endif
