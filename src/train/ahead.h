/*
 * Reading ahead: background threads read the next batch of samples that are not
 * in memory (data/reader.h) into a second pair of buffers while the step works
 * on the first. The step that needs the batch swaps the two.
 *
 * A batch that was read ahead is used only if it has exactly the samples that
 * are needed (same rows, same epoch), and is dropped otherwise. So code that
 * moves the position (restoring a session, an evaluation, the end of an epoch)
 * need not announce it. A read error is reported when the batch is used.
 */
#ifndef MT_TRAIN_AHEAD_H
#define MT_TRAIN_AHEAD_H

#include "train/rows.h"

struct mt_ahead;

/* Takes memory for batches of up to x_floats and t_floats elements and `rows`
 * samples, and starts as many threads as the team has. s must outlive them, and
 * its model and data must not change. */
mt_status mt_ahead_new(const struct mt_session *s, size_t x_floats,
                       size_t t_floats, size_t rows, struct mt_ahead **out,
                       struct mt_err *err);
void mt_ahead_free(struct mt_ahead *ahead); /* NULL is allowed */

/* Begins to read the batch, unless its n is 0 or its samples are in memory. The
 * row numbers are copied. */
void mt_ahead_start(struct mt_ahead *ahead, const struct mt_rows *rows);

/* Gets the batch into *x and *t. They may be swapped for other buffers; the old
 * ones are then the reader's. */
mt_status mt_ahead_take(struct mt_ahead *ahead, const struct mt_rows *rows,
                        float **x, float **t, struct mt_err *err);

#endif
