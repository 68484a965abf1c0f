/*
 * Completion of KEY=VALUE: the keys and values that a spec may have at a dotted
 * path, from its schema and the present spec.
 */
#ifndef MT_SPEC_COMPLETE_H
#define MT_SPEC_COMPLETE_H

#include "spec/tree.h"

typedef void mt_candidate(void *ctx, const char *text, const char *doc);

/* Offers the completions of word: for "optimizer.", "optimizer.lr=" with its
 * doc and so on; for "optimizer.type=", each type. schema is that of
 * mt_schema_make; spec may be NULL. */
void mt_spec_complete(const struct mt_json *schema, const struct mt_item *spec,
                      const char *word, mt_candidate *offer, void *ctx);

#endif
