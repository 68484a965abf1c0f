/* mtrain verify FILE... */
#include <stdio.h>

#include "ckpt/container.h"
#include "cmd/report.h"
#include "cmd/specs.h"
#include "cmd/terminal.h"

struct reporter {
    const struct mt_call *call;
    const char *path;
    size_t n;
};

static void print_line(const struct reporter *out, const char *status,
                       const char *what)
{
    if (!out->call->json) {
        printf("%s%s%s\n", mt_color(stdout, MT_COLOR_BAD), what,
               mt_color(stdout, MT_COLOR_END));
        return;
    }
    printf("{\"event\":\"verify\",\"path\":");
    mt_print_json_string(out->path);
    printf(",\"status\":\"%s\",\"what\":", status);
    mt_print_json_string(what);
    printf("}\n");
}

static void report_damage(void *ctx, const char *what)
{
    struct reporter *out = ctx;

    out->n++;
    print_line(out, "damaged", what);
}

static int verify_file(const struct mt_call *call, const char *path)
{
    struct reporter reporter = { call, path, 0 };
    struct mt_err err = MT_ERR_INIT;
    mt_status status =
        mt_ckpt_verify(path, report_damage, &reporter, call->team, &err);

    if (status == MT_OK) {
        if (call->json)
            print_line(&reporter, "ok", "");
        else if (!call->quiet)
            printf("%s: %sok%s\n", path, mt_color(stdout, MT_COLOR_GOOD),
                   mt_color(stdout, MT_COLOR_END));
        return MT_EXIT_DONE;
    }
    if (status == MT_INVALID && mt_is_spec(path))
        mt_hint(&err, "it is a spec, which 'mtrain check %s' validates", path);
    if (status != MT_DAMAGED)
        return mt_report_error(&err);
    if (reporter.n == 0)
        print_line(&reporter, "damaged", err.text);
    return MT_EXIT_NO;
}

static int verify_run(struct mt_call *call)
{
    int worst = MT_EXIT_DONE;

    for (size_t i = 0; i < call->n_args; i++) {
        int code = verify_file(call, call->args[i]);

        worst = code > worst ? code : worst;
    }
    return worst;
}

extern const struct mt_command mt_cmd_verify;

const struct mt_command mt_cmd_verify = {
    .name = "verify",
    .operands = "FILE...",
    .summary = "check every checksum and bound of checkpoints",
    .min_args = 1,
    .max_args = (size_t)-1,
    .details = "Prints each piece of damage. Exits with 0 if all files are "
               "whole, 1 if one is\ndamaged, 2 if one cannot be read.",
    .examples =
        "mtrain verify digits.mtc",
    .run = verify_run,
};
