/*
 * One thread aside, for one job at a time that goes on while its caller does
 * something else: reading ahead.
 *
 *     mt_aside_new(&aside, err);
 *     mt_aside_start(aside, read_next, &next);  comes back at once
 *     ...                                       next is the thread's
 *     mt_aside_wait(aside);                     next is the caller's again
 *     mt_aside_free(aside);
 *
 * Unlike the workers of a team (team.h) the thread is meant to wait for files:
 * it sleeps while it has nothing to do, so a job costs a few system calls.
 */
#ifndef MT_BASE_ASIDE_H
#define MT_BASE_ASIDE_H

#include "base/status.h"

struct mt_aside;

/* MT_NO_MEMORY where the thread cannot be started. */
mt_status mt_aside_new(struct mt_aside **out, struct mt_err *err);

/* Waits for the job that runs. NULL is allowed. */
void mt_aside_free(struct mt_aside *aside);

/* Waits for the job before, then starts run(ctx). Only one thread may call
 * this and mt_aside_wait. */
void mt_aside_start(struct mt_aside *aside, void (*run)(void *ctx), void *ctx);

/* Returns when no job runs; what it wrote can be read then. */
void mt_aside_wait(struct mt_aside *aside);

#endif
