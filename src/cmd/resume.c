/* mtrain resume CKPT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/heldout.h"
#include "cmd/prove.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/summary.h"
#include "cmd/training.h"
#include "cmd/warn.h"
#include "spec/diff.h"
#include "spec/tree.h"
#include "train/datastate.h"
#include "train/monitor.h"
#include "train/refit.h"
#include "train/state.h"

struct changes {
    const char *list[256];
    size_t n;
    char total[64]; /* "train.steps=100" */
};

/* All that is to change in the spec: the new total and every --set. */
static bool collect(const struct mt_call *call, struct changes *c)
{
    const char *const *set = mt_option_all(call, "set");
    const char *key = mt_option(call, "epochs") ? "epochs" : "steps";
    size_t total;

    if (mt_option(call, "epochs") && mt_option(call, "steps")) {
        mt_report_usage(call, "give --epochs or --steps, not both");
        return false;
    }
    if (mt_option(call, key)) {
        if (!mt_option_size(call, key, &total))
            return false;
        snprintf(c->total, sizeof c->total, "train.%s=%zu", key, total);
        c->list[c->n++] = c->total;
    }
    for (; *set; set++) {
        if (c->n == sizeof c->list / sizeof *c->list) {
            mt_report_usage(call, "too many --set");
            return false;
        }
        c->list[c->n++] = *set;
    }
    return true;
}

/* Reports changes as lines for people and as events for programs. */
struct reporter {
    const struct mt_call *call;
    struct mt_strbuf events;
    bool any;
};

static void report_change(void *ctx, const char *path, const char *was,
                          const char *is)
{
    struct reporter *out = ctx;

    out->any = true;
    mt_report(out->call, "%s: %s -> %s", path, was ? was : "(not set)",
              is ? is : "(not set)");
    if (strcmp(path, "train.epochs") == 0 || strcmp(path, "train.steps") == 0)
        return; /* the new total is in the start event */
    mt_strbuf_puts(&out->events, "{\"event\":\"set\",\"path\":");
    mt_json_add_string(&out->events, path);
    mt_strbuf_printf(&out->events, ",\"saved\":%s,\"now\":%s}\n",
                     was ? was : "null", is ? is : "null");
}

/* Other contents of a data file, under whatever name. */
static void report_data(void *ctx, const struct mt_data_change *c)
{
    struct reporter *out = ctx;

    out->any = true;
    mt_report(out->call,
              "data.%s: %.0f bytes (SHA-256 %.12s...) -> %llu "
              "bytes (%.12s...)",
              c->role, c->bytes, c->sha256, (unsigned long long)c->now->bytes,
              c->now->sha256);
    mt_strbuf_puts(&out->events, "{\"event\":\"data\",\"role\":");
    mt_json_add_string(&out->events, c->role);
    mt_strbuf_printf(&out->events, ",\"saved\":\"%s\",\"now\":\"%s\"}\n",
                     c->sha256, c->now->sha256);
}

static bool alike(const struct mt_refitted *a, const struct mt_refitted *b)
{
    return a->fresh == b->fresh && a->reason == b->reason &&
           strcmp(a->slots, b->slots) == 0;
}

/* One line for all tensors that have the same report. */
static void report_group(struct reporter *out, const struct mt_refit *refit,
                         size_t first, bool *done)
{
    enum { NAMES = 8 };
    const struct mt_refitted *r = &refit->list[first];
    struct mt_strbuf names = MT_STRBUF_INIT;
    size_t n = 0;

    for (size_t i = first; i < refit->n; i++) {
        if (!alike(r, &refit->list[i]))
            continue;
        done[i] = true;
        if (n++ < NAMES || out->call->verbose)
            mt_strbuf_printf(&names, "%s%s", n > 1 ? ", " : "",
                             refit->list[i].tensor);
    }
    if (n > NAMES && !out->call->verbose)
        mt_strbuf_printf(&names, " and %zu more", n - NAMES);
    mt_report(out->call, "optimizer state %s: %s of %s: %s",
              r->fresh ? "starts fresh" : "dropped", r->slots,
              names.text ? names.text : "", mt_reason_text(r->reason));
    out->events.failed |= names.failed;
    mt_strbuf_free(&names);
}

/* Optimizer state that a changed spec does not need, or needs and lacks. */
static mt_status report_refit(struct reporter *out,
                              const struct mt_refit *refit, struct mt_err *err)
{
    bool *done = calloc(refit->n + 1, sizeof *done);

    if (!done)
        return mt_fail_memory(err);
    if (refit->trainable != refit->was_trainable) {
        mt_report(out->call, "trainable: %zu -> %zu tensors",
                  refit->was_trainable, refit->trainable);
        mt_strbuf_printf(&out->events,
                         "{\"event\":\"trainable\",\"saved\":%zu,"
                         "\"now\":%zu}\n",
                         refit->was_trainable, refit->trainable);
    }
    for (size_t i = 0; i < refit->n; i++) {
        const struct mt_refitted *r = &refit->list[i];

        if (!done[i])
            report_group(out, refit, i, done);
        mt_strbuf_printf(&out->events,
                         "{\"event\":\"optimizer\",\"state\":\"%s\","
                         "\"slots\":\"%s\",\"reason\":\"%s\",\"tensor\":",
                         r->fresh ? "fresh" : "dropped", r->slots,
                         mt_reason_text(r->reason));
        mt_json_add_string(&out->events, r->tensor);
        mt_strbuf_puts(&out->events, "}\n");
    }
    free(done);
    return MT_OK;
}

