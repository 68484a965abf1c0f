/*
 * The JSON Schema (2020-12) of a spec, made from the tables that read specs:
 * what a key may hold, its default, range and line of text. A type is an
 * alternative by its "type":
 *
 *     "layer": {"properties": {"type": {"enum": ["Linear", ...]}}, ...,
 *               "allOf": [{"if": {"properties": {"type": {"const": "Linear"}}},
 *                          "then": {"$ref": "#/$defs/layer.Linear"}}, ...]}
 *
 * What follows from several values (shapes, names, files) is not in it: that
 * is what `mtrain check` is for.
 */
#ifndef MT_TRAIN_SCHEMA_H
#define MT_TRAIN_SCHEMA_H

#include "spec/tree.h"

/* The whole schema as a document; mt_json_free it. */
mt_status mt_spec_schema(struct mt_json **out, struct mt_err *err);

#endif
