#include "train/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "spec/diff.h"
#include "train/state.h"

/* --- names -------------------------------------------------------------- */

static const char ending[] = ".mtc";

/* out without its ending, then `part`, then the ending. */
static char *beside(const char *out, const char *part)
{
    size_t n = strlen(out), tail = strlen(ending), size;
    char *path;

    if (n > tail && strcmp(out + n - tail, ending) == 0)
        n -= tail;
    size = n + strlen(part) + tail + 1;
    path = malloc(size);
    if (path)
        snprintf(path, size, "%.*s%s%s", (int)n, out, part, ending);
    return path;
}

char *mt_output_best(const char *out)
{
    return beside(out, ".best");
}

char *mt_output_kept(const char *out, size_t kept)
{
    char part[32];

    snprintf(part, sizeof part, ".%zu", kept);
    return beside(out, part);
}

bool mt_output_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static bool kept_exists(const char *out, size_t kept)
{
    char *path = mt_output_kept(out, kept);
    bool exists = path && mt_output_exists(path);

    free(path);
    return exists;
}

/* --- copying ------------------------------------------------------------ */

enum { PIECE = 1 << 20 };

static mt_status copy_pieces(int fd, const char *from, uint64_t size,
                             struct mt_replace *to, struct mt_err *err)
{
    unsigned char *piece = malloc(PIECE);
    mt_status status = piece ? MT_OK : mt_fail_memory(err);

    for (uint64_t at = 0; at < size && status == MT_OK; at += PIECE) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;

        status = mt_file_pread(fd, from, at, piece, n, err);
        if (status == MT_OK)
            status = mt_replace_write(to, piece, n, err);
    }
    free(piece);
    return status;
}

mt_status mt_output_copy(const char *from, const char *to, struct mt_err *err)
{
    struct mt_replace *r;
    uint64_t size;
    int fd;
    mt_status status = mt_file_open(from, &fd, &size, err);

    if (status != MT_OK)
        return status;
    status = mt_replace_open(to, &r, err);
    if (status == MT_OK) {
        status = copy_pieces(fd, from, size, r, err);
        if (status == MT_OK)
            status = mt_replace_commit(r, err);
        else
            mt_replace_abort(r);
    }
    close(fd);
    return status;
}

/* --- rotating ----------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static mt_status move_on(const char *out, size_t kept, struct mt_err *err)
{
    char *from = mt_output_kept(out, kept);
    char *to = mt_output_kept(out, kept + 1);
    mt_status status = MT_OK;

    if (!from || !to)
        status = mt_fail_memory(err);
    else if (rename(from, to) != 0)
        status = mt_fail_errno(err, errno, to, "cannot rename to it");
    free(from);
    free(to);
    return status;
}

mt_status mt_output_rotate(const char *out, size_t keep, struct mt_err *err)
{
    char *first = mt_output_kept(out, 1);
    size_t gap = 1;
    mt_status status = first ? MT_OK : mt_fail_memory(err);

    if (!first || !keep || !mt_output_exists(out) || same_file(out, first))
        goto out; /* nothing to keep, or kept already */
    while (gap < keep && kept_exists(out, gap))
        gap++;
    for (size_t i = gap; i > 1 && status == MT_OK; i--)
        status = move_on(out, i - 1, err);
    if (status != MT_OK)
        goto out;
    if (unlink(first) != 0 && errno != ENOENT)
        status = mt_fail_errno(err, errno, first, "cannot replace");
    else if (linkat(AT_FDCWD, out, AT_FDCWD, first, AT_SYMLINK_FOLLOW) != 0)
        status = mt_output_copy(out, first, err);
out:
    free(first);
    return status;
}

mt_status mt_output_forget(const char *out, struct mt_err *err)
{
    mt_status status;

    for (size_t i = 1; kept_exists(out, i); i++) {
        char *path = mt_output_kept(out, i);

        if (!path)
            return mt_fail_memory(err);
        if (unlink(path) != 0) {
            status = mt_fail_errno(err, errno, path, "cannot remove");
            free(path);
            return status;
        }
        free(path);
    }
    return MT_OK;
}

/* --- the best one of a run that goes on ---------------------------------- */

struct differences {
    bool total, others;
};

static void note(void *ctx, const char *path, const char *was, const char *is)
{
    struct differences *d = ctx;

    (void)was;
    (void)is;
    if (strcmp(path, "train.epochs") == 0 || strcmp(path, "train.steps") == 0)
        d->total = true;
    else
        d->others = true;
}

mt_status mt_output_bring_best(const char *best, const char *to,
                               const struct mt_json *doc, struct mt_team *team,
                               struct mt_err *err)
{
    struct differences d = { false, false };
    struct mt_bundle bundle = MT_BUNDLE_INIT;
    struct mt_json *saved = NULL;
    bool here = strcmp(best, to) == 0;
    mt_status status;

    if ((status = mt_bundle_read(best, team, &bundle, err)) != MT_OK)
        return status;
    status = mt_state_spec(&bundle, best, &saved, err);
    if (status != MT_OK)
        goto out;
    mt_spec_diff(mt_json_root(saved), mt_json_root(doc), note, &d);
    if (d.total && !d.others) {
        status = mt_state_replace_spec(doc, &bundle, err);
        if (status == MT_OK)
            status = mt_bundle_write(&bundle, to, team, NULL, err);
    } else if (!here) {
        status = mt_output_copy(best, to, err);
    }
out:
    mt_json_free(saved);
    mt_bundle_free(&bundle);
    return status;
}
