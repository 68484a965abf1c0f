/* Renaming tensors by globs: --map OLD=NEW. */
#ifndef MT_TRAIN_RENAME_H
#define MT_TRAIN_RENAME_H

#include "base/arena.h"
#include "base/status.h"

/* Globs over the whole name: each * of `to` is what that * of `from` took, and
 * \1 ... \9 what the * of that number took. */
struct mt_rename {
    const char *from, *to;
};

/* Does `to` refer only to what `from` takes? */
mt_status mt_rename_check(const struct mt_rename *rename, struct mt_err *err);

/* "*.weight" -> "body.*.w" on "fc1.weight" gives "body.fc1.w": the new name in
 * arena, or NULL where from does not match (or memory ran out). */
const char *mt_rename_apply(const struct mt_rename *rename, const char *name,
                            struct mt_arena *arena);

#endif
