#include "train/kept.h"

#include <math.h>
#include <string.h>

#include "train/ema.h"
#include "train/monitor.h"
#include "train/session.h"
#include "train/session_internal.h"
#include "train/totals.h"

/* --- memory ------------------------------------------------------------- */

static bool add(struct mt_session *s, void *live, size_t bytes)
{
    struct mt_kept *k = &s->kept;
    void *kept = bytes ? mt_arena_alloc(&s->arena, bytes) : NULL;

    if (kept)
        k->regions[k->n++] = (struct mt_region){ live, kept, bytes };
    return kept || !bytes;
}

static size_t slot_bytes(const struct mt_session *s, size_t slot)
{
    const struct mt_store *store = &s->model->store;

    if (!s->optimizer->slot[slot])
        return 0;
    return sizeof(float) * (mt_optimizer_is_product(s->optimizer->type, slot)
                                ? store->n
                                : store->flat);
}

static bool add_tensors(struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;
    bool all = add(s, store->values, store->flat * sizeof(float));

    for (size_t i = 0; all && i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if (!t->requires_grad)
            all = add(s, t->data, t->count * mt_dtype_size(t->dtype));
    }
    return all;
}

static bool add_rest(struct mt_session *s)
{
    struct mt_optimizer *o = s->optimizer;
    size_t states = s->scheduler->type->state_count;
    bool all = add(s, o->step_of, o->store->n * sizeof *o->step_of);

    for (size_t i = 0; all && i < MT_OPTIM_MAX_SLOTS; i++)
        all = add(s, o->slot[i], slot_bytes(s, i));
    return all &&
           (!s->ema || add(s, mt_ema_memory(s->ema), mt_ema_bytes(o->store))) &&
           add(s, s->scheduler->state, states * sizeof *s->scheduler->state) &&
           add(s, &s->at, sizeof s->at) &&
           add(s, &s->stopping, sizeof s->stopping);
}

mt_status mt_kept_prepare(struct mt_session *s, struct mt_err *err)
{
    enum { SINGLE = 6 }; /* values, steps, mean, schedule, position, stopping */
    size_t most = s->model->store.n + MT_OPTIM_MAX_SLOTS + SINGLE;
    struct mt_kept *k = &s->kept;

    if (!k->watch.monitor.name || k->regions)
        return MT_OK;
    k->regions = mt_arena_calloc(&s->arena, most, sizeof *k->regions);
    return k->regions && add_tensors(s) && add_rest(s) ? MT_OK
                                                       : mt_fail_memory(err);
}

size_t mt_kept_bytes(const struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;

    if (!s->kept.watch.monitor.name)
        return 0;
    return mt_store_bytes(store, MT_MEMORY_VALUES) +
           mt_optimizer_bytes(s->optimizer) + mt_session_ema_bytes(s);
}

/* --- keeping and bringing back ------------------------------------------- */

void mt_kept_take(struct mt_session *s)
{
    struct mt_kept *k = &s->kept;

    mt_optimizer_sync(s->optimizer);
    for (size_t i = 0; i < k->n; i++)
        memcpy(k->regions[i].kept, k->regions[i].live, k->regions[i].bytes);
    k->there = true;
    k->epoch = s->at.epoch;
    k->n_history = s->history.n;
}

static void bring_back(struct mt_session *s)
{
    struct mt_kept *k = &s->kept;

    for (size_t i = 0; i < k->n; i++)
        memcpy(k->regions[i].live, k->regions[i].kept, k->regions[i].bytes);
    mt_optimizer_restart(s->optimizer);
    mt_totals_clear(s, s->epoch_totals);
    mt_epochs_cut(&s->history, k->n_history);
}

bool mt_kept_is_present(const struct mt_session *s)
{
    return s->kept.there && s->kept.epoch == s->at.epoch && s->at.batch == 0;
}

bool mt_session_restore_best(struct mt_session *s)
{
    struct mt_ending ended = { s->at.step, s->at.epoch, s->stopping.bad };

    if (!s->kept.there || mt_kept_is_present(s) || !mt_session_finished(s))
        return false;
    bring_back(s);
    s->ended = ended;
    return true;
}

void mt_kept_found(struct mt_session *s, uint64_t epoch)
{
    struct mt_kept *k = &s->kept;

    k->there = epoch > 0;
    k->epoch = epoch;
    k->watch.best = NAN;
    k->n_history = 0;
    while (k->n_history < s->history.n &&
           mt_epochs_at(&s->history, k->n_history).epoch <= epoch)
        k->n_history++;
    if (!k->n_history)
        return;
    struct mt_epoch last = mt_epochs_at(&s->history, k->n_history - 1);

    if (last.epoch == epoch)
        mt_watch_see(&k->watch, &last, 0);
}
