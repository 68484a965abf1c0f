/* For dispatch_test.c: softmax along rows of attention's scores, as many of n
 * and more columns as there is room for. */
#ifndef MT_KERNELS_CASES_ATTENTION_H
#define MT_KERNELS_CASES_ATTENTION_H

/* Odd variants are causal; in the last two there is a gap after each row. */
static struct mt_score_rows score_rows(const struct io *io, float *max,
                                       float *sum)
{
    struct mt_score_rows s = { .n = io->n,
                               .step = (size_t)io->variant % 2,
                               .width = (io->n + 30) / 16 * 16,
                               .scale = 0.35f,
                               .max = max,
                               .sum = sum };

    s.ld = s.width + (size_t)io->variant / 2 * 16;
    s.rows = ROOM / s.ld < 16 ? ROOM / s.ld : 16;
    return s;
}

static void call_attention_softmax(const struct mt_kernels *k, struct io *io)
{
    struct mt_score_rows s = score_rows(io, io->out[1], io->out[2]);

    if (io->n == 0)
        return;
    io->used[0] = s.rows * s.ld;
    io->used[1] = io->used[2] = s.rows;
    memcpy(io->out[0], io->a, io->used[0] * sizeof(float));
    k->attention_softmax(io->out[0], &s);
}

static double score_at(const struct io *io, size_t i)
{
    return (double)(io->a[i] * 0.35f);
}

/* Row r's probabilities in double, and 0 after them. */
static void probabilities(const struct io *io, const struct mt_score_rows *s,
                          size_t r, double *p)
{
    size_t n = s->n + r * s->step, at = r * s->ld;
    double max = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++)
        max = fmax(max, score_at(io, at + i));
    for (size_t i = 0; i < n; i++)
        sum += exp(score_at(io, at + i) - max);
    for (size_t i = 0; i < s->width; i++)
        p[i] = i < n ? exp(score_at(io, at + i) - max) / sum : 0;
}

/* Each row of out[0]; between rows nothing has changed. */
static void check_probabilities(const char *name, const struct io *io,
                                const struct mt_score_rows *s)
{
    for (size_t r = 0; io->n && r < s->rows; r++) {
        double p[MAX_N];

        probabilities(io, s, r, p);
        for (size_t i = 0; i < s->ld; i++) {
            size_t at = r * s->ld + i;

            expect(name, io->n, at, (double)io->out[0][at],
                   i < s->width ? p[i] : (double)io->a[at],
                   i < s->n + r * s->step ? 1e-6 : 0);
        }
    }
}

static void check_attention_softmax(const struct io *io, const float *before)
{
    struct mt_score_rows s = score_rows(io, NULL, NULL);

    (void)before;
    check_probabilities("attention_softmax", io, &s);
}

static void call_attention_softmax_grad(const struct mt_kernels *k,
                                        struct io *io)
{
    struct mt_score_rows s = score_rows(io, io->out[2], io->out[3]);
    static float p[ROOM];

    if (io->n == 0)
        return;
    io->used[0] = io->used[1] = s.rows * s.ld;
    io->used[2] = io->used[3] = s.rows;
    memcpy(p, io->a, io->used[0] * sizeof *p);
    k->attention_softmax(p, &s);
    memcpy(io->out[0], io->a, io->used[0] * sizeof *p);
    memcpy(io->out[1], io->b, io->used[1] * sizeof *p);
    k->attention_softmax_grad(io->out[0], io->out[1], &s);
}

static void check_attention_softmax_grad(const struct io *io,
                                         const float *before)
{
    const char *name = "attention_softmax_grad";
    struct mt_score_rows s = score_rows(io, NULL, NULL);

    (void)before;
    check_probabilities(name, io, &s);
    for (size_t r = 0; io->n && r < s.rows; r++) {
        const float *g = io->b + r * s.ld, *got = io->out[1] + r * s.ld;
        double p[MAX_N], sum = 0;

        probabilities(io, &s, r, p);
        for (size_t i = 0; i < s.width; i++)
            sum += p[i] * (double)g[i];
        for (size_t i = 0; i < s.ld; i++)
            expect(name, io->n, r * s.ld + i, (double)got[i],
                   i < s.width ? (double)s.scale * p[i] * ((double)g[i] - sum)
                               : (double)g[i],
                   i < s.n + r * s.step ? 2e-5 : 0);
    }
}

#endif
