#include "train/monitor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "train/bundle.h"
#include "train/kept.h"
#include "train/session_internal.h"
#include "train/statename.h"

/* --- reading ------------------------------------------------------------ */

static const char *const parts[] = { "train_", "val_" };

/* The metric of a name: what follows "train_" or "val_". */
static const char *split(const char *name, bool *val)
{
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(parts[i]);

        if (strncmp(name, parts[i], n) == 0) {
            *val = i == 1;
            return name + n;
        }
    }
    return NULL;
}

static mt_status fail_unknown(const struct mt_session *s, const struct mt_item *item,
                              const char *name, struct mt_err *err)
{
    struct mt_nearest search = mt_nearest_to(name);
    char candidate[64], best[sizeof candidate];

    for (int i = 0; i < 2; i++) {
        const char *of = "loss";

        for (size_t m = 0; of; m++) {
            snprintf(candidate, sizeof candidate, "%s%s", parts[i], of);
            if (mt_nearest_try(&search, candidate))
                search.best = memcpy(best, candidate, sizeof best);
            of = mt_metric_at(m) ? mt_metric_at(m)->name : NULL;
        }
    }
    const char *near = search.best;

    return mt_json_fail(s->doc, item, err, "unknown value %s; %s%s%s",
                        mt_json_quoted(name).text,
                        near ? "did you mean \""
                             : "expected train_loss, "
                               "val_loss, or train_ or "
                               "val_ and the name of a ",
                        near ? near : "metric", near ? "\"?" : "");
}

static bool find_metric(const struct mt_session *s, const char *name,
                        struct mt_monitor *out)
{
    for (size_t i = 0; i < s->n_metrics; i++) {
        if (strcmp(s->metrics[i]->name, name) == 0) {
            out->metric = i;
            out->larger_better = s->metrics[i]->larger_better;
            return true;
        }
    }
    return false;
}

/* item: the spec's item that names the value, for messages. */
static mt_status read(const struct mt_session *s, const char *name,
                      const struct mt_item *item, struct mt_monitor *out,
                      struct mt_err *err)
{
    struct mt_monitor m = { .name = name, .metric = MT_MONITOR_LOSS };
    const char *metric = split(name, &m.val);

    if (!metric || (strcmp(metric, "loss") != 0 && !mt_metric_find(metric)))
        return fail_unknown(s, item, name, err);
    if (strcmp(metric, "loss") != 0 && !find_metric(s, metric, &m))
        return mt_json_fail(s->doc, item, err,
                            "%s needs \"%s\" in train.metrics", name, metric);
    if (!m.val && m.metric != MT_MONITOR_LOSS && s->metrics[m.metric]->whole)
        return mt_json_fail(s->doc, item, err,
                            "%s is of evaluations only: watch val_%s", metric,
                            metric);
    if (m.val && !mt_session_samples(s, MT_SPLIT_VAL))
        return mt_json_fail(s->doc, item, err,
                            "%s needs validation data: give data.val or "
                            "data.val_split, or watch train_%s",
                            name, metric);
    *out = m;
    return MT_OK;
}

static const struct mt_item *member(const struct mt_item *object, const char *key)
{
    const struct mt_item *item = mt_json_get(object, key);

    return item ? item : object;
}

static mt_status read_plateau(struct mt_session *s, const struct mt_item *object,
                              struct mt_err *err)
{
    if (!s->scheduler->monitor)
        return MT_OK;
    if (s->scheduler->per_step)
        return mt_json_fail(s->doc, mt_json_get(object, "interval"), err,
                            "%s watches a value that there is after each "
                            "epoch; expected \"epoch\", got \"step\"",
                            s->scheduler->type->name);
    return read(s, s->scheduler->monitor, member(object, "monitor"),
                &s->plateau, err);
}

static struct mt_monitor judge(const struct mt_session *s)
{
    bool val = mt_session_samples(s, MT_SPLIT_VAL) > 0;

    if (s->stopping.monitor.name)
        return s->stopping.monitor;
    if (s->best.monitor.name)
        return s->best.monitor;
    return (struct mt_monitor){ .name = val ? "val_loss" : "train_loss",
                                .val = val, .metric = MT_MONITOR_LOSS };
}

