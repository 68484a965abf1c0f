/* Renaming by globs with captures. */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "train/rename.h"

enum { MAX_CAPTURES = 16 };

struct captures {
    const char *at[MAX_CAPTURES];
    size_t length[MAX_CAPTURES], n;
};

/* The length of the glob's first item if that matches one character: "a", "?"
 * or "[a-z]"; 0: it is a star, or the end. */
static size_t item_length(const char *glob)
{
    if (!*glob || *glob == '*')
        return 0;
    if (*glob != '[')
        return 1;
    const char *p = glob + 1;

    if (*p == '!' || *p == '^')
        p++;
    if (*p == ']')
        p++;
    while (*p && *p != ']')
        p++;
    return *p ? (size_t)(p + 1 - glob) : 1; /* a '[' that is never closed */
}

static bool takes(const char *glob, size_t n, char c)
{
    char item[64], text[2] = { c, '\0' };

    if (!c)
        return false;
    if (n == 1)
        return *glob == '?' || *glob == c;
    if (n >= sizeof item)
        return false;
    memcpy(item, glob, n);
    item[n] = '\0';
    return fnmatch(item, text, 0) == 0;
}

/* Matches, and notes what each * took: as little as possible, from left to
 * right. When an item fails, only the last * has to take more, as all before it
 * was matched as early as possible. */
static bool match(const char *glob, const char *name, struct captures *c)
{
    const char *after_star = NULL;

    for (;;) {
        if (*glob == '*') {
            if (c->n == MAX_CAPTURES)
                return false;
            c->at[c->n] = name;
            c->length[c->n++] = 0;
            after_star = ++glob;
            continue;
        }
        size_t n = item_length(glob);

        if (n && takes(glob, n, *name)) {
            glob += n;
            name++;
            continue;
        }
        if (!n && !*name)
            return true;
        if (!after_star)
            return false;
        size_t last = c->n - 1;

        if (!c->at[last][c->length[last]])
            return false;
        name = c->at[last] + ++c->length[last];
        glob = after_star;
    }
}

/* The number of a "\1" at p, or 0. */
static size_t reference(const char *p)
{
    return p[0] == '\\' && p[1] >= '1' && p[1] <= '9' ? (size_t)(p[1] - '0')
                                                      : 0;
}

mt_status mt_rename_check(const struct mt_rename *rename, struct mt_err *err)
{
    size_t stars = 0, used = 0, most = 0;

    for (const char *p = rename->from; *p;) {
        size_t n = item_length(p);

        stars += n == 0;
        p += n ? n : 1;
    }
    for (const char *p = rename->to; *p; p++) {
        size_t number = reference(p);

        used += *p == '*';
        most = number > most ? number : most;
        p += number != 0;
    }
    if (stars > MAX_CAPTURES)
        return mt_fail(err, MT_INVALID, "\"%s\": has %zu *, at most %d allowed",
                       rename->from, stars, MAX_CAPTURES);
    if (used > stars)
        return mt_fail(err, MT_INVALID,
                       "\"%s\" has %zu * for what \"%s\" takes, which has %zu",
                       rename->to, used, rename->from, stars);
    if (most > stars)
        return mt_fail(err, MT_INVALID,
                       "\"%s\" refers to * number %zu of \"%s\", which has %zu",
                       rename->to, most, rename->from, stars);
    return MT_OK;
}

const char *mt_rename_apply(const struct mt_rename *rename, const char *name,
                            struct mt_arena *arena)
{
    struct captures c = { .n = 0 };
    struct mt_strbuf out = MT_STRBUF_INIT;
    size_t used = 0;

    if (!match(rename->from, name, &c))
        return NULL;
    for (const char *p = rename->to; *p; p++) {
        size_t number = reference(p), i = number ? number - 1 : used;

        if (*p != '*' && !number) {
            mt_strbuf_putc(&out, *p);
            continue;
        }
        if (i < c.n)
            mt_strbuf_add(&out, c.at[i], c.length[i]);
        used += *p == '*';
        p += number != 0;
    }
    const char *result =
        out.failed ? NULL : mt_arena_strdup(arena, out.text ? out.text : "");

    mt_strbuf_free(&out);
    return result;
}
