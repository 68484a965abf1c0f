/*
 * The finished epochs of a run in memory: a column for each value of an epoch,
 * as a checkpoint has them (history.h), so that a save writes them from here
 * without a copy, and packs only the epochs since the last save.
 *
 * Column c is the word number c of struct mt_epoch: epoch, step, lr; samples,
 * loss and metrics of training; the same of validation.
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
    size_t n, size;       /* epochs, and how many there is memory for */
    size_t n_metrics;     /* of the run: no columns for further ones */
    struct mt_epoch last; /* if there is any */
    uint64_t *column[MT_EPOCH_COLUMNS]; /* (size) the bits of the values */
    struct mt_packed packed[MT_EPOCH_COLUMNS];
};

void mt_epochs_free(struct mt_epochs *e);

/* Is there such a column? */
bool mt_epochs_has(const struct mt_epochs *e, size_t column);

/* MT_I64 (for uint64_t and size_t in struct mt_epoch) or MT_F64 */
enum mt_dtype mt_epochs_dtype(size_t column);

/* Reserves memory for at least `size` epochs. */
mt_status mt_epochs_reserve(struct mt_epochs *e, size_t size,
                            struct mt_err *err);

mt_status mt_epochs_add(struct mt_epochs *e, const struct mt_epoch *epoch,
                        struct mt_err *err);

/* Epoch number i, counting from 0. */
struct mt_epoch mt_epochs_at(const struct mt_epochs *e, size_t i);

/* Drops all but the first n. */
void mt_epochs_cut(struct mt_epochs *e, size_t n);

/* Replaces the last one. */
void mt_epochs_replace_last(struct mt_epochs *e, const struct mt_epoch *epoch);

/* Replaces all by these n; a column that is NULL is unknown: NAN, or 0 for
 * counts. */
mt_status mt_epochs_set(struct mt_epochs *e,
                        const uint64_t *const columns[MT_EPOCH_COLUMNS],
                        size_t n, struct mt_err *err);

#endif
