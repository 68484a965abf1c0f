#include "base/globs.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct mt_glob {
    const char *text;
    size_t number;
};

bool mt_glob_is_plain(const char *glob)
{
    return !strpbrk(glob, "*?[\\");
}

static const char *text_of(const void *list, size_t i)
{
    return ((const struct mt_glob *)list)[i].text;
}

static bool append(struct mt_glob **list, size_t *n, size_t *size,
                   struct mt_glob glob)
{
    if (*n == *size) {
        size_t more = *size ? 2 * *size : 8;
        struct mt_glob *grown = realloc(*list, more * sizeof *grown);

        if (!grown)
            return false;
        *list = grown;
        *size = more;
    }
    (*list)[(*n)++] = glob;
    return true;
}

bool mt_globs_add(struct mt_globs *g, const char *text, size_t number)
{
    struct mt_glob glob = { text, number };

    if (!mt_glob_is_plain(text))
        return append(&g->patterns, &g->n_patterns, &g->patterns_size, glob);
    return append(&g->plain, &g->n_plain, &g->plain_size, glob) &&
           mt_names_add(&g->names, text_of, g->plain);
}

size_t mt_globs_find(const struct mt_globs *g, const char *name)
{
    size_t i = mt_names_find(&g->names, name, text_of, g->plain);
    size_t found = i < g->n_plain ? g->plain[i].number : SIZE_MAX;

    for (i = 0; i < g->n_patterns && g->patterns[i].number < found; i++) {
        if (fnmatch(g->patterns[i].text, name, 0) == 0)
            found = g->patterns[i].number;
    }
    return found;
}

void mt_globs_free(struct mt_globs *g)
{
    free(g->plain);
    free(g->patterns);
    mt_names_free(&g->names);
    *g = (struct mt_globs)MT_GLOBS_INIT;
}
