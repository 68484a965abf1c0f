/*
 * Tied tensors: a parameter that several layers share, and so has several names
 * (the spec's model.tie). A model, and its checkpoints, have such a tensor
 * once, under its stored name; state dicts have it under each name.
 */
#ifndef MT_TRAIN_TIES_H
#define MT_TRAIN_TIES_H

#include "spec/tree.h"
#include "train/bundle.h"

/* The spec's {"other name": "stored name"}, or NULL. */
const struct mt_item *mt_ties_of(const struct mt_json *doc);

/* The stored name of the tensor whose other name is key; NULL: key is no such
 * name. */
const char *mt_ties_stored(const struct mt_item *ties, const char *key);

/* Adds each tied tensor also under its other names. */
void mt_ties_add(const struct mt_item *ties, struct mt_bundle *b);

/* The same, by the bundle's own spec if it has one. */
mt_status mt_ties_add_own(struct mt_bundle *b, struct mt_err *err);

#endif
