/* mtrain help [COMMAND] */
#include "cmd/command.h"

static int help_run(struct mt_call *call)
{
    const struct mt_command *command;

    if (!call->n_args) {
        mt_commands_help(stdout);
        return MT_EXIT_DONE;
    }
    command = mt_command_find(call->args[0]);
    if (!command)
        return mt_command_unknown(call->args[0]);
    mt_command_help(command);
    return MT_EXIT_DONE;
}

extern const struct mt_command mt_cmd_help;

const struct mt_command mt_cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "describe a command",
    .max_args = 1,
    .examples = "mtrain help train",
    .run = help_run,
};
