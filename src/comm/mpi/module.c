/*
 * The module for MPI (comm/module.h): joining a job, and leaving it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/module.h"
#include "comm/mpi/job.h"

static char library[MPI_MAX_LIBRARY_VERSION_STRING];
static char failure[MPI_MAX_ERROR_STRING + 128];

static void end_job(struct mt_comm *comm, int code)
{
    mt_job_abort((struct mt_job *)comm, code);
}

static void destroy(struct mt_job *job)
{
    mt_transfer_free(job);
    pthread_cond_destroy(&job->wake);
    pthread_mutex_destroy(&job->lock);
    free(job->silent);
    free(job->hosts);
    free(job);
}

/* All work is done and saved when this is called, so errors are ignored. */
static void leave(struct mt_comm *comm)
{
    static int plan[] = { 10, 0 };
    struct mt_job *job = (struct mt_job *)comm;
    pthread_t thread;

    mt_pulse_stop(job);
    bool watched = mt_thread_start(&thread, mt_job_watch, plan) == 0;

    if (job->data != MPI_COMM_NULL)
        MPI_Comm_free(&job->data);
    MPI_Finalize();
    if (watched) {
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    destroy(job);
}

/* ---- joining ---- */

/* Shortens "Open MPI v4.1.4, package: ..." and "MPICH Version:\t4.0.2\n..." to
 * the name and the number. */
static void shorten(char *text)
{
    char *to = text;

    text[strcspn(text, ",\n")] = '\0';
    for (const char *at = text; *at; at++) {
        char c = *at == '\t' ? ' ' : *at;

        if (strncmp(at, "Version:", 8) == 0)
            at += 7;
        else if ((c != ' ' || (to > text && to[-1] != ' ')) &&
                 (c != 'v' || !isdigit((unsigned char)at[1])))
            *to++ = c;
    }
    *to = '\0';
}

static const struct mt_comm_type type = {
    .start = mt_transfer_start,
    .wait = mt_transfer_wait,
    .test = mt_transfer_test,
    .gather = mt_transfer_gather,
    .abort = end_job,
    .close = leave,
};

static struct mt_job *new_job(size_t rank, size_t size)
{
    struct mt_job *job = calloc(1, sizeof *job);
    pthread_condattr_t clock;

    if (!job)
        return NULL;
    job->comm.type = &type;
    job->comm.rank = rank;
    job->comm.size = size;
    job->data = MPI_COMM_NULL;
    job->hosts = calloc(size, sizeof *job->hosts);
    job->silent = calloc(size, sizeof *job->silent);
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&job->wake, &clock);
    pthread_condattr_destroy(&clock);
    if (job->hosts && job->silent)
        return job;
    destroy(job);
    return NULL;
}

/* Finds the ranks of this machine, and the hosts of all. */
static int meet(struct mt_job *job)
{
    MPI_Comm machine;
    int n, code, length;

    if (gethostname(job->hosts[job->comm.rank], MT_MPI_HOST - 1) != 0)
        memcpy(job->hosts[job->comm.rank], "?", 2);
    MPI_Get_library_version(library, &length);
    shorten(library);
    job->comm.library = library;
    job->comm.host = job->hosts[job->comm.rank];
    if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &job->data)) ||
        (code = MPI_Comm_set_errhandler(job->data, MPI_ERRORS_RETURN)) ||
        (code = MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, job->hosts,
                              MT_MPI_HOST, MPI_BYTE, job->data)) ||
        (code =
             MPI_Comm_split_type(job->data, MPI_COMM_TYPE_SHARED,
                                 (int)job->comm.rank, MPI_INFO_NULL, &machine)))
        return code;
    MPI_Comm_size(machine, &n);
    job->comm.here = (size_t)n;
    MPI_Comm_rank(machine, &n);
    job->comm.here_before = (size_t)n;
    return MPI_Comm_free(&machine);
}

static const char *join(struct mt_comm **out)
{
    int threads, rank, size;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &threads);

    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (code != MPI_SUCCESS) {
        mt_job_explain(failure, sizeof failure, code);
        return failure;
    }
    struct mt_job *job = new_job((size_t)rank, (size_t)size);

    if (!job)
        return "out of memory";
    const char *why = mt_job_outcome(job, meet(job));

    if (!why && size > 1 && threads >= MPI_THREAD_SERIALIZED)
        why = mt_pulse_start(job);
    if (!why) {
        *out = &job->comm;
        return NULL;
    }
    snprintf(failure, sizeof failure, "%s", why);
    destroy(job);
    return failure;
}

__attribute__((visibility("default")))
const struct mt_comm_module mt_comm_module = { MT_COMM_MODULE_VERSION, join };
