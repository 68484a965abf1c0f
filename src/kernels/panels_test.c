/* Products of packed operands: the bits of mt_gemm, for every table. */
#include "kernels/panels.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm.h"

enum { FENCE = 64 };

struct product {
    size_t m, n, k;
    bool transposed; /* B's columns are contiguous */
    bool add;
};

static float number_at(uint64_t i)
{
    uint32_t w = mt_philox_word(mt_philox_key(2, "test", "panels"), 0, i);

    return (float)(int32_t)w * 0x1p-31f;
}

/* n numbers, and FENCE after them that must stay. */
static float *numbers(size_t n, uint64_t stream)
{
    void *p = NULL;

    ck_assert_int_eq(posix_memalign(&p, 64, (n + FENCE) * sizeof(float)), 0);
    for (size_t i = 0; i < n + FENCE; i++)
        ((float *)p)[i] = number_at(stream << 32 | i);
    return p;
}

static void check_fence(const float *x, size_t n, uint64_t stream,
                        const char *what)
{
    for (size_t i = n; i < n + FENCE; i++)
        ck_assert_msg(x[i] == number_at(stream << 32 | i),
                      "wrote past the end of %s", what);
}

static float *want_of(const struct product *p, const float *a, const float *b,
                      size_t ldc)
{
    float *c = numbers(p->m * ldc, 3);
    struct mt_gemm g = { .m = p->m,
                         .n = p->n,
                         .k = p->k,
                         .a = a,
                         .a_row = p->k + 3,
                         .a_col = 1,
                         .b = b,
                         .b_row = p->transposed ? 1 : p->n,
                         .b_col = p->transposed ? p->k : 1,
                         .c = c,
                         .ldc = ldc,
                         .add = p->add };
    void *scratch = NULL;
    size_t bytes = mt_gemm_scratch(p->m, p->n, p->k, 1);

    ck_assert_int_eq(posix_memalign(&scratch, 64, bytes + 64), 0);
    mt_gemm(&g, NULL, scratch);
    free(scratch);
    return c;
}

/* In blocks of columns that start at multiples of MT_PANEL. */
static void check_product(const struct product *p, struct mt_team *team)
{
    size_t lda = p->k + 3, ldc = p->n + 5, size_b = mt_panels_size(p->k, p->n);
    float *a = numbers(p->m * lda, 1), *b = numbers(p->k * p->n, 2);
    float *want = want_of(p, a, b, ldc), *c = numbers(p->m * ldc, 3);
    float *packed = numbers(size_b, 5);

    mt_panels_pack(packed, b, p->transposed ? 1 : p->n,
                   p->transposed ? p->k : 1, p->k, p->n, team);
    check_fence(packed, size_b, 5, "B");
    for (size_t j = 0; j < p->n; j += 2 * MT_PANEL)
        mt_panels_multiply(
            p->m, p->n - j < 2 * MT_PANEL ? p->n - j : 2 * MT_PANEL, p->k, a,
            lda, packed + j * p->k, c + j, ldc, p->add);
    ck_assert_msg(memcmp(c, want, (p->m * ldc + FENCE) * sizeof *c) == 0,
                  "m %zu, n %zu, k %zu, transposed %d, add %d (%s): other bits "
                  "than mt_gemm's",
                  p->m, p->n, p->k, p->transposed, p->add, mt_kernels()->isa);
    free(a);
    free(b);
    free(c);
    free(want);
    free(packed);
}

static const size_t sizes[][3] = {
    { 1, 1, 1 },    { 1, 16, 17 },   { 3, 17, 5 },      { 6, 31, 16 },
    { 7, 33, 40 },  { 13, 64, 255 }, { 14, 65, 256 },   { 15, 32, 257 },
    { 16, 97, 70 }, { 28, 48, 513 }, { 29, 130, 1000 }, { 43, 15, 300 },
};

enum { N_SIZES = sizeof sizes / sizeof *sizes };

START_TEST(the_bits_are_those_of_gemm)
{
    const struct mt_kernels *tables[4];
    size_t n_tables = mt_kernels_available(tables);
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team;

    ck_assert_int_eq(mt_team_new(2, &team, &err), MT_OK);
    for (size_t i = 0; i < 4 * n_tables; i++) {
        const size_t *s = sizes[_i];
        struct product p = { s[0], s[1], s[2], i & 1, i & 2 };

        mt_kernels_use(tables[i / 4]);
        check_product(&p, i & 1 ? team : NULL);
    }
    mt_team_free(team);
}
END_TEST

/* A product's columns may start at any panel of any table. */
START_TEST(panels_are_multiples_of_every_tables)
{
    const struct mt_kernels *tables[4];

    for (size_t t = 0; t < mt_kernels_available(tables); t++)
        ck_assert_uint_eq(MT_PANEL % tables[t]->gemm_nr, 0);
}
END_TEST

Suite *panels_suite(void);

Suite *panels_suite(void)
{
    Suite *s = suite_create("panels");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, the_bits_are_those_of_gemm, 0, N_SIZES);
    tcase_add_test(t, panels_are_multiples_of_every_tables);
    suite_add_tcase(s, t);
    return s;
}
