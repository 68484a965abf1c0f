/* Cases of kernels_test.c: the time steps of recurrent layers. */
#ifndef MT_KERNELS_CASES_RECURRENT_H
#define MT_KERNELS_CASES_RECURRENT_H

/* ROWS samples of a quarter of n units; where there are enough, a part of them
 * only, so that there is something between the rows that must stay. */
static size_t cell_hidden(const struct io *io)
{
    return io->n / 4;
}

static size_t cell_units(const struct io *io)
{
    size_t hidden = cell_hidden(io);

    return hidden > 20 ? hidden - 5 : hidden;
}

enum { CELL_STATES = 800 }; /* floats from one array of states to the next */

/* An odd variant has no state before. */
static const float *cell_before(const struct io *io)
{
    return io->variant % 2 ? NULL : io->b;
}

static struct mt_cell_step cell_step(struct io *io, size_t gates)
{
    size_t hidden = cell_hidden(io);

    io->used[0] = ROWS * hidden * gates;
    io->used[1] = io->used[2] = ROWS * hidden;
    return (struct mt_cell_step){
        .rows = ROWS,
        .units = cell_units(io),
        .hidden = hidden,
        .gates = io->out[0],
        .bias = io->variant / 2 ? io->a : NULL,
        .h0 = cell_before(io),
        .c0 = cell_before(io),
        .h = io->out[1],
        .c = io->out[2],
    };
}

/* From variant 2 on, the gradients take the place of the gates. */
static struct mt_cell_grad cell_grad(struct io *io, size_t gates)
{
    size_t hidden = cell_hidden(io);

    io->used[0] = ROWS * hidden * gates;
    io->used[1] = io->used[2] = ROWS * hidden;
    return (struct mt_cell_grad){
        .rows = ROWS,
        .units = cell_units(io),
        .hidden = hidden,
        .gates = io->variant / 2 ? io->out[0] : io->a,
        .h0 = cell_before(io),
        .c0 = cell_before(io),
        .c = io->b + CELL_STATES,
        .dy = io->b + 2 * CELL_STATES,
        .dgates = io->out[0],
        .dh = io->out[1],
        .dc = io->out[2],
    };
}

static void call_lstm_step(const struct mt_kernels *k, struct io *io)
{
    struct mt_cell_step s = cell_step(io, 4);

    k->lstm_step(&s);
}

static void call_lstm_grad(const struct mt_kernels *k, struct io *io)
{
    struct mt_cell_grad s = cell_grad(io, 4);

    k->lstm_grad(&s);
}

static void call_gru_step(const struct mt_kernels *k, struct io *io)
{
    struct mt_cell_step s = cell_step(io, 3);

    k->gru_step(&s);
}

static void call_gru_grad(const struct mt_kernels *k, struct io *io)
{
    struct mt_cell_grad s = cell_grad(io, 3);

    k->gru_grad(&s);
}

/* --- what is right ------------------------------------------------------ */

/* One unit of one sample: its numbers before the call. */
struct unit {
    const struct io *io;
    size_t row, j, hidden, at;
    double gate[4]; /* from out[0], or for gradients where they are kept */
    double before;  /* the state before */
    double c, dy, dh, dc; /* of gradients */
    double h_out, c_out;  /* what out[1] and out[2] were */
};

static double unit_at(const float *p, size_t at)
{
    return p ? (double)p[at] : 0;
}

static struct unit unit_of(const struct io *io, const float *before,
                           size_t gates, bool gradient, size_t row, size_t j)
{
    size_t hidden = cell_hidden(io), at = row * hidden + j;
    const float *kept = gradient && io->variant / 2 == 0 ? io->a : before;
    struct unit u = { io,
                      row,
                      j,
                      hidden,
                      at,
                      .before = unit_at(cell_before(io), at),
                      .c = unit_at(io->b + CELL_STATES, at),
                      .dy = unit_at(io->b + 2 * CELL_STATES, at),
                      .h_out = unit_at(before + ROOM, at),
                      .c_out = unit_at(before + 2 * ROOM, at) };

    u.dh = u.dy + u.h_out;
    u.dc = u.c_out;
    for (size_t q = 0; q < gates; q++)
        u.gate[q] = (double)kept[(row * gates + q) * hidden + j];
    return u;
}

/* Each want within a few units in the last place of the largest of its terms;
 * past the units of the part, what was there before. */
