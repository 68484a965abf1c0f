/* mtrain eval CKPT [KEY=VALUE]... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cmd/confusion.h"
#include "cmd/events.h"
#include "cmd/heldout.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/warn.h"
#include "train/state.h"

struct assertion {
    char name[64];
    char op[3];
    double value;
};

static const struct {
    const char *text;
    bool less, equal, greater;
} operators[] = {
    { ">=", false, true, true }, { "<=", true, true, false },
    { "==", false, true, false }, { "!=", true, false, true },
    { ">", false, false, true }, { "<", true, false, false },
};

enum { N_OPERATORS = sizeof operators / sizeof *operators };

static bool parse_assertion(const struct mt_call *call, const char *text,
                            struct assertion *a)
{
    size_t n = strcspn(text, "<>=! ");
    const char *p = text + n + strspn(text + n, " ");
    char *end;

    for (size_t i = 0; i < N_OPERATORS && n && n < sizeof a->name; i++) {
        size_t length = strlen(operators[i].text);

        if (strncmp(p, operators[i].text, length) != 0)
            continue;
        memcpy(a->name, text, n);
        a->name[n] = '\0';
        memcpy(a->op, operators[i].text, length + 1);
        a->value = strtod(p + length, &end);
        if (end != p + length && !*end && a->value == a->value)
            return true;
        break;
    }
    mt_report_usage(call, "--assert %s: expected something like "
                          "'accuracy>=0.97'", text);
    return false;
}

/* No condition holds for a value that is not a number. */
static bool holds(const struct assertion *a, double value)
{
    if (value != value)
        return false;
    for (size_t i = 0; i < N_OPERATORS; i++) {
        if (strcmp(operators[i].text, a->op) == 0)
            return value < a->value   ? operators[i].less
                   : value > a->value ? operators[i].greater
                                      : operators[i].equal;
    }
    return false;
}

/* Adds a metric of --assert, or one that eval always prints. */
static void add_metric(struct mt_session *s, const char *name)
{
    const struct mt_metric *m = mt_metric_find(name);

    if (m)
        mt_session_add_metric(s, m);
}

static bool find_value(const struct mt_session *s,
                       const struct mt_scores *scores, const char *name,
                       double *out)
{
    if (strcmp(name, "loss") == 0) {
        *out = scores->loss;
        return true;
    }
    for (size_t i = 0; i < mt_session_n_metrics(s); i++) {
        if (strcmp(mt_session_metric(s, i)->name, name) == 0) {
            *out = scores->metric[i];
            return true;
        }
    }
    return false;
}

static void print_scores(const struct mt_call *call,
                         const struct mt_session *s,
                         const struct mt_scores *scores,
                         const struct mt_confusion *confusion)
{
    struct mt_strbuf line = MT_STRBUF_INIT;

    if (call->json) {
        mt_strbuf_printf(&line,
                         "{\"event\":\"eval\",\"split\":\"%s\","
                         "\"samples\":%zu,",
                         mt_split_names[mt_session_split(s)], scores->samples);
        mt_event_scores(&line, s, true, scores);
        mt_confusion_json(confusion, &line);
        printf("%s}\n", line.text ? line.text : "");
        mt_strbuf_free(&line);
        return;
    }
    printf("samples %zu  loss %.6g", scores->samples, scores->loss);
    for (size_t i = 0; i < mt_session_n_metrics(s); i++)
        printf("  %s %.6g", mt_session_metric(s, i)->name, scores->metric[i]);
    printf("\n");
    mt_confusion_print(confusion);
}

/* Reports that the name is neither the loss nor a metric that suits it. */
static void fail_name(const struct mt_call *call, const struct mt_session *s,
                      const char *name)
{
    struct mt_nearest search = mt_nearest_to(name);
    const char *near;
    struct mt_strbuf list = MT_STRBUF_INIT;

    mt_strbuf_puts(&list, "loss");
    mt_nearest_try(&search, "loss");
    for (size_t i = 0; mt_metric_at(i); i++) {
        const struct mt_metric *m = mt_metric_at(i);

        if (!mt_metric_suits(m, &mt_session_model(s)->loss))
            continue;
        mt_nearest_try(&search, m->name);
        mt_strbuf_printf(&list, ", %s", m->name);
    }
    near = search.best;
    mt_report_usage(call, "--assert: unknown value \"%s\"%s%s%s%s", name,
                    near ? "; did you mean \"" : "", near ? near : "",
                    near ? "\"?" : "; expected one of ",
                    near        ? ""
                    : list.text ? list.text
                                : "");
    mt_strbuf_free(&list);
}

static int check_assertions(const struct mt_call *call,
                            const struct assertion *a, size_t n,
                            const struct mt_session *s,
                            const struct mt_scores *scores)
{
    int code = MT_EXIT_DONE;

    for (size_t i = 0; i < n; i++) {
        double value;

        if (!find_value(s, scores, a[i].name, &value)) {
            fail_name(call, s, a[i].name);
            return MT_EXIT_TROUBLE;
        }
        if (!holds(&a[i], value)) {
            mt_report_no("%s is %.6g: %s%s%.6g does not hold", a[i].name,
                         value, a[i].name, a[i].op, a[i].value);
            code = MT_EXIT_NO;
        }
    }
    return code;
}

