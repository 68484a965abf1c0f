/*
 * Messages in pieces, and gathering. A transfer has a request for every piece,
 * first those that are received. Nothing is allocated if there is a spare
 * transfer that is large enough.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "comm/mpi/job.h"

enum { TAG = 1 };

/* Less than this is sent at once, and need not be kept moving. */
static const size_t much = (size_t)1 << 16;

struct piece {
    char *data;
    int bytes, rank;
};

struct mt_transfer {
    struct mt_transfer *next;
    int n, n_in, room, left; /* pieces: all, received ones, room, unfinished */
    int sent;                /* of a ring: pieces passed on */
    bool large;
    struct piece *pieces;  /* (room) */
    MPI_Request *requests; /* (room) MPI_REQUEST_NULL: finished or not begun */
    MPI_Status *statuses;  /* (room) */
    int *finished;         /* (room) */
    const char *failed;
};

static size_t pieces_of(size_t bytes)
{
    return bytes / MT_MPI_PIECE + (bytes % MT_MPI_PIECE != 0);
}

/* ---- spare transfers ---- */

static void release(struct mt_transfer *t)
{
    if (!t)
        return;
    free(t->pieces);
    free(t->requests);
    free(t->statuses);
    free(t->finished);
    free(t);
}

static struct mt_transfer *acquire(size_t room)
{
    struct mt_transfer *t = calloc(1, sizeof *t);

    if (!t || room > INT32_MAX / sizeof(MPI_Status))
        goto no_memory;
    t->room = (int)room;
    t->pieces = malloc(room * sizeof *t->pieces);
    t->requests = malloc(room * sizeof *t->requests);
    t->statuses = malloc(room * sizeof *t->statuses);
    t->finished = malloc(room * sizeof *t->finished);
    if (t->pieces && t->requests && t->statuses && t->finished)
        return t;
no_memory:
    release(t);
    return NULL;
}

/* A transfer with room for n pieces, now in `flying`; NULL: no memory. Under
 * the lock. */
static struct mt_transfer *take(struct mt_job *job, size_t n)
{
    struct mt_transfer **best = &job->spare;

    while (*best && (size_t)(*best)->room < n)
        best = &(*best)->next;
    struct mt_transfer *t = *best;

    if (t) {
        *best = t->next;
    } else {
        t = acquire(n + n / 2 + 16);
        if (!t)
            return NULL;
    }
    t->n = t->n_in = t->left = t->sent = 0;
    t->failed = NULL;
    t->large = false;
    t->next = job->flying;
    job->flying = t;
    return t;
}

/* Smallest first, so that take() finds one that fits well. Under the lock. */
static void give_back(struct mt_job *job, struct mt_transfer *t)
{
    struct mt_transfer **at = &job->flying;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    for (at = &job->spare; *at && (*at)->room < t->room;)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
}

/* After a failure all receives are cancelled, and their memory is the caller's
 * again; but MPI cannot cancel a large message that has begun. Under the
 * lock. */
static void give_up(struct mt_job *job)
{
    if (job->comm.failed)
        return;
    job->comm.failed = true;
    for (struct mt_transfer *t = job->flying; t; t = t->next) {
        for (int i = 0; i < t->n_in; i++) {
            if (t->requests[i] != MPI_REQUEST_NULL)
                MPI_Cancel(&t->requests[i]);
        }
    }
}

void mt_transfer_free(struct mt_job *job)
{
    while (job->spare) {
        struct mt_transfer *t = job->spare;

        job->spare = t->next;
        release(t);
    }
}

/* ---- pieces ---- */

static void cut(struct mt_transfer *t, void *data, size_t bytes, size_t rank)
{
    t->large = t->large || bytes > much;
    for (size_t at = 0; at < bytes; at += MT_MPI_PIECE) {
        size_t n = bytes - at < MT_MPI_PIECE ? bytes - at : MT_MPI_PIECE;

        t->requests[t->n] = MPI_REQUEST_NULL;
        t->pieces[t->n++] =
            (struct piece){ (char *)data + at, (int)n, (int)rank };
        t->left++;
    }
}

static const char *begin(struct mt_job *job, struct mt_transfer *t, int i)
{
    struct piece *p = &t->pieces[i];

    if (i < t->n_in)
        return mt_job_outcome(job,
                              MPI_Irecv(p->data, p->bytes, MPI_BYTE, p->rank,
                                        TAG, job->data, &t->requests[i]));
    return mt_job_outcome(job, MPI_Isend(p->data, p->bytes, MPI_BYTE, p->rank,
                                         TAG, job->data, &t->requests[i]));
}

