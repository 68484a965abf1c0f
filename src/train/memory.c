/* The memory that steps and evaluations work in: planning, taking and freeing
 * it. */
#include <stdlib.h>

#include "base/pages.h"
#include "base/size.h"
#include "graph/spans.h"
#include "train/ahead.h"
#include "train/batch.h"
#include "train/batchrun.h"
#include "train/ema.h"
#include "train/kept.h"
#include "train/pieces.h"
#include "train/ranking.h"
#include "train/ranks.h"
#include "train/reduce.h"
#include "train/start.h"
#include "train/taking.h"
#include "train/totals.h"

void mt_session_close(struct mt_session *s)
{
    if (!s || (s->comm && s->comm->failed)) /* transfers may still use it */
        return;
    mt_ahead_free(s->ahead); /* first: its threads use the others */
    mt_programs_free(&s->train);
    mt_programs_free(&s->eval);
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

/* Records this process's parts of a training batch of n samples. */
static mt_status record_parts(struct mt_session *s, size_t n,
                              struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t i = s->parts.first; i < s->parts.end && status == MT_OK; i++) {
        struct mt_range part = mt_cut(n, s->settings.shards, i);

        status = mt_programs_add(&s->train, s->model, part.end - part.first,
                                 true, mt_team_size(s->team), err);
        if (status != MT_OK && s->settings.shards > 1)
            mt_context(err, "train.shards: %zu samples in %zu parts", n,
                       s->settings.shards);
    }
    return status;
}

/* Evaluations work on batches of a part's size. */
static mt_status record_evaluation(struct mt_session *s, struct mt_err *err)
{
    size_t n = mt_session_evaluated(s)->n, workers = mt_team_size(s->team);
    mt_status status = MT_OK;

    s->eval_batch = mt_cut_most(s->batching.batch_size, s->settings.shards, 1);
    if (n >= s->eval_batch)
        status = mt_programs_add(&s->eval, s->model, s->eval_batch, false,
                                 workers, err);
    if (status != MT_OK)
        return status;
    return mt_programs_add(&s->eval, s->model, n % s->eval_batch, false,
                           workers, err);
}

static mt_status record(struct mt_session *s, struct mt_err *err)
{
    size_t n = s->batches ? mt_session_samples(s, MT_SPLIT_TRAIN) : 0;
    size_t b = s->batching.batch_size;
    mt_status status = MT_OK;

    s->model->hands_over = mt_taking_suits(s);
    if (n >= b)
        status = record_parts(s, b, err);
    if (status == MT_OK && !s->batching.drop_last)
        status = record_parts(s, n % b, err);
    if (status == MT_OK)
        status = mt_taking_plan(s, err);
    if (status == MT_OK)
        status = record_evaluation(s, err);
    s->workspace_bytes = mt_programs_bytes(&s->train);
    if (mt_programs_bytes(&s->eval) > s->workspace_bytes)
        s->workspace_bytes = mt_programs_bytes(&s->eval);
    return status;
}

/* The floats of inputs and targets that the largest batch needs. */
static mt_status count_batch(const struct mt_session *s, size_t *x, size_t *t,
                             struct mt_err *err)
{
    const struct mt_model *m = s->model;
    size_t b = mt_session_own_rows(s);

    *x = *t = 0;
    if (mt_size_mul(b, mt_shape_elements(&m->x), x) &&
        mt_size_mul(b, mt_shape_elements(&m->y), t))
        return MT_OK;
    return mt_fail_memory(err);
}

