/*
 * Makes names and types of a state file printable: a file with an odd name can
 * still be read.
 */
#ifndef MT_CKPT_PRINTABLE_H
#define MT_CKPT_PRINTABLE_H

#include <stddef.h>

#include "base/arena.h"

/* A name that mt_ckpt_text_fault() accepts: the n bytes themselves if it
 * accepts them; else control characters and bytes that are not UTF-8 become
 * \xNN, an empty name "(no name)", and a long one ends in "...NUMBER" (of the
 * array). NULL: no memory. */
const char *mt_printable_name(struct mt_arena *arena, const char *name,
                              size_t n, size_t number);

/* Writes the same to out, which has room for MT_PRINTABLE_MAX bytes, without a
 * NUL; returns their number. */
enum { MT_PRINTABLE_MAX = 1024 };
size_t mt_printable_put(char *out, const char *name, size_t n, size_t number);

/* A type's name, shortened, with '?' for characters that are not printable
 * ASCII or need quoting. */
const char *mt_printable_type(struct mt_arena *arena, const char *type);

#endif
