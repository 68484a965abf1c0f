/* The start of the program, which runs one command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/processes.h"
#include "cmd/report.h"
#include "kernels/dispatch.h"

static int run(struct mt_call *call)
{
    struct mt_err err = MT_ERR_INIT;

    if (mt_kernels_choose(&err) != MT_OK ||
        mt_processes_threads(call->comm, &call->threads, &err) != MT_OK ||
        mt_team_new(call->threads, &call->team, &err) != MT_OK)
        return mt_report_error(&err);
    int code = call->command->run(call);

    mt_team_free(call->team);
    return code;
}

static int call_command(int argc, char **argv)
{
    const struct mt_command *command = mt_command_find(argv[0]);
    struct mt_call call;
    struct mt_comm *comm;
    struct mt_err err = MT_ERR_INIT;
    int code;

    if (mt_processes_join(command, &comm, &err) != MT_OK)
        return mt_processes_leave(comm, mt_report_error(&err));
    if (!command)
        return mt_processes_leave(comm, mt_command_unknown(argv[0]));
    code = mt_call_parse(command, argc, argv, &call);
    call.comm = comm;
    if (code < 0)
        code = run(&call);
    if (call.help)
        mt_command_help(command);
    mt_call_free(&call);
    return mt_processes_leave(comm, mt_report_end(code));
}

/* A standard file that is closed is opened as one that can be neither read nor
 * written, so that no checkpoint or log gets its number and, with it, what is
 * printed. */
static bool hold_standard_files(void)
{
    static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
            return false;
    }
    return true;
}

/* --help and -h, whether a command follows or not, and help without one. */
static bool asks_for_help(int argc, char **argv)
{
    bool option = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

    return option || (argc == 2 && strcmp(argv[1], "help") == 0);
}

static int help(int argc, char **argv)
{
    const struct mt_command *command;

    if (argc == 2) {
        mt_commands_help(stdout);
        return mt_report_end(MT_EXIT_DONE);
    }
    command = mt_command_find(argv[2]);
    if (!command)
        return mt_command_unknown(argv[2]);
    mt_command_help(command);
    return mt_report_end(MT_EXIT_DONE);
}

int mt_command_main(int argc, char **argv)
{
    if (!hold_standard_files())
        return MT_EXIT_TROUBLE; /* and nowhere to report it */
    /* a file-size limit makes a write fail, and does not end the process */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        mt_commands_help(stderr);
        return MT_EXIT_TROUBLE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mtrain %s\n", MT_VERSION);
        return mt_report_end(MT_EXIT_DONE);
    }
    if (asks_for_help(argc, argv))
        return help(argc, argv);
    return call_command(argc - 1, argv + 1);
}
