/*
 * Every kernel of kernels.h: the same bits from every instruction set, nothing
 * written past the end, and the right numbers. The rows of this table are
 * made from that of kernels.h, so a kernel without a call_NAME and a
 * check_NAME here does not compile.
 */
#include "kernels/dispatch.h"

#include <check.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 3, /* of kernels that work along rows */
    MAX_N = 1040,
    ROOM = ROWS * MAX_N, /* floats of an array */
    FENCE = 32,          /* guard values on either side */
    OUTPUTS = 5,
    VARIANTS = 4,
};

/* One call: what goes in, what comes out. */
struct io {
    size_t n;
    int variant;
    const float *a, *b;
    float *out[OUTPUTS];
    size_t used[OUTPUTS]; /* set by the call: how many values are outputs */
    double result;
};

/* Parameters of activations: slope, alpha, beta or lower bound; threshold or
 * upper bound. */
static const float params[3] = { 0.7f, 3, 0.1f };

/* --- data --------------------------------------------------------------- */

enum kind { TAME, WILD, SPECIAL, KINDS };

static uint32_t word_at(uint64_t i)
{
    return mt_philox_word(mt_philox_key(11, "test", "kernels"), 0, i);
}

/* Mostly numbers of common size; and zeros, huge, tiny, subnormal ones. */
static float wild(uint32_t w)
{
    static const float rare[] = { 0,      -0.0f,   1,         -1,
                                  3e38f,  -3e38f,  1e-38f,    -1e-38f,
                                  1e-44f, -1e-44f, 0x1p-149f, -0x1p-126f,
                                  88.7f,  -87.3f,  -103.9f,   1e10f };
    float u = (float)(w >> 8) * 0x1p-24f - 0.5f;

    switch (w % 8) {
    case 0:
        return rare[w / 8 % 16];
    case 1:
        return ldexpf(u, (int)(w / 8 % 250) - 125);
    case 2:
        return u * 100;
    default:
        return u * 10;
    }
}

static float value_at(enum kind kind, uint64_t i)
{
    uint32_t w = word_at(i);

    if (kind == TAME)
        return (float)(w >> 8) * 0x1p-24f * 8 - 4;
    if (kind == SPECIAL && w % 37 == 0)
        return w % 2 ? NAN : w % 4 ? INFINITY : -INFINITY;
    return wild(w);
}

static float inputs[KINDS][3][ROOM + 1];

static void make_inputs(void)
{
    for (int kind = 0; kind < KINDS; kind++) {
        for (int k = 0; k < 3; k++) {
            for (size_t i = 0; i < ROOM + 1; i++)
                inputs[kind][k][i] =
                    value_at((enum kind)kind, (uint64_t)k * (ROOM + 1) + i);
        }
    }
}

static bool same_float(float x, float y)
{
    return memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y));
}

static bool same_double(double x, double y)
{
    return memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y));
}

/* --- comparing with a reference ----------------------------------------- */

static void expect(const char *what, size_t n, size_t i, double got,
                   double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        ck_abort_msg("%s, n = %zu, at %zu: got %.9g, want %.9g", what, n, i,
                     got, want);
}

static double at_least_1(double x)
{
    return fabs(x) > 1 ? fabs(x) : 1;
}

/* Defines check_NAME: out[0][i] is EXPR, within TOL relative to the larger of
 * 1 and its size; a and b are the inputs, y what out[0] was before. */
#define EACH(NAME, TOL, EXPR)                                                  \
    static void check_##NAME(const struct io *io, const float *before)         \
    {                                                                          \
        for (size_t i = 0; i < io->n; i++) {                                   \
            double a = (double)io->a[i], b = (double)io->b[i];                 \
            double y = (double)before[i], want = (EXPR);                       \
                                                                               \
            (void)a;                                                           \
            (void)b;                                                           \
            (void)y;                                                           \
            expect(#NAME, io->n, i, (double)io->out[0][i], want,               \
                   (TOL)*at_least_1(want));                                    \
        }                                                                      \
    }

#define CALL(NAME, USED, ...)                                                  \
    static void call_##NAME(const struct mt_kernels *k, struct io *io)         \
    {                                                                          \
        io->used[0] = (USED);                                                  \
        k->NAME(io->out[0], __VA_ARGS__);                                      \
    }

#define UNARY(NAME, TOL, EXPR)                                                 \
    CALL(NAME, io->n, io->a, io->n, params)                                    \
    EACH(NAME, TOL, EXPR)

/* g is a, what was saved is b */
#define GRADIENT(NAME, TOL, EXPR)                                              \
    CALL(NAME, io->n, io->a, io->b, io->n, params)                             \
    EACH(NAME, TOL, a *(EXPR))

/* --- elementwise -------------------------------------------------------- */

#define P0 ((double)params[0])
#define P1 ((double)params[1])

CALL(add, io->n, io->a, io->b, io->n)
EACH(add, 6e-8, a + b)
CALL(add_grad, io->n, io->a, io->b, io->n)
EACH(add_grad, 6e-8, a + b)
CALL(mul, io->n, io->a, io->b, io->n)
EACH(mul, 6e-8, a *b)
CALL(scale, io->n, io->a, io->n, params[0])
EACH(scale, 6e-8, P0 *a)
CALL(shift, io->n, io->a, io->n, params[0])
EACH(shift, 6e-8, a + P0)
CALL(add_scaled, io->n, io->a, io->n, params[0])
EACH(add_scaled, 6e-8, y + P0 * a)
CALL(lerp, io->n, io->a, io->n, params[0])
EACH(lerp, 2e-7, y + P0 * (a - y))
CALL(clamp, io->n, io->a, io->n, -1.5f, 2.5f)
EACH(clamp, 0, a<-1.5 ? -1.5 : a> 2.5 ? 2.5 : a)

static void call_log(const struct mt_kernels *k, struct io *io)
{
    static float positive[ROOM];

    for (size_t i = 0; i < io->n; i++)
        positive[i] = fabsf(io->a[i]);
    io->used[0] = io->n;
    k->log(io->out[0], positive, io->n, NULL);
}
EACH(log, 1e-7, log(fabs(a)))
UNARY(exp, 1e-7, exp(a))
UNARY(erf, 1e-7, erf(a))

