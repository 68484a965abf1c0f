/* Attention of one head: against formulas in double, with scores that are large
 * or not finite; the same bits from every table, for the first positions of a
 * longer sequence, and position by position; memory. */
#include "kernels/attention.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 2, STREAM = 3, FENCE = 64 };

static const struct shape {
    size_t t, d;
    bool causal, drops;
    float size; /* of queries */
} shapes[] = {
    { 1, 5, true, false, 1 },       { 1, 32, false, false, 1 },
    { 2, 1, false, false, 1 },      { 15, 8, true, false, 1 },
    { 16, 16, false, true, 1 },     { 17, 3, true, true, 1 },
    { 63, 32, true, false, 1 },     { 64, 32, true, false, 1 },
    { 65, 33, true, false, 1 },     { 100, 20, false, true, 1 },
    { 128, 32, true, false, 1 },    { 130, 40, true, true, 1 },
    { 256, 16, true, false, 1 },    { 257, 70, true, false, 1 },
    { 300, 32, false, true, 1 },    { 600, 9, true, true, 1 },
    { 70, 300, true, false, 1 },    { 100, 32, true, false, 100 },
    { 90, 16, false, false, 1e4f },
};

enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* --- one head among HEADS, as in the graph ------------------------------- */

struct run {
    struct mt_attention a;
    struct mt_attention_head h;
    float *qkv, *out, *dout, *dqkv, *scratch;
    size_t n_qkv, n_out;
};

static float number_at(uint64_t stream, uint64_t i)
{
    uint32_t w = mt_philox_word(mt_philox_key(4, "test", "attention"),
                                (uint32_t)stream, i);

    return (float)(int32_t)w * 0x1p-31f;
}

/* n numbers, and FENCE after them that must stay. */
static float *numbers(size_t n, uint64_t stream)
{
    void *p = NULL;

    ck_assert_int_eq(posix_memalign(&p, 64, (n + FENCE) * sizeof(float)), 0);
    for (size_t i = 0; i < n + FENCE; i++)
        ((float *)p)[i] = number_at(stream, i);
    return p;
}

static void check_fence(const float *x, size_t n, uint64_t stream)
{
    for (size_t i = n; i < n + FENCE; i++)
        ck_assert_msg(x[i] == number_at(stream, i), "wrote past the end");
}

static struct run new_run(const struct shape *s)
{
    size_t model = HEADS * s->d, at = s->d; /* the second head */
    struct run r = { .n_qkv = s->t * 3 * model, .n_out = s->t * model };

    r.qkv = numbers(r.n_qkv, 1);
    r.dqkv = numbers(r.n_qkv, 2);
    r.out = numbers(r.n_out, 3);
    r.dout = numbers(r.n_out, 4);
    for (size_t i = 0; i < s->t; i++) {
        for (size_t p = 0; p < s->d; p++)
            r.qkv[i * 3 * model + at + p] *= s->size;
    }
    r.a = (struct mt_attention){ .t = s->t,
                                 .d = s->d,
                                 .ld = 3 * model,
                                 .ld_out = model,
                                 .causal = s->causal,
                                 .scale = (float)(1 / sqrt((double)s->d)),
                                 .key = mt_philox_key(1, "dropout", ""),
                                 .step = 9,
                                 .threshold = s->drops ? 1u << 30 : 0,
                                 .keep_scale = s->drops ? 4.0f / 3 : 1 };
    r.h = (struct mt_attention_head){ .q = r.qkv + at,
                                      .k = r.qkv + model + at,
                                      .v = r.qkv + 2 * model + at,
                                      .max = numbers(s->t, 5),
                                      .sum = numbers(s->t, 6),
                                      .out = r.out + at,
                                      .dout = r.dout + at,
                                      .dq = r.dqkv + at,
                                      .dk = r.dqkv + model + at,
                                      .dv = r.dqkv + 2 * model + at,
                                      .stream = STREAM };
    return r;
}

