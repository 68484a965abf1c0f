/*
 * The sum of the gradients of a batch's parts, in the order of the tree
 * (shards.h), whatever the number of processes.
 *
 *     mt_reduce_begin(r);
 *     for each part of this process, in order:
 *         ... backward leaves its gradient in the store's block ...
 *         mt_reduce_add(r, team, part, true);
 *     mt_reduce_finish(r, team, counts, err);
 *
 * A process adds what it can of its own parts: it holds one block for each
 * subtree that is not complete, of which there are at most about log2(shards).
 * Each process is then sent its slice of what the others hold, and completes
 * the tree there. Slices travel in chunks: while one is added, the next is on
 * its way.
 */
#ifndef MT_TRAIN_REDUCE_H
#define MT_TRAIN_REDUCE_H

#include "base/team.h"
#include "comm/comm.h"
#include "graph/tensor.h"
#include "train/shards.h"

struct mt_reduce;

struct mt_reduce_request {
    const struct mt_store *store; /* whose gradients; allocated; must stay */
    size_t shards;
    struct mt_comm *comm;   /* or NULL */
    struct mt_arena *arena; /* for all memory */
};

mt_status mt_reduce_new(const struct mt_reduce_request *request,
                        struct mt_reduce **out, struct mt_err *err);

/* The parts of process `rank` of `ranks`, and its slice of the store's block,
 * in floats: whole spans (graph/spans.h), except for the block's end. */
struct mt_range mt_reduce_parts(size_t shards, size_t ranks, size_t rank);
struct mt_range mt_reduce_slice(const struct mt_store *store, size_t ranks,
                                size_t rank);

void mt_reduce_begin(struct mt_reduce *r);

/* The store's gradients are those of the part; counts false: it has none, and
 * they are not looked at. */
void mt_reduce_add(struct mt_reduce *r, struct mt_team *team, size_t part,
                   bool counts);

/* counts: of every part; at least one does. Leaves the sum in this process's
 * slice of the store's gradients; elsewhere they are anything. */
mt_status mt_reduce_finish(struct mt_reduce *r, struct mt_team *team,
                           const bool *counts, struct mt_err *err);

/* What that process takes memory for: blocks of gradients, and slices that
 * arrive. */
size_t mt_reduce_bytes(const struct mt_store *store, size_t shards,
                       size_t ranks, size_t rank);

/* Bytes of gradients that the process sends for a batch in which every part
 * counts: the others' slices of what it holds, which is one block, or few where
 * its parts are no subtree. */
size_t mt_reduce_sent(const struct mt_store *store, size_t shards, size_t ranks,
                      size_t rank);

#endif
