/*
 * Shared by the ops of recurrent layers: the kinds of cells, and how the work
 * of a walk over time is cut into tasks.
 *
 * All arrays are time-major, (T, N, ...): a step's numbers are contiguous. The
 * gates' sums over the inputs of all steps are one product, computed before; a
 * step adds the products with the previous state, from a weight that is packed
 * once.
 */
#ifndef MT_GRAPH_RECURRENT_H
#define MT_GRAPH_RECURRENT_H

#include "base/size.h"
#include "graph/ops_internal.h"

struct mt_cell {
    const char *name; /* "lstm" */
    size_t gates;
    bool saves_state;       /* has a second state array: LSTM's c, GRU's
                               recurrent part of n */
    bool candidate;         /* the last gate's recurrent sum is kept separate
                               from its input sum, in that array (GRU) */
    const char *activation; /* of a cell with one gate: h = f(sum) */

    /* offsets of the kernels in struct mt_kernels, of cells with more gates */
    size_t step, grad;
};

struct mt_recurrent_args {
    const struct mt_cell *cell;
    bool reverse; /* from the last step to the first */
};

/* A walk over `steps` steps of `rows` samples and `units` units. Samples are
 * independent, so a group of them can walk through all steps on its own; if
 * there is only one group, tasks share the units of each step. */
struct mt_walk {
    size_t steps, rows, units;
    size_t group; /* rows of a group; the last may have fewer */
    size_t part;  /* units of a part: in a group's walk all of them, so that
                     gates are read and written row by row; else a multiple of
                     MT_PANEL, and the last may have fewer */
    bool step_by_step;
};

struct mt_walk mt_walk_of(const struct mt_value *gates,
                          const struct mt_cell *cell);

/* Works on rows [i, i + m) and units [j, j + n) of a step. Reads what other
 * parts of the same rows wrote in the step before. */
typedef void mt_walk_part(const void *ctx, size_t step, size_t i, size_t m,
                          size_t j, size_t n);

void mt_walk_run(struct mt_team *team, const struct mt_walk *walk,
                 mt_walk_part *part, const void *ctx);

/* Cuts scratch memory, aligned to 64 bytes, into pieces of n floats. */
static inline float *mt_take(float **scratch, size_t n)
{
    float *p = *scratch;

    *scratch += mt_size_align(n, 16);
    return p;
}

#endif
