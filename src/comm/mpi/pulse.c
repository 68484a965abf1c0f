/*
 * The pulse: a thread that sends every other rank a byte a second. When a link
 * is cut there is no error, since TCP keeps trying for a quarter of an hour;
 * but the bytes no longer arrive. Every pair of ranks is watched, since all
 * send each other gradients.
 *
 * Silence is counted in ticks during which this process ran, so that nobody is
 * missed after a machine was suspended or a job was stopped. A rank is also
 * heard when a piece of a transfer arrives from it (transfer.c).
 *
 * Rank 0 is the first to notice; others wait a second longer for a rank that is
 * not 0. So there is usually one message, and it is on the machine of mpirun.
 *
 * A rank that closes says so with its last byte, and continues to watch those
 * that have not closed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/mpi/job.h"

enum { ALIVE = 1, CLOSING = 2 };
enum {
    TICK = 100000000,  /* ns */
    MOVING = 200000,   /* ns between polls of a large transfer, */
    LEAVING = 500000,  /* and of ranks that have yet to close */
    TICKS = 10,        /* per second */
    SILENCE = 6,       /* seconds, unless MTRAIN_MPI_TIMEOUT is set, */
    LONGEST = 1000000, /* to at most this */
    BYTES = 6,         /* sent in this time */
};

struct beat {
    MPI_Request in, out;
    char heard, said;
    bool gone, left; /* heard, said CLOSING */
};

struct mt_pulse {
    struct mt_job *job;
    MPI_Comm comm;
    pthread_t thread;
    unsigned limit, every, ticks; /* ticks: of silence (0: no limit), between
                                     bytes, so far */
    bool closing;
    int messages; /* a copy of standard error, which the program may silence */
    struct beat beats[]; /* (size) */
};

/* ---- ranks that are silent ---- */

static void end_job(struct mt_pulse *p, size_t rank)
{
    struct mt_job *job = p->job;
    char text[512], more[64] = "";
    size_t others = 0;

    /* others that are gone, too: a whole machine, or all except this rank */
    for (size_t r = 0; r < job->comm.size; r++)
        others +=
            r != rank && !p->beats[r].gone && job->silent[r] > p->limit / 2;
    if (others)
        snprintf(more, sizeof more, " and %zu other%s", others,
                 others > 1 ? "s" : "");
    int n = snprintf(text, sizeof text,
                     "mtrain: rank %zu (host %s)%s: not heard of for %u s: "
                     "the job ends\n",
                     rank, job->hosts[rank], more, job->silent[rank] / TICKS);

    if (write(p->messages, text, (size_t)n) < 0) {
        /* nothing can be done */
    }
    pthread_mutex_unlock(&job->lock);
    mt_job_abort(job, 2);
}

static void tick(struct mt_pulse *p)
{
    struct mt_job *job = p->job;

    for (size_t r = 0; p->limit && r < job->comm.size; r++) {
        if (r == job->comm.rank || p->beats[r].gone)
            continue;
        unsigned later = r == 0 || job->comm.rank == 0 ? 0 : TICKS;

        if (job->silent[r]++ >= p->limit + later)
            end_job(p, r);
    }
}

/* ---- bytes ---- */

static const char *listen_to(struct mt_pulse *p, size_t r)
{
    struct beat *b = &p->beats[r];
    int done = b->in == MPI_REQUEST_NULL, code = MPI_SUCCESS;

    if (!done) {
        code = MPI_Test(&b->in, &done, MPI_STATUS_IGNORE);
        if (code == MPI_SUCCESS && done) {
            p->job->silent[r] = 0;
            b->gone = b->heard == CLOSING;
        }
    }
    if (code == MPI_SUCCESS && done && !b->gone)
        code = MPI_Irecv(&b->heard, 1, MPI_BYTE, (int)r, 0, p->comm, &b->in);
    return mt_job_outcome(p->job, code);
}

