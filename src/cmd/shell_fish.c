/* The completion script of fish: shells/mtrain.fish, and a line for each
 * command and option. */
#include <stdio.h>
#include <string.h>

#include "cmd/shells.h"
#include "cmd/texts.h"
#include "cmd/words.h"

static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (strchr("'\\", *text))
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void print_option(const char *when, const struct mt_option *o)
{
    printf("complete -c mtrain -n '%s' -l %s", when, o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->arg)
        printf(" -x -a '(__mtrain_here)'");
    printf(" -d ");
    print_quoted(o->doc);
    putchar('\n');
}

void mt_completion_fish(void)
{
    char when[128];

    printf("# fish completion of mtrain, made by 'mtrain completion fish'\n\n"
           "%s", mt_text("src/cmd/shells/mtrain.fish"));
    for (size_t i = 0; mt_commands[i]; i++) {
        printf("complete -c mtrain -n __mtrain_no_command -a %s -d ",
               mt_commands[i]->name);
        print_quoted(mt_commands[i]->summary);
        putchar('\n');
    }
    for (size_t i = 0; mt_commands[i]; i++) {
        const struct mt_option *o = mt_commands[i]->options;

        snprintf(when, sizeof when, "__mtrain_command %s",
                 mt_commands[i]->name);
        for (; o && o->name; o++)
            print_option(when, o);
    }
    for (const struct mt_option *o = mt_common_options; o->name; o++)
        print_option("not __mtrain_no_command", o);
}
