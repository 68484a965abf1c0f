/*
 * Commands: one file, one row in commands.c and one manual page each.
 *
 * A row names the command, its options and its function. The rows drive option
 * parsing, help texts and shell completion.
 */
#ifndef MT_CMD_COMMAND_H
#define MT_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"
#include "base/team.h"
#include "comm/comm.h"

/* Exit codes, as promised to scripts. */
enum {
    MT_EXIT_DONE = 0,
    MT_EXIT_NO = 1,        /* the answer is no */
    MT_EXIT_TROUBLE = 2,
    MT_EXIT_TRAINING = 3,  /* training that must not go on */
    MT_EXIT_SIGNAL = 128,
};

struct mt_option {
    const char *name;  /* "output" */
    char letter;       /* 'o', or 0 */
    const char *arg;   /* "FILE"; NULL: a flag */
    const char *doc;
    const char *const *choices; /* what the value can be, NULL-terminated; NULL:
                                   anything. With arg "LIST", a list of them
                                   with commas. The parser checks it. */
};

/* A parsed command line. */
struct mt_call {
    const struct mt_command *command;
    const char **values;    /* of the command's options, in their order; flags
                               that were given have "" */
    const char ***lists;    /* all values of each, NULL-terminated */
    const char **args;      /* operands */
    size_t n_args;
    bool quiet, verbose, json, force, strict;
    bool help;              /* was asked for; the command does not run */
    bool color;             /* of stdout (terminal.h) */
    size_t threads;
    struct mt_team *team;
    struct mt_comm *comm; /* the other processes, or NULL */
};

struct mt_command {
    const char *name;
    const char *operands;   /* "SPEC [KEY=VALUE]..." */
    const char *summary;    /* one line */
    const struct mt_option *options; /* ends with a NULL name; may be NULL */
    size_t min_args, max_args;
    const char *details;    /* paragraphs for the help text */
    const char *examples;   /* command lines for it, one a line, for a folder
                               with digits.json and digits.mtc */
    int (*run)(struct mt_call *call);
    bool shared; /* several processes can share its work (processes.h) */
};

extern const struct mt_command *const mt_commands[]; /* NULL-terminated */
const struct mt_command *mt_command_find(const char *name);

/* Options that all commands share. */
extern const struct mt_option mt_common_options[];

/* The value of an option: NULL where it was not given. */
const char *mt_option(const struct mt_call *call, const char *name);

/* All its values, NULL-terminated; never NULL. */
const char *const *mt_option_all(const struct mt_call *call, const char *name);

/* Which of the option's choices its value is; -1 where it was not given. */
int mt_option_choice(const struct mt_call *call, const char *name);

/* Is the choice in the list that an option with arg "LIST" was given? */
bool mt_option_lists(const struct mt_call *call, const char *name,
                     const char *choice);

/* Reads a number from an option; fails with a message that names it. */
bool mt_option_size(const struct mt_call *call, const char *name, size_t *out);
bool mt_option_real(const struct mt_call *call, const char *name, double *out);

/* Parses a command's arguments (argv[0] is its name) into call, which is to be
 * freed in any case. Returns an exit code, or -1: the command can run. */
int mt_call_parse(const struct mt_command *command, int argc, char **argv,
                  struct mt_call *call);
void mt_call_free(struct mt_call *call);

/* What the parser finds in a command line that is still being typed. Unknown
 * options are skipped. argv is permuted as by getopt, and the result points
 * into it. */
struct mt_begun {
    const struct mt_option *option; /* the last one; NULL: none, or unknown */
    const char *value; /* the option's; NULL: it has none, or none yet */
    bool ended;        /* by "--": no options follow */
    const char **args; /* operands */
    size_t n_args;
};
struct mt_begun mt_call_begun(const struct mt_command *command, int argc,
                              char **argv);

/* Parses the command line and runs the command. */
int mt_command_main(int argc, char **argv);

/* The help text of a command to stdout. */
void mt_command_help(const struct mt_command *command);

/* The list of all commands. */
void mt_commands_help(FILE *out);

/* "mtrain: unknown command ..., did you mean ...?"; returns the exit code. */
int mt_command_unknown(const char *name);

#endif
