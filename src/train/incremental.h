/*
 * A model of sequences of tokens, run position by position: what its layers
 * keep of earlier positions spares running those again (graph/sequence.h). The
 * outputs have the bits of a run over all positions.
 *
 *     mt_infer_prepare(m, 1, &n_tokens, err); mt_infer_gather(...);
 *     if (mt_incremental_open(&i, m, context)) {
 *         mt_incremental_begin(&i, true);   then m->program.y is there
 *         y = mt_incremental_next(&i, token);   output n, and so on
 *     }
 *     mt_incremental_close(&i);
 *
 * Memory is taken once, for all positions.
 */
#ifndef MT_TRAIN_INCREMENTAL_H
#define MT_TRAIN_INCREMENTAL_H

#include "graph/sequence.h"
#include "train/infer.h"

struct mt_incremental {
    struct mt_infer *m;
    struct mt_program one; /* for one position; graph NULL: not open */
    size_t known;          /* positions that were run */
    size_t context;        /* how many there may be */
    void *workspace, *memory;
    int32_t token;
};

/* False where m, prepared for a sample of tokens, cannot be run so: an op mixes
 * positions, there is no memory for it, or no room for a further position.
 * Then there is nothing to close. */
bool mt_incremental_open(struct mt_incremental *i, struct mt_infer *m,
                         size_t context);
void mt_incremental_close(struct mt_incremental *i); /* closed: nothing */

/* Runs what m was prepared for and given, and remembers it, in place of what it
 * did; without outputs, it is less work, and m->program.y is not to be read. */
void mt_incremental_begin(struct mt_incremental *i, bool outputs);

/* The outputs (of a sample of one token) at the next position; known < context
 * before. They live until the next call. */
const float *mt_incremental_next(struct mt_incremental *i, int32_t token);

#endif
