#include "cmd/texts.h"

#include <assert.h>
#include <string.h>

const char *mt_text(const char *path)
{
    const struct mt_named_text *t = mt_texts;

    while (t->path && strcmp(t->path, path) != 0)
        t++;
    assert(t->path);
    return t->text;
}
