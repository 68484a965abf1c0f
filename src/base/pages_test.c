#include "base/pages.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MB = 1 << 20 };

START_TEST(memory_is_aligned_and_can_be_written)
{
    const size_t sizes[] = { 0, 1, 63, 64, 65, 4 * MB - 1, 4 * MB, 9 * MB + 3 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        unsigned char *p = mt_pages_alloc(n);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        memset(p, 0x5a, n);
        ck_assert(n == 0 || (p[0] == 0x5a && p[n - 1] == 0x5a));
        free(p);
    }
}
END_TEST

START_TEST(more_than_there_can_be_is_refused)
{
    const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 64, (size_t)PTRDIFF_MAX + 1,
                             PTRDIFF_MAX, PTRDIFF_MAX - 2 * MB };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        ck_assert_ptr_null(mt_pages_alloc(sizes[i]));
}
END_TEST

/* Does the mapping that holds p have this flag? */
static bool has_flag(const void *p, const char *flag)
{
    char line[512];
    bool inside = false, found = false;
    FILE *f = fopen("/proc/self/smaps", "r");

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long first, end;

        if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
            inside = (uintptr_t)p >= first && (uintptr_t)p < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(f);
    return found;
}

START_TEST(large_memory_asks_for_large_pages)
{
    char *small = mt_pages_alloc(MB), *large = mt_pages_alloc(8 * MB);

    ck_assert(small && large);
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0) {
        printf("skipped: this system has no transparent huge pages\n");
    } else {
        ck_assert(!has_flag(small, " hg"));
        ck_assert(has_flag(large + 4096, " hg"));
        ck_assert(has_flag(large + 8 * MB - 1, " hg"));
    }
    free(small);
    free(large);
}
END_TEST

Suite *pages_suite(void);

Suite *pages_suite(void)
{
    Suite *s = suite_create("pages");
    TCase *t = tcase_create("core");

    tcase_add_test(t, memory_is_aligned_and_can_be_written);
    tcase_add_test(t, more_than_there_can_be_is_refused);
    tcase_add_test(t, large_memory_asks_for_large_pages);
    suite_add_tcase(s, t);
    return s;
}
