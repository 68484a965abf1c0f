/* mtrain init [TEMPLATE] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/nearest.h"
#include "cmd/report.h"
#include "cmd/shellwords.h"
#include "cmd/templates.h"
#include "train/outputs.h"
#include "train/session.h"

static int list_templates(const struct mt_call *call)
{
    for (const struct mt_template *t = mt_templates; t->name; t++) {
        if (!call->json) {
            printf("%-20s %s\n", t->name, t->doc);
            continue;
        }
        printf("{\"template\":\"%s\",\"doc\":", t->name);
        mt_print_json_string(t->doc);
        printf("}\n");
    }
    if (!call->json)
        mt_report(call, "'mtrain init TEMPLATE' writes one as TEMPLATE.json");
    return MT_EXIT_DONE;
}

static const char *template_for(const char *file)
{
    static const char *const endings[][2] = { { ".npy", "autoencoder" },
                                              { ".txt", "gpt" } };

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (mt_ends_with(file, endings[i][0]))
            return endings[i][1];
    }
    return "csv";
}

/* A usage error with the command that was probably meant: `said`, then "mtrain
 * init TEMPLATE --OPTION VALUE", quoted for a shell. */
static int propose(const struct mt_call *call, const char *said,
                   const char *template, const char *option, const char *value)
{
    struct mt_strbuf command = MT_STRBUF_INIT;

    mt_strbuf_puts(&command, "mtrain init ");
    mt_shell_word(&command, template);
    mt_shell_option(&command, option, value);
    mt_report_usage(call, "%s: %s", said,
                    command.text ? command.text : "mtrain help init");
    mt_strbuf_free(&command);
    return MT_EXIT_TROUBLE;
}

/* "init csv my.csv": a file is given by --data. */
static int stray_operand(const struct mt_call *call)
{
    const char *name = call->args[1];
    char said[512];

    if (!mt_output_exists(name))
        return mt_report_usage(call, "unexpected operand \"%s\"", name);
    snprintf(said, sizeof said, "unexpected operand \"%.400s\"; for data of "
             "your own", name);
    return propose(call, said, call->args[0], "data", name);
}

/* "init my.csv", too. */
static int file_for_template(const struct mt_call *call, const char *name)
{
    char said[512];

    snprintf(said, sizeof said,
             "\"%.400s\" is a file, not a TEMPLATE; for data "
             "of your own",
             name);
    return propose(call, said, template_for(name), "data", name);
}

/* "init --data my.csv": listing the templates would ignore the option. */
static int needs_template(const struct mt_call *call, const char *option)
{
    const char *value = mt_option(call, option);
    bool data = strcmp(option, "data") == 0;
    char said[64];

    snprintf(said, sizeof said, "--%s needs a TEMPLATE, as in", option);
    return propose(call, said, data ? template_for(value) : "csv", option,
                   value);
}

static int unknown_template(const struct mt_call *call)
{
    const char *near, *given = call->args[0];
    struct mt_nearest search = mt_nearest_to(given);

    if (mt_output_exists(given))
        return file_for_template(call, given);
    for (size_t i = 0; mt_templates[i].name; i++)
        mt_nearest_try(&search, mt_templates[i].name);
    near = search.best;
    fprintf(stderr, "mtrain init: unknown template \"%s\"%s%s%s\n'mtrain init' "
            "lists the templates\n", given,
            near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    return MT_EXIT_TROUBLE;
}

static void report_line(void *ctx, const char *text)
{
    mt_report(ctx, "%s", text);
}

/* A spec that would not train is not written. */
static mt_status try_spec(const struct mt_call *call, struct mt_json *doc,
                          struct mt_err *err)
{
    struct mt_session_request request = { .doc = doc,
                                          .team = call->team,
                                          .purpose = MT_DATA_CHECK,
                                          .memory = MT_MEMORY_NONE };
    struct mt_session *s = NULL;
    mt_status status = mt_session_open(&request, &s, err);

    if (status == MT_OK)
        status = mt_session_plan(s, err);
    mt_session_close(s);
    return status;
}

static mt_status write_spec(const struct mt_json *doc, const char *path,
                            struct mt_err *err)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_replace *r;
    mt_status status = MT_OK;

    mt_json_print_short(mt_json_root(doc), &text);
    if (text.failed)
        status = mt_fail_memory(err);
    else if (strcmp(path, "-") == 0)
        fputs(text.text, stdout);
    else
        status = mt_replace_open(path, &r, err);
    if (status == MT_OK && strcmp(path, "-") != 0) {
        status = mt_replace_write(r, text.text, text.len, err);
        if (status == MT_OK)
            status = mt_replace_commit(r, err);
        else
            mt_replace_abort(r);
    }
    mt_strbuf_free(&text);
    return status;
}

