/*
 * Inside the module for MPI: a job, its transfers and its pulse.
 *
 * Two threads call MPI: that of the caller, and the pulse, which keeps
 * transfers moving while the caller computes and notices ranks that have gone.
 * Every call is made under job->lock and none of them waits for another rank,
 * so MPI_THREAD_SERIALIZED is enough.
 */
#ifndef MT_COMM_MPI_JOB_H
#define MT_COMM_MPI_JOB_H

#include <mpi.h>
#include <pthread.h>
#include <stdbool.h>

#include "comm/comm.h"

/* A message travels in pieces of this size: a count of MPI is an int, and each
 * piece that arrives shows that its sender lives, although a byte of the pulse
 * may have to wait behind many of them. */
#ifndef MT_MPI_PIECE
#define MT_MPI_PIECE ((size_t)1 << 20)
#endif

/* What a rank sends the others in one go when it gathers: more goes round a
 * ring, where a byte crosses the link of each machine once. */
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
    unsigned *silent;            /* (size) ticks since a rank was heard of */
    struct mt_message *messages; /* (2, size) of a gather */

    pthread_mutex_t lock;
    pthread_cond_t wake;        /* the pulse has something to do */
    struct mt_transfer *flying; /* started, not waited for */
    struct mt_transfer *spare;  /* to be used again */
    bool waiting;               /* the caller moves its transfers itself */
    struct mt_pulse *pulse;     /* NULL: MPI has no threads */
    char text[MPI_MAX_ERROR_STRING + 128]; /* of the last failure */
};

/* The text of an error of MPI. */
void mt_job_explain(char *text, size_t size, int code);

/* NULL, or the text of what MPI says went wrong. */
const char *mt_job_outcome(struct mt_job *job, int code);

/* A thread that ends the process after so many seconds, with an exit code: two
 * ints at arg. */
void *mt_job_watch(void *arg);

/* Not under the lock: ends the job. The process is gone in three seconds even
 * if MPI waits for a rank that it cannot reach. */
_Noreturn void mt_job_abort(struct mt_job *job, int code);

/* ---- transfers ---- */

const char *mt_transfer_start(struct mt_comm *comm,
                              const struct mt_message *out, size_t n_out,
                              const struct mt_message *in, size_t n_in,
                              void **transfer);
const char *mt_transfer_wait(struct mt_comm *comm, void *transfer);
const char *mt_transfer_gather(struct mt_comm *comm, void *all,
                               const size_t *at);

/* Under the lock: moves what is flying. Says whether there is much of it, so
 * that it should be done often. */
bool mt_transfer_poll(struct mt_job *job);
void mt_transfer_free(struct mt_job *job);

/* ---- pulse ---- */

/* Starts it: *job has its ranks and hosts. */
const char *mt_pulse_start(struct mt_job *job);
/* Ends it as soon as every rank does the same. */
void mt_pulse_stop(struct mt_job *job);

/* A thread that takes no signals. Returns 0 or an errno. */
int mt_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
