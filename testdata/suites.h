/* The list of C test suites; build/suites.c is made from the file names. */
#ifndef MT_TESTDATA_SUITES_H
#define MT_TESTDATA_SUITES_H

#include <check.h>

struct mt_suite {
    const char *name;
    Suite *(*make)(void);
};

extern const struct mt_suite mt_suites[]; /* ends with a NULL name */

#endif
