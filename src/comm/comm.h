/*
 * Communication between the processes of a job. A rank is one of them, numbered
 * from 0; a communicator that is NULL means a job of one.
 *
 *     mt_comm_gather(comm, all, at, 1, err);    each rank's piece, to all
 *
 *     mt_comm_start(comm, out, n, in, m, &t, err);
 *     ...                                       work on something else
 *     mt_comm_wait(comm, t, err);
 *
 * Nothing here adds numbers: sums have an order, which is up to the caller.
 * Every rank makes the same calls in the same order. An error on only one rank
 * must end the job: mt_comm_abort.
 *
 * An implementation is a struct mt_comm_type: threads.h for tests, and MPI's, a
 * module that is loaded when needed (module.h).
 */
#ifndef MT_COMM_COMM_H
#define MT_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mt_comm;

/* Bytes to or from another rank. Messages between two ranks arrive in the order
 * in which they were started; both sides must give the same size. */
struct mt_message {
    size_t rank;
    void *data; /* only read if it is sent */
    size_t bytes;
};

/* Functions return NULL, or what went wrong: a text that is valid until the
 * next call. A module is compiled separately and calls nothing of this
 * program. */
struct mt_comm_type {
    /* Begins to send and receive; *transfer is for wait. Until then data belong
     * to the transfer. */
    const char *(*start)(struct mt_comm *comm, const struct mt_message *out,
                         size_t n_out, const struct mt_message *in, size_t n_in,
                         void **transfer);
    const char *(*wait)(struct mt_comm *comm, void *transfer);

    /* The same without waiting: *done says whether it is over. Only of the
     * oldest transfer. */
    const char *(*test)(struct mt_comm *comm, void *transfer, bool *done);

    /* Block b of all is bytes [at[b], at[b + 1]), and rank b % size has filled
     * it; then every rank has all of them. There are rounds * size blocks; at
     * is the same on every rank. */
    const char *(*gather)(struct mt_comm *comm, void *all, const size_t *at,
                          size_t rounds);

    /* Ends every rank of the job with this exit code; may return. */
    void (*abort)(struct mt_comm *comm, int code);
    void (*close)(struct mt_comm *comm);
};

struct mt_comm {
    const struct mt_comm_type *type;
    size_t rank, size;
    size_t here;         /* ranks on this machine, */
    size_t here_before;  /* and how many of them have a lower number */
    const char *library; /* "Open MPI 4.1.4" */
    const char *host;    /* the name of this machine */
    uint64_t sent;       /* bytes that this rank sent by start and gather */
    bool failed;         /* a call has failed; unfinished transfers may still
                            write to their memory, which must not be freed */
};

size_t mt_comm_rank(const struct mt_comm *comm); /* NULL: 0 */
size_t mt_comm_size(const struct mt_comm *comm); /* NULL: 1 */

mt_status mt_comm_start(struct mt_comm *comm, const struct mt_message *out,
                        size_t n_out, const struct mt_message *in, size_t n_in,
                        void **transfer, struct mt_err *err);
mt_status mt_comm_wait(struct mt_comm *comm, void *transfer,
                       struct mt_err *err);
mt_status mt_comm_test(struct mt_comm *comm, void *transfer, bool *done,
                       struct mt_err *err);
mt_status mt_comm_exchange(struct mt_comm *comm, const struct mt_message *out,
                           size_t n_out, const struct mt_message *in,
                           size_t n_in, struct mt_err *err);
mt_status mt_comm_gather(struct mt_comm *comm, void *all, const size_t *at,
                         size_t rounds, struct mt_err *err);

/* The same for pieces of one size: all is (size, bytes). */
mt_status mt_comm_gather_each(struct mt_comm *comm, void *all, size_t bytes,
                              struct mt_err *err);

void mt_comm_abort(struct mt_comm *comm, int code); /* NULL: does nothing */
void mt_comm_close(struct mt_comm *comm);           /* NULL is allowed */

#endif
