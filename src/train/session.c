/* Access to the parts of a session. */
#include "train/session_internal.h"

#include <assert.h>
#include <math.h>

#include "train/ema.h"

const struct mt_json *mt_session_doc(const struct mt_session *s)
{
    return s->doc;
}

struct mt_team *mt_session_team(const struct mt_session *s)
{
    return s->team;
}

const struct mt_settings *mt_session_settings(const struct mt_session *s)
{
    return &s->settings;
}

struct mt_model *mt_session_model(const struct mt_session *s)
{
    return s->model;
}

struct mt_optimizer *mt_session_optimizer(const struct mt_session *s)
{
    return s->optimizer;
}

struct mt_dataset *mt_session_data(const struct mt_session *s)
{
    return s->data;
}

size_t mt_session_n_metrics(const struct mt_session *s)
{
    return s->n_metrics;
}

const struct mt_metric *mt_session_metric(const struct mt_session *s, size_t i)
{
    return s->metrics[i];
}

void mt_session_add_metric(struct mt_session *s, const struct mt_metric *m)
{
    assert(!s->eval_totals);
    for (size_t i = 0; i < s->n_metrics; i++) {
        if (s->metrics[i] == m)
            return;
    }
    if (mt_metric_suits(m, &s->model->loss) && s->n_metrics < MT_MAX_METRICS)
        s->metrics[s->n_metrics++] = m;
}

const struct mt_watch *mt_session_stopping(const struct mt_session *s)
{
    return &s->stopping;
}

const struct mt_watch *mt_session_saved_best(const struct mt_session *s)
{
    return &s->best;
}

const struct mt_monitor *mt_session_judge(const struct mt_session *s)
{
    return &s->judge;
}

const struct mt_scheduled *mt_session_scheduled(const struct mt_session *s)
{
    return s->now;
}

struct mt_position mt_session_at(const struct mt_session *s)
{
    return s->at;
}

uint64_t mt_session_total_steps(const struct mt_session *s)
{
    return s->total_steps;
}

uint64_t mt_session_steps_per_epoch(const struct mt_session *s)
{
    return s->steps_per_epoch;
}

size_t mt_session_batch_size(const struct mt_session *s)
{
    return s->batching.batch_size;
}

uint64_t mt_session_samples_done(const struct mt_session *s)
{
    uint64_t done = s->at.batch * s->batching.batch_size;
    uint64_t n = s->batching.drop_last ? s->batches * s->batching.batch_size
                                       : mt_session_samples(s, MT_SPLIT_TRAIN);

    return s->at.epoch * n + (done < n ? done : n);
}

const struct mt_refit *mt_session_refit(const struct mt_session *s)
{
    return &s->refit;
}

bool mt_session_restored(const struct mt_session *s)
{
    return s->ended.step > 0;
}

bool mt_session_keeps_best(const struct mt_session *s)
{
    return s->kept.there;
}

size_t mt_session_samples(const struct mt_session *s, enum mt_split split)
{
    return s->data->subset[split].n;
}

enum mt_split mt_session_split(const struct mt_session *s)
{
    return s->split;
}

const struct mt_subset *mt_session_evaluated(const struct mt_session *s)
{
    return &s->data->subset[s->split];
}

void mt_session_wish(struct mt_session *s, unsigned bits)
{
    s->wish |= bits;
}

const struct mt_epoch *mt_session_last_epoch(const struct mt_session *s)
{
    return s->history.n ? &s->history.last : NULL;
}

size_t mt_session_own_rows(const struct mt_session *s)
{
    return mt_cut_most(s->batching.batch_size, s->settings.shards,
                       s->parts.end - s->parts.first);
}

size_t mt_session_ema_bytes(const struct mt_session *s)
{
    return isnan(s->settings.ema.decay) ? 0 : mt_ema_bytes(&s->model->store);
}
