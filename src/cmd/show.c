/* mtrain show FILE [TENSOR] */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/layers.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/tensors.h"
#include "cmd/warn.h"
#include "train/infer.h"
#include "train/state.h"
#include "train/statename.h"

/* What is shown: a state, and its spec and model where it has them. */
struct shown {
    const struct mt_call *call;
    const char *path;
    struct mt_bundle bundle;
    struct mt_json *doc;    /* or NULL */
    struct mt_infer *infer; /* or NULL */
};

/* --- the history -------------------------------------------------------- */

enum { MAX_COLUMNS = 64, SHOWN_ENDS = 6 };

struct history {
    size_t n; /* epochs */
    const struct mt_array *column[MAX_COLUMNS];
    const char *name[MAX_COLUMNS]; /* "epoch", "train.loss" */
    size_t n_columns;
    const struct mt_array *val_samples; /* 0: that epoch was not evaluated */
};

/* Columns as long as that of the epochs; how many samples is left out. */
static void find_history(const struct mt_bundle *b, struct history *h)
{
    const struct mt_array *epochs = 
        mt_bundle_find(b, mt_name_history(NULL, "epoch").text);

    *h = (struct history){ 0 };
    if (!epochs || epochs->shape.rank != 1)
        return;
    h->n = epochs->shape.dim[0];
    for (size_t i = 0; i < b->n && h->n_columns < MAX_COLUMNS; i++) {
        const struct mt_array *a = &b->arrays[i];
        const char *name = mt_name_column(a->name);

        if (!name || a->shape.rank != 1 || a->shape.dim[0] != h->n)
            continue;
        if (strcmp(name, "val.samples") == 0)
            h->val_samples = a;
        else if (strcmp(name, "train.samples") != 0) {
            h->name[h->n_columns] = name;
            h->column[h->n_columns++] = a;
        }
    }
}

static bool is_val(const char *name)
{
    return strncmp(name, "val.", 4) == 0;
}

/* Was this value taken in that epoch? */
static bool is_known(const struct history *h, size_t column, size_t epoch)
{
    if (isnan(mt_array_value(h->column[column], epoch)))
        return false;
    return !is_val(h->name[column]) || !h->val_samples ||
           mt_array_value(h->val_samples, epoch) > 0;
}

static void print_heading(const struct history *h)
{
    for (size_t c = 0; c < h->n_columns; c++) {
        const char *name = h->name[c];

        if (strncmp(name, "train.", 6) == 0)
            name += 6;
        printf("  %*s%s", (int)(strlen(name) < 9 ? 9 - strlen(name) : 0), "",
               name);
    }
    printf("\n");
}

static void print_epoch(const struct history *h, size_t epoch)
{
    for (size_t c = 0; c < h->n_columns; c++) {
        int width = (int)strlen(h->name[c]);

        if (strncmp(h->name[c], "train.", 6) == 0)
            width -= 6;
        width = width < 9 ? 9 : width;
        double value = mt_array_value(h->column[c], epoch);

        if (!is_known(h, c, epoch))
            printf("  %*s", width, "-");
        else if (h->column[c]->dtype == MT_I64)
            printf("  %*.0f", width, value);
        else
            printf("  %*.4g", width, value);
    }
    printf("\n");
}

static void print_history(const struct mt_bundle *b)
{
    struct history h;

    find_history(b, &h);
    if (!h.n)
        return;
    printf("history\n");
    print_heading(&h);
    for (size_t i = 0; i < h.n; i++) {
        if (h.n > 2 * SHOWN_ENDS && i == SHOWN_ENDS) {
            printf("  %9s\n", "...");
            i = h.n - SHOWN_ENDS;
        }
        print_epoch(&h, i);
    }
}

static void add_epoch(const struct history *h, size_t epoch,
                      struct mt_strbuf *out)
{
    mt_strbuf_putc(out, '{');
    for (size_t c = 0; c < h->n_columns; c++) {
        mt_strbuf_puts(out, c ? "," : "");
        mt_json_add_string(out, h->name[c]);
        mt_strbuf_putc(out, ':');
        mt_json_add_number(out, is_known(h, c, epoch)
                                    ? mt_array_value(h->column[c], epoch)
                                    : NAN);
    }
    mt_strbuf_putc(out, '}');
}

