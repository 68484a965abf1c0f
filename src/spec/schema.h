/*
 * The JSON Schema (2020-12) of a spec, made from the tables that read specs:
 * what a key may hold, its default, range and description. Each type is an
 * alternative, chosen by "type":
 *
 *     "layer": {"properties": {"type": {"enum": ["Linear", ...]}}, ...,
 *               "allOf": [{"if": {"properties": {"type": {"const": "Linear"}}},
 *                          "then": {"$ref": "#/$defs/layer.Linear"}}, ...]}
 *
 * Rules that involve several values (shapes, names, files) are not in it;
 * `mtrain check` checks those.
 */
#ifndef MT_SPEC_SCHEMA_H
#define MT_SPEC_SCHEMA_H

#include "spec/kind.h"

/* An object without types, such as "train": "#/$defs/NAME". */
struct mt_section {
    const char *name;
    const struct mt_key *keys;
    const char *schema; /* more members as text, `,"oneOf":[...]`; or NULL */
};

/* Everything that a spec may contain. */
struct mt_grammar {
    const char *title;
    const struct mt_key *top;              /* of the whole document */
    const struct mt_section *sections;     /* ends with a NULL name */
    const struct mt_kind *const *kinds;    /* NULL-terminated */
};

/* The whole schema as a document; mt_json_free it. */
mt_status mt_schema_make(const struct mt_grammar *grammar, struct mt_json **out,
                         struct mt_err *err);

#endif
