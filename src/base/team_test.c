#include "base/team.h"

#include <check.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static const size_t thread_counts[] = { 1, 2, 3, 7 };

enum {
    N_THREADS = sizeof thread_counts / sizeof *thread_counts,
    MAX_TASKS = 1000
};

static struct mt_team *new_team(size_t threads)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;

    ck_assert_msg(mt_team_new(threads, &team, &err) == MT_OK, "%s", err.text);
    return team;
}

/* --- every task once ---------------------------------------------------- */

struct job {
    size_t workers;
    unsigned runs[MAX_TASKS]; /* not atomic: if a task runs twice at once, the
                                 thread sanitizer sees a race */
    atomic_int busy[8];       /* is that worker running a task? */
    atomic_int bad;
};

static void count_task(void *ctx, size_t task, size_t worker)
{
    struct job *job = ctx;

    if (task >= MAX_TASKS || worker >= job->workers) {
        atomic_fetch_add(&job->bad, 1);
        return;
    }
    if (atomic_fetch_add(&job->busy[worker], 1) != 0)
        atomic_fetch_add(&job->bad, 1);
    job->runs[task]++;
    atomic_fetch_sub(&job->busy[worker], 1);
}

/* Runs `tasks` tasks and checks that each ran once. */
static void check_run(struct mt_team *team, size_t tasks)
{
    static struct job job;

    memset(&job, 0, sizeof job);
    job.workers = mt_team_size(team);
    mt_team_run(team, tasks, count_task, &job);
    ck_assert_int_eq(atomic_load(&job.bad), 0);
    for (size_t i = 0; i < MAX_TASKS; i++) {
        if (job.runs[i] != (i < tasks))
            ck_abort_msg("task %zu of %zu ran %u times", i, tasks, job.runs[i]);
    }
}

START_TEST(every_task_runs_once)
{
    const size_t tasks[] = { 0, 1, 2, 3, 7, 1000 };
    struct mt_team *team = new_team(thread_counts[_i]);

    ck_assert_uint_eq(mt_team_size(team), thread_counts[_i]);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
            check_run(team, tasks[i]);
    }
    mt_team_free(team);
}
END_TEST

START_TEST(no_team_is_the_calling_thread)
{
    ck_assert_uint_eq(mt_team_size(NULL), 1);
    check_run(NULL, 0);
    check_run(NULL, 1);
    check_run(NULL, 1000);
    mt_team_free(NULL);
}
END_TEST

/* --- job after job ------------------------------------------------------ */

struct sums {
    unsigned long round, sum[8];
};

static void add_task(void *ctx, size_t task, size_t worker)
{
    struct sums *sums = ctx;

    (void)worker;
    sums->sum[task] += sums->round * (task + 1);
}

/* Each job reads what the caller and the previous job wrote. */
START_TEST(small_jobs_follow_one_another)
{
    struct mt_team *team = new_team(thread_counts[_i]);
    const unsigned long rounds = 3000;
    struct sums sums = { 0 };

    for (unsigned long r = 0; r < rounds; r++) {
        sums.round = r;
        mt_team_run(team, 2 + r % 7, add_task, &sums);
        ck_assert_uint_eq(sums.sum[0], r * (r + 1) / 2);
    }
    ck_assert_uint_eq(sums.sum[1], rounds * (rounds - 1));
    mt_team_free(team);
}
END_TEST

static void pause_ms(long ms)
{
    struct timespec t = { 0, ms * 1000000 };

    nanosleep(&t, NULL);
}

struct meeting {
    atomic_size_t left;
    atomic_size_t elsewhere; /* tasks that another worker ran */
};

/* A task that waits until as many tasks run at once as there are workers, so
 * that it ends only if all of them are awake, and each runs its share. */
static void meet_task(void *ctx, size_t task, size_t worker)
{
    struct meeting *m = ctx;

    atomic_fetch_add(&m->elsewhere, task != worker);
    atomic_fetch_sub(&m->left, 1);
    while (atomic_load(&m->left))
        pause_ms(0);
}

START_TEST(sleeping_workers_wake_and_run_their_share)
{
    const size_t threads = thread_counts[_i];
    struct mt_team *team = new_team(threads);

    for (int round = 0; round < 4; round++) {
        struct meeting m = { .left = threads };

        pause_ms(round * 10); /* far longer than workers spin */
        mt_team_run(team, threads, meet_task, &m);
        ck_assert_uint_eq(atomic_load(&m.left), 0);
        ck_assert_uint_eq(atomic_load(&m.elsewhere), 0);
    }
    mt_team_free(team);
}
END_TEST

/* --- those who are done help the others --------------------------------- */

struct held {
    atomic_size_t others; /* tasks besides the first that are not done */
    atomic_size_t helped; /* of the first worker's, by others */
    size_t share;
};

/* The first task waits for all others. */
static void held_task(void *ctx, size_t task, size_t worker)
{
    struct held *h = ctx;

    if (task == 0) {
        while (atomic_load(&h->others))
            pause_ms(0);
        return;
    }
    if (task < h->share && worker)
        atomic_fetch_add(&h->helped, 1);
    atomic_fetch_sub(&h->others, 1);
}

START_TEST(others_take_what_a_late_worker_leaves)
{
    const size_t threads = thread_counts[_i], share = 5;
    struct mt_team *team = new_team(threads);
    struct held h = { .others = threads * share - 1, .share = share };

    if (threads > 1) {
        mt_team_run(team, threads * share, held_task, &h);
        ck_assert_uint_eq(atomic_load(&h.helped), share - 1);
    }
    mt_team_free(team);
}
END_TEST

START_TEST(teams_come_and_go)
{
    for (int round = 0; round < 20; round++) {
        struct mt_team *team = new_team(thread_counts[round % N_THREADS]);

        if (round % 3)
            check_run(team, (size_t)round);
        mt_team_free(team);
    }
}
END_TEST

/* --- sizes -------------------------------------------------------------- */

START_TEST(zero_threads_means_the_cpus)
{
    struct mt_team *team = new_team(0);

    ck_assert_uint_ge(mt_team_size(team), 1);
    ck_assert_uint_le(mt_team_size(team), MT_TEAM_MAX);
    check_run(team, 100);
    mt_team_free(team);
}
END_TEST

START_TEST(too_many_threads_are_refused)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_team *team = NULL;

    ck_assert_int_eq(mt_team_new(MT_TEAM_MAX + 1, &team, &err), MT_INVALID);
    ck_assert_ptr_null(team);
    ck_assert_str_eq(err.text, "at most 256 threads, got 257");
    ck_assert_int_eq(mt_team_new((size_t)-1, &team, &err), MT_INVALID);
}
END_TEST

Suite *team_suite(void);

Suite *team_suite(void)
{
    Suite *s = suite_create("team");
    TCase *t = tcase_create("core");

    tcase_add_loop_test(t, every_task_runs_once, 0, N_THREADS);
    tcase_add_test(t, no_team_is_the_calling_thread);
    tcase_add_loop_test(t, small_jobs_follow_one_another, 0, N_THREADS);
    tcase_add_loop_test(t, sleeping_workers_wake_and_run_their_share, 0,
                        N_THREADS);
    tcase_add_loop_test(t, others_take_what_a_late_worker_leaves, 0, N_THREADS);
    tcase_add_test(t, teams_come_and_go);
    tcase_add_test(t, zero_threads_means_the_cpus);
    tcase_add_test(t, too_many_threads_are_refused);
    suite_add_tcase(s, t);
    return s;
}