/* --- activations -------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double slope_of_sigmoid(double x)
{
    return sigmoid(x) * sigmoid(-x);
}

static double normal_cdf(double x)
{
    return erfc(-x * M_SQRT1_2) / 2;
}

static double gelu_inner(double x)
{
    return sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
}

static double gelu_tanh_slope(double x)
{
    double t = tanh(gelu_inner(x));
    double du = sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);

    return (1 + t) / 2 + x * (1 - t * t) * du / 2;
}

static double mish_slope(double x)
{
    double t = tanh(log1p(exp(x)));

    return t + x * (1 - t * t) * sigmoid(x);
}

static double hardswish_slope(double x)
{
    return x < -3 ? 0 : x > 3 ? 1 : x / 3 + 0.5;
}

#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.6732632423543772848170429916717

UNARY(relu, 0, a > 0 ? a : 0)
UNARY(leaky_relu, 6e-8, a > 0 ? a : P0 * a)
UNARY(elu, 2e-7, a > 0 ? a : P0 * expm1(a))
UNARY(selu, 2e-7, SELU_SCALE *(a > 0 ? a : SELU_ALPHA * expm1(a)))
UNARY(gelu, 2e-7, a *normal_cdf(a))
UNARY(gelu_tanh, 2e-7, a *(1 + tanh(gelu_inner(a))) / 2)
UNARY(silu, 2e-7, a *sigmoid(a))
UNARY(mish, 2e-7, a *tanh(log1p(exp(a))))
UNARY(tanh, 1e-7, tanh(a))
UNARY(sigmoid, 2e-7, sigmoid(a))
UNARY(softplus, 2e-7, P0 *a > P1 ? a : log1p(exp(P0 * a)) / P0)
UNARY(hardswish, 2e-7, a *fmin(fmax(a + 3, 0), 6) / 6)
UNARY(hardtanh, 0, fmin(fmax(a, P0), P1))

GRADIENT(relu_grad, 0, b > 0)
GRADIENT(leaky_relu_grad, 6e-8, b > 0 ? 1 : P0)
GRADIENT(elu_grad, 4e-7, b > 0 ? 1 : P0 * exp(b))
GRADIENT(selu_grad, 4e-7, SELU_SCALE *(b > 0 ? 1 : SELU_ALPHA * exp(b)))
GRADIENT(gelu_grad, 1e-6, normal_cdf(b) + b * exp(-b * b / 2) / sqrt(2 * M_PI))
GRADIENT(gelu_tanh_grad, 2e-6, gelu_tanh_slope(b))
GRADIENT(silu_grad, 1e-6, sigmoid(b) + b * slope_of_sigmoid(b))
GRADIENT(mish_grad, 2e-6, mish_slope(b))
GRADIENT(tanh_grad, 4e-7, 1 - b * b)
GRADIENT(sigmoid_grad, 4e-7, b *(1 - b))
GRADIENT(softplus_grad, 4e-7, P0 *b > P1 ? 1 : sigmoid(P0 * b))
GRADIENT(hardswish_grad, 4e-7, hardswish_slope(b))
GRADIENT(hardtanh_grad, 0, b > P0 && b < P1)

CALL(prelu, io->n, io->a, io->b, io->n)
EACH(prelu, 6e-8, a > 0 ? a : a *b)
CALL(prelu_grad, io->n, io->a, io->b, inputs[TAME][2], io->n)
EACH(prelu_grad, 6e-8, b > 0 ? a : a *(double)inputs[TAME][2][i])

static void call_prelu_sum(const struct mt_kernels *k, struct io *io)
{
    io->result = k->prelu_sum(io->a, io->b, io->n);
}

static void check_prelu_sum(const struct io *io, const float *before)
{
    double sum = 0, size = 0;

    (void)before;
    for (size_t i = 0; i < io->n; i++) {
        sum += io->b[i] > 0 ? 0 : (double)io->a[i] * (double)io->b[i];
        size += fabs((double)io->a[i] * (double)io->b[i]);
    }
    expect("prelu_sum", io->n, 0, io->result, sum, 1e-6 * size);
}

/* up to 150 rows of up to 100 columns, with other values between */
static size_t prelu_rows(const struct io *io, size_t *n)
{
    size_t rows;

    *n = io->n < 100 ? io->n : 100;
    rows = ROOM / (*n + 4);
    return io->variant == 3 ? 0 : rows < 150 ? rows : 150;
}

static void call_prelu_column_sum(const struct mt_kernels *k, struct io *io)
{
    size_t n, rows = prelu_rows(io, &n);

    io->used[0] = n;
    k->prelu_column_sum(io->out[0], io->a, io->b, rows, n,
                        n + (size_t)io->variant);
}

static void check_prelu_column_sum(const struct io *io, const float *before)
{
    size_t n, rows = prelu_rows(io, &n), ld = n + (size_t)io->variant;

    (void)before;
    for (size_t j = 0; j < n; j++) {
        double want = 0;

        for (size_t i = 0; i < rows; i++) {
            double g = (double)io->a[i * ld + j], x = (double)io->b[i * ld + j];

            want += x > 0 ? 0 : g * x;
        }
        expect("prelu_column_sum", n, j, (double)io->out[0][j], want,
               2e-4 * at_least_1(want));
    }
}

/* --- rows --------------------------------------------------------------- */

static double row_max(const float *x, size_t n)
{
    double max = -INFINITY;

    for (size_t i = 0; i < n; i++)
        max = fmax(max, (double)x[i]);
    return max;
}

static double row_sum_exp(const float *x, size_t n)
{
    double sum = 0, max = row_max(x, n);

    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - max);
    return sum;
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (y ? (double)y[i] : 1);
    return sum;
}

static double absolute_dot(const float *x, const float *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += fabs((double)x[i] * (y ? (double)y[i] : 1));
    return sum;
}

/* Defines check_NAME for ROWS rows; x, g, s are the rows of a, a and b. */
#define EACH_ROW(NAME, SETUP, TOL, EXPR)                                       \
    static void check_##NAME(const struct io *io, const float *before)         \
    {                                                                          \
        size_t n = io->n;                                                      \
                                                                               \
        (void)before;                                                          \
        for (size_t r = 0; r < ROWS; r++) {                                    \
            const float *a = io->a + r * n, *b = io->b + r * n;                \
            double row = SETUP;                                                \
                                                                               \
            (void)b;                                                           \
            for (size_t i = 0; i < n; i++)                                     \
                expect(#NAME, n, r *n + i, (double)io->out[0][r * n + i],      \
                       EXPR, TOL);                                             \
        }                                                                      \
    }

CALL(softmax, ROWS * io->n, io->a, ROWS, io->n)
EACH_ROW(softmax, row_sum_exp(a, n), 1e-6,
         exp((double)a[i] - row_max(a, n)) / row)
