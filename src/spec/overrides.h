/*
 * KEY=VALUE from the command line: edits of a document by dotted path, as in
 * mt_json_set, where some keys replace each other.
 */
#ifndef MT_SPEC_OVERRIDES_H
#define MT_SPEC_OVERRIDES_H

#include "spec/tree.h"

/* Two keys of one object of which only one can be given: setting either
 * removes the other. */
struct mt_exclusive {
    const char *object; /* "train" */
    const char *a, *b;  /* "epochs", "steps" */
};

/* Applies n texts in order. exclusive ends with a NULL object. */
mt_status mt_json_override(struct mt_json *doc,
                           const struct mt_exclusive *exclusive,
                           const char *const *overrides, size_t n,
                           struct mt_err *err);

#endif
