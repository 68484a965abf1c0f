/*
 * mt_gemm against the rule of gemm.h, computed one element after the other:
 * bit for bit, for every table of kernels and several numbers of threads.
 */
#include "kernels/gemm_internal.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/activation.h"

enum { TEAMS = 3, FENCE = 64 };

/* --- a product ---------------------------------------------------------- */

enum epilogue {
    NONE,
    BIAS,
    SUM,
    ACT,
    BIAS_ACT,
    INNER,
    ACT_GRAD,
    ALL,
    EPILOGUES
};

struct product {
    size_t m, n, k;
    int strides; /* which of layouts */
    size_t gap;  /* ldc - n */
    bool add, taken;
    enum epilogue epilogue;
    size_t activation; /* of the table of activations */
};

static float number_at(uint64_t i)
{
    uint32_t w = mt_philox_word(mt_philox_key(2, "test", "gemm"), 0, i);

    return (float)(int32_t)w * 0x1p-31f;
}

static void *get(size_t bytes)
{
    void *p = NULL;

    ck_assert_int_eq(posix_memalign(&p, 64, bytes + 64), 0);
    return p;
}

/* n numbers of the stream number `stream`. */
static float *numbers(size_t n, uint64_t stream)
{
    float *x = get(n * sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = number_at(stream << 32 | i % 4093); /* a prime */
    return x;
}

/* Row and column strides of A (m, k) and B (k, n). */
static void strides_of(const struct product *p, size_t s[4])
{
    const size_t m = p->m, n = p->n, k = p->k;
    const size_t layouts[][4] = {
        { k, 1, n, 1 },         /* A B */
        { k, 1, 1, k },         /* A B^T */
        { 1, m, n, 1 },         /* A^T B */
        { 1, m, 1, k },         /* A^T B^T */
        { k + 5, 1, n + 3, 1 }, /* parts of larger matrices */
        { 1, m + 2, 1, k + 7 },
        { 3, 3 * m + 1, 2 * n + 1, 2 }, /* nothing is contiguous */
        { 0, 1, 1, 0 }, /* one row of A, one row of B^T: repeated */
    };

    memcpy(s, layouts[p->strides], sizeof *layouts);
}

enum { LAYOUTS = 8 };

/* Floats from the first to the last element. */
static size_t extent(size_t rows, size_t row, size_t columns, size_t column)
{
    if (rows == 0 || columns == 0)
        return 1;
    return (rows - 1) * row + (columns - 1) * column + 1;
}

struct data {
    size_t s[4], size_c;
    float *a, *b, *bias, *sum, *saved, *before, *want;
    float *want_act; /* what act_out should hold afterwards */
};

static const float act_p[2] = { 0.3f, 20 };

static void make_data(struct data *d, const struct product *p)
{
    strides_of(p, d->s);
    d->size_c = p->m * (p->n + p->gap);
    d->a = numbers(extent(p->m, d->s[0], p->k, d->s[1]), 1);
    d->b = numbers(extent(p->k, d->s[2], p->n, d->s[3]), 2);
    d->bias = numbers(p->n, 3);
    d->saved = numbers(d->size_c, 4);
    d->sum = numbers(d->size_c, 7);
    d->before = numbers(d->size_c, 5);
    d->want = get(d->size_c * sizeof *d->want);
    d->want_act = numbers(d->size_c, 6);
    /* what is not added to is not read; what lies between rows stays */
    for (size_t i = 0; i < d->size_c; i++) {
        if (!p->add && i % (p->n + p->gap) < p->n)
            d->before[i] = NAN;
    }
}

static void free_data(struct data *d)
{
    free(d->a);
    free(d->b);
    free(d->bias);
    free(d->saved);
    free(d->sum);
    free(d->before);
    free(d->want);
    free(d->want_act);
}

static struct mt_gemm describe(const struct product *p, const struct data *d,
                               float *c, float *act_out)
{
    static const bool bias[EPILOGUES] = {
        [BIAS] = 1, [BIAS_ACT] = 1, [INNER] = 1, [ALL] = 1
    };
    static const bool sum[EPILOGUES] = { [SUM] = 1, [INNER] = 1, [ALL] = 1 };
    static const bool act[EPILOGUES] = {
        [ACT] = 1, [BIAS_ACT] = 1, [INNER] = 1, [ALL] = 1
    };
    static const bool act_grad[EPILOGUES] = { [ACT_GRAD] = 1, [ALL] = 1 };
    const struct mt_activation *f = &mt_activations[p->activation];

    return (struct mt_gemm){
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .a = d->a,
        .a_row = d->s[0],
        .a_col = d->s[1],
        .b = d->b,
        .b_row = d->s[2],
        .b_col = d->s[3],
        .c = c,
        .ldc = p->n + p->gap,
        .add = p->add,
        .bias = bias[p->epilogue] ? d->bias : NULL,
        .sum = sum[p->epilogue] ? d->sum : NULL,
        .act = act[p->epilogue] ? mt_activation_forward(f) : NULL,
        .act_out = p->epilogue == INNER ? act_out : NULL,
        .act_grad = act_grad[p->epilogue] ? mt_activation_backward(f) : NULL,
        .saved = act_grad[p->epilogue] ? d->saved : NULL,
        .act_p = act_p,
    };
}

/* --- the rule ----------------------------------------------------------- */

static float dot(const struct mt_gemm *g, size_t i, size_t j, float c)
{
    for (size_t q = 0; q < g->k; q += MT_GEMM_KC) {
        float s = 0;

        for (size_t p = q; p < g->k && p < q + MT_GEMM_KC; p++)
            s = fmaf(g->a[i * g->a_row + p * g->a_col],
                     g->b[p * g->b_row + j * g->b_col], s);
        c = q == 0 && !g->add ? s : c + s;
    }
    return g->k == 0 && !g->add ? 0 : c;
}

/* By the generic kernels; that the others agree is kernels_test's. */
static void compute_naively(const struct mt_gemm *g)
{
    for (size_t i = 0; i < g->m; i++) {
        for (size_t j = 0; j < g->n; j++) {
            size_t at = i * g->ldc + j;
            float c = dot(g, i, j, g->c[at]);

            if (g->bias)
                c += g->bias[j];
            if (g->sum)
                c += g->sum[at];
            if (g->act)
                g->act(g->act_out ? g->act_out + at : &c, &c, 1, g->act_p);
            if (g->act_grad)
                g->act_grad(&c, &c, g->saved + at, 1, g->act_p);
            g->c[at] = c;
        }
    }
}

/* --- the comparison ----------------------------------------------------- */

static void compare(const struct product *p, const float *c, const float *want,
                    size_t n, size_t threads)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&c[i], &want[i], sizeof *c) != 0)
            ck_abort_msg("m %zu, n %zu, k %zu, layout %d, add %d, epilogue %d "
                         "(%s, %zu threads), at [%zu, %zu]: got %a, want %a",
                         p->m, p->n, p->k, p->strides, p->add, p->epilogue,
                         mt_kernels()->isa, threads, i / (p->n + p->gap),
                         i % (p->n + p->gap), (double)c[i], (double)want[i]);
    }
}

