/* Globs for --map, --except and --transpose, made from names of tensors. */
#ifndef MT_TRAIN_NAMEGLOB_H
#define MT_TRAIN_NAMEGLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/strbuf.h"

enum { MT_STARS = 8 };

/* The numbers in a name, to be replaced by stars. */
struct mt_stars {
    size_t at[MT_STARS], length[MT_STARS], n;
};

/* indices: only numbers that are a whole part of the name, between dots. */
struct mt_stars mt_find_numbers(const char *name, bool indices);

/* Appends n bytes of a name, quoted for a glob or for the NEW of --map. */
void mt_glob_add(struct mt_strbuf *out, const char *text, size_t n, bool glob);

/* n bytes of text as a glob that matches only them (except that '=', which
 * would end the OLD of --map, becomes any character); and the same with any
 * numbers. */
const char *mt_glob_quote(const char *text, size_t n, struct mt_arena *arena);
const char *mt_glob_numbers(const char *text, size_t n, struct mt_arena *arena);

#endif
