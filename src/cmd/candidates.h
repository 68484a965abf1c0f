/*
 * What could stand at the end of a command line: for the shells' completion.
 */
#ifndef MT_CMD_CANDIDATES_H
#define MT_CMD_CANDIDATES_H

#include "spec/tree.h"
#include "cmd/words.h"

/* A command line that is being typed. */
struct mt_typed {
    const struct mt_command *command; /* NULL: it comes first */
    const char *file;   /* the first operand, or NULL */
    const char *word;   /* the last word, that is being completed */
    struct mt_offer offer; /* of what it stands for */
};

/* Reads n words, without the program's own. */
struct mt_typed mt_typed_read(const char *const *words, size_t n);

/* Prints candidates that begin as typed->word, one "candidate<TAB>what it is"
 * a line; one that ends in "=" or "." is to be continued. kind: "overrides",
 * "tensors", "metrics", "templates", "commands". False: there is no such kind. Faults are
 * no candidates. */
bool mt_candidates_print(const char *kind, const struct mt_typed *typed,
                         struct mt_team *team);

#endif
