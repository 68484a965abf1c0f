/* mtrain predict CKPT [INPUT|-] */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cmd/predictions.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/warn.h"
#include "data/inputrows.h"
#include "spec/tree.h"
#include "train/generate.h"
#include "train/range.h"

/* Samples that go through the model at once: the result does not depend on
 * it. */
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

/* At once: who reads from a pipe wants each line as it comes. */
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

/* One batch: n samples, from number `start` of the column on. first: the number
 * of the first one among all. */
static mt_status predict_batch(struct mt_infer *m,
                               const struct mt_column *column, size_t start,
                               size_t n, size_t first, struct mt_predictions *p,
                               struct mt_strbuf *lines, struct mt_err *err)
{
    mt_status status = mt_infer_prepare(m, n, &m->model->x, err);
    const float *y;
    size_t bad;

    if (status == MT_OK)
        status = mt_infer_gather(m, column, start, err);
    if (status != MT_OK)
        return status;
    y = mt_infer_run(m);
    bad = mt_range_find(&m->model->loss, y, n * p->outputs);
    if (bad < n * p->outputs)
        return mt_fail(err, MT_INVALID,
                       "sample %zu: the output is %g, which is no probability, "
                       "but %s takes it for one; a model that ends with a "
                       "Sigmoid layer gives no other",
                       first + bad / p->outputs, (double)y[bad],
                       m->model->loss.type->name);
    for (size_t i = 0; i < n; i++)
        mt_predictions_add(p, first + i, y + i * p->outputs, lines);
    return write_text(lines, err);
}

static mt_status predict_all(struct mt_infer *m, struct mt_inputs *inputs,
                             struct mt_predictions *p, bool header,
                             struct mt_err *err)
{
    struct mt_strbuf lines = MT_STRBUF_INIT;
    size_t n = 1, done = 0;
    mt_status status = MT_OK;

    if (header)
        mt_predictions_header(p, &lines);
    while (status == MT_OK && n > 0) {
        struct mt_column column;

        status = mt_inputs_next(inputs, BATCH, &column, &n, err);
        if (status == MT_OK && n > 0)
            status = predict_batch(m, &column, 0, n, done, p, &lines, err);
        done += n;
    }
    if (status == MT_OK) /* the header, if there was no sample */
        status = write_text(&lines, err);
    mt_strbuf_free(&lines);
    return status;
}

/* --- a series, continued ------------------------------------------------ */

/* What the last window of the series is followed by, and then each row that is
 * made of its own predictions: n lines. of: the target that each feature is;
 * cells: room for a row. */
static mt_status continue_rows(struct mt_infer *m, struct mt_input_rows *rows,
                               size_t n, const size_t *of, double *cells,
                               struct mt_predictions *p,
                               struct mt_strbuf *lines, struct mt_err *err)
{
    mt_status status = mt_infer_prepare(m, 1, &m->model->x, err);

    for (size_t i = 0; i < n && status == MT_OK; i++) {
        struct mt_column column;
        const float *y;

        mt_input_rows_last(rows, &column);
        status = mt_infer_gather(m, &column, 0, err);
        if (status != MT_OK)
            return status;
        y = mt_infer_run(m);
        mt_predictions_add(p, i, y, lines);
        status = write_text(lines, err);
        for (size_t f = 0; f < mt_input_rows_features(rows); f++) {
            cells[f] = mt_infer_value(m, of[f], y[of[f]]);
            if (!isfinite(cells[f]) && i + 1 < n && status == MT_OK)
                status = mt_fail(err, MT_NON_FINITE,
                                 "the prediction of row %zu after the last one "
                                 "is not a finite number, and cannot be fed "
                                 "back", i + 1);
        }
        mt_input_rows_append(rows, cells);
    }
    return status;
}

static mt_status predict_ahead(struct mt_infer *m, struct mt_inputs *inputs,
                               size_t n, struct mt_predictions *p, bool header,
                               struct mt_err *err)
{
    struct mt_input_rows *rows = mt_inputs_rows(inputs);
    size_t width = rows ? mt_input_rows_features(rows) : 0, some = 1;
    size_t *of = calloc(width + 1, sizeof *of);
    double *cells = calloc(width + 1, sizeof *cells);
    struct mt_strbuf lines = MT_STRBUF_INIT;
    struct mt_column column;
    mt_status status = of && cells ? MT_OK : mt_fail_memory(err);

    if (status == MT_OK && !rows)
        status = mt_fail(err, MT_INVALID,
                         "--horizon: the input is an array; expected a table, "
                         "whose last rows the series continues");
    if (status == MT_OK)
        status = mt_input_rows_feedback(rows, of, err);
    while (status == MT_OK && some > 0)
        status = mt_inputs_next(inputs, BATCH, &column, &some, err);
    if (header)
        mt_predictions_header(p, &lines);
    if (status == MT_OK)
        status = continue_rows(m, rows, n, of, cells, p, &lines, err);
    mt_strbuf_free(&lines);
    free(cells);
    free(of);
    return status;
}

