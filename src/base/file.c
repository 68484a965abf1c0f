#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/memlimit.h"

static mt_status check_regular(const struct stat *st, const char *path,
                               struct mt_err *err)
{
    if (S_ISREG(st->st_mode))
        return MT_OK;
    if (S_ISDIR(st->st_mode))
        return mt_fail(err, MT_IO, "%s: is a directory, expected a file", path);
    return mt_fail(err, MT_IO,
                   "%s: is not a regular file (a pipe, a socket or a device)",
                   path);
}

/* O_NONBLOCK: it may have become a FIFO since the stat. */
static int open_for_reading(const char *path)
{
    int fd, times = 0;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && mt_call_again(&times));
    return fd;
}

mt_status mt_file_open(const char *path, int *fd, uint64_t *size,
                       struct mt_err *err)
{
    struct stat st;
    mt_status status;

    /* stat before open: opening a device may have an effect. */
    if (stat(path, &st))
        return mt_fail_errno(err, errno, path, "cannot open");
    status = check_regular(&st, path, err);
    if (status != MT_OK)
        return status;
    *fd = open_for_reading(path);
    if (*fd < 0)
        return mt_fail_errno(err, errno, path, "cannot open");
    if (fstat(*fd, &st))
        status = mt_fail_errno(err, errno, path, "cannot open");
    else
        status = check_regular(&st, path, err);
    if (status != MT_OK) {
        close(*fd);
        *fd = -1;
        return status;
    }
    *size = (uint64_t)st.st_size;
    return MT_OK;
}

mt_status mt_file_pread(int fd, const char *path, uint64_t offset, void *out,
                        size_t n, struct mt_err *err)
{
    unsigned char *to = out;
    int times = 0;

    if (offset > INT64_MAX || n > INT64_MAX - offset)
        return mt_fail(err, MT_IO, "%s: offset %llu is out of range", path,
                       (unsigned long long)offset);
    while (n) {
        ssize_t got = pread(fd, to, n, (off_t)offset);

        if (got < 0 && mt_call_again(&times))
            continue;
        if (got < 0)
            return mt_fail_errno(err, errno, path, "cannot read");
        if (got == 0)
            return mt_fail(err, MT_IO,
                           "%s: ends at byte %llu, expected %zu more", path,
                           (unsigned long long)offset, n);
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return MT_OK;
}

/* Refuses a file that does not fit into memory before reading it: that would
 * take minutes and could get the process killed. */
static mt_status check_memory(const char *path, uint64_t size,
                              struct mt_err *err)
{
    enum { SMALL = 64 << 20 };
    struct mt_memlimit limit;

    if (size <= SMALL)
        return MT_OK;
    mt_memlimit_read("", &limit);
    if (size <= limit.most && size <= limit.room)
        return MT_OK;
    if (size > limit.most)
        return mt_fail(err, MT_NO_MEMORY,
                       "%s: its %s do not fit into memory: %s has %s", path,
                       mt_size_text(size).text, limit.by,
                       mt_size_text(limit.most).text);
    return mt_fail(err, MT_NO_MEMORY,
                   "%s: its %s do not fit into memory: ulimit leaves %s", path,
                   mt_size_text(size).text, mt_size_text(limit.room).text);
}

mt_status mt_file_read(const char *path, size_t max, struct mt_bytes *out,
                       struct mt_err *err)
{
    int fd = -1;
    uint64_t size = 0;
    mt_status status = mt_file_open(path, &fd, &size, err);

    if (status != MT_OK)
        return status;
    unsigned char *data = NULL;

    if (size > max || size >= SIZE_MAX) {
        status = mt_fail(err, MT_INVALID,
                         "%s: is too large: %llu bytes, at most %zu allowed",
                         path, (unsigned long long)size, max);
        goto out;
    }
    status = check_memory(path, size, err);
    if (status != MT_OK)
        goto out;
    data = malloc((size_t)size + 1);
    if (!data) {
        status = mt_fail_memory(err);
        goto out;
    }
    status = mt_file_pread(fd, path, 0, data, (size_t)size, err);
    if (status != MT_OK)
        goto out;
    data[size] = '\0';
    out->data = data;
    out->n = (size_t)size;
    data = NULL;
out:
    free(data);
    close(fd);
    return status;
}
