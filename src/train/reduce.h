/*
 * The sum of the gradients of a batch's parts, in the order of the tree
 * (shards.h), whatever the number of processes.
 *
 *     mt_reduce_begin(r);
 *     for each part of this process except the last, in order:
 *         ... backward leaves its gradient in the store's block ...
 *         mt_reduce_add(r, team, part, true);
 *     mt_reduce_last(r, team, counts);
 *     ... backward of the last part; meanwhile, if wanted:
 *             mt_reduce_advance(r, team, stripes, err);
 *     mt_reduce_finish(r, team, err);
 *
 * A process adds what it can of its own parts: it holds a block for each of its
 * complete subtrees that have no sibling yet, at most about 2 log2(shards).
 * Each process then receives its pieces (pieces.h) of the others' blocks, and
 * completes the tree there, stripe by stripe from the end of the block on:
 * while one is added, the next are on their way.
 */
#ifndef MT_TRAIN_REDUCE_H
#define MT_TRAIN_REDUCE_H

#include "base/team.h"
#include "comm/comm.h"
#include "graph/tensor.h"
#include "train/shards.h"

struct mt_reduce;

struct mt_reduce_request {
    const struct mt_store *store; /* of the gradients; allocated; outlives it */
    size_t shards;
    struct mt_comm *comm;   /* or NULL */
    struct mt_arena *arena; /* for all memory */
};

mt_status mt_reduce_new(const struct mt_reduce_request *request,
                        struct mt_reduce **out, struct mt_err *err);

/* The parts of process `rank` of `ranks`. */
struct mt_range mt_reduce_parts(size_t shards, size_t ranks, size_t rank);

void mt_reduce_begin(struct mt_reduce *r);

/* Adds the store's gradients, which are those of the part; counts false: the
 * part has none, and they are not read. */
void mt_reduce_add(struct mt_reduce *r, struct mt_team *team, size_t part,
                   bool counts);

/* The process's last part comes next. counts: for every part; at least one
 * counts. */
void mt_reduce_last(struct mt_reduce *r, struct mt_team *team,
                    const bool *counts);

/* The store's gradients of the last so many stripes are complete: exchanges and
 * adds what is possible without waiting. */
mt_status mt_reduce_advance(struct mt_reduce *r, struct mt_team *team,
                            size_t stripes, struct mt_err *err);

/* All are. Leaves the sum in this process's pieces of the store's gradients;
 * the others are undefined. */
mt_status mt_reduce_finish(struct mt_reduce *r, struct mt_team *team,
                           struct mt_err *err);

/* The last part has failed: transfers may go on, and their memory must not be
 * freed (mt_comm.failed). */
void mt_reduce_abandon(struct mt_reduce *r);

/* The memory that the process takes, at most, for blocks of gradients and for
 * received pieces. */
size_t mt_reduce_bytes(const struct mt_store *store, size_t shards,
                       size_t ranks, size_t rank);

/* Bytes of gradients that the process sends for a batch in which every part
 * counts: the others' pieces of its blocks. It has one block if its parts are a
 * subtree, else a few. */
size_t mt_reduce_sent(const struct mt_store *store, size_t shards, size_t ranks,
                      size_t rank);

#endif