CALL(log_softmax, ROWS * io->n, io->a, ROWS, io->n)
EACH_ROW(log_softmax, log(row_sum_exp(a, n)) + row_max(a, n), 4e-6,
         (double)a[i] - row)
CALL(softmax_grad, ROWS * io->n, io->a, io->b, ROWS, io->n)
EACH_ROW(softmax_grad, dot(a, b, n), 1e-6 * (1 + absolute_dot(a, b, n)) * 4,
         (double)b[i] * ((double)a[i] - row))
CALL(log_softmax_grad, ROWS * io->n, io->a, io->b, ROWS, io->n)
EACH_ROW(log_softmax_grad, dot(a, NULL, n),
         6e-5 * (1 + absolute_dot(a, NULL, n)),
         (double)a[i] - exp((double)b[i]) * row)

static void call_copy_even(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = io->n;
    k->copy_even(io->out[0], io->a, io->n);
}

static void check_copy_even(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n; i++)
        ck_assert(memcmp(&io->out[0][i], &io->a[2 * i], sizeof(float)) == 0);
}

static void call_copy_to_even(const struct mt_kernels *k, struct io *io)
{
    size_t n = io->n < 100 ? io->n : 100;

    io->used[0] = 2 * n + 2;
    k->copy_to_even(io->out[0] + 1, io->a, n);
}

static void check_copy_to_even(const struct io *io, const float *before)
{
    for (size_t i = 0; i < io->used[0]; i++) {
        bool written = i % 2 && i / 2 < (io->used[0] - 2) / 2;

        ck_assert(memcmp(&io->out[0][i], written ? &io->a[i / 2] : &before[i],
                         sizeof(float)) == 0);
    }
}

static void call_copy_rows(const struct mt_kernels *k, struct io *io)
{
    size_t n = io->n < 100 ? io->n : 100, x_row = n + (size_t)io->variant;

    io->used[0] = 7 * (n + 2);
    k->copy_rows(io->out[0], n + 2, io->a, x_row, 7, n);
}

static void check_copy_rows(const struct io *io, const float *before)
{
    size_t n = io->n < 100 ? io->n : 100, x_row = n + (size_t)io->variant;

    for (size_t i = 0; i < io->used[0]; i++) {
        size_t r = i / (n + 2), j = i % (n + 2);

        ck_assert(memcmp(&io->out[0][i],
                         j < n ? &io->a[r * x_row + j] : &before[i],
                         sizeof(float)) == 0);
    }
}

static void call_column_sum(const struct mt_kernels *k, struct io *io)
{
    /* 2, 14 or more rows of up to 100 columns with other values between */
    size_t n = io->n < 100 ? io->n : 100, ldx = n + (size_t)io->variant;
    size_t rows = n ? ROOM / (ldx + 1) : 4;

    rows = io->variant == 3 ? 0 : rows < 150 ? rows : 150;
    io->used[0] = n;
    k->column_sum(io->out[0], io->a, rows, n, ldx, io->variant % 2);
}

static void check_column_sum(const struct io *io, const float *before)
{
    size_t n = io->used[0], ldx = n + (size_t)io->variant;
    size_t rows = n ? ROOM / (ldx + 1) : 4;

    rows = io->variant == 3 ? 0 : rows < 150 ? rows : 150;
    for (size_t j = 0; j < n; j++) {
        double want = io->variant % 2 ? (double)before[j] : 0;

        for (size_t i = 0; i < rows; i++)
            want += (double)io->a[i * ldx + j];
        expect("column_sum", n, j, (double)io->out[0][j], want,
               2e-4 * at_least_1(want));
    }
}

static void call_row_dots(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = ROWS;
    k->row_dots(io->out[0], io->a, io->b, ROWS, io->n);
}

static void check_row_dots(const struct io *io, const float *before)
{
    (void)before;
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0, size = 0;

        for (size_t i = 0; i < io->n; i++) {
            double d = (double)io->a[r * io->n + i] * (double)io->b[i];

            sum += d;
            size += fabs(d);
        }
        expect("row_dots", io->n, r, (double)io->out[0][r], sum, 1e-6 * size);
    }
}

static void call_softmax_stats(const struct mt_kernels *k, struct io *io)
{
    io->used[0] = io->used[1] = ROWS;
    k->softmax_stats(io->out[0], io->out[1], io->a, ROWS, io->n);
}

static void check_softmax_stats(const struct io *io, const float *before)
{
    (void)before;
    for (size_t r = 0; r < ROWS; r++) {
        const float *x = io->a + r * io->n;
        double sum = row_sum_exp(x, io->n);

        ck_assert((double)io->out[0][r] == row_max(x, io->n));
        expect("softmax_stats", io->n, r, (double)io->out[1][r], sum,
               1e-6 * sum);
    }
}

CALL(softmax_minus, io->n, io->a, io->n, 3.5f, 7, 0.3f, 0.01f)
EACH(softmax_minus, 1e-7, (double)0.3f * (exp(a - 3.5) / 7 - (double)0.01f))

/* --- reductions and losses ---------------------------------------------- */

#define REDUCE(NAME, ...)                                                      \
    static void call_##NAME(const struct mt_kernels *k, struct io *io)         \
    {                                                                          \
        io->result = (double)k->NAME(io->a, __VA_ARGS__);                      \
    }

