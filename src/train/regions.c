#include "train/regions.h"

const void *mt_kept_of(const struct mt_kept *k, const void *live)
{
    for (size_t i = 0; k && i < k->n; i++) {
        size_t at = (size_t)((uintptr_t)live - (uintptr_t)k->regions[i].live);

        if (at < k->regions[i].bytes)
            return (const char *)k->regions[i].kept + at;
    }
    return live;
}
