/*
 * An arena: memory that is allocated piece by piece and freed all at once.
 * A model, a graph or a parsed document owns one, so that there is a single
 * free and nothing can be forgotten.
 *
 *     struct mt_arena arena = MT_ARENA_INIT;
 *     char *name = mt_arena_printf(&arena, "%s.weight", layer);
 *     ...
 *     mt_arena_free(&arena);
 *
 * Every piece is zeroed and aligned to 64 bytes if it is 64 bytes or larger,
 * to 16 otherwise. NULL means that memory is exhausted.
 */
#ifndef MT_BASE_ARENA_H
#define MT_BASE_ARENA_H

#include <stddef.h>

#include "base/status.h"

struct mt_arena_block;

struct mt_arena {
    struct mt_arena_block *blocks; /* newest first */
};

#define MT_ARENA_INIT { NULL }

void *mt_arena_alloc(struct mt_arena *arena, size_t size);

/* As mt_arena_alloc for count * size bytes; NULL too if that overflows. */
void *mt_arena_calloc(struct mt_arena *arena, size_t count, size_t size);

/* The same, aligned to 64, for an array of which little will be used: what is
 * not touched takes no memory (base/pages.h). */
void *mt_arena_reserve(struct mt_arena *arena, size_t count, size_t size);

char *mt_arena_strdup(struct mt_arena *arena, const char *text);
char *mt_arena_strndup(struct mt_arena *arena, const char *text, size_t n);
char *mt_arena_printf(struct mt_arena *arena, const char *fmt, ...)
    MT_PRINTF(2, 3);

/* Bytes of memory that the arena has allocated. */
size_t mt_arena_bytes(const struct mt_arena *arena);

void mt_arena_free(struct mt_arena *arena);

#endif
