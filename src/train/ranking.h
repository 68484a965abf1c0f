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
 * for two classes only the second, by the difference of the two scores; for a
 * loss of probabilities the outputs in the last dimension. The value is the
 * mean over the columns, as in sklearn.metrics.roc_auc_score with
 * multi_class="ovr", for exact probabilities. A column in which all samples, or
 * none, are of the class is left out of the mean; with no column left the value
 * is NaN. A sample with an output that is not finite ranks last if it is of the
 * class, and first otherwise.
 */
#ifndef MT_TRAIN_RANKING_H
#define MT_TRAIN_RANKING_H

#include "base/status.h"
#include "comm/comm.h"
#include "train/metrics.h"

struct mt_ranking {
    size_t columns, room; /* room: reserved rows */
    size_t n;             /* rows so far */
    uint64_t *keys;       /* (columns, room): a score whose lowest bit is
                             replaced by whether the sample is of the class */
    uint64_t *scratch;    /* [room] */
    size_t left_out;       /* columns left out of the last value, */
    size_t first_left_out; /* and the first of these */
};

/* The number of columns for outputs with that last dimension. */
size_t mt_ranking_columns(size_t outputs, bool classes);

/* Fails if the rows are too many to keep. */
mt_status mt_ranking_check(size_t columns, size_t rows, struct mt_err *err);

/* Takes memory for them, unless that is done; fails also if they are too
 * many. */
mt_status mt_ranking_reserve(struct mt_ranking *r, size_t columns, size_t rows,
                             struct mt_err *err);
void mt_ranking_free(struct mt_ranking *r); /* zeroed is allowed */
size_t mt_ranking_bytes(size_t columns, size_t rows); /* of memory */

void mt_ranking_clear(struct mt_ranking *r);
void mt_ranking_add(struct mt_ranking *r, const struct mt_outcome *o);

/* Gives each process the samples that all of them have added. */
mt_status mt_ranking_gather(struct mt_ranking *r, struct mt_comm *comm,
                            struct mt_err *err);

/* The mean area; sorts the keys. */
double mt_ranking_value(struct mt_ranking *r);

#endif
