#include "cmd/candidates.h"
#include "spec/complete.h"
#include "train/grammar.h"

#include <stdio.h>
#include <string.h>

#include "cmd/specs.h"
#include "cmd/templates.h"
#include "train/statename.h"

/* --- what has been typed ------------------------------------------------ */

/* What is known of the last of n words. */
static void read_last(struct mt_typed *typed, const char **words, size_t n)
{
    char **argv = (char **)words;
    struct mt_begun begun = mt_call_begun(typed->command, (int)n - 1, argv);
    const struct mt_option *option = begun.option;
    struct mt_operand operand;

    typed->file = begun.n_args ? begun.args[0] : NULL;
    if (option && option->arg && !begun.value) {
        typed->offer = mt_offer_of_option(typed->command, option);
    } else if (!begun.ended && strncmp(typed->word, "--", 2) == 0 &&
               strchr(typed->word, '=')) {
        option = mt_call_begun(typed->command, (int)n, argv).option;
        typed->word = strchr(typed->word, '=') + 1;
        if (option && option->arg)
            typed->offer = mt_offer_of_option(typed->command, option);
    } else if (!begun.ended && *typed->word == '-') {
        typed->offer = (struct mt_offer){ MT_OFFER_OPTIONS, "" };
    } else if (mt_operand_at(typed->command, begun.n_args, &operand)) {
        typed->offer = mt_offer_of(typed->command, operand.word);
    }
}

struct mt_typed mt_typed_read(const char **words, size_t n)
{
    struct mt_typed typed = { .word = n ? words[n - 1] : "" };

    if (n > 1)
        typed.command = mt_command_find(words[0]);
    if (typed.command)
        read_last(&typed, words, n);
    else if (n <= 1)
        typed.offer.kind =
            *typed.word == '-' ? MT_OFFER_OPTIONS : MT_OFFER_COMMANDS;
    return typed;
}

/* --- printing ----------------------------------------------------------- */

/* bash puts a candidate on the command line as it is, so a name from an
 * untrusted file must contain nothing that a shell interprets. */
static bool is_plain(const char *text)
{
    static const char marks[] = "._-+/=:,@%";

    for (; *text; text++) {
        bool letter = (*text >= '0' && *text <= '9') ||
                      (*text >= 'A' && *text <= 'Z') ||
                      (*text >= 'a' && *text <= 'z');

        if (!letter && !strchr(marks, *text))
            return false;
    }
    return true;
}

static void print_candidate(void *ctx, const char *text, const char *doc)
{
    const struct mt_typed *typed = ctx;

    if (strncmp(text, typed->word, strlen(typed->word)) != 0 || !is_plain(text))
        return;
    printf("%s\t", text);
    for (; *doc; doc++)
        putchar(*doc < ' ' && *doc >= 0 ? ' ' : *doc);
    putchar('\n');
}

static void print_choices(const struct mt_typed *typed, struct mt_team *team)
{
    (void)team;
    for (const char *const *word = typed->offer.choices; *word; word++)
        print_candidate((void *)typed, *word, "");
}

static void print_row(const struct mt_typed *typed, const struct mt_option *o)
{
    char text[64] = { '-', o->letter, '\0' };

    if (o->letter)
        print_candidate((void *)typed, text, o->doc);
    snprintf(text, sizeof text, "--%s", o->name);
    print_candidate((void *)typed, text, o->doc);
}

static void print_options(const struct mt_typed *typed, struct mt_team *team)
{
    const struct mt_command *c = typed->command;

    (void)team;
    if (!c) {
        print_candidate((void *)typed, "--help", "show the commands");
        print_candidate((void *)typed, "--version", "show the version");
        return;
    }
    for (const struct mt_option *o = c->options; o && o->name; o++)
        print_row(typed, o);
    for (const struct mt_option *o = mt_common_options; o->name; o++)
        print_row(typed, o);
}

static void print_templates(const struct mt_typed *typed, struct mt_team *team)
{
    (void)team;
    for (const struct mt_template *t = mt_templates; t->name; t++)
        print_candidate((void *)typed, t->name, t->doc);
}

/* The columns of a history. */
static void print_metrics(const struct mt_typed *typed, struct mt_team *team)
{
    (void)team;
    print_candidate((void *)typed, "loss", "what is minimized");
    for (size_t i = 0; mt_metric_at(i); i++)
        print_candidate((void *)typed, mt_metric_at(i)->name,
                        mt_metric_at(i)->doc);
    print_candidate((void *)typed, "lr", "the learning rate");
}

