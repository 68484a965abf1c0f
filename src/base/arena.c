#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "base/size.h"

enum { BLOCK_SIZE = 1 << 16, BLOCK_ALIGN = 64 };

struct mt_arena_block {
    struct mt_arena_block *next;
    size_t used, size; /* bytes, this header included */
};

static struct mt_arena_block *block_new(size_t size)
{
    struct mt_arena_block *block = mt_pages_alloc(size);

    if (!block)
        return NULL;
    memset(block, 0, size);
    block->used = BLOCK_ALIGN;
    block->size = size;
    return block;
}

/* Adds a full block, after the one in use. */
static void add_full(struct mt_arena *arena, struct mt_arena_block *block)
{
    block->used = block->size;
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        arena->blocks = block;
    }
}

/* Large pieces get a block of their own. */
static void *alloc_large(struct mt_arena *arena, size_t size)
{
    if (size > PTRDIFF_MAX - 2 * BLOCK_ALIGN)
        return NULL;
    struct mt_arena_block *block =
        block_new(mt_size_align(size, BLOCK_ALIGN) + BLOCK_ALIGN);

    if (!block)
        return NULL;
    add_full(arena, block);
    return (char *)block + BLOCK_ALIGN;
}

void *mt_arena_alloc(struct mt_arena *arena, size_t size)
{
    struct mt_arena_block *block = arena->blocks;

    if (size > BLOCK_SIZE / 4)
        return alloc_large(arena, size);
    size_t align = size >= BLOCK_ALIGN ? BLOCK_ALIGN : 16;
    size_t at = block ? mt_size_align(block->used, align) : 0;

    if (!block || at + size > block->size) {
        block = block_new(BLOCK_SIZE);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        at = block->used;
    }
    block->used = at + size;
    return (char *)block + at;
}

void *mt_arena_calloc(struct mt_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (!mt_size_mul(count, size, &bytes))
        return NULL;
    return mt_arena_alloc(arena, bytes);
}

void *mt_arena_reserve(struct mt_arena *arena, size_t count, size_t size)
{
    struct mt_arena_block *block;
    size_t bytes;

    if (!mt_size_mul(count, size, &bytes) ||
        bytes > PTRDIFF_MAX - 2 * BLOCK_ALIGN)
        return NULL;
    bytes += 2 * BLOCK_ALIGN; /* calloc aligns to less */
    if (!(block = mt_pages_reserve(bytes)))
        return NULL;
    block->size = bytes;
    add_full(arena, block);
    return (char *)mt_size_align((uintptr_t)(block + 1), BLOCK_ALIGN);
}

char *mt_arena_strndup(struct mt_arena *arena, const char *text, size_t n)
{
    char *copy = mt_arena_alloc(arena, n + 1);

    if (copy)
        memcpy(copy, text, n);
    return copy;
}

char *mt_arena_strdup(struct mt_arena *arena, const char *text)
{
    return mt_arena_strndup(arena, text, strlen(text));
}

char *mt_arena_printf(struct mt_arena *arena, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        return NULL;

    char *text = mt_arena_alloc(arena, (size_t)n + 1);

    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

size_t mt_arena_bytes(const struct mt_arena *arena)
{
    size_t bytes = 0;

    for (const struct mt_arena_block *b = arena->blocks; b; b = b->next)
        bytes += b->size;
    return bytes;
}

void mt_arena_free(struct mt_arena *arena)
{
    struct mt_arena_block *block = arena->blocks;

    while (block) {
        struct mt_arena_block *next = block->next;

        free(block);
        block = next;
    }
    arena->blocks = NULL;
}
