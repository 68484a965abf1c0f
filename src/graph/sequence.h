/*
 * Running a graph along a sequence: first a piece of any length, then position
 * by position, each from what the nodes keep of earlier ones (attention its
 * keys and values, a recurrent layer its state).
 *
 *     whole: a graph recorded for n >= 2 positions; one: the same for 1
 *     if (mt_sequence_fits(whole, x, 1, y, one)) {
 *         memory: mt_sequence_bytes(one, context) bytes
 *         run whole with turn.sequence = { 0, context, memory }
 *         run one with turn.sequence = { n, context, memory }, n + 1, ...
 *     }
 *
 * The outputs of a position have the same bits as in a run of the whole
 * sequence. That also adds 0 times the values of later positions, which can
 * only change the sign of a zero, and matters if a number is not finite.
 *
 * Whether it can be done is decided by the ops' `along`, which finds the
 * dimension of a result that is the sequence, from those of the operands. An op
 * without it, or one that refuses, mixes positions.
 */
#ifndef MT_GRAPH_SEQUENCE_H
#define MT_GRAPH_SEQUENCE_H

#include "graph/graph.h"

/* Instead of a dimension: the value does not depend on the sequence. */
enum { MT_NO_DIM = -1 };

struct mt_sequence {
    size_t position; /* where the piece begins; if not 0, it has one position */
    size_t context;  /* the most positions, for which there is memory */
    void *memory;    /* mt_sequence_bytes, aligned to 64; its contents do not
                        matter before a run at position 0 */
    bool no_outputs; /* a run only fills the memory: y is not needed */
};

/* Can y, computed from x, be computed position by position? x's dimension dim
 * is the sequence, of at least two positions, and one is the same graph
 * recorded for one position. Both must be finished, and for evaluation. */
bool mt_sequence_fits(struct mt_graph *whole, struct mt_value *x, int dim,
                      struct mt_value *y, const struct mt_graph *one);

/* The memory that the nodes need for a sequence of up to `context`
 * positions. */
size_t mt_sequence_bytes(const struct mt_graph *g, size_t context);

/* The node's share of it. */
size_t mt_sequence_node_bytes(const struct mt_node *node, size_t context);

/* The number of nodes up to the last one that keeps something. */
size_t mt_sequence_nodes(const struct mt_graph *g);

#endif