static void print_commands(const struct mt_typed *typed, struct mt_team *team)
{
    (void)team;
    for (size_t i = 0; mt_commands[i]; i++)
        print_candidate((void *)typed, mt_commands[i]->name,
                        mt_commands[i]->summary);
}

/* The spec in a SPEC or a CKPT; nothing else of the CKPT is read. */
static mt_status read_spec(const char *path, struct mt_json **out,
                           struct mt_err *err)
{
    const struct mt_array *a;
    struct mt_bundle b = MT_BUNDLE_INIT;
    struct mt_ckpt *ckpt;
    mt_status status;
    void *text;

    if (mt_is_spec(path))
        return mt_json_read_file(path, out, err);
    if ((status = mt_ckpt_open(path, &ckpt, err)) != MT_OK)
        return status;
    a = mt_ckpt_find(ckpt, MT_NAME_SPEC);
    text = a ? mt_arena_alloc(&b.arena, mt_array_bytes(a) + 1) : NULL;
    if (!text)
        status = mt_fail(err, MT_INVALID, "%s: has no spec", path);
    else
        status = mt_ckpt_read(ckpt, a, text, NULL, err);
    if (status == MT_OK)
        status = mt_json_parse(path, text, mt_array_bytes(a), out, err);
    mt_bundle_free(&b);
    mt_ckpt_close(ckpt);
    return status;
}

static void print_overrides(const struct mt_typed *typed, struct mt_team *team)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc, *schema;

    (void)team;
    if (!typed->file || read_spec(typed->file, &doc, &err) != MT_OK)
        return;
    if (mt_schema_make(&mt_spec_grammar, &schema, &err) == MT_OK) {
        mt_spec_complete(schema, mt_json_root(doc), typed->word,
                         print_candidate, (void *)typed);
        mt_json_free(schema);
    }
    mt_json_free(doc);
}

/* Under the name that `show` takes. */
static void print_tensor(const struct mt_typed *typed, const struct mt_array *a)
{
    enum mt_state_section section = mt_name_section(a->name);
    char doc[512];

    if (section == MT_SPEC || section == MT_NO_SECTION)
        return;
    snprintf(doc, sizeof doc, "%s %s", mt_array_type(a),
             mt_shape_text(&a->shape).text);
    print_candidate((void *)typed, mt_name_shown(a->name).text, doc);
}

static void print_tensors(const struct mt_typed *typed, struct mt_team *team)
{
    struct mt_err err = MT_ERR_INIT;
    struct mt_ckpt *ckpt;
    struct mt_bundle b;

    if (!typed->file)
        return;
    if (!mt_is_spec(typed->file) &&
        mt_ckpt_open(typed->file, &ckpt, &err) == MT_OK) {
        for (size_t i = 0; i < mt_ckpt_count(ckpt); i++)
            print_tensor(typed, mt_ckpt_array(ckpt, i));
        mt_ckpt_close(ckpt);
    } else if (mt_list_state(typed->file, NULL, NULL, team, &b, &err) ==
               MT_OK) {
        for (size_t i = 0; i < b.n; i++)
            print_tensor(typed, &b.arrays[i]);
        mt_bundle_free(&b);
    }
}

/* Candidates that the shell cannot find by itself. */
static void (*const printers[])(const struct mt_typed *, struct mt_team *) = {
    [MT_OFFER_CHOICES] = print_choices,
    [MT_OFFER_OPTIONS] = print_options,
    [MT_OFFER_COMMANDS] = print_commands,
    [MT_OFFER_TEMPLATES] = print_templates,
    [MT_OFFER_METRICS] = print_metrics,
    [MT_OFFER_OVERRIDES] = print_overrides,
    [MT_OFFER_TENSORS] = print_tensors,
};

void mt_candidates_print(const struct mt_typed *typed, struct mt_team *team)
{
    switch (typed->offer.kind) {
    case MT_OFFER_NOTHING: break;
    case MT_OFFER_FILES: printf("files %s\n", typed->offer.values); break;
    case MT_OFFER_FOLDERS: printf("folders\n"); break;
    default:
        printf("words\n");
        printers[typed->offer.kind](typed, team);
    }
}