mt_status mt_monitors_read(struct mt_session *s, struct mt_err *err)
{
    const struct mt_item *root = mt_json_root(s->doc);
    const struct mt_item *train = mt_json_get(root, "train");
    const struct mt_checkpoint_settings *c = &s->settings.checkpoint;
    const struct mt_stopping_settings *e = &s->settings.early_stopping;
    mt_status status;

    s->best.best = s->stopping.best = NAN;
    if (c->best &&
        (status = read(s, c->best,
                       mt_json_get(mt_json_get(train, "checkpoint"), "best"),
                       &s->best.monitor, err)) != MT_OK)
        return status;
    if (e->object && (status = read(s, e->monitor, member(e->object, "monitor"),
                                    &s->stopping.monitor, err)) != MT_OK)
        return status;
    s->judge = judge(s);
    if (e->restore_best)
        s->kept.watch.monitor = s->stopping.monitor;
    s->kept.watch.best = NAN;
    return read_plateau(s, mt_json_get(root, "scheduler"), err);
}

/* --- watching ----------------------------------------------------------- */

/* False if there is no monitor, or the epoch has no such value. */
static bool value_of(const struct mt_monitor *m, const struct mt_epoch *epoch,
                     double *out)
{
    const struct mt_scores *scores = m->val ? &epoch->val : &epoch->train;

    if (!m->name || scores->samples == 0 || (m->val && epoch->unscheduled))
        return false;
    *out =
        m->metric == MT_MONITOR_LOSS ? scores->loss : scores->metric[m->metric];
    return true;
}

/* A NaN is never an improvement. */
static bool is_better(const struct mt_watch *w, double value, double min_delta)
{
    if (isnan(value) || isnan(w->best))
        return !isnan(value);
    return w->monitor.larger_better ? value > w->best + min_delta
                                    : value < w->best - min_delta;
}

bool mt_watch_see(struct mt_watch *w, const struct mt_epoch *epoch,
                  double min_delta)
{
    double value;

    if (!value_of(&w->monitor, epoch, &value))
        return false;
    if (!is_better(w, value, min_delta)) {
        w->bad++;
        return false;
    }
    w->best = value;
    w->bad = 0;
    return true;
}

struct mt_observed mt_monitors_observe(struct mt_session *s,
                                       const struct mt_epoch *epoch)
{
    double value;

    if (value_of(&s->plateau, epoch, &value))
        mt_scheduler_observe(s->scheduler, value);
    mt_watch_see(&s->stopping, epoch, s->settings.early_stopping.min_delta);
    return (struct mt_observed){
        .best = mt_watch_see(&s->best, epoch, 0),
        .kept = mt_watch_see(&s->kept.watch, epoch, 0),
    };
}

struct mt_best mt_session_best(const struct mt_session *s)
{
    struct mt_watch w = { .monitor = s->judge, .best = NAN };
    struct mt_best best = { 0 };

    for (size_t i = 0; i < s->history.n; i++) {
        struct mt_epoch epoch = mt_epochs_at(&s->history, i);

        if (mt_watch_see(&w, &epoch, 0))
            best = (struct mt_best){ epoch.epoch, epoch.step, w.best };
    }
    return best;
}

uint64_t mt_session_last_step(const struct mt_session *s)
{
    return s->ended.step ? s->ended.step : s->at.step;
}

uint64_t mt_session_bad(const struct mt_session *s)
{
    return s->ended.step ? s->ended.bad : s->stopping.bad;
}

bool mt_session_stopped_early(const struct mt_session *s)
{
    return mt_session_bad(s) > 0 &&
           mt_session_bad(s) >= s->settings.early_stopping.patience;
}

bool mt_session_stopped_by_nan(const struct mt_session *s)
{
    double value;

    return mt_session_stopped_early(s) && s->history.n &&
           value_of(&s->stopping.monitor, &s->history.last, &value) &&
           isnan(value);
}

bool mt_session_finished(const struct mt_session *s)
{
    return mt_session_last_step(s) >= s->total_steps ||
           mt_session_stopped_early(s);
}

/* --- state -------------------------------------------------------------- */

void mt_monitors_save(const struct mt_session *s, const struct mt_kept *of,
                      struct mt_bundle *out)
{
    const struct mt_watch *w = mt_kept_of(of, &s->stopping);

