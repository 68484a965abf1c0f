/*
 * Names of state: those of the arrays of a bundle or checkpoint, and those that
 * they have in state files. No other file builds such a name or takes one
 * apart.
 *
 *     name                            section          in a state file
 *     model/TENSOR                    MT_MODEL         TENSOR
 *     optimizer/SLOT.TENSOR           MT_OPTIMIZER     optimizer.SLOT.TENSOR
 *     ema/TENSOR                      MT_EMA           ema.TENSOR
 *     progress/KEY                    MT_PROGRESS      progress/KEY
 *     spec/KEY                        MT_SPEC          (not written)
 *
 * A slot has no dot; a tensor's name may contain anything except control
 * characters: dots, slashes, brackets, spaces. So "optimizer/exp_avg.a.b/c[0]"
 * is slot "exp_avg" of tensor "a.b/c[0]".
 *
 * Names are returned by value, for use in the same expression:
 *
 *     mt_bundle_find(b, mt_name_slot("exp_avg", tensor).text)
 *
 * In a state file "ema.TENSOR" is an exponential mean only if TENSOR is there,
 * too; else it is a tensor of the model, which in files of other programs may
 * have any name.
 *
 * A struct mt_name has room for the longest name of a file (MT_CKPT_MAX_NAME)
 * and its section. A longer one becomes "", which no array has: it is never
 * found, and writers refuse it.
 */
#ifndef MT_TRAIN_STATENAME_H
#define MT_TRAIN_STATENAME_H

#include <stdbool.h>

#include "ckpt/container.h"

enum mt_state_section {
    MT_MODEL,
    MT_OPTIMIZER,
    MT_EMA,
    MT_SPEC,
    MT_PROGRESS,
    MT_SECTIONS,
    MT_NO_SECTION = MT_SECTIONS, /* one of a newer version, or none at all */
};

extern const char *const mt_section_names[MT_SECTIONS + 1]; /* then NULL */

/* --- fixed names --------------------------------------------------------- */

#define MT_NAME_SPEC "spec/json"
#define MT_NAME_DATA "spec/data.json"
#define MT_NAME_SCALE "spec/data.scale"
#define MT_NAME_MEAN "spec/data.mean"
#define MT_NAME_STD "spec/data.std"
#define MT_NAME_CLASS_COUNTS "spec/data.class_counts"
#define MT_NAME_TARGET_MEAN "spec/data.target_mean"
#define MT_NAME_TARGET_STD  "spec/data.target_std"
#define MT_NAME_STEP "progress/step"
#define MT_NAME_EPOCH "progress/epoch"
#define MT_NAME_BATCH "progress/batch"
#define MT_NAME_TOTALS "progress/totals"
#define MT_NAME_UNSCHEDULED "progress/unscheduled"
#define MT_NAME_STOPPING "progress/early_stopping." /* and "best", "bad" ... */
#define MT_NAME_KEPT "progress/best/" /* and the name of an array of the state
                                         of the best epoch (kept.h) */

#define MT_SLOT_STEP "step" /* the optimizer's finished steps of a tensor */

/* --- building ----------------------------------------------------------- */

enum { MT_NAME_SIZE = MT_CKPT_MAX_NAME + 64 };

struct mt_name {
    char text[MT_NAME_SIZE];
};

/* "SECTION/KEY" */
struct mt_name mt_name_in(enum mt_state_section section, const char *key);

/* "optimizer/SLOT.TENSOR" */
struct mt_name mt_name_slot(const char *slot, const char *tensor);

/* "spec/data.ARRAY": what a data format has fitted */
struct mt_name mt_name_fitted(const char *array);

/* "progress/scheduler.NAME" */
struct mt_name mt_name_scheduler(const char *name);

/* "progress/history.PART.COLUMN"; without a part (NULL or ""), e.g. for the
 * epoch, "progress/history.COLUMN" */
struct mt_name mt_name_history(const char *part, const char *column);

/* MT_NAME_KEPT and NAME */
struct mt_name mt_name_kept(const char *name);

/* --- taking apart ------------------------------------------------------- */

/* What is returned points into the name. */

enum mt_state_section mt_name_section(const char *name);
bool mt_name_is(const char *name, enum mt_state_section section);

/* What follows "SECTION/"; the whole name if it has no section. */
const char *mt_name_key(const char *name);

/* The tensor that an array of the model, of the optimizer or of the mean
 * belongs to; NULL for other sections and for optimizer state without a
 * tensor. */
const char *mt_name_tensor(const char *name);

/* Is it a running statistic? Those are recognized by their last part. */
bool mt_name_is_buffer(const char *name);

/* Is it this slot of a tensor? slot "step", name "optimizer/step.fc.bias" */
bool mt_name_is_slot(const char *name, const char *slot);

/* The slot of optimizer state: the first *n bytes of the result; *n is 0 for
 * other names. */
const char *mt_name_slot_of(const char *name, size_t *n);

/* The array of "spec/data.ARRAY", else NULL. */
const char *mt_name_fitted_of(const char *name);

/* NAME of MT_NAME_KEPT and NAME, else NULL. */
const char *mt_name_kept_of(const char *name);

/* "PART.COLUMN" or "COLUMN" of a column of the history, else NULL. */
const char *mt_name_column(const char *name);

/* Its part: "train", "val", or "" if it has none; *column is what follows. */
const char *mt_column_part(const char *part_and_column, const char **column);

/* --- in state files ----------------------------------------------------- */

/* The name in a state file; "" for what is not written there. */
struct mt_name mt_name_to_file(const char *name);

/* "TENSOR" of "ema.TENSOR", else NULL. */
const char *mt_name_mean_in_file(const char *in_file);

/* The name of an array that has that name in a file; sections: the file is a
 * checkpoint, whose names already have sections. */
struct mt_name mt_name_from_file(const char *in_file, bool sections);

/* --- for people --------------------------------------------------------- */

/* As people type and read it: without the section, except that optimizer state
 * is "optimizer.SLOT.TENSOR". */
struct mt_name mt_name_shown(const char *name);

/* The names that `typed` may mean, the most likely first: attempts count from
 * 0; false: there are no more. A name may be typed in full, without its
 * section, or with '.' instead of the '/'. */
bool mt_name_typed(const char *typed, size_t attempt, struct mt_name *out);

#endif
