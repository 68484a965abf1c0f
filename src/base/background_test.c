#include "base/background.h"

#include <check.h>
#include <pthread.h>
#include <unistd.h>

struct job {
    pthread_t caller;
    int before, sum; /* no atomics: the hand-over must order them */
    int gate[2];     /* a pipe to wait at; -1: none */
};

static void add(void *ctx)
{
    struct job *job = ctx;
    char byte;

    ck_assert(!pthread_equal(job->caller, pthread_self()));
    if (job->gate[0] >= 0)
        ck_assert_int_eq(read(job->gate[0], &byte, 1), 1);
    job->sum += job->before;
}

static struct mt_background *new_thread(void)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_background *thread = NULL;

    ck_assert_msg(mt_background_new(&thread, &err) == MT_OK, "%s", err.text);
    return thread;
}

START_TEST(every_job_runs_once_and_in_order)
{
    struct mt_background *thread = new_thread();
    struct job job = { pthread_self(), 0, 0, { -1, -1 } };

    mt_background_wait(thread); /* for nothing */
    for (int i = 1; i <= 1000; i++) {
        job.before = i;
        mt_background_start(thread, add, &job);
        mt_background_wait(thread);
        ck_assert_int_eq(job.sum, i * (i + 1) / 2);
    }
    mt_background_free(thread);
}
END_TEST

/* The caller goes on while the job waits for it: they are two threads. */
START_TEST(caller_goes_on)
{
    struct mt_background *thread = new_thread();
    struct job job = { pthread_self(), 7, 0, { -1, -1 } };

    ck_assert_int_eq(pipe(job.gate), 0);
    mt_background_start(thread, add, &job);
    ck_assert_int_eq(write(job.gate[1], "x", 1), 1);
    mt_background_wait(thread);
    ck_assert_int_eq(job.sum, 7);
    close(job.gate[0]);
    close(job.gate[1]);
    mt_background_free(thread);
}
END_TEST

/* A job that was started is finished, by the next one or by the end. */
START_TEST(nothing_is_lost)
{
    struct job jobs[3] = { { pthread_self(), 1, 0, { -1, -1 } },
                           { pthread_self(), 2, 0, { -1, -1 } },
                           { pthread_self(), 3, 0, { -1, -1 } } };
    struct mt_background *thread = new_thread();

    for (int i = 0; i < 3; i++)
        mt_background_start(thread, add, &jobs[i]);
    mt_background_free(thread);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(jobs[i].sum, i + 1);
    mt_background_free(NULL);
}
END_TEST

Suite *background_suite(void);

Suite *background_suite(void)
{
    Suite *suite = suite_create("background");
    TCase *tc = tcase_create("background");

    tcase_add_test(tc, every_job_runs_once_and_in_order);
    tcase_add_test(tc, caller_goes_on);
    tcase_add_test(tc, nothing_is_lost);
    suite_add_tcase(suite, tc);
    return suite;
}
