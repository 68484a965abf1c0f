#include "base/siphash.h"

#include <check.h>

/* The paper's example, and lengths around a word, from its reference code. */
START_TEST(as_in_the_paper)
{
    static const struct {
        size_t n;
        uint64_t hash;
    } of[] = {
        { 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },
        { 7, 0xab0200f58b01d137 },  { 8, 0x93f5f5799a932462 },
        { 15, 0xa129ca6149be45e5 },
    };
    unsigned char bytes[16];

    for (unsigned i = 0; i < 16; i++)
        bytes[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        ck_assert_uint_eq(mt_siphash(bytes, bytes, of[i].n), of[i].hash);
}
END_TEST

Suite *siphash_suite(void);
Suite *siphash_suite(void)
{
    Suite *s = suite_create("siphash");
    TCase *tc = tcase_create("siphash");

    tcase_add_test(tc, as_in_the_paper);
    suite_add_tcase(s, tc);
    return s;
}
