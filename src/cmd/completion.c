/* mtrain completion SHELL */
#include <stdio.h>
#include <string.h>

#include "cmd/candidates.h"
#include "cmd/report.h"
#include "cmd/texts.h"

const char *const mt_shells[] = { "bash", "zsh", "fish", NULL };

static int completion_run(struct mt_call *call)
{
    char path[64];

    if (mt_option(call, "candidates")) {
        struct mt_typed typed = mt_typed_read(call->args, call->n_args);

        mt_candidates_print(&typed, call->team);
        return MT_EXIT_DONE;
    }
    if (call->n_args != 1)
        return mt_report_usage(call, "needs one of bash, zsh and fish");
    for (size_t i = 0; mt_shells[i]; i++) {
        if (strcmp(mt_shells[i], call->args[0]) == 0) {
            snprintf(path, sizeof path, "src/cmd/shells/mtrain.%s",
                     mt_shells[i]);
            fputs(mt_text(path), stdout);
            return MT_EXIT_DONE;
        }
    }
    return mt_report_usage(call, "there is no completion for \"%s\", only for "
                                 "bash, zsh and fish", call->args[0]);
}

static const struct mt_option completion_options[] = {
    { "candidates", 0, NULL,
      "for the scripts: what could be at the end of the "
      "words" },
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
