/*
 * Ranks as threads of one process: so what several processes do can be tested
 * in one, under sanitizers.
 *
 *     mt_comm_threads(4, run_rank, ctx);   run_rank(comm, ctx) in each
 */
#ifndef MT_COMM_THREADS_H
#define MT_COMM_THREADS_H

#include "comm/comm.h"

/* Calls `run` as each of size > 0 ranks and returns when all have returned: the
 * exit code that one of them passed to mt_comm_abort, after which calls of the
 * others on their communicators fail; else 0. Aborts the program if memory runs
 * out: for tests only. */
int mt_comm_threads(size_t size, void (*run)(struct mt_comm *comm, void *ctx),
                    void *ctx);

#endif
