/* Shared by all parts of the module: errors, threads, the end of the job. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "comm/mpi/job.h"

void mt_job_explain(char *text, size_t size, int code)
{
    char why[MPI_MAX_ERROR_STRING] = "";
    int n;

    MPI_Error_string(code, why, &n);
    snprintf(text, size, "MPI: %s", why);
}

const char *mt_job_outcome(struct mt_job *job, int code)
{
    if (code == MPI_SUCCESS)
        return NULL;
    mt_job_explain(job->text, sizeof job->text, code);
    return job->text;
}

int mt_thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, arg);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* MPI may wait for a rank that cannot be reached; the process does not. */
void *mt_job_watch(void *arg)
{
    const int *plan = arg; /* seconds, exit code */

    sleep((unsigned)plan[0]);
    _exit(plan[1]);
}

_Noreturn void mt_job_abort(struct mt_job *job, int code)
{
    static int plan[] = { 3, 0 };
    pthread_t thread;

    plan[1] = code;
    if (mt_thread_start(&thread, mt_job_watch, plan) != 0)
        _exit(code);
    pthread_mutex_lock(&job->lock);
    MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
}
