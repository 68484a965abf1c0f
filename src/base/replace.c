#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/target.h"

enum {
    TEMP_TRIES = 100,
    ENDING_MAX = 48, /* bytes of "PID-RANDOM.mtrain-tmp", and some to spare */
    PREFIX_SIZE = NAME_MAX - ENDING_MAX + 1,
    TEMP_SIZE = NAME_MAX + 1,
};

static const char temp_ending[] = ".mtrain-tmp";

struct mt_replace {
    struct mt_target target;
    char *shown; /* the path as the caller gave it */
    char temp[TEMP_SIZE];
    int fd;
    int error; /* errno of the first failed write; 0 while all is well */
};

/* In a folder with the sticky bit (/tmp) only the owner of the file or of the
 * folder may rename another one over it. */
static bool may_replace(const struct mt_target *t)
{
    uid_t me = geteuid();
    struct stat dir;

    return me == 0 || !t->exists || fstat(t->dir, &dir) ||
           !(dir.st_mode & S_ISVTX) || dir.st_uid == me || t->st.st_uid == me;
}

mt_status mt_replace_probe(const char *path, bool force, struct mt_err *err)
{
    struct mt_target t;
    mt_status status;

    if (!strcmp(path, "-"))
        return mt_fail(err, MT_INVALID,
                       "-: cannot write to standard output, only to a file "
                       "that is replaced as a whole; expected a path (./- for "
                       "a file of that name)");
    status = mt_target_find(path, &t, err);
    if (status != MT_OK)
        goto out;
    if (t.exists && !force)
        status = mt_fail(err, MT_IO, "%s: already exists (use -f to overwrite)",
                         path);
    else if (faccessat(t.dir, ".", W_OK | X_OK, AT_EACCESS))
        status = mt_fail_errno(err, errno, path,
                               "cannot write: its folder takes no new file");
    else if (!may_replace(&t))
        status = mt_fail(err, MT_IO,
                         "%s: cannot write: belongs to another user, and its "
                         "folder is sticky", path);
out:
    mt_target_free(&t);
    return status;
}

/* The part that all temporaries of this target share: ".NAME.". */
static void temp_prefix(const struct mt_target *t, char out[PREFIX_SIZE])
{
    snprintf(out, PREFIX_SIZE, ".%.*s.", (int)mt_target_room(t, ENDING_MAX + 2),
             t->name);
}

/* The PID in a temporary's name, if name has this prefix; else 0. */
static pid_t temp_pid(const char *name, const char *prefix)
{
    size_t n = strlen(prefix), end = sizeof temp_ending - 1;
    size_t length = strlen(name);

    if (strncmp(name, prefix, n) || length < n + end ||
        strcmp(name + length - end, temp_ending))
        return 0;

    size_t digits = strspn(name + n, "0123456789");
    size_t hex = strspn(name + n + digits + 1, "0123456789abcdef");

    if (!digits || digits > 10 || name[n + digits] != '-' || !hex ||
        n + digits + 1 + hex + end != length)
        return 0;

    long long pid = strtoll(name + n, NULL, 10);

    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* A living writer, even on another host or in another PID namespace, holds a
 * lock on its temporary. Only on a file system without locks does its PID
 * decide. */
static bool is_dead(int fd, pid_t pid)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    return errno != EWOULDBLOCK && pid != getpid() && kill(pid, 0) &&
           errno == ESRCH;
}

static void sweep_one(int dir, const char *name, pid_t pid)
{
    int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_dead(fd, pid))
        unlinkat(dir, name, 0);
    close(fd);
}

/* Removes the temporaries of this target's dead writers. Failures are ignored:
 * they only leave disk space in use. */
static void sweep(const struct mt_target *t, const char *prefix)
{
    int fd = openat(t->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        pid_t pid = temp_pid(e->d_name, prefix);

        if (pid)
            sweep_one(t->dir, e->d_name, pid);
    }
    closedir(dir);
}

static uint64_t random_number(void)
{
    uint64_t r;

    if (getrandom(&r, sizeof r, GRND_NONBLOCK) == (ssize_t)sizeof r)
        return r;

    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t); /* O_EXCL does the rest */
    return (uint64_t)t.tv_sec * 1000000007u + (uint64_t)t.tv_nsec;
}

