#include "cmd/training.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/details.h"
#include "cmd/eventlog.h"
#include "cmd/events.h"
#include "cmd/progress.h"
#include "cmd/remarks.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/summary.h"
#include "cmd/terminal.h"
#include "cmd/warn.h"
#include "train/audit.h"
#include "train/monitor.h"
#include "train/outputs.h"
#include "train/state.h"

/* --- one run ------------------------------------------------------------ */

struct run {
    const struct mt_training *t;
    struct mt_session *s;
    struct mt_events events;
    struct mt_progress progress;
    struct mt_err err;
    struct mt_remarks remarks;
    struct mt_ckpt_info info;  /* of the last save */
    uint64_t saved_step;
    bool saved, save_failed, best_failed;
    double started, tried;     /* when the run and the last save began */
    double saving;             /* seconds spent on saves */
    uint64_t first_step, first_sample, samples;
    struct mt_run_end end;
    uint64_t sent; /* in the last step, to other processes */
    int stop; /* the signal by which all of them stop, or 0 */
    size_t log_every; /* steps between step events; 0: none, or not of this
                         process */
};

/* What one process asks of all: to save, or to stop by one of these signals. */
enum { SAVE = 1, STOP = 2 };
static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR2 };
enum { STOPS = sizeof stops / sizeof *stops };

/* Is this not the first of several processes, which alone writes files? */
static bool follows(const struct mt_training *t)
{
    return mt_comm_rank(t->call->comm) > 0;
}

/* Has a warning ended the run, by --strict? */
static bool refused(const struct run *r)
{
    return mt_remarks_refuse(&r->remarks);
}

static mt_status write_to(struct run *r, const char *path,
                          struct mt_ckpt_info *info, struct mt_err *err)
{
    double start = mt_seconds();
    mt_status status = mt_session_save(r->s, path, info, err);

    r->saving += mt_seconds() - start;
    if (status != MT_OK)
        return status;
    mt_event_save(&r->events, path, mt_session_at(r->s).step, info);
    mt_report_detail(r->t->call, "%s: saved at step %llu: %llu bytes", path,
                     (unsigned long long)mt_session_at(r->s).step,
                     (unsigned long long)info->bytes);
    return MT_OK;
}

static bool in_place(const struct mt_training *t)
{
    return t->from && strcmp(t->from, t->out) == 0;
}

/* How many earlier checkpoints to keep: none if the last one is of another run,
 * or of this very step. */
static size_t to_keep(const struct run *r)
{
    bool own =
        r->saved ? r->saved_step != mt_session_at(r->s).step : in_place(r->t);

    return own ? mt_session_settings(r->s)->checkpoint.keep : 0;
}

static void warn_not_kept(struct run *r, const struct mt_err *err)
{
    mt_remarks_add(&r->remarks, "save", err,
                   ": the previous checkpoint is not kept");
}

/* Writes OUT; the last one of this run is kept under another name, once the new
 * one is in its place. *replaced: it is, even if the save failed. */
static mt_status replace(struct run *r, bool *replaced, struct mt_err *err)
{
    const char *out = r->t->out;
    size_t keep = to_keep(r);
    struct mt_err why = MT_ERR_INIT;
    struct mt_held held;

    if (follows(r->t)) {
        mt_status written = write_to(r, out, &r->info, err);

        *replaced = written == MT_OK;
        return written;
    }
    if (mt_output_hold(out, keep, &held, &why) != MT_OK)
        warn_not_kept(r, &why);
    mt_status status = write_to(r, out, &r->info, err);

    *replaced = status == MT_OK || mt_output_replaced(out, &held);
    if (mt_output_rotate(out, keep, &held, &why) != MT_OK)
        warn_not_kept(r, &why);
    return status;
}

/* After the first save, removes the kept checkpoints of an older run that this
 * one has overwritten. */
static void forget_others(struct run *r)
{
    struct mt_err err = MT_ERR_INIT;

    if (!mt_session_settings(r->s)->checkpoint.keep || r->saved ||
        in_place(r->t) || follows(r->t))
        return;
    if (mt_output_forget(r->t->out, &err) != MT_OK)
        mt_remarks_add(&r->remarks, "save", &err, ": it is of an older run");
}

