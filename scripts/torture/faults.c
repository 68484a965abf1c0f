/*
 * Preloaded under mtrain: makes one of its system calls fail, or writes down
 * what reaches the disk. The calls go straight to the kernel, past libc.
 *
 *   TORTURE_FAULT=CALLS:N:HOW:WHEN
 *
 * CALLS: names with commas, or "all". The Nth of them (from 1) fails, and with
 * WHEN "on" all later ones too ("once": only that one). HOW:
 *
 *   ENOSPC, EIO, EINTR, EACCES, ...   it does nothing and returns that error
 *   short    a write or a read takes only half (at least a byte)
 *   torn     a write takes half, then the process is killed
 *   kill     the process is killed before the call
 *
 *   TORTURE_COUNT=FILE   at the end: how many calls there were, and the name of
 *                        the one that failed
 *   TORTURE_LOG=FILE     a line for each change of the current folder, with
 *                        the bytes of each write behind its line:
 *
 *   create INODE NAME · write INODE OFFSET LENGTH · sync INODE · syncdir
 *   rename FROM TO · link FROM TO · unlink NAME
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    int number;
} errors[] = {
    { "ENOSPC", ENOSPC }, { "EIO", EIO },       { "EINTR", EINTR },
    { "EACCES", EACCES }, { "EROFS", EROFS },   { "EDQUOT", EDQUOT },
    { "EMFILE", EMFILE }, { "ENOLCK", ENOLCK }, { "EPERM", EPERM },
    { "EINVAL", EINVAL },
};

enum how { HOW_ERROR, HOW_SHORT, HOW_TORN, HOW_KILL };

static struct {
    char calls[512];
    long at;
    enum how how;
    int error;
    int on;
    char failed[32]; /* the call that did */
} fault;

static atomic_long count;
static int log_fd = -1;

static void set_how(const char *how)
{
    fault.how = strcmp(how, "short") == 0  ? HOW_SHORT
                : strcmp(how, "torn") == 0 ? HOW_TORN
                : strcmp(how, "kill") == 0 ? HOW_KILL
                                           : HOW_ERROR;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (strcmp(how, errors[i].name) == 0)
            fault.error = errors[i].number;
    }
    if (fault.how == HOW_ERROR && !fault.error)
        abort(); /* a slip in the attack */
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("TORTURE_FAULT"), *log = getenv("TORTURE_LOG");
    char how[32] = "", when[32] = "";

    if (text) {
        if (sscanf(text, "%500[^:]:%ld:%30[^:]:%30s", fault.calls, &fault.at,
                   how, when) != 4)
            abort();
        set_how(how);
        fault.on = strcmp(when, "on") == 0;
    }
    if (log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log,
                              O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("TORTURE_COUNT");
    char text[64];

    if (!path)
        return;
    int n = snprintf(text, sizeof text, "%ld %s\n", atomic_load(&count),
                     fault.failed);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC,
                      0666);

    syscall(SYS_write, fd, text, n);
    syscall(SYS_close, fd);
}

/* Is name, with its comma or end, in the list? */
static int chosen(const char *name)
{
    size_t n = strlen(name);

    if (strcmp(fault.calls, "all") == 0)
        return 1;
    for (const char *p = fault.calls; (p = strstr(p, name)); p += n) {
        if ((p == fault.calls || p[-1] == ',') && (p[n] == ',' || !p[n]))
            return 1;
    }
    return 0;
}

/* Does this call fail? */
static int hit(const char *name)
{
    if (!fault.at || !chosen(name))
        return 0;
    long n = atomic_fetch_add(&count, 1) + 1;

    if (n != fault.at && !(fault.on && n > fault.at))
        return 0;
    if (n == fault.at)
        snprintf(fault.failed, sizeof fault.failed, "%s", name);
    if (fault.how == HOW_KILL)
        syscall(SYS_kill, getpid(), SIGKILL);
    errno = fault.error;
    return 1;
}

/* A failing call that moves no bytes: short and torn mean nothing to it. */
#define FAIL(name)                                                             \
    if (hit(name) && fault.how == HOW_ERROR)                                   \
        return -1

static void note(const char *fmt, ...)
{
    char line[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);

    va_end(args);
    syscall(SYS_write, log_fd, line, n);
}

static long raw_stat(int fd, const char *path, struct stat *st, int flags)
{
    return syscall(SYS_newfstatat, fd, path, st, flags);
}

static unsigned long inode(int fd)
{
    struct stat st;

    return raw_stat(fd, "", &st, AT_EMPTY_PATH) ? 0 : (unsigned long)st.st_ino;
}

