/* Help texts, from the tables, and mtrain help [COMMAND]. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static void print_option(const struct mt_option *o)
{
    char left[64];

    snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
             o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
             o->arg ? " " : "", o->arg ? o->arg : "");
    printf("  %-26s %s\n", left, o->doc);
}

static void print_examples(const char *text)
{
    for (const char *line = text; line && *line;) {
        size_t n = strcspn(line, "\n");

        printf("%s  %.*s\n", line == text ? "\nexamples:\n" : "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

void mt_command_help(const struct mt_command *c)
{
    printf("usage: mtrain %s [OPTION]... %s\n\n%s\n\n", c->name, c->operands,
           c->summary);
    for (const struct mt_option *o = c->options; o && o->name; o++)
        print_option(o);
    for (const struct mt_option *o = mt_common_options; o->name; o++)
        print_option(o);
    if (c->details)
        printf("\n%s\n", c->details);
    print_examples(c->examples);
    printf("\nThe whole page: man mtrain-%s\n", c->name);
}

void mt_commands_help(FILE *out)
{
    fputs("usage: mtrain [--help | --version] COMMAND [ARGUMENT]...\n\n"
          "Trains neural networks from a JSON spec and looks after their "
          "state.\n\n",
          out);
    for (size_t i = 0; mt_commands[i]; i++)
        fprintf(out, "  %-10s %s\n", mt_commands[i]->name,
                mt_commands[i]->summary);
    fputs("\n'mtrain help COMMAND' describes a command, 'man mtrain' the "
          "program; 'mtrain init'\nlists specs to start from.\n",
          out);
}

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
