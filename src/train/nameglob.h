/* Names of tensors as globs of --map, --except and --transpose. */
#ifndef MT_TRAIN_NAMEGLOB_H
#define MT_TRAIN_NAMEGLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"

enum { MT_STARS = 8 };

/* Numbers in a name that become stars. */
struct mt_stars {
    size_t at[MT_STARS], length[MT_STARS], n;
};

/* indices: only those that are a part of the name, between dots. */
struct mt_stars mt_find_numbers(const char *name, bool indices);

/* Appends n bytes of a name; as a glob, or as what a rename makes. */
void mt_glob_add(struct mt_strbuf *out, const char *text, size_t n, bool glob);

/* n bytes of text as a glob that matches them alone (but '=', which would end
 * the OLD of --map, is any character); the same with any numbers. */
const char *mt_glob_quote(const char *text, size_t n, struct mt_arena *arena);
const char *mt_glob_numbers(const char *text, size_t n, struct mt_arena *arena);

#endif
