#include "comm/threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A message from one rank to another that is not received yet. */
struct parcel {
    struct parcel *next;
    const void *data;
    size_t bytes;
    bool taken;
};

struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct parcel **first; /* (size, size): by receiver and sender */
    size_t size;
    struct transfer *transfers;
    bool aborted;
    int code;
    void (*run)(struct mt_comm *comm, void *ctx);
    void *ctx;
};

struct rank {
    struct mt_comm comm;
    struct job *job;
    pthread_t thread;
};

/* A transfer; freed at the end of the job, since other ranks may still use it
 * after one has given up. */
struct transfer {
    struct transfer *next;
    struct parcel *parcels;
    size_t n_out, n_in;
    size_t received;
    struct mt_message *in;
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct parcel **queue(const struct rank *r, size_t to, size_t from)
{
    return &r->job->first[to * r->job->size + from];
}

static const char *start(struct mt_comm *comm, const struct mt_message *out,
                         size_t n_out, const struct mt_message *in, size_t n_in,
                         void **transfer)
{
    struct rank *r = (struct rank *)comm;
    struct transfer *t = must(calloc(1, sizeof *t));

    t->parcels = must(calloc(n_out + 1, sizeof *t->parcels));
    t->in = must(calloc(n_in + 1, sizeof *t->in));
    t->n_out = n_out;
    t->n_in = n_in;
    if (n_in)
        memcpy(t->in, in, n_in * sizeof *in);
    pthread_mutex_lock(&r->job->lock);
    t->next = r->job->transfers;
    r->job->transfers = t;
    for (size_t i = 0; i < n_out; i++) {
        struct parcel **end = queue(r, out[i].rank, comm->rank);

        while (*end)
            end = &(*end)->next;
        t->parcels[i].data = out[i].data;
        t->parcels[i].bytes = out[i].bytes;
        *end = &t->parcels[i];
    }
    pthread_cond_broadcast(&r->job->changed);
    pthread_mutex_unlock(&r->job->lock);
    *transfer = t;
    return NULL;
}

/* With the lock: has it arrived? */
static bool receive(struct rank *r, const struct mt_message *in)
{
    struct parcel **first = queue(r, r->comm.rank, in->rank), *p = *first;

    if (!p || r->job->aborted)
        return false;
    if (p->bytes != in->bytes)
        abort();
    if (p->bytes)
        memcpy(in->data, p->data, p->bytes);
    *first = p->next;
    p->taken = true;
    pthread_cond_broadcast(&r->job->changed);
    return true;
}

/* With the lock: receives what has arrived. Is nothing missing, in either
 * direction? */
static bool over(struct rank *r, struct transfer *t)
{
    while (t->received < t->n_in && receive(r, &t->in[t->received]))
        t->received++;
    for (size_t i = 0; i < t->n_out; i++) {
        if (!t->parcels[i].taken)
            return false;
    }
    return t->received == t->n_in;
}

static const char *finish(struct mt_comm *comm, void *transfer, bool wait,
                          bool *done)
{
    struct rank *r = (struct rank *)comm;

    pthread_mutex_lock(&r->job->lock);
    while (!(*done = over(r, transfer)) && wait && !r->job->aborted)
        pthread_cond_wait(&r->job->changed, &r->job->lock);
    bool aborted = r->job->aborted;

    pthread_mutex_unlock(&r->job->lock);
    return *done || !aborted ? NULL : "another rank has ended the job";
}

static const char *wait_for(struct mt_comm *comm, void *transfer)
{
    bool done;

    return finish(comm, transfer, true, &done);
}

static const char *test(struct mt_comm *comm, void *transfer, bool *done)
{
    return finish(comm, transfer, false, done);
}

static const char *gather(struct mt_comm *comm, void *all, const size_t *at,
                          size_t rounds)
{
    size_t size = comm->size, me = comm->rank, n = 0;
    struct mt_message *out = must(calloc(rounds * size, sizeof *out));
    struct mt_message *in = must(calloc(rounds * size, sizeof *in));
    void *transfer;

    for (size_t b = 0; b < rounds * size; b++) {
        size_t mine = b / size * size + me;

        if (b == mine)
            continue;
        out[n] = (struct mt_message){ b % size, (char *)all + at[mine],
                                      at[mine + 1] - at[mine] };
        in[n++] = (struct mt_message){ b % size, (char *)all + at[b],
                                       at[b + 1] - at[b] };
    }
    start(comm, out, n, in, n, &transfer);
    free(out);
    free(in);
    return wait_for(comm, transfer);
}

static void abort_job(struct mt_comm *comm, int code)
{
    struct rank *r = (struct rank *)comm;

    pthread_mutex_lock(&r->job->lock);
    if (!r->job->aborted)
        r->job->code = code;
    r->job->aborted = true;
    pthread_cond_broadcast(&r->job->changed);
    pthread_mutex_unlock(&r->job->lock);
}

static void stay_open(struct mt_comm *comm)
{
    (void)comm; /* mt_comm_threads frees all */
}

static const struct mt_comm_type threads = { start,  wait_for,  test,
                                             gather, abort_job, stay_open };

static void *run_thread(void *arg)
{
    struct rank *r = arg;

    r->job->run(&r->comm, r->job->ctx);
    return NULL;
}

int mt_comm_threads(size_t size, void (*run)(struct mt_comm *comm, void *ctx),
                    void *ctx)
{
    struct job job = { .lock = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER,
                       .size = size,
                       .run = run,
                       .ctx = ctx };
    struct rank *ranks = must(calloc(size, sizeof *ranks));

    job.first = must(calloc(size * size, sizeof *job.first));
    for (size_t i = 0; i < size; i++) {
        ranks[i].job = &job;
        ranks[i].comm = (struct mt_comm){ .type = &threads,
                                          .rank = i,
                                          .size = size,
                                          .here = size,
                                          .here_before = i,
                                          .library = "threads",
                                          .host = "localhost" };
        if (pthread_create(&ranks[i].thread, NULL, run_thread, &ranks[i]))
            abort();
    }
    for (size_t i = 0; i < size; i++)
        pthread_join(ranks[i].thread, NULL);
    while (job.transfers) {
        struct transfer *t = job.transfers;

        job.transfers = t->next;
        free(t->parcels);
        free(t->in);
        free(t);
    }
    free(ranks);
    free(job.first);
    return job.code;
}
