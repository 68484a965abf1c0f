#include "train/ranks.h"

#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "train/datastate.h"
#include "train/reduce.h"
#include "train/state.h"

/* --- what they start from --------------------------------------------------
 */

enum { PROGRAM, SPEC, DATA, STATE, SAME };

static const char *const things[SAME] = {
    "is another version of mtrain",
    "has another spec",
    "reads other data",
    "has another state to start from",
};

struct start {
    uint8_t of[SAME][SHA256_DIGEST_SIZE];
    char host[64];
};

static void end_hash(struct sha256_ctx *ctx, uint8_t *out)
{
    sha256_digest(ctx, SHA256_DIGEST_SIZE, out);
}

static void add_text(struct sha256_ctx *ctx, const char *text)
{
    sha256_update(ctx, strlen(text) + 1, (const uint8_t *)text);
}

static void add_number(struct sha256_ctx *ctx, uint64_t n)
{
    sha256_update(ctx, sizeof n, (const uint8_t *)&n);
}

/* With what options add to it. */
static mt_status hash_spec(const struct mt_session *s, struct sha256_ctx *ctx,
                           struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;

    mt_json_print(mt_json_root(s->doc), &text);
    bool failed = text.failed;

    if (!failed)
        add_text(ctx, text.text);
    mt_strbuf_free(&text);
    add_number(ctx, s->batches);
    add_number(ctx, s->confusion);
    for (size_t i = 0; i < s->n_metrics; i++)
        add_text(ctx, s->metrics[i]->name);
    return failed ? mt_fail_memory(err) : MT_OK;
}

static void hash_data(const struct mt_session *s, struct sha256_ctx *ctx)
{
    for (size_t i = 0; i < s->data->n_fingerprints; i++) {
        add_text(ctx, s->data->fingerprints[i].role);
        add_text(ctx, s->data->fingerprints[i].sha256);
    }
    for (int i = 0; i < MT_SPLITS; i++)
        add_number(ctx, s->data->subset[i].n);
    add_number(ctx, s->split);
}

/* All that training goes on from; of an evaluation what it reads data with, and
 * the model. */
static mt_status hash_state(struct mt_session *s, struct sha256_ctx *ctx,
                            struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    struct mt_bundle state = MT_BUNDLE_INIT;
    mt_status status = MT_OK;

    if (s->batches)
        status = mt_state_save(s, &state, err);
    else
        mt_data_state_save(s->data, &state);
    if (status == MT_OK && state.failed)
        status = mt_fail_memory(err);
    for (size_t i = 0; status == MT_OK && i < state.n; i++) {
        const struct mt_array *a = &state.arrays[i];

        add_text(ctx, a->name);
        sha256_update(ctx, mt_array_bytes(a), a->data);
    }
    mt_bundle_free(&state);
    for (size_t i = 0; !s->batches && i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if (t->data)
            sha256_update(ctx, t->count * mt_dtype_size(t->dtype), t->data);
    }
    return status;
}

static mt_status find_start(struct mt_session *s, struct start *out,
                            struct mt_err *err)
{
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    add_text(&ctx, MT_VERSION);
    end_hash(&ctx, out->of[PROGRAM]);
    mt_status status = hash_spec(s, &ctx, err);

    end_hash(&ctx, out->of[SPEC]);
    hash_data(s, &ctx);
    end_hash(&ctx, out->of[DATA]);
    if (status == MT_OK)
        status = hash_state(s, &ctx, err);
    end_hash(&ctx, out->of[STATE]);
    snprintf(out->host, sizeof out->host, "%s", s->comm->host);
    return status;
}

static mt_status compare(const struct start *all, size_t size,
                         struct mt_err *err)
{
    for (int k = 0; k < SAME; k++) {
        for (size_t r = 1; r < size; r++) {
            if (memcmp(all[r].of[k], all[0].of[k], SHA256_DIGEST_SIZE) == 0)
                continue;
            return mt_fail(err, MT_MISMATCH,
                           "process %zu (%s) %s than process 0 (%s): all of "
                           "them need the same files and arguments",
                           r, all[r].host, things[k], all[0].host);
        }
    }
    return MT_OK;
}

mt_status mt_ranks_compare(struct mt_session *s, struct mt_err *err)
{
    size_t size = mt_comm_size(s->comm);

    if (size == 1)
        return MT_OK;
    struct start *all = calloc(size, sizeof *all);
    mt_status status = all ? MT_OK : mt_fail_memory(err);

    if (status == MT_OK)
        status = find_start(s, &all[s->comm->rank], err);
    if (status == MT_OK)
        status = mt_comm_gather_each(s->comm, all, sizeof *all, err);
    if (status == MT_OK)
        status = compare(all, size, err);
    free(all);
    return status;
}

/* --- the optimizer's state --------------------------------------------------
 */

/* A slot's block, live or kept; NULL: process 0 needs nothing of it. */
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
    struct mt_message own = { 0, block + s->slice.first,
                              s->slices_at[comm->rank + 1] -
                                  s->slices_at[comm->rank] };
    struct mt_message *in = calloc(comm->size, sizeof *in);
    mt_status status = in ? MT_OK : mt_fail_memory(err);

    for (size_t r = 1; in && r < comm->size; r++)
        in[r - 1] =
            (struct mt_message){ r, (char *)block + s->slices_at[r],
                                 s->slices_at[r + 1] - s->slices_at[r] };
    if (status == MT_OK)
        status = comm->rank
                     ? mt_comm_exchange(comm, &own, 1, NULL, 0, err)
                     : mt_comm_exchange(comm, NULL, 0, in, comm->size - 1, err);
    free(in);
    return status;
}

mt_status mt_ranks_collect(struct mt_session *s, struct mt_err *err)
{
    mt_status status = MT_OK;

    if (mt_comm_size(s->comm) == 1 || !s->slices_at)
        return MT_OK; /* each process has all of it */
    for (size_t i = 0; i < 2 * MT_OPTIM_MAX_SLOTS && status == MT_OK; i++) {
        float *block = block_of(s, i / 2, i % 2);

        if (block)
            status = collect(s, block, err);
    }
    return status;
}

/* Whole pages of [first, end) become zeros that take no memory. */
static void release(float *first, float *end)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)first + page - 1) / page * page;
    uintptr_t to = (uintptr_t)end / page * page;

    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
}

void mt_ranks_release(struct mt_session *s)
{
    for (size_t i = 0; i < MT_OPTIM_MAX_SLOTS; i++) {
        float *block = mt_comm_size(s->comm) > 1 ? block_of(s, i, false) : NULL;

        if (!block)
            continue;
        release(block, block + s->slice.first);
        release(block + s->slice.end, block + s->model->store.flat);
    }
}

/* --- what is sent ------------------------------------------------------------
 */

static uint64_t gathered(const struct mt_session *s, const size_t *at)
{
    size_t next = (s->comm->rank + 1) % s->comm->size;

    return at[s->comm->size] - (at[next + 1] - at[next]);
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
    sent.parameters = gathered(s, s->slices_at);
    sent.rest = batches * gathered(s, s->records_at);
    if (s->weigh_targets)
        sent.rest += batches * gathered(s, s->weights_at);
    if (want_norm || !isnan(t->clip_grad_norm))
        sent.rest += gathered(s, s->partial_at);
    return sent;
}

/* --- what process 0 says -----------------------------------------------------
 */

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
        status = mt_comm_gather(comm, what, at, err);
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
