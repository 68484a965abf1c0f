/*
 * Finds the first of many globs that matches a name. Globs without * ? [ or \
 * are plain names and are found by hash; the others are tried in turn.
 *
 *     struct mt_globs globs = MT_GLOBS_INIT;
 *
 *     mt_globs_add(&globs, "fc1.weight", 0);
 *     mt_globs_add(&globs, "*.bias", 1);
 *     mt_globs_find(&globs, "fc1.bias")      1
 *     mt_globs_free(&globs);
 */
#ifndef MT_BASE_GLOBS_H
#define MT_BASE_GLOBS_H

#include "base/names.h"

struct mt_glob; /* text and number */

struct mt_globs {
    struct mt_glob *plain, *patterns; /* in order of their numbers */
    size_t n_plain, n_patterns;
    size_t plain_size, patterns_size;
    struct mt_names names; /* of the plain ones */
};

#define MT_GLOBS_INIT                                                          \
    {                                                                          \
        .names = MT_NAMES_INIT                                                 \
    }

/* Does it match only the name that is equal to it? */
bool mt_glob_is_plain(const char *glob);

/* glob is not copied; number must not be less than that of the glob before.
 * False: no memory. */
bool mt_globs_add(struct mt_globs *globs, const char *glob, size_t number);

/* The smallest number of a glob that matches the name, or SIZE_MAX. */
size_t mt_globs_find(const struct mt_globs *globs, const char *name);

void mt_globs_free(struct mt_globs *globs);

#endif
