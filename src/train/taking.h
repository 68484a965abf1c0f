/*
 * The optimizer steps large weights while their gradients are in cache, as soon
 * as they are computed, instead of after all of backward: these gradients are
 * then neither written to memory nor read again, and take none. The values are
 * the same.
 *
 * It cannot be so where a step needs all gradients at once: to clip or measure
 * them, or to sum those of several batches or parts of one.
 */
#ifndef MT_TRAIN_TAKING_H
#define MT_TRAIN_TAKING_H

#include "train/session_internal.h"

/* Is the run such that gradients can be taken? To be asked before its programs
 * are recorded. */
bool mt_taking_suits(const struct mt_session *s);

/* Once they are: finds what all of them hand over, s->taken. */
mt_status mt_taking_plan(struct mt_session *s, struct mt_err *err);

/* The memory of gradients that is not needed. */
size_t mt_taking_bytes(const struct mt_session *s);

/* A turn of the graph in which they are taken, unless the loss is not finite:
 * then nothing is changed. */
struct mt_taking {
    struct mt_optimizer *optimizer;
    const float *loss;
    struct mt_taker taker;
};
void mt_taking_begin(struct mt_taking *taking, const struct mt_session *s,
                     const struct mt_program *p, struct mt_turn *turn);

#endif
