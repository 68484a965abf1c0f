/*
 * Names and types that a state file gives, made fit to be listed: one odd name
 * must not refuse the whole file.
 */
#ifndef MT_CKPT_PRINTABLE_H
#define MT_CKPT_PRINTABLE_H

#include <stddef.h>

#include "base/arena.h"

/* A name that mt_ckpt_text_fault() has nothing against: the n bytes themselves
 * where it has not; else control characters and bytes that are not UTF-8 are
 * written as \xNN, an empty name as "(no name)", and a long one ends in
 * "...NUMBER" (of the array). NULL: no memory. */
const char *mt_printable_name(struct mt_arena *arena, const char *name,
                              size_t n, size_t number);

/* The same into out, which has room for MT_PRINTABLE_MAX bytes, without a NUL;
 * returns how many there are. */
enum { MT_PRINTABLE_MAX = 1024 };
size_t mt_printable_put(char *out, const char *name, size_t n, size_t number);

/* A short word of letters, digits and ASCII marks that need no quoting. */
const char *mt_printable_type(struct mt_arena *arena, const char *type);

#endif
