/*
 * Values that must be probabilities: the targets of BCELoss and
 * BCEWithLogitsLoss, and the outputs that BCELoss reads. Outside 0 ... 1 these
 * losses mean nothing. NaN does not count as outside: the loss that it makes is
 * reported as not finite.
 */
#ifndef MT_TRAIN_RANGE_H
#define MT_TRAIN_RANGE_H

#include "train/rows.h"

/* Checks that every target is in 0 ... 1, if the loss needs that. */
mt_status mt_range_check_targets(const struct mt_session *s,
                                 struct mt_err *err);

/* The first of n outputs that is outside 0 ... 1, if the loss takes outputs for
 * probabilities; else n. */
size_t mt_range_find(const struct mt_loss *loss, const float *y, size_t n);

/* Checks that the outputs of the batch that p has run are in 0 ... 1, if the
 * loss takes them for probabilities. The error is MT_INVALID before the first
 * step and when nothing is trained, later MT_OUT_OF_RANGE. */
mt_status mt_range_check_outputs(const struct mt_session *s,
                                 const struct mt_program *p,
                                 const struct mt_rows *rows,
                                 struct mt_err *err);

#endif
