#include "comm/comm.h"

#include <stdlib.h>

size_t mt_comm_rank(const struct mt_comm *comm)
{
    return comm ? comm->rank : 0;
}

size_t mt_comm_size(const struct mt_comm *comm)
{
    return comm ? comm->size : 1;
}

static mt_status outcome(const struct mt_comm *comm, const char *why,
                         struct mt_err *err)
{
    if (!why)
        return MT_OK;
    return mt_fail(err, MT_IO, "rank %zu of %zu (%s): %s", comm->rank,
                   comm->size, comm->host, why);
}

mt_status mt_comm_start(struct mt_comm *comm, const struct mt_message *out,
                        size_t n_out, const struct mt_message *in, size_t n_in,
                        void **transfer, struct mt_err *err)
{
    *transfer = NULL;
    if (!comm)
        return MT_OK;
    for (size_t i = 0; i < n_out; i++)
        comm->sent += out[i].bytes;
    return outcome(
        comm, comm->type->start(comm, out, n_out, in, n_in, transfer), err);
}

mt_status mt_comm_wait(struct mt_comm *comm, void *transfer, struct mt_err *err)
{
    if (!comm || !transfer)
        return MT_OK;
    return outcome(comm, comm->type->wait(comm, transfer), err);
}

mt_status mt_comm_test(struct mt_comm *comm, void *transfer, bool *done,
                       struct mt_err *err)
{
    *done = true;
    if (!comm || !transfer)
        return MT_OK;
    return outcome(comm, comm->type->test(comm, transfer, done), err);
}

mt_status mt_comm_exchange(struct mt_comm *comm, const struct mt_message *out,
                           size_t n_out, const struct mt_message *in,
                           size_t n_in, struct mt_err *err)
{
    void *transfer;
    mt_status status =
        mt_comm_start(comm, out, n_out, in, n_in, &transfer, err);

    return status == MT_OK ? mt_comm_wait(comm, transfer, err) : status;
}

/* Bytes sent are counted as in a ring: each rank passes on what others have
 * filled. */
mt_status mt_comm_gather(struct mt_comm *comm, void *all, const size_t *at,
                         size_t rounds, struct mt_err *err)
{
    if (!comm || comm->size == 1)
        return MT_OK;
    size_t blocks = rounds * comm->size;

    comm->sent += at[blocks] - at[0];
    for (size_t b = (comm->rank + 1) % comm->size; b < blocks; b += comm->size)
        comm->sent -= at[b + 1] - at[b];
    return outcome(comm, comm->type->gather(comm, all, at, rounds), err);
}

mt_status mt_comm_gather_each(struct mt_comm *comm, void *all, size_t bytes,
                              struct mt_err *err)
{
    if (!comm || comm->size == 1)
        return MT_OK;
    size_t *at = malloc((comm->size + 1) * sizeof *at);
    mt_status status = at ? MT_OK : mt_fail_memory(err);

    for (size_t r = 0; at && r <= comm->size; r++)
        at[r] = r * bytes;
    if (status == MT_OK)
        status = mt_comm_gather(comm, all, at, 1, err);
    free(at);
    return status;
}

void mt_comm_abort(struct mt_comm *comm, int code)
{
    if (comm)
        comm->type->abort(comm, code);
}

void mt_comm_close(struct mt_comm *comm)
{
    if (comm)
        comm->type->close(comm);
}
