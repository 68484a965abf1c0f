/* Which table of kernels is chosen. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dispatch.h"

/* MTRAIN_ISA is this (NULL: unset) while the tables are chosen. */
static mt_status choose(const char *isa, struct mt_err *err)
{
    if (isa)
        ck_assert_int_eq(setenv("MTRAIN_ISA", isa, 1), 0);
    else
        ck_assert_int_eq(unsetenv("MTRAIN_ISA"), 0);
    return mt_kernels_choose(err);
}

START_TEST(generic_is_always_there_and_last)
{
    const struct mt_kernels *tables[4];
    size_t n = mt_kernels_available(tables);

    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, 4);
    ck_assert_str_eq(tables[n - 1]->isa, "generic");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(tables[i]->isa, tables[k]->isa);
    }
}
END_TEST

START_TEST(tables_are_whole)
{
    const struct mt_kernels *tables[4];
    size_t n = mt_kernels_available(tables);

    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_ge(tables[i]->gemm_mr, 1);
        ck_assert_uint_ge(tables[i]->gemm_nr, 16);
        ck_assert_uint_eq(tables[i]->gemm_nr % 16, 0);
#define X(type, name, args)                                                    \
    ck_assert_msg(tables[i]->name != NULL, "%s: " #name, tables[i]->isa);
        MT_KERNELS(X)
#undef X
    }
}
END_TEST

START_TEST(generic_is_used_until_one_is_chosen)
{
    ck_assert_str_eq(mt_kernels()->isa, "generic");
}
END_TEST

START_TEST(the_best_is_chosen)
{
    const struct mt_kernels *tables[4];
    struct mt_err err = MT_ERR_INIT;

    mt_kernels_available(tables);
    ck_assert_int_eq(choose(NULL, &err), MT_OK);
    ck_assert_ptr_eq(mt_kernels(), tables[0]);
    ck_assert_int_eq(choose("generic", &err), MT_OK);
    ck_assert_int_eq(choose("", &err), MT_OK);
    ck_assert_ptr_eq(mt_kernels(), tables[0]);
}
END_TEST

START_TEST(the_environment_chooses)
{
    const struct mt_kernels *tables[4];
    size_t n = mt_kernels_available(tables);
    struct mt_err err = MT_ERR_INIT;

    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(choose(tables[i]->isa, &err), MT_OK);
        ck_assert_ptr_eq(mt_kernels(), tables[i]);
    }
}
END_TEST

START_TEST(an_unknown_name_is_refused)
{
    const char *names[] = { "avx", "AVX2", "generic ", "sse4", "x" };
    struct mt_err err = MT_ERR_INIT;

    ck_assert_int_eq(choose("generic", &err), MT_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_int_eq(choose(names[i], &err), MT_INVALID);
        ck_assert_msg(strncmp(err.text, "MTRAIN_ISA=", 11) == 0 &&
                          strncmp(err.text + 11, names[i], strlen(names[i])) ==
                              0,
                      "%s", err.text);
        ck_assert_msg(strstr(err.text, "know ") != NULL, "%s", err.text);
        ck_assert_msg(strcmp(err.text + strlen(err.text) - 7, "generic") == 0,
                      "%s", err.text);
        ck_assert_str_eq(mt_kernels()->isa, "generic");
    }
}
END_TEST

/* No CPU has both of these. */
START_TEST(what_this_cpu_lacks_is_refused)
{
    struct mt_err err = MT_ERR_INIT;
    bool neon = choose("neon", &err) == MT_OK;
    bool avx2 = choose("avx2", &err) == MT_OK;

    ck_assert(!neon || !avx2);
    ck_assert(strstr(err.text, "MTRAIN_ISA=") != NULL);
}
END_TEST

START_TEST(a_table_can_be_used)
{
    const struct mt_kernels *tables[4];
    size_t n = mt_kernels_available(tables);

    for (size_t i = 0; i < n; i++) {
        mt_kernels_use(tables[i]);
        ck_assert_ptr_eq(mt_kernels(), tables[i]);
    }
}
END_TEST

/* Each test is a process of its own, so that none sees another's choice. */
Suite *isa_suite(void);

Suite *isa_suite(void)
{
    Suite *s = suite_create("isa");
    TCase *t = tcase_create("core");

    tcase_add_test(t, generic_is_used_until_one_is_chosen);
    tcase_add_test(t, generic_is_always_there_and_last);
    tcase_add_test(t, tables_are_whole);
    tcase_add_test(t, the_best_is_chosen);
    tcase_add_test(t, the_environment_chooses);
    tcase_add_test(t, an_unknown_name_is_refused);
    tcase_add_test(t, what_this_cpu_lacks_is_refused);
    tcase_add_test(t, a_table_can_be_used);
    suite_add_tcase(s, t);
    return s;
}
