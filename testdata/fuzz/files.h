/*
 * Files of the fuzz targets: the input under a name, in memory. The linker
 * sends the readers' calls on files here (-Wl,--wrap, in the Makefile), since
 * a run of a target costs a few microseconds, and each true system call one.
 * It also sees that every descriptor is closed.
 */
#ifndef MT_TESTDATA_FUZZ_FILES_H
#define MT_TESTDATA_FUZZ_FILES_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { FUZZ_FILES = 4, FUZZ_FD = 1 << 24 };

static struct fuzz_bytes {
    const uint8_t *bytes;
    size_t n;
    int opened; /* descriptors of it that are not closed */
} fuzz_files[FUZZ_FILES];

/* A file in memory, under a path. */
struct fuzz_file {
    char path[16];
};

/* Its contents become these, which stay the caller's. which: 0 ... */
static inline const char *fuzz_write(struct fuzz_file *file, int which,
                                     const uint8_t *bytes, size_t n)
{
    snprintf(file->path, sizeof file->path, "/fuzz/%d", which);
    fuzz_files[which].bytes = bytes;
    fuzz_files[which].n = n;
    return file->path;
}

/* To be called after each input. */
static inline void fuzz_all_closed(void)
{
    for (int i = 0; i < FUZZ_FILES; i++)
        if (fuzz_files[i].opened)
            abort();
}

/* The file's number; -1: not one of these. */
static int fuzz_named(const char *path)
{
    return !strncmp(path, "/fuzz/", 6) && !path[7] ? path[6] - '0' : -1;
}

static struct fuzz_bytes *fuzz_of(int fd)
{
    if (fd < FUZZ_FD)
        return NULL;
    if (fd >= FUZZ_FD + FUZZ_FILES || !fuzz_files[fd - FUZZ_FD].opened)
        abort();
    return &fuzz_files[fd - FUZZ_FD];
}

static int fuzz_stat(const struct fuzz_bytes *file, struct stat *st)
{
    *st = (struct stat){ .st_mode = S_IFREG | 0600,
                         .st_nlink = 1,
                         .st_size = (off_t)file->n };
    return 0;
}

int __real_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
ssize_t __real_pread(int fd, void *out, size_t n, off_t at);
int __real_close(int fd);

int __wrap_open(const char *path, int flags, ...);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at);
int __wrap_close(int fd);

int __wrap_open(const char *path, int flags, ...)
{
    int i = fuzz_named(path);
    va_list args;

    if (i >= 0) {
        fuzz_files[i].opened++;
        return FUZZ_FD + i;
    }
    va_start(args, flags);
    int mode = va_arg(args, int);

    va_end(args);
    return __real_open(path, flags, mode);
}

int __wrap_stat(const char *path, struct stat *st)
{
    int i = fuzz_named(path);

    return i < 0 ? __real_stat(path, st) : fuzz_stat(&fuzz_files[i], st);
}

int __wrap_fstat(int fd, struct stat *st)
{
    const struct fuzz_bytes *file = fuzz_of(fd);

    return file ? fuzz_stat(file, st) : __real_fstat(fd, st);
}

ssize_t __wrap_pread(int fd, void *out, size_t n, off_t at)
{
    const struct fuzz_bytes *file = fuzz_of(fd);

    if (!file)
        return __real_pread(fd, out, n, at);
    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    if ((uint64_t)at >= file->n)
        return 0;
    if (n > file->n - (size_t)at)
        n = file->n - (size_t)at;
    memcpy(out, file->bytes + at, n);
    return (ssize_t)n;
}

int __wrap_close(int fd)
{
    struct fuzz_bytes *file = fuzz_of(fd);

    if (!file)
        return __real_close(fd);
    file->opened--;
    return 0;
}

#endif
