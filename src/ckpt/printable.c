#include "ckpt/printable.h"

#include <stdio.h>
#include <string.h>

#include "ckpt/ckpt_format.h"

enum { LONGEST = MT_CKPT_MAX_NAME - 32, LONGEST_TYPE = 31 };

/* Bytes of the printable UTF-8 character at p, or 0. */
static size_t printable(const char *p, size_t n)
{
    for (size_t k = 1; k <= 4 && k <= n; k++) {
        if (!mt_ckpt_text_fault(p, k))
            return k;
    }
    return 0;
}

_Static_assert((int)MT_PRINTABLE_MAX == (int)MT_CKPT_MAX_NAME,
               "names that can be stored are listed whole");

size_t mt_printable_put(char *out, const char *name, size_t n, size_t number)
{
    static const char none[] = "(no name)";
    size_t used = 0, i = 0;

    if (!n) {
        name = none;
        n = sizeof none - 1;
    }
    if (!mt_ckpt_text_fault(name, n)) {
        memcpy(out, name, n);
        return n;
    }
    while (i < n && used < LONGEST) {
        size_t k = printable(name + i, n - i);

        if (k)
            memcpy(out + used, name + i, k);
        used += k ? k
                  : (size_t)snprintf(out + used, 5, "\\x%02x",
                                     (unsigned char)name[i]);
        i += k ? k : 1;
    }
    if (i < n)
        used += (size_t)snprintf(out + used, 24, "...%zu", number);
    return used;
}

const char *mt_printable_name(struct mt_arena *arena, const char *name,
                              size_t n, size_t number)
{
    char out[MT_PRINTABLE_MAX];

    return mt_arena_strndup(arena, out, mt_printable_put(out, name, n, number));
}

const char *mt_printable_type(struct mt_arena *arena, const char *type)
{
    size_t n = strnlen(type, LONGEST_TYPE);
    char *out = mt_arena_strndup(arena, n ? type : "?", n ? n : 1);

    for (size_t i = 0; out && i < n; i++) {
        if (out[i] <= ' ' || out[i] >= 0x7f || strchr("\"\\", out[i]))
            out[i] = '?';
    }
    return out;
}
