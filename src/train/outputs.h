/*
 * The files beside a run's checkpoint: for digits.mtc, the best one is
 * digits.best.mtc and those before the last one are digits.1.mtc (the newest),
 * digits.2.mtc, ...
 *
 * Before a save, mt_output_rotate moves the kept ones on by one and gives the
 * checkpoint a second name (a hard link, or a copy where the file system has
 * none) as the first of them. So there is a whole checkpoint under its own name
 * at every moment, whatever happens; and a rotation that was cut off, or whose
 * save failed, is completed by the next one and loses nothing.
 */
#ifndef MT_TRAIN_OUTPUTS_H
#define MT_TRAIN_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "spec/tree.h"
#include "base/team.h"

/* To be freed; NULL without memory. kept counts from 1. */
char *mt_output_best(const char *out);
char *mt_output_kept(const char *out, size_t kept);

/* Makes room for a new checkpoint at out: the one that is there becomes the
 * first of the kept ones, and the one behind `keep` goes. */
mt_status mt_output_rotate(const char *out, size_t keep, struct mt_err *err);

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
