/*
 * A model of sequences of tokens, run position by position: its layers keep
 * what they need of earlier positions, so that these are not run again
 * (graph/sequence.h). The outputs have the bits of a run over all positions.
 *
 *     mt_infer_prepare(m, 1, &n_tokens, err); mt_infer_gather(...);
 *     if (mt_incremental_open(&i, m, context)) {
 *         mt_incremental_begin(&i, true);       sets m->program.y
 *         y = mt_incremental_next(&i, token);   for each further token
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
    size_t known;          /* positions run so far */
    size_t context;        /* the most there can be */
    void *workspace, *memory;
    int32_t token;
};

/* False if m, prepared for a sample of tokens, cannot be run like this: an op
 * mixes positions, memory is lacking, or the sample fills the context. Then
 * there is nothing to close. */
bool mt_incremental_open(struct mt_incremental *i, struct mt_infer *m,
                         size_t context);
void mt_incremental_close(struct mt_incremental *i); /* closed: nothing */

/* Runs the sample that m was prepared for and given, and starts anew with it.
 * Without outputs the last layers do not run, and m->program.y must not be
 * read. */
void mt_incremental_begin(struct mt_incremental *i, bool outputs);

/* The outputs for the token at the next position; known < context before. They
 * are valid until the next call. */
const float *mt_incremental_next(struct mt_incremental *i, int32_t token);

#endif
