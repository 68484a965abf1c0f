/* The completion script of bash: the tables, as functions that set `want`, and
 * shells/mtrain.bash. */
#include <stdio.h>

#include "cmd/shells.h"
#include "cmd/texts.h"
#include "cmd/words.h"

static void print_want(struct mt_offer offer)
{
    switch (offer.kind) {
    case MT_OFFER_NOTHING: printf("want=\n"); break;
    case MT_OFFER_FILES: printf("want=\"files %s\"\n", offer.values); break;
    case MT_OFFER_FOLDERS: printf("want=folders\n"); break;
    case MT_OFFER_CHOICES: printf("want=\"words %s\"\n", offer.values); break;
    case MT_OFFER_ASK: printf("want=\"ask %s\"\n", offer.values); break;
    }
}

/* The options that take a value: their pattern, and what it is. */
static void print_values(const char *command, const struct mt_command *of,
                         const struct mt_option *o)
{
    for (; o && o->name; o++) {
        if (!o->arg)
            continue;
        printf("    %s\" --%s\"", command, o->name);
        if (o->letter)
            printf(" | %s\" -%c\"", command, o->letter);
        printf(") ");
        print_want(mt_offer_of(of, o->arg));
        printf("        ;;\n");
    }
}

static void print_names(const struct mt_option *o)
{
    for (; o && o->name; o++) {
        if (o->letter)
            printf(" -%c", o->letter);
        printf(" --%s", o->name);
    }
}

static void print_operands(const struct mt_command *c)
{
    struct mt_operand operand;

    for (size_t i = 0; mt_operand_at(c, i, &operand); i++) {
        if (operand.repeats)
            printf("    %s\" \"*) ", c->name);
        else
            printf("    \"%s %zu\") ", c->name, i);
        print_want(mt_offer_of(c, operand.word));
        printf("        ;;\n");
        if (operand.repeats)
            return;
    }
}

void mt_completion_bash(void)
{
    printf("# bash completion of mtrain, made by 'mtrain completion bash'"
           "\n\n");
    printf("_mtrain_commands=\"");
    for (size_t i = 0; mt_commands[i]; i++)
        printf("%s%s", i ? " " : "", mt_commands[i]->name);
    printf("\"\n\n# COMMAND OPTION: what its value is; fails if it takes "
           "none\n_mtrain_option()\n{\n    case $1 in\n");
    for (size_t i = 0; mt_commands[i]; i++)
        print_values(mt_commands[i]->name, mt_commands[i],
                     mt_commands[i]->options);
    print_values("*", mt_commands[0], mt_common_options);
    printf("    *) return 1 ;;\n    esac\n}\n\n# COMMAND: its options\n"
           "_mtrain_options()\n{\n    want=\"words");
    print_names(mt_common_options);
    printf("\"\n    case $1 in\n");
    for (size_t i = 0; mt_commands[i]; i++) {
        if (!mt_commands[i]->options)
            continue;
        printf("    %s) want=\"$want", mt_commands[i]->name);
        print_names(mt_commands[i]->options);
        printf("\" ;;\n");
    }
    printf("    esac\n}\n\n# COMMAND NUMBER: what that operand is, from 0\n"
           "_mtrain_operand()\n{\n    case $1 in\n");
    for (size_t i = 0; mt_commands[i]; i++)
        print_operands(mt_commands[i]);
    printf("    esac\n}\n\n");
    fputs(mt_text("src/cmd/shells/mtrain.bash"), stdout);
}