/* --- a summary ---------------------------------------------------------- */

static size_t count_tensors(const struct mt_bundle *b,
                            enum mt_state_section section, size_t *values)
{
    size_t n = 0;

    *values = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        if (mt_name_is(a->name, section)) {
            n++;
            *values += mt_shape_elements(&a->shape);
        }
    }
    return n;
}

static void print_tensors(const struct mt_bundle *b,
                          enum mt_state_section section)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        if (mt_name_is(a->name, section))
            printf("  %-40s %-16s %s\n", mt_name_key(a->name),
                   mt_shape_text(&a->shape).text, mt_array_type(a));
    }
}

static void print_counts(const char *part, size_t n, size_t values)
{
    printf("%-10s %s, %s\n", part, mt_count(n, "tensor").text,
           mt_count(values, "value").text);
}

static void print_model(const struct shown *s)
{
    size_t values, n = count_tensors(&s->bundle, MT_MODEL, &values);

    if (s->infer) {
        const struct mt_model *m = s->infer->model;
        size_t all = mt_model_parameters(m, false);

        mt_layers_print(m);
        printf("model      %s, %zu trainable; %s, %s\n",
               mt_count(all, "parameter").text, mt_model_parameters(m, true),
               mt_count(n, "tensor").text, mt_count(values, "value").text);
    } else {
        print_counts("model", n, values);
    }
    if (!s->infer || s->call->verbose)
        print_tensors(&s->bundle, MT_MODEL);
}

/* "optimizer  SGD  lr 0.1, momentum 0.9" */
static void print_part(const struct shown *s, const char *part)
{
    const struct mt_item *object = mt_json_get(mt_json_root(s->doc), part);
    const struct mt_item *type = mt_json_get(object, "type");
    const char *separator = "  ";

    if (!mt_is_string(type))
        return;
    printf("%-10s %s", part, type->text);
    for (const struct mt_item *item = object->child; item; item = item->next) {
        struct mt_strbuf value = MT_STRBUF_INIT;

        if (item == type)
            continue;
        mt_json_print_compact(item, &value);
        printf("%s%s %s", separator, item->key,
               value.text ? value.text : "");
        mt_strbuf_free(&value);
        separator = ", ";
    }
    printf("\n");
}

static void print_optimizer(const struct shown *s)
{
    size_t values, n = count_tensors(&s->bundle, MT_OPTIMIZER, &values);

    if (s->doc)
        print_part(s, "optimizer");
    print_counts(s->doc ? "  state" : "optimizer", n, values);
    if (s->call->verbose)
        print_tensors(&s->bundle, MT_OPTIMIZER);
}

static void print_progress(const struct mt_bundle *b)
{
    long long end = mt_bundle_get_i64(b, MT_NAME_STOPPING "end_step", 0);

    if (!mt_bundle_find(b, MT_NAME_STEP))
        return;
    printf("progress   step %lld, epoch %lld, batch %lld",
           (long long)mt_bundle_get_i64(b, MT_NAME_STEP, 0),
           (long long)mt_bundle_get_i64(b, MT_NAME_EPOCH, 0),
           (long long)mt_bundle_get_i64(b, MT_NAME_BATCH, 0));
    if (end)
        printf("; the best epoch of a run that ended at step %lld", end);
    putchar('\n');
}

static void print_mean(const struct shown *s)
{
    size_t values, n = count_tensors(&s->bundle, MT_EMA, &values);

    if (!n)
        return;
    print_counts("ema", n, values);
    if (s->call->verbose)
        print_tensors(&s->bundle, MT_EMA);
}

static void print_summary(const struct shown *s)
{
    const struct mt_bundle *b = &s->bundle;

    printf("%s\n", s->path);
    print_model(s);
    if (s->doc)
        print_part(s, "loss");
    print_optimizer(s);
    print_mean(s);
    if (s->doc) {
        print_part(s, "scheduler");
        print_part(s, "data");
    }
    print_progress(b);
    print_history(b);
}

