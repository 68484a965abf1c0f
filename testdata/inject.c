/*
 * Calls that fail when they are asked to (src/base/inject_testing.h). Linked
 * into the tests, with -Wl,--wrap for each of the names below.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/inject_testing.h"

static struct inject plan;
static atomic_bool active;
static atomic_size_t calls;
static atomic_long held;

static void *counted_malloc(size_t n);
static void counted_free(void *p);

void inject_start(struct inject wanted)
{
    static cJSON_Hooks hooks = { counted_malloc, counted_free };

    cJSON_InitHooks(&hooks);
    plan = wanted;
    atomic_store(&calls, 0);
    atomic_store(&active, true);
}

size_t inject_stop(void)
{
    atomic_store(&active, false);
    return atomic_load(&calls);
}

void inject_pause(void)
{
    atomic_store(&active, false);
}

void inject_go_on(void)
{
    atomic_store(&active, true);
}

long inject_held(void)
{
    return atomic_load(&held);
}

/* Is it this call's turn? wrapper: "__wrap_" and the name of the call. */
static bool is_next(enum inject_kind kind, const char *wrapper)
{
    if (!atomic_load_explicit(&active, memory_order_relaxed) ||
        plan.kind != kind ||
        (plan.call && strcmp(plan.call, wrapper + sizeof "__wrap_" - 1)))
        return false;
    size_t n = atomic_fetch_add(&calls, 1) + 1;

    if (!plan.at || (plan.on ? n < plan.at : n != plan.at))
        return false;
    errno = plan.error;
    return true;
}

#define fails(kind) is_next(kind, __func__)

/* A call that moves n bytes: how many it may; -1: it fails. */
static ssize_t most_moved(size_t n, bool next)
{
    if (!next)
        return (ssize_t)n;
    if (plan.error == INJECT_NOTHING)
        return 0;
    return plan.error ? -1 : (ssize_t)(n < 2 ? n : n / 2 + 1);
}

#define moves(n) most_moved(n, fails(INJECT_SYSTEM))

/* A call that moves nothing. */
#define refuses() (fails(INJECT_SYSTEM) && plan.error > 0)

/* The same for one that is never interrupted, or (fsync) not tried again. */
#define refuses_at_once() (refuses() && plan.error != EINTR)

/* ---- memory ---- */

#define COUNT(p) ((p) ? (atomic_fetch_add(&held, 1), (p)) : NULL)

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
char *__real_strdup(const char *text);
char *__real_realpath(const char *path, char *out);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *ctx);
int __real_inflateInit2_(z_stream *z, int bits, const char *version, int size);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);
char *__wrap_strdup(const char *text);
char *__wrap_realpath(const char *path, char *out);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *ctx);
int __wrap_inflateInit2_(z_stream *z, int bits, const char *version, int size);

void *__wrap_malloc(size_t n)
{
    void *p = fails(INJECT_MEMORY) ? NULL : __real_malloc(n);

    return COUNT(p);
}

void *__wrap_calloc(size_t count, size_t n)
{
    void *p = fails(INJECT_MEMORY) ? NULL : __real_calloc(count, n);

    return COUNT(p);
}

void *__wrap_realloc(void *old, size_t n)
{
    void *p = fails(INJECT_MEMORY) ? NULL : __real_realloc(old, n);

    return old ? p : COUNT(p);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    void *p = fails(INJECT_MEMORY) ? NULL : __real_aligned_alloc(align, n);

    return COUNT(p);
}

char *__wrap_strdup(const char *text)
{
    char *p = fails(INJECT_MEMORY) ? NULL : __real_strdup(text);

    return COUNT(p);
}

char *__wrap_realpath(const char *path, char *out)
{
    char *p = fails(INJECT_MEMORY) ? NULL : __real_realpath(path, out);

    return out ? p : COUNT(p);
}

void __wrap_free(void *p)
{
    if (p)
        atomic_fetch_sub(&held, 1);
    __real_free(p);
}

static void *counted_malloc(size_t n)
{
    return __wrap_malloc(n);
}

static void counted_free(void *p)
{
    __wrap_free(p);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*run)(void *), void *ctx)
{
    return fails(INJECT_MEMORY) ? EAGAIN
                                : __real_pthread_create(thread, attr, run, ctx);
}

int __wrap_inflateInit2_(z_stream *z, int bits, const char *version, int size)
{
    return fails(INJECT_MEMORY) ? Z_MEM_ERROR
                                : __real_inflateInit2_(z, bits, version, size);
}

int __real_inflateReset(z_stream *z);
int __real_inflate(z_stream *z, int flush);

int __wrap_inflateReset(z_stream *z);
int __wrap_inflate(z_stream *z, int flush);

int __wrap_inflateReset(z_stream *z)
{
    return fails(INJECT_MEMORY) ? Z_STREAM_ERROR : __real_inflateReset(z);
}

/* It takes memory when it first needs its window. */
int __wrap_inflate(z_stream *z, int flush)
{
    return fails(INJECT_MEMORY) ? Z_MEM_ERROR : __real_inflate(z, flush);
}

/* An arena's blocks are large; here any piece of one may be missing. */
void *__real_mt_arena_alloc(struct mt_arena *arena, size_t size);
void *__real_mt_arena_calloc(struct mt_arena *arena, size_t n, size_t size);
char *__real_mt_arena_strdup(struct mt_arena *arena, const char *text);

