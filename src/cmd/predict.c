/* mtrain predict CKPT [INPUT|-] */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/predictions.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/warn.h"
#include "spec/tree.h"
#include "train/generate.h"
#include "train/range.h"

/* Samples that go through the model at once: the result does not depend on it,
 * unless a BatchNorm layer has no running statistics. */
enum { BATCH = 64 };

/* A whole number of at least 0. */
static bool whole(const struct mt_call *call, const char *name,
                  unsigned long long *out)
{
    const char *text = mt_option(call, name);
    char *end;

    if (!text)
        return true;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *out <= SIZE_MAX)
        return true;
    mt_report_usage(call,
                    "--%s: expected a whole number of at least 0, got "
                    "\"%s\"",
                    name, text);
    return false;
}

/* --- samples ------------------------------------------------------------ */

/* Flushed, so that a reader of the pipe has each line at once. */
static mt_status write_text(struct mt_strbuf *text, struct mt_err *err)
{
    if (text->failed)
        return mt_fail_memory(err);
    if (text->len && (fwrite(text->text, 1, text->len, stdout) != text->len ||
                      fflush(stdout) != 0))
        return mt_fail_errno(err, errno, "standard output",
                             "cannot be written");
    text->len = 0;
    return MT_OK;
}

/* What is predicted from, and how its results are printed. */
struct prediction {
    struct mt_infer *m;
    struct mt_dataset *data;
    struct mt_predictions lines;
    struct mt_strbuf text;
    bool hold;      /* the text is printed at the end: it may be refused */
    size_t done;    /* samples */
    const float *y; /* outputs of the last batch */
};

/* One batch: the n samples of the column. */
static mt_status predict_batch(struct prediction *p,
                               const struct mt_column *column, size_t n,
                               struct mt_err *err)
{
    struct mt_infer *m = p->m;
    size_t outputs = p->lines.outputs, bad;
    mt_status status = mt_infer_prepare(m, n, &m->model->x, err);

    if (status == MT_OK)
        status = mt_infer_gather(m, column, err);
    if (status != MT_OK)
        return status;
    p->y = mt_infer_run(m);
    bad = mt_range_find(&m->model->loss, p->y, n * outputs);
    if (bad < n * outputs)
        return mt_fail(err, MT_INVALID,
                       "sample %zu: the output is %g, but %s expects "
                       "probabilities; a model that ends with a Sigmoid layer "
                       "gives them",
                       p->done + bad / outputs, (double)p->y[bad],
                       m->model->loss.type->name);
    for (size_t i = 0; i < n; i++)
        mt_predictions_add(&p->lines, p->done++, p->y + i * outputs, &p->text);
    return p->hold ? MT_OK : write_text(&p->text, err);
}

static mt_status predict_all(struct prediction *p, struct mt_err *err)
{
    mt_status status = MT_OK;

    for (size_t n = 1; status == MT_OK && n > 0;) {
        struct mt_column column;

        status = mt_dataset_next(p->data, BATCH, &column, &n, err);
        if (status == MT_OK && n > 0)
            status = predict_batch(p, &column, n, err);
    }
    return status;
}

/* Predicts the row after the last window of the series, and then, from its own
 * predictions, the rows after that: n lines. */
static mt_status predict_ahead(struct prediction *p, size_t n,
                               struct mt_err *err)
{
    double *row = calloc(p->lines.outputs + 1, sizeof *row);
    mt_status status = row ? MT_OK : mt_fail_memory(err);

    while (status == MT_OK && p->done < n) {
        struct mt_column column;
        size_t one;

        if (p->done)
            status = mt_dataset_append(p->data, row, err);
        if (status == MT_OK)
            status = mt_dataset_next(p->data, 1, &column, &one, err);
        if (status == MT_OK)
            status = predict_batch(p, &column, one, err);
        for (size_t i = 0; status == MT_OK && i < p->lines.outputs; i++)
            row[i] = mt_infer_value(p->m, i, p->y[i]);
    }
    free(row);
    return status;
}

static mt_status predict_samples(const struct mt_call *call, struct mt_infer *m,
                                 struct mt_err *err)
{
    static const char *const piped[] = { "-" };
    struct mt_data_request request = {
        .purpose = MT_DATA_PREDICT,
        .doc = m->doc,
        .spec = mt_json_get(mt_json_root(m->doc), "data"),
        .classification = m->model->loss.type->classification,
        .fitted = &m->facts,
        .inputs = piped,
        .n_inputs = 1,
        .tokens = m->tokens,
        .whole = m->model->record.mixes_batch,
        .resident = 1, /* each sample is read once */
    };
    struct prediction p = { .m = m,
                            .text = MT_STRBUF_INIT,
                            .hold = call->strict };
    size_t rows = 0;
    mt_status status;