/* Defines check_NAME: the result is the sum of TERM over a, b. */
#define SUM_OF(NAME, TERM)                                                     \
    static void check_##NAME(const struct io *io, const float *before)         \
    {                                                                          \
        double want = 0, size = 0;                                             \
                                                                               \
        (void)before;                                                          \
        for (size_t i = 0; i < io->n; i++) {                                   \
            double a = (double)io->a[i], b = (double)io->b[i], term = (TERM);  \
                                                                               \
            (void)b;                                                           \
            (void)a;                                                           \
            want += term;                                                      \
            size += fabs(term);                                                \
        }                                                                      \
        expect(#NAME, io->n, 0, io->result, want, 5e-7 * size);                \
    }

REDUCE(sum, io->n)
SUM_OF(sum, a)
REDUCE(sum_squares, io->n)
SUM_OF(sum_squares, a *a)
REDUCE(all_finite, io->n)

static void check_all_finite(const struct io *io, const float *before)
{
    (void)before;
    ck_assert(io->result == 1);
}

static double bce(double x, double t)
{
    return fmax(x, 0) - x * t + log1p(exp(-fabs(x)));
}

static double sign(double x)
{
    return (x > 0) - (x < 0);
}

#define LOSS_SCALE 0.25f

REDUCE(mse, io->b, io->n, NULL)
SUM_OF(mse, (a - b) * (a - b))
REDUCE(l1, io->b, io->n, NULL)
SUM_OF(l1, fabs(a - b))
REDUCE(bce_logits, io->b, io->n, NULL)
SUM_OF(bce_logits, bce(a, b))
CALL(mse_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, NULL)
EACH(mse_grad, 2e-7, 0.25 * 2 * (a - b))
CALL(l1_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, NULL)
EACH(l1_grad, 0, 0.25 * sign(a - b))
CALL(bce_logits_grad, io->n, io->a, io->b, io->n, LOSS_SCALE, NULL)
EACH(bce_logits_grad, 2e-7, 0.25 * (sigmoid(a) - b))

/* --- dropout ------------------------------------------------------------ */

static const struct mt_philox_key dropout_key = { 0x12345678, 0x9abcdef0,
                                                  0xfedcba98 };

static size_t dropout_first(const struct io *io)
{
    const size_t first[VARIANTS] = { 0, 64, (size_t)1 << 34, 6400 };

    return first[io->variant];
}

static uint32_t dropout_threshold(const struct io *io)
{
    const uint32_t threshold[VARIANTS] = { 0, 0x80000000u, 0x66666666u,
                                           0xffffffffu };

    return threshold[io->variant];
}

CALL(dropout, io->n, io->a, io->n, dropout_first(io), dropout_key, 77,
     dropout_threshold(io), 1.25f)

static void check_dropout(const struct io *io, const float *before)
{
    (void)before;
    for (size_t i = 0; i < io->n; i++) {
        uint64_t e = dropout_first(io) + i;
        uint32_t block[4];

        mt_philox_block(dropout_key, 77, e / 64 * 16 + e % 16, block);
        expect("dropout", io->n, i, (double)io->out[0][i],
               block[e / 16 % 4] < dropout_threshold(io)
                   ? 0
                   : (double)(io->a[i] * 1.25f),
               0);
    }
}

/* --- optimizers: outputs 0 ... are p and the slots, a is g --------------- */

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

static struct mt_sgd_step sgd_step(int variant)
{
    return (struct mt_sgd_step){ .lr = 0.1f,
                                 .momentum = variant ? 0.9f : 0,
                                 .one_minus_dampening = variant == 1 ? 0.8f : 1,
                                 .weight_decay = variant == 2 ? 0 : 0.01f,
                                 .sign = variant == 3 ? -1 : 1,
                                 .nesterov = variant == 2,
                                 .first = variant == 3 };
}

static void call_sgd(const struct mt_kernels *k, struct io *io)
{
    struct mt_sgd_step s = sgd_step(io->variant);

    io->used[0] = padded(io->n);
    io->used[1] = io->variant ? padded(io->n) : 0;
    io->result =
        k->sgd(io->out[0], io->a, io->variant ? io->out[1] : NULL, io->n, &s);
}

static void check_sgd(const struct io *io, const float *before)
{
    struct mt_sgd_step s = sgd_step(io->variant);

    ck_assert(io->result == 1);
    for (size_t i = 0; i < io->n; i++) {
        double p = (double)before[i], d = (double)s.sign * (double)io->a[i];
        double buf = (double)before[ROOM + i];

        d += (double)s.weight_decay * p;
        buf = s.first ? d
                      : (double)s.momentum * buf +
                            (double)s.one_minus_dampening * d;
        if (io->variant) {
            expect("sgd buffer", io->n, i, (double)io->out[1][i], buf, 1e-6);
            d = s.nesterov ? d + (double)s.momentum * buf : buf;
        }
        expect("sgd", io->n, i, (double)io->out[0][i], p - (double)s.lr * d,
               1e-6);
    }
}

static struct mt_adam_step adam_step(int variant)
{
    return (struct mt_adam_step){ .beta1 = 0.9f,
                                  .beta2 = 0.99f,
                                  .eps = 1e-4f,
                                  .one_minus_beta1 = 0.1f,
                                  .one_minus_beta2 = 0.01f,
                                  .step_size = 0.05f,
                                  .inv_bc2_sqrt = 1.5f,
                                  .l2 = variant == 1 ? 0.01f : 0,
                                  .decay = variant == 2 ? 0.999f : 1,
                                  .sign = variant == 3 ? -1 : 1,
                                  .amsgrad = variant >= 2 };
}

/* Second moments are not negative. */
static void call_adam(const struct mt_kernels *k, struct io *io)
{
    struct mt_adam_step s = adam_step(io->variant);

    for (int o = 0; o < 4; o++)
        io->used[o] = o < 3 || s.amsgrad ? padded(io->n) : 0;
    for (size_t i = 0; i < padded(io->n); i++) {
        io->out[2][i] = fabsf(io->out[2][i]);
        if (s.amsgrad)
            io->out[3][i] = fabsf(io->out[3][i]);
    }
    io->result = k->adam(io->out[0], io->a, io->out[1], io->out[2],
                         s.amsgrad ? io->out[3] : NULL, io->n, &s);
}

static void check_adam(const struct io *io, const float *before)
{
    struct mt_adam_step s = adam_step(io->variant);

    ck_assert(io->result == 1);
    for (size_t i = 0; i < io->n; i++) {
        double p = (double)before[i];
        double d = (double)s.sign * (double)io->a[i] + (double)s.l2 * p;
        double m = 0.9 * (double)before[ROOM + i] + 0.1 * d;
        double v = 0.99 * fabs((double)before[2 * ROOM + i]) + 0.01 * d * d;
        double top = v;

        expect("adam m", io->n, i, (double)io->out[1][i], m, 2e-6);
        expect("adam v", io->n, i, (double)io->out[2][i], v, 2e-6);
        if (s.amsgrad) {
            top = fmax(v, fabs((double)before[3 * ROOM + i]));
            expect("adam max", io->n, i, (double)io->out[3][i], top, 2e-6);
        }
        p = p * (double)s.decay - 0.05 * m / (sqrt(top) * 1.5 + 1e-4);
        expect("adam", io->n, i, (double)io->out[0][i], p,
               3e-6 * at_least_1(p));
    }
}

/* The formulas of the others are held by optim/rules_test.c; here, that every
 * table gives the same, writes whole vectors and reports what is not finite. */
static void start_optimizer(struct io *io, int slots)
{
    for (int o = 0; o < slots + 1; o++)
        io->used[o] = padded(io->n);
    for (size_t i = 0; i < padded(io->n); i++)
        for (int o = 1; o < slots + 1; o++)
            io->out[o][i] = fabsf(io->out[o][i]);
}

static void check_result(const struct io *io, const float *before)
{
    (void)before;
    ck_assert(io->result == 1);
}

static void call_rmsprop(const struct mt_kernels *k, struct io *io)
{
    struct mt_rmsprop_step s = { .1f, .9f, .1f, 1e-4f, .01f, .8f, 1 };
    bool centered = io->variant & 1, momentum = io->variant & 2;

    start_optimizer(io, 1);
    io->used[2] = centered ? padded(io->n) : 0;
    io->used[3] = momentum ? padded(io->n) : 0;
    io->result = k->rmsprop(io->out[0], io->a, io->out[1],
                            centered ? io->out[2] : NULL,
                            momentum ? io->out[3] : NULL, io->n, &s);
}

static void call_adagrad(const struct mt_kernels *k, struct io *io)
{
    struct mt_adagrad_step s = { .1f, io->variant ? 1e-4f : 0, .01f, -1 };

    start_optimizer(io, 1);
    io->result = k->adagrad(io->out[0], io->a, io->out[1], io->n, &s);
}

static void call_adadelta(const struct mt_kernels *k, struct io *io)
{
    struct mt_adadelta_step s = { 1, .9f, .1f, io->variant ? 1e-4f : 0, .01f,
                                  1 };

    start_optimizer(io, 2);
    io->result = k->adadelta(io->out[0], io->a, io->out[1], io->out[2], io->n,
                             &s);
}

static void call_adamax(const struct mt_kernels *k, struct io *io)
{
    struct mt_adamax_step s = { .9f, .1f, .99f, io->variant ? 1e-4f : 0, .1f,
                                .01f, 1 };

    start_optimizer(io, 2);
    io->result = k->adamax(io->out[0], io->a, io->out[1], io->out[2], io->n,
                           &s);
}

static void call_radam(const struct mt_kernels *k, struct io *io)
{
    struct mt_radam_step s = { .9f, .1f, .99f, .01f, 1e-4f, .1f, .01f, .999f,
                               1, .rectified = io->variant & 1 };

    start_optimizer(io, 2);
    io->result = k->radam(io->out[0], io->a, io->out[1], io->out[2], io->n,
                          &s);
}

static void call_nadam(const struct mt_kernels *k, struct io *io)
{
    struct mt_nadam_step s = { .9f, .1f, .99f, .01f, io->variant ? 1e-4f : 0,
                               1.5f, .02f, .08f, .01f, .999f, 1 };

    start_optimizer(io, 2);
    io->result = k->nadam(io->out[0], io->a, io->out[1], io->out[2], io->n,
                          &s);
}

#define check_rmsprop  check_result
#define check_adagrad  check_result
#define check_adadelta check_result
#define check_adamax   check_result
#define check_radam    check_result
#define check_nadam    check_result

/* --- GEMM: tables differ in their tiles, so what is compared is what the
 * packed layouts of gemm.h describe ------------------------------------- */

struct sizes {
    size_t m, n, k;
};

static struct sizes gemm_sizes(const struct io *io)
{
    return (struct sizes){ io->n % 31, 1 + io->n % 50, io->n % 47 };
}

/* Strides of A (m, k) and B (k, n), by the variant. */
static void gemm_strides(const struct io *io, struct sizes s, size_t a[2],
                         size_t b[2])
{
    const size_t strides[VARIANTS][4] = {
        { s.k, 1, s.n, 1 },
        { 1, s.m, 1, s.k },
        { s.k + 3, 1, 1, s.k + 2 },
        { 3, 3 * s.m + 1, 2 * s.n + 5, 2 },
    };

    a[0] = strides[io->variant][0];
    a[1] = strides[io->variant][1];
    b[0] = strides[io->variant][2];
    b[1] = strides[io->variant][3];
}

/* out (k, n rounded up to 16) = B as the panels hold it, zeros past n */
static void call_gemm_pack_b(const struct mt_kernels *k, struct io *io)
{
    struct sizes s = gemm_sizes(io);
    size_t all = padded(s.n), a[2], b[2];

    gemm_strides(io, s, a, b);
    io->used[0] = s.k * all;
    for (size_t j = 0; j < s.n; j += k->gemm_nr) {
        size_t n = s.n - j < k->gemm_nr ? s.n - j : k->gemm_nr;
        size_t width = padded(n);

        for (size_t i = 0; i < s.k * width + FENCE; i++)
            io->out[1][i] = -77;
        k->gemm_pack_b(io->a + j * b[1], b[0], b[1], s.k, n, io->out[1]);
        for (size_t i = 0; i < FENCE; i++)
            ck_assert(io->out[1][s.k * width + i] == -77);
        for (size_t i = 0; i < s.k * width; i++)
            io->out[0][i / width * all + j + i % width] = io->out[1][i];
    }
    for (size_t i = 0; i < s.k * all + 2 * FENCE; i++)
        io->out[1][i] = 0;
    io->used[1] = s.k * all + 2 * FENCE;
}

static void check_gemm_pack_b(const struct io *io, const float *before)
{
    struct sizes s = gemm_sizes(io);
    size_t a[2], b[2], all = padded(s.n);

    (void)before;
    gemm_strides(io, s, a, b);
    for (size_t i = 0; i < s.k * all; i++) {
        size_t p = i / all, j = i % all;

        expect("gemm_pack_b", io->n, i, (double)io->out[0][i],
               j < s.n ? (double)io->a[p * b[0] + j * b[1]] : 0, 0);
    }
}

/* out (k, m) = A as slivers of one tile's rows hold it */
static void call_gemm_pack_a(const struct mt_kernels *k, struct io *io)
{
    struct sizes s = gemm_sizes(io);
    size_t mr = k->gemm_mr, step = io->variant % 2 ? 16 : mr, a[2], b[2];

    gemm_strides(io, s, a, b);
    io->used[0] = s.k * s.m;
    for (size_t i = 0; s.k > 0 && i < s.m; i += mr) {
        size_t m = s.m - i < mr ? s.m - i : mr;
        size_t end = (s.k - 1) * step + m + 16;

        for (size_t j = 0; j < end + FENCE; j++)
            io->out[1][j] = -77;
        k->gemm_pack_a(io->a + i * a[0], a[0], a[1], m, s.k, step, io->out[1]);
        for (size_t j = 0; j < FENCE; j++)
            ck_assert(io->out[1][end + j] == -77);
        for (size_t j = 0; j < s.k * m; j++)
            io->out[0][j / m * s.m + i + j % m] =
                io->out[1][j / m * step + j % m];
    }
    for (size_t i = 0; i < s.k * 16 + 2 * FENCE; i++)
        io->out[1][i] = 0;
    io->used[1] = s.k * 16 + 2 * FENCE;
}

static void check_gemm_pack_a(const struct io *io, const float *before)
{
    struct sizes s = gemm_sizes(io);
    size_t a[2], b[2];

    (void)before;
    gemm_strides(io, s, a, b);
    for (size_t i = 0; i < s.k * s.m; i++)
        expect("gemm_pack_a", io->n, i, (double)io->out[0][i],
               (double)io->a[i % s.m * a[0] + i / s.m * a[1]], 0);
}

/* One tile at (i, j) of the product of a (m, k), strides by the variant, and
 * b (k, n), dense. */
struct tile {
    size_t i, j, m, n;
    struct mt_left a;
    float *c;
    size_t ldc;
    bool add;
};

typedef void run_tile(const struct mt_kernels *k, const struct io *io,
                      const struct tile *t);

static float wide_b[64 * 80]; /* b with rows 80 apart */

static void tile_straight(const struct mt_kernels *k, const struct io *io,
                          const struct tile *t)
{
    struct sizes s = gemm_sizes(io);
    static float copy[64 * 64];
    size_t width = padded(t->n);

    k->gemm_tile(t->m, t->n, s.k, &t->a, wide_b + t->j, 80,
                 io->variant % 2 ? copy : NULL, t->c, t->ldc, t->add,
                 &(struct mt_soon){ t->c, 3, 5, -7 });
    for (size_t p = 0; io->variant % 2 && p < s.k * width; p++)
        ck_assert(memcmp(&copy[p], &wide_b[p / width * 80 + t->j + p % width],
                         sizeof *copy) == 0);
}

/* Rows of B by pointers: 16 columns in one place, or some here and some
 * there. */
static void tile_by_rows(const struct mt_kernels *k, const struct io *io,
                         const struct tile *t)
{
    struct sizes s = gemm_sizes(io);
    static float apart[64 * 96];
    const float *rows[64];
    size_t j = t->j, n = io->variant == 0 ? 8 : 1 + (t->m + s.k) % 15;
    struct mt_columns cols[2] = { { j, 0, 16 }, { j + 16, 0, 16 } };

    for (size_t p = 0; p < s.k; p++)
        rows[p] = wide_b + p * 80;
    if (io->variant < 2) { /* from the n-th on, columns change places */
        for (size_t p = 0; p < s.k; p++) {
            float *row = apart + p * 96;

            memcpy(row, rows[p] + j, n * sizeof(float));
            memcpy(row + 64, rows[p] + j + n, (16 - n) * sizeof(float));
            memcpy(row + 32, rows[p] + j + 16, n * sizeof(float));
            memcpy(row + 48, rows[p] + j + 16 + n, (16 - n) * sizeof(float));
            rows[p] = row;
        }
        cols[0] = (struct mt_columns){ 0, 64, n };
        cols[1] = (struct mt_columns){ 32, 48, n };
    }
    k->gemm_tile_rows(t->m, t->n, s.k, &t->a, rows, cols, t->c, t->ldc, t->add,
                      &(struct mt_soon){ t->c, 3, 5, -7 });
}

/* Rows of A by pointers, k in steps of two that are three apart. */
static void tile_by_taps(const struct mt_kernels *k, const struct io *io,
                         const struct tile *t)
{
    struct sizes s = gemm_sizes(io);
    size_t width = padded(t->n), depth = s.k / 2 * 2, inner = 2;
    static float a[16 * 80], b[64 * 64];
    const float *rows[16];
    struct mt_steps steps = { 5, depth / inner, inner, 3 };

    if (s.k % 2) /* one step of all */
        steps = (struct mt_steps){ 5, 1, s.k, 77 };
    for (size_t i = 0; i < t->m; i++) {
        rows[i] = a + i * 80;
        for (size_t p = 0; p < s.k; p++) {
            size_t at = steps.at + p / steps.inner * steps.skip +
                        p % steps.inner;

            a[i * 80 + at] = t->a.at[i * t->a.row + p * t->a.col];
        }
    }
    for (size_t p = 0; p < s.k * width; p++)
        b[p] = wide_b[p / width * 80 + t->j + p % width];
    k->gemm_tile_taps(t->m, t->n, &steps, rows, b, t->c, t->ldc, t->add,
                      &(struct mt_soon){ t->c, 3, 5, -7 });
}

static void multiply(const struct mt_kernels *k, struct io *io, run_tile *run)
{
    struct sizes s = gemm_sizes(io);
    size_t a[2], b[2];

    gemm_strides(io, s, a, b);
    for (size_t p = 0; p < s.k * 80; p++)
        wide_b[p] = p % 80 < s.n ? io->b[p / 80 * s.n + p % 80] : 0;
    io->used[0] = s.m * (s.n + 3);
    for (size_t i = 0; i < s.m; i += k->gemm_mr) {
        for (size_t j = 0; j < s.n; j += k->gemm_nr) {
            struct tile t = {
                .i = i, .j = j,
                .m = s.m - i < k->gemm_mr ? s.m - i : k->gemm_mr,
                .n = s.n - j < k->gemm_nr ? s.n - j : k->gemm_nr,
                .a = { io->a + i * a[0], a[0], a[1] },
                .c = io->out[0] + i * (s.n + 3) + j,
                .ldc = s.n + 3,
                .add = io->variant % 2,
            };

            run(k, io, &t);
        }
    }
}

static void call_gemm_tile(const struct mt_kernels *k, struct io *io)
{
    multiply(k, io, tile_straight);
}

static void call_gemm_tile_rows(const struct mt_kernels *k, struct io *io)
{
    multiply(k, io, tile_by_rows);
}

static void call_gemm_tile_taps(const struct mt_kernels *k, struct io *io)
{
    multiply(k, io, tile_by_taps);
}

static void call_gemm_small(const struct mt_kernels *k, struct io *io)
{
    struct sizes s = gemm_sizes(io);
    size_t a[2], b[2];

    gemm_strides(io, s, a, b);
    io->used[0] = s.m * (s.n + 3);
    k->gemm_small(s.m, s.n, s.k, io->a, a[0], a[1], io->b, b[0], b[1],
                  io->out[0], s.n + 3, io->variant % 2);
}

/* Exactly the chain of fma that gemm.h promises; columns between n and ldc
 * stay as they were. */
static void check_product(const char *what, const struct io *io,
                          const float *before, const size_t a[2],
                          const size_t b[2])
{
    struct sizes s = gemm_sizes(io);

    for (size_t i = 0; i < io->used[0]; i++) {
        size_t r = i / (s.n + 3), j = i % (s.n + 3);
        float c = 0;

        for (size_t p = 0; p < s.k; p++)
            c = fmaf(io->a[r * a[0] + p * a[1]], io->b[p * b[0] + j * b[1]], c);
        if (io->variant % 2)
            c = before[i] + c;
        if (j >= s.n)
            c = before[i];
        expect(what, io->n, i, (double)io->out[0][i], (double)c, 0);
    }
}

static void check_gemm_tile(const struct io *io, const float *before)
{
    struct sizes s = gemm_sizes(io);
    size_t a[2], b[2];
    const size_t dense[2] = { s.n, 1 };

    gemm_strides(io, s, a, b);
    check_product("a tile", io, before, a, dense);
}

static void check_gemm_tile_rows(const struct io *io, const float *before)
{
    check_gemm_tile(io, before);
}

static void check_gemm_tile_taps(const struct io *io, const float *before)
{
    check_gemm_tile(io, before);
}

static void check_gemm_small(const struct io *io, const float *before)
{
    size_t a[2], b[2];

    gemm_strides(io, gemm_sizes(io), a, b);
    check_product("gemm_small", io, before, a, b);
}

/* --- other families ----------------------------------------------------- */

#include "kernels/cases_norm.h"
#include "kernels/cases_attention.h"
#include "kernels/cases_draw.h"
#include "kernels/cases_loss.h"
#include "kernels/cases_recurrent.h"
#include "kernels/cases_pool.h"

/* --- the table ---------------------------------------------------------- */

static const struct kernel {
    const char *name;
    void (*call)(const struct mt_kernels *k, struct io *io);
    void (*check)(const struct io *io, const float *before);
} kernels[] = {
#define X(type, name, args) { #name, call_##name, check_##name },
    MT_KERNELS(X)
#undef X
};

enum { N_KERNELS = sizeof kernels / sizeof *kernels };

/* --- running ------------------------------------------------------------ */

/* The outputs of a call, with guard values on either side. */
struct buffers {
    float out[OUTPUTS][FENCE + ROOM + FENCE];
};

static float guard(int output, size_t i)
{
    return -1e30f - (float)(i % 50) * 1e28f - (float)output * 1e27f;
}

/* Outputs start as other values (optimizers and some sums read them), and what
 * follows those that the call uses must still be the same. */
static void prepare(struct buffers *buf, struct io *io, const float *start)
{
    for (int o = 0; o < OUTPUTS; o++) {
        float *at = buf->out[o];

        for (size_t i = 0; i < FENCE; i++) {
            at[i] = guard(o, i);
            at[FENCE + ROOM + i] = guard(o, i);
        }
        for (size_t i = 0; i < ROOM; i++)
            at[FENCE + i] = start[(i + (size_t)o * 7) % ROOM];
        io->out[o] = at + FENCE;
        io->used[o] = 0;
    }
    io->result = 0;
}

static void check_guards(const struct buffers *buf, const struct io *io,
                         const float *start, const char *name, const char *isa)
{
    for (int o = 0; o < OUTPUTS; o++) {
        const float *at = buf->out[o];

        for (size_t i = 0; i < FENCE; i++) {
            if (at[i] != guard(o, i) || at[FENCE + ROOM + i] != guard(o, i))
                ck_abort_msg("%s (%s), n = %zu: wrote outside of output %d",
                             name, isa, io->n, o);
        }
        for (size_t i = io->used[o]; i < ROOM; i++) {
            if (!same_float(at[FENCE + i], start[(i + (size_t)o * 7) % ROOM]))
                ck_abort_msg("%s (%s), n = %zu: wrote at %zu of output %d",
                             name, isa, io->n, i, o);
        }
    }
}

static void compare(const struct io *x, const struct io *y, const char *name,
                    const char *isa)
{
    for (int o = 0; o < OUTPUTS; o++) {
        ck_assert_uint_eq(x->used[o], y->used[o]);
        for (size_t i = 0; i < x->used[o]; i++) {
            if (!same_float(x->out[o][i], y->out[o][i]))
                ck_abort_msg("%s, n = %zu, variant %d, at %zu of output %d: "
                             "%a with %s, %a with generic",
                             name, x->n, x->variant, i, o, (double)x->out[o][i],
                             isa, (double)y->out[o][i]);
        }
    }
    if (!same_double(x->result, y->result))
        ck_abort_msg("%s, n = %zu: %a with %s, %a with generic", name, x->n,
                     x->result, isa, y->result);
}

static struct io new_io(enum kind kind, size_t n, int variant)
{
    /* + 1: not aligned */
    return (struct io){ .n = n,
                        .variant = variant,
                        .a = inputs[kind][0] + 1,
                        .b = inputs[kind][1] + 1 };
}

static void compare_tables(const struct kernel *kernel, enum kind kind,
                           size_t n, int variant)
{
    static struct buffers x, y;
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    const struct mt_kernels *generic = tables[n_tables - 1];
    struct io base = new_io(kind, n, variant), io = base;

    prepare(&y, &base, inputs[kind][2]);
    kernel->call(generic, &base);
    check_guards(&y, &base, inputs[kind][2], kernel->name, generic->isa);
    for (size_t t = 0; t + 1 < n_tables; t++) {
        prepare(&x, &io, inputs[kind][2]);
        kernel->call(tables[t], &io);
        compare(&io, &base, kernel->name, tables[t]->isa);
        check_guards(&x, &io, inputs[kind][2], kernel->name, tables[t]->isa);
    }
}

static const size_t large_sizes[] = { 127, 128, 129, 255,  256,
                                      257, 300, 511, 1000, 1024 };

enum { N_LARGE = sizeof large_sizes / sizeof *large_sizes };

/* n = 0 ... 70 and some larger ones. */
static size_t size_at(size_t i)
{
    return i <= 70 ? i : large_sizes[i - 71];
}

START_TEST(tables_agree_bit_for_bit)
{
    make_inputs();
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < 71 + N_LARGE; i++)
            compare_tables(&kernels[_i], (enum kind)kind, size_at(i),
                           (int)(i * 7 % 31 % VARIANTS));
    }
}
END_TEST

