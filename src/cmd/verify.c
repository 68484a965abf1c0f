/* mtrain verify FILE... */
#include <stdio.h>

#include "ckpt/container.h"
#include "cmd/report.h"
#include "cmd/terminal.h"

struct told {
    const struct mt_call *call;
    const char *path;
    size_t n;
};

static void print_line(const struct told *told, const char *status,
                       const char *what)
{
    if (!told->call->json) {
        printf("%s%s%s\n", mt_color(stdout, MT_COLOR_BAD), what,
               mt_color(stdout, MT_COLOR_END));
        return;
    }
    printf("{\"event\":\"verify\",\"path\":");
    mt_print_json_string(told->path);
    printf(",\"status\":\"%s\",\"what\":", status);
    mt_print_json_string(what);
    printf("}\n");
}

static void tell_damage(void *ctx, const char *what)
{
    struct told *told = ctx;

    told->n++;
    print_line(told, "damaged", what);
}

static int verify_file(const struct mt_call *call, const char *path)
{
    struct told told = { call, path, 0 };
    struct mt_err err = MT_ERR_INIT;
    mt_status status = mt_ckpt_verify(path, tell_damage, &told, call->team,
                                      &err);

    if (status == MT_OK) {
        if (call->json)
            print_line(&told, "ok", "");
        else if (!call->quiet)
            printf("%s: %sok%s\n", path, mt_color(stdout, MT_COLOR_GOOD),
                   mt_color(stdout, MT_COLOR_END));
        return MT_EXIT_DONE;
    }
    if (status != MT_DAMAGED)
        return mt_report_error(&err);
    if (told.n == 0)
        print_line(&told, "damaged", err.text);
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
    .run = verify_run,
};