/* For MPI, a message shorter than expected is not an error. */
static const char *check_piece(struct mt_job *job, struct mt_transfer *t, int i,
                               MPI_Status *status, bool in_status)
{
    struct piece *p = &t->pieces[i];
    int bytes = 0;

    if (in_status && status->MPI_ERROR != MPI_SUCCESS)
        return mt_job_outcome(job, status->MPI_ERROR);
    if (i >= t->n_in)
        return NULL;
    job->silent[p->rank] = 0;
    MPI_Get_count(status, MPI_BYTE, &bytes);
    if (bytes == p->bytes)
        return NULL;
    snprintf(job->text, sizeof job->text,
             "rank %d (host %s) sent %d bytes where %d were expected", p->rank,
             job->hosts[p->rank], bytes, p->bytes);
    return job->text;
}

/* Returns whether pieces have finished. Under the lock. */
static bool advance(struct mt_job *job, struct mt_transfer *t)
{
    int n = 0;

    if (!t->left || t->failed)
        return false;
    int code = MPI_Testsome(t->n, t->requests, &n, t->finished, t->statuses);

    if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS)
        t->failed = mt_job_outcome(job, code);
    if (t->failed || n == MPI_UNDEFINED)
        return false;
    for (int k = 0; k < n && !t->failed; k++, t->left--)
        t->failed = check_piece(job, t, t->finished[k], &t->statuses[k],
                                code == MPI_ERR_IN_STATUS);
    return n > 0;
}

bool mt_transfer_poll(struct mt_job *job)
{
    bool large = false;

    if (job->comm.failed)
        return false;
    for (struct mt_transfer *t = job->flying; t; t = t->next) {
        advance(job, t);
        large = large || (t->large && t->left && !t->failed);
    }
    return large && !job->waiting;
}

/* ---- waiting ---- */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* How to wait while nothing moves: a machine may have more ranks than
 * processors, and another rank may be writing a file for seconds. */
struct patience {
    int tries;
    double since;
};

