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

/* out with `part` put before its ending. */
static char *beside(const char *out, const char *part)
{
    size_t n = mt_stem_length(out, ending);
    size_t size = n + strlen(part) + sizeof ending;
    char *path = malloc(size);

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

enum { HELD = 0 }; /* the number of the held file */

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

/* Renames each file to the next number, up to the first gap or number
 * `keep`. */
static mt_status move_all(const char *out, size_t keep, struct mt_err *err)
{
    size_t gap = 1;
    mt_status status = MT_OK;

    while (gap < keep && kept_exists(out, gap))
        gap++;
    for (size_t i = gap; i > 0 && status == MT_OK; i--)
        status = move_on(out, i - 1, err);
    return status;
}

static mt_status drop(const char *out, size_t kept, struct mt_err *err)
{
    char *path = mt_output_kept(out, kept);
    mt_status status = MT_OK;

    if (!path)
        status = mt_fail_memory(err);
    else if (unlink(path) != 0 && errno != ENOENT)
        status = mt_fail_errno(err, errno, path, "cannot remove");
    free(path);
    return status;
}

static mt_status same_bytes(const char *a, const char *b, bool *same,
                            struct mt_err *err)
{
    unsigned char *x = malloc(2 * PIECE), *y = x + PIECE;
    uint64_t n[2] = { 0, 1 };
    int fd[2] = { -1, -1 };
    mt_status status =
        x ? mt_file_open(a, &fd[0], &n[0], err) : mt_fail_memory(err);

    if (status == MT_OK)
        status = mt_file_open(b, &fd[1], &n[1], err);
    *same = n[0] == n[1];
    for (uint64_t at = 0; status == MT_OK && *same && at < n[0]; at += PIECE) {
        size_t k = n[0] - at < PIECE ? (size_t)(n[0] - at) : PIECE;

        status = mt_file_pread(fd[0], a, at, x, k, err);
        if (status == MT_OK)
            status = mt_file_pread(fd[1], b, at, y, k, err);
        *same = status == MT_OK && memcmp(x, y, k) == 0;
    }
    for (int i = 0; i < 2; i++) {
        if (fd[i] >= 0)
            close(fd[i]);
    }
    free(x);
    return status;
}

/* Completes the rotation of a run that was killed between save and rotation. */
static mt_status complete(const char *out, const char *held, size_t keep,
                          struct mt_err *err)
{
    bool same;
    mt_status status;

    if (!mt_output_exists(held))
        return MT_OK;
    status = same_bytes(out, held, &same, err);
    if (status != MT_OK)
        return status;
    return same ? drop(out, HELD, err) : move_all(out, keep, err);
}

mt_status mt_output_hold(const char *out, size_t keep, struct mt_held *held,
                         struct mt_err *err)
{
    char *second = mt_output_kept(out, HELD);
    mt_status status = second ? MT_OK : mt_fail_memory(err);
    struct stat st;

    *held = (struct mt_held){ .there = stat(out, &st) == 0 };
    if (held->there) {
        held->device = st.st_dev;
        held->inode = st.st_ino;
    }
    if (status == MT_OK && keep && held->there) {
        status = complete(out, second, keep, err);
        if (status == MT_OK &&
            linkat(AT_FDCWD, out, AT_FDCWD, second, AT_SYMLINK_FOLLOW) != 0)
            status = mt_output_copy(out, second, err);
        held->linked = status == MT_OK;
    }
    free(second);
    return status;
}

bool mt_output_replaced(const char *out, const struct mt_held *held)
{
    struct stat st;

    return stat(out, &st) == 0 && (!held->there || st.st_dev != held->device ||
                                   st.st_ino != held->inode);
}

mt_status mt_output_rotate(const char *out, size_t keep,
                           const struct mt_held *held, struct mt_err *err)
{
    if (!held->linked)
        return MT_OK;
    return mt_output_replaced(out, held) ? move_all(out, keep, err)
                                         : drop(out, HELD, err);
}

mt_status mt_output_forget(const char *out, struct mt_err *err)
{
    mt_status status = drop(out, HELD, err);

    for (size_t i = 1; status == MT_OK && kept_exists(out, i); i++)
        status = drop(out, i, err);
    return status;
}

/* --- the best checkpoint of a run that is continued ---------------------- */

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

    if ((status = mt_bundle_open(best, team, &bundle, err)) != MT_OK)
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
