#include "train/slotlist.h"

#include <stdlib.h>
#include <string.h>

#include "train/statename.h"

const char *mt_slot_tensor(const struct mt_array *a)
{
    const char *tensor = mt_name_tensor(a->name);

    return tensor ? tensor : "";
}

static int compare(const void *a, const void *b)
{
    const struct mt_array *x = *(const struct mt_array *const *)a;
    const struct mt_array *y = *(const struct mt_array *const *)b;
    int order = strcmp(mt_slot_tensor(x), mt_slot_tensor(y));

    return order ? order : x < y ? -1 : x > y;
}

bool mt_slot_list_make(const struct mt_bundle *b, struct mt_slot_list *out)
{
    *out = (struct mt_slot_list){ calloc(b->n + 1, sizeof *out->list), 0 };
    if (!out->list)
        return false;
    for (size_t i = 0; i < b->n; i++) {
        if (mt_name_is(b->arrays[i].name, MT_OPTIMIZER))
            out->list[out->n++] = &b->arrays[i];
    }
    qsort(out->list, out->n, sizeof *out->list, compare);
    return true;
}

void mt_slot_list_free(struct mt_slot_list *l)
{
    free(l->list);
    *l = (struct mt_slot_list){ 0 };
}

const struct mt_array **mt_slot_list_of(const struct mt_slot_list *l,
                                        const char *tensor, size_t *n)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(mt_slot_tensor(l->list[mid]), tensor) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *n = 0;
    while (low + *n < l->n &&
           strcmp(mt_slot_tensor(l->list[low + *n]), tensor) == 0)
        ++*n;
    return l->list + low;
}
