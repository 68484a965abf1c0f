#include "data/dataset.h"

/* How many of the others come before the set's sample `first`. */
static size_t others_before(const struct mt_subset *set, size_t first)
{
    size_t low = 0, high = set->n_others;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->others[middle] - middle <= first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const uint32_t *mt_subset_rows(const struct mt_subset *set, size_t first,
                               size_t n, uint32_t *room)
{
    size_t others = others_before(set, first);

    if (set->rows)
        return set->rows + first;
    if (!set->n_others)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        while (others < set->n_others &&
               set->others[others] == first + i + others)
            others++;
        room[i] = (uint32_t)(first + i + others);
    }
    return room;
}
