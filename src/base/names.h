/*
 * A hash table from names to their numbers, 0, 1, 2 ... in the order in which
 * they are added. No choice of names makes a lookup slow. The names are stored
 * elsewhere: a function of the caller's returns the name of a number.
 */
#ifndef MT_BASE_NAMES_H
#define MT_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_names {
    uint32_t *table; /* (size) numbers + 1; 0: free */
    size_t size;     /* a power of two, at least twice n; 0: no table yet */
    size_t n;
};

#define MT_NAMES_INIT { NULL, 0, 0 }

/* The name of number i; ctx is the caller's. */
typedef const char *mt_name_of(const void *ctx, size_t i);

/* The first number of that name, or SIZE_MAX. */
size_t mt_names_find(const struct mt_names *names, const char *name,
                     mt_name_of *name_of, const void *ctx);

/* Adds the next number, names->n; name_of must return its name already. False:
 * no memory, and nothing was added. */
bool mt_names_add(struct mt_names *names, mt_name_of *name_of,
                  const void *ctx);

void mt_names_free(struct mt_names *names);

#endif
