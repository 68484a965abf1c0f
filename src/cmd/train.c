/* mtrain train SPEC [KEY=VALUE]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/training.h"
#include "train/balance.h"
#include "train/initfrom.h"

/* The spec's base name in the current directory, ending in .mtc. */
static char *default_output(const char *spec)
{
    const char *base = strrchr(spec, '/');
    size_t n;
    char *out;

    base = base ? base + 1 : spec;
    n = mt_stem_length(base, ".json");
    out = malloc(n + 5);
    if (out)
        snprintf(out, n + 5, "%.*s.mtc", (int)n, base);
    return out;
}

static void describe(const struct mt_call *call, const struct mt_session *s)
{
    size_t all = mt_model_parameters(mt_session_model(s), false);
    size_t trainable = mt_model_parameters(mt_session_model(s), true);

    mt_report(call, "%s (%zu trainable), %s samples, %s an epoch, %llu in all",
              mt_count(all, "parameter").text, trainable,
              mt_samples_text(s).text,
              mt_count(mt_session_steps_per_epoch(s), "step").text,
              (unsigned long long)mt_session_total_steps(s));
}

/* Once, where a run starts. */
static mt_status note_shares(const struct mt_call *call,
                             const struct mt_session *s, struct mt_err *err)
{
    const struct mt_loss *loss = &mt_session_model(s)->loss;
    bool classes = loss->type->classification;
    bool weighed = mt_json_get(loss->object, "weight") != NULL;
    struct mt_strbuf shares = MT_STRBUF_INIT;
    mt_status status = mt_balance_shares(s, &shares, err);

    if (status == MT_OK && shares.failed)
        status = mt_fail_memory(err);
    if (status == MT_OK && shares.len)
        mt_report(
            call,
            "mtrain: note: the classes of the training samples are "
            "of very unequal size: %s; accuracy says little about the small "
            "ones%s",
            shares.text,
            !classes  ? ""
            : weighed ? ": see balanced_accuracy and f1 in train.metrics"
                      : ": see balanced_accuracy and f1 in train.metrics, "
                        "and loss.weight=balanced");
    mt_strbuf_free(&shares);
    return status;
}

static int train(struct mt_call *call, const char *out)
{
    const char *init = mt_option(call, "init");
    struct mt_state_options options = mt_state_options(call);
    struct mt_err err = MT_ERR_INIT;
    struct mt_lock *lock = NULL;
    struct mt_opened opened;
    struct mt_open_request request = {
        .path = call->args[0],
        .data_dir = mt_option(call, "data-dir"),
        .overrides = call->args + 1,
        .n_overrides = call->n_args - 1,
        .norms = mt_option(call, "log") != NULL,
        .undrawn = init != NULL,
        .team = call->team,
        .comm = call->comm,
    };
    struct mt_training training = { .call = call, .out = out,
                                    .log = mt_option(call, "log"),
                                    .log_every = 50 };

    if (mt_option(call, "log-every") &&
        !mt_option_size(call, "log-every", &training.log_every))
        return MT_EXIT_TROUBLE;
    if (mt_training_claim(call, out, call->force, &lock, &err) != MT_OK ||
        mt_open_spec(&request, &opened, &err) != MT_OK) {
        mt_lock_release(lock);
        return mt_report_error(&err);
    }
    int code;

    training.opened = &opened;
    training.session = opened.session;
    if (mt_training_prepare(&training, &err) != MT_OK ||
        (init && mt_init_from(opened.session, init, &options, &err) != MT_OK) ||
        note_shares(call, opened.session, &err) != MT_OK) {
        code = mt_report_error(&err);
    } else {
        describe(call, opened.session);
        code = mt_training_run(&training);
    }
    mt_opened_close(&opened);
    mt_lock_release(lock);
    return code;
}

static int train_run(struct mt_call *call)
{
    const char *given = mt_option(call, "output");
    char *out = given ? strdup(given) : default_output(call->args[0]);
    int code;

    if (!out) {
        struct mt_err err = MT_ERR_INIT;

        mt_fail_memory(&err);
        return mt_report_error(&err);
    }
    code = train(call, out);
    free(out);
    return code;
}

static const struct mt_option train_options[] = {
    MT_TRAINING_OPTIONS,
    { "init", 0, "STATE", "load the weights of STATE first, strictly" },
    MT_STATE_OPTIONS,
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_train;

const struct mt_command mt_cmd_train = {
    .name = "train",
    .operands = "SPEC [KEY=VALUE]...",
    .summary = "build a network from a spec and train it",
    .options = train_options,
    .min_args = 1,
    .max_args = (size_t)-1,
    .details =
        "KEY=VALUE overrides the spec by dotted path (optimizer.lr=0.01); the "
        "value is JSON,\nor else a string. Without -o the checkpoint is the "
        "spec's base name with .mtc in\nthe current directory.",
    .examples =
        "mtrain train digits.json\n"
        "mtrain train digits.json optimizer.lr=0.01 train.epochs=5 -o b.mtc\n"
        "mtrain train digits.json --init digits.mtc --log run.jsonl -o c.mtc",
    .run = train_run,
    .shared = true,
};
