#include "train/fit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum mt_fits judge(const struct mt_need *need,
                          const struct mt_memlimit *l)
{
    uint64_t used = l->used < need->peak ? l->used : need->peak;

    if (need->peak > l->most || need->more > l->room)
        return MT_FITS_NOT;
    return need->peak - used > l->free ? MT_FITS_TIGHTLY : MT_FITS;
}

/* "this machine has 24.1 GB, of which 21.0 GB are free" */
static void say_limit(const struct mt_need *need, const struct mt_memlimit *l,
                      char *out, size_t size)
{
    bool by_ulimit = need->more > l->room && need->peak <= l->most;
    uint64_t free = l->free < l->most ? l->free : l->most;

    if (by_ulimit && need->more > need->peak)
        snprintf(out, size,
                 "ulimit leaves it %s, and it needs addresses for %s",
                 mt_size_text(l->room).text, mt_size_text(need->more).text);
    else if (by_ulimit)
        snprintf(out, size, "ulimit leaves it %s", mt_size_text(l->room).text);
    else if (l->most == UINT64_MAX)
        snprintf(out, size, "%s are free", mt_size_text(free).text);
    else if (free == UINT64_MAX)
        snprintf(out, size, "%s has %s", l->by, mt_size_text(l->most).text);
    else
        snprintf(out, size, "%s has %s, of which %s are free", l->by,
                 mt_size_text(l->most).text, mt_size_text(free).text);
}

struct mt_fit mt_fit(const struct mt_need *need, const struct mt_memlimit *l)
{
    struct mt_fit out = { .fits = judge(need, l) };
    char limit[128];

    say_limit(need, l, limit, sizeof limit);
    snprintf(out.text, sizeof out.text,
             "training takes %s of memory (%s for parameters, gradients and "
             "the optimizer, %s for batches and activations, %s for data); %s",
             mt_size_text(need->peak).text, mt_size_text(need->state).text,
             mt_size_text(need->batches).text, mt_size_text(need->data).text,
             limit);
    return out;
}