    if (!w->monitor.name || s->at.epoch == 0)
        return;
    mt_bundle_text(out, MT_NAME_STOPPING "monitor", w->monitor.name);
    mt_bundle_f64(out, MT_NAME_STOPPING "best", w->best);
    mt_bundle_i64(out, MT_NAME_STOPPING "bad", (int64_t)w->bad);
    if (of)
        return;
    if (s->kept.there)
        mt_bundle_i64(out, MT_NAME_STOPPING "best_epoch",
                      (int64_t)s->kept.epoch);
    if (s->ended.step) {
        mt_bundle_i64(out, MT_NAME_STOPPING "end_step", (int64_t)s->ended.step);
        mt_bundle_i64(out, MT_NAME_STOPPING "end_epoch",
                      (int64_t)s->ended.epoch);
        mt_bundle_i64(out, MT_NAME_STOPPING "end_bad", (int64_t)s->ended.bad);
    }
}

/* Is early stopping's monitor the saved one? */
static mt_status compare_monitor(struct mt_session *s,
                                 const struct mt_bundle *from, bool *same,
                                 struct mt_err *err)
{
    const char *name, *now = s->stopping.monitor.name;
    mt_status status = mt_bundle_get_text(from, MT_NAME_STOPPING "monitor",
                                          &s->arena, &name, err);

    *same = status == MT_OK && name && now && strcmp(name, now) == 0;
    return status;
}

static mt_status restore_stopping(struct mt_session *s,
                                  const struct mt_bundle *from,
                                  struct mt_err *err)
{
    const struct mt_array *best = mt_bundle_find(from, MT_NAME_STOPPING "best");
    int64_t bad = mt_bundle_get_i64(from, MT_NAME_STOPPING "bad", -1);

    if (!best || best->dtype != MT_F64 || best->shape.rank != 0)
        return mt_fail(err, MT_INVALID,
                       MT_NAME_STOPPING "best is missing or no float64 number");
    if (bad < 0)
        return mt_fail(err, MT_INVALID,
                       MT_NAME_STOPPING "bad is missing or out of range");
    s->stopping.best = *(const double *)best->data;
    s->stopping.bad = (uint64_t)bad;
    return MT_OK;
}

static mt_status restore_ending(struct mt_session *s,
                                const struct mt_bundle *from, bool same_monitor,
                                struct mt_err *err)
{
    int64_t step = mt_bundle_get_i64(from, MT_NAME_STOPPING "end_step", -1);
    int64_t epoch = mt_bundle_get_i64(from, MT_NAME_STOPPING "end_epoch", -1);
    int64_t bad = mt_bundle_get_i64(from, MT_NAME_STOPPING "end_bad", -1);

    if (!s->kept.watch.monitor.name ||
        !mt_bundle_find(from, MT_NAME_STOPPING "end_step"))
        return MT_OK;
    if (step < 0 || (uint64_t)step <= s->at.step || step > UINT32_MAX ||
        epoch < 0 || (uint64_t)epoch < s->at.epoch || bad < 0)
        return mt_fail(err, MT_INVALID,
                       "the end of the run (step %lld, epoch %lld, %lld "
                       "evaluations without improvement) is not after its best "
                       "epoch, or out of range", (long long)step,
                       (long long)epoch, (long long)bad);
    s->ended = (struct mt_ending){ (uint64_t)step, (uint64_t)epoch,
                                   same_monitor ? (uint64_t)bad : 0 };
    return MT_OK;
}

/* Training continues: an uninterrupted run would not have evaluated this
 * epoch. */
static void forget_unscheduled(struct mt_session *s)
{
    struct mt_epoch last = s->history.last;

    if (!s->history.n || !last.unscheduled)
        return;
    last.val = (struct mt_scores){ 0 };
    last.unscheduled = false;
    mt_epochs_replace_last(&s->history, &last);
}

/* Training continues: undoes what the end of the run did. */
static void go_on(struct mt_session *s)
{
    forget_unscheduled(s);
    s->ended = (struct mt_ending){ 0 };
}

mt_status mt_monitors_restore(struct mt_session *s,
                              const struct mt_bundle *from, struct mt_err *err)
{
    bool same;
    mt_status status = compare_monitor(s, from, &same, err);

    s->ended = (struct mt_ending){ 0 };
    s->stopping.best = s->best.best = NAN;
    s->stopping.bad = s->best.bad = 0;
    for (size_t i = 0; i < s->history.n; i++) {
        struct mt_epoch epoch = mt_epochs_at(&s->history, i);

        mt_watch_see(&s->best, &epoch, 0);
    }
    if (status == MT_OK && same)
        status = restore_stopping(s, from, err);
    if (status == MT_OK)
        status = restore_ending(s, from, same, err);
    if (status == MT_OK && !mt_session_finished(s))
        go_on(s);
    return status;
}
