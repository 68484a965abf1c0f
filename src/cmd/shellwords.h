/*
 * Command lines as text that a shell reads back: for messages that propose
 * what to do next.
 */
#ifndef MT_CMD_SHELLWORDS_H
#define MT_CMD_SHELLWORDS_H

#include "base/strbuf.h"
#include "cmd/command.h"

/* Appends one word, quoted where a POSIX shell would not take it literally. */
void mt_shell_word(struct mt_strbuf *out, const char *word);

/* Appends " --name value". */
void mt_shell_option(struct mt_strbuf *out, const char *name,
                     const char *value);

/* Appends the call's operands, each after a space. One that looks like an
 * option becomes "./-x". */
void mt_shell_operands(struct mt_strbuf *out, const struct mt_call *call);

/* Appends the option as often as it was given, with its values. */
void mt_shell_given(struct mt_strbuf *out, const struct mt_call *call,
                    const struct mt_option *option);

/* The same for --force, the only common option that changes what is done. */
void mt_shell_common(struct mt_strbuf *out, const struct mt_call *call);

#endif
