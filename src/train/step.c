/* One optimizer step. */
#include <math.h>
#include <string.h>

#include "graph/spans.h"
#include "kernels/dispatch.h"
#include "kernels/dmath.h"
#include "train/batch.h"
#include "train/batchrun.h"
#include "train/ema.h"
#include "train/kept.h"
#include "train/monitor.h"
#include "train/totals.h"

static mt_status fail_gradient(const struct mt_session *s, struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    const char *name = "a parameter";

    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if (t->requires_grad && t->has_grad &&
            !mt_optimizer_saw_finite(s->optimizer, i)) {
            name = t->name;
            break;
        }
    }
    return mt_fail(err, MT_NON_FINITE,
                   "step %llu: the gradient of %s is not finite",
                   (unsigned long long)s->at.step + 1, name);
}

/* --- gradients ---------------------------------------------------------- */

/* This process's pieces of a block: run(ctx, at, n) for their spans, at being
 * that in the block. */
struct own_job {
    mt_span_run *run;
    const void *ctx;
    size_t first; /* of the piece */
};

static void own_span(const void *ctx, size_t at, size_t n)
{
    const struct own_job *job = ctx;

    job->run(job->ctx, job->first + at, n);
}

static void own_spans(const struct mt_session *s, mt_span_run *run,
                      const void *ctx)
{
    struct own_job job = { .run = run, .ctx = ctx };

    for (size_t k = 0; k < s->stripes; k++) {
        job.first = s->pieces[k].first;
        mt_spans(s->team, s->pieces[k].end - job.first, own_span, &job);
    }
}

static void copy_own(const struct mt_session *s, float *to, const float *from)
{
    for (size_t k = 0; k < s->stripes; k++) {
        struct mt_range piece = s->pieces[k];

        memcpy(to + piece.first, from + piece.first,
               (piece.end - piece.first) * sizeof *to);
    }
}

struct norm_job {
    const float *grads;
    double *partial;
};

static void norm_span(const void *ctx, size_t at, size_t n)
{
    const struct norm_job *job = ctx;

    job->partial[at / MT_SPAN] = mt_kernels()->sum_squares(job->grads + at, n);
}

/* The 2-norm of all gradients, over the pieces of all processes. */
static mt_status gradient_norm(const struct mt_session *s, double *norm,
                               struct mt_err *err)
{
    struct norm_job job = { s->model->store.grads, s->partial };
    double sum = 0;

    own_spans(s, norm_span, &job);
    mt_status status =
        mt_comm_gather(s->comm, s->partial, s->partial_at, s->stripes, err);

    for (size_t i = 0; i < mt_session_spans(s); i++)
        sum += s->partial[i];
    *norm = mt_dsqrt(sum);
    return status;
}

struct scale_job {
    float *grads;
    float factor, limit;
};

static void scale_span(const void *ctx, size_t at, size_t n)
{
    const struct scale_job *job = ctx;

    mt_kernels()->scale(job->grads + at, job->grads + at, n, job->factor);
}

static void clamp_span(const void *ctx, size_t at, size_t n)
{
    const struct scale_job *job = ctx;

    mt_kernels()->clamp(job->grads + at, job->grads + at, n, -job->limit,
                        job->limit);
}

/* clip_grad_norm_: scales by max_norm / (norm + 1e-6) if that is below 1;
 * clip_grad_value_: clamps. *norm: the norm before that, NAN if not needed. */
static mt_status clip(struct mt_session *s, bool want_norm, double *norm,
                      struct mt_err *err)
{
    const struct mt_settings *t = &s->settings;
    struct scale_job job = { .grads = s->model->store.grads };
    bool by_norm = !isnan(t->clip_grad_norm);
    mt_status status = MT_OK;

    *norm = (double)NAN;
    if (want_norm || by_norm)
        status = gradient_norm(s, norm, err);
    if (by_norm) {
        double factor = t->clip_grad_norm / (*norm + 1e-6);

        job.factor = (float)factor;
        if (factor < 1)
            own_spans(s, scale_span, &job);
    }
    if (!isnan(t->clip_grad_value)) {
        job.limit = (float)t->clip_grad_value;
        own_spans(s, clamp_span, &job);
    }
    return status;
}

struct sum_job {
    float *sum;
    const float *grads;
};

static void sum_span(const void *ctx, size_t at, size_t n)
{
    const struct sum_job *job = ctx;

    mt_kernels()->add(job->sum + at, job->sum + at, job->grads + at, n);
}

/* Adds this batch's gradients to those of the step's earlier batches. */
static void accumulate(struct mt_session *s, bool first)
{
    struct sum_job job = { s->grad_sum, s->model->store.grads };

    if (first)
        copy_own(s, job.sum, job.grads);
    else
        own_spans(s, sum_span, &job);
}

