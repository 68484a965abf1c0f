/*
 * Names of state: how an array of a bundle or checkpoint is called, and under
 * which name a state file holds it. No other file builds such a name or takes
 * one apart.
 *
 *     name                            section          in a state file
 *     model/TENSOR                    MT_MODEL         TENSOR
 *     optimizer/SLOT.TENSOR           MT_OPTIMIZER     optimizer.SLOT.TENSOR
 *     ema/TENSOR                      MT_EMA           ema.TENSOR
 *     progress/KEY                    MT_PROGRESS      progress/KEY
 *     spec/KEY                        MT_SPEC          (not written)
 *
 * A slot has no dot, a tensor's name may hold anything but control characters:
 * dots, slashes, brackets, blanks. So "optimizer/exp_avg.a.b/c[0]" is slot
 * "exp_avg" of tensor "a.b/c[0]".
 *
 * Names are built by value, for use in the same expression:
 *
 *     mt_bundle_find(b, mt_name_slot("exp_avg", tensor).text)
 *
 * In a state file "ema.TENSOR" is an exponential mean only beside TENSOR
 * itself; else it is a tensor of the model, of which files of others may have
 * any.
 *
 * There is a place for every name that a file may hold (MT_CKPT_MAX_NAME) and
 * its section. A longer one is built as "", the name of nothing: it is never
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
    MT_NO_SECTION = MT_SECTIONS, /* of a newer version, or none at all */
};

extern const char *const mt_section_names[MT_SECTIONS + 1]; /* then NULL */

/* --- names that are known beforehand ------------------------------------ */

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

/* "spec/data.ARRAY": what a format of data has fitted */
struct mt_name mt_name_fitted(const char *array);

/* "progress/scheduler.NAME" */
struct mt_name mt_name_scheduler(const char *name);

/* "progress/history.PART.COLUMN"; without a part (NULL or ""), e.g. for the
 * epoch, "progress/history.COLUMN" */
struct mt_name mt_name_history(const char *part, const char *column);

/* MT_NAME_KEPT and NAME */
struct mt_name mt_name_kept(const char *name);

/* --- taking apart ------------------------------------------------------- */

/* Parts of a name point into it. */

enum mt_state_section mt_name_section(const char *name);
bool mt_name_is(const char *name, enum mt_state_section section);

/* All that follows "SECTION/"; the whole name where it has no section. */
const char *mt_name_key(const char *name);

/* The tensor that an array of the model, of the optimizer or of the mean
 * belongs to; NULL for other sections and for optimizer state without a
 * tensor. */
const char *mt_name_tensor(const char *name);

/* Is it a running statistic? Parameters have other names. */
bool mt_name_is_buffer(const char *name);

/* Is it this slot of a tensor? slot "step", name "optimizer/step.fc.bias" */
bool mt_name_is_slot(const char *name, const char *slot);

/* The slot of optimizer state, n bytes at the start of what is returned; other
 * names: n is 0. */
const char *mt_name_slot_of(const char *name, size_t *n);

/* The array of "spec/data.ARRAY", else NULL. */
const char *mt_name_fitted_of(const char *name);

/* NAME of MT_NAME_KEPT and NAME, else NULL. */
const char *mt_name_kept_of(const char *name);

/* "PART.COLUMN" or "COLUMN" of a column of the history, else NULL. */
const char *mt_name_column(const char *name);

/* Of that, the part: "train", "val", or "" where it has none; *column is what
 * follows. */
const char *mt_column_part(const char *part_and_column, const char **column);

/* --- in state files ----------------------------------------------------- */

/* The name in a state file; "" for what is not written there. */
struct mt_name mt_name_to_file(const char *name);

/* "TENSOR" of "ema.TENSOR", else NULL. */
const char *mt_name_mean_in_file(const char *in_file);

/* The name of what a file calls so; sections: the file is a checkpoint, whose
 * names have sections already. */
struct mt_name mt_name_from_file(const char *in_file, bool sections);

/* --- for people --------------------------------------------------------- */

/* As people type and read it: the section is left out of all but optimizer
 * state, which is "optimizer.SLOT.TENSOR". */
struct mt_name mt_name_shown(const char *name);

/* What may be meant by `typed`, the most likely first: attempts count from 0;
 * false: there are no more. A name may be typed whole, without its section, or
 * with '.' in the place of the '/'. */
bool mt_name_typed(const char *typed, size_t attempt, struct mt_name *out);

#endif