START_TEST(numbers_are_right)
{
    static struct buffers buf;
    static float before[OUTPUTS * ROOM];
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);

    make_inputs();
    for (size_t i = 0; i < 71 + N_LARGE; i += i < 40 ? 1 : 5) {
        struct io io = new_io(TAME, size_at(i), (int)(i % VARIANTS));

        prepare(&buf, &io, inputs[TAME][2]);
        for (int o = 0; o < OUTPUTS; o++)
            memcpy(before + o * ROOM, io.out[o], ROOM * sizeof *before);
        kernels[_i].call(tables[n_tables - 1], &io);
        kernels[_i].check(&io, before);
    }
}
END_TEST

/* --- in place ----------------------------------------------------------- */

/* Kernels whose output 0 may be their first input. */
static const char *const in_place[] = {
    "add",
    "add_grad",
    "mul",
    "scale",
    "clamp",
    "exp",
    "erf",
#define NAMES(X, name, saves_output) #name, #name "_grad",
    MT_ACTIVATIONS(NAMES, )
#undef NAMES
    "prelu",
    "prelu_grad",
    "softmax",
    "softmax_grad",
    "log_softmax",
    "log_softmax_grad",
    "mse_grad",
    "l1_grad",
    "bce_logits_grad",
    "softmax_minus",
    LOSS_KERNELS_IN_PLACE,
    "dropout",
    NORM_IN_PLACE,
};

