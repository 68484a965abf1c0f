/*
 * A team of worker threads that runs loops of independent tasks.
 *
 * The rule that keeps results bitwise the same for any number of threads: work
 * is divided into tasks by shape, never by the number of workers, and no two
 * tasks write the same memory. Worker w of n begins with the tasks from w / n
 * of them on, so that it finds in its caches what it wrote in the job before,
 * and then helps the others: who runs a task may depend on chance.
 *
 * Once warm, mt_team_run takes no lock and makes no system call: idle workers
 * spin for a while before they sleep, unless they have had to wait for a CPU
 * (runqueue.h).
 */
#ifndef MT_BASE_TEAM_H
#define MT_BASE_TEAM_H

#include <stddef.h>

#include "base/status.h"

struct mt_team;

enum { MT_TEAM_MAX = 256 };

/* task counts from 0; worker is in 0 ... mt_team_size - 1. No two tasks run at
 * once with the same worker, so it can select scratch memory. */
typedef void mt_task(void *ctx, size_t task, size_t worker);

/* threads counts the calling thread; 0 means one for each available CPU. */
mt_status mt_team_new(size_t threads, struct mt_team **out,
                      struct mt_err *err);
void mt_team_free(struct mt_team *team); /* NULL is allowed */

size_t mt_team_size(const struct mt_team *team); /* NULL: 1 */

/* Runs run(ctx, 0 ... tasks-1) and returns when all are done. A NULL team
 * runs them in the calling thread. Only one thread may call it at a time,
 * and never from inside a task. tasks < 2^32. */
void mt_team_run(struct mt_team *team, size_t tasks, mt_task *run, void *ctx);

#endif
