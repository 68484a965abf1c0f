/* Command lines, parsed by the tables. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/strbuf.h"
#include "cmd/command.h"
#include "cmd/report.h"
#include "cmd/terminal.h"

static const char *const colors[] = {
    [MT_COLOR_AUTO] = "auto",
    [MT_COLOR_ALWAYS] = "always",
    [MT_COLOR_NEVER] = "never",
    NULL,
};

const struct mt_option mt_common_options[] = {
    { "quiet", 'q', NULL, "print only results and errors" },
    { "verbose", 'v', NULL, "print more" },
    { "json", 0, NULL, "print JSON" },
    { "force", 'f', NULL, "overwrite existing output files" },
    { "strict", 0, NULL, "treat every warning as an error" },
    { "threads", 0, "N", "threads (default: one for each processor)" },
    { "color", 0, "WHEN", "auto, always or never", colors },
    { "help", 'h', NULL, "show this help" },
    { NULL, 0, NULL, NULL },
};

enum { QUIET, VERBOSE, JSON, FORCE, STRICT, THREADS, COLOR, HELP, N_COMMON };

enum { MAX_OPTIONS = 32, FIRST_CODE = 1000 };

static size_t count_options(const struct mt_command *c)
{
    size_t n = 0;

    while (c->options && c->options[n].name)
        n++;
    return n;
}

static size_t option_index(const struct mt_call *call, const char *name)
{
    size_t i = 0;

    while (strcmp(call->command->options[i].name, name) != 0)
        i++;
    return i;
}

const char *mt_option(const struct mt_call *call, const char *name)
{
    return call->values[option_index(call, name)];
}

const char *const *mt_option_all(const struct mt_call *call, const char *name)
{
    return (const char *const *)call->lists[option_index(call, name)];
}

/* Which choice the n characters are; -1: none. */
static int find_choice(const char *const *choices, const char *text, size_t n)
{
    for (int i = 0; choices[i]; i++) {
        if (strlen(choices[i]) == n && strncmp(choices[i], text, n) == 0)
            return i;
    }
    return -1;
}

int mt_option_choice(const struct mt_call *call, const char *name)
{
    size_t i = option_index(call, name);
    const char *text = call->values[i];

    return text ? find_choice(call->command->options[i].choices, text,
                              strlen(text))
                : -1;
}

bool mt_option_lists(const struct mt_call *call, const char *name,
                     const char *choice)
{
    const char *list = mt_option(call, name);
    size_t n = strlen(choice);

    while (list && *list) {
        size_t item = strcspn(list, ",");

        if (item == n && strncmp(list, choice, n) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

bool mt_option_size(const struct mt_call *call, const char *name, size_t *out)
{
    const char *text = mt_option(call, name);
    char *end;

    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || errno || v == 0) {
        mt_report_usage(call, "--%s: expected a whole number above 0, got "
                              "\"%s\"", name, text);
        return false;
    }
    *out = (size_t)v;
    return true;
}

bool mt_option_real(const struct mt_call *call, const char *name, double *out)
{
    const char *text = mt_option(call, name);
    char *end;

    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0)) {
        mt_report_usage(call, "--%s: expected a number of at least 0, got "
                              "\"%s\"", name, text);
        return false;
    }
    return true;
}

/* --- parsing ------------------------------------------------------------ */

struct parser {
    const struct mt_command *command;
    struct mt_call *call;
    struct option long_options[MAX_OPTIONS + N_COMMON + 1];
    char letters[2 * (MAX_OPTIONS + N_COMMON) + 2];
    size_t n_own;
};

static void add_option(struct parser *p, size_t *n, const struct mt_option *o,
                       int code)
{
    char *end = p->letters + strlen(p->letters);

    p->long_options[(*n)++] = (struct option){
        o->name, o->arg ? required_argument : no_argument, NULL, code
    };
    if (o->letter) {
        *end++ = o->letter;
        if (o->arg)
            *end++ = ':';
        *end = '\0';
    }
}

static void prepare(struct parser *p)
{
    const struct mt_command *c = p->command;
    size_t n = 0;

    opterr = 0;
    optind = 0; /* discards what is left of a group of letters */
    p->letters[0] = ':'; /* a missing value is not reported as an unknown
                            option */
    p->n_own = count_options(c);
    for (size_t i = 0; i < p->n_own; i++)
        add_option(p, &n, &c->options[i], FIRST_CODE + (int)i);
    for (size_t i = 0; i < N_COMMON; i++)
        add_option(p, &n, &mt_common_options[i],
                   FIRST_CODE + MAX_OPTIONS + (int)i);
    p->long_options[n] = (struct option){ 0 };
}

