/*
 * The files next to a run's checkpoint: for digits.mtc, the best checkpoint is
 * digits.best.mtc, and earlier ones are digits.1.mtc (the newest),
 * digits.2.mtc, ...
 *
 * No file is renamed before the new checkpoint is in place:
 *
 *     mt_output_hold(out, keep, &held, err);     links digits.mtc as
 *                                                digits.0.mtc
 *     ... digits.mtc is replaced, or that fails ...
 *     mt_output_rotate(out, keep, &held, err);   renames digits.0.mtc to
 *                                                digits.1.mtc, or removes it if
 *                                                the save failed
 *
 * The second name is a hard link, or a copy if the file system has no links. So
 * there is a whole checkpoint under its own name at any time, and a save that
 * fails changes nothing. After an interruption the next hold completes the
 * rotation.
 */
#ifndef MT_TRAIN_OUTPUTS_H
#define MT_TRAIN_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "spec/tree.h"
#include "base/team.h"

/* Paths, to be freed; NULL: no memory. kept counts from 1. */
char *mt_output_best(const char *out);
char *mt_output_kept(const char *out, size_t kept);

/* The file that a save will replace. */
struct mt_held {
    bool there; /* it exists */
    dev_t device;
    ino_t inode;
    bool linked; /* it has its second name */
};

/* Notes which file is at out; with keep > 0 gives it a second name. */
mt_status mt_output_hold(const char *out, size_t keep, struct mt_held *held,
                         struct mt_err *err);

/* Has out been replaced since? A save may do so and fail afterwards, when it
 * syncs the folder. */
bool mt_output_replaced(const char *out, const struct mt_held *held);

/* If so, the held file becomes the first of the kept ones, and one beyond
 * `keep` is removed; otherwise it loses its second name. */
mt_status mt_output_rotate(const char *out, size_t keep,
                           const struct mt_held *held, struct mt_err *err);

/* Removes the kept checkpoints of an earlier run. */
mt_status mt_output_forget(const char *out, struct mt_err *err);

/* Copies a file, atomically. */
mt_status mt_output_copy(const char *from, const char *to, struct mt_err *err);

bool mt_output_exists(const char *path);

/* For a run that is continued with the spec of doc: copies `best`, its best
 * checkpoint so far, to `to`. If the specs differ only in the total
 * (train.epochs, train.steps), the copy gets the new spec, as if the run had
 * had it from the start. Both paths may be the same. */
mt_status mt_output_bring_best(const char *best, const char *to,
                               const struct mt_json *doc, struct mt_team *team,
                               struct mt_err *err);

#endif
