/*
 * Runs the C tests: every suite, or those whose names are given. Prints a line
 * for each test that failed and ends with Check's own summary per suite and a
 * plain total.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern Suite *(*const mt_suites[])(void);

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;

    for (size_t i = 0; mt_suites[i]; i++) {
        SRunner *runner = srunner_create(mt_suites[i]());

        if (argc < 2) {
            srunner_run_all(runner, CK_NORMAL);
        } else {
            for (int a = 1; a < argc; a++)
                srunner_run(runner, argv[a], NULL, CK_NORMAL);
        }
        failed += srunner_ntests_failed(runner);
        passed += srunner_ntests_run(runner) - srunner_ntests_failed(runner);
        srunner_free(runner);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
