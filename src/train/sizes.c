/* How much memory a session takes, from sizes alone. */
#include <math.h>

#include "data/reader.h"
#include "train/batch.h"
#include "train/ema.h"
#include "train/kept.h"
#include "train/pieces.h"
#include "train/reduce.h"
#include "train/taking.h"
#include "train/totals.h"

enum {
    PROGRAM = 5000 << 10, /* code, libraries and small things; measured */
    SAVE = 2 << 20,       /* buffers for writing a checkpoint; measured */
    ARRAY = 500,          /* for each array of a checkpoint; measured */
};

/* The optimizer's state; process 0, which writes it, has all of it then. */
static size_t optimizer_bytes(const struct mt_session *s, size_t rank)
{
    const struct mt_store *store = &s->model->store;
    double share =
        (double)mt_pieces_floats(store, s->ranks, rank) / (double)store->flat;
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

/* Do the part's training samples come from a reader? */
static bool has_reader(const struct mt_part *part)
{
    const struct mt_reader *x = part->x.reader, *y = part->y.reader;

    return part->samples && ((x && !x->look) || (y && !y->look));
}

/* A batch, two where the next one is read ahead (ahead.h), and the order of the
 * samples. */
static size_t batch_bytes(const struct mt_session *s)
{
    const struct mt_dataset *d = s->data;
    const struct mt_model *m = s->model;
    size_t sample = mt_shape_elements(&m->x) + mt_shape_elements(&m->y);
    bool ahead =
        has_reader(&d->train) || has_reader(&d->val) || has_reader(&d->test);

    return (ahead ? 2 : 1) * mt_session_own_rows(s) * sample * sizeof(float) +
           mt_session_order_size(s) * sizeof *s->order;
}

size_t mt_session_bytes(const struct mt_session *s, size_t rank)
{
    const struct mt_store *store = &s->model->store;

    return mt_store_bytes(store, MT_MEMORY_TRAINING) - mt_taking_bytes(s) +
           optimizer_bytes(s, rank) + sums_bytes(s, rank) +
           mt_session_ema_bytes(s) + mt_kept_bytes(s) + mt_totals_bytes(s) +
           batch_bytes(s) + s->workspace_bytes;
}

size_t mt_session_workspace_bytes(const struct mt_session *s)
{
    return s->workspace_bytes;
}

size_t mt_session_data_bytes(const struct mt_session *s)
{
    return s->data->held;
}

/* The memory of the model's description, before it has memory for tensors. */
static size_t description_bytes(const struct mt_session *s)
{
    size_t bytes = mt_arena_bytes(&s->model->arena) +
                   mt_arena_bytes(&s->model->store.arena);

    for (size_t i = 0; i < s->train.n; i++)
        bytes += mt_graph_own_bytes(s->train.of[i].graph);
    for (size_t i = 0; i < s->eval.n; i++)
        bytes += mt_graph_own_bytes(s->eval.of[i].graph);
    return bytes;
}

/* The memory that saving takes in addition to the state. */
static size_t save_bytes(const struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;
    size_t state = mt_store_bytes(store, MT_MEMORY_VALUES) +
                   mt_optimizer_bytes(s->optimizer);
    size_t arrays = store->n;

    for (size_t i = 0; i < store->n; i++)
        arrays +=
            store->tensors[i]->requires_grad ? 1 + s->optimizer->n_slots : 0;
    return (state < SAVE ? state : SAVE) + arrays * ARRAY;
}

/* Data is read before anything else is in memory. */
size_t mt_session_peak_bytes(const struct mt_session *s, size_t rank)
{
    size_t training = mt_session_bytes(s, rank) + description_bytes(s) +
                      s->data->held + save_bytes(s);

    return PROGRAM + (training > s->data->most ? training : s->data->most);
}

/* Gradients that are taken have addresses all the same. */
struct mt_fit mt_session_find_fit(const struct mt_session *s)
{
    size_t rank = mt_comm_rank(s->comm), all = mt_session_bytes(s, rank);
    size_t batches = batch_bytes(s) + s->workspace_bytes;
    struct mt_need need = { .peak = mt_session_peak_bytes(s, rank),
                            .more = all + mt_taking_bytes(s),
                            .state = all - batches,
                            .batches = batches,
                            .data = s->data->held };
    struct mt_memlimit limit;

    mt_memlimit_read("", &limit);
    return mt_fit(&need, &limit);
}
