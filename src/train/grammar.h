/*
 * What a spec is made of: its sections and kinds. Reading, the JSON Schema,
 * shell completion and the check of the manual all start here.
 */
#ifndef MT_TRAIN_GRAMMAR_H
#define MT_TRAIN_GRAMMAR_H

#include "spec/overrides.h"
#include "spec/schema.h"

extern const struct mt_grammar mt_spec_grammar;

/* Keys that exclude each other. */
extern const struct mt_exclusive mt_spec_exclusive[];

#endif