static void be_patient(struct patience *p)
{
    enum { SPINS = 100 };
    static const double yielding = 0.02; /* seconds */
    static const struct timespec nap = { 0, 100000 };

    if (p->tries++ < SPINS)
        return;
    if (p->tries == SPINS + 1)
        p->since = now();
    if (now() - p->since < yielding)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

/* In a ring: passes on, in order, what has arrived, except the last block,
 * which is the next rank's own. */
static const char *pass_on(struct mt_job *job, struct mt_transfer *t, int own)
{
    const char *why = NULL;

    for (int i = t->n_in + own + t->sent;
         !why && i < t->n && t->requests[t->sent] == MPI_REQUEST_NULL; i++) {
        why = begin(job, t, i);
        t->sent++;
    }
    return why;
}

/* Takes the transfer back if it is over. Under the lock. */
static bool conclude(struct mt_job *job, struct mt_transfer *t,
                     const char **why)
{
    if (t->left && !t->failed)
        return false;
    *why = t->failed;
    if (t->failed)
        give_up(job);
    else
        give_back(job, t);
    return true;
}

/* own: in a ring, how many pieces were sent at the beginning. */
static const char *finish(struct mt_job *job, struct mt_transfer *t, int own)
{
    struct patience patience = { 0, 0 };
    bool done = false;
    const char *why = NULL;

    while (!done) {
        pthread_mutex_lock(&job->lock);
        if (advance(job, t))
            patience.tries = 0;
        if (own >= 0 && !t->failed)
            t->failed = pass_on(job, t, own);
        done = conclude(job, t, &why);
        job->waiting = !done;
        pthread_mutex_unlock(&job->lock);
        if (!done)
            be_patient(&patience);
    }
    return why;
}

/* ---- the calls ---- */

const char *mt_transfer_start(struct mt_comm *comm,
                              const struct mt_message *out, size_t n_out,
                              const struct mt_message *in, size_t n_in,
                              void **transfer)
{
    struct mt_job *job = (struct mt_job *)comm;
    const char *why = NULL;
    size_t n = 0;

    for (size_t i = 0; i < n_in; i++)
        n += pieces_of(in[i].bytes);
    for (size_t i = 0; i < n_out; i++)
        n += pieces_of(out[i].bytes);
    pthread_mutex_lock(&job->lock);
    struct mt_transfer *t = take(job, n);

    if (!t)
        why = "out of memory";
    for (size_t i = 0; t && i < n_in; i++)
        cut(t, in[i].data, in[i].bytes, in[i].rank);
    if (t)
        t->n_in = t->n;
    for (size_t i = 0; t && i < n_out; i++)
        cut(t, out[i].data, out[i].bytes, out[i].rank);
    for (int i = 0; !why && i < t->n; i++)
        why = begin(job, t, i);
    if (why)
        give_up(job);
    else if (t->large)
        pthread_cond_signal(&job->wake);
    pthread_mutex_unlock(&job->lock);
    *transfer = t;
    return why;
}

const char *mt_transfer_wait(struct mt_comm *comm, void *transfer)
{
    return finish((struct mt_job *)comm, transfer, -1);
}

const char *mt_transfer_test(struct mt_comm *comm, void *transfer, bool *done)
{
    struct mt_job *job = (struct mt_job *)comm;
    struct mt_transfer *t = transfer;
    const char *why = NULL;

    pthread_mutex_lock(&job->lock);
    advance(job, t);
    *done = conclude(job, t, &why);
    pthread_mutex_unlock(&job->lock);
    return why;
}

/* Waits until the rank on the right is here, too. MPI asks before it sends a
 * large message; the answer of a rank that is already sending would come only
 * after all its data, so that the two directions would be used in turn. */
static const char *meet(struct mt_job *job, size_t left, size_t right)
{
    char mine = 0, theirs;
    struct mt_message out = { left, &mine, 1 }, in = { right, &theirs, 1 };
    void *transfer;
    const char *why = mt_transfer_start(&job->comm, &out, 1, &in, 1, &transfer);

    return why ? why : mt_transfer_wait(&job->comm, transfer);
}

/* The blocks of the rank before this one by k, to be received from, or sent to,
 * `other`. */
static void cut_blocks(struct mt_job *job, struct mt_transfer *t, size_t k,
                       char *all, const size_t *at, size_t rounds, size_t other)
{
    size_t size = job->comm.size;

    for (size_t b = (job->comm.rank + size - k) % size; b < rounds * size;
         b += size)
        cut(t, all + at[b], at[b + 1] - at[b], other);
}

/* The pieces, received and sent, that a gather has at most. */
static size_t most_pieces(const struct mt_job *job, const size_t *at,
                          size_t rounds)
{
    size_t size = job->comm.size, all = 0, own = 0;

    for (size_t b = 0; b < rounds * size; b++) {
        all += pieces_of(at[b + 1] - at[b]);
        if (b % size == job->comm.rank)
            own += pieces_of(at[b + 1] - at[b]);
    }
    return 2 * all + own * size;
}

/* Blocks go from their rank to each other one. */
static void cut_direct(struct mt_job *job, struct mt_transfer *t, char *all,
                       const size_t *at, size_t rounds)
{
    size_t size = job->comm.size, rank = job->comm.rank;

    for (size_t k = 1; k < size; k++)
        cut_blocks(job, t, k, all, at, rounds, (rank + size - k) % size);
    t->n_in = t->n;
    for (size_t k = 1; k < size; k++)
        cut_blocks(job, t, 0, all, at, rounds, (rank + k) % size);
}

/* Blocks go from each rank to the next, and so on, size - 1 times. Returns the
 * number of pieces that this rank sends at the beginning. */
static int cut_ring(struct mt_job *job, struct mt_transfer *t, char *all,
                    const size_t *at, size_t rounds, size_t left, size_t right)
{
    size_t size = job->comm.size;
    int own = 0;

    for (size_t k = 1; k < size; k++)
        cut_blocks(job, t, k, all, at, rounds, left);
    t->n_in = t->n;
    for (size_t k = 0; k + 1 < size; k++) {
        cut_blocks(job, t, k, all, at, rounds, right);
        if (k == 0)
            own = t->n - t->n_in;
    }
    return own;
}

const char *mt_transfer_gather(struct mt_comm *comm, void *all,
                               const size_t *at, size_t rounds)
{
    struct mt_job *job = (struct mt_job *)comm;
    size_t size = comm->size, rank = comm->rank;
    size_t left = (rank + size - 1) % size, right = (rank + 1) % size;
    bool ring = at[rounds * size] - at[0] > MT_MPI_DIRECT;
    const char *why = ring ? meet(job, left, right) : NULL;
    int own = -1;

    if (why)
        return why;
    pthread_mutex_lock(&job->lock);
    struct mt_transfer *t = take(job, most_pieces(job, at, rounds));

    if (!t) {
        pthread_mutex_unlock(&job->lock);
        return "out of memory";
    }
    if (ring)
        own = cut_ring(job, t, all, at, rounds, left, right);
    else
        cut_direct(job, t, all, at, rounds);
    for (int i = 0; !why && i < (ring ? t->n_in + own : t->n); i++)
        why = begin(job, t, i);
    if (why)
        give_up(job);
    pthread_mutex_unlock(&job->lock);
    return why ? why : finish(job, t, own);
}