/* Puts a part of C where it belongs, and counts its elements. */
struct taking {
    const struct product *p;
    float *c;
    unsigned char *times;
};

static void take(void *ctx, size_t i, size_t m, size_t j, size_t n,
                 const float *c, size_t ldc)
{
    const struct taking *t = ctx;

    for (size_t r = 0; r < m; r++) {
        for (size_t k = 0; k < n; k++) {
            size_t at = (i + r) * (t->p->n + t->p->gap) + j + k;

            t->c[at] = c[r * ldc + k];
            t->times[at]++;
        }
    }
}

static void taken_once(const struct taking *t)
{
    for (size_t i = 0; i < t->p->m * (t->p->n + t->p->gap); i++)
        ck_assert_msg(t->times[i] == (i % (t->p->n + t->p->gap) < t->p->n),
                      "m %zu, n %zu, k %zu: element %zu was taken %d times",
                      t->p->m, t->p->n, t->p->k, i, t->times[i]);
}

/* The scratch memory has exactly the bytes that were asked for, and guards
 * after them. */
static void run_once(const struct product *p, const struct data *d,
                     struct mt_team *team)
{
    size_t workers = mt_team_size(team);
    size_t bytes = p->taken ? mt_gemm_take_scratch(p->m, p->n, p->k, workers)
                            : mt_gemm_scratch(p->m, p->n, p->k, workers);
    char *scratch = get(bytes);
    float *c = get(d->size_c * sizeof *c);
    float *act_out = numbers(d->size_c, 6);
    struct mt_gemm g = describe(p, d, c, act_out);
    struct taking taking = { p, c, calloc(d->size_c + 1, 1) };

