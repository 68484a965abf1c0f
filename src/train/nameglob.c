#include "train/nameglob.h"

#include <stdlib.h>
#include <string.h>

struct mt_stars mt_find_numbers(const char *name, bool indices)
{
    static const char digits[] = "0123456789";
    struct mt_stars s = { .n = 0 };

    for (size_t i = 0, n; name[i] && s.n < MT_STARS; i += n ? n : 1) {
        n = strspn(name + i, digits);
        if (!n || (indices && ((i && name[i - 1] != '.') ||
                               (name[i + n] && name[i + n] != '.'))))
            continue;
        s.at[s.n] = i;
        s.length[s.n++] = n;
    }
    return s;
}

void mt_glob_add(struct mt_strbuf *out, const char *text, size_t n, bool glob)
{
    for (size_t i = 0; i < n; i++) {
        if (glob && strchr("*?[", text[i]))
            mt_strbuf_printf(out, "[%c]", text[i]);
        else if (glob && text[i] == '=')
            mt_strbuf_putc(out, '?'); /* '=' would end the OLD of --map */
        else
            mt_strbuf_putc(out, text[i]);
    }
}

const char *mt_glob_numbers(const char *text, size_t n, struct mt_arena *arena)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *glob = NULL;

    for (size_t i = 0; i < n;) {
        size_t digits = strspn(text + i, "0123456789");

        digits = digits < n - i ? digits : n - i;
        if (digits)
            mt_strbuf_putc(&out, '*');
        else
            mt_glob_add(&out, text + i, 1, true);
        i += digits ? digits : 1;
    }
    if (!out.failed)
        glob = mt_arena_strdup(arena, out.text ? out.text : "");
    mt_strbuf_free(&out);
    return glob;
}

const char *mt_glob_quote(const char *text, size_t n, struct mt_arena *arena)
{
    struct mt_strbuf out = MT_STRBUF_INIT;
    const char *quoted = NULL;

    mt_glob_add(&out, text, n, true);
    if (!out.failed)
        quoted = mt_arena_strdup(arena, out.text ? out.text : "");
    mt_strbuf_free(&out);
    return quoted;
}
