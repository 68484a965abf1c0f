#include "train/ranks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "train/reduce.h"

/* --- the optimizer's state -------------------------------------------- */

/* A slot's block, live or kept; NULL: there is nothing to send. */
static float *block_of(const struct mt_session *s, size_t slot, bool kept)
{
    float *live = s->optimizer->slot[slot];

    if (!live || mt_optimizer_is_product(s->optimizer->type, slot) ||
        (kept && !s->kept.there))
        return NULL;
    return kept ? (float *)mt_kept_of(&s->kept, live) : live;
}

static mt_status collect(struct mt_session *s, float *block, struct mt_err *err)
{
    struct mt_comm *comm = s->comm;
    size_t blocks = s->stripes * comm->size, n = 0;
    struct mt_message *message = calloc(blocks, sizeof *message);
    mt_status status = message ? MT_OK : mt_fail_memory(err);

    for (size_t b = 0; message && b < blocks; b++) {
        size_t owner = b % comm->size, at = s->pieces_at[b];

        if ((comm->rank == 0) == (owner == comm->rank))
            continue; /* process 0 receives others' pieces, they send theirs */
        message[n++] =
            (struct mt_message){ comm->rank ? 0 : owner, (char *)block + at,
                                 s->pieces_at[b + 1] - at };
    }
    if (status == MT_OK)
        status = comm->rank ? mt_comm_exchange(comm, message, n, NULL, 0, err)
                            : mt_comm_exchange(comm, NULL, 0, message, n, err);
    free(message);
    return status;
}

mt_status mt_ranks_collect(struct mt_session *s, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (mt_comm_size(s->comm) == 1 || !s->pieces_at)
        return MT_OK; /* each process has all of it */
    for (size_t i = 0; i < 2 * MT_OPTIM_MAX_SLOTS && status == MT_OK; i++) {
        float *block = block_of(s, i / 2, i % 2);

        if (block)
            status = collect(s, block, err);
    }
    return status;
}

/* Advises about the whole pages of [first, end). */
static void advise(float *first, float *end, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)first + page - 1) / page * page;
    uintptr_t to = (uintptr_t)end / page * page;

    if (from < to)
        madvise((void *)from, to - from, advice);
}

/* Gives pages back; they read as zeros then. Large pages would hold other
 * processes' pieces, too. */
static void release(const struct mt_session *s, float *block)
{
    float *at = block, *end = block + s->model->store.flat;

#ifdef MADV_NOHUGEPAGE
    advise(block, end, MADV_NOHUGEPAGE);
#endif
    for (size_t k = 0; k < s->stripes; k++) {
        advise(at, block + s->pieces[k].first, MADV_DONTNEED);
        at = block + s->pieces[k].end;
    }
    advise(at, end, MADV_DONTNEED);
}

void mt_ranks_release(struct mt_session *s)
{
    for (size_t i = 0; i < MT_OPTIM_MAX_SLOTS; i++) {
        float *block = mt_comm_size(s->comm) > 1 ? block_of(s, i, false) : NULL;

        if (block)
            release(s, block);
    }
}

/* --- what is sent ----------------------------------------------------- */

static uint64_t gathered(const struct mt_session *s, const size_t *at,
                         size_t rounds)
{
    size_t size = s->comm->size;
    uint64_t bytes = at[rounds * size];

    for (size_t b = (s->comm->rank + 1) % size; b < rounds * size; b += size)
        bytes -= at[b + 1] - at[b];
    return bytes;
}

struct mt_traffic mt_session_traffic(const struct mt_session *s, bool want_norm)
{
    const struct mt_settings *t = &s->settings;
    struct mt_traffic sent = { 0 };
    size_t batches = t->accumulate;

    if (mt_comm_size(s->comm) == 1)
        return sent;
    sent.gradients = batches * mt_reduce_sent(&s->model->store, t->shards,
                                              s->comm->size, s->comm->rank);
    sent.parameters = gathered(s, s->pieces_at, s->stripes);
    sent.rest = batches * gathered(s, s->records_at, 1);
    if (s->weigh_targets)
        sent.rest += batches * gathered(s, s->weights_at, 1);
    if (want_norm || !isnan(t->clip_grad_norm))
        sent.rest += gathered(s, s->partial_at, s->stripes);
    return sent;
}

/* --- what process 0 says ---------------------------------------------- */

/* From process 0 to all. */
static mt_status spread(struct mt_comm *comm, void *what, size_t bytes,
                        struct mt_err *err)
{
    size_t size = mt_comm_size(comm);
    size_t *at = calloc(size + 1, sizeof *at);
    mt_status status = at ? MT_OK : mt_fail_memory(err);

    for (size_t r = 1; at && r <= size; r++)
        at[r] = bytes;
    if (status == MT_OK)
        status = mt_comm_gather(comm, what, at, 1, err);
    free(at);
    return status;
}

mt_status mt_session_lead(const struct mt_session *s, void *what, size_t bytes,
                          struct mt_err *err)
{
    return mt_comm_size(s->comm) > 1 ? spread(s->comm, what, bytes, err)
                                     : MT_OK;
}

struct outcome {
    mt_status status;
    struct mt_ckpt_info info;
};

mt_status mt_ranks_outcome(const struct mt_session *s, mt_status status,
                           struct mt_ckpt_info *info, struct mt_err *err)
{
    struct outcome all = { status, { 0 } };

    if (mt_comm_size(s->comm) == 1)
        return status;
    if (info)
        all.info = *info;
    if ((status = spread(s->comm, &all, sizeof all, err)) != MT_OK)
        return status;
    if (info)
        *info = all.info;
    if (s->comm->rank && all.status != MT_OK)
        return mt_fail(err, all.status, "process 0 could not save");
    return all.status;
}
