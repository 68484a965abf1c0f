/*
 * A bundle: the named arrays of a checkpoint, in file order. Sessions are saved
 * to bundles and restored from them, and commands that move state from file to
 * file work on them. Arrays are in memory, or stay in an open file until they
 * are compared or written (ckpt/blockstream.h).
 *
 * Names are those of statename.h; state.h lists them all.
 */
#ifndef MT_TRAIN_BUNDLE_H
#define MT_TRAIN_BUNDLE_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/names.h"
#include "ckpt/container.h"
#include "ckpt/statefile.h"

struct mt_bundle {
    struct mt_arena arena;
    struct mt_array *arrays;
    size_t n, size;
    bool failed; /* memory ran out while adding: check once at the end */
    struct mt_names names;     /* of the arrays */
    struct mt_statefile *file; /* that arrays without data are read from, or
                                  NULL */
    struct mt_team *team;      /* that reads them; or NULL */
    size_t lost;               /* arrays left out because they are damaged */
    void *owner;               /* of arrays' memory, freed with the bundle by */
    void (*free_owner)(void *owner); /* this; or NULL */
};

#define MT_BUNDLE_INIT { .arena = MT_ARENA_INIT }

void mt_bundle_free(struct mt_bundle *b);

/* Appends an array; copies the name, refers to the data. */
void mt_bundle_add(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                   const struct mt_shape *shape, const void *data);

/* The same for an array that may have a source, under the name given. */
void mt_bundle_add_array(struct mt_bundle *b, const char *name,
                         const struct mt_array *array);

/* The same with a copy of the data. */
void mt_bundle_add_copy(struct mt_bundle *b, const char *name,
                        enum mt_dtype dtype, const struct mt_shape *shape,
                        const void *data);
void mt_bundle_i64(struct mt_bundle *b, const char *name, int64_t value);
void mt_bundle_f64(struct mt_bundle *b, const char *name, double value);
void mt_bundle_list(struct mt_bundle *b, const char *name, enum mt_dtype dtype,
                    const void *data, size_t n);
void mt_bundle_text(struct mt_bundle *b, const char *name, const char *text);

const struct mt_array *mt_bundle_find(const struct mt_bundle *b,
                                      const char *name);

/* The array's single int64, or the default where it is missing. */
int64_t mt_bundle_get_i64(const struct mt_bundle *b, const char *name,
                          int64_t otherwise);

/* Is it one whole number, scalar or [1], of any type? a must have data. */
bool mt_array_whole(const struct mt_array *a, int64_t *out);

/* A copy of a uint8 array as a string in arena; *out is NULL where it is
 * missing. Fails only without memory. */
mt_status mt_bundle_get_text(const struct mt_bundle *b, const char *name,
                             struct mt_arena *arena, const char **out,
                             struct mt_err *err);

/* Opens any state file (statefile.h); names become those of a bundle. Only spec
 * and progress are read: all other arrays have sources in the file, which stays
 * open as long as the bundle. options may be NULL; with `salvage` every array
 * is read once, by the team (may be NULL), to see whether it is intact; damaged
 * ones are left out, counted, and noted. */
mt_status mt_bundle_open_state(const char *path,
                               const struct mt_state_options *options,
                               struct mt_team *team, struct mt_bundle *out,
                               struct mt_err *err);

/* The same for a checkpoint. A file of another format is refused; the message
 * says which format it is. */
mt_status mt_bundle_open(const char *path, struct mt_team *team,
                         struct mt_bundle *out, struct mt_err *err);

/* Closes the file and drops the arrays that have no data: to be called once all
 * that is wanted was read. Disk space of a file that is replaced is freed only
 * when it is closed. */
mt_status mt_bundle_detach(struct mt_bundle *b, struct mt_err *err);

mt_status mt_bundle_write(const struct mt_bundle *b, const char *path,
                          struct mt_team *team, struct mt_ckpt_info *info,
                          struct mt_err *err);

#endif
