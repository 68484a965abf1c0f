/* mtrain completion SHELL */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cmd/candidates.h"
#include "cmd/report.h"
#include "cmd/shells.h"

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {
    { "bash", mt_completion_bash },
    { "zsh", mt_completion_zsh },
    { "fish", mt_completion_fish },
};

enum { N_SHELLS = sizeof shells / sizeof *shells };

static int completion_run(struct mt_call *call)
{
    const char *kind = mt_option(call, "candidates");

    if (kind) {
        struct mt_typed typed = mt_typed_read(call->args, call->n_args);

        return mt_candidates_print(kind, &typed, call->team)
                   ? MT_EXIT_DONE
                   : mt_report_usage(call, "--candidates: there is no kind "
                                           "\"%s\"", kind);
    }
    if (call->n_args != 1)
        return mt_report_usage(call, "needs one of bash, zsh and fish");
    for (size_t i = 0; i < N_SHELLS; i++) {
        if (strcmp(shells[i].name, call->args[0]) == 0) {
            shells[i].print();
            return MT_EXIT_DONE;
        }
    }
    return mt_report_usage(call, "there is no completion for \"%s\", only for "
                                 "bash, zsh and fish", call->args[0]);
}

static const struct mt_option completion_options[] = {
    { "candidates", 0, "KIND", "for the scripts: what could be at the end "
                               "of the words" },
    { NULL, 0, NULL, NULL },
};

extern const struct mt_command mt_cmd_completion;

const struct mt_command mt_cmd_completion = {
    .name = "completion",
    .operands = "SHELL",
    .summary = "print a shell's completion script (bash, zsh, fish)",
    .options = completion_options,
    .max_args = (size_t)-1,
    .details =
        "To have it now, in bash: eval \"$(mtrain completion bash)\". 'make "
        "install' puts the\nscripts where the shells look for them.",
    .examples =
        "mtrain completion bash",
    .run = completion_run,
};