    memset(scratch, 0xff, bytes + FENCE);
    memcpy(c, d->before, d->size_c * sizeof *c);
    if (p->taken) {
        g.c = NULL;
        g.take = take;
        g.take_ctx = &taking;
    }
    mt_gemm(&g, team, scratch);
    if (p->taken)
        taken_once(&taking);
    compare(p, c, d->want, d->size_c, workers);
    compare(p, act_out, d->want_act, d->size_c, workers);
    for (size_t i = 0; i < FENCE; i++)
        ck_assert_msg(scratch[bytes + i] == (char)0xff,
                      "m %zu, n %zu, k %zu (%s): wrote past the scratch "
                      "memory",
                      p->m, p->n, p->k, mt_kernels()->isa);
    free(scratch);
    free(c);
    free(act_out);
    free(taking.times);
}

static struct mt_team *teams[TEAMS]; /* of 1, 2, 3 threads */

static void enter(void)
{
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < TEAMS; i++)
        ck_assert_int_eq(mt_team_new(i + 1, &teams[i], &err), MT_OK);
}

static void leave(void)
{
    for (size_t i = 0; i < TEAMS; i++)
        mt_team_free(teams[i]);
}

static void check_product(const struct product *p)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    struct data d;

    mt_kernels_use(tables[n_tables - 1]);
    make_data(&d, p);
    memcpy(d.want, d.before, d.size_c * sizeof *d.want);
    struct mt_gemm g = describe(p, &d, d.want, d.want_act);

    compute_naively(&g);
    for (size_t t = 0; t < n_tables; t++) {
        mt_kernels_use(tables[t]);
        for (size_t i = 0; i < TEAMS; i++)
            run_once(p, &d, teams[i]);
    }
    free_data(&d);
}

/* --- shapes ------------------------------------------------------------- */

static uint32_t draw(uint64_t i, uint32_t n)
{
    return mt_philox_word(mt_philox_key(3, "test", "shapes"), 0, i) % n;
}

/* The rest of a product from its number. */
static struct product with_options(size_t m, size_t n, size_t k, uint64_t i)
{
    return (struct product){
        .m = m,
        .n = n,
        .k = k,
        .strides = (int)draw(i * 8, LAYOUTS),
        .gap = draw(i * 8 + 1, 2) * (1 + draw(i * 8 + 2, 20)),
        .add = draw(i * 8 + 3, 2),
        .epilogue = (enum epilogue)draw(i * 8 + 4, EPILOGUES),
        .activation = draw(i * 8 + 5, (uint32_t)mt_activation_count),
    };
}

/* m, n, k up to 70, for every layout; small ones are not packed. */
START_TEST(small_shapes)
{
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t at = 1000 + 3 * i;
        struct product p = with_options(1 + draw(at, 70), 1 + draw(at + 1, 70),
                                        1 + draw(at + 2, 70), i);

        p.strides = _i;
        check_product(&p);
    }
}
END_TEST

START_TEST(shapes_around_the_tiles)
{
    const size_t m[] = { 1, 3, 4, 5, 6, 7, 13, 14, 15, 27, 28, 29, 42, 43 };
    const size_t n[] = { 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65 };
    const size_t k[] = { 1, 15, 16, 17, 33 };
    uint64_t i = 0;

    for (size_t a = 0; a < sizeof m / sizeof *m; a++) {
        for (size_t b = 0; b < sizeof n / sizeof *n; b++) {
            struct product p = with_options(m[a], n[b], k[i % 5], 2000 + i);

            check_product(&p);
            i++;
        }
    }
}
END_TEST

