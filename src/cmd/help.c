/* mtrain help COMMAND */
#include "cmd/command.h"
#include "cmd/report.h"

static int help_run(struct mt_call *call)
{
    const struct mt_command *command = mt_command_find(call->args[0]);

    if (!command)
        return mt_report_usage(call, "unknown command \"%s\"", call->args[0]);
    mt_command_help(command);
    return MT_EXIT_DONE;
}

extern const struct mt_command mt_cmd_help;

const struct mt_command mt_cmd_help = {
    .name = "help",
    .operands = "COMMAND",
    .summary = "tell more of a command",
    .min_args = 1,
    .max_args = 1,
    .run = help_run,
};