static void save(struct run *r)
{
    struct mt_err err = MT_ERR_INIT;
    bool replaced;

    r->save_failed = replace(r, &replaced, &err) != MT_OK;
    r->tried = mt_seconds();
    if (r->save_failed)
        r->err = err;
    if (!replaced)
        return;
    forget_others(r);
    r->saved = true;
    r->saved_step = mt_session_at(r->s).step;
}

/* A failed save does not stop the training: it is reported, and tried again
 * when the next one is due, or at the end. */
static void save_and_go_on(struct run *r)
{
    save(r);
    if (r->save_failed)
        mt_remarks_add(&r->remarks, "save", &r->err,
                       ": training continues, saving will be tried again");
}

/* Before the regular save: a run that resumes from that one has seen this
 * epoch, and would not save it again. */
static void save_best(struct run *r)
{
    char *path = mt_output_best(r->t->out);
    struct mt_ckpt_info info;
    struct mt_err err = MT_ERR_INIT;

    if (!path)
        mt_fail_memory(&err);
    r->best_failed = !path || write_to(r, path, &info, &err) != MT_OK;
    if (r->best_failed) {
        mt_remarks_add(&r->remarks, "save", &err,
                       ": training continues without the best checkpoint");
        r->err = err;
    }
    free(path);
}

/* Where the spec does not say when to save: at ends of epochs, at least a
 * second apart, as each save waits for the disk. The first one is written at
 * once, unless the checkpoint that the run resumes from is there. */
static bool some_time_passed(const struct run *r)
{
    const double pause = 1;
    double last = r->tried > 0 ? r->tried
                  : in_place(r->t) ? r->started
                                   : -INFINITY;

    return mt_seconds() - last >= pause;
}

static bool save_is_due(struct run *r, const struct mt_step_info *info)
{
    const struct mt_checkpoint_settings *c =
        &mt_session_settings(r->s)->checkpoint;

    if (r->t->call->comm ? info->wishes & SAVE : mt_signal_save())
        return true;
    if (c->every_steps != MT_SIZE_ABSENT &&
        mt_session_at(r->s).step % c->every_steps == 0)
        return true;
    if (!info->epoch_ended || !c->every_epochs ||
        mt_session_at(r->s).epoch % c->every_epochs != 0)
        return false;
    if (c->object)
        return true;
    bool due = some_time_passed(r);

    return mt_session_lead(r->s, &due, sizeof due, &r->err) == MT_OK && due;
}

static void report_step(struct run *r, const struct mt_step_info *info)
{
    if (r->events.log && mt_session_at(r->s).step % r->t->log_every == 0) {
        struct mt_events log = { NULL, r->events.log };

        mt_event_step(&log, r->s, info);
    }
    if (info->epoch_ended) {
        const struct mt_epoch *epoch = mt_session_last_epoch(r->s);

        mt_event_epoch(&r->events, r->s, epoch);
        mt_progress_epoch(&r->progress, r->s, epoch);
        if (epoch->unscheduled)
            mt_report(r->t->call,
                      "epoch %llu is evaluated as the last one, "
                      "though train.eval_every is %zu",
                      (unsigned long long)epoch->epoch,
                      mt_session_settings(r->s)->eval_every);
    }
    mt_progress_step(&r->progress, r->s);
    mt_remarks_step(&r->remarks, info);
}

/* Signals that this process was sent: with others, it stops and saves when all
 * of them know it, after the next step. */
static void wish(struct run *r)
{
    int stop = mt_signal_stop();

    if (!r->t->call->comm) {
        r->stop = stop;
        return;
    }
    if (mt_signal_save())
        mt_session_wish(r->s, SAVE);
    for (int i = 0; i < STOPS; i++)
        if (stop == stops[i])
            mt_session_wish(r->s, STOP << i);
}

static void take_wishes(struct run *r, const struct mt_step_info *info)
{
    for (int i = STOPS; i-- > 0;)
        if (info->wishes & (unsigned)STOP << i)
            r->stop = stops[i];
}

static mt_status step(struct run *r, struct mt_step_info *info)
{
    bool log_it =
        r->log_every && (mt_session_at(r->s).step + 1) % r->log_every == 0;

    return mt_session_step(r->s, log_it, info, &r->err);
}

