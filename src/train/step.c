/* One optimizer step. */
#include <math.h>
#include <string.h>

#include "graph/spans.h"
#include "kernels/dispatch.h"
#include "kernels/dmath.h"
#include "train/batch.h"
#include "train/ema.h"
#include "train/kept.h"
#include "train/monitor.h"
#include "train/range.h"
#include "train/totals.h"

/* --- when something is not finite --------------------------------------- */

static mt_status fail_non_finite(const struct mt_session *s,
                                 const struct mt_program *p, float loss,
                                 uint32_t stream, struct mt_err *err)
{
    struct mt_turn turn = { .step = stream };
    const struct mt_node *node =
        mt_graph_find_non_finite(p->graph, s->team, &turn);

    return mt_fail(err, MT_NON_FINITE,
                   "step %llu: the loss is %s; the first output that is not "
                   "finite is that of %s%s%s",
                   (unsigned long long)s->at.step + 1,
                   isnan(loss) ? "nan" : loss > 0 ? "inf" : "-inf",
                   node && *node->layer ? "layer \"" : "",
                   !node ? "no layer" : *node->layer ? node->layer : "the loss",
                   node && *node->layer ? "\"" : "");
}

static mt_status fail_gradient(const struct mt_session *s, struct mt_err *err)
{
    const struct mt_store *store = &s->model->store;
    const char *name = "a parameter";

    for (size_t i = 0; i < store->n; i++) {
        const struct mt_tensor *t = store->tensors[i];

        if (t->requires_grad &&
            !mt_kernels()->all_finite(t->grad, t->count)) {
            name = t->name;
            break;
        }
    }
    return mt_fail(err, MT_NON_FINITE,
                   "step %llu: the gradient of %s is not finite",
                   (unsigned long long)s->at.step + 1, name);
}

/* --- gradients ---------------------------------------------------------- */

struct norm_job {
    const float *grads;
    double *partial;
};

static void norm_span(const void *ctx, size_t at, size_t n)
{
    const struct norm_job *job = ctx;

    job->partial[at / MT_SPAN] = mt_kernels()->sum_squares(job->grads + at, n);
}

/* The 2-norm over all gradients. */
static double gradient_norm(const struct mt_session *s)
{
    const struct mt_store *store = &s->model->store;
    struct norm_job job = { store->grads, s->partial };
    double sum = 0;

    mt_spans(s->team, store->flat, norm_span, &job);
    for (size_t i = 0; i < (store->flat + MT_SPAN - 1) / MT_SPAN; i++)
        sum += s->partial[i];
    return mt_dsqrt(sum);
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

/* clip_grad_norm_: scales by max_norm / (norm + 1e-6) where that is below 1;
 * clip_grad_value_: clamps. Returns the norm before, if it was needed. */
static double clip(struct mt_session *s, bool want_norm)
{
    const struct mt_settings *t = &s->settings;
    struct scale_job job = { .grads = s->model->store.grads };
    bool by_norm = !isnan(t->clip_grad_norm);
    double norm = want_norm || by_norm ? gradient_norm(s) : NAN;

    if (by_norm) {
        double factor = t->clip_grad_norm / (norm + 1e-6);

        job.factor = (float)factor;
        if (factor < 1)
            mt_spans(s->team, s->model->store.flat, scale_span, &job);
    }
    if (!isnan(t->clip_grad_value)) {
        job.limit = (float)t->clip_grad_value;
        mt_spans(s->team, s->model->store.flat, clamp_span, &job);
    }
    return norm;
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

/* Adds this batch's gradients to those of the step's batches before. */
static void accumulate(struct mt_session *s, bool first)
{
    const struct mt_store *store = &s->model->store;
    struct sum_job job = { s->grad_sum, store->grads };

    if (first)
        memcpy(s->grad_sum, store->grads, store->flat * sizeof(float));
    else
        mt_spans(s->team, store->flat, sum_span, &job);
}

/* --- the step ----------------------------------------------------------- */

void mt_session_schedule(struct mt_session *s)
{
    uint64_t t = s->scheduler->per_step ? s->at.step : s->at.epoch;

    for (size_t i = 0; i < s->optimizer->n_groups; i++)
        s->now[i] = mt_scheduler_at(s->scheduler, t,
                                    mt_optimizer_base(s->optimizer, i));
}

/* Is there no target that the mean over the batch would count? The loss would
 * be 0 / 0. */
static bool is_idle(const struct mt_session *s, const struct mt_program *p)
{
    const struct mt_loss *loss = &s->model->loss;
    size_t rows = mt_shape_elements(&p->t->shape);

    return s->may_idle &&
           mt_loss_weight(loss, (const int32_t *)s->t, rows, p->batch) == 0;
}

/* Forward and backward of the batch at the position; adds its loss. *idle: it
 * has nothing to add. */
static mt_status run_batch(struct mt_session *s, size_t share, double *loss,
                           bool *idle, struct mt_err *err)
{
    struct mt_rows rows = mt_session_batch(s, (size_t)s->at.batch);
    struct mt_rows next = mt_session_batch(s, (size_t)s->at.batch + 1);
    struct mt_program *p =
        rows.n == s->batching.batch_size ? &s->train_full : &s->train_last;
    uint32_t stream = (uint32_t)(s->at.epoch * s->batches + s->at.batch);
    mt_status status;

    if ((status = mt_session_gather(s, p, &rows, &next, err)) != MT_OK)
        return status;
    *idle = is_idle(s, p);
    if (*idle)
        return MT_OK;
    *(float *)p->one->data = 1 / (float)share;
    mt_graph_run(p->graph, s->team, stream);
    if ((status = mt_range_check_outputs(s, p, &rows, err)) != MT_OK)
        return status;

    float value = *(const float *)p->loss->data;

    if (!isfinite(value))
        return fail_non_finite(s, p, value, stream, err);
    *loss += (double)value / (double)share;
    mt_totals_add(s, s->epoch_totals, p, s->t, (double)p->batch);
    return MT_OK;
}

/* The last epoch of a run is evaluated in any case. What watches values does
 * not see that: a run with a larger total would not have evaluated it. */
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
    const struct mt_store *store = &s->model->store;

    if (summed)
        memcpy(store->grads, s->grad_sum, store->flat * sizeof(float));
    info->grad_norm = clip(s, want_norm);
    return mt_optimizer_step(s->optimizer, s->now, s->team)
               ? MT_OK
               : fail_gradient(s, err);
}

/* No batch adds anything: as a parameter without a gradient, all stay as they
 * are, without decay and momentum. */
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
    for (size_t i = 0; i < count; i++) {
        bool idle;

        status = run_batch(s, count, &info->loss, &idle, err);
        if (status != MT_OK)
            return status;
        if (!idle && count > 1)
            accumulate(s, added == 0);
        added += !idle;
        s->at.batch++;
    }
    info->idle_batches = count - added;
    mt_session_schedule(s);
    info->lr = s->now[s->optimizer->n_groups - 1].lr;
    if (s->ema)
        mt_ema_begin(s->ema);
    status =
        added ? update(s, count > 1, want_norm, info, err) : idle_step(info);
    if (status != MT_OK)
        return status;
    if (s->ema)
        mt_ema_update(s->ema, s->team);
    s->at.step++;
    info->epoch_ended = s->at.batch == s->batches;
    return info->epoch_ended ? end_epoch(s, info, err) : MT_OK;
}
