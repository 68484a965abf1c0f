#include "train/start.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "train/datastate.h"
#include "train/state.h"

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

/* The spec, and what command-line options add to it. */
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

/* For training, all of the state; for an evaluation, the model and what data is
 * read with. */
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

mt_status mt_start_compare(struct mt_session *s, struct mt_err *err)
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
