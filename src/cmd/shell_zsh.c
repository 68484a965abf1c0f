/* The completion script of zsh: a call of _arguments for each command, and
 * shells/mtrain.zsh. */
#include <stdio.h>
#include <string.h>

#include "cmd/shells.h"
#include "cmd/texts.h"
#include "cmd/words.h"

/* Text within single quotes and a specification of _arguments. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            putchar('\\');
        if (*text == '\'')
            fputs("'\\'", stdout);
        putchar(*text);
    }
}

/* "*.json", "*.(mtc|npz)"; "(json)" alone would be a qualifier */
static void print_files(const char *endings)
{
    bool several = strchr(endings, ' ');

    fputs("_files", stdout);
    if (!*endings)
        return;
    fputs(several ? " -g \"*.(" : " -g \"*.", stdout);
    for (; *endings; endings++)
        putchar(*endings == ' ' ? '|' : *endings);
    fputs(several ? ")\"" : "\"", stdout);
}

/* ":SPEC:_files -g ..." */
static void print_action(const char *word, struct mt_offer offer)
{
    putchar(':');
    print_quoted(word);
    putchar(':');
    switch (offer.kind) {
    case MT_OFFER_NOTHING: putchar(' '); break;
    case MT_OFFER_FOLDERS: fputs("_files -/", stdout); break;
    case MT_OFFER_CHOICES: printf("(%s)", offer.values); break;
    case MT_OFFER_ASK: printf("_mtrain_ask %s", offer.values); break;
    case MT_OFFER_FILES: print_files(offer.values); break;
    }
}

static void print_option(const struct mt_command *c, const struct mt_option *o)
{
    const char *equals = o->arg ? "=" : "";

    printf(" \\\n            ");
    if (o->letter)
        printf("'*'{-%c%s,--%s%s}'", o->letter, o->arg ? "+" : "", o->name,
               equals);
    else
        printf("'*--%s%s", o->name, equals);
    putchar('[');
    print_quoted(o->doc);
    putchar(']');
    if (o->arg)
        print_action(o->arg, mt_offer_of(c, o->arg));
    putchar('\'');
}

static void print_operands(const struct mt_command *c)
{
    struct mt_operand operand;

    for (size_t i = 0; mt_operand_at(c, i, &operand); i++) {
        if (operand.repeats)
            printf(" \\\n            '*");
        else
            printf(" \\\n            '%zu", i + 1);
        print_action(operand.word, mt_offer_of(c, operand.word));
        putchar('\'');
        if (operand.repeats)
            return;
    }
}

void mt_completion_zsh(void)
{
    printf("#compdef mtrain\n# zsh completion of mtrain, made by 'mtrain "
           "completion zsh'\n\n_mtrain_command() {\n    case $words[1] in\n");
    for (size_t i = 0; mt_commands[i]; i++) {
        const struct mt_command *c = mt_commands[i];

        printf("    %s)\n        _arguments -s -S", c->name);
        for (const struct mt_option *o = c->options; o && o->name; o++)
            print_option(c, o);
        for (const struct mt_option *o = mt_common_options; o->name; o++)
            print_option(c, o);
        print_operands(c);
        printf(" ;;\n");
    }
    printf("    esac\n}\n\n%s", mt_text("src/cmd/shells/mtrain.zsh"));
}