START_TEST(shapes_around_the_blocks_of_k)
{
    const size_t k[] = { 255, 256, 257, 511, 512, 513, 768, 1000 };
    const size_t mn[][2] = { { 1, 1 },  { 2, 2 },   { 1, 40 }, { 40, 1 },
                             { 5, 17 }, { 14, 32 }, { 15, 33 } };
    uint64_t i = 0;

    for (size_t a = 0; a < sizeof k / sizeof *k; a++) {
        for (size_t b = 0; b < sizeof mn / sizeof *mn; b++) {
            struct product p =
                with_options(mn[b][0], mn[b][1], k[a], 3000 + i++);

            check_product(&p);
        }
    }
}
END_TEST

/* Products of 2048 multiplications are computed in place, of one more from
 * packed operands: both ways for the same k, with blocks of k and without. */
START_TEST(both_sides_of_packing)
{
    const size_t sizes[][3] = { { 8, 16, 16 },  { 8, 16, 17 },  { 1, 1, 2048 },
                                { 1, 1, 2049 }, { 2, 4, 256 },  { 2, 4, 257 },
                                { 2, 2, 512 },  { 2, 2, 513 },  { 683, 3, 1 },
                                { 3, 683, 1 },  { 2048, 1, 1 }, { 1, 2049, 1 },
                                { 1, 2048, 1 }, { 2049, 1, 1 } };

    for (uint64_t i = 0; i < sizeof sizes / sizeof *sizes * EPILOGUES; i++) {
        const size_t *s = sizes[i / EPILOGUES];
        struct product p = with_options(s[0], s[1], s[2], 4000 + i);

        p.epilogue = (enum epilogue)(i % EPILOGUES);
        check_product(&p);
    }
}
END_TEST

/* Every activation and derivative that an epilogue may hold. */
START_TEST(epilogues)
{
    const enum epilogue kinds[] = { BIAS_ACT, INNER, ACT_GRAD };

    for (size_t i = 0; i < mt_activation_count * 6; i++) {
        struct product p = with_options(i % 2 ? 30 : 4, 37, 11, 5000 + i);

        p.activation = i / 6;
        p.epilogue = kinds[i % 6 / 2];
        check_product(&p);
    }
}
END_TEST

/* Nothing to do, and empty sums: C is 0 (or stays, where it is added to), and
 * the epilogue runs all the same. */
START_TEST(empty_shapes)
{
    const size_t sizes[][3] = { { 0, 5, 5 }, { 5, 0, 5 },   { 5, 5, 0 },
                                { 0, 0, 0 }, { 40, 70, 0 }, { 0, 100, 100 },
                                { 1, 1, 0 } };

    for (uint64_t i = 0; i < sizeof sizes / sizeof *sizes * 20; i++) {
        const size_t *s = sizes[i / 20];
        struct product p = with_options(s[0], s[1], s[2], 6000 + i);

        p.add = i % 2;
        p.epilogue = (enum epilogue)(i / 2 % EPILOGUES);
        check_product(&p);
    }
}
END_TEST

/* More tasks than one, and operands that do not fit their buffers at once. */
START_TEST(large_shapes)
{
    const size_t sizes[][3] = { { 200, 300, 70 },
                                { 97, 513, 260 },
                                { 900, 17, 600 },
                                { 2, 7100, 600 },
                                { 2, 3, 530000 } };
    const size_t *s = sizes[_i];
    struct product p = with_options(s[0], s[1], s[2], 7000 + (uint64_t)_i);

    check_product(&p);
}
END_TEST

/* Those of gemm_packed.c: several groups of columns and blocks of rows, and a
 * last block of k that is not whole. */