static mt_status take_buffers(struct mt_session *s, struct mt_err *err)
{
    const struct mt_model *m = s->model;
    size_t b = mt_session_own_rows(s), x, t;
    mt_status status = count_batch(s, &x, &t, err);

    if (status != MT_OK)
        return status;
    s->x = mt_arena_calloc(&s->arena, x, sizeof *s->x);
    s->t = mt_arena_calloc(&s->arena, t, sizeof *s->t);
    s->order = mt_arena_calloc(&s->arena, mt_session_order_size(s) + 1,
                               sizeof *s->order);
    s->evaluated = mt_arena_calloc(&s->arena, b, 2 * sizeof *s->evaluated);
    s->partial = mt_arena_calloc(&s->arena, m->store.flat / MT_SPAN + 1,
                                 sizeof *s->partial);
    bool sums = s->settings.accumulate > 1 && m->store.grads;

    if (sums)
        s->grad_sum =
            mt_arena_calloc(&s->arena, m->store.flat, sizeof *s->grad_sum);
    s->workspace = mt_pages_alloc(s->workspace_bytes);
    if (!s->x || !s->t || !s->order || !s->evaluated || !s->partial ||
        !s->workspace || (sums && !s->grad_sum))
        return mt_fail_memory(err);
    if (!mt_part_has_reader(&s->data->train) &&
        !mt_part_has_reader(&s->data->val) &&
        !mt_part_has_reader(&s->data->test))
        return MT_OK;
    return mt_ahead_new(s, x, t, b, &s->ahead, err);
}

size_t mt_session_spans(const struct mt_session *s)
{
    return (s->model->store.flat + MT_SPAN - 1) / MT_SPAN;
}

/* Assigns each process its parts of a batch and its pieces of the parameters.
 */
static mt_status share_out(struct mt_session *s, struct mt_err *err)
{
    size_t size = s->ranks, rank = mt_comm_rank(s->comm);
    const struct mt_store *store = &s->model->store;

    s->parts = mt_reduce_parts(s->settings.shards, size, rank);
    s->stripes = mt_stripes(store, size);
    s->pieces = mt_pieces(store, size, rank, &s->arena);
    s->pieces_at = mt_pieces_at(store, size, 1, sizeof(float), &s->arena);
    s->partial_at =
        mt_pieces_at(store, size, MT_SPAN, sizeof *s->partial, &s->arena);
    return s->pieces && s->pieces_at && s->partial_at ? MT_OK
                                                      : mt_fail_memory(err);
}

mt_status mt_session_plan(struct mt_session *s, struct mt_err *err)
{
    size_t x, t;
    mt_status status;

    if (s->planned)
        return MT_OK;
    if ((status = share_out(s, err)) != MT_OK ||
        (status = count_batch(s, &x, &t, err)) != MT_OK ||
        (status = mt_totals_check(s, err)) != MT_OK ||
        (status = record(s, err)) != MT_OK)
        return status;
    if (!s->model->store.values)
        s->fit = mt_session_find_fit(s);
    s->planned = true;
    return MT_OK;
}

const struct mt_fit *mt_session_fit(const struct mt_session *s)
{
    return &s->fit;
}

mt_status mt_session_prepare(struct mt_session *s, struct mt_err *err)
{
    mt_status status;

    if (s->workspace)
        return MT_OK;
    if ((status = mt_session_plan(s, err)) != MT_OK ||
        (status = mt_start_compare(s, err)) != MT_OK ||
        (status = take_buffers(s, err)) != MT_OK ||
        (status = mt_kept_prepare(s, err)) != MT_OK ||
        (status = mt_totals_prepare(s, err)) != MT_OK ||
        (status = mt_batchrun_prepare(s, err)) != MT_OK ||
        (status = mt_epochs_reserve(&s->history, 2 * s->history.n, err)) !=
            MT_OK)
        return status;
    mt_programs_bind(&s->train, s->workspace);
    mt_programs_bind(&s->eval, s->workspace);
    if ((status = mt_batchrun_overlap(s, err)) != MT_OK)
        return status;
    s->weigh_targets =
        mt_loss_may_skip(&s->model->loss, s->data->label_min,
                         s->data->label_max) ||
        (s->settings.shards > 1 && mt_loss_weighs_classes(&s->model->loss));
    mt_optimizer_own(s->optimizer, s->pieces, s->stripes);
    mt_ranks_release(s);
    mt_optimizer_take_from(s->optimizer, s->taken);
    mt_optimizer_restart(s->optimizer); /* has_grad is known now */
    return MT_OK;
}
