/*
 * Reading whole files, and replacing files atomically.
 *
 * Reading opens regular files only (never a FIFO, a device or a directory)
 * and loops over short reads and EINTR.
 *
 * Writing never touches the old file until the new one is whole and on disk:
 *
 *     struct mt_replace *r;
 *     mt_replace_open(path, &r, err);      temporary next to the target, O_EXCL
 *     mt_replace_write(r, bytes, n, err);  any number of times
 *     mt_replace_commit(r, err);           fsync, rename, fsync of the folder
 *     (or mt_replace_abort(r))             the temporary is removed
 *
 * Symbolic links are followed (the link stays, its target is replaced), the
 * target's mode is kept (0666 & ~umask for a new file), and leftover
 * temporaries of dead processes are removed on the way. A temporary is called
 * .NAME.PID-RANDOM.mtrain-tmp and is locked (flock) while its writer lives.
 *
 * A full disk comes back as a message, and so does a file that outgrows
 * RLIMIT_FSIZE, provided that the program ignores SIGXFSZ.
 */
#ifndef MT_BASE_FILE_H
#define MT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_bytes {
    unsigned char *data; /* n bytes and one NUL after them; free() it */
    size_t n;
};

/* Reads a whole regular file of at most max bytes. */
mt_status mt_file_read(const char *path, size_t max, struct mt_bytes *out,
                       struct mt_err *err);

/* Opens a regular file for reading; the caller closes *fd. */
mt_status mt_file_open(const char *path, int *fd, uint64_t *size,
                       struct mt_err *err);

/* Reads exactly n bytes at offset. */
mt_status mt_file_pread(int fd, const char *path, uint64_t offset, void *out,
                        size_t n, struct mt_err *err);

/* Can path be written? Finds out without changing it: that its folder exists
 * and takes a new file, that an existing target is a regular file, and, unless
 * force, that there is none. "-", which means standard output elsewhere, is
 * refused. */
mt_status mt_replace_probe(const char *path, bool force, struct mt_err *err);

/*
 * A long-running writer locks its target until it ends, so that two never
 * overwrite each other's work:
 *
 *     mt_replace_claim(path, force, &lock, err);   probe and lock
 *     ... mt_replace_open to mt_replace_commit, any number of times ...
 *     mt_lock_release(lock);
 *
 * The lock is an flock on .NAME.mtrain-lock next to the target that the links
 * lead to; it ends with its process, however that ends. The empty file that a
 * killed process leaves is taken over, and removed, by the next writer. On a
 * file system without locks, writers are not kept apart, but every file is
 * still whole.
 */
struct mt_lock;

/* Fails at once, naming path, if another writer holds it. */
mt_status mt_lock_take(const char *path, struct mt_lock **out,
                       struct mt_err *err);
void mt_lock_release(struct mt_lock *lock); /* lock may be NULL */

/* mt_replace_probe and mt_lock_take in one: no other process can intervene.
 * *out is NULL on failure. */
mt_status mt_replace_claim(const char *path, bool force, struct mt_lock **out,
                           struct mt_err *err);

struct mt_replace;

mt_status mt_replace_open(const char *path, struct mt_replace **out,
                          struct mt_err *err);
mt_status mt_replace_write(struct mt_replace *r, const void *bytes, size_t n,
                           struct mt_err *err);
/* Writes over n bytes at offset, which were written before: a checksum that is
 * known only later. Fails as mt_replace_write does. */
mt_status mt_replace_patch(struct mt_replace *r, uint64_t offset,
                           const void *bytes, size_t n, struct mt_err *err);
/* Frees r, whatever it returns. On failure the old file is as it was, except
 * for one case that the message names: the new file is in place and whole, and
 * only its folder could not be brought to disk. After a failed write it fails
 * with the same message and removes the temporary. */
mt_status mt_replace_commit(struct mt_replace *r, struct mt_err *err);
void mt_replace_abort(struct mt_replace *r); /* r may be NULL */

#endif
