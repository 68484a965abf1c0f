/* The table of commands: to add one, write its file, its row and its page. */
#include <string.h>

#include "cmd/command.h"

#define COMMANDS(X)                                                            \
    X(train) X(resume) X(copy) X(save) X(load) X(average) X(diff) X(show)      \
    X(eval) X(predict) X(plot) X(check) X(verify)                              \
    X(init) X(help) X(completion)

#define X(name) extern const struct mt_command mt_cmd_##name;
COMMANDS(X)
#undef X

const struct mt_command *const mt_commands[] = {
#define X(name) &mt_cmd_##name,
    COMMANDS(X)
#undef X
    NULL,
};

const struct mt_command *mt_command_find(const char *name)
{
    for (size_t i = 0; mt_commands[i]; i++) {
        if (strcmp(mt_commands[i]->name, name) == 0)
            return mt_commands[i];
    }
    return NULL;
}
