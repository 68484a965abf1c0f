/*
 * How many training samples each class has: for loss.weight "balanced", and for
 * a note when some classes have very few.
 *
 * With "balanced", class c has the weight samples / (classes * samples of c),
 * as in scikit-learn's compute_class_weight. The counts at the start of a run
 * are kept in its checkpoints (mt_fitted's class_counts), so that resume and
 * eval on other data use the same weights.
 */
#ifndef MT_TRAIN_BALANCE_H
#define MT_TRAIN_BALANCE_H

#include "base/strbuf.h"
#include "train/session.h"

/* Sets the loss's weights if it asks for balanced ones. A class without a
 * training sample is an error. */
mt_status mt_balance_loss(struct mt_session *s, struct mt_err *err);

/* Appends "circle 90 %, square 10 %", the largest first, if each sample has one
 * class (or one target of 0 or 1) and the largest class has at least eight
 * times the samples of the smallest; else nothing. */
mt_status mt_balance_shares(const struct mt_session *s, struct mt_strbuf *out,
                            struct mt_err *err);

#endif
