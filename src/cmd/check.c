/* mtrain check SPEC, mtrain check --schema */
#include <stdio.h>
#include <string.h>

#include "cmd/layers.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "train/grammar.h"

static void print_data(const struct mt_session *s)
{
    const struct mt_dataset *d = mt_session_data(s);

    printf("data      %s samples of %s", mt_samples_text(s).text,
           mt_shape_text(&d->train.x.shape).text);
    if (d->fitted.classes)
        printf(", %zu classes", d->fitted.classes);
    printf("\n");
}

static void print_text(const struct mt_session *s, size_t ranks)
{
    print_data(s);
    mt_layers_print(mt_session_model(s));
    printf(
        "model     %s in %s, %zu trainable\n",
        mt_count(mt_model_parameters(mt_session_model(s), false), "parameter")
            .text,
        mt_count(mt_session_model(s)->store.n, "tensor").text,
        mt_model_parameters(mt_session_model(s), true));
    printf("training  %s, %llu an epoch, batches of %zu\n",
           mt_count(mt_session_total_steps(s), "step").text,
           (unsigned long long)mt_session_steps_per_epoch(s),
           mt_session_batch_size(s));
    printf("memory    %.1f MB at the peak: %.1f MB tensors and activations, "
           "%.1f MB data\n",
           (double)mt_session_peak_bytes(s, 0) / 1e6,
           (double)mt_session_bytes(s, 0) / 1e6,
           (double)mt_session_data_bytes(s) / 1e6);
    if (ranks > 1)
        printf("          of process 0; %.1f MB of each of the %zu others\n",
               (double)mt_session_peak_bytes(s, 1) / 1e6, ranks - 1);
}

static void print_json(const struct mt_session *s, size_t ranks)
{
    printf("{\"event\":\"check\",\"params\":%zu,\"trainable\":%zu,"
           "\"tensors\":%zu,\"samples\":%zu,\"total_steps\":%llu,"
           "\"bytes\":%zu,\"peak_bytes\":%zu",
           mt_model_parameters(mt_session_model(s), false),
           mt_model_parameters(mt_session_model(s), true),
           mt_session_model(s)->store.n, mt_session_samples(s, MT_SPLIT_TRAIN),
           (unsigned long long)mt_session_total_steps(s),
           mt_session_bytes(s, 0), mt_session_peak_bytes(s, 0));
    if (ranks > 1)
        printf(",\"ranks\":%zu,\"peak_bytes_others\":%zu", ranks,
               mt_session_peak_bytes(s, 1));
    printf("}\n");
}

static int print_schema(void)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_json *schema;

    if (mt_schema_make(&mt_spec_grammar, &schema, &err) != MT_OK)
        return mt_report_error(&err);
    mt_json_print(mt_json_root(schema), &text);
    mt_json_free(schema);
    if (text.failed)
        mt_fail_memory(&err);
    else
        fputs(text.text, stdout);
    mt_strbuf_free(&text);
    return err.status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static int check_spec(struct mt_call *call)
{
    struct mt_open_request request = {
        .path = call->args[0],
        .data_dir = mt_option(call, "data-dir"),
        .overrides = call->args + 1,
        .n_overrides = call->n_args - 1,
        .purpose = MT_DATA_CHECK,
        .team = call->team,
    };
    struct mt_err err = MT_ERR_INIT;
    struct mt_opened opened;
    mt_status status;

    if (mt_option(call, "ranks") &&
        !mt_option_size(call, "ranks", &request.ranks))
        return MT_EXIT_TROUBLE;
    if (mt_open_spec(&request, &opened, &err) != MT_OK)
        return mt_report_error(&err);
    status = mt_session_plan(opened.session, &err);
    if (status == MT_OK)
        status = mt_opened_warn(call, &opened, NULL, &err);
    if (status == MT_OK && mt_session_data(opened.session)->note)
        mt_report(call, "mtrain: note: %s", mt_session_data(opened.session)->note);
    if (status == MT_OK && call->json)
        print_json(opened.session, request.ranks);
    else if (status == MT_OK && !call->quiet)
        print_text(opened.session, request.ranks);
    mt_opened_close(&opened);
    return status == MT_OK ? MT_EXIT_DONE : mt_report_error(&err);
}

static int check_run(struct mt_call *call)
{
    if (!mt_option(call, "schema"))
        return call->n_args ? check_spec(call)
                            : mt_report_usage(call, "needs a SPEC");
    if (call->n_args)
        return mt_report_usage(call, "--schema takes no SPEC, got \"%s\"",
                               call->args[0]);
    return print_schema();
}

static const struct mt_option check_options[] = {
    { "data-dir", 0, "DIR", "where relative data paths start" },
    { "ranks", 0, "N", "the memory of N processes (default 1)" },
    { "schema", 0, NULL, "print the JSON Schema (2020-12) of specs" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_check;

const struct mt_command mt_cmd_check = {
    .name = "check",
    .operands = "SPEC [KEY=VALUE]...",
    .summary = "validate a spec: shapes, parameters, memory, data",
    .options = check_options,
    .max_args = (size_t)-1,
    .details =
        "Infers every shape and has a look at the data; prints how many "
        "samples there are, the\nlayers with output shapes and parameters, "
        "steps and memory. Nothing is written. A spec\nmay name the schema as "
        "its \"$schema\", for editors.",
    .examples =
        "mtrain check digits.json\n"
        "mtrain check digits.json data.batch_size=128\n"
        "mtrain check --schema",
    .run = check_run,
};