static void free_run(struct run *r)
{
    check_fence(r->dqkv, r->n_qkv, 2);
    check_fence(r->out, r->n_out, 3);
    check_fence(r->h.max, r->a.t, 5);
    check_fence(r->h.sum, r->a.t, 6);
    free(r->qkv);
    free(r->dqkv);
    free(r->out);
    free(r->dout);
    free(r->h.max);
    free(r->h.sum);
}

/* Scratch memory that is just large enough; nothing of it may be read before
 * it is written. */
static float *new_scratch(size_t n)
{
    float *scratch = numbers(n, 7);

    for (size_t i = 0; i < n; i++)
        scratch[i] = NAN;
    return scratch;
}

static void forward(const struct run *r)
{
    size_t n = mt_attention_scratch(r->a.t, r->a.d) / sizeof(float);
    float *scratch = new_scratch(n);

    mt_attention_forward(&r->a, &r->h, scratch);
    check_fence(scratch, n, 7);
    free(scratch);
}

static void backward(const struct run *r)
{
    size_t n = mt_attention_grad_scratch(r->a.t, r->a.d) / sizeof(float);
    float *scratch = new_scratch(n);

    mt_attention_backward(&r->a, &r->h, scratch);
    check_fence(scratch, n, 7);
    free(scratch);
}

/* --- in double ----------------------------------------------------------- */

/* What an element of P is multiplied by: element e of the stream of random
 * numbers is word e / 16 % 4 of block e / 64 * 16 + e % 16. */
