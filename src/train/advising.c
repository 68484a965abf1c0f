#include "train/advising.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum {
    MAX_LOOKS = 4 << 20, /* names looked up or compared */
    LONG_NAME = 128,
};

bool mt_advice_is_over(const struct mt_advising *a)
{
    return a->looks > MAX_LOOKS;
}

bool mt_advice_is_open(const struct mt_advising *a,
                       const struct mt_match_item *item, size_t i)
{
    return !item->mapped && !item->tied && !a->renamed[i];
}

bool mt_advice_fills(const struct mt_advising *a,
                     const struct mt_match_item *item,
                     const struct mt_array *to, const char *key)
{
    const struct mt_shape *shape = &item->from->shape;
    bool turned = mt_match_transposes(a->options, key, shape);

    return mt_match_fits(item->from, turned, to) ||
           (!turned && shape->rank >= 2 && mt_match_fits(item->from, true, to));
}

bool mt_advice_fits(const struct mt_advising *a,
                    const struct mt_match_item *item)
{
    return item->fits ||
           (item->to && mt_advice_fills(a, item, item->to, item->key));
}

bool *mt_advice_tied_mark(const struct mt_advising *a, const char *key)
{
    const struct mt_item *tie = a->ties ? a->ties->child : NULL;
    size_t i = 0;

    for (; tie && strcmp(tie->key, key) != 0; tie = tie->next)
        i++;
    return tie ? &a->tied[i] : NULL;
}

void mt_advice_take(struct mt_advising *a, const char *key)
{
    bool tied;
    const struct mt_array *to = mt_find_place(a->target, a->ties, key, &tied);

    if (tied)
        *mt_advice_tied_mark(a, key) = true;
    else if (to)
        a->taken[mt_array_number(a->target, to)] = true;
}

const struct mt_array *mt_advice_place(const struct mt_advising *a,
                                       const struct mt_match_item *item,
                                       const char *key)
{
    bool tied;
    const struct mt_array *to = mt_find_place(a->target, a->ties, key, &tied);

    return to &&
                   !(tied ? *mt_advice_tied_mark(a, key)
                          : a->taken[mt_array_number(a->target, to)]) &&
                   mt_match_selects(a->options, key) &&
                   mt_advice_fills(a, item, to, key)
               ? to
               : NULL;
}

bool mt_advice_strip(struct mt_advising *a, const char *start)
{
    const char *given = a->options->strip_prefix;

    if (a->out->n_map || a->out->strip_prefix || a->options->n_map)
        return false;
    a->out->strip_prefix =
        mt_arena_printf(&a->out->arena, "%s%s", given ? given : "", start);
    return a->out->strip_prefix != NULL;
}

mt_status mt_advice_add_map(struct mt_advising *a, const char *from,
                            const char *to)
{
    if (!from || !to)
        return mt_fail_memory(a->err);
    if (a->out->n_map < MT_ADVICE_RENAMES)
        a->out->map[a->out->n_map++] = (struct mt_rename){ from, to };
    return MT_OK;
}

size_t mt_advice_distance(struct mt_advising *a, const char *x, const char *y)
{
    size_t n = strlen(x), m = strlen(y);

    a->looks += 1 + (n < LONG_NAME && m < LONG_NAME ? n * m / 64 : 0);
    if (n < LONG_NAME && m < LONG_NAME)
        return mt_edit_distance(x, y);
    return LONG_NAME + (n > m ? n - m : m - n);
}

/* --- starts of names ---------------------------------------------------- */

bool mt_starts_add_text(struct mt_starts *s, const char *name, size_t n,
                        struct mt_arena *arena)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strlen(s->text[i]) == n && strncmp(s->text[i], name, n) == 0)
            return true;
    }
    if (s->n == MT_ADVICE_STARTS)
        return true;
    s->text[s->n] = mt_arena_strndup(arena, name, n);
    return s->text[s->n++] != NULL;
}

bool mt_starts_add(struct mt_starts *s, const char *name,
                   struct mt_arena *arena)
{
    bool ok = mt_starts_add_text(s, "", 0, arena);

    for (const char *dot = strchr(name, '.'); dot && ok;
         dot = strchr(dot + 1, '.'))
        ok = mt_starts_add_text(s, name, (size_t)(dot + 1 - name), arena);
    return ok;
}
