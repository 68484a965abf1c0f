/*
 * Warnings: what users should know although work continues. Code below cmd/
 * never prints; it adds to a list, which the command prints (cmd/warn.h).
 *
 *     struct mt_warnings list = MT_WARNINGS_INIT;
 *
 *     mt_warnings_add(&list, "scheduler", "T_max is %zu, ...", n);
 *     for (const struct mt_warning *w = list.first; w; w = w->next)
 *         ... w->about, w->text ...
 *     mt_warnings_free(&list);
 */
#ifndef MT_BASE_WARNINGS_H
#define MT_BASE_WARNINGS_H

#include <stdbool.h>

#include "base/arena.h"

struct mt_warning {
    const char *about; /* one word: "data", "loss", "scheduler", ... */
    const char *text;
    struct mt_warning *next;
};

struct mt_warnings {
    struct mt_arena arena;
    struct mt_warning *first, *last; /* in the order they were added */
    bool failed;                     /* one is missing: memory was exhausted */
};

#define MT_WARNINGS_INIT                                                       \
    {                                                                          \
        MT_ARENA_INIT, NULL, NULL, false                                       \
    }

/* about must outlive the list. */
void mt_warnings_add(struct mt_warnings *list, const char *about,
                     const char *fmt, ...) MT_PRINTF(3, 4);
void mt_warnings_free(struct mt_warnings *list);

#endif
