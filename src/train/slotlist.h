/*
 * The optimizer's arrays of a bundle, by tensor: which there are, without
 * knowing what the optimizer's slots are called.
 */
#ifndef MT_TRAIN_SLOTLIST_H
#define MT_TRAIN_SLOTLIST_H

#include "train/bundle.h"

struct mt_slot_list {
    const struct mt_array **list; /* (n) sorted by tensor, then as they came */
    size_t n;
};

/* Refers to the bundle's arrays. False: no memory. */
bool mt_slot_list_make(const struct mt_bundle *b, struct mt_slot_list *out);
void mt_slot_list_free(struct mt_slot_list *l);

/* The arrays of a tensor: *n of them, from the one that is returned on. */
const struct mt_array **mt_slot_list_of(const struct mt_slot_list *l,
                                        const char *tensor, size_t *n);

/* The tensor of an array; "" where it has none. */
const char *mt_slot_tensor(const struct mt_array *a);

#endif
