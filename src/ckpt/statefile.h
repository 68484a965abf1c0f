/*
 * State files: all files with named tensors, through one interface. There is a
 * reader for each format (a row in one table, chosen by the file's first bytes,
 * not its name) and a writer for each ending.
 *
 *     format        read  write  dtypes
 *     .mtc           yes   (by container.h)
 *     .safetensors   yes   yes   all of dtype.h
 *     .npz, .npy     yes   yes   all except bfloat16 (npz.h)
 *     torch.save     yes   no    all of dtype.h (torchfile.h)
 *
 * Tensors of other types are listed as MT_OTHER and not read.
 *
 * Arrays are read as a whole here, or block by block (blockstream.h).
 *
 * Names are those in the file, and are not interpreted here. The position of
 * the training run is stored as text in the metadata of a .safetensors
 * (textarray.h), and as arrays of an .npz.
 */
#ifndef MT_CKPT_STATEFILE_H
#define MT_CKPT_STATEFILE_H

#include "base/dtype.h"
#include "base/status.h"
#include "ckpt/container.h"

struct mt_statefile;

/* How to open one. All zeros: strictly. */
struct mt_state_options {
    bool checkpoint; /* only a .mtc: any other file is refused */
    bool salvage; /* read what is intact: see mt_statefile_lost() */
    /* For files of torch.save: which state dict, by its path (NULL: the only
     * one), and whether to skip objects of unknown classes. */
    const char *entry;
    bool skip_objects;
    /* Called (unless NULL) with what the user should know, a sentence without a
     * period: damage, or a remark on what was read and what was not. */
    void (*note)(void *ctx, bool damage, const char *what);
    void *ctx; /* of note */
};

/* options may be NULL. */
mt_status mt_statefile_open(const char *path,
                            const struct mt_state_options *options,
                            struct mt_statefile **out, struct mt_err *err);
void mt_statefile_close(struct mt_statefile *file); /* NULL is allowed */

const char *mt_statefile_path(const struct mt_statefile *file);
/* "mtc", "safetensors", "torch", "npz", "npy" */
const char *mt_statefile_format(const struct mt_statefile *file);
/* NULL unless it is a .mtc */
struct mt_ckpt *mt_statefile_ckpt(const struct mt_statefile *file);

/* With `salvage`: the number of arrays that are not listed because they are cut
 * off. If the names are lost, too, opening fails. */
size_t mt_statefile_lost(const struct mt_statefile *file);

/* Arrays in file order, without data; names are unique. */
size_t mt_statefile_count(const struct mt_statefile *file);
const struct mt_array *mt_statefile_array(const struct mt_statefile *f,
                                          size_t i);
const struct mt_array *mt_statefile_find(const struct mt_statefile *f,
                                         const char *name);

/* Groups of parameters of an optimizer whose state is listed by numbers, as
 * "optimizer.SLOT.NUMBER"; n is 0 if it is listed by names. */
struct mt_state_option {
    const char *name;
    size_t n; /* of value: 2 of "betas" */
    double value[2]; /* true is 1 */
};
struct mt_state_group {
    int64_t *params; /* (n) numbers */
    size_t n;
    struct mt_state_option *options; /* (n_options) */
    size_t n_options;
};
const struct mt_state_group *mt_statefile_groups(const struct mt_statefile *f,
                                                 size_t *n);

/* Reads the elements in the file's dtype. */
mt_status mt_statefile_read(struct mt_statefile *file,
                            const struct mt_array *array, void *out,
                            struct mt_err *err);

/* Reads the elements as float32 (from F32, F16, BF16 exactly; F64 rounded;
 * integers refused with MT_MISMATCH). out has room for them. */
mt_status mt_statefile_read_f32(struct mt_statefile *file,
                                const struct mt_array *array, float *out,
                                struct mt_err *err);

/* Can files with path's ending be written? The error lists the endings. */
mt_status mt_statefile_can_write(const char *path, struct mt_err *err);

/* Writes a bare state dict, in the format of path's ending, atomically. Names
 * are written as given; arrays may have sources, which the team (may be NULL)
 * reads. */
mt_status mt_statefile_write(const char *path, const struct mt_array *arrays,
                             size_t n, struct mt_team *team, uint64_t *bytes,
                             struct mt_err *err);

#endif
