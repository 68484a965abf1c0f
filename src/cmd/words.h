/*
 * What the words of usage lines mean: "SPEC" is a file that ends in .json,
 * "DIR" a folder. Shell completion follows from it.
 */
#ifndef MT_CMD_WORDS_H
#define MT_CMD_WORDS_H

#include "cmd/command.h"

extern const char *const mt_shells[]; /* that have a completion; then NULL */

enum mt_offer_kind {
    MT_OFFER_NOTHING, /* nothing is known */
    MT_OFFER_FILES,   /* values: their endings, "json mtc"; "": any file */
    MT_OFFER_FOLDERS,
    MT_OFFER_CHOICES,
    MT_OFFER_OPTIONS, /* of the command */
    MT_OFFER_COMMANDS,
    MT_OFFER_TEMPLATES, /* of init */
    MT_OFFER_METRICS,   /* that a history has */
    MT_OFFER_OVERRIDES, /* keys and values of the spec in the first operand */
    MT_OFFER_TENSORS,   /* of the state in the first operand */
};

struct mt_offer {
    enum mt_offer_kind kind;
    const char *values; /* words with spaces between */
    const char *const *choices; /* NULL-terminated */
};

/* What a word of a command's operands can be. */
struct mt_offer mt_offer_of(const struct mt_command *command,
                            const char *word);

/* What the value of an option of the command can be. */
struct mt_offer mt_offer_of_option(const struct mt_command *command,
                                   const struct mt_option *option);

/* The word of operand i (from 0) of a usage line "SPEC [KEY=VALUE]...": the
 * last one again where it repeats. False: there is no such operand. */
struct mt_operand {
    char word[32];
    bool repeats;
};
bool mt_operand_at(const struct mt_command *command, size_t i,
                   struct mt_operand *out);

#endif