static const char *talk_to(struct mt_pulse *p, size_t r, bool due)
{
    struct beat *b = &p->beats[r];
    int done = b->out == MPI_REQUEST_NULL, code = MPI_SUCCESS;

    if (!done)
        code = MPI_Test(&b->out, &done, MPI_STATUS_IGNORE);
    if (code == MPI_SUCCESS && done && !b->left && (due || p->closing)) {
        b->said = p->closing ? CLOSING : ALIVE;
        b->left = p->closing;
        code = MPI_Isend(&b->said, 1, MPI_BYTE, (int)r, 0, p->comm, &b->out);
    }
    return mt_job_outcome(p->job, code);
}

/* Returns whether all have closed. If a rank has died, MPI's error is reported
 * by the caller's transfers; here it only counts as silence. */
static bool exchange(struct mt_pulse *p, bool due)
{
    bool closed = p->closing;

    for (size_t r = 0; r < p->job->comm.size; r++) {
        struct beat *b = &p->beats[r];

        if (r == p->job->comm.rank)
            continue;
        listen_to(p, r);
        talk_to(p, r, due);
        closed = closed && b->gone && b->left && b->out == MPI_REQUEST_NULL;
    }
    return closed;
}

/* ---- the thread ---- */

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *run(void *arg)
{
    struct mt_pulse *p = arg;
    struct mt_job *job = p->job;
    long long next = now();

    pthread_mutex_lock(&job->lock);
    for (;;) {
        bool moving = mt_transfer_poll(job);
        long long time = now();
        bool ticks = time >= next;

        if (ticks || p->closing) {
            if (exchange(p, ticks && p->ticks % p->every == 0))
                break;
        }
        if (ticks) {
            tick(p);
            p->ticks++;
            next = time + TICK;
        }
        long long until = moving       ? time + MOVING
                          : p->closing ? time + LEAVING
                                       : next;
        struct timespec at = { (time_t)(until / 1000000000LL),
                               (long)(until % 1000000000LL) };

        pthread_cond_timedwait(&job->wake, &job->lock, &at);
    }
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

static unsigned limit_from_environment(void)
{
    const char *text = getenv("MTRAIN_MPI_TIMEOUT");
    char *end;
    unsigned long seconds = text ? strtoul(text, &end, 10) : SILENCE;

    if (text && (end == text || *end || seconds > LONGEST))
        seconds = SILENCE;
    return (unsigned)seconds * TICKS;
}

const char *mt_pulse_start(struct mt_job *job)
{
    size_t size = job->comm.size;
    struct mt_pulse *p = calloc(1, sizeof *p + size * sizeof(struct beat));

    if (!p)
        return "out of memory";
    const char *why =
        mt_job_outcome(job, MPI_Comm_dup(MPI_COMM_WORLD, &p->comm));

    if (why)
        goto failed;
    MPI_Comm_set_errhandler(p->comm, MPI_ERRORS_RETURN);
    p->job = job;
    p->messages = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    p->limit = limit_from_environment();
    p->every = p->limit && p->limit < BYTES * TICKS ? p->limit / BYTES : TICKS;
    for (size_t r = 0; r < size; r++)
        p->beats[r].in = p->beats[r].out = MPI_REQUEST_NULL;
    job->pulse = p;
    if (mt_thread_start(&p->thread, run, p) == 0)
        return NULL;
    job->pulse = NULL;
    close(p->messages);
    MPI_Comm_free(&p->comm);
    why = "the system refuses a thread";
failed:
    free(p);
    return why;
}

void mt_pulse_stop(struct mt_job *job)
{
    struct mt_pulse *p = job->pulse;

    if (!p)
        return;
    pthread_mutex_lock(&job->lock);
    p->closing = true;
    pthread_cond_signal(&job->wake);
    pthread_mutex_unlock(&job->lock);
    pthread_join(p->thread, NULL);
    MPI_Comm_free(&p->comm);
    close(p->messages);
    free(p);
    job->pulse = NULL;
}
