/*
 * Reading ahead: one thread reads the next batch of samples that are not in
 * memory (data/reader.h) into a pair of buffers of its own, while the step
 * works on another pair. The step that needs the batch swaps the two.
 *
 * A batch that was read ahead is used if it has the very samples that are
 * needed, row by row and epoch, and dropped otherwise. So nothing that moves
 * the position (a restored session, an evaluation, the end of an epoch) has to
 * announce it. An error of reading is reported when the batch is used.
 */
#ifndef MT_TRAIN_AHEAD_H
#define MT_TRAIN_AHEAD_H

#include "train/rows.h"

struct mt_ahead;

/* Room for batches of x_floats and t_floats elements and `rows` samples.
 * Starts the thread; s must outlive it, and its model's and its data's facts
 * stay as they are. */
mt_status mt_ahead_new(const struct mt_session *s, size_t x_floats,
                       size_t t_floats, size_t rows, struct mt_ahead **out,
                       struct mt_err *err);
void mt_ahead_free(struct mt_ahead *ahead); /* NULL is allowed */

/* Begins to read the batch, unless its n is 0 or its samples are in memory. Its
 * row numbers are copied. */
void mt_ahead_start(struct mt_ahead *ahead, const struct mt_rows *rows);

/* Brings the batch into *x and *t, which may become other buffers: what they
 * were is the reader's then. */
mt_status mt_ahead_take(struct mt_ahead *ahead, const struct mt_rows *rows,
                        float **x, float **t, struct mt_err *err);

#endif
