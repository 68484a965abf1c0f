/*
 * Tied tensors: parameters of a model that are one, with two or more names
 * (the spec's model.tie). A model, and so a checkpoint, holds such a tensor once,
 * under its stored name; state dicts hold it under each.
 */
#ifndef MT_TRAIN_TIES_H
#define MT_TRAIN_TIES_H

#include "spec/tree.h"
#include "train/bundle.h"

/* The spec's {"other name": "stored name"}, or NULL. */
const struct mt_item *mt_ties_of(const struct mt_json *doc);

/* The stored name of a tensor that is called so; NULL: it has no other one. */
const char *mt_ties_stored(const struct mt_item *ties, const char *key);

/* Adds each tied tensor of the model under its other names, too. */
void mt_ties_add(const struct mt_item *ties, struct mt_bundle *b);

/* The same by the spec that the bundle has, if it has one. */
mt_status mt_ties_add_own(struct mt_bundle *b, struct mt_err *err);

#endif