static mt_status report_changes(struct reporter *out,
                                const struct mt_opened *opened,
                                struct mt_err *err)
{
    struct mt_json *saved;
    mt_status status;

    if ((status = mt_state_spec(&opened->bundle, out->call->args[0], &saved,
                                err)) != MT_OK)
        return status;
    mt_spec_diff(mt_json_root(saved), mt_json_root(opened->doc), report_change,
                 out);
    mt_json_free(saved);
    if ((status = mt_data_state_changes(&opened->bundle,
                                        mt_session_data(opened->session),
                                        report_data, out, err)) != MT_OK ||
        (status = report_refit(out, mt_session_refit(opened->session), err)) !=
            MT_OK)
        return status;
    return out->events.failed ? mt_fail_memory(err) : MT_OK;
}

/* ", with the state of epoch 12", which restore_best brought back */
static void add_restored(const struct mt_session *s, struct mt_strbuf *out)
{
    if (mt_session_restored(s))
        mt_strbuf_printf(out, ", with the state of epoch %llu",
                         (unsigned long long)mt_session_at(s).epoch);
}

static void report_finished(const struct mt_call *call,
                            const struct mt_session *s)
{
    bool early = mt_session_stopped_early(s);
    unsigned long long step = mt_session_last_step(s);
    struct mt_strbuf state = MT_STRBUF_INIT;
    char why[256];

    add_restored(s, &state);
    if (call->json) {
        printf("{\"event\":\"finished\",\"step\":%llu", step);
        if (mt_session_restored(s))
            printf(",\"restored\":{\"epoch\":%llu,\"step\":%llu}",
                   (unsigned long long)mt_session_at(s).epoch,
                   (unsigned long long)mt_session_at(s).step);
        printf("%s}\n", early ? ",\"stopped_early\":true" : "");
    } else if (early) {
        mt_summary_why_stopped(s, why, sizeof why);
        mt_report(call, "%s: finished at step %llu%s, stopped early: %s; to "
                  "train on, raise train.early_stopping.patience with --set",
                  call->args[0], step, state.text ? state.text : "", why);
    } else {
        mt_report(call, "%s: finished at step %llu%s; to train on, give a new "
                  "total with --epochs or --steps", call->args[0], step,
                  state.text ? state.text : "");
    }
    mt_strbuf_free(&state);
}

/* Nothing is left to train. OUT is written all the same where it is another
 * file, or where the spec has changed: the changes that were reported hold from
 * here on. */
static int finished(const struct mt_training *t, struct mt_session *s,
                    bool changed)
{
    struct mt_err err = MT_ERR_INIT;

    if (changed || strcmp(t->out, t->from) != 0) {
        if (mt_session_save(s, t->out, NULL, &err) != MT_OK)
            return mt_report_error(&err);
        if (mt_training_bring_best(t, &err) != MT_OK)
            return mt_report_error(&err);
    }
    report_finished(t->call, s);
    return MT_EXIT_DONE;
}

static mt_status check_total(const struct mt_training *t, struct mt_err *err)
{
    const struct mt_session *s = t->session;

    if (mt_session_last_step(s) <= mt_session_total_steps(s))
        return MT_OK;
    return mt_fail(err, MT_INVALID,
                   "%s: is at step %llu already, beyond the new total of %llu; "
                   "'mtrain copy' makes one that starts at step 0",
                   t->from, (unsigned long long)mt_session_last_step(s),
                   (unsigned long long)mt_session_total_steps(s));
}

/* Where restore_best is newer than the best epoch, or the state was loaded. */
static mt_status warn_of_kept(const struct mt_training *t, struct mt_err *err)
{
    const struct mt_session *s = t->session;
    struct mt_best best = mt_session_best(s);

    if (!mt_session_settings(s)->early_stopping.restore_best ||
        mt_session_keeps_best(s) || !best.epoch)
        return MT_OK;
    return mt_warn(t->call, NULL, "save", err,
                   "%s: the state of epoch %llu, the best one so far by %s, is "
                   "not in it: restore_best chooses among the epochs from here "
                   "on", t->from, (unsigned long long)best.epoch,
                   mt_session_judge(s)->name);
}

/* What is held out from here on; a validation file is not held out. */
static mt_status warn_of_held_out(const struct mt_training *t,
                                  struct mt_err *err)
{
    const struct mt_session *s = t->session;
    const struct mt_item *data =
        mt_json_get(mt_json_root(t->opened->doc), "data");
    bool held_out = false;