static double kept(const struct mt_attention *a, size_t i, size_t j)
{
    size_t padded = (a->t + 63) / 64 * 64, e;

    if (!a->threshold)
        return 1;
    e = (STREAM * a->t + i) * padded + j;
    return mt_philox_word(a->key, a->step,
                          (e / 64 * 16 + e % 16) * 4 + e / 16 % 4) >=
                   a->threshold
               ? (double)a->keep_scale
               : 0;
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* Row i of P. */
static void probabilities(const struct run *r, size_t i, double *p)
{
    const struct mt_attention *a = &r->a;
    size_t n = a->causal ? i + 1 : a->t;
    double max = -INFINITY, sum = 0;

    for (size_t j = 0; j < n; j++) {
        p[j] = (double)a->scale *
               dot(r->h.q + i * a->ld, r->h.k + j * a->ld, a->d);
        max = fmax(max, p[j]);
    }
    for (size_t j = 0; j < n; j++)
        sum += exp(p[j] - max);
    for (size_t j = 0; j < a->t; j++)
        p[j] = j < n ? exp(p[j] - max) / sum : 0;
}

static void add_row(double *y, const float *x, size_t n, double s)
{
    for (size_t i = 0; i < n; i++)
        y[i] += s * (double)x[i];
}

/* Adds row i's share to all gradients (t, d), and sets its output (d). */
static void add_reference(const struct run *r, size_t i, double *out,
                          double *dq, double *dk, double *dv, double *p)
{
    const struct mt_attention *a = &r->a;
    const float *dout = r->h.dout + i * a->ld_out;
    double sum = 0;

    probabilities(r, i, p);
    for (size_t j = 0; j < a->t; j++) {
        double keep = kept(a, i, j);
        const float *v = r->h.v + j * a->ld;

        sum += p[j] * keep * dot(dout, v, a->d);
        add_row(out, v, a->d, p[j] * keep);
        add_row(dv + j * a->d, dout, a->d, p[j] * keep);
    }
    for (size_t j = 0; j < a->t; j++) {
        double dp = kept(a, i, j) * dot(dout, r->h.v + j * a->ld, a->d);
        double ds = (double)a->scale * p[j] * (dp - sum);

        add_row(dq + i * a->d, r->h.k + j * a->ld, a->d, ds);
        add_row(dk + j * a->d, r->h.q + i * a->ld, a->d, ds);
    }
}

static void check_all(const char *what, const struct run *r, const float *got,
                      size_t ld, const double *want, double tolerance)
{
    for (size_t i = 0; i < r->a.t; i++) {
        for (size_t p = 0; p < r->a.d; p++) {
            double x = (double)got[i * ld + p], y = want[i * r->a.d + p];

            ck_assert_msg(fabs(x - y) <= tolerance * (1 + fabs(y)),
                          "%s, t %zu, d %zu: at (%zu, %zu) %.9g, not %.9g",
                          what, r->a.t, r->a.d, i, p, x, y);
        }
    }
}

/* The error of a score of this size is that of a probability. */
START_TEST(numbers_are_right)
{
    const struct shape *s = &shapes[_i];
    size_t n = s->t * s->d;
    double *want = calloc(4 * n + s->t, sizeof *want);
    double size = (double)s->size, tolerance = 3e-6 + 2e-7 * size;
    struct run r = new_run(s);

    ck_assert_ptr_nonnull(want);
    forward(&r);
    backward(&r);
    for (size_t i = 0; i < s->t; i++)
        add_reference(&r, i, want + i * s->d, want + n, want + 2 * n,
                      want + 3 * n, want + 4 * n);
    check_all("out", &r, r.h.out, r.a.ld_out, want, tolerance);
    check_all("dq", &r, r.h.dq, r.a.ld, want + n, tolerance);
    check_all("dk", &r, r.h.dk, r.a.ld, want + 2 * n, tolerance * size);
    check_all("dv", &r, r.h.dv, r.a.ld, want + 3 * n, tolerance);
    free_run(&r);
    free(want);
}
END_TEST

/* --- bits ---------------------------------------------------------------- */

static void check_same(const struct run *x, const struct run *y,
                       const char *isa)
{
    ck_assert_msg(memcmp(x->out, y->out, x->n_out * sizeof(float)) == 0 &&
                      memcmp(x->dqkv, y->dqkv, x->n_qkv * sizeof(float)) == 0,
                  "t %zu, d %zu: other bits with %s", x->a.t, x->a.d, isa);
}

START_TEST(tables_agree_bit_for_bit)
{
    const struct mt_kernels *tables[4], *chosen = mt_kernels();
    size_t n_tables = mt_kernels_available(tables);
    struct run want = new_run(&shapes[_i]);

    mt_kernels_use(tables[n_tables - 1]);
    forward(&want);
    backward(&want);
    for (size_t t = 0; t + 1 < n_tables; t++) {
        struct run r = new_run(&shapes[_i]);

        mt_kernels_use(tables[t]);
        forward(&r);
        backward(&r);
        check_same(&r, &want, tables[t]->isa);
        free_run(&r);
    }
    mt_kernels_use(chosen);
    free_run(&want);
}
END_TEST

/* A causal row does not depend on the rows after it, nor on their number. */
START_TEST(rows_do_not_depend_on_later_ones)
{
    const size_t lengths[] = { 1, 16, 47, 64, 100, 200, 256, 257, 290 };
    struct shape shape = { 300, 24, true, false, 1 };
    struct run whole = new_run(&shape);

    forward(&whole);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct shape first = shape;
        struct run r;

        first.t = lengths[i];
        r = new_run(&first);
        forward(&r);
        for (size_t at = 0; at < first.t; at++)
            ck_assert_mem_eq(r.h.out + at * r.a.ld_out,
                             whole.h.out + at * r.a.ld_out,
                             shape.d * sizeof(float));
        free_run(&r);
    }
    free_run(&whole);
}
END_TEST

/* The head of one position of a run. */
static struct mt_attention_head head_of(const struct run *r, size_t i)
{
    struct mt_attention_head h = r->h;

    h.q += i * r->a.ld;
    h.k += i * r->a.ld;
    h.v += i * r->a.ld;
    h.max += i;
    h.sum += i;
    h.out += i * r->a.ld_out;
    return h;
}

