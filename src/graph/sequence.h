/*
 * Running a graph along a sequence: first a piece of any length, then position
 * by position, each from what the nodes remember of those before it (an
 * attention its keys and values, a recurrent layer its state).
 *
 *     whole: a graph recorded for n >= 2 positions; one: the same for 1
 *     if (mt_sequence_fits(whole, x, 1, y, one)) {
 *         memory = room for mt_sequence_bytes(one, context)
 *         run whole with turn.sequence = { 0, context, memory }
 *         run one with turn.sequence = { n, context, memory }, n + 1, ...
 *     }
 *
 * A position's outputs have the bits that they have in a run of the whole
 * sequence. A run of it also adds 0 times what later positions are: this can
 * show only in the sign of a zero, and where a number is not finite.
 *
 * Whether it can be done is the ops' to say, by `along`: which dimension of a
 * result is the sequence's, from those of the operands. An op without it, or
 * one that refuses, mixes positions.
 */
#ifndef MT_GRAPH_SEQUENCE_H
#define MT_GRAPH_SEQUENCE_H

#include "graph/graph.h"

/* In place of a dimension: the value does not depend on the sequence. */
enum { MT_NO_DIM = -1 };

struct mt_sequence {
    size_t position; /* where the piece begins; above 0 it has one position */
    size_t context;  /* positions that there is memory for */
    void *memory;    /* mt_sequence_bytes, aligned to 64; not to be set before
                        a run at position 0 */
    bool no_outputs; /* a run only fills the memory: y is not needed */
};

/* Whether y, computed from x, can be had position by position: x's dimension
 * dim is the sequence, of two positions or more, and one is the same graph
 * recorded for one position. Both are finished, and of evaluation. */
bool mt_sequence_fits(struct mt_graph *whole, struct mt_value *x, int dim,
                      struct mt_value *y, const struct mt_graph *one);

/* What the nodes remember of a sequence of up to `context` positions. */
size_t mt_sequence_bytes(const struct mt_graph *g, size_t context);

/* The part of it that is node's. */
size_t mt_sequence_node_bytes(const struct mt_node *node, size_t context);

/* How many nodes there are up to the last one that remembers something. */
size_t mt_sequence_nodes(const struct mt_graph *g);

#endif
