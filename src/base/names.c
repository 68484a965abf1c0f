#include "base/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/siphash.h"

/* With a known hash, a file could be made whose names all fall on one slot. So
 * the hash has a random key, which the kernel gives to each process; the
 * numbers do not depend on it. */
static const unsigned char *key(void)
{
    static const unsigned char none[16];
    const unsigned char *random =
        (const unsigned char *)(uintptr_t)getauxval(AT_RANDOM);

    return random ? random : none;
}

/* The slot of the name in the table, or the free slot for it. */
static size_t find_place(const struct mt_names *t, const char *name,
                         mt_name_of *name_of, const void *ctx)
{
    size_t at = (size_t)mt_siphash(key(), name, strlen(name)) & (t->size - 1);

    while (t->table[at] && strcmp(name_of(ctx, t->table[at] - 1), name) != 0)
        at = (at + 1) & (t->size - 1);
    return at;
}

/* If the name has a number already, that one is kept. */
static void note(struct mt_names *t, size_t i, mt_name_of *name_of,
                 const void *ctx)
{
    size_t at = find_place(t, name_of(ctx, i), name_of, ctx);

    if (!t->table[at])
        t->table[at] = (uint32_t)i + 1;
}

static bool grow(struct mt_names *t, mt_name_of *name_of, const void *ctx)
{
    size_t size = t->size ? 2 * t->size : 128;
    uint32_t *table = calloc(size, sizeof *table);

    if (!table)
        return false;
    free(t->table);
    t->table = table;
    t->size = size;
    for (size_t i = 0; i < t->n; i++)
        note(t, i, name_of, ctx);
    return true;
}

size_t mt_names_find(const struct mt_names *names, const char *name,
                     mt_name_of *name_of, const void *ctx)
{
    if (!names->size)
        return SIZE_MAX;
    size_t at = find_place(names, name, name_of, ctx);

    return names->table[at] ? names->table[at] - 1 : SIZE_MAX;
}

bool mt_names_add(struct mt_names *names, mt_name_of *name_of, const void *ctx)
{
    if (2 * (names->n + 1) > names->size && !grow(names, name_of, ctx))
        return false;
    note(names, names->n++, name_of, ctx);
    return true;
}

void mt_names_free(struct mt_names *names)
{
    free(names->table);
    *names = (struct mt_names)MT_NAMES_INIT;
}
