/*
 * What could come at the end of a command line: for the shells' completion.
 */
#ifndef MT_CMD_CANDIDATES_H
#define MT_CMD_CANDIDATES_H

#include "spec/tree.h"
#include "cmd/words.h"

/* A command line that is being typed. */
struct mt_typed {
    const struct mt_command *command; /* NULL: it is the word itself */
    const char *file;                 /* the first operand, or NULL */
    const char *word;      /* what is being completed: the last word, or what
                              follows "--option=" in it */
    struct mt_offer offer; /* what that can be */
};

/* Reads n words, without the program's own, and puts them in another order. */
struct mt_typed mt_typed_read(const char **words, size_t n);

/*
 * Prints a line that says where candidates come from. For "files ENDING..."
 * (any file if no ending is given) and "folders" the shell lists them itself;
 * "words" is followed by those that begin with typed->word, one
 * "CANDIDATE<TAB>TEXT" a line; a CANDIDATE that ends in "=" or "." is to be
 * continued. Prints nothing where nothing is known: a file that cannot be read
 * has no candidates.
 */
void mt_candidates_print(const struct mt_typed *typed, struct mt_team *team);

#endif