/* The code of a letter, or of what getopt returned for a long option. */
static int code_of(const struct parser *p, int found)
{
    const struct mt_command *c = p->command;

    if (found >= FIRST_CODE)
        return found;
    for (size_t i = 0; i < p->n_own; i++) {
        if (c->options[i].letter == found)
            return FIRST_CODE + (int)i;
    }
    for (size_t i = 0; i < N_COMMON; i++) {
        if (mt_common_options[i].letter == found)
            return FIRST_CODE + MAX_OPTIONS + (int)i;
    }
    return -1;
}

static const struct mt_option *option_at(const struct parser *p, int code)
{
    int common = code - FIRST_CODE - MAX_OPTIONS;

    if (code < 0)
        return NULL;
    return common < 0 ? &p->command->options[code - FIRST_CODE]
                      : &mt_common_options[common];
}

static void out_of_memory(void)
{
    struct mt_err err = MT_ERR_INIT;

    mt_fail_memory(&err);
    mt_report_error(&err);
}

static bool set_own(struct mt_call *call, size_t i, const char *value)
{
    size_t n = 0;

    while (call->lists[i][n])
        n++;
    const char **grown = realloc(call->lists[i], (n + 2) * sizeof *grown);

    if (!grown) {
        out_of_memory();
        return false;
    }
    grown[n] = value;
    grown[n + 1] = NULL;
    call->lists[i] = grown;
    call->values[i] = value;
    return true;
}

static bool set_threads(struct mt_call *call, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n < 1 || n > MT_TEAM_MAX) {
        mt_report_usage(call, "--threads: expected 1 to %d, got \"%s\"",
                        MT_TEAM_MAX, text);
        return false;
    }
    call->threads = n;
    return true;
}

static bool set_color(struct mt_call *call, const char *text)
{
    int which = find_choice(colors, text, strlen(text));

    mt_color_choose((enum mt_color_when)which);
    call->color = mt_color_on(stdout);
    return true;
}

static bool set_common(struct mt_call *call, int which, const char *value)
{
    switch (which) {
    case QUIET: call->quiet = true; return true;
    case VERBOSE: call->verbose = true; return true;
    case JSON: call->json = true; return true;
    case FORCE: call->force = true; return true;
    case STRICT: call->strict = true; return true;
    case THREADS: return set_threads(call, value);
    default: return set_color(call, value);
    }
}

static const char *near_option(const struct parser *p, const char *given)
{
    struct mt_nearest near = mt_nearest_to(given);

    for (size_t i = 0; p->long_options[i].name; i++)
        mt_nearest_try(&near, p->long_options[i].name);
    return near.best;
}

static int fail_option(const struct parser *p, int found, char **argv)
{
    const char *given = argv[optind - 1];

    if (found == ':')
        return mt_report_usage(p->call, "option %s needs a value", given);
    if (optopt && optopt < FIRST_CODE && strncmp(given, "--", 2) != 0)
        return mt_report_usage(p->call, "unknown option -%c", optopt);
    if (strncmp(given, "--", 2) == 0) {
        const char *near = near_option(p, given + 2);

        if (near)
            return mt_report_usage(p->call, "unknown option %s; did you mean "
                                            "--%s?", given, near);
    }
    return mt_report_usage(p->call, "unknown option %s", given);
}

/* KEY=VALUE as an operand of a command that takes it after --set? */
static bool is_misplaced_set(const struct mt_call *call)
{
    const struct mt_option *o = call->command->options;

    while (o && o->name && strcmp(o->name, "set") != 0)
        o++;
    return o && o->name && strchr(call->args[call->command->max_args], '=');
}

