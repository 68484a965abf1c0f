#include "cmd/shellwords.h"

#include <string.h>

static bool is_plain(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_./:=@%+,-";

    return *word && !word[strspn(word, safe)];
}

void mt_shell_word(struct mt_strbuf *out, const char *word)
{
    if (is_plain(word)) {
        mt_strbuf_puts(out, word);
        return;
    }
    mt_strbuf_putc(out, '\'');
    for (const char *p = word; *p; p++) {
        if (*p == '\'')
            mt_strbuf_puts(out, "'\\''");
        else
            mt_strbuf_putc(out, *p);
    }
    mt_strbuf_putc(out, '\'');
}

void mt_shell_option(struct mt_strbuf *out, const char *name, const char *value)
{
    mt_strbuf_printf(out, " --%s ", name);
    mt_shell_word(out, value);
}

void mt_shell_operands(struct mt_strbuf *out, const struct mt_call *call)
{
    for (size_t i = 0; i < call->n_args; i++) {
        struct mt_strbuf word = MT_STRBUF_INIT;

        mt_strbuf_printf(&word, "%s%s", call->args[i][0] == '-' ? "./" : "",
                         call->args[i]);
        mt_strbuf_putc(out, ' ');
        mt_shell_word(out, word.text ? word.text : "");
        out->failed |= word.failed;
        mt_strbuf_free(&word);
    }
}

void mt_shell_given(struct mt_strbuf *out, const struct mt_call *call,
                    const struct mt_option *option)
{
    if (!option->arg) {
        if (mt_option(call, option->name))
            mt_strbuf_printf(out, " --%s", option->name);
        return;
    }
    for (const char *const *v = mt_option_all(call, option->name); *v; v++) {
        if (!option->letter) {
            mt_shell_option(out, option->name, *v);
            continue;
        }
        mt_strbuf_printf(out, " -%c ", option->letter);
        mt_shell_word(out, *v);
    }
}

void mt_shell_common(struct mt_strbuf *out, const struct mt_call *call)
{
    if (call->force)
        mt_strbuf_puts(out, " --force");
}
