/* How much memory a session takes, from sizes alone. */
#include <math.h>

#include "train/ema.h"
#include "train/kept.h"
#include "train/reduce.h"
#include "train/session_internal.h"
#include "train/totals.h"

enum {
    PROGRAM = 4400 << 10, /* code, libraries and small things, measured */
    SAVE = 2 << 20,       /* of the state on its way to a file, measured */
};

size_t mt_session_ema_bytes(const struct mt_session *s)
{
    return isnan(s->settings.ema.decay) ? 0 : mt_ema_bytes(&s->model->store);
}

/* The optimizer's state: the process that writes it has all of it then. */
static size_t optimizer_bytes(const struct mt_session *s, size_t rank)
{
    const struct mt_store *store = &s->model->store;
    struct mt_range slice = mt_reduce_slice(store, s->ranks, rank);
    double share = (double)(slice.end - slice.first) / (double)store->flat;
    size_t all = mt_optimizer_bytes(s->optimizer);

    return rank && store->flat ? (size_t)((double)all * share) : all;
}

/* Sums of gradients: over the batches of a step, and over parts. */
static size_t sums_bytes(const struct mt_session *s, size_t rank)
{
    const struct mt_store *store = &s->model->store;
    size_t shards = s->settings.shards;
    size_t bytes = s->settings.accumulate > 1 ? store->flat * sizeof(float) : 0;

    if (shards > 1)
        bytes += mt_reduce_bytes(store, shards, s->ranks, rank);
    return bytes;
}

size_t mt_session_bytes(const struct mt_session *s, size_t rank)
{
    const struct mt_store *store = &s->model->store;

    return mt_store_bytes(store, MT_MEMORY_TRAINING) +
           optimizer_bytes(s, rank) + sums_bytes(s, rank) +
           mt_session_ema_bytes(s) + mt_kept_bytes(s) + mt_totals_bytes(s) +
           s->workspace_bytes;
}

size_t mt_session_workspace_bytes(const struct mt_session *s)
{
    return s->workspace_bytes;
}

static size_t column_bytes(const struct mt_column *c, size_t samples)
{
    size_t sample = mt_shape_elements(&c->shape) * mt_dtype_size(c->dtype);

    if (!c->data || samples == 0)
        return 0;
    return (samples - 1) * c->stride + sample;
}

/* Windows of a text: the targets are the inputs, one token on. */
static bool is_same_text(const struct mt_column *x, const struct mt_column *y)
{
    size_t token = mt_dtype_size(x->dtype);

    return x->data && (const char *)y->data == (const char *)x->data + token;
}

size_t mt_session_data_bytes(const struct mt_session *s)
{
    const struct mt_part *part[MT_SPLITS] = { &s->data->train, &s->data->val,
                                              &s->data->test };
    size_t bytes = 0;

    for (int i = 0; i < MT_SPLITS; i++) {
        size_t x = column_bytes(&part[i]->x, part[i]->samples);
        size_t y = column_bytes(&part[i]->y, part[i]->samples);

        bytes += x;
        if (!is_same_text(&part[i]->x, &part[i]->y))
            bytes += y;
    }
    return bytes;
}

size_t mt_session_peak_bytes(const struct mt_session *s, size_t rank)
{
    size_t all = mt_session_bytes(s, rank), state = all - s->workspace_bytes;

    return all + mt_session_data_bytes(s) + PROGRAM +
           (state < SAVE ? state : SAVE);
}