    for (int i = MT_SPLIT_VAL; i < MT_SPLITS; i++)
        held_out |= mt_session_samples(s, (enum mt_split)i) &&
                    !mt_json_get(data, mt_split_names[i]);
    if (!held_out)
        return MT_OK;
    return mt_warn_held_out(t->call, t->opened, mt_session_at(s).step > 0,
                            "held out from here on", err);
}

/* The best state so far, in a file of its own or kept in the checkpoint. */
static mt_status look_for_best(const struct mt_training *t, struct mt_err *err)
{
    mt_status status;

    if (mt_session_finished(t->session))
        return MT_OK;
    status = mt_training_bring_best(t, err);
    return status == MT_OK ? warn_of_kept(t, err) : status;
}

static int go_on(struct mt_call *call, struct mt_opened *opened,
                 const char *out, size_t log_every)
{
    struct mt_training training = {
        .call = call,
        .opened = opened,
        .session = opened->session,
        .out = out,
        .from = call->args[0],
        .log = mt_option(call, "log"),
        .log_every = log_every,
        .resumed = true,
    };
    const struct mt_session *s = opened->session;
    struct reporter reporter = { .call = call, .events = MT_STRBUF_INIT };
    struct mt_err err = MT_ERR_INIT;
    int code;

    if (report_changes(&reporter, opened, &err) != MT_OK ||
        check_total(&training, &err) != MT_OK ||
        warn_of_held_out(&training, &err) != MT_OK ||
        mt_training_prepare(&training, &err) != MT_OK ||
        look_for_best(&training, &err) != MT_OK) {
        code = mt_report_error(&err);
    } else if (mt_session_finished(s)) {
        code = finished(&training, opened->session, reporter.any);
    } else {
        training.changes = reporter.events.text;
        mt_report(call, "%s: resumes at step %llu of %llu", call->args[0],
                  (unsigned long long)mt_session_at(s).step,
                  (unsigned long long)mt_session_total_steps(s));
        code = mt_training_run(&training);
    }
    mt_strbuf_free(&reporter.events);
    return code;
}

/* --prove writes nothing and changes nothing. */
static int prove(const struct mt_call *call)
{
    static const char *const others[] = { "output", "log", "log-every",
                                          "epochs", "steps", "set" };

    if (call->comm)
        return mt_report_usage(call, "--prove runs in one process: start it "
                                     "without mpirun");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (mt_option(call, others[i]))
            return mt_report_usage(call,
                                   "--prove replays the run as it is: "
                                   "it cannot be combined with --%s",
                                   others[i]);
    }
    return mt_prove(call, call->args[0]);
}

static int resume_run(struct mt_call *call)
{
    const char *path = call->args[0];
    const char *out = mt_option(call, "output") ? mt_option(call, "output")
                                                : path;
    struct changes changes = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;
    struct mt_lock *lock = NULL;
    struct mt_opened opened;
    size_t log_every = 50;

    if (mt_option(call, "prove"))
        return prove(call);
    if (!collect(call, &changes) ||
        (mt_option(call, "log-every") &&
         !mt_option_size(call, "log-every", &log_every)))
        return MT_EXIT_TROUBLE;

    struct mt_open_request request = {
        .path = path,
        .data_dir = mt_option(call, "data-dir"),
        .overrides = changes.list,
        .n_overrides = changes.n,
        .norms = mt_option(call, "log") != NULL,
        .team = call->team,
        .comm = call->comm,
    };
    bool in_place = strcmp(out, path) == 0;

    /* Locked before it is read, so that no other process resumes it
     * meanwhile. */
    if (mt_training_claim(call, out, in_place || call->force, &lock, &err) !=
            MT_OK ||
        mt_open_checkpoint(&request, &opened, &err) != MT_OK) {
        mt_lock_release(lock);
        return mt_report_error(&err);
    }
    int code = go_on(call, &opened, out, log_every);

    mt_opened_close(&opened);
    mt_lock_release(lock);
    return code;
}

static const struct mt_option resume_options[] = {
    MT_TRAINING_OPTIONS,
    { "epochs", 0, "N", "the new total of epochs" },
    { "steps", 0, "N", "the new total of steps" },
    { "set", 0, "KEY=VALUE", "change the spec; may be given several times" },
    { "prove", 0, NULL, "replay the last steps from the kept checkpoint, and "
                        "compare" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_resume;

const struct mt_command mt_cmd_resume = {
    .name = "resume",
    .operands = "CKPT",
    .summary = "continue exactly where a checkpoint stopped",
    .options = resume_options,
    .min_args = 1,
    .max_args = 1,
    .details =
        "Trains in place unless -o names another file. Without a new total the "
        "run continues\nto the one in its spec; a finished run says so. "
        "Changes "
        "by --set are printed as\nsaved -> now. Data files must be the same as "
        "at the start, except those that --set\nnames (data.train=new.csv). "
        "With --prove, which needs train.checkpoint.keep, nothing is\ntrained "
        "or written: it exits with 0 if the replay gives the same bits, 1 if "
        "not.",
    .examples = "mtrain resume digits.mtc --epochs 42\n"
                "mtrain resume digits.mtc --epochs 43 --set optimizer.lr=0.001 "
                "-o b.mtc",
    .run = resume_run,
    .shared = true,
};
