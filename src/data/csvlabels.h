/*
 * The classes of a CSV file: the distinct values of its target column. They are
 * numbered 0 ... classes-1: by size if every value is a number (different
 * spellings of a number, "1" and "1.0", are one class, named by the first of
 * them), in byte order otherwise.
 */
#ifndef MT_DATA_CSVLABELS_H
#define MT_DATA_CSVLABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { MT_LABELS_MAX = 1 << 16 }; /* distinct values */

struct mt_labels_recent; /* the cache of mt_labels_recall */

struct mt_labels {
    struct mt_arena *arena; /* of the names */
    struct mt_labels_recent *recent;
    size_t n, room;
    const char **values;      /* [n], as first met */
    double *numbers;          /* [n], if numeric */
    uint32_t *sorted;         /* [n], indices in byte order of the values */
    bool numeric;             /* every value is a number */
    uint32_t *by_number;      /* [n], after finish: indices by number */
    int32_t *class_of;        /* [n], after finish: the class of each value */
    size_t classes;           /* after finish */
    const char *const *names; /* [classes], after finish; in the arena */
};

void mt_labels_init(struct mt_labels *labels, struct mt_arena *arena);
void mt_labels_free(struct mt_labels *labels);

/* The index of a value, which is added if it is new. MT_INVALID: it would be
 * one too many (no text is written). */
mt_status mt_labels_add(struct mt_labels *labels, const char *text, size_t n,
                        uint32_t *index);

/* The index of exactly this value, or -1. */
int32_t mt_labels_index(const struct mt_labels *labels, const char *text,
                        size_t n);

/* A cache, as a text is often one of few. Returns what mt_labels_remember was
 * last given for the text, or -1: it is not in the cache, or longer than 16
 * bytes. mt_labels_finish empties the cache. At least 8 bytes of the text must
 * be readable, whatever n. */
int32_t mt_labels_recall(const struct mt_labels *labels, const char *text,
                         size_t n);
void mt_labels_remember(struct mt_labels *labels, const char *text, size_t n,
                        int32_t meaning); /* at least 0 */

/* Makes classes from the values added; class_of then maps indices to
 * classes. */
mt_status mt_labels_finish(struct mt_labels *labels);

/* Sets classes in a given order, instead of add and finish. MT_INVALID: two are
 * the same, or there are too many (no text is written). */
mt_status mt_labels_set(struct mt_labels *labels, const char *const *names,
                        size_t n);

/* After finish or set: the class of a value, or -1. */
int32_t mt_labels_find(const struct mt_labels *labels, const char *text,
                       size_t n);

#endif