    if (call->n_args > 1) {
        request.inputs = (const char *const *)call->args + 1;
        request.n_inputs = (size_t)call->n_args - 1;
    }
    if (mt_option(call, "horizon"))
        mt_option_size(call, "horizon", &rows);
    request.ahead = rows > 0;
    if ((status = mt_dataset_open(&request, &p.data, err)) != MT_OK)
        return status;
    if (p.data->note)
        mt_report(call, "mtrain: note: %s", p.data->note);
    status = mt_predictions_init(&p.lines, m, call->json,
                                 mt_option(call, "all") != NULL, err);
    p.lines.paths = p.data->val.names;
    if (status == MT_OK && !call->json && !mt_option(call, "no-header"))
        mt_predictions_header(&p.lines, &p.text);
    if (status == MT_OK)
        status = rows ? predict_ahead(&p, rows, err) : predict_all(&p, err);
    if (status == MT_OK && p.data->warning)
        status = mt_warn(call, NULL, "data", err, "%s", p.data->warning);
    if (status == MT_OK)
        status = write_text(&p.text, err);
    mt_strbuf_free(&p.text);
    mt_predictions_free(&p.lines);
    mt_dataset_close(p.data);
    return status;
}

static bool of_pictures(const struct mt_infer *m)
{
    return m->format && (m->format->flags & MT_FORMAT_PICTURES);
}

/* --- text --------------------------------------------------------------- */

struct output {
    const struct mt_call *call;
    const struct mt_generation *g;
    bool json, warned;
    struct mt_strbuf text, tokens;
};

/* Before the first token, which --strict then prevents. */
static mt_status warn_unknown(struct output *out, struct mt_err *err)
{
    size_t n = out->g->unknown;

    if (out->warned || !n)
        return MT_OK;
    out->warned = true;
    return mt_warn(out->call, NULL, "data", err,
                   "prompt: %zu character%s not in the vocabulary: read "
                   "as " MT_UNKNOWN_TOKEN,
                   n, n == 1 ? " is" : "s are");
}

static mt_status emit(void *ctx, size_t token, const char *text, size_t n,
                      struct mt_err *err)
{
    struct output *out = ctx;
    mt_status status = warn_unknown(out, err);

    if (status != MT_OK)
        return status;
    if (out->json) {
        if (n == 1 && !*text)
            mt_strbuf_puts(&out->text, "\xef\xbf\xbd"); /* U+FFFD */
        else
            mt_strbuf_add(&out->text, text, n);
        mt_strbuf_printf(&out->tokens, out->tokens.len ? ",%zu" : "%zu", token);
        return out->text.failed || out->tokens.failed ? mt_fail_memory(err)
                                                      : MT_OK;
    }
    if (fwrite(text, 1, n, stdout) != n || fflush(stdout) != 0)
        return mt_fail_errno(err, errno, "standard output",
                             "cannot be written");
    return MT_OK;
}

static mt_status print_object(const struct mt_generation *g, struct output *out,
                              struct mt_err *err)
{
    struct mt_strbuf line = MT_STRBUF_INIT;
    mt_status status;

    mt_strbuf_puts(&line, "{\"prompt\":");
    mt_json_add_string(&line, g->prompt);
    mt_strbuf_puts(&line, ",\"text\":");
    mt_json_add_string(&line, out->text.text ? out->text.text : "");
    mt_strbuf_printf(&line, ",\"tokens\":[%s],\"length\":%zu,\"temperature\":",
                     out->tokens.text ? out->tokens.text : "", g->length);
    mt_json_add_number(&line, g->sampling.temperature);
    mt_strbuf_printf(&line, ",\"top_k\":%zu,\"seed\":%llu}\n",
                     g->sampling.top_k, (unsigned long long)g->sampling.seed);
    status = write_text(&line, err);
    mt_strbuf_free(&line);
    return status;
}

static mt_status predict_text(const struct mt_call *call, struct mt_infer *m,
                              struct mt_generation *g, struct mt_err *err)
{
    struct output out = { .call = call,
                          .g = g,
                          .json = call->json,
                          .text = MT_STRBUF_INIT,
                          .tokens = MT_STRBUF_INIT };
    mt_status status;

    g->emit = emit;
    g->ctx = &out;
    status = mt_generate(m, g, err);
    if (status == MT_OK)
        status = warn_unknown(&out, err); /* where nothing was generated */
    if (status == MT_OK && call->json)
        status = print_object(g, &out, err);
    else if (status == MT_OK)
        putchar('\n');
    mt_strbuf_free(&out.text);
    mt_strbuf_free(&out.tokens);
    return status;
}

/* --- the command -------------------------------------------------------- */

static bool read_generation(const struct mt_call *call, struct mt_generation *g)
{
    unsigned long long length = 500, seed = 0, top_k = 0;

    g->prompt = mt_option(call, "prompt");
    g->sampling.temperature = 0.8;
    if (!whole(call, "length", &length) || !whole(call, "seed", &seed) ||
        !whole(call, "top-k", &top_k) ||
        (mt_option(call, "temperature") &&
         !mt_option_real(call, "temperature", &g->sampling.temperature)))
        return false;
    g->length = (size_t)length;
    g->sampling.seed = seed;
    g->sampling.top_k = (size_t)top_k;
    return true;
}

