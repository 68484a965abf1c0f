/* The memory that steps and evaluations work in: taking, counting and freeing
 * it. */
#include <stdlib.h>

#include "base/size.h"
#include "graph/spans.h"
#include "train/ahead.h"
#include "train/ema.h"
#include "train/kept.h"
#include "train/ranking.h"
#include "train/rows.h"
#include "train/totals.h"

void mt_session_close(struct mt_session *s)
{
    if (!s)
        return;
    mt_ahead_free(s->ahead); /* first: its thread uses the others */
    mt_graph_free(s->train_full.graph);
    mt_graph_free(s->train_last.graph);
    mt_graph_free(s->eval_full.graph);
    mt_graph_free(s->eval_last.graph);
    mt_optimizer_free(s->optimizer);
    mt_model_free(s->model);
    mt_dataset_close(s->data);
    if (s->ranking)
        mt_ranking_free(s->ranking);
    free(s->workspace);
    mt_epochs_free(&s->history);
    mt_arena_free(&s->arena);
    free(s);
}

mt_status mt_session_init(struct mt_session *s, struct mt_err *err)
{
    return mt_model_init(s->model, s->team, err);
}

/* --- memory of steps and evaluations ------------------------------------ */

/* Records the programs for full batches of n samples and for the rest. */
static mt_status record_both(struct mt_session *s, size_t n, bool training,
                             bool rest, struct mt_program *full,
                             struct mt_program *last, struct mt_err *err)
{
    size_t workers = mt_team_size(s->team), b = s->batching.batch_size;
    mt_status status;

    if (n >= b && (status = mt_model_record(s->model, b, training, workers,
                                            full, err)) != MT_OK)
        return status;
    if (rest && n % b)
        return mt_model_record(s->model, n % b, training, workers, last, err);
    return MT_OK;
}

static void largest(struct mt_session *s, const struct mt_program *p)
{
    if (p->graph && mt_graph_bytes(p->graph) > s->workspace_bytes)
        s->workspace_bytes = mt_graph_bytes(p->graph);
}

static void bind(struct mt_session *s, struct mt_program *p)
{
    if (!p->graph)
        return;
    mt_graph_bind(p->graph, s->workspace);
}

static mt_status take_buffers(struct mt_session *s, struct mt_err *err)
{
    const struct mt_model *m = s->model;
    size_t b = s->batching.batch_size,
           n = mt_session_samples(s, MT_SPLIT_TRAIN);
    size_t x, t;

    if (!mt_size_mul(b, mt_shape_elements(&m->x), &x) ||
        !mt_size_mul(b, mt_shape_elements(&m->y), &t))
        return mt_fail_memory(err);
    s->x = mt_arena_calloc(&s->arena, x, sizeof *s->x);
    s->t = mt_arena_calloc(&s->arena, t, sizeof *s->t);
    s->order = mt_arena_calloc(&s->arena, n + 1, sizeof *s->order);
    s->evaluated = mt_arena_calloc(&s->arena, b, 2 * sizeof *s->evaluated);
    s->partial = mt_arena_calloc(&s->arena, m->store.flat / MT_SPAN + 1,
                                 sizeof *s->partial);
    bool sums = s->settings.accumulate > 1 && m->store.grads;

    if (sums)
        s->grad_sum =
            mt_arena_calloc(&s->arena, m->store.flat, sizeof *s->grad_sum);
    s->workspace = aligned_alloc(64, mt_size_align(s->workspace_bytes + 1, 64));
    if (!s->x || !s->t || !s->order || !s->evaluated || !s->partial ||
        !s->workspace || (sums && !s->grad_sum))
        return mt_fail_memory(err);
    if (!mt_part_has_reader(&s->data->train) &&
        !mt_part_has_reader(&s->data->val) &&
        !mt_part_has_reader(&s->data->test))
        return MT_OK;
    return mt_ahead_new(s, x, t, b, &s->ahead, err);
}

mt_status mt_session_prepare(struct mt_session *s, struct mt_err *err)
{
    struct mt_program *all[] = { &s->train_full, &s->train_last, &s->eval_full,
                                 &s->eval_last };
    size_t n = s->batches ? mt_session_samples(s, MT_SPLIT_TRAIN) : 0;
    mt_status status;

    if (s->workspace)
        return MT_OK;
    if ((status = record_both(s, n, true, !s->batching.drop_last,
                              &s->train_full, &s->train_last, err)) != MT_OK ||
        (status = record_both(s, mt_session_evaluated(s)->n, false, true,
                              &s->eval_full, &s->eval_last, err)) != MT_OK)
        return status;
    for (size_t i = 0; i < 4; i++)
        largest(s, all[i]);
    if ((status = take_buffers(s, err)) != MT_OK ||
        (status = mt_kept_prepare(s, err)) != MT_OK ||
        (status = mt_totals_prepare(s, err)) != MT_OK ||
        (status = mt_epochs_reserve(&s->history, 2 * s->history.n, err)) !=
            MT_OK)
        return status;
    for (size_t i = 0; i < 4; i++)
        bind(s, all[i]);
    s->may_idle = mt_loss_may_skip(&s->model->loss, s->data->label_min,
                                   s->data->label_max);
    mt_optimizer_restart(s->optimizer); /* has_grad is known now */
    return MT_OK;
}

enum {
    PROGRAM = 4400 << 10, /* code, libraries and small things, measured */
    SAVE = 2 << 20,       /* of the state on its way to a file, measured */
};

size_t mt_session_bytes(const struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;
    size_t blocks = 2; /* values and gradients */

    for (size_t i = 0; i < MT_OPTIM_MAX_SLOTS; i++)
        blocks += s->optimizer->slot[i] != NULL;
    return blocks * store->flat * sizeof(float) + mt_kept_bytes(s) +
           (s->ranking ? mt_ranking_bytes(s->ranking) : 0) +
           s->workspace_bytes + (s->ema ? mt_ema_bytes(s->ema) : 0);
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

size_t mt_session_peak_bytes(const struct mt_session *s)
{
    size_t state = mt_session_bytes(s) - s->workspace_bytes;

    return mt_session_bytes(s) + mt_session_data_bytes(s) + PROGRAM +
           (state < SAVE ? state : SAVE);
}