static void expect_unit(const char *what, const struct unit *u, size_t gates,
                        const float *before, const double *want, double size)
{
    const struct io *io = u->io;
    double tolerance = 1e-6 * at_least_1(size);
    bool within = u->j < cell_units(io);

    for (size_t q = 0; q < gates; q++) {
        size_t at = (u->row * gates + q) * u->hidden + u->j;

        expect(what, io->n, at, (double)io->out[0][at],
               within ? want[q] : (double)before[at], within ? tolerance : 0);
    }
    for (int o = 1; o <= 2; o++)
        expect(what, io->n, u->at, (double)io->out[o][u->at],
               within  ? want[3 + o]
               : o > 1 ? u->c_out
                       : u->h_out,
               within ? tolerance : 0);
}

/* Defines check_NAME over a function that fills want: the gates, then from 4
 * on out[1] and out[2]; it returns the size of the largest term. */
#define CELL_CHECK(NAME, GATES, GRADIENT)                                      \
    static void check_##NAME(const struct io *io, const float *before)         \
    {                                                                          \
        for (size_t i = 0; i < ROWS * cell_hidden(io); i++) {                  \
            struct unit u = unit_of(io, before, GATES, GRADIENT,               \
                                    i / cell_hidden(io), i % cell_hidden(io)); \
            double want[6] = { 0 }, size = want_##NAME(&u, want);              \
                                                                               \
            expect_unit(#NAME, &u, GATES, before, want, size);                 \
        }                                                                      \
    }

static double want_lstm_step(const struct unit *u, double *want)
{
    want[0] = sigmoid(u->gate[0]);
    want[1] = sigmoid(u->gate[1]);
    want[2] = tanh(u->gate[2]);
    want[3] = sigmoid(u->gate[3]);
    want[5] = want[1] * u->before + want[0] * want[2];
    want[4] = want[3] * tanh(want[5]);
    return u->before;
}
CELL_CHECK(lstm_step, 4, false)

/* The gates here are any numbers, not only those of a sigmoid. */
static double want_lstm_grad(const struct unit *u, double *want)
{
    const double *s = u->gate;
    double t = tanh(u->c), dc = u->dc + u->dh * s[3] * (1 - t * t);
    double size =
        (fabs(u->dc) + (fabs(u->dy) + fabs(u->h_out)) * at_least_1(s[3])) *
        at_least_1(u->before);

    want[0] = dc * s[2] * s[0] * (1 - s[0]);
    want[1] = dc * u->before * s[1] * (1 - s[1]);
    want[2] = dc * s[0] * (1 - s[2] * s[2]);
    want[3] = u->dh * t * s[3] * (1 - s[3]);
    want[4] = u->h_out; /* dh is only read */
    want[5] = dc * s[1];
    for (size_t q = 0; q < 4; q++)
        size *= 1 + fabs(s[q]);
    return size * (1 + fabs(s[2]));
}
CELL_CHECK(lstm_grad, 4, true)

static double want_gru_step(const struct unit *u, double *want)
{
    const float *bias = u->io->variant / 2 ? u->io->a : NULL;
    double r = u->gate[0] + unit_at(bias, u->j);
    double z = u->gate[1] + unit_at(bias, u->hidden + u->j);

    want[5] = u->c_out + unit_at(bias, 2 * u->hidden + u->j);
    want[0] = sigmoid(r);
    want[1] = sigmoid(z);
    want[2] = tanh(u->gate[2] + want[0] * want[5]);
    want[4] = (1 - want[1]) * want[2] + want[1] * u->before;
    return fabs(u->before) + fabs(u->gate[2]) + fabs(want[5]);
}
CELL_CHECK(gru_step, 3, false)

static double want_gru_grad(const struct unit *u, double *want)
{
    const double *s = u->gate;
    double dn = u->dh * (1 - s[1]) * (1 - s[2] * s[2]);
    double size = (fabs(u->dy) + fabs(u->h_out)) *
                  (1 + fabs(u->before) + fabs(s[2])) * at_least_1(u->c);

    want[0] = dn * u->c * s[0] * (1 - s[0]);
    want[1] = u->dh * (u->before - s[2]) * s[1] * (1 - s[1]);
    want[2] = dn;
    want[4] = u->dh * s[1];
    want[5] = dn * s[0];
    for (size_t q = 0; q < 3; q++)
        size *= 1 + fabs(s[q]) * (1 + fabs(s[q]));
    return size;
}
CELL_CHECK(gru_grad, 3, true)

#endif