static void check_positions(const struct shape *shape, size_t first)
{
    const size_t context = shape->t + 5;
    size_t n = mt_attention_memory(context, shape->d) / sizeof(float);
    struct run whole = new_run(shape), r = new_run(shape);
    float *memory = new_scratch(n);

    forward(&whole);
    r.a.t = first;
    mt_attention_remember(&r.a, &r.h, 0, context, memory);
    r.a.t = 1;
    for (size_t i = first; i < shape->t; i++) {
        struct mt_attention_head h = head_of(&r, i);

        mt_attention_remember(&r.a, &h, i, context, memory);
        mt_attention_next(&r.a, &h, i, context, memory);
        ck_assert_msg(memcmp(h.out, whole.h.out + i * r.a.ld_out,
                             shape->d * sizeof(float)) == 0,
                      "t %zu, d %zu: other bits at %zu", shape->t, shape->d, i);
    }
    check_fence(memory, n, 7);
    free(memory);
    r.a.t = shape->t;
    free_run(&r);
    free_run(&whole);
}

START_TEST(position_by_position)
{
    const struct shape *s = &shapes[_i];

    if (!s->causal || s->drops)
        return;
    for (size_t first = 0; first < s->t; first += first < 3 ? 1 : 40)
        check_positions(s, first);
}
END_TEST

/* --- what is not finite --------------------------------------------------- */

/* A key that gives -Inf has the weight 0. A row of nothing but -Inf has no
 * weights, as in torch; it changes no other row. */
START_TEST(infinite_scores)
{
    const struct shape shape = { 80, 8, _i == 1, false, 1 };
    struct run r = new_run(&shape);
    size_t lone = 50, far = 7;
    float *q = r.qkv + shape.d, *k = q + HEADS * shape.d;
    double p[80];

    for (size_t i = 0; i < shape.t; i++) {
        q[i * r.a.ld] = i == lone ? 3e38f : 1;
        k[i * r.a.ld] = i == far ? -3e38f : -10;
    }
    for (size_t c = 1; c < shape.d; c++)
        k[far * r.a.ld + c] = 0;
    q[20 * r.a.ld] = 3; /* -Inf in column `far` */
    forward(&r);
    for (size_t i = 0; i < shape.t; i++) {
        const float *out = r.h.out + i * r.a.ld_out;

        for (size_t c = 0; c < shape.d; c++) {
            double want = 0;

            if (i == lone) {
                ck_assert(isnan(out[c]));
                continue;
            }
            probabilities(&r, i, p);
            for (size_t j = 0; j < shape.t; j++)
                want += p[j] * (double)r.h.v[j * r.a.ld + c];
            if (r.a.causal && i == 0)
                ck_assert(out[c] == r.h.v[c]);
            ck_assert_msg(fabs((double)out[c] - want) <= 1e-5,
                          "row %zu: %g, not %g", i, (double)out[c], want);
        }
    }
    free_run(&r);
}
END_TEST

/* --- memory --------------------------------------------------------------- */

START_TEST(memory_is_linear_in_length)
{
    for (size_t t = 512; t <= 65536; t *= 2) {
        size_t a = mt_attention_scratch(t, 32);
        size_t b = mt_attention_grad_scratch(t, 32);

        ck_assert_uint_le(mt_attention_scratch(2 * t, 32), 2 * a);
        ck_assert_uint_le(mt_attention_grad_scratch(2 * t, 32), 2 * b);
        ck_assert_uint_le(a, t * 600);
        ck_assert_uint_le(b, t * 1100);
    }
}
END_TEST

Suite *attention_suite(void);

Suite *attention_suite(void)
{
    Suite *s = suite_create("attention");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, numbers_are_right, 0, N_SHAPES);
    tcase_add_loop_test(t, tables_agree_bit_for_bit, 0, N_SHAPES);
    tcase_add_test(t, rows_do_not_depend_on_later_ones);
    tcase_add_loop_test(t, position_by_position, 0, N_SHAPES);
    tcase_add_loop_test(t, infinite_scores, 0, 2);
    tcase_add_test(t, memory_is_linear_in_length);
    suite_add_tcase(s, t);
    return s;
}
