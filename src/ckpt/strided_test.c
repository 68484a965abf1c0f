#include "ckpt/strided.h"

#include <check.h>

/* Every element is found in its place, however the blocks are cut. */
START_TEST(gathers)
{
    enum { A = 3, B = 1, C = 4, N = A * B * C };
    struct mt_shape shape = mt_shape_of(3, (size_t)A, (size_t)B, (size_t)C);
    /* of memory with 2 rows of 40: steps of 7, 0 and 40 */
    struct mt_strides steps = { { 7, 0, 40 } };
    uint16_t memory[4 * 40], out[N];

    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        memory[i] = (uint16_t)i;
    for (size_t first = 0; first < N; first++) {
        for (size_t n = 0; n <= N - first; n++) {
            mt_strided_gather(memory, 2, &shape, &steps, first, n, out);
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(out[i], (first + i) / C % A * 7 +
                                              (first + i) % C * 40);
        }
    }
}
END_TEST

START_TEST(scalars)
{
    struct mt_shape shape = mt_shape_of(0);
    struct mt_strides steps = mt_strides_c(&shape);
    char out = 0;

    mt_strided_gather("x", 1, &shape, &steps, 0, 1, &out);
    ck_assert_int_eq(out, 'x');
}
END_TEST

START_TEST(orders)
{
    struct mt_shape shape = mt_shape_of(3, (size_t)2, (size_t)3, (size_t)5);
    struct mt_strides c = mt_strides_c(&shape);
    struct mt_strides fortran = mt_strides_fortran(&shape);

    ck_assert(c.of[0] == 15 && c.of[1] == 5 && c.of[2] == 1);
    ck_assert(fortran.of[0] == 1 && fortran.of[1] == 2 && fortran.of[2] == 6);
}
END_TEST

Suite *strided_suite(void);
Suite *strided_suite(void)
{
    Suite *s = suite_create("strided");
    TCase *tc = tcase_create("strided");

    tcase_add_test(tc, gathers);
    tcase_add_test(tc, scalars);
    tcase_add_test(tc, orders);
    suite_add_tcase(s, tc);
    return s;
}