static void add_model(const struct shown *s, struct mt_strbuf *out)
{
    const struct mt_model *m = s->infer->model;

    mt_strbuf_printf(out, "\"params\":%zu,\"trainable\":%zu,\"layers\":",
                     mt_model_parameters(m, false),
                     mt_model_parameters(m, true));
    mt_layers_add_json(m, out);
    mt_strbuf_putc(out, ',');
}

static void add_parts(const struct shown *s, struct mt_strbuf *out)
{
    static const char *const parts[] = { "loss", "optimizer", "scheduler",
                                         "data" };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct mt_item *object = mt_json_get(mt_json_root(s->doc), parts[i]);

        if (!object)
            continue;
        mt_strbuf_printf(out, "\"%s\":", parts[i]);
        mt_json_print_compact(object, out);
        mt_strbuf_putc(out, ',');
    }
}

static void print_json(const struct shown *s)
{
    const struct mt_bundle *b = &s->bundle;
    struct mt_strbuf out = MT_STRBUF_INIT;
    struct history h;

    if (s->infer)
        add_model(s, &out);
    if (s->doc)
        add_parts(s, &out);
    find_history(b, &h);
    mt_strbuf_puts(&out, "\"history\":[");
    for (size_t i = 0; i < h.n; i++) {
        mt_strbuf_puts(&out, i ? "," : "");
        add_epoch(&h, i, &out);
    }
    mt_strbuf_puts(&out, "],\"arrays\":[");
    for (size_t i = 0; i < b->n; i++) {
        const struct mt_array *a = &b->arrays[i];

        mt_strbuf_puts(&out, i ? ",{\"name\":" : "{\"name\":");
        mt_json_add_string(&out, a->name);
        mt_strbuf_printf(&out, ",\"dtype\":\"%s\",\"shape\":%s}",
                         mt_array_type(a),
                         mt_shape_text(&a->shape).text);
    }
    printf("{\"step\":%lld,\"epoch\":%lld,%s]}\n",
           (long long)mt_bundle_get_i64(b, MT_NAME_STEP, 0),
           (long long)mt_bundle_get_i64(b, MT_NAME_EPOCH, 0),
           out.text ? out.text : "\"arrays\":[");
    mt_strbuf_free(&out);
}

/* --- the command -------------------------------------------------------- */

/* Not every state has a spec, and this program cannot build the model of every
 * spec; the tensors can be shown all the same. */
static void open_model(struct shown *s, struct mt_err *err)
{
    if (!mt_bundle_find(&s->bundle, MT_NAME_SPEC))
        mt_fail(err, MT_INVALID,
                "%s: has no spec, so nothing is known about its "
                "layers",
                s->path);
    else if (mt_state_spec(&s->bundle, s->path, &s->doc, err) == MT_OK)
        mt_infer_describe(&s->bundle, s->path, &s->infer, err);
}

static int show_state(struct shown *s)
{
    struct mt_err err = MT_ERR_INIT, strict = MT_ERR_INIT;
    mt_status status = MT_OK;

    open_model(s, &err);
    if (mt_option(s->call, "dot")) {
        if (!s->infer)
            return mt_report_error(&err);
        mt_layers_print_dot(s->infer->model, s->path);
        return MT_EXIT_DONE;
    }
    if (err.status != MT_OK && mt_bundle_find(&s->bundle, MT_NAME_SPEC))
        status = mt_warn(s->call, NULL, "model", &strict,
                         "cannot show the layers: %s", err.text);
    if (status != MT_OK)
        return mt_report_error(&strict);
    if (s->call->json)
        print_json(s);
    else
        print_summary(s);
    return MT_EXIT_DONE;
}

