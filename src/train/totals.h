/*
 * Totals: sums over the samples of an epoch so far, or of an evaluation, and
 * the scores that they give. Those of an epoch are part of the position.
 */
#ifndef MT_TRAIN_TOTALS_H
#define MT_TRAIN_TOTALS_H

#include "train/session_internal.h"

/* The loss, the samples, and then the sums of each metric. */
enum { MT_TOTAL_LOSS, MT_TOTAL_SAMPLES, MT_TOTALS };

/* How many there are; taken from the session's memory, all 0. */
size_t mt_totals_count(const struct mt_session *s);
mt_status mt_totals_new(struct mt_session *s, double **out, struct mt_err *err);

/* What the metrics keep of samples, in bytes; and that it is not too much. */
size_t mt_totals_bytes(const struct mt_session *s);
mt_status mt_totals_check(const struct mt_session *s, struct mt_err *err);

/* Numbers of what a process knows of a batch that it has evaluated: its loss,
 * what that weighs, and its totals. And where the totals of this process's
 * batch are. */
size_t mt_totals_record(const struct mt_session *s);
double *mt_totals_evaluated(const struct mt_session *s);

/* Takes those of evaluations, and what their metrics keep of samples. */
mt_status mt_totals_prepare(struct mt_session *s, struct mt_err *err);
void mt_totals_clear(const struct mt_session *s, double *totals);

/* Adds the batch that p has worked on. weight: how many samples its loss counts
 * as, the batch's size in training. */
void mt_totals_add(const struct mt_session *s, double *totals,
                   const struct mt_program *p, const void *targets,
                   double weight);

/* Adds the sums of a batch or a part of one, which began at 0, to others. */
void mt_totals_merge(const struct mt_session *s, double *totals,
                     const double *part);

void mt_totals_scores(const struct mt_session *s, const double *totals,
                      struct mt_scores *out);

#endif