static int evaluate(const struct mt_call *call, struct mt_opened *opened,
                    const struct assertion *a, size_t n)
{
    struct mt_session *s = opened->session;
    struct mt_strbuf left_out = MT_STRBUF_INIT;
    struct mt_err err = MT_ERR_INIT;
    struct mt_scores scores;

    if (mt_session_n_metrics(s) == 0 &&
        mt_session_model(s)->loss.type->classification)
        add_metric(s, "accuracy");
    for (size_t i = 0; i < n; i++)
        add_metric(s, a[i].name);
    struct mt_confusion confusion;

    if (mt_confusion_want(call, s, &confusion, &err) != MT_OK ||
        mt_session_evaluate(s, &scores, &err) != MT_OK)
        return mt_report_error(&err);
    mt_confusion_take(&confusion, s);
    if (mt_session_data(s)->note)
        mt_report(call, "mtrain: note: %s", mt_session_data(s)->note);
    if (mt_opened_warn(call, opened, NULL, &err) != MT_OK)
        return mt_report_error(&err);
    mt_session_left_out(s, &left_out);
    mt_report_note(call, &left_out);
    print_scores(call, s, &scores, &confusion);
    return check_assertions(call, a, n, s, &scores);
}

/* What is held out of the training data was not trained on, if the data and
 * the keys that decide it are those of the run. */
static mt_status warn_trained_on(const struct mt_call *call,
                                 const struct mt_opened *o, struct mt_err *err)
{
    if (mt_session_split(o->session) == MT_SPLIT_TRAIN ||
        !mt_session_data(o->session)->train.samples) /* a file of its own */
        return MT_OK;
    return mt_warn_held_out(call, o, true, "among these", err);
}

/* --- the command -------------------------------------------------------- */

/* `data.val=...` replaces a `val_split`: there is only one validation set. */
static void replace_split(const struct mt_call *call, size_t *n,
                                        const char **list, size_t size)
{
    *n = 0;
    for (size_t i = 1; i < call->n_args && *n + 2 < size; i++) {
        if (strncmp(call->args[i], "data.val=", 9) == 0)
            list[(*n)++] = "data.val_split=0";
        list[(*n)++] = call->args[i];
    }

}

static int eval_run(struct mt_call *call)
{
    const char *const *texts = mt_option_all(call, "assert");
    struct assertion assertions[32];
    const char *overrides[256];
    struct mt_err err = MT_ERR_INIT;
    struct mt_opened opened;
    size_t n = 0, n_overrides;
    int split = mt_option_choice(call, "split");

    for (; texts[n]; n++) {
        if (n == 32) {
            mt_report_usage(call, "too many --assert");
            return MT_EXIT_TROUBLE;
        }
        if (!parse_assertion(call, texts[n], &assertions[n]))
            return MT_EXIT_TROUBLE;
    }
    replace_split(call, &n_overrides, overrides, 256);

    struct mt_open_request request = {
        .path = call->args[0],
        .data_dir = mt_option(call, "data-dir"),
        .overrides = overrides,
        .n_overrides = n_overrides,
        .purpose = MT_DATA_EVAL,
        .split = split < 0 ? MT_SPLIT_VAL : (enum mt_split)split,
        .mean = mt_option(call, "ema") != NULL,
        .memory = MT_MEMORY_VALUES,
        .team = call->team,
        .comm = call->comm,
    };

    if (mt_open_checkpoint(&request, &opened, &err) != MT_OK)
        return mt_report_error(&err);
    int code;

    if (warn_trained_on(call, &opened, &err) != MT_OK)
        code = mt_report_error(&err);
    else
        code = evaluate(call, &opened, assertions, n);

    mt_opened_close(&opened);
    return code;
}

static const struct mt_option eval_options[] = {
    { "assert", 0, "COND",
      "exit with 1 unless COND holds, as "
      "'accuracy>=0.97'" },
    { "ema", 0, NULL, "evaluate the exponential mean of the parameters" },
    { "by-class", 0, NULL, "precision, recall, F1 and support of each class" },
    { "confusion", 0, NULL,
      "how many samples of each class are taken for "
      "each" },
    { "data-dir", 0, "DIR", "where relative data paths start" },
    { "split", 0, "NAME", "train, val (the default) or test", mt_split_names },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_eval;

const struct mt_command mt_cmd_eval = {
    .name = "eval",
    .operands = "CKPT [KEY=VALUE]...",
    .summary = "loss and metrics on validation data",
    .options = eval_options,
    .min_args = 1,
    .max_args = (size_t)-1,
    .details = "The validation data is the spec's; data.val=... names another. "
               "It is read with the\nnormalisation and classes of the "
               "checkpoint. --split test looks at what\ndata.test_split held "
               "out.",
    .examples = "mtrain eval digits.mtc\n"
                "mtrain eval digits.mtc --assert 'accuracy>=0.9'",
    .run = eval_run,
    .shared = true,
};
