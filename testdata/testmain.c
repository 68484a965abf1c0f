/*
 * Runs the C tests: every suite, or those whose names are given. Prints what
 * failed, and a plain total at the end. --list prints the names of the suites.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

/* A name that is no suite must not pass for a suite without failures. */
static int known(const char *name)
{
    for (const struct mt_suite *s = mt_suites; s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return 1;
    }
    fprintf(stderr, "tests: no suite is named \"%s\" (see --list)\n", name);
    return 0;
}

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return 1;
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct mt_suite *s = mt_suites; s->name; s++)
            puts(s->name);
        return EXIT_SUCCESS;
    }
    for (int i = 1; i < argc; i++) {
        if (!known(argv[i]))
            return 2;
    }
    /* a busy machine is no failure */
    setenv("CK_DEFAULT_TIMEOUT", "120", 0);
    for (const struct mt_suite *s = mt_suites; s->name; s++) {
        SRunner *runner;

        if (!wanted(s->name, argc, argv))
            continue;
        runner = srunner_create(s->make());
        srunner_run_all(runner, CK_SILENT);
        int bad = srunner_ntests_failed(runner);

        if (bad)
            srunner_print(runner, CK_NORMAL);
        failed += bad;
        passed += srunner_ntests_run(runner) - bad;
        printf("%-20s %d tests\n", s->name, srunner_ntests_run(runner));
        fflush(stdout);
        srunner_free(runner);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