static const struct kernel *find_kernel(const char *name)
{
    for (size_t i = 0; i < N_KERNELS; i++) {
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
    }
    ck_abort_msg("no kernel %s", name);
    return NULL;
}

static void compare_in_place(const struct kernel *kernel,
                             const struct mt_kernels *table, size_t n)
{
    static struct buffers x, y;
    struct io apart = new_io(WILD, n, 1), same = apart;

    prepare(&x, &apart, inputs[WILD][2]);
    kernel->call(table, &apart);
    prepare(&y, &same, inputs[WILD][2]);
    memcpy(same.out[0], same.a, ROOM * sizeof(float));
    same.a = same.out[0];
    kernel->call(table, &same);
    compare(&same, &apart, kernel->name, "the output in the input's place");
}

START_TEST(outputs_may_take_the_place_of_inputs)
{
    const struct kernel *kernel = find_kernel(in_place[_i]);
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);

    make_inputs();
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < 71 + N_LARGE; i += 3)
            compare_in_place(kernel, tables[t], size_at(i));
    }
}
END_TEST

/* --- one bad number anywhere --------------------------------------------- */

START_TEST(one_bad_number_is_found_wherever_it_is)
{
    const float bad[] = { INFINITY, -INFINITY, NAN };
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    static float x[320], p[320], m[320], v[320];
    struct mt_sgd_step sgd = { .lr = 1, .sign = 1 };
    struct mt_adam_step adam = adam_step(0);
    int missed = 0;

    for (size_t i = 0; i < 900 * n_tables; i++) {
        const struct mt_kernels *k = tables[i / 900];
        size_t at = i % 300;

        x[at] = bad[i / 300 % 3];
        missed += k->all_finite(x, 300) || k->sgd(p, x, NULL, 300, &sgd) ||
                  k->adam(p, x, m, v, NULL, 300, &adam);
        missed += !k->all_finite(x, at);
        x[at] = 0;
    }
    ck_assert_int_eq(missed, 0);
}
END_TEST