static int do_open(const char *name, int dir, const char *path, int flags,
                   mode_t mode)
{
    FAIL(name);
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode);

    if (fd >= 0 && log_fd >= 0 && (flags & O_CREAT))
        note("create %lu %s\n", inode(fd), path);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;

    va_end(args);
    return do_open("open", AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;

    va_end(args);
    return do_open("openat", dir, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    if (hit("write")) {
        if (fault.how == HOW_ERROR)
            return -1;
        n = n > 1 ? n / 2 : n;
    }
    long at = log_fd >= 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) : -1;
    ssize_t put = syscall(SYS_write, fd, bytes, n);

    if (fault.how == HOW_TORN && atomic_load(&count) == fault.at)
        syscall(SYS_kill, getpid(), SIGKILL);
    if (log_fd >= 0 && put > 0 && at >= 0) {
        note("write %lu %ld %zd\n", inode(fd), at, put);
        syscall(SYS_write, log_fd, bytes, put);
    }
    return put;
}

ssize_t read(int fd, void *bytes, size_t n)
{
    if (hit("read")) {
        if (fault.how == HOW_ERROR)
            return -1;
        n = n > 1 ? n / 2 : n;
    }
    return syscall(SYS_read, fd, bytes, n);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    if (hit("pread")) {
        if (fault.how == HOW_ERROR)
            return -1;
        n = n > 1 ? n / 2 : n;
    }
    return syscall(SYS_pread64, fd, bytes, n, at);
}

int fsync(int fd)
{
    struct stat st;

    FAIL("fsync");
    int result = (int)syscall(SYS_fsync, fd);

    if (result == 0 && log_fd >= 0 &&
        raw_stat(fd, "", &st, AT_EMPTY_PATH) == 0) {
        if (S_ISDIR(st.st_mode))
            note("syncdir\n");
        else
            note("sync %lu\n", (unsigned long)st.st_ino);
    }
    return result;
}

/* A close that fails has closed. */
int close(int fd)
{
    int failed = hit("close") && fault.how == HOW_ERROR;
    int result = (int)syscall(SYS_close, fd);

    if (failed)
        errno = fault.error;
    return failed ? -1 : result;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    FAIL("renameat");
    int result =
        (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);

    if (result == 0 && log_fd >= 0)
        note("rename %s %s\n", from, to);
    return result;
}

int rename(const char *from, const char *to)
{
    FAIL("rename");
    int result =
        (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);

    if (result == 0 && log_fd >= 0)
        note("rename %s %s\n", from, to);
    return result;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
           int flags)
{
    FAIL("linkat");
    int result = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);

    if (result == 0 && log_fd >= 0)
        note("link %s %s\n", from, to);
    return result;
}

static int do_unlink(const char *name, int dir, const char *path, int flags)
{
    FAIL(name);
    int result = (int)syscall(SYS_unlinkat, dir, path, flags);

    if (result == 0 && log_fd >= 0)
        note("unlink %s\n", path);
    return result;
}

int unlink(const char *path)
{
    return do_unlink("unlink", AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    return do_unlink("unlinkat", dir, path, flags);
}

int symlink(const char *target, const char *path)
{
    FAIL("symlink");
    return (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}

int fchmod(int fd, mode_t mode)
{
    FAIL("fchmod");
    return (int)syscall(SYS_fchmod, fd, mode);
}

int fchown(int fd, uid_t owner, gid_t group)
{
    FAIL("fchown");
    return (int)syscall(SYS_fchown, fd, owner, group);
}

int flock(int fd, int operation)
{
    FAIL("flock");
    return (int)syscall(SYS_flock, fd, operation);
}

int fstat(int fd, struct stat *st)
{
    FAIL("fstat");
    return (int)raw_stat(fd, "", st, AT_EMPTY_PATH);
}

int fstatat(int dir, const char *restrict path, struct stat *restrict st,
            int flags)
{
    FAIL("fstatat");
    return (int)raw_stat(dir, path, st, flags);
}

int stat(const char *restrict path, struct stat *restrict st)
{
    FAIL("stat");
    return (int)raw_stat(AT_FDCWD, path, st, 0);
}

int lstat(const char *restrict path, struct stat *restrict st)
{
    FAIL("lstat");
    return (int)raw_stat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

ssize_t readlink(const char *restrict path, char *restrict to, size_t size)
{
    FAIL("readlink");
    return syscall(SYS_readlinkat, AT_FDCWD, path, to, size);
}

int faccessat(int dir, const char *path, int mode, int flags)
{
    FAIL("faccessat");
    return (int)syscall(439 /* faccessat2 */, dir, path, mode, flags);
}

ssize_t getrandom(void *to, size_t n, unsigned flags)
{
    FAIL("getrandom");
    return syscall(SYS_getrandom, to, n, flags);
}
