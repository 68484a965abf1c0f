#include "base/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"

enum { MAX_LINKS = 40 }; /* the kernel's limit, too */

void mt_target_free(struct mt_target *t)
{
    if (t->dir >= 0)
        close(t->dir);
    free(t->path);
}

/* The text of the link at path, to be freed; NULL with errno set. */
static char *read_link(const char *path)
{
    char *text = malloc(PATH_MAX);
    ssize_t n = text ? readlink(path, text, PATH_MAX) : -1;

    if (n < 0 || n == PATH_MAX) {
        if (n == PATH_MAX)
            errno = ENAMETOOLONG;
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* A link's text is relative to the folder that holds the link. */
static char *join_link(const char *path, const char *link)
{
    const char *slash = strrchr(path, '/');
    size_t head = slash && *link != '/' ? (size_t)(slash - path) + 1 : 0;
    size_t tail = strlen(link) + 1;
    char *joined = malloc(head + tail);

    if (joined) {
        memcpy(joined, path, head);
        memcpy(joined + head, link, tail);
    }
    return joined;
}

/* Replaces *path by what the links at its end lead to, existing or not; 0 or
 * an errno. */
static int follow_links(char **path)
{
    for (int i = 0; i < MAX_LINKS; i++) {
        struct stat st;

        if (lstat(*path, &st))
            return errno == ENOENT ? 0 : errno;
        if (!S_ISLNK(st.st_mode))
            return 0;
        char *link = read_link(*path);
        char *next = link ? join_link(*path, link) : NULL;
        int error = next ? 0 : errno;

        free(link);
        if (!next)
            return error;
        free(*path);
        *path = next;
    }
    return ELOOP;
}

/* Opens the folder part of t->path and finds t->name. */
static mt_status open_folder(struct mt_target *t, const char *shown,
                             struct mt_err *err)
{
    char *slash = strrchr(t->path, '/');
    char kept = slash ? slash[1] : '\0';
    int times = 0;
    const char *folder = slash ? t->path : ".";

    t->name = slash ? slash + 1 : t->path;
    if (slash)
        slash[1] = '\0'; /* "a/b" -> "a/", "/b" -> "/" */
    do
        t->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (t->dir < 0 && mt_call_again(&times));
    int error = t->dir < 0 ? errno : 0;
    mt_status status = MT_OK;

    if (error == ENOENT)
        status = mt_fail(err, MT_IO,
                         "%s: cannot write: the folder \"%s\" does not exist",
                         shown, folder);
    else if (error == ENOTDIR)
        status = mt_fail(err, MT_IO, "%s: cannot write: \"%s\" is not a folder",
                         shown, folder);
    else if (error)
        status = mt_fail_errno(err, error, shown, "cannot open the folder");
    if (slash)
        slash[1] = kept;
    return status;
}

static mt_status check_target(struct mt_target *t, const char *shown,
                              struct mt_err *err)
{
    const char *name = t->name;

    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return mt_fail(err, MT_IO,
                       "%s: cannot write: is a directory, expected a file",
                       shown);
    t->exists = fstatat(t->dir, name, &t->st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!t->exists) {
        if (errno == ENOENT)
            return MT_OK;
        return mt_fail_errno(err, errno, shown, "cannot write");
    }
    if (S_ISDIR(t->st.st_mode))
        return mt_fail(err, MT_IO,
                       "%s: cannot write: is a directory, expected a file",
                       shown);
    if (!S_ISREG(t->st.st_mode))
        return mt_fail(err, MT_IO,
                       "%s: cannot write: exists and is not a regular file",
                       shown);
    return MT_OK;
}

mt_status mt_target_find(const char *path, struct mt_target *t,
                         struct mt_err *err)
{
    *t = (struct mt_target){ .dir = -1 };
    if (!*path)
        return mt_fail(err, MT_IO, "cannot write: the file's name is empty");
    t->path = strdup(path);
    if (!t->path)
        return mt_fail_memory(err);

    int error = follow_links(&t->path);

    /* For a missing folder, open_folder has a better message. */
    if (error && error != ENOTDIR)
        return mt_fail_errno(err, error, path, "cannot write");
    mt_status status = open_folder(t, path, err);

    return status == MT_OK ? check_target(t, path, err) : status;
}

size_t mt_target_room(const struct mt_target *t, size_t ending)
{
    long limit = fpathconf(t->dir, _PC_NAME_MAX);
    size_t max = limit > 0 && limit < NAME_MAX ? (size_t)limit : NAME_MAX;
    size_t room = max > ending ? max - ending : 1, n = strlen(t->name);

    if (n <= room)
        return n;
    n = room;
    while (n && ((unsigned char)t->name[n] & 0xc0) == 0x80)
        n--;
    return n;
}
