/*
 * The samples of type synthetic (synthetic.c), each a function of the seed and
 * its number. Each task can be learned, up to its noise.
 *
 *     regression       x uniform with variance 1; t = W x / sqrt(elements)
 *                      y = t + (t^2 - 1) / 4 + noise u
 *     classification   y uniform among the classes; x = centre[y] + noise u
 *     tokens           a walk: from each token to the first of its two
 *                      successors (3/4) or the second (1/4), or, with the
 *                      probability `noise`, to any token
 *
 * W, the centres and the noise u are also uniform with variance 1. Everything
 * is a fixed sequence of float32 operations on Philox words, and so the same on
 * every machine.
 */
#ifndef MT_DATA_SYNTHESIS_H
#define MT_DATA_SYNTHESIS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/philox.h"

enum mt_task { MT_REGRESSION, MT_CLASSIFICATION, MT_TOKENS };

struct mt_synthesis {
    enum mt_task task;
    size_t elements, outputs; /* of x and y; for tokens: of the walk, and 0 */
    size_t classes, vocab;
    double noise;

    /* Set by mt_synthesis_start: the streams of samples, noise or labels, and
     * the table. */
    struct mt_philox_key x, y, constant;

    /* W [elements, outputs], the centres [classes, elements] or the successors
     * [vocab, 2], which all samples share. NULL: computed when a sample needs
     * them. */
    void *table;
};

void mt_synthesis_start(struct mt_synthesis *s, uint64_t seed);

/* The table's size, in values of 4 bytes; and drawing it into s->table. */
void mt_synthesis_table(const struct mt_synthesis *s, size_t *rows,
                        size_t *width);
void mt_synthesis_draw(struct mt_synthesis *s);

/* Makes sample i: x is floats, or the walk, int32; y is floats, or the class,
 * int32, or nothing for tokens (the walk is both). y NULL: not wanted. scratch:
 * mt_synthesis_scratch(s) floats. */
size_t mt_synthesis_scratch(const struct mt_synthesis *s);
void mt_synthesis_make(const struct mt_synthesis *s, uint64_t i, void *x,
                       void *y, float *scratch);

#endif
