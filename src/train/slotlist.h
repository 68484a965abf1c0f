/*
 * The optimizer's arrays in a bundle, by tensor, without knowing the names of
 * the optimizer's slots.
 */
#ifndef MT_TRAIN_SLOTLIST_H
#define MT_TRAIN_SLOTLIST_H

#include "train/bundle.h"

struct mt_slot_list {
    const struct mt_array **list; /* (n) sorted by tensor, then in file order */
    size_t n;
};

/* Refers to the bundle's arrays. False: no memory. */
bool mt_slot_list_make(const struct mt_bundle *b, struct mt_slot_list *out);
void mt_slot_list_free(struct mt_slot_list *l);

/* The arrays of a tensor: *n of them, beginning with the one returned. */
const struct mt_array **mt_slot_list_of(const struct mt_slot_list *l,
                                        const char *tensor, size_t *n);

/* The tensor of an array; "" if it has none. */
const char *mt_slot_tensor(const struct mt_array *a);

#endif
