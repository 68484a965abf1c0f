/*
 * Totals: sums over the samples of an epoch so far, or of an evaluation, and
 * the scores computed from them. Those of an epoch are part of the position.
 */
#ifndef MT_TRAIN_TOTALS_H
#define MT_TRAIN_TOTALS_H

#include "train/session_internal.h"

/* The loss, the samples, then the sums of each metric. */
enum { MT_TOTAL_LOSS, MT_TOTAL_SAMPLES, MT_TOTALS };

/* The number of totals; and an array of them, all 0, in the session's arena. */
size_t mt_totals_count(const struct mt_session *s);
mt_status mt_totals_new(struct mt_session *s, double **out, struct mt_err *err);

/* The bytes that metrics keep of samples; and fails if that is too much. */
size_t mt_totals_bytes(const struct mt_session *s);
mt_status mt_totals_check(const struct mt_session *s, struct mt_err *err);

/* The size, in doubles, of a process's record of a batch that it evaluated: the
 * loss, its weight, and the totals. */
size_t mt_totals_record(const struct mt_session *s);

/* The totals of the batch that this process evaluates. */
double *mt_totals_evaluated(const struct mt_session *s);

/* Takes memory for evaluations: totals, and what metrics keep of samples. */
mt_status mt_totals_prepare(struct mt_session *s, struct mt_err *err);
void mt_totals_clear(const struct mt_session *s, double *totals);

/* Adds the batch that p has run. weight: how many samples its loss counts
 * as. */
void mt_totals_add(const struct mt_session *s, double *totals,
                   const struct mt_program *p, const void *targets,
                   double weight);

/* Adds the totals of other samples. */
void mt_totals_merge(const struct mt_session *s, double *totals,
                     const double *part);

void mt_totals_scores(const struct mt_session *s, const double *totals,
                      struct mt_scores *out);

#endif