static mt_status predict_samples(const struct mt_call *call, struct mt_infer *m,
                                 struct mt_err *err)
{
    const struct mt_fitted *f = &m->facts;
    bool table = m->format && m->format->flags & MT_FORMAT_TABLE;
    struct mt_inputs_request request = {
        .path = call->n_args > 1 ? call->args[1] : "-",
        .doc = m->doc,
        .spec = table ? mt_json_get(mt_json_root(m->doc), "data") : NULL,
        .shape = f->x,
        .tokens = m->tokens,
        .feature_names = f->feature_names,
        .target_names = f->target_names,
        .n_targets = table ? mt_shape_elements(&f->y) : 0,
        .n_features = f->n_features,
        .facts = table ? f->facts : NULL,
        .whole = m->model->record.mixes_batch,
    };
    bool header = !call->json && !mt_option(call, "no-header");
    struct mt_predictions p;
    struct mt_inputs *inputs;
    size_t rows = 0;
    mt_status status;

    if (mt_option(call, "horizon"))
        mt_option_size(call, "horizon", &rows);
    if ((status = mt_inputs_open(&request, &inputs, err)) != MT_OK)
        return status;
    if (mt_inputs_ignored(inputs))
        mt_report(call, "mtrain: note: passed over the columns %s",
                  mt_inputs_ignored(inputs));
    status = mt_predictions_init(&p, m, call->json,
                                 mt_option(call, "all") != NULL, err);
    if (status == MT_OK)
        status = rows ? predict_ahead(m, inputs, rows, &p, header, err)
                      : predict_all(m, inputs, &p, header, err);
    if (status == MT_OK && mt_inputs_warning(inputs))
        status =
            mt_warn(call, NULL, "data", err, "%s", mt_inputs_warning(inputs));
    mt_predictions_free(&p);
    mt_inputs_close(inputs);
    return status;
}

/* --- pictures ----------------------------------------------------------- */

static mt_status predict_part(struct mt_infer *m, const struct mt_part *part,
                              struct mt_predictions *p, bool header,
                              struct mt_err *err)
{
    struct mt_strbuf lines = MT_STRBUF_INIT;
    mt_status status = MT_OK;

    p->paths = part->names;
    if (header)
        mt_predictions_header(p, &lines);
    for (size_t at = 0; at < part->samples && status == MT_OK; at += BATCH)
        status = predict_batch(m, &part->x, at,
                               mt_size_min(BATCH, part->samples - at), at, p,
                               &lines, err);
    if (status == MT_OK)
        status = write_text(&lines, err);
    mt_strbuf_free(&lines);
    return status;
}

/* Files and folders of pictures, through the format that trained. */
static mt_status predict_pictures(const struct mt_call *call,
                                  struct mt_infer *m, struct mt_err *err)
{
    struct mt_data_request request = {
        .purpose = MT_DATA_PREDICT,
        .doc = m->doc,
        .spec = mt_json_get(mt_json_root(m->doc), "data"),
        .classification = m->model->loss.type->classification,
        .fitted = &m->facts,
        .inputs = (const char *const *)call->args + 1,
        .n_inputs = (size_t)call->n_args - 1,
    };
    struct mt_dataset *data = NULL;
    struct mt_predictions p;
    mt_status status = mt_dataset_open(&request, &data, err);

    if (status != MT_OK)
        return status;
    status = mt_predictions_init(&p, m, call->json,
                                 mt_option(call, "all") != NULL, err);
    if (status == MT_OK)
        status = predict_part(m, &data->val, &p,
                              !call->json && !mt_option(call, "no-header"),
                              err);
    mt_predictions_free(&p);
    mt_dataset_close(data);
    return status;
}

static bool of_pictures(const struct mt_infer *m)
{
    return m->format && (m->format->flags & MT_FORMAT_PICTURES);
}

/* --- text --------------------------------------------------------------- */

struct output {
    bool json;
    struct mt_strbuf text, tokens;
};

static mt_status emit(void *ctx, size_t token, const char *text, size_t n,
                      struct mt_err *err)
{
    struct output *out = ctx;

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
    struct output out = { .json = call->json,
                          .text = MT_STRBUF_INIT,
                          .tokens = MT_STRBUF_INIT };
    mt_status status;

    g->emit = emit;
    g->ctx = &out;
    status = mt_generate(m, g, err);
    if (status == MT_OK && call->json)
        status = print_object(g, &out, err);
    else if (status == MT_OK)
        putchar('\n');
    if (status == MT_OK && g->unknown)
        status = mt_warn(call, NULL, "data", err,
                         "prompt: %zu character%s not "
                         "in the vocabulary: read as " MT_UNKNOWN_TOKEN,
                         g->unknown, g->unknown == 1 ? " is" : "s are");
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

/* Only what is predicted one row ahead, as a number, can be the next row. */
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
                        "--horizon: %s is no model of a series "
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
                             : "--%s: %s is no model of text",
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
    if (mt_bundle_read(call->args[0], call->team, &bundle, &err) != MT_OK) {
        mt_hint_not_checkpoint(call->args[0], &err);
        return mt_report_error(&err);
    }
    status = mt_infer_open(&bundle, call->args[0], call->team, &m, &err);
    if (status == MT_OK && !check_use(call, m))
        goto out;
    if (status == MT_OK)
        status = mt_generates(m) ? predict_text(call, m, &generation, &err)
                 : of_pictures(m) ? predict_pictures(call, m, &err)
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