char *__real_mt_arena_strndup(struct mt_arena *arena, const char *text,
                              size_t n);

void *__wrap_mt_arena_alloc(struct mt_arena *arena, size_t size);
void *__wrap_mt_arena_calloc(struct mt_arena *arena, size_t n, size_t size);
char *__wrap_mt_arena_strdup(struct mt_arena *arena, const char *text);
char *__wrap_mt_arena_strndup(struct mt_arena *arena, const char *text,
                              size_t n);

void *__wrap_mt_arena_alloc(struct mt_arena *arena, size_t size)
{
    return fails(INJECT_MEMORY) ? NULL : __real_mt_arena_alloc(arena, size);
}

void *__wrap_mt_arena_calloc(struct mt_arena *arena, size_t n, size_t size)
{
    return fails(INJECT_MEMORY) ? NULL : __real_mt_arena_calloc(arena, n, size);
}

char *__wrap_mt_arena_strdup(struct mt_arena *arena, const char *text)
{
    return fails(INJECT_MEMORY) ? NULL : __real_mt_arena_strdup(arena, text);
}

char *__wrap_mt_arena_strndup(struct mt_arena *arena, const char *text,
                              size_t n)
{
    return fails(INJECT_MEMORY) ? NULL
                                : __real_mt_arena_strndup(arena, text, n);
}

/* ---- descriptors ---- */

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __real_close(int fd);
DIR *__real_fdopendir(int fd);
FILE *__real_fdopen(int fd, const char *mode);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_close(int fd);
DIR *__wrap_fdopendir(int fd);
FILE *__wrap_fdopen(int fd, const char *mode);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);

    va_end(args);
    return refuses() ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);

    va_end(args);
    return refuses() ? -1 : __real_openat(dir, path, flags, mode);
}

/* Whatever it says, the descriptor is closed, as Linux does. */
int __wrap_close(int fd)
{
    int result = __real_close(fd);

    return refuses() ? -1 : result;
}

DIR *__wrap_fdopendir(int fd)
{
    return refuses_at_once() ? NULL : __real_fdopendir(fd);
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
    return refuses_at_once() ? NULL : __real_fdopen(fd, mode);
}

/* ---- bytes ---- */

ssize_t __real_read(int fd, void *out, size_t n);
ssize_t __real_pread(int fd, void *out, size_t n, off_t at);
ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __real_readlink(const char *path, char *out, size_t n);
ssize_t __real_getrandom(void *out, size_t n, unsigned flags);

ssize_t __wrap_read(int fd, void *out, size_t n);
ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __wrap_readlink(const char *path, char *out, size_t n);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

ssize_t __wrap_read(int fd, void *out, size_t n)
{
    ssize_t most = moves(n);

    return most < 0 ? -1 : __real_read(fd, out, (size_t)most);
}

ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at)
{
    ssize_t most = moves(n);

    return most < 0 ? -1 : __real_pread(fd, out, (size_t)most, at);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    ssize_t most = moves(n);

    return most < 0 ? -1 : __real_write(fd, bytes, (size_t)most);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    ssize_t most = moves(n);

    return most < 0 ? -1 : __real_pwrite(fd, bytes, (size_t)most, at);
}

ssize_t __wrap_readlink(const char *path, char *out, size_t n)
{
    return refuses_at_once() ? -1 : __real_readlink(path, out, n);
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    return refuses() ? -1 : __real_getrandom(out, n, flags);
}

/* ---- what else is asked of files ---- */

#define REFUSABLE(name, test, parameters, arguments)                           \
    int __real_##name parameters;                                              \
    int __wrap_##name parameters;                                              \
    int __wrap_##name parameters                                               \
    {                                                                          \
        return test() ? -1 : __real_##name arguments;                          \
    }

REFUSABLE(stat, refuses_at_once, (const char *path, struct stat *st),
          (path, st))
REFUSABLE(lstat, refuses_at_once, (const char *path, struct stat *st),
          (path, st))
REFUSABLE(fstat, refuses_at_once, (int fd, struct stat *st), (fd, st))
REFUSABLE(fstatat, refuses_at_once,
          (int dir, const char *path, struct stat *st, int flags),
          (dir, path, st, flags))
REFUSABLE(faccessat, refuses_at_once,
          (int dir, const char *path, int mode, int flags),
          (dir, path, mode, flags))
REFUSABLE(flock, refuses, (int fd, int how), (fd, how))
REFUSABLE(fsync, refuses_at_once, (int fd), (fd))
REFUSABLE(ftruncate, refuses_at_once, (int fd, off_t n), (fd, n))
REFUSABLE(fchmod, refuses_at_once, (int fd, mode_t mode), (fd, mode))
REFUSABLE(fchown, refuses_at_once, (int fd, uid_t user, gid_t group),
          (fd, user, group))
REFUSABLE(renameat, refuses_at_once,
          (int a, const char *from, int b, const char *to), (a, from, b, to))
REFUSABLE(rename, refuses_at_once, (const char *from, const char *to),
          (from, to))
REFUSABLE(unlinkat, refuses_at_once, (int dir, const char *path, int flags),
          (dir, path, flags))
REFUSABLE(unlink, refuses_at_once, (const char *path), (path))
REFUSABLE(linkat, refuses_at_once,
          (int a, const char *from, int b, const char *to, int flags),
          (a, from, b, to, flags))
REFUSABLE(symlink, refuses_at_once, (const char *from, const char *to),
          (from, to))
