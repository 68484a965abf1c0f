/* Renaming tensors by globs: --map OLD=NEW. */
#ifndef MT_TRAIN_RENAME_H
#define MT_TRAIN_RENAME_H

#include "base/arena.h"
#include "base/status.h"

/* A glob for the whole name, and the new name: each * of `to` is replaced by
 * what the * of `from` in the same place matched, \1 ... \9 by what the * of
 * that number matched. */
struct mt_rename {
    const char *from, *to;
};

/* Fails if `to` refers to a * that `from` does not have. */
mt_status mt_rename_check(const struct mt_rename *rename, struct mt_err *err);

/* "*.weight" -> "body.*.w" on "fc1.weight" gives "body.fc1.w": the new name in
 * arena, or NULL if from does not match (or memory ran out). */
const char *mt_rename_apply(const struct mt_rename *rename, const char *name,
                            struct mt_arena *arena);

#endif
