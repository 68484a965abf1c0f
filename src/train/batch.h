/*
 * The batches that steps and evaluations work on: which samples they consist
 * of, and how these get into the session's buffers x and t.
 *
 * Samples in memory are gathered by the team when the batch is needed. Samples
 * that a reader supplies (data/reader.h) are read ahead: while a step works on
 * a batch, other threads read the next one (ahead.h). Both give the same bits.
 */
#ifndef MT_TRAIN_BATCH_H
#define MT_TRAIN_BATCH_H

#include "train/rows.h"
#include "train/session_internal.h"

/* How many numbers s->order has room for: all training samples, or only two
 * batches if samples are not shuffled. */
size_t mt_session_order_size(const struct mt_session *s);

/* Sets s->order, the order of training rows, for the epoch of the
 * position. */
void mt_session_order(struct mt_session *s);

/* Batch number i of that epoch; n == 0 after the last. Not shuffled, its
 * numbers live until batch i + 2 is asked for. */
struct mt_rows mt_session_batch(const struct mt_session *s, size_t i);

/* Gathers a batch, or a part of one, into s->x and s->t. next is the batch that
 * will probably be gathered after it, to be read ahead; it is only a hint. */
mt_status mt_session_gather(struct mt_session *s, const struct mt_rows *rows,
                            const struct mt_rows *next, struct mt_err *err);

#endif