/* Only a model that predicts numbers one row ahead can make the next row. */
static bool check_horizon(const struct mt_call *call, const struct mt_infer *m)
{
    const struct mt_item *data = mt_json_get(mt_json_root(m->doc), "data");
    const struct mt_item *window = mt_json_get(data, "window");
    const struct mt_item *horizon = mt_json_get(window, "horizon");
    size_t rows;

    if (!mt_option_size(call, "horizon", &rows))
        return false;
    if (rows == 0)
        mt_report_usage(call, "--horizon: expected at least 1");
    else if (!window)
        mt_report_usage(call,
                        "--horizon: %s is not a model of a series "
                        "(data.window)",
                        call->args[0]);
    else if (horizon && horizon->number != 1)
        mt_report_usage(call,
                        "--horizon: %s predicts %g rows ahead; expected "
                        "a data.window with horizon 1, whose predictions "
                        "can be fed back",
                        call->args[0], horizon->number);
    else if (m->model->loss.type->classification)
        mt_report_usage(call,
                        "--horizon: %s predicts classes, which cannot be "
                        "fed back",
                        call->args[0]);
    else
        return true;
    return false;
}

/* Options and operands must suit the model. */
static bool check_use(const struct mt_call *call, const struct mt_infer *m)
{
    static const char *const of_text[] = { "prompt", "length", "temperature",
                                           "seed",   "top-k",  NULL };
    static const char *const of_samples[] = { "all", "no-header", "horizon",
                                              NULL };
    bool text = mt_generates(m);
    const char *const *wrong = text ? of_samples : of_text;

    for (; *wrong; wrong++) {
        if (!mt_option(call, *wrong))
            continue;
        mt_report_usage(call,
                        text ? "--%s: not for %s, a model of text"
                             : "--%s: %s is not a model of text",
                        *wrong, call->args[0]);
        return false;
    }
    if (mt_option(call, "horizon") && !check_horizon(call, m))
        return false;
    if (text && call->n_args > 1)
        mt_report_usage(call,
                        "%s is a model of text: it continues --prompt "
                        "TEXT, not from a file",
                        call->args[0]);
    else if (text && !mt_option(call, "prompt"))
        mt_report_usage(call, "%s is a model of text: it needs --prompt TEXT",
                        call->args[0]);
    else if (!text && of_pictures(m) &&
             (call->n_args < 2 || strcmp(call->args[1], "-") == 0))
        mt_report_usage(call, "%s is a model of pictures: it needs files or "
                        "folders of them", call->args[0]);
    else if (!text && call->n_args > 2 && !of_pictures(m))
        mt_report_usage(call, "unexpected operand \"%s\"", call->args[2]);
    else if (!text && call->n_args < 2 && isatty(STDIN_FILENO))
        mt_report_usage(call, "needs INPUT, a file, or - for standard input");
    else
        return true;
    return false;
}

static int predict_run(struct mt_call *call)
{
    struct mt_generation generation = { 0 };
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle bundle;
    struct mt_infer *m = NULL;
    mt_status status;
    int code = MT_EXIT_TROUBLE;

    if (!read_generation(call, &generation))
        return MT_EXIT_TROUBLE;
    if (mt_bundle_open(call->args[0], call->team, &bundle, &err) != MT_OK) {
        mt_hint_not_checkpoint(call->args[0], &err);
        return mt_report_error(&err);
    }
    status = mt_infer_open(&bundle, call->args[0], call->team, &m, &err);
    if (status == MT_OK)
        status = mt_bundle_detach(&bundle, &err);
    if (status == MT_OK && !check_use(call, m))
        goto out;
    if (status == MT_OK)
        status = mt_generates(m) ? predict_text(call, m, &generation, &err)
                                 : predict_samples(call, m, &err);
    code = status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
out:
    mt_infer_close(m);
    mt_bundle_free(&bundle);
    return code;
}

static const struct mt_option predict_options[] = {
    { "all", 0, NULL, "the probability of every class" },
    { "no-header", 0, NULL, "no header line" },
    { "horizon", 0, "N", "of a series: N rows after the last one" },
    { "prompt", 0, "TEXT", "what the text of a text model starts from" },
    { "length", 0, "N", "tokens of text to add (default 500)" },
    { "temperature", 0, "T",
      "divides the logits (default 0.8); 0: always the "
      "most likely" },
    { "top-k", 0, "K", "draw from the K most likely tokens (0: from all)" },
    { "seed", 0, "S", "of the random draws (default 0)" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_predict;

const struct mt_command mt_cmd_predict = {
    .name = "predict",
    .operands = "CKPT [INPUT...|-]",
    .summary =
        "predictions for new samples, or generated text",
    .options = predict_options,
    .min_args = 1,
    .max_args = (size_t)-1,
    .details =
        "INPUT is a CSV table, whose columns are found by name if it has a "
        "header; for\nother models than of tables also an .npy, .npz or IDX file; "
        "for a model of\npictures, PNG and JPEG files and folders of them. - reads "
        "CSV from standard input. One line\nfor each sample comes out: the "
        "class and its probability, or the model's output. A\nmodel of text "
        "continues --prompt. The training data is not needed.",
    .examples =
        "mtrain predict digits.mtc testdata/data/digits-val-images\n"
        "mtrain predict gpt.mtc --prompt 'the ' --length 100",
    .run = predict_run,
};
