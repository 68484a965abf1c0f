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

const char *mt_printable_name(struct mt_arena *arena, const char *name,
                              size_t n, size_t number)
{
    char out[MT_CKPT_MAX_NAME + 1];
    size_t used = 0, i = 0;

    if (!mt_ckpt_text_fault(name, n))
        return mt_arena_strndup(arena, name, n);
    if (!n)
        return mt_arena_strdup(arena, "(no name)");
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
    return mt_arena_strndup(arena, out, used);
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