static int show_spec(const struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_bundle b = MT_BUNDLE_INIT;
    struct mt_json *doc = NULL;
    struct mt_strbuf text = MT_STRBUF_INIT;
    mt_status status;

    if (mt_is_spec(call->args[0])) {
        status = mt_json_read_file(call->args[0], &doc, &err);
    } else {
        status = mt_bundle_open(call->args[0], call->team, &b, &err);
        if (status == MT_OK)
            status = mt_state_spec(&b, call->args[0], &doc, &err);
    }
    if (status == MT_OK) {
        mt_json_print(mt_json_root(doc), &text);
        fputs(text.text ? text.text : "", stdout);
    }
    mt_strbuf_free(&text);
    if (doc)
        mt_json_free(doc);
    mt_bundle_free(&b);
    return status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static int show_digest(const struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *ckpt;

    if (mt_ckpt_verify(call->args[0], NULL, NULL, call->team, &err) != MT_OK ||
        mt_ckpt_open(call->args[0], &ckpt, &err) != MT_OK) {
        mt_hint_not_checkpoint(call->args[0], &err);
        return mt_report_error(&err);
    }
    if (call->json)
        printf("{\"digest\":\"%s\"}\n", mt_ckpt_info(ckpt).digest);
    else
        printf("%s\n", mt_ckpt_info(ckpt).digest);
    mt_ckpt_close(ckpt);
    return MT_EXIT_DONE;
}

/* Options that show one thing of the whole file exclude each other, and a
 * TENSOR. */
static bool options_agree(const struct mt_call *call)
{
    static const char *const whole[] = { "digest", "spec", "dot" };
    const char *given = NULL;

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if (!mt_option(call, whole[i]))
            continue;
        if (given || call->n_args > 1) {
            mt_report_usage(
                call,
                "--%s shows a whole FILE: it cannot be combined with %s%s",
                whole[i], given ? "--" : "TENSOR", given ? given : "");
            return false;
        }
        given = whole[i];
    }
    if (mt_option(call, "dot") && call->json) {
        mt_report_usage(
            call, "--dot cannot be combined with --json, which has the graph "
                  "as the \"inputs\" of its layers");
        return false;
    }
    return true;
}

static int show_run(struct mt_call *call)
{
    struct mt_state_options options = mt_state_options(call);
    struct shown s = { .call = call, .path = call->args[0] };
    struct mt_err err = MT_ERR_INIT;
    int code;

    if (!options_agree(call))
        return MT_EXIT_TROUBLE;
    if (mt_option(call, "digest"))
        return show_digest(call);
    if (mt_option(call, "spec"))
        return show_spec(call);
    bool tensor = call->n_args > 1;

    if ((tensor ? mt_open_state
                : mt_list_state)(s.path, mt_option(call, "data-dir"), &options,
                                 call->team, &s.bundle, &err) != MT_OK)
        return mt_report_error(&err);
    code = tensor ? mt_tensor_show(call, &s.bundle, s.path, call->args[1])
                  : show_state(&s);
    mt_infer_close(s.infer);
    mt_json_free(s.doc);
    mt_bundle_free(&s.bundle);
    return code;
}

static const struct mt_option show_options[] = {
    { "spec", 0, NULL, "print the exact spec" },
    { "digest", 0, NULL, "print the digest of the whole state" },
    { "dot", 0, NULL, "print the graph of the model for Graphviz" },
    MT_STATE_OPTIONS,
    { "data-dir", 0, "DIR", "where relative data paths of a SPEC start" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_show;

const struct mt_command mt_cmd_show = {
    .name = "show",
    .operands = "FILE [TENSOR]",
    .summary = "summarize a spec, checkpoint, state file or tensor",
    .options = show_options,
    .min_args = 1,
    .max_args = 2,
    .details =
        "Prints the layers with output shapes and parameters, optimizer, "
        "position and history;\nwith -v the tensors, too. For one TENSOR it "
        "prints statistics and a histogram:\nfc1.weight, "
        "optimizer.exp_avg.fc1.weight or history.train.loss. Of a checkpoint "
        "no data\nis read. 'mtrain show --dot FILE | dot -Tsvg >FILE.svg' "
        "draws the model.",
    .examples =
        "mtrain show digits.mtc\n"
        "mtrain show digits.mtc fc1.weight\n"
        "mtrain show --spec digits.mtc\n"
        "mtrain show --dot digits.json",
    .run = show_run,
};