/* Creates and locks the temporary; 0 or an errno. */
static int create_temp(struct mt_replace *r, const char prefix[PREFIX_SIZE])
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    mode_t mode = r->target.exists ? 0600 : 0666;
    int error = EEXIST;

    for (int i = 0; i < TEMP_TRIES; i++) {
        snprintf(r->temp, sizeof r->temp, "%.*s%ld-%08lx%s", PREFIX_SIZE - 1,
                 prefix, (long)getpid(),
                 (unsigned long)(random_number() & 0xffffffff), temp_ending);
        r->fd = openat(r->target.dir, r->temp, flags, mode);
        if (r->fd < 0) {
            error = errno;
            if (error == EEXIST || error == EINTR)
                continue;
            return error;
        }

        struct stat st;
        int locked = flock(r->fd, LOCK_EX | LOCK_NB);

        /* another process that cleaned up may have removed it between the two
         * calls */
        bool taken = locked && errno == EWOULDBLOCK;

        error = fstat(r->fd, &st) ? errno : 0;
        if (!error && !taken && st.st_nlink > 0)
            return 0;
        error = error ? error : EEXIST;
        unlinkat(r->target.dir, r->temp, 0);
        close(r->fd);
        r->fd = -1;
    }
    return error;
}

static void replace_free(struct mt_replace *r)
{
    if (r->fd >= 0)
        close(r->fd);
    mt_target_free(&r->target);
    free(r->shown);
    free(r);
}

mt_status mt_replace_open(const char *path, struct mt_replace **out,
                          struct mt_err *err)
{
    struct mt_replace *r = calloc(1, sizeof *r);

    if (!r)
        return mt_fail_memory(err);
    r->fd = -1;
    mt_status status = mt_target_find(path, &r->target, err);

    if (status != MT_OK)
        goto fail;
    r->shown = strdup(path);
    if (!r->shown) {
        status = mt_fail_memory(err);
        goto fail;
    }

    char prefix[PREFIX_SIZE];

    temp_prefix(&r->target, prefix);
    sweep(&r->target, prefix);
    int error = create_temp(r, prefix);

    if (error) {
        status = mt_fail_errno(err, error, path,
                               "cannot create a temporary file next to it");
        goto fail;
    }
    *out = r;
    return MT_OK;
fail:
    replace_free(r);
    return status;
}

mt_status mt_replace_write(struct mt_replace *r, const void *bytes, size_t n,
                           struct mt_err *err)
{
    const unsigned char *from = bytes;
    int times = 0;

    while (n && !r->error) {
        ssize_t put = write(r->fd, from, n);

        if (put < 0 && mt_call_again(&times))
            continue;
        if (put <= 0) {
            r->error = put < 0 ? errno : EIO;
            break;
        }
        from += put;
        n -= (size_t)put;
    }
    if (r->error)
        return mt_fail_errno(err, r->error, r->shown, "cannot write");
    return MT_OK;
}

mt_status mt_replace_patch(struct mt_replace *r, uint64_t offset,
                           const void *bytes, size_t n, struct mt_err *err)
{
    const unsigned char *from = bytes;
    int times = 0;

    while (n && !r->error) {
        ssize_t put = pwrite(r->fd, from, n, (off_t)offset);

        if (put < 0 && mt_call_again(&times))
            continue;
        if (put <= 0) {
            r->error = put < 0 ? errno : EIO;
            break;
        }
        from += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    if (r->error)
        return mt_fail_errno(err, r->error, r->shown, "cannot write");
    return MT_OK;
}

/* Gives the new file the old one's owner, if permitted, and its mode; it keeps
 * a set-user-ID bit only with the owner. */
static int keep_mode(const struct mt_replace *r)
{
    const struct stat *old = &r->target.st;
    mode_t mode = old->st_mode & 0777;
    struct stat now;

    if (!r->target.exists)
        return 0;
    if (fstat(r->fd, &now))
        return -1;
    if (now.st_uid == old->st_uid && now.st_gid == old->st_gid)
        mode = old->st_mode & 07777;
    else if (fchown(r->fd, old->st_uid, old->st_gid) == 0)
        mode = old->st_mode & 07777;
    return fchmod(r->fd, mode);
}

mt_status mt_replace_commit(struct mt_replace *r, struct mt_err *err)
{
    int error = r->error, dir = r->target.dir;
    const char *what = "cannot write";

    if (!error && keep_mode(r)) {
        error = errno;
        what = "cannot keep its permissions";
    }
    /* Once: after a failed fsync the kernel may have dropped the pages, and
     * a second call would only claim success. */
    if (!error && fsync(r->fd)) {
        error = errno;
        what = "cannot bring it to disk";
    }
    if (close(r->fd) && !error && errno != EINTR) {
        error = errno;
        what = "cannot close the new file";
    }
    r->fd = -1;
    if (!error && renameat(dir, r->temp, dir, r->target.name)) {
        error = errno;
        what = "cannot put the new file in its place";
    }
    if (error) {
        unlinkat(dir, r->temp, 0);
    } else if (fsync(dir) && errno != EINVAL && errno != ENOTSUP) {
        error = errno;
        what = "is written, but its folder cannot be brought to disk";
    }
    mt_status status =
        error ? mt_fail_errno(err, error, r->shown, what) : MT_OK;

    replace_free(r);
    return status;
}

void mt_replace_abort(struct mt_replace *r)
{
    if (!r)
        return;
    unlinkat(r->target.dir, r->temp, 0);
    replace_free(r);
}
