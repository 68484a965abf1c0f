/*
 * Values that must be probabilities: the targets of BCELoss and
 * BCEWithLogitsLoss, and the outputs that BCELoss reads. Outside 0 ... 1 these
 * losses mean nothing. NaN does not count as outside: the loss that it makes is
 * reported as not finite.
 */
#ifndef MT_TRAIN_RANGE_H
#define MT_TRAIN_RANGE_H

#include "train/rows.h"

/* That every target is in 0 ... 1; true of all other losses. */
mt_status mt_range_check_targets(const struct mt_session *s,
                                 struct mt_err *err);

/* The first of n outputs that this loss cannot take, or n: outside 0 ... 1
 * where it takes them for probabilities. */
size_t mt_range_find(const struct mt_loss *loss, const float *y, size_t n);

/* That the outputs of the batch that p has worked on are in 0 ... 1, if the loss
 * takes them for probabilities. Before the first step and where nothing is
 * trained that is MT_INVALID, later MT_OUT_OF_RANGE. */
mt_status mt_range_check_outputs(const struct mt_session *s,
                                 const struct mt_program *p,
                                 const struct mt_rows *rows,
                                 struct mt_err *err);

#endif
