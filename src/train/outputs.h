/*
 * The files next to a run's checkpoint: for digits.mtc, the best one is
 * digits.best.mtc and those before the last one are digits.1.mtc (the newest),
 * digits.2.mtc, ...
 *
 * Nothing moves before the new checkpoint is in its place:
 *
 *     mt_output_hold(out, keep, &held, err);     digits.mtc is digits.0.mtc,
 * too
 *     ... digits.mtc is replaced, or that fails ...
 *     mt_output_rotate(out, keep, &held, err);   now digits.0.mtc is
 *                                                digits.1.mtc, or, if it
 *                                                failed, gone
 *
 * The second name is a hard link, or a copy where the file system has none. So
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

/* To be freed; NULL without memory. kept counts from 1. */
char *mt_output_best(const char *out);
char *mt_output_kept(const char *out, size_t kept);

/* What a save will replace. */
struct mt_held {
    bool there; /* a file */
    dev_t device;
    ino_t inode;
    bool linked; /* it has its second name */
};

/* Notes which file is at out; with keep > 0 it gets a second name. */
mt_status mt_output_hold(const char *out, size_t keep, struct mt_held *held,
                         struct mt_err *err);

/* Has out been replaced since? Also by a save that failed in the end, for its
 * folder could not be brought to disk. */
bool mt_output_replaced(const char *out, const struct mt_held *held);

/* If so, what was held becomes the first of the kept ones, and the one after
 * `keep` goes; otherwise it loses its second name. */
mt_status mt_output_rotate(const char *out, size_t keep,
                           const struct mt_held *held, struct mt_err *err);

/* Removes the kept checkpoints of another run. */
mt_status mt_output_forget(const char *out, struct mt_err *err);

/* Writes the bytes of a file to another one, atomically. */
mt_status mt_output_copy(const char *from, const char *to, struct mt_err *err);

bool mt_output_exists(const char *path);

/* Makes `best` (the best checkpoint so far of a run that goes on) what it would
 * be if the run had had the spec of doc from the start, and writes it to `to`:
 * where the specs differ in nothing but the total (train.epochs, train.steps)
 * it gets the new one, otherwise it stays as it is. Both paths may be the same
 * one. */
mt_status mt_output_bring_best(const char *best, const char *to,
                               const struct mt_json *doc, struct mt_team *team,
                               struct mt_err *err);

#endif
