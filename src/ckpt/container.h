/*
 * The .mtc container: named arrays in one file, compressed, with checksums, and
 * replaced atomically. It knows nothing about layers or optimizers: callers
 * (train/) give arrays their meaning. mtrain-checkpoint(5) documents the
 * format.
 *
 * Names are paths: "model/fc1.weight", "optimizer/exp_avg.fc1.weight",
 * "spec/json", "progress/step". The part before the first '/' is the section.
 *
 * The same arrays in the same order give the same bytes.
 *
 * Statuses: MT_DAMAGED, the checkpoint fails its checks ("FILE: damaged: ...");
 * MT_INVALID, the file is not a checkpoint, or one of an unknown version;
 * MT_IO, a system call failed.
 *
 *     struct mt_array arrays[] = { { "model/w", MT_F32, shape, w }, ... };
 *     mt_ckpt_write("run.mtc", arrays, n, team, &info, err);
 *
 *     struct mt_ckpt *ckpt;
 *     mt_ckpt_open("run.mtc", &ckpt, err);
 *     const struct mt_array *a = mt_ckpt_find(ckpt, "model/w");
 *     mt_ckpt_read(ckpt, a, w, team, err);
 *     mt_ckpt_close(ckpt);
 */
#ifndef MT_CKPT_CONTAINER_H
#define MT_CKPT_CONTAINER_H

#include "base/dtype.h"
#include "base/status.h"
#include "base/team.h"

enum {
    MT_CKPT_MAX_NAME = 1024, /* bytes, without the NUL */
    MT_CKPT_MAX_ARRAYS = 1 << 20,
    MT_CKPT_DIGEST_TEXT = 64 + 1, /* SHA-256 in hexadecimal, and the NUL */
};

struct mt_ckpt_info {
    uint64_t bytes;                   /* size of the file */
    uint64_t raw_bytes;               /* size of the arrays */
    char digest[MT_CKPT_DIGEST_TEXT]; /* of the whole state */
};

/* Writes the arrays to path by atomic replacement. Allowed dtypes: float32,
 * float64, int32, int64, uint8. Names: UTF-8 without control characters, no
 * empty, "." or ".." part between slashes, unique. Arrays may have sources
 * (blockstream.h): they are read while they are packed. info and team may be
 * NULL. On failure an existing file is untouched. */
mt_status mt_ckpt_write(const char *path, const struct mt_array *arrays,
                        size_t n, struct mt_team *team,
                        struct mt_ckpt_info *info, struct mt_err *err);

struct mt_ckpt; /* an open, validated checkpoint */

/* Opens path and validates header, footer and index (everything except the
 * arrays' own bytes) before taking memory of a size that the file decides. A
 * listed array is at most 1032 times as large as the file, so memory for it may
 * be allocated. */
mt_status mt_ckpt_open(const char *path, struct mt_ckpt **out,
                       struct mt_err *err);
/* The same for a file that is already open; fd is closed with the checkpoint,
 * or if this fails. path is for messages. */
mt_status mt_ckpt_take(const char *path, int fd, uint64_t size,
                       struct mt_ckpt **out, struct mt_err *err);
void mt_ckpt_close(struct mt_ckpt *ckpt); /* NULL is allowed */

const char *mt_ckpt_path(const struct mt_ckpt *ckpt);
struct mt_ckpt_info mt_ckpt_info(const struct mt_ckpt *ckpt);
size_t mt_ckpt_count(const struct mt_ckpt *ckpt);

/* Array i in file order; data is NULL. Valid until the checkpoint is closed. */
const struct mt_array *mt_ckpt_array(const struct mt_ckpt *ckpt, size_t i);

/* The array of that name, or NULL. */
const struct mt_array *mt_ckpt_find(const struct mt_ckpt *ckpt,
                                    const char *name);

/* Reads one array (as returned by the two functions above) into out, which has
 * room for mt_array_bytes(array), and checks every CRC. MT_DAMAGED names the
 * array and the file offset. */
mt_status mt_ckpt_read(const struct mt_ckpt *ckpt, const struct mt_array *array,
                       void *out, struct mt_team *team, struct mt_err *err);

/* Reads everything and compares the digest. Calls report (which may be NULL)
 * for each fault found; if there are any, returns MT_DAMAGED with the first in
 * err. */
typedef void mt_ckpt_damage(void *ctx, const char *what);
mt_status mt_ckpt_verify(const char *path, mt_ckpt_damage *report, void *ctx,
                         struct mt_team *team, struct mt_err *err);

/* Does the file start like a checkpoint? 4 bytes are enough. */
bool mt_ckpt_is(const void *head, size_t n);

#endif
