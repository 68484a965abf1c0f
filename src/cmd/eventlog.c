#include "cmd/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static const char first_bytes[] = "{\"event\":";

/* A pipe or a device has no contents to protect. */
static bool has_contents(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static mt_status check_log(const char *path, struct mt_err *err)
{
    char start[sizeof first_bytes] = "";
    size_t n = sizeof first_bytes - 1;
    uint64_t size;
    int fd;
    mt_status status;

    if ((status = mt_file_open(path, &fd, &size, err)) != MT_OK)
        return status;
    status = MT_OK;
    if (size >= n)
        status = mt_file_pread(fd, path, 0, start, n, err);
    close(fd);
    if (status == MT_OK && strcmp(start, first_bytes) != 0)
        status = mt_fail(err, MT_INVALID,
                         "%s: is not a log of events, which begins with %s; "
                         "give --log another file",
                         path, first_bytes);
    return status;
}

mt_status mt_log_probe(const char *path, bool append, bool force,
                       struct mt_err *err)
{
    if (!strcmp(path, "-"))
        return mt_fail(err, MT_INVALID,
                       "--log -: not to standard output; --json writes the "
                       "events there");
    if (!has_contents(path) || (force && !append))
        return MT_OK;
    if (append)
        return check_log(path, err);
    return mt_fail(err, MT_INVALID,
                   "%s: already exists (use -f to overwrite)", path);
}

/* Cuts off a last line that has no end. */
static mt_status cut_unfinished(int fd, const char *path, struct mt_err *err)
{
    char piece[4096];
    struct stat st;
    mt_status status;

    if (fstat(fd, &st) != 0)
        return mt_fail_errno(err, errno, path, "cannot read");
    if (!S_ISREG(st.st_mode))
        return MT_OK;
    for (off_t end = st.st_size; end > 0;) {
        size_t n = end < (off_t)sizeof piece ? (size_t)end : sizeof piece;

        if ((status = mt_file_pread(fd, path, (uint64_t)end - n, piece, n,
                                    err)) != MT_OK)
            return status;
        const char *newline = memrchr(piece, '\n', n);

        if (newline) {
            end += newline + 1 - (piece + n);
            if (end < st.st_size && ftruncate(fd, end) != 0)
                return mt_fail_errno(err, errno, path, "cannot write");
            return MT_OK;
        }
        end -= (off_t)n;
    }
    return ftruncate(fd, 0) == 0
               ? MT_OK : mt_fail_errno(err, errno, path, "cannot write");
}

mt_status mt_log_open(const char *path, bool append, FILE **out,
                      struct mt_err *err)
{
    struct stat st;
    bool file = stat(path, &st) != 0 || S_ISREG(st.st_mode);
    int flags = O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC) |
                (append && file ? O_RDWR : O_WRONLY);
    int fd = open(path, flags, 0666);
    mt_status status;

    if (fd < 0)
        return mt_fail_errno(err, errno, path, "cannot write");
    if (append && (status = cut_unfinished(fd, path, err)) != MT_OK) {
        close(fd);
        return status;
    }
    *out = fdopen(fd, append ? "a" : "w");
    if (!*out) {
        status = mt_fail_errno(err, errno, path, "cannot write");
        close(fd);
        return status;
    }
    return MT_OK;
}
