#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/runqueue.h"

/*
 * One job at a time. Its tasks are cut into runs of neighbours, one for each
 * worker, so that a worker gets the same share of one job after the other, and
 * finds in its caches what it wrote: rows of a batch stay with the core that
 * computed them. Who has none left takes from the others, from the end that its
 * owner comes to last. So a late worker holds nothing up: the caller never
 * waits for one that did not wake in time.
 *
 * A run is one atomic word, first task and end. All runs are empty before the
 * next job begins, so a task drawn from any belongs to the job that is there.
 *
 * An idle worker spins for a while (a training step hands out jobs microseconds
 * apart), then sleeps on a condition variable. The caller takes the lock only
 * if a worker sleeps. Where other programs want the CPUs, too, spinning uses up
 * the time that the next tasks need: a worker that has had to wait for a CPU
 * spins only briefly.
 */
enum { SPINS = 20000, FEW_SPINS = 50 };

struct worker {
    _Atomic uint64_t tasks; /* its run: first << 32 | end */
    struct mt_team *team;
    pthread_t thread;
    size_t index;
    char pad[128]; /* no two workers' runs in a cache line or its neighbour */
};

struct mt_team {
    size_t size;
    bool oversubscribed; /* more threads than CPUs: spinning would starve */

    /* the job: written before it is published */
    _Atomic(mt_task *) run;
    _Atomic(void *) ctx;
    char pad0[64];
    _Atomic uint32_t job; /* its number, stored last */
    char pad1[64];
    atomic_size_t done;    /* finished tasks of the job */
    char pad2[64];
    atomic_size_t sleepers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stop;
    size_t started, ready; /* threads; those whose run queue is open */
    struct worker workers[];
};

static void relax(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static uint64_t tasks_of(uint64_t first, uint64_t end)
{
    return first << 32 | end;
}

/* Draws a task of a run, the first or the last; false: it is empty. */
static bool draw(struct worker *of, bool first, size_t *task)
{
    uint64_t word = atomic_load_explicit(&of->tasks, memory_order_acquire);

    for (;;) {
        uint64_t from = word >> 32, end = word & UINT32_MAX;

        if (from == end)
            return false;
        *task = first ? from : end - 1;
        if (atomic_compare_exchange_weak_explicit(
                &of->tasks, &word,
                first ? tasks_of(from + 1, end) : tasks_of(from, end - 1),
                memory_order_acq_rel, memory_order_acquire))
            return true;
    }
}

/* Runs tasks of the current job until none is left: its own, then others'. */
static void work(struct mt_team *team, size_t worker)
{
    for (size_t i = 0; i < team->size; i++) {
        struct worker *of = &team->workers[(worker + i) % team->size];
        size_t task;

        while (draw(of, i == 0, &task)) {
            mt_task *run =
                atomic_load_explicit(&team->run, memory_order_relaxed);
            void *ctx = atomic_load_explicit(&team->ctx, memory_order_relaxed);

            run(ctx, task, worker);
            atomic_fetch_add_explicit(&team->done, 1, memory_order_release);
        }
    }
}

static bool has_work(struct mt_team *team, uint32_t seen)
{
    return atomic_load(&team->job) != seen || atomic_load(&team->stop);
}

static void sleep_until_work(struct mt_team *team, uint32_t seen)
{
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->sleepers, 1);
    while (!has_work(team, seen))
        pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->lock);
}

static bool spin(struct mt_team *team, uint32_t seen, int spins)
{
    while (spins-- > 0 && !has_work(team, seen))
        relax();
    return has_work(team, seen);
}

static void wait_for_work(struct mt_team *team, uint32_t seen,
                          struct mt_runqueue *queue)
{
    if (spin(team, seen, team->oversubscribed ? 1 : FEW_SPINS))
        return;
    if (!team->oversubscribed && !mt_runqueue_crowded(queue) &&
        spin(team, seen, SPINS))
        return;
    sleep_until_work(team, seen);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct mt_team *team = self->team;
    struct mt_runqueue queue;
    uint32_t seen = 0;

    mt_runqueue_open(&queue);
    pthread_mutex_lock(&team->lock);
    team->ready++;
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
    for (;;) {
        wait_for_work(team, seen, &queue);
        if (atomic_load(&team->stop))
            break;
        seen = atomic_load(&team->job);
        work(team, self->index);
    }
    mt_runqueue_close(&queue);
    return NULL;
}

/* Which descriptors are open must not depend on timing. */
static void wait_for_workers(struct mt_team *team)
{
    pthread_mutex_lock(&team->lock);
    while (team->ready < team->started)
        pthread_cond_wait(&team->wake, &team->lock);
    pthread_mutex_unlock(&team->lock);
}

static size_t available_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);

    return n > 0 ? (size_t)n : 1;
}

mt_status mt_team_new(size_t threads, struct mt_team **out, struct mt_err *err)
{
    size_t cpus = available_cpus();

    if (threads == 0)
        threads = cpus < MT_TEAM_MAX ? cpus : MT_TEAM_MAX;
    if (threads > MT_TEAM_MAX)
        return mt_fail(err, MT_INVALID, "at most %d threads, got %zu",
                       MT_TEAM_MAX, threads);

    struct mt_team *team =
        calloc(1, sizeof *team + threads * sizeof *team->workers);

    if (!team)
        return mt_fail_memory(err);
    team->size = threads;
    team->oversubscribed = threads > cpus;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    for (size_t i = 1; i < threads; i++) {
        struct worker *w = &team->workers[i];

        *w = (struct worker){ .team = team, .index = i };
        int error = pthread_create(&w->thread, NULL, worker_main, w);

        if (error) {
            mt_team_free(team);
            return mt_fail(err, MT_NO_MEMORY, "cannot start thread %zu of %zu",
                           i + 1, threads);
        }
        team->started = i;
    }
    wait_for_workers(team);
    *out = team;
    return MT_OK;
}

void mt_team_free(struct mt_team *team)
{
    if (!team)
        return;
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->stop, true);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
    for (size_t i = 1; i <= team->started; i++)
        pthread_join(team->workers[i].thread, NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team);
}

size_t mt_team_size(const struct mt_team *team)
{
    return team ? team->size : 1;
}

static void wake_sleepers(struct mt_team *team)
{
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

void mt_team_run(struct mt_team *team, size_t tasks, mt_task *run, void *ctx)
{
    if (!team || team->size == 1 || tasks <= 1) {
        for (size_t task = 0; task < tasks; task++)
            run(ctx, task, 0);
        return;
    }
    uint32_t job = atomic_load_explicit(&team->job, memory_order_relaxed);

    atomic_store_explicit(&team->run, run, memory_order_relaxed);
    atomic_store_explicit(&team->ctx, ctx, memory_order_relaxed);
    atomic_store_explicit(&team->done, 0, memory_order_relaxed);
    for (size_t i = 0; i < team->size; i++)
        atomic_store_explicit(
            &team->workers[i].tasks,
            tasks_of(tasks * i / team->size, tasks * (i + 1) / team->size),
            memory_order_release);
    atomic_store(&team->job, job + 1);
    if (atomic_load(&team->sleepers))
        wake_sleepers(team);
    work(team, 0);
    for (int spins = 0; atomic_load_explicit(&team->done,
                                             memory_order_acquire) < tasks;
         spins++) {
        if (team->oversubscribed || spins > SPINS)
            sched_yield();
        else
            relax();
    }
}
