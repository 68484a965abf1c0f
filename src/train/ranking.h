/*
 * The area under the ROC curve: the share of pairs, one sample of a class and
 * one that is not, whose scores are in the right order; equal scores count as
 * one half. It depends on all samples of a set at once, so their scores are
 * kept until the set is complete, in memory that is taken beforehand: 8 bytes
 * for each sample and column, and 8 more for each sample.
 *
 *     mt_ranking_reserve(&r, columns, samples, err);
 *     mt_ranking_clear(&r);
 *     mt_ranking_add(&r, &outcome);      for each batch, in any order
 *     auc = mt_ranking_value(&r);
 *     mt_ranking_free(&r);
 *
 * Columns are the classes, each against the rest, by the softmax of the scores;
 * of two classes the second one only, by the difference of both scores; of a
 * loss of probabilities the outputs in the last dimension. The value is the
 * mean over the columns, as that of sklearn.metrics.roc_auc_score with
 * multi_class="ovr" of exact probabilities. A column whose samples are all of
 * the class, or none, is left out of the mean; without any column left it is
 * NaN. A sample with an output that is not finite ranks last if it is of the
 * class, and else first.
 */
#ifndef MT_TRAIN_RANKING_H
#define MT_TRAIN_RANKING_H

#include "base/status.h"
#include "comm/comm.h"
#include "train/metrics.h"

struct mt_ranking {
    size_t columns, room; /* room: rows that are reserved */
    size_t n;             /* rows so far */
    uint64_t *keys;       /* (columns, room): a score with its lowest bit
                             replaced by whether the sample is of the class */
    uint64_t *scratch;    /* [room] */
    size_t left_out;      /* columns, of the last value, */
    size_t first_left_out;
};

/* Columns of outputs with so many values in the last dimension. */
size_t mt_ranking_columns(size_t outputs, bool classes);

/* Fails if the rows are too many to keep. */
mt_status mt_ranking_check(size_t columns, size_t rows, struct mt_err *err);

/* Takes memory for them, unless that is done; fails likewise. */
mt_status mt_ranking_reserve(struct mt_ranking *r, size_t columns, size_t rows,
                             struct mt_err *err);
void mt_ranking_free(struct mt_ranking *r); /* zeroed is allowed */
size_t mt_ranking_bytes(size_t columns, size_t rows); /* of memory */

void mt_ranking_clear(struct mt_ranking *r);
void mt_ranking_add(struct mt_ranking *r, const struct mt_outcome *o);

/* Every process has added samples of its own: now each has those of all. */
mt_status mt_ranking_gather(struct mt_ranking *r, struct mt_comm *comm,
                            struct mt_err *err);

/* Sorts what was added. */
double mt_ranking_value(struct mt_ranking *r);

#endif