/* The first step, with the audit around it. */
static mt_status audited_step(struct run *r, struct mt_step_info *info)
{
    struct mt_audit audit;
    mt_status status;

    if ((status = mt_audit_before(&mt_session_model(r->s)->store, &audit,
                                  &r->err)) != MT_OK)
        return status;
    status = step(r, info);
    if (status == MT_OK && !info->idle) {
        mt_audit_after(&mt_session_model(r->s)->store,
                       mt_session_optimizer(r->s), mt_session_scheduled(r->s),
                       &audit);
        mt_event_audit(&r->events, &audit);
        status = mt_audit_check(&audit, !r->t->resumed, &r->err);
        for (size_t i = 0; status == MT_OK && i < audit.n_unmoved; i++) {
            if (audit.unmoved[i].reason != MT_FROZEN)
                mt_report(r->t->call, "audit: %s did not move: %s",
                          audit.unmoved[i].name,
                          mt_reason_text(audit.unmoved[i].reason));
        }
    }
    mt_audit_free(&audit);
    return status;
}

/* Notes what the summary needs, and then restores the best state. */
static void end_run(struct run *r)
{
    r->samples = mt_session_samples_done(r->s) - r->first_sample;
    r->end.best = mt_session_best(r->s);
    r->end.nan = mt_session_stopped_by_nan(r->s);
    r->end.restored = mt_session_restore_best(r->s);
    if (r->end.restored)
        r->saved_step = UINT64_MAX; /* what was saved at that epoch is the state
                                       of a run that is not finished */
}

static mt_status train(struct run *r)
{
    struct mt_step_info info;
    bool first = true, done = mt_session_finished(r->s);
    mt_status status;

    if ((status = mt_remarks_start(&r->remarks, &r->err)) != MT_OK)
        return status;
    for (;;) {
        wish(r);
        if (done || r->stop)
            break;
        if ((status = (first ? audited_step(r, &info) : step(r, &info))) !=
            MT_OK)
            return status;
        first = first && info.idle;
        take_wishes(r, &info);
        r->sent = info.sent;
        report_step(r, &info);
        if (info.improved && !refused(r))
            save_best(r);
        bool due = !refused(r) && save_is_due(r, &info); /* by the epoch that ended */

        done = mt_session_finished(r->s);
        if (!refused(r) && done)
            end_run(r);
        if (due)
            save_and_go_on(r);
        if (refused(r)) {
            r->err = r->remarks.refused;
            return r->err.status;
        }
    }
    if (!done)
        end_run(r);
    return MT_OK;
}

static int finish(struct run *r)
{
    double stepping;

    mt_live_clear();
    if (!r->saved || r->saved_step != mt_session_at(r->s).step ||
        r->save_failed)
        save(r);
    if (r->save_failed || r->best_failed)
        return mt_report_error(&r->err);
    if (refused(r))
        return mt_report_error(&r->remarks.refused);
    r->end.seconds = mt_seconds() - r->started;
    stepping = r->end.seconds - r->saving;
    r->end.samples_per_s = stepping > 0 ? (double)r->samples / stepping : 0;
    r->end.digest = r->info.digest;
    if (r->t->call->comm)
        mt_details_traffic(r->t->call, r->s, r->sent);
    mt_event_end(&r->events, r->s, &r->end);
    if (!r->t->call->quiet && !r->t->call->json)
        mt_summary_print(r->t->out, r->s, &r->end);
    if (r->end.nan) {
        mt_fail(&r->err, MT_NON_FINITE,
                "%s: stopped early, and %s is nan, "
                "which never counts as an improvement",
                r->t->out, mt_session_stopping(r->s)->monitor.name);
        return mt_report_error(&r->err);
    }
    if (r->stop && !mt_session_finished(r->s))
        return MT_EXIT_SIGNAL + r->stop;
    return MT_EXIT_DONE;
}

/* --- the files beside the checkpoint ------------------------------------ */

static mt_status probe(char *path, bool force, struct mt_err *err)
{
    mt_status status = path ? mt_replace_probe(path, force, err)
                            : mt_fail_memory(err);

    free(path);
    return status;
}

mt_status mt_training_claim(const struct mt_call *call, const char *out,
                            bool force, struct mt_lock **lock,
                            struct mt_err *err)
{
    *lock = NULL;
    return mt_comm_rank(call->comm) ? MT_OK
                                    : mt_replace_claim(out, force, lock, err);
}

