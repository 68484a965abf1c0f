/*
 * Where two specs differ, by path.
 */
#ifndef MT_SPEC_DIFF_H
#define MT_SPEC_DIFF_H

#include "spec/tree.h"

/* path is dotted ("optimizer.lr", "model.layers.0.p"); keys that are not plain
 * words are written ["head.weight"]. a and b are compact JSON, or NULL where
 * that side has nothing. */
typedef void mt_spec_change(void *ctx, const char *path, const char *a,
                            const char *b);

/* Calls change for every leaf that differs; the order of an object's members
 * does not matter. */
void mt_spec_diff(const struct mt_item *a, const struct mt_item *b, mt_spec_change *change,
                  void *ctx);

/* The same with JSON pointers (RFC 6901) as paths: "/model/layers/0/p". */
void mt_spec_diff_pointers(const struct mt_item *a, const struct mt_item *b,
                           mt_spec_change *change, void *ctx);

#endif