/* A LIST is items with commas between; anything else is one item. */
static bool check_choice(const struct mt_call *call, const struct mt_option *o,
                         const char *value)
{
    const char *commas = strcmp(o->arg, "LIST") == 0 ? "," : "";
    struct mt_strbuf names = MT_STRBUF_INIT;

    for (;;) {
        size_t n = strcspn(value, commas);

        if (find_choice(o->choices, value, n) < 0) {
            for (size_t i = 0; o->choices[i]; i++)
                mt_strbuf_printf(&names, "%s%s",
                                 i == 0              ? ""
                                 : o->choices[i + 1] ? ", "
                                                     : " or ",
                                 o->choices[i]);
            mt_report_usage(call, "--%s: expected %s, got \"%.*s\"", o->name,
                            names.failed ? "another value" : names.text, (int)n,
                            value);
            mt_strbuf_free(&names);
            return false;
        }
        if (!value[n])
            return true;
        value += n + 1;
    }
}

/* Stores an option that was given; false: a fault of its value was reported. */
static bool set_option(const struct parser *p, int code, const char *value)
{
    const struct mt_option *o = option_at(p, code);
    int common = code - FIRST_CODE - MAX_OPTIONS;

    if (o->choices && !check_choice(p->call, o, value))
        return false;
    return common < 0 ? set_own(p->call, (size_t)(code - FIRST_CODE),
                                value ? value : "")
                      : set_common(p->call, common, value);
}

/* Returns an exit code, or -1: the command can run. */
static int parse(struct parser *p, int argc, char **argv)
{
    struct mt_call *call = p->call;
    int found;

    while ((found = getopt_long(argc, argv, p->letters, p->long_options,
                                NULL)) != -1) {
        int code = found == '?' || found == ':' ? -1 : code_of(p, found);

        if (code < 0)
            return fail_option(p, found, argv);
        if (code == FIRST_CODE + MAX_OPTIONS + HELP) {
            call->help = true;
            return MT_EXIT_DONE;
        }
        if (!set_option(p, code, optarg))
            return MT_EXIT_TROUBLE;
    }
    call->args = (const char **)argv + optind;
    call->n_args = (size_t)(argc - optind);
    if (call->n_args < call->command->min_args)
        return mt_report_usage(call, "needs %s", call->command->operands);
    if (call->n_args > call->command->max_args && is_misplaced_set(call))
        return mt_report_usage(call, "unexpected operand \"%s\"; a change "
                                     "needs --set %s",
                               call->args[call->command->max_args],
                               call->args[call->command->max_args]);
    if (call->n_args > call->command->max_args)
        return mt_report_usage(call, "unexpected operand \"%s\"",
                               call->args[call->command->max_args]);
    return -1;
}

/* Memory for the values of n options. */
static bool make_room(struct mt_call *call, size_t n)
{
    call->values = calloc(n + 1, sizeof *call->values);
    call->lists = calloc(n + 1, sizeof *call->lists);
    if (!call->values || !call->lists)
        return false;
    for (size_t i = 0; i < n; i++) {
        call->lists[i] = calloc(1, sizeof **call->lists);
        if (!call->lists[i])
            return false;
    }
    return true;
}

int mt_call_parse(const struct mt_command *command, int argc, char **argv,
                  struct mt_call *call)
{
    struct parser parser = { .command = command, .call = call };

    *call = (struct mt_call){ .command = command,
                              .color = mt_color_on(stdout) };
    if (!make_room(call, count_options(command))) {
        out_of_memory();
        return MT_EXIT_TROUBLE;
    }
    prepare(&parser);
    return parse(&parser, argc, argv);
}

struct mt_begun mt_call_begun(const struct mt_command *command, int argc,
                              char **argv)
{
    struct parser parser = { .command = command };
    struct mt_begun begun = { 0 };
    int found;

    prepare(&parser);
    while ((found = getopt_long(argc, argv, parser.letters, parser.long_options,
                                NULL)) != -1) {
        bool missing = found == ':'; /* only possible at the end */
        int code =
            found == '?' ? -1 : code_of(&parser, missing ? optopt : found);

        begun.option = option_at(&parser, code);
        begun.value = missing ? NULL : optarg;
    }
    /* "--" as the value of an option ends nothing */
    begun.ended = optind > 1 && strcmp(argv[optind - 1], "--") == 0 &&
                  argv[optind - 1] != begun.value;
    begun.args = (const char **)argv + optind;
    begun.n_args = (size_t)(argc - optind);
    return begun;
}

void mt_call_free(struct mt_call *call)
{
    for (size_t i = 0; call->lists && i < count_options(call->command); i++)
        free(call->lists[i]);
    free(call->lists);
    free(call->values);
}
