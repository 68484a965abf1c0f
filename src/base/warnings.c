#include "base/warnings.h"

#include "base/strbuf.h"

static struct mt_warning *new_warning(struct mt_arena *arena, const char *about,
                                      const char *text)
{
    struct mt_warning *w = mt_arena_alloc(arena, sizeof *w);

    if (!w)
        return NULL;
    w->about = about;
    w->text = mt_arena_strdup(arena, text);
    return w->text ? w : NULL;
}

void mt_warnings_add(struct mt_warnings *list, const char *about,
                     const char *fmt, ...)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    struct mt_warning *w = NULL;
    va_list args;

    va_start(args, fmt);
    mt_strbuf_vprintf(&text, fmt, args);
    va_end(args);
    if (!text.failed)
        w = new_warning(&list->arena, about, text.text ? text.text : "");
    mt_strbuf_free(&text);
    if (!w)
        list->failed = true;
    else if (list->last)
        list->last->next = w;
    else
        list->first = w;
    list->last = w ? w : list->last;
}

void mt_warnings_free(struct mt_warnings *list)
{
    mt_arena_free(&list->arena);
    *list = (struct mt_warnings)MT_WARNINGS_INIT;
}