/* --- the step ----------------------------------------------------------- */

void mt_session_schedule(struct mt_session *s)
{
    uint64_t t = s->scheduler->per_step ? s->at.step : s->at.epoch;

    for (size_t i = 0; i < s->optimizer->n_groups; i++)
        s->now[i] = mt_scheduler_at(s->scheduler, t,
                                    mt_optimizer_base(s->optimizer, i));
}

/* The last epoch of a run is always evaluated. If it is only because the run
 * ends, monitors do not see it: a longer run would not have evaluated it. */
static mt_status evaluate_last(struct mt_session *s, struct mt_epoch *epoch,
                               struct mt_err *err)
{
    if (!mt_session_finished(s) || epoch->val.samples)
        return MT_OK;
    mt_status status = mt_session_evaluate(s, &epoch->val, err);

    epoch->unscheduled = epoch->val.samples > 0;
    return status;
}

static mt_status end_epoch(struct mt_session *s, struct mt_step_info *info,
                           struct mt_err *err)
{
    struct mt_epoch epoch = { .epoch = s->at.epoch + 1, .step = s->at.step,
                              .lr = info->lr };
    mt_status status;

    mt_totals_scores(s, s->epoch_totals, &epoch.train);
    if (!epoch.train.samples)
        return mt_fail(err, MT_NO_EFFECT,
                       "epoch %llu: no target counts for "
                       "the loss: each is its ignore_index, or of a class of "
                       "weight 0",
                       (unsigned long long)epoch.epoch);
    if (epoch.epoch % s->settings.eval_every == 0 &&
        (status = mt_session_evaluate(s, &epoch.val, err)) != MT_OK)
        return status;
    s->at.epoch++;
    s->at.batch = 0;
    mt_totals_clear(s, s->epoch_totals);
    struct mt_observed observed = mt_monitors_observe(s, &epoch);

    info->improved = observed.best;
    if ((status = evaluate_last(s, &epoch, err)) != MT_OK)
        return status;
    if ((status = mt_epochs_add(&s->history, &epoch, err)) != MT_OK)
        return status;
    if (observed.kept)
        mt_kept_take(s);
    return MT_OK;
}

/* summed: the gradients are those of several batches. */
static mt_status update(struct mt_session *s, bool summed, bool want_norm,
                        struct mt_step_info *info, struct mt_err *err)
{
    mt_status status;

    if (summed)
        copy_own(s, s->model->store.grads, s->grad_sum);
    if ((status = clip(s, want_norm, &info->grad_norm, err)) != MT_OK)
        return status;
    if (s->taking ? !mt_optimizer_end(s->optimizer, s->team)
                  : !mt_optimizer_step(s->optimizer, s->now, s->team))
        return fail_gradient(s, err);
    return mt_comm_gather(s->comm, s->model->store.values, s->pieces_at,
                          s->stripes, err);
}

/* No batch has a gradient: parameters stay as they are, without decay and
 * momentum, as torch's do if their gradient is None. */
static mt_status idle_step(struct mt_step_info *info)
{
    info->loss = info->grad_norm = (double)NAN;
    info->idle = true;
    return MT_OK;
}

mt_status mt_session_step(struct mt_session *s, bool want_norm,
                          struct mt_step_info *info, struct mt_err *err)
{
    size_t left = s->batches - (size_t)s->at.batch;
    size_t count = left < s->settings.accumulate ? left
                                                 : s->settings.accumulate;
    size_t added = 0;
    mt_status status;

    if ((status = mt_session_prepare(s, err)) != MT_OK)
        return status;
    mt_session_order(s);
    *info = (struct mt_step_info){ 0 };
    uint64_t sent = s->comm ? s->comm->sent : 0;

    mt_session_schedule(s);
    info->lr = s->now[s->optimizer->n_groups - 1].lr;
    if (s->ema)
        mt_ema_begin(s->ema);
    s->taking = s->taken && !want_norm;
    if (s->taking)
        mt_optimizer_begin(s->optimizer, s->now);
    for (size_t i = 0; i < count; i++) {
        bool idle;

        status = mt_batchrun(s, count, &info->loss, &info->wishes, &idle, err);
        if (status != MT_OK)
            return status;
        if (!idle && count > 1)
            accumulate(s, added == 0);
        added += !idle;
        s->at.batch++;
    }
    info->idle_batches = count - added;
    status =
        added ? update(s, count > 1, want_norm, info, err) : idle_step(info);
    if (status != MT_OK)
        return status;
    info->sent = s->comm ? s->comm->sent - sent : 0;
    if (s->ema)
        mt_ema_update(s->ema, s->team);
    s->at.step++;
    info->epoch_ended = s->at.batch == s->batches;
    return info->epoch_ended ? end_epoch(s, info, err) : MT_OK;
}