mt_status mt_training_prepare(const struct mt_training *t, struct mt_err *err)
{
    const struct mt_checkpoint_settings *c =
        &mt_session_settings(t->session)->checkpoint;
    bool force = t->call->force;
    mt_status status;

    if (mt_session_data(t->session)->note)
        mt_report(t->call, "mtrain: note: %s",
                  mt_session_data(t->session)->note);
    if (t->call->strict &&
        (status = mt_opened_warn(t->call, t->opened, NULL, err)) != MT_OK)
        return status;
    if (follows(t))
        return MT_OK;
    if (t->log && strcmp(t->log, t->out) == 0)
        return mt_fail(err, MT_INVALID, "%s: is the checkpoint to write; give "
                       "--log another file", t->log);
    if (t->log &&
        (status = mt_log_probe(t->log, t->resumed, force, err)) != MT_OK)
        return status;
    if (in_place(t))
        return MT_OK;
    if (c->best &&
        (status = probe(mt_output_best(t->out), force, err)) != MT_OK)
        return status;
    if (c->keep &&
        (status = probe(mt_output_kept(t->out, 1), force, err)) != MT_OK)
        return status;
    return MT_OK;
}

mt_status mt_training_bring_best(const struct mt_training *t,
                                 struct mt_err *err)
{
    if (follows(t))
        return MT_OK;
    char *from = mt_output_best(t->from), *to = mt_output_best(t->out);
    struct mt_err lost = MT_ERR_INIT;
    mt_status status = MT_OK;

    if (!mt_session_saved_best(t->session)->monitor.name ||
        isnan(mt_session_saved_best(t->session)->best))
        goto out; /* there is none yet */
    if (!from || !to)
        mt_fail_memory(&lost);
    else
        mt_output_bring_best(from, to, mt_session_doc(t->session),
                             mt_session_team(t->session), &lost);
    if (lost.status != MT_OK)
        status = mt_warn(t->call, NULL, "save", err,
                         "%s: the best checkpoint so far cannot be copied; "
                         "a better one will be saved",
                         lost.text);
out:
    free(from);
    free(to);
    return status;
}

/* Opens what the run takes. */
static mt_status start(struct run *r)
{
    const struct mt_training *t = r->t;
    mt_status status;

    r->events.out = t->call->json ? stdout : NULL;
    r->log_every = t->log ? t->log_every : 0;
    if ((status = mt_session_prepare(r->s, &r->err)) != MT_OK ||
        (status = mt_session_lead(r->s, &r->log_every, sizeof r->log_every,
                                  &r->err)) != MT_OK ||
        (t->log && !follows(t) &&
         (status = mt_log_open(t->log, t->resumed, &r->events.log, &r->err)) !=
             MT_OK))
        return status;
    mt_details_report(t->call, r->s);
    mt_signals_catch();
    mt_event_start(&r->events, t->call->command->name, r->s);
    if (!t->call->strict &&
        mt_opened_warn(t->call, t->opened, &r->events, &r->err) != MT_OK)
        return r->err.status;
    if (t->changes)
        mt_event_lines(&r->events, t->changes);
    mt_progress_start(&r->progress, t->call, r->s,
                      mt_session_total_steps(r->s));
    r->started = mt_seconds();
    r->first_step = mt_session_at(r->s).step;
    r->first_sample = mt_session_samples_done(r->s);
    return MT_OK;
}

static int fail(struct run *r, mt_status status)
{
    if (status == MT_NON_FINITE)
        mt_summary_advise(r->s, in_place(r->t) || r->saved ? r->t->out : NULL,
                          r->saved ? r->saved_step : r->first_step, &r->err);
    return mt_report_error(&r->err);
}

int mt_training_run(const struct mt_training *t)
{
    struct run r = { .t = t, .s = t->session, .err = MT_ERR_INIT };
    int code;

    r.remarks = (struct mt_remarks){ .call = t->call,
                                     .session = t->session,
                                     .events = &r.events };
    if (start(&r) != MT_OK)
        return mt_report_error(&r.err);
    mt_status status = train(&r);

    mt_remarks_free(&r.remarks);
    code = status == MT_OK ? finish(&r) : fail(&r, status);
    if (r.events.log && (ferror(r.events.log) | fclose(r.events.log))) {
        mt_fail_errno(&r.err, errno, t->log, "cannot write");
        code = code ? code : mt_report_error(&r.err);
    }
    return code;
}
