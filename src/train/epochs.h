/*
 * The finished epochs of a run in memory: a column for each value of an epoch,
 * as a checkpoint has them (history.h), so that a save writes them from here,
 * however many there are, without a copy, and packs only those that came since
 * the last one.
 *
 * Column c is the word number c of struct mt_epoch: epoch, step, lr; samples,
 * loss and metrics of the training; the same of the validation.
 */
#ifndef MT_TRAIN_EPOCHS_H
#define MT_TRAIN_EPOCHS_H

#include "base/dtype.h"
#include "base/status.h"
#include "ckpt/packed.h"
#include "train/session.h"

enum {
    MT_EPOCH_RUN = 3,                     /* epoch, step, lr */
    MT_EPOCH_SCORES = 2 + MT_MAX_METRICS, /* samples, loss, metrics */
    MT_EPOCH_TRAIN = MT_EPOCH_RUN,
    MT_EPOCH_VAL = MT_EPOCH_TRAIN + MT_EPOCH_SCORES,
    MT_EPOCH_COLUMNS = MT_EPOCH_VAL + MT_EPOCH_SCORES,
};

struct mt_epochs {
    size_t n, size;       /* epochs, and room for how many */
    size_t n_metrics;     /* of the run: other columns do not exist */
    struct mt_epoch last; /* if there is any */
    uint64_t *column[MT_EPOCH_COLUMNS]; /* (size) the bits of the values */
    struct mt_packed packed[MT_EPOCH_COLUMNS];
};

void mt_epochs_free(struct mt_epochs *e);

/* Is there such a column? */
bool mt_epochs_has(const struct mt_epochs *e, size_t column);

/* MT_I64 (of what is a uint64_t or size_t in struct mt_epoch) or MT_F64 */
enum mt_dtype mt_epochs_dtype(size_t column);

/* Reserves memory for `size` epochs, or for a few where that is less. */
mt_status mt_epochs_reserve(struct mt_epochs *e, size_t size,
                            struct mt_err *err);

mt_status mt_epochs_add(struct mt_epochs *e, const struct mt_epoch *epoch,
                        struct mt_err *err);

/* Epoch number i, counting from 0. */
struct mt_epoch mt_epochs_at(const struct mt_epochs *e, size_t i);

/* Drops all but the first n. */
void mt_epochs_cut(struct mt_epochs *e, size_t n);

/* Puts another one in the place of the last. */
void mt_epochs_replace_last(struct mt_epochs *e, const struct mt_epoch *epoch);

/* Replaces all by these n; a column that is NULL is unknown: NAN, or 0 of
 * those that count. */
mt_status mt_epochs_set(struct mt_epochs *e,
                        const uint64_t *const columns[MT_EPOCH_COLUMNS],
                        size_t n, struct mt_err *err);

#endif
