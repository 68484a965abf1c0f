/* Renaming by globs with captures. */
#include <string.h>

#include "train/transfer.h"

enum { MAX_CAPTURES = 16 };

struct captures {
    const char *at[MAX_CAPTURES];
    size_t length[MAX_CAPTURES], n;
};

/* Matches glob (of literal characters and *) and notes what each * took; the
 * shortest that works, from left to right. */
static bool match(const char *glob, const char *name, struct captures *c)
{
    for (; *glob && *glob != '*'; glob++, name++) {
        if (*glob != *name)
            return false;
    }
    if (!*glob)
        return !*name;
    if (c->n == MAX_CAPTURES)
        return false;

    size_t mine = c->n++;

    for (size_t length = 0;; length++) {
        c->at[mine] = name;
        c->length[mine] = length;
        c->n = mine + 1;
        if (match(glob + 1, name + length, c))
            return true;
        if (!name[length])
            return false;
    }
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
        if (*p != '*')
            mt_strbuf_putc(&out, *p);
        else if (used < c.n) {
            mt_strbuf_add(&out, c.at[used], c.length[used]);
            used++;
        }
    }
    const char *result = out.failed ? NULL
                                    : mt_arena_strdup(arena, out.text ? out.text
                                                                      : "");

    mt_strbuf_free(&out);
    return result;
}
