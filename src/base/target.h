/*
 * Where a file to be written really is, after following the symbolic links at
 * the end of its path: the folder, held open, and the name in it. So the
 * temporary, the lock and the rename are all in one folder, whatever happens
 * to the path in the meantime.
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

/* The file need not exist; if it does, it must be a regular file. Free *t
 * whatever this returns. */
mt_status mt_target_find(const char *path, struct mt_target *t,
                         struct mt_err *err);
void mt_target_free(struct mt_target *t);

/* How many bytes of t->name fit into a name with `ending` more bytes, without
 * cutting a UTF-8 character. */
size_t mt_target_room(const struct mt_target *t, size_t ending);

#endif
