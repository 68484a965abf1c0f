/* mtrain resume CKPT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/training.h"
#include "train/monitor.h"
#include "train/specdiff.h"
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

static void tell_change(void *ctx, const char *path, const char *was,
                        const char *is)
{
    mt_report(ctx, "%s: %s -> %s", path, was ? was : "(not set)",
              is ? is : "(not set)");
}

static mt_status tell_changes(const struct mt_call *call,
                              const struct mt_opened *opened,
                              struct mt_err *err)
{
    struct mt_json *saved;

    if (mt_state_spec(&opened->bundle, call->args[0], &saved, err) != MT_OK)
        return err->status;
    mt_spec_diff(mt_json_root(saved), mt_json_root(opened->doc), tell_change,
                 (void *)call);
    mt_json_free(saved);
    return MT_OK;
}

static void tell_finished(const struct mt_call *call,
                          const struct mt_session *s)
{
    bool early = mt_session_stopped_early(s);
    unsigned long long step = s->at.step;
    char why[256];

    if (call->json) {
        printf("{\"event\":\"finished\",\"step\":%llu%s}\n", step,
               early ? ",\"stopped_early\":true" : "");
    } else if (early) {
        mt_training_why_stopped(s, why, sizeof why);
        mt_report(call, "%s: finished at step %llu, stopped early: %s; to "
                  "train on, raise train.early_stopping.patience with --set",
                  call->args[0], step, why);
    } else {
        mt_report(call, "%s: finished at step %llu; to train on, give a new "
                  "total with --epochs or --steps", call->args[0], step);
    }
}

/* Nothing to train: says so; writes OUT where another one was asked for. */
static int finished(const struct mt_training *t, struct mt_session *s)
{
    struct mt_err err = MT_ERR_INIT;

    if (strcmp(t->out, t->from) != 0) {
        if (mt_session_save(s, t->out, NULL, &err) != MT_OK)
            return mt_report_error(&err);
        mt_training_bring_best(t);
    }
    tell_finished(t->call, s);
    return MT_EXIT_DONE;
}

static int go_on(struct mt_call *call, struct mt_opened *opened,
                 const char *out, size_t log_every)
{
    struct mt_training training = {
        .call = call, .session = opened->session, .out = out,
        .from = call->args[0], .log = mt_option(call, "log"),
        .log_every = log_every, .resumed = true,
    };
    const struct mt_session *s = opened->session;
    struct mt_err err = MT_ERR_INIT;

    if (tell_changes(call, opened, &err) != MT_OK)
        return mt_report_error(&err);
    if (s->at.step > s->total_steps) {
        mt_fail(&err, MT_INVALID,
                "%s: is at step %llu already, beyond the new total of %llu; "
                "'mtrain copy' makes one that starts at step 0",
                call->args[0], (unsigned long long)s->at.step,
                (unsigned long long)s->total_steps);
        return mt_report_error(&err);
    }
    if (mt_training_prepare(&training, &err) != MT_OK)
        return mt_report_error(&err);
    if (mt_session_finished(s))
        return finished(&training, opened->session);
    mt_training_bring_best(&training);
    mt_report(call, "%s: goes on at step %llu of %llu", call->args[0],
              (unsigned long long)s->at.step,
              (unsigned long long)s->total_steps);
    return mt_training_run(&training);
}

static int resume_run(struct mt_call *call)
{
    const char *path = call->args[0];
    const char *out = mt_option(call, "output") ? mt_option(call, "output")
                                                : path;
    struct changes changes = { .n = 0 };
    struct mt_err err = MT_ERR_INIT;
    struct mt_opened opened;
    size_t log_every = 50;

    if (!collect(call, &changes) ||
        (mt_option(call, "log-every") &&
         !mt_option_size(call, "log-every", &log_every)))
        return MT_EXIT_TROUBLE;

    struct mt_open_request request = {
        .path = path, .data_dir = mt_option(call, "data-dir"),
        .overrides = changes.list, .n_overrides = changes.n,
        .team = call->team,
    };
    bool in_place = strcmp(out, path) == 0;

    if (mt_replace_probe(out, in_place || call->force, &err) != MT_OK ||
        mt_open_checkpoint(&request, &opened, &err) != MT_OK)
        return mt_report_error(&err);
    int code = go_on(call, &opened, out, log_every);

    mt_opened_close(&opened);
    return code;
}

static const struct mt_option resume_options[] = {
    MT_TRAINING_OPTIONS,
    { "epochs", 0, "N", "the new total of epochs" },
    { "steps", 0, "N", "the new total of steps" },
    { "set", 0, "KEY=VALUE", "change the spec; may be given several times" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_resume;

const struct mt_command mt_cmd_resume = {
    .name = "resume",
    .operands = "CKPT",
    .summary = "go on exactly where a checkpoint stopped",
    .options = resume_options,
    .min_args = 1,
    .max_args = 1,
    .details =
        "Trains in place unless -o names another file. Without a new total the "
        "run goes on\nto the one in its spec; a finished run says so. Changes "
        "by --set are told as\nsaved -> now. Data files must be the same as "
        "at the start, unless --set data.*\nnames others.",
    .examples =
        "mtrain resume digits.mtc --epochs 42\n"
        "mtrain resume digits.mtc --epochs 43 --set optimizer.lr=0.001 -o b.mtc",
    .run = resume_run,
};
