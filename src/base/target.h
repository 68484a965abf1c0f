/*
 * Where a file that is to be written really is: the folder, held open, and the
 * name in it, once the symbolic links at the end of the path are followed. So
 * a temporary, a lock and the rename all happen in one folder, whatever
 * becomes of the path in the meantime.
 */
#ifndef MT_BASE_TARGET_H
#define MT_BASE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/status.h"

struct mt_target {
    char *path;
    const char *name; /* the last part of path */
    int dir;          /* the folder that holds it, open */
    bool exists;
    struct stat st; /* where it exists */
};

/* Existing or not; but what exists must be a regular file. Free *t whatever
 * it returns. */
mt_status mt_target_find(const char *path, struct mt_target *t,
                         struct mt_err *err);
void mt_target_free(struct mt_target *t);

/* How many bytes of t->name fit into a name with `ending` further bytes; a
 * UTF-8 character is not cut. */
size_t mt_target_room(const struct mt_target *t, size_t ending);

#endif
