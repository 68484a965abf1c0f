#include "train/ema.h"

#include <string.h>

#include "graph/spans.h"
#include "kernels/dispatch.h"
#include "train/regions.h"
#include "train/state_take.h"
#include "train/statename.h"

struct mt_ema {
    const struct mt_store *store;
    float rate; /* 1 - decay */
    bool has_mean;
    float *flat;    /* (store->flat) of the trainable block, in its layout;
                       the means of frozen parameters follow */
    float **frozen; /* (store->n) the mean of a frozen parameter; else NULL */
};

static bool is_frozen(const struct mt_tensor *t)
{
    return !t->buffer && !t->requires_grad;
}

static float *mean_of(const struct mt_ema *e, const struct mt_tensor *t)
{
    return t->requires_grad ? e->flat + t->offset : e->frozen[t->number];
}

mt_status mt_ema_new(const struct mt_store *store, double decay,
                     struct mt_arena *arena, struct mt_ema **out,
                     struct mt_err *err)
{
    struct mt_ema *e = mt_arena_calloc(arena, 1, sizeof *e);

    if (!e)
        return mt_fail_memory(err);
    e->store = store;
    e->rate = (float)(1 - decay);
    e->flat = mt_arena_alloc(arena, mt_ema_bytes(store) + sizeof *e->flat);
    e->frozen = mt_arena_calloc(arena, store->n + 1, sizeof *e->frozen);
    if (!e->flat || !e->frozen)
        return mt_fail_memory(err);
    float *next = e->flat + store->flat;

    for (size_t i = 0; i < store->n; i++) {
        if (!is_frozen(store->tensors[i]))
            continue;
        e->frozen[i] = next;
        next += store->tensors[i]->count;
    }
    *out = e;
    return MT_OK;
}

void *mt_ema_memory(const struct mt_ema *e)
{
    return e->flat;
}

size_t mt_ema_bytes(const struct mt_store *store)
{
    size_t n = store->flat;

    for (size_t i = 0; i < store->n; i++)
        n += is_frozen(store->tensors[i]) ? store->tensors[i]->count : 0;
    return n * sizeof(float);
}

/* --- moving ------------------------------------------------------------- */

void mt_ema_begin(struct mt_ema *e)
{
    if (e->has_mean)
        return;
    for (size_t i = 0; i < e->store->n; i++) {
        const struct mt_tensor *t = e->store->tensors[i];

        if (!t->buffer)
            memcpy(mean_of(e, t), t->data, t->count * sizeof(float));
    }
    e->has_mean = true;
}

struct moving {
    float *mean;
    const float *values;
    float rate;
};

static void move_span(const void *ctx, size_t at, size_t n)
{
    const struct moving *m = ctx;

    mt_kernels()->lerp(m->mean + at, m->values + at, n, m->rate);
}

void mt_ema_update(struct mt_ema *e, struct mt_team *team)
{
    struct moving trained = { e->flat, e->store->values, e->rate };

    mt_spans(team, e->store->flat, move_span, &trained);
    for (size_t i = 0; i < e->store->n; i++) {
        const struct mt_tensor *t = e->store->tensors[i];
        struct moving frozen = { e->frozen[i], t->data, e->rate };

        if (frozen.mean)
            mt_spans(team, t->count, move_span, &frozen);
    }
}

/* --- in bundles --------------------------------------------------------- */

void mt_ema_save(const struct mt_ema *e, const struct mt_kept *of,
                 struct mt_bundle *out)
{
    for (size_t i = 0; i < e->store->n && e->has_mean; i++) {
        const struct mt_tensor *t = e->store->tensors[i];

        if (!t->buffer)
            mt_bundle_add(out, mt_name_in(MT_EMA, t->name).text, MT_F32,
                          &t->shape, mt_kept_of(of, mean_of(e, t)));
    }
}

/* The parameter whose mean the array is. */
static mt_status find_parameter(const struct mt_store *store,
                                const struct mt_array *a,
                                const struct mt_tensor **out,
                                struct mt_err *err)
{
    *out = mt_store_find(store, mt_name_key(a->name));
    if (!*out || (*out)->buffer)
        return mt_fail(err, MT_MISMATCH,
                       "%s: the spec's model has no parameter of that name",
                       a->name);
    return MT_OK;
}

mt_status mt_ema_restore(struct mt_ema *e, const struct mt_bundle *from,
                         struct mt_err *err)
{
    mt_status status = MT_OK;
    size_t taken = 0;

    for (size_t i = 0; i < from->n && status == MT_OK; i++) {
        const char *name = from->arrays[i].name;
        const struct mt_tensor *t;

        if (!mt_name_is(name, MT_EMA) ||
            (status = find_parameter(e->store, &from->arrays[i], &t, err)) !=
                MT_OK)
            continue;
        mt_ema_begin(e);
        status = mt_state_take(from, name, MT_F32, &t->shape, mean_of(e, t),
                               &taken, err);
    }
    return status;
}

mt_status mt_ema_put(struct mt_store *store, const struct mt_bundle *from,
                     bool *any, struct mt_err *err)
{
    mt_status status = MT_OK;
    size_t taken = 0;

    for (size_t i = 0; i < from->n && status == MT_OK; i++) {
        const char *name = from->arrays[i].name;
        const struct mt_tensor *t;

        if (!mt_name_is(name, MT_EMA) ||
            (status = find_parameter(store, &from->arrays[i], &t, err)) !=
                MT_OK)
            continue;
        status =
            mt_state_take(from, name, MT_F32, &t->shape, t->data, &taken, err);
    }
    *any = taken > 0;
    return status;
}

const struct mt_array *mt_ema_find(const struct mt_bundle *b,
                                   const struct mt_array *array)
{
    const char *key = mt_name_key(array->name);
    const struct mt_array *mean =
        mt_name_is(array->name, MT_MODEL)
            ? mt_bundle_find(b, mt_name_in(MT_EMA, key).text)
            : NULL;

    return mean && mt_shape_equal(&mean->shape, &array->shape) ? mean : NULL;
}
