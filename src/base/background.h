/*
 * A background thread that runs one job at a time, such as reading ahead, while
 * its caller does something else.
 *
 *     mt_background_new(&thread, err);
 *     mt_background_start(thread, read_next, &next);  returns at once
 *     ...                                  next belongs to the thread
 *     mt_background_wait(thread);          and to the caller again
 *     mt_background_free(thread);
 *
 * Unlike the workers of a team (team.h) the thread is meant to wait for files:
 * it sleeps while it has nothing to do, so a job costs a few system calls.
 */
#ifndef MT_BASE_BACKGROUND_H
#define MT_BASE_BACKGROUND_H

#include "base/status.h"

struct mt_background;

/* MT_NO_MEMORY where the thread cannot be started. */
mt_status mt_background_new(struct mt_background **out, struct mt_err *err);

/* Waits for a running job. NULL is allowed. */
void mt_background_free(struct mt_background *thread);

/* Waits for the previous job, then starts run(ctx). Only one thread may call
 * this and mt_background_wait. */
void mt_background_start(struct mt_background *thread, void (*run)(void *ctx),
                         void *ctx);

/* Returns when no job is running; what it wrote can then be read. */
void mt_background_wait(struct mt_background *thread);

#endif
