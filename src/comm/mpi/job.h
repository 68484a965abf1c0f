/*
 * Internals of the module for MPI: a job, its transfers and its pulse.
 *
 * Two threads call MPI: that of the caller, and the pulse, which keeps
 * transfers moving while the caller computes, and notices ranks that are gone.
 * Every call is made under job->lock and none waits for another rank, so
 * MPI_THREAD_SERIALIZED is enough.
 */
#ifndef MT_COMM_MPI_JOB_H
#define MT_COMM_MPI_JOB_H

#include <mpi.h>
#include <pthread.h>
#include <stdbool.h>

#include "comm/comm.h"

/* Messages are sent in pieces of this size: MPI's counts are ints, and each
 * piece that arrives shows that its sender is alive, even if the pulse's bytes
 * have to wait for many of them. */
#ifndef MT_MPI_PIECE
#define MT_MPI_PIECE ((size_t)1 << 20)
#endif

/* The most bytes that a rank sends to all others directly when it gathers. More
 * are sent along a ring, where a byte crosses the link of each machine once. */
#ifndef MT_MPI_DIRECT
#define MT_MPI_DIRECT ((size_t)1 << 16)
#endif

enum { MT_MPI_HOST = 65 }; /* a host's name with its NUL */

struct mt_pulse;
struct mt_transfer;

struct mt_job {
    struct mt_comm comm;         /* first: the rest is the module's own */
    MPI_Comm data;               /* what callers send */
    char (*hosts)[MT_MPI_HOST];  /* (size) */
    unsigned *silent;            /* (size) ticks since a rank was heard */

    pthread_mutex_t lock;
    pthread_cond_t wake;        /* the pulse has something to do */
    struct mt_transfer *flying; /* started, not yet waited for */
    struct mt_transfer *spare;  /* to be reused */
    bool waiting;               /* the caller moves its transfers itself */
    struct mt_pulse *pulse;     /* NULL: MPI has no threads */
    char text[MPI_MAX_ERROR_STRING + 128]; /* of the last failure */
};

/* The text of an error of MPI. */
void mt_job_explain(char *text, size_t size, int code);

/* NULL, or the text of MPI's error. */
const char *mt_job_outcome(struct mt_job *job, int code);

/* A thread that ends the process after some seconds: arg points to two ints,
 * the seconds and the exit code. */
void *mt_job_watch(void *arg);

/* Not under the lock: ends the job. The process exits within three seconds,
 * even if MPI waits for a rank that it cannot reach. */
_Noreturn void mt_job_abort(struct mt_job *job, int code);

/* ---- transfers ---- */

const char *mt_transfer_start(struct mt_comm *comm,
                              const struct mt_message *out, size_t n_out,
                              const struct mt_message *in, size_t n_in,
                              void **transfer);
const char *mt_transfer_wait(struct mt_comm *comm, void *transfer);
const char *mt_transfer_test(struct mt_comm *comm, void *transfer, bool *done);
const char *mt_transfer_gather(struct mt_comm *comm, void *all,
                               const size_t *at, size_t rounds);

/* Under the lock: moves transfers. Returns whether there is a large one, so
 * that this should be done often. */
bool mt_transfer_poll(struct mt_job *job);
void mt_transfer_free(struct mt_job *job);

/* ---- pulse ---- */

/* Starts it; job must have its ranks and hosts. */
const char *mt_pulse_start(struct mt_job *job);
/* Ends it once every rank does the same. */
void mt_pulse_stop(struct mt_job *job);

/* A thread that takes no signals. Returns 0 or an errno. */
int mt_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