static const struct product packed[] = {
    { .m = 321, .n = 4160, .k = 1010, .strides = 0, .epilogue = BIAS_ACT },
    { .m = 323, .n = 4109, .k = 257, .strides = 1, .gap = 3, .epilogue = ALL },
    { .m = 515, .n = 514, .k = 2051, .strides = 2, .add = true },
    { .m = 330, .n = 514, .k = 2050, .strides = 5, .epilogue = SUM },
    { .m = 322, .n = 517, .k = 2040, .strides = 6, .epilogue = ACT_GRAD },
    { .m = 129, .n = 515, .k = 511, .strides = 0, .epilogue = INNER },
    { .m = 129, .n = 133, .k = 259, .strides = 2, .epilogue = ALL },
    { .m = 1027, .n = 130, .k = 513, .strides = 2, .add = true },
};

enum { PACKED = sizeof packed / sizeof *packed };

START_TEST(packed_shapes)
{
    ck_assert(mt_gemm_may_pack(packed[_i].m, packed[_i].n, packed[_i].k));
    check_product(&packed[_i]);
}
END_TEST

/* Those of gemm_spread.c: with one run of rows and with several, few and many
 * blocks of k, and a last one that is not whole. */
static const struct product spread[] = {
    { .m = 130, .n = 129, .k = 770, .strides = 2, .gap = 2 },
    { .m = 259, .n = 130, .k = 1025, .strides = 2, .add = true },
    { .m = 128, .n = 513, .k = 2047, .strides = 2, .gap = 7, .add = true },
    { .m = 128, .n = 128, .k = 4352, .strides = 2 },
};

enum { SPREAD = sizeof spread / sizeof *spread };

START_TEST(spread_shapes)
{
    const struct product *p = &spread[_i];

    ck_assert_uint_gt(mt_gemm_spread_floats(p->m, p->n, p->k, 2), 0);
    check_product(p);
}
END_TEST

/* Where C is taken: one block of k and several, one group of columns and
 * several, tiles that are not whole, and sums that threads share. */
static const struct product taken[] = {
    { .m = 1, .n = 1, .k = 1, .strides = 2 },
    { .m = 3, .n = 17, .k = 5, .strides = 0 },
    { .m = 15, .n = 48, .k = 64, .strides = 2 },
    { .m = 257, .n = 784, .k = 64, .strides = 2 },
    { .m = 130, .n = 560, .k = 256, .strides = 2 },
    { .m = 43, .n = 33, .k = 257, .strides = 2 },
    { .m = 300, .n = 530, .k = 513, .strides = 1 },
    { .m = 77, .n = 2100, .k = 700, .strides = 2 },
    { .m = 70, .n = 4160, .k = 40, .strides = 2 },
    { .m = 29, .n = 700, .k = 2051, .strides = 6 },
    { .m = 140, .n = 513, .k = 2047, .strides = 2 },
    { .m = 140, .n = 140, .k = 770, .strides = 2 },
    { .m = 20, .n = 300, .k = 5000, .strides = 2 },
};

enum { TAKEN = sizeof taken / sizeof *taken };

START_TEST(taken_shapes)
{
    struct product p = taken[_i];

    p.taken = true;
    check_product(&p);
}
END_TEST

Suite *gemm_suite(void);

Suite *gemm_suite(void)
{
    Suite *s = suite_create("gemm");
    TCase *t = tcase_create("core");

    tcase_add_checked_fixture(t, enter, leave);
    tcase_add_loop_test(t, small_shapes, 0, LAYOUTS);
    tcase_add_test(t, shapes_around_the_tiles);
    tcase_add_test(t, shapes_around_the_blocks_of_k);
    tcase_add_test(t, both_sides_of_packing);
    tcase_add_test(t, epilogues);
    tcase_add_test(t, empty_shapes);
    tcase_add_loop_test(t, large_shapes, 0, 5);
    tcase_add_loop_test(t, packed_shapes, 0, PACKED);
    tcase_add_loop_test(t, spread_shapes, 0, SPREAD);
    tcase_add_loop_test(t, taken_shapes, 0, TAKEN);
    suite_add_tcase(s, t);
    return s;
}
