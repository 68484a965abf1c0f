/*
 * Which process has which parameters: their optimizer state, and their steps.
 *
 * The store's block is cut into stripes, and each stripe into a piece for every
 * process. Backward completes gradients from the end of the block to its
 * beginning, roughly, so that the last stripes can be exchanged while the first
 * are still computed; and every process takes part in each exchange. One
 * process has one stripe, the block.
 *
 * Pieces are whole spans (graph/spans.h) except at the block's end, and may be
 * empty.
 */
#ifndef MT_TRAIN_PIECES_H
#define MT_TRAIN_PIECES_H

#include "base/arena.h"
#include "graph/tensor.h"
#include "train/shards.h"

enum { MT_PIECE_SPANS = 8 }; /* at most: 1 MiB */

size_t mt_stripes(const struct mt_store *store, size_t ranks);

/* Stripe k, and the piece of it that process `rank` of `ranks` has, in floats
 * of the block. */
struct mt_range mt_stripe(const struct mt_store *store, size_t ranks, size_t k);
struct mt_range mt_piece(const struct mt_store *store, size_t ranks,
                         size_t rank, size_t k);

/* The floats of all pieces of a process. */
size_t mt_pieces_floats(const struct mt_store *store, size_t ranks,
                        size_t rank);

/* All pieces of a process, [mt_stripes]; NULL: no memory. */
struct mt_range *mt_pieces(const struct mt_store *store, size_t ranks,
                           size_t rank, struct mt_arena *arena);

/* Where pieces begin and the last one ends, for mt_comm_gather: that of process
 * r in stripe k at k * ranks + r, in units of `each` bytes for `unit` floats.
 * NULL: no memory. */
size_t *mt_pieces_at(const struct mt_store *store, size_t ranks, size_t unit,
                     size_t each, struct mt_arena *arena);

#endif