/* A function that turns NaN into a number hides that a training has failed. */
START_TEST(nan_goes_through_every_activation)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    static const char *const names[] = {
#define NAME(X, name, saves_output) #name,
        MT_ACTIVATIONS(NAME, )
#undef NAME
        "clamp", "exp", "log", "erf", "prelu", "softmax", "log_softmax",
    };
    const size_t n_names = sizeof names / sizeof *names;
    static float x[ROOM];
    static struct buffers buf;

    x[7] = NAN;
    for (size_t i = 0; i < n_tables * n_names; i++) {
        struct io io = { .n = 20, .a = x, .b = x };

        prepare(&buf, &io, inputs[TAME][2]);
        find_kernel(names[i % n_names])->call(tables[i / n_names], &io);
        ck_assert_msg(isnan(io.out[0][7]), "%s (%s)", names[i % n_names],
                      tables[i / n_names]->isa);
    }
}
END_TEST

/* As torch: no gradient at the bounds; a NaN lets it pass, or takes the slope,
 * and is a NaN in the slope's own. */
START_TEST(gradients_at_bounds_and_of_nan_are_torchs)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    const float bounds[2] = { 0, 6 }, g[4] = { 2, 2, 2, 2 };
    const float x[4] = { NAN, 0, 6, 3 }, w[4] = { 3, 3, 3, 3 };

    for (size_t i = 0; i < n_tables; i++) {
        float dx[4], dw[4];

        tables[i]->hardtanh_grad(dx, g, x, 4, bounds);
        ck_assert(dx[0] == 2 && dx[1] == 0 && dx[2] == 0 && dx[3] == 2);
        tables[i]->prelu_grad(dx, g, x, w, 4);
        ck_assert(dx[0] == 6 && dx[1] == 6 && dx[2] == 2 && dx[3] == 2);
        tables[i]->prelu_column_sum(dw, g, x, 1, 4, 4);
        ck_assert(isnan(dw[0]) && dw[1] == 0 && dw[2] == 0 && dw[3] == 0);
        ck_assert(isnan(tables[i]->prelu_sum(g, x, 4)));
        ck_assert(tables[i]->prelu_sum(g, x + 1, 3) == 0);
    }
}
END_TEST

Suite *dispatch_suite(void);

Suite *dispatch_suite(void)
{
    Suite *s = suite_create("dispatch");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, tables_agree_bit_for_bit, 0, N_KERNELS);
    tcase_add_loop_test(t, numbers_are_right, 0, N_KERNELS);
    tcase_add_loop_test(t, outputs_may_take_the_place_of_inputs, 0,
                        sizeof in_place / sizeof *in_place);
    tcase_add_test(t, one_bad_number_is_found_wherever_it_is);
    tcase_add_test(t, nan_goes_through_every_activation);
    tcase_add_test(t, gradients_at_bounds_and_of_nan_are_torchs);
    suite_add_tcase(s, t);
    return s;
}
