/* The memory that steps and evaluations work in: planning, taking and freeing
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

/* Inputs and targets of a batch. */
static mt_status count_batch(const struct mt_session *s, size_t *x, size_t *t,
                             struct mt_err *err)
{
    const struct mt_model *m = s->model;
    size_t b = s->batching.batch_size;

    *x = *t = 0;
    if (mt_size_mul(b, mt_shape_elements(&m->x), x) &&
        mt_size_mul(b, mt_shape_elements(&m->y), t))
        return MT_OK;
    return mt_fail_memory(err);
}

static mt_status take_buffers(struct mt_session *s, struct mt_err *err)
{
    const struct mt_model *m = s->model;
    size_t b = s->batching.batch_size, x, t;
    size_t n = mt_session_samples(s, MT_SPLIT_TRAIN);
    mt_status status = count_batch(s, &x, &t, err);

    if (status != MT_OK)
        return status;
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

mt_status mt_session_plan(struct mt_session *s, struct mt_err *err)
{
    struct mt_program *all[] = { &s->train_full, &s->train_last, &s->eval_full,
                                 &s->eval_last };
    size_t n = s->batches ? mt_session_samples(s, MT_SPLIT_TRAIN) : 0;
    size_t x, t;
    mt_status status;

    if (s->planned)
        return MT_OK;
    if ((status = count_batch(s, &x, &t, err)) != MT_OK ||
        (status = mt_totals_check(s, err)) != MT_OK ||
        (status = record_both(s, n, true, !s->batching.drop_last,
                              &s->train_full, &s->train_last, err)) != MT_OK ||
        (status = record_both(s, mt_session_evaluated(s)->n, false, true,
                              &s->eval_full, &s->eval_last, err)) != MT_OK)
        return status;
    for (size_t i = 0; i < 4; i++)
        largest(s, all[i]);
    s->planned = true;
    return MT_OK;
}

mt_status mt_session_prepare(struct mt_session *s, struct mt_err *err)
{
    struct mt_program *all[] = { &s->train_full, &s->train_last, &s->eval_full,
                                 &s->eval_last };
    mt_status status;

    if (s->workspace)
        return MT_OK;
    if ((status = mt_session_plan(s, err)) != MT_OK ||
        (status = take_buffers(s, err)) != MT_OK ||
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