static void report_next(const struct mt_call *call, const struct mt_template *t,
                        const char *path)
{
    bool own = mt_option(call, "data") != NULL;

    if (call->json && strcmp(path, "-") != 0) {
        printf("{\"event\":\"init\",\"template\":\"%s\",\"path\":", t->name);
        mt_print_json_string(path);
        printf("}\n");
    }
    if (!own)
        mt_report(call, "its data is made from the seed; for your own: mtrain "
                  "init %s%s%s", t->own ? t->name : "csv ", t->own ? " " : "",
                  t->own ? t->own : "--data FILE.csv");
    if (strcmp(path, "-") != 0) {
        struct mt_strbuf word = MT_STRBUF_INIT;

        mt_shell_word(&word, path);
        mt_report(call, "wrote %s; to train it: mtrain train %s", path,
                  word.text ? word.text : path);
        mt_strbuf_free(&word);
    }
}

static const char *const header_choices[] = {
    [MT_HEADER_YES - 1] = "yes",
    [MT_HEADER_NO - 1] = "no",
    NULL,
};

static enum mt_csv_header_hint read_header(const struct mt_call *call)
{
    return (enum mt_csv_header_hint)(mt_option_choice(call, "header") + 1);
}

static int init(struct mt_call *call, const struct mt_template *t,
                const char *path)
{
    struct mt_own_data own = { .files = mt_option_all(call, "data"),
                               .targets = mt_option_all(call, "target"),
                               .header = read_header(call),
                               .delimiter = mt_option(call, "delimiter"),
                               .decimal = mt_option(call, "decimal"),
                               .thousands = mt_option(call, "thousands"),
                               .report = report_line,
                               .ctx = call };
    static const char *const of_tables[] = { "target",    "header",
                                             "delimiter", "decimal",
                                             "thousands", "window" };
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc;

    while (own.files[own.n])
        own.n++;
    while (own.targets[own.n_targets])
        own.n_targets++;
    for (size_t i = 0; i < sizeof of_tables / sizeof *of_tables; i++)
        if (!own.n && mt_option(call, of_tables[i]))
            return mt_report_usage(call, "--%s needs --data FILE.csv",
                                   of_tables[i]);
    if (mt_option(call, "window") &&
        !mt_option_size(call, "window", &own.window))
        return MT_EXIT_TROUBLE;
    if ((strcmp(path, "-") != 0 &&
         mt_replace_probe(path, call->force, &err) != MT_OK) ||
        mt_template_spec(t, &own, &doc, &err) != MT_OK)
        return mt_report_error(&err);
    mt_status status = try_spec(call, doc, &err);

    if (status == MT_OK)
        status = write_spec(doc, path, &err);
    mt_json_free(doc);
    if (status != MT_OK)
        return mt_report_error(&err);
    report_next(call, t, path);
    return MT_EXIT_DONE;
}

static int init_run(struct mt_call *call)
{
    const struct mt_template *t;
    static const char *const options[] = { "data",      "target",  "header",
                                           "delimiter", "decimal", "thousands",
                                           "window",    "output" };
    const char *given = mt_option(call, "output");
    char path[64];

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!call->n_args && mt_option(call, options[i]))
            return needs_template(call, options[i]);
    }
    if (!call->n_args)
        return list_templates(call);
    if (call->n_args > 1)
        return stray_operand(call);
    t = mt_template_find(call->args[0]);
    if (!t)
        return unknown_template(call);
    snprintf(path, sizeof path, "%s.json", t->name);
    return init(call, t, given ? given : path);
}

static const struct mt_option init_options[] = {
    { "output", 'o', "FILE",
      "the spec to write (default: TEMPLATE.json; -: "
      "standard output)" },
    { "data", 0, "FILE", "your own data; given twice for images and labels" },
    { "target", 0, "COLUMN",
      "of a table: a column to predict, by name or "
      "index (default: the last one)" },
    { "header", 0, "yes|no",
      "of a table: is the first line a header? "
      "(default: detected)",
      header_choices },
    { "delimiter", 0, "C",
      "of a table: the character between fields (default: "
      "detected)" },
    { "decimal", 0, "C",
      "of a table: the character before decimals, a point or "
      "a comma (default: detected)" },
    { "thousands", 0, "C",
      "of a table: the character between groups of three "
      "digits (default: detected)" },
    { "window", 0, "STEPS",
      "the table is a series: predict a row from the "
      "STEPS rows before it" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_init;

const struct mt_command mt_cmd_init = {
    .name = "init",
    .operands = "[TEMPLATE]",
    .summary = "write a spec to start from, which trains at once",
    .options = init_options,
    .max_args = 2, /* init_run has a better message for a second one */
    .details =
        "Without TEMPLATE, lists the templates. Without --data, a spec's data "
        "is made from the\nseed. With --data FILE.csv, the templates csv and "
        "mlp find out what each column is\nand whether the target is a "
        "class or a number, and print what they decided and why.",
    .examples =
        "mtrain init\n"
        "mtrain init gpt\n"
        "mtrain init csv --data testdata/data/blobs.csv --target shape",
    .run = init_run,
};
