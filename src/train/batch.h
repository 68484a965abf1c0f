/*
 * The batches that steps and evaluations work on: which samples they are of,
 * and how these get into the session's buffers x and t.
 *
 * Samples in memory are gathered by the team when the batch is needed, in tasks
 * of rows. Those that a reader makes (data/reader.h) are read ahead: while a
 * step works on a batch, one thread reads the next one (ahead.h). Both give
 * the same bits.
 */
#ifndef MT_TRAIN_BATCH_H
#define MT_TRAIN_BATCH_H

#include "train/rows.h"
#include "train/session_internal.h"

/* Brings s->order up to the position: the epoch's order of training rows. */
void mt_session_order(struct mt_session *s);

/* Batch number i of the epoch that the order is of; n == 0 after the last. */
struct mt_rows mt_session_batch(const struct mt_session *s, size_t i);

/* Gathers a batch, or a part of one, into s->x and s->t. next is the batch that
 * will probably be gathered after it: that may turn out to be another one, or
 * next may have changed by then. */
mt_status mt_session_gather(struct mt_session *s, const struct mt_rows *rows,
                            const struct mt_rows *next, struct mt_err *err);

#endif
