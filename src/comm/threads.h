/*
 * Ranks that are threads of one process: everything that several processes do
 * can be tested without them, under sanitizers.
 *
 *     mt_comm_threads(4, run_rank, ctx);   run_rank(comm, ctx) in each
 */
#ifndef MT_COMM_THREADS_H
#define MT_COMM_THREADS_H

#include "comm/comm.h"

/* Runs `run` as each of size > 0 ranks and returns when all have returned. If
 * one has called mt_comm_abort, what the others do on their communicators fails
 * from then on; the exit code, or else 0. Aborts the program if there is no
 * memory: for tests only. */
int mt_comm_threads(size_t size, void (*run)(struct mt_comm *comm, void *ctx),
                    void *ctx);

#endif
