/* The table of commands: to add one, write its file, its row and its page. */
#include <string.h>

#include "base/nearest.h"
#include "cmd/command.h"
#include "cmd/report.h"

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

int mt_command_unknown(const char *name)
{
    struct mt_nearest search = mt_nearest_to(name);

    for (size_t i = 0; mt_commands[i]; i++)
        mt_nearest_try(&search, mt_commands[i]->name);
    const char *near = search.best;

    mt_report_no("unknown command \"%s\"%s%s%s\ntry 'mtrain help'", name,
                 near ? "; did you mean \"" : "", near ? near : "",
                 near ? "\"?" : "");
    return MT_EXIT_TROUBLE;
}
