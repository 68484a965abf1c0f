#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/target.h"

enum {
    TRIES = 1000,
    ENDING_MAX = 32, /* ".", "-HASH" and ".mtrain-lock" */
};

static const char ending[] = ".mtrain-lock";

struct mt_lock {
    struct mt_target target;
    char name[NAME_MAX + 1];
    int fd; /* -1 if the file system has no locks */
    bool made; /* the file, by this writer */
};

/* FNV-1a: distinguishes long names that are shortened to the same one. */
static unsigned long long hash_name(const char *name)
{
    unsigned long long h = 0xcbf29ce484222325u;

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static void lock_name(const struct mt_target *t, char out[NAME_MAX + 1])
{
    size_t room = mt_target_room(t, ENDING_MAX);

    if (room == strlen(t->name))
        snprintf(out, NAME_MAX + 1, ".%s%s", t->name, ending);
    else
        snprintf(out, NAME_MAX + 1, ".%.*s-%016llx%s", (int)room, t->name,
                 hash_name(t->name), ending);
}

/* Opens the lock's file, which may exist already, locked or not. It is readable
 * by all, so that anyone who may write here can find out whether a dead
 * writer's lock is free. */
static int open_file(struct mt_lock *l)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(l->target.dir, l->name, flags);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = openat(l->target.dir, l->name, flags | O_CREAT | O_EXCL, 0444);
    if (fd >= 0) {
        l->made = true;
        fchmod(fd, 0444); /* whatever the umask; failure is harmless */
    }
    return fd;
}

static bool no_locks_here(int error)
{
    return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP ||
           error == EINVAL;
}

/* Is fd still the file of that name? A writer that ended has removed it. */
static bool is_current(const struct mt_lock *l)
{
    struct stat mine, there;

    return fstat(l->fd, &mine) == 0 &&
           fstatat(l->target.dir, l->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Returns 0, or an errno: EAGAIN or EINTR if it should be tried again, EBUSY if
 * another writer has the lock, EEXIST if something else has its name. */
static int try_lock(struct mt_lock *l)
{
    struct stat st;

    l->fd = open_file(l);
    if (l->fd < 0)
        return errno == EEXIST || errno == ENOENT ? EAGAIN : errno;
    if (fstat(l->fd, &st))
        return errno;
    if (!S_ISREG(st.st_mode))
        return EEXIST;
    if (flock(l->fd, LOCK_EX | LOCK_NB) == 0)
        return is_current(l) ? 0 : EAGAIN;
    if (errno == EWOULDBLOCK)
        return EBUSY;
    return no_locks_here(errno) ? 0 : errno;
}

/* Removes the file of a lock that could not be taken, unless another writer
 * has it. */
static void remove_own(const struct mt_lock *l, int error)
{
    if (l->made && error != EBUSY && is_current(l))
        unlinkat(l->target.dir, l->name, 0);
}

static int take(struct mt_lock *l)
{
    int error = EAGAIN;

    for (int i = 0; i < TRIES && (error == EAGAIN || error == EINTR); i++) {
        error = try_lock(l);
        if (error && l->fd >= 0) {
            remove_own(l, error);
            close(l->fd);
            l->fd = -1;
        }
    }
    return error;
}

static void lock_free(struct mt_lock *l)
{
    if (l->fd >= 0)
        close(l->fd);
    mt_target_free(&l->target);
    free(l);
}

mt_status mt_lock_take(const char *path, struct mt_lock **out,
                       struct mt_err *err)
{
    struct mt_lock *l = calloc(1, sizeof *l);
    int error;

    *out = NULL;
    if (!l)
        return mt_fail_memory(err);
    l->fd = -1;
    mt_status status = mt_target_find(path, &l->target, err);

    if (status != MT_OK)
        goto fail;
    lock_name(&l->target, l->name);
    error = take(l);
    if (error == EBUSY)
        status = mt_fail(err, MT_IO,
                         "%s: is being written by another mtrain: wait until "
                         "it has ended, or write to another file", path);
    else if (error == EEXIST)
        status = mt_fail(err, MT_IO,
                         "%s: cannot lock: \"%s\" next to it is not a regular "
                         "file",
                         path, l->name);
    else if (error)
        status = mt_fail_errno(err, error, path,
                               "cannot create its lock file");
    if (status != MT_OK)
        goto fail;
    *out = l;
    return MT_OK;
fail:
    lock_free(l);
    return status;
}

void mt_lock_release(struct mt_lock *l)
{
    if (!l)
        return;
    /* Removed while it is held: a process that opened it before finds that the
     * name no longer refers to it. */
    unlinkat(l->target.dir, l->name, 0);
    lock_free(l);
}

mt_status mt_replace_claim(const char *path, bool force, struct mt_lock **out,
                           struct mt_err *err)
{
    mt_status status = mt_replace_probe(path, force, err);

    *out = NULL;
    if (status != MT_OK)
        return status;
    status = mt_lock_take(path, out, err);
    if (status != MT_OK)
        return status;
    /* Again: another writer may have made it in between. */
    status = mt_replace_probe(path, force, err);
    if (status != MT_OK) {
        mt_lock_release(*out);
        *out = NULL;
    }
    return status;
}
